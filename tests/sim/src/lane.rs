//! One direction of the connection, as it leaves the gate: every frame is held against the stream that
//! the receiver must get.

use std::net::Ipv4Addr;

use wicketgate_packet::{PortId, Time};
use wicketgate_tests::frame::flag;

use crate::order::Order;
use crate::segment::Segment;
use crate::violation::Violation;

/// What must leave by one port.
#[derive(Clone, Debug)]
pub struct Lane {
    /// The port.
    pub port: PortId,
    /// The gate's MAC address, and the receiver's.
    pub macs: ([u8; 6], [u8; 6]),
    /// Whom it seems to come from, and who gets it.
    pub ends: ((Ipv4Addr, u16), (Ipv4Addr, u16)),
    /// All PDUs of the stream.
    order: Order,
    /// What of it has left, each byte for the first time.
    stream: Vec<u8>,
    /// The number of its first byte, from the SYN.
    first: Option<u32>,
    /// Whether its FIN has left.
    ended: bool,
}

impl Lane {
    /// A lane that nothing has passed.
    pub fn new(
        port: PortId,
        macs: ([u8; 6], [u8; 6]),
        ends: ((Ipv4Addr, u16), (Ipv4Addr, u16)),
        order: Order,
    ) -> Lane {
        Lane { port, macs, ends, order, stream: Vec::new(), first: None, ended: false }
    }

    /// A frame left by the port.
    ///
    /// # Errors
    /// It should not have, or not so.
    pub fn see(&mut self, frame: &[u8], now: Time) -> Result<(), Violation> {
        let port = self.port.0;
        let wrong = |why| Violation::NotCanonical { port, why, frame: frame.to_vec() };
        let segment = Segment::read(frame).map_err(wrong)?;
        if segment.macs != (self.macs.1, self.macs.0) {
            return Err(wrong("MAC addresses"));
        }
        if (segment.src, segment.dst) != self.ends {
            return Err(wrong("addresses or ports"));
        }
        if segment.has(flag::RST) {
            return Err(wrong("reset"));
        }
        if segment.has(flag::SYN) {
            return self.syn(&segment).map_err(wrong);
        }
        self.place(&segment, now)
    }

    fn syn(&mut self, segment: &Segment) -> Result<(), &'static str> {
        let first = segment.seq.wrapping_add(1);
        if *self.first.get_or_insert(first) != first {
            return Err("another initial sequence number");
        }
        if segment.payload.is_empty() { Ok(()) } else { Err("data on a SYN") }
    }

    /// Every byte stands where it stands in the stream, whoever reads it and in whatever order.
    fn place(&mut self, segment: &Segment, now: Time) -> Result<(), Violation> {
        let wrong = |why, at| Violation::Stream { port: self.port.0, why, at };
        let Some(first) = self.first else { return Err(wrong("before the SYN", 0)) };
        let at = i64::from(segment.seq.wrapping_sub(first) as i32);
        let Ok(from) = usize::try_from(at) else {
            // A keep-alive before the first byte names the SYN, and carries nothing.
            let bare = at == -1 && segment.payload.is_empty() && !segment.has(flag::FIN);
            return if bare { Ok(()) } else { Err(wrong("before the first byte", at)) };
        };
        let end = from + segment.payload.len();
        let strange = (from..).zip(segment.payload).find(|(at, byte)| !self.fits(*at, **byte, now));
        let early = segment.has(flag::FIN) && !(end == self.stream.len() && self.order.is_over());
        let port = self.port.0;
        let wrong = |why, at: usize| Err(Violation::Stream { port, why, at: at as i64 });
        match strange {
            Some((at, _)) => return wrong("bytes that are not the stream's", at),
            None if early => return wrong("a FIN before the end", end),
            None => {}
        }
        self.ended |= segment.has(flag::FIN);
        Ok(())
    }

    /// Whether this byte left at this place before, or is the next one.
    fn fits(&mut self, at: usize, byte: u8, now: Time) -> bool {
        match self.stream.get(at) {
            Some(known) => *known == byte,
            None if at == self.stream.len() => {
                self.stream.push(byte);
                self.order.goes_on(byte, now)
            }
            None => false,
        }
    }

    /// The other direction has been heard up to `end` of its stream.
    pub fn hear(&mut self, end: usize, now: Time) {
        self.order.hear(end, now);
    }

    /// The PDUs in the order that they left in, as far as they have, and whether that is another than it
    /// was when this was asked before.
    pub fn changed_order(&mut self) -> Option<&Order> {
        self.order.has_changed().then_some(&self.order)
    }

    /// Whether the whole stream and its FIN have left.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}
