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
    /// How many it has overtaken.
    ahead: usize,
    /// The order has changed, and nobody has asked since.
    changed: bool,
}

impl Order {
    /// These PDUs, in the order of the plan.
    pub fn new(pdus: impl Iterator<Item = Pdu>) -> Order {
        Order { pdus: pdus.collect(), at: 0, begun: 0, ahead: 0, changed: false }
    }

    /// Takes the next byte; whether it can be that.
    pub fn goes_on(&mut self, byte: u8) -> bool {
        if self.begun == 0 {
            self.prefer_denial();
        }
        let come = self.pdus.get(self.at).map_or(&[][..], |(pdu, _)| &pdu[..self.begun]);
        let come = [come, &[byte]].concat();
        if !self.is_next(&come) && !(self.put_back() && self.is_next(&come)) {
            return false;
        }
        self.begun = come.len();
        if self.begun == self.pdus[self.at].0.len() {
            (self.at, self.begun, self.ahead) = (self.at + 1, 0, 0);
        }
        true
    }

    fn is_next(&self, come: &[u8]) -> bool {
        self.pdus.get(self.at).is_some_and(|(pdu, _)| pdu.starts_with(come))
    }

    /// The next PDU is taken for a denial until a byte says that it is none: PDUs may begin alike, and
    /// then nothing of an answer has surely passed.
    fn prefer_denial(&mut self) {
        self.ahead = self.pdus[self.at..].iter().position(|(_, passes)| !passes).unwrap_or(0);
        if self.ahead > 0 {
            self.pdus[self.at..=self.at + self.ahead].rotate_right(1);
            self.changed = true;
        }
    }

    /// It is none; false where it had overtaken nothing.
    fn put_back(&mut self) -> bool {
        let ahead = std::mem::take(&mut self.ahead);
        if ahead > 0 {
            self.pdus[self.at..=self.at + ahead].rotate_left(1);
            self.changed = true;
        }
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
        let passes = |order: &Order| order.lengths().map(|(_, passes)| passes).collect::<Vec<_>>();
        assert!(order.goes_on(b'a') && order.has_changed());
        assert_eq!(passes(&order), [false, true, true, true, false], "nothing has surely passed");
        assert!(order.goes_on(b'b') && order.has_changed());
        assert_eq!(passes(&order), [true, true, false, true, false]);
        assert!(b"ad".iter().all(|byte| order.goes_on(*byte)) && order.has_changed());
        assert_eq!(passes(&order), [true, false, true, true, false]);
        assert!(!order.has_changed() && !order.is_over());
    }
}
