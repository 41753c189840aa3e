//! One flow: both directions of a TCP connection, or the datagrams between two ports.

use std::net::SocketAddr;

use wicketgate_dissectors::{Direction, Framed};
use wicketgate_packet::parse::{Segment, flags};

use super::framer::Framer;
use super::pdu::{Path, Pdu, Requests, Stamp};
use super::reassembly::{Delivery, Reassembly};

/// A flow that is followed.
#[derive(Debug)]
pub(super) struct Flow {
    path: Path,
    requests: Requests,
    to_server: Half,
    to_client: Half,
}

impl Flow {
    pub(super) fn new(path: Path) -> Flow {
        let to_server = Half::new(path, Direction::ToServer);
        let to_client = Half::new(path, Direction::ToClient);
        Flow { path, requests: Requests::default(), to_server, to_client }
    }

    /// Which way a packet from `source` goes.
    pub(super) fn direction(&self, source: SocketAddr) -> Direction {
        if source == self.path.server { Direction::ToClient } else { Direction::ToServer }
    }

    /// Whether a SYN begins another connection of the same addresses and ports: its initial sequence
    /// number is not this one's, or this one was seen only midstream.
    pub(super) fn is_replaced_by(&self, segment: &Segment, direction: Direction) -> bool {
        let half = match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        };
        let is_syn = segment.flags & (flags::SYN | flags::RST) == flags::SYN;
        is_syn && !half.stream.is_unknown() && half.initial != Some(segment.seq)
    }

    /// Bytes held behind holes.
    pub(super) fn held_bytes(&self) -> usize {
        self.to_server.stream.held_bytes() + self.to_client.stream.held_bytes()
    }

    /// Bytes passed over because they were out of step, since the last time this was asked.
    pub(super) fn take_skipped(&mut self) -> u64 {
        self.to_server.framer.take_skipped() + self.to_client.framer.take_skipped()
    }

    /// A TCP segment with its payload; `room` is how many bytes may be held.
    pub(super) fn segment(
        &mut self,
        (segment, direction): (&Segment, Direction),
        data: &[u8],
        stamp: Stamp,
        room: usize,
        out: &mut impl FnMut(&Pdu<'_>),
    ) {
        // The text that a RST may carry is no data (RFC 9293 section 3.5.3).
        if !self.path.protocol.is_inspected() || segment.flags & flags::RST != 0 {
            return;
        }
        if segment.flags & flags::ACK != 0 {
            let (half, mut reader) = self.split(direction.reverse(), out);
            half.acknowledge(segment.ack, &mut reader);
        }
        let (half, mut reader) = self.split(direction, out);
        let mut seq = segment.seq;
        if segment.flags & flags::SYN != 0 {
            half.begin(seq);
            seq = seq.wrapping_add(1);
        }
        if !data.is_empty() {
            half.segment(seq, data, stamp, room, &mut reader);
        }
    }

    /// A UDP datagram: one PDU, and nothing else. False if that is not what it holds.
    #[must_use]
    pub(super) fn datagram(
        &mut self,
        direction: Direction,
        data: &[u8],
        stamp: Stamp,
        out: &mut impl FnMut(&Pdu<'_>),
    ) -> bool {
        let framed = self.path.protocol.frame(data);
        let whole = matches!(framed, Ok(Framed::Whole(length)) if length.get() == data.len());
        if whole {
            self.split(direction, out).1.pdu(data, stamp);
        }
        whole
    }

    /// Hands out what is still held: nothing comes any more.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(&Pdu<'_>)) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            let (half, mut reader) = self.split(direction, out);
            half.finish(&mut reader);
        }
    }

    fn split<'a, S>(
        &'a mut self,
        direction: Direction,
        out: &'a mut S,
    ) -> (&'a mut Half, Reader<'a, S>) {
        let half = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        (half, Reader { path: self.path, direction, requests: &mut self.requests, out })
    }
}

/// What becomes of the PDUs of one direction.
struct Reader<'a, S> {
    path: Path,
    direction: Direction,
    requests: &'a mut Requests,
    out: &'a mut S,
}

impl<S: FnMut(&Pdu<'_>)> Reader<'_, S> {
    fn pdu(&mut self, bytes: &[u8], stamp: Stamp) {
        (self.out)(&self.requests.read(self.path, self.direction, bytes, stamp));
    }
}

/// One direction of a TCP connection.
#[derive(Debug)]
struct Half {
    /// Initial sequence number, where the SYN was seen.
    initial: Option<u32>,
    stream: Reassembly,
    framer: Framer,
}

impl Half {
    fn new(path: Path, direction: Direction) -> Half {
        let framer = Framer::new(path.protocol, direction);
        Half { initial: None, stream: Reassembly::default(), framer }
    }

    /// Begins at a SYN, unless bytes were seen already.
    fn begin(&mut self, initial: u32) {
        if self.stream.is_unknown() {
            self.initial = Some(initial);
            self.stream = Reassembly::from_start(initial.wrapping_add(1));
            self.framer.begin();
        }
    }

    fn segment<S: FnMut(&Pdu<'_>)>(
        &mut self,
        seq: u32,
        data: &[u8],
        stamp: Stamp,
        room: usize,
        reader: &mut Reader<'_, S>,
    ) {
        let mut pdu = |bytes: &[u8], stamp: Stamp| reader.pdu(bytes, stamp);
        let mut take = |delivery: Delivery<'_>| self.framer.take(delivery, &mut pdu);
        self.stream.segment(seq, data, stamp, room, &mut take);
    }

    fn acknowledge<S: FnMut(&Pdu<'_>)>(&mut self, ack: u32, reader: &mut Reader<'_, S>) {
        let mut pdu = |bytes: &[u8], stamp: Stamp| reader.pdu(bytes, stamp);
        let mut take = |delivery: Delivery<'_>| self.framer.take(delivery, &mut pdu);
        self.stream.acknowledge(ack, &mut take);
    }

    fn finish<S: FnMut(&Pdu<'_>)>(&mut self, reader: &mut Reader<'_, S>) {
        let mut pdu = |bytes: &[u8], stamp: Stamp| reader.pdu(bytes, stamp);
        let mut take = |delivery: Delivery<'_>| self.framer.take(delivery, &mut pdu);
        self.stream.finish(&mut take);
    }
}
