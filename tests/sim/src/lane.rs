//! One direction of the connection, as it leaves the gate: every frame is held against the stream that
//! the receiver must get.

use std::net::Ipv4Addr;

use wicketgate_packet::PortId;
use wicketgate_tests::frame::flag;

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
    /// All bytes of the stream.
    pub stream: Vec<u8>,
    /// The number of its first byte, from the SYN.
    first: Option<u32>,
}

impl Lane {
    /// A lane that nothing has passed.
    pub fn new(
        port: PortId,
        macs: ([u8; 6], [u8; 6]),
        ends: ((Ipv4Addr, u16), (Ipv4Addr, u16)),
        stream: Vec<u8>,
    ) -> Lane {
        Lane { port, macs, ends, stream, first: None }
    }

    /// A frame left by the port.
    ///
    /// # Errors
    /// It should not have, or not so.
    pub fn see(&mut self, frame: &[u8]) -> Result<(), Violation> {
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
        self.place(&segment)
    }

    fn syn(&mut self, segment: &Segment) -> Result<(), &'static str> {
        let first = segment.seq.wrapping_add(1);
        if *self.first.get_or_insert(first) != first {
            return Err("another initial sequence number");
        }
        if segment.payload.is_empty() { Ok(()) } else { Err("data on a SYN") }
    }

    /// Every byte stands where it stands in the stream, whoever reads it and in whatever order.
    fn place(&mut self, segment: &Segment) -> Result<(), Violation> {
        let wrong = |why, at| Violation::Stream { port: self.port.0, why, at };
        let Some(first) = self.first else { return Err(wrong("before the SYN", 0)) };
        let at = i64::from(segment.seq.wrapping_sub(first) as i32);
        let Ok(from) = usize::try_from(at) else {
            // A keep-alive before the first byte names the SYN, and carries nothing.
            let bare = at == -1 && segment.payload.is_empty() && !segment.has(flag::FIN);
            return if bare { Ok(()) } else { Err(wrong("before the first byte", at)) };
        };
        let end = from + segment.payload.len();
        if !segment.payload.is_empty() && self.stream.get(from..end) != Some(segment.payload) {
            let same = |(a, b): &(&u8, &u8)| a == b;
            let tail = self.stream.get(from..).unwrap_or_default();
            let agree = tail.iter().zip(segment.payload).take_while(same).count();
            return Err(wrong("bytes that are not the stream's", at + agree as i64));
        }
        if segment.has(flag::FIN) && end != self.stream.len() {
            return Err(wrong("a FIN before the end", end as i64));
        }
        Ok(())
    }
}
