//! The order of PDUs in a stream: that of the plan, but for denials that have waited long enough.
//!
//! A denial comes behind the answers to earlier requests, and waits for them a fifth of a second (ADR 8).
//! Where links lose the answers it may overtake them. Nothing else may overtake anything.

/// A PDU, and whether it is one that passes from the other end: a denial is not.
type Pdu = (Vec<u8>, bool);

/// PDUs in the order that they come in, as far as they have come.
#[derive(Clone, Debug)]
pub struct Order {
    pdus: Vec<Pdu>,
    /// The one that comes now, and how many bytes of it have.
    at: usize,
    begun: usize,
    /// A denial has overtaken something, and nobody has asked since.
    changed: bool,
}

impl Order {
    /// These PDUs, in the order of the plan.
    pub fn new(pdus: impl Iterator<Item = Pdu>) -> Order {
        Order { pdus: pdus.collect(), at: 0, begun: 0, changed: false }
    }

    /// Takes the next byte; whether it can be that.
    pub fn goes_on(&mut self, byte: u8) -> bool {
        let Some(now) = self.pdus.get(self.at) else { return false };
        if now.0.get(self.begun) != Some(&byte) && !self.overtake(byte) {
            return false;
        }
        self.begun += 1;
        if self.begun == self.pdus[self.at].0.len() {
            (self.at, self.begun) = (self.at + 1, 0);
        }
        true
    }

    /// The next denial comes now, if what has come of it and this byte say so.
    fn overtake(&mut self, byte: u8) -> bool {
        let come = [&self.pdus[self.at].0[..self.begun], &[byte]].concat();
        let denial = self.pdus[self.at..].iter().position(|(_, passes)| !passes);
        let Some(ahead) = denial.filter(|ahead| self.pdus[self.at + ahead].0.starts_with(&come))
        else {
            return false;
        };
        self.pdus[self.at..=self.at + ahead].rotate_right(1);
        self.changed |= ahead > 0;
        ahead > 0
    }

    /// Whether all have come.
    pub fn is_over(&self) -> bool {
        self.at == self.pdus.len()
    }

    /// Whether the order has changed since this was asked before.
    pub fn has_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The lengths of the PDUs, and which of them pass.
    pub fn lengths(&self) -> impl Iterator<Item = (usize, bool)> {
        self.pdus.iter().map(|(pdu, passes)| (pdu.len(), *passes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        let pdus = [("ab", true), ("ac", true), ("ad", false), ("ae", true), ("af", false)];
        Order::new(pdus.into_iter().map(|(pdu, passes)| (pdu.as_bytes().to_vec(), passes)))
    }

    fn takes(stream: &[u8]) -> usize {
        let mut order = order();
        stream.iter().take_while(|byte| order.goes_on(**byte)).count()
    }

    #[test]
    fn denials_may_be_early_and_nothing_else() {
        assert_eq!(takes(b"abacadaeaf"), 10);
        assert_eq!(takes(b"abadacafae"), 10, "denials overtake answers");
        assert_eq!(takes(b"adafabacae"), 10);
        assert_eq!(takes(b"abae"), 3, "an answer overtakes nothing");
        assert_eq!(takes(b"abacae"), 5, "no answer comes before an earlier denial");
        assert_eq!(takes(b"abaf"), 3, "no denial before an earlier one");
        assert_eq!(takes(b"adad"), 3, "nothing comes twice");
        assert_eq!(takes(b"abacadaeafa"), 10);
    }

    #[test]
    fn tells_that_the_order_changed() {
        let mut order = order();
        assert!(b"ab".iter().all(|byte| order.goes_on(*byte)) && !order.has_changed());
        assert!(b"ad".iter().all(|byte| order.goes_on(*byte)) && order.has_changed());
        let passes: Vec<bool> = order.lengths().map(|(_, passes)| passes).collect();
        assert_eq!(passes, [true, false, true, true, false]);
        assert!(!order.has_changed() && !order.is_over());
    }
}
