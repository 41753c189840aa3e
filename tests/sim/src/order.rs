//! The order of PDUs in a stream: that of the plan, but for denials that have waited long enough.
//!
//! A denial comes behind the answers to earlier requests, and waits for them 40 ms at most (ADR 9).
//! Where links lose the answers it may overtake them then, and the next denial with it. Nothing else may
//! overtake anything.

use std::time::Duration;

use wicketgate_packet::Time;

/// How long a denial waits.
const WAIT: Duration = wicketgate_engine::splice::denials::PATIENCE;

/// One PDU of a stream.
#[derive(Clone, Debug)]
pub struct Pdu {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it passes from the other end: a denial does not.
    pub passes: bool,
    /// Where the request that it answers ends in the other stream.
    pub asked_by: usize,
}

/// A PDU and its place.
#[derive(Clone, Debug)]
struct Placed {
    pdu: Pdu,
    /// When its request may first have been whole.
    asked: Time,
    /// A denial that had waited came before it.
    overtaken: bool,
}

/// PDUs in the order that they come in, as far as they have come.
#[derive(Clone, Debug)]
pub struct Order {
    pdus: Vec<Placed>,
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
        let placed = |pdu| Placed { pdu, asked: Time::NEVER, overtaken: false };
        Order { pdus: pdus.map(placed).collect(), at: 0, begun: 0, ahead: 0, changed: false }
    }

    /// The other stream has been heard up to `end`.
    pub fn hear(&mut self, end: usize, now: Time) {
        let asked = self.pdus.iter_mut().filter(|placed| placed.pdu.asked_by <= end);
        asked.for_each(|placed| placed.asked = placed.asked.min(now));
    }

    /// Takes the next byte; whether it can be that.
    pub fn goes_on(&mut self, byte: u8, now: Time) -> bool {
        if self.begun == 0 {
            self.prefer_denial(now);
        }
        let come = self.pdus.get(self.at).map_or(&[][..], |next| &next.pdu.bytes[..self.begun]);
        let come = [come, &[byte]].concat();
        let fits = self.is_next(&come) || (self.put_back() && self.is_next(&come));
        if !fits {
            return false;
        }
        self.begun = come.len();
        if self.begun == self.pdus[self.at].pdu.bytes.len() {
            let overtaken = &mut self.pdus[self.at + 1..=self.at + self.ahead];
            overtaken.iter_mut().for_each(|placed| placed.overtaken = true);
            (self.at, self.begun, self.ahead) = (self.at + 1, 0, 0);
        }
        true
    }

    fn is_next(&self, come: &[u8]) -> bool {
        self.pdus.get(self.at).is_some_and(|next| next.pdu.bytes.starts_with(come))
    }

    /// The next PDU is taken for a denial until a byte says that it is none: PDUs may begin alike, and
    /// then nothing of an answer has surely passed.
    fn prefer_denial(&mut self, now: Time) {
        let rest = &self.pdus[self.at..];
        let Some(ahead) = rest.iter().position(|placed| !placed.pdu.passes) else { return };
        let waited = rest[ahead].asked != Time::NEVER && now >= rest[ahead].asked + WAIT;
        if ahead > 0 && (waited || rest[..ahead].iter().all(|placed| placed.overtaken)) {
            self.ahead = ahead;
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
        self.pdus.iter().map(|placed| (placed.pdu.bytes.len(), placed.pdu.passes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five PDUs, answers to requests of a byte each.
    fn order() -> Order {
        let pdus = [("ab", true), ("ac", true), ("ad", false), ("ae", true), ("af", false)];
        let pdu = |((bytes, passes), asked_by): ((&str, bool), usize)| Pdu {
            bytes: bytes.into(),
            passes,
            asked_by,
        };
        Order::new(pdus.into_iter().zip(1..).map(pdu))
    }

    fn takes(order: &mut Order, stream: &[u8], now: Time) -> usize {
        stream.iter().take_while(|byte| order.goes_on(**byte, now)).count()
    }

    /// How much is taken of a stream, long after all was asked.
    fn late(stream: &[u8]) -> usize {
        let mut order = order();
        order.hear(5, Time::EPOCH);
        takes(&mut order, stream, Time::EPOCH + WAIT)
    }

    #[test]
    fn denials_may_be_early_and_nothing_else() {
        assert_eq!(late(b"abacadaeaf"), 10);
        assert_eq!(late(b"abadacafae"), 10, "denials overtake answers");
        assert_eq!(late(b"adafabacae"), 10);
        assert_eq!(late(b"abae"), 3, "an answer overtakes nothing");
        assert_eq!(late(b"abacae"), 5, "no answer comes before an earlier denial");
        assert_eq!(late(b"abaf"), 3, "no denial before an earlier one");
        assert_eq!(late(b"adad"), 3, "nothing comes twice");
        assert_eq!(late(b"abacadaeafa"), 10);
    }

    #[test]
    fn only_denials_that_have_waited_overtake() {
        let mut order = order();
        order.hear(4, Time::EPOCH);
        let soon = Time::EPOCH + WAIT / 2;
        assert_eq!(takes(&mut order.clone(), b"ad", soon), 1);
        order.hear(5, soon);
        let waited = Time::EPOCH + WAIT;
        assert_eq!(takes(&mut order, b"ad", waited), 2);
        assert_eq!(takes(&mut order.clone(), b"abacaf", waited), 5, "nobody waited for `ae`");
        assert_eq!(takes(&mut order, b"abacaeaf", waited), 8);
    }

    #[test]
    fn tells_that_the_order_changed() {
        let mut order = order();
        order.hear(5, Time::EPOCH);
        let now = Time::EPOCH + WAIT;
        let passes = |order: &Order| order.lengths().map(|(_, passes)| passes).collect::<Vec<_>>();
        assert!(order.goes_on(b'a', now) && order.has_changed());
        assert_eq!(passes(&order), [false, true, true, true, false], "nothing has surely passed");
        assert!(order.goes_on(b'b', now) && order.has_changed());
        assert_eq!(passes(&order), [true, true, false, true, false]);
        assert!(takes(&mut order, b"ad", now) == 2 && order.has_changed());
        assert_eq!(passes(&order), [true, false, true, true, false]);
        assert!(!order.has_changed() && !order.is_over());
    }
}
