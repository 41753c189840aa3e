//! From frames to PDUs: what a tap on the wire makes of a capture.
//!
//! The gate's engine is strict, for it answers for what it forwards. This only looks: checksums and
//! options do not matter to it (a capture of the sending host has checksums not filled in yet), and
//! what it cannot read it counts.

use std::net::SocketAddr;

use wicketgate_dissectors::{Protocol, Transport};
use wicketgate_packet::parse::{Segment, flags};
use wicketgate_packet::wire::{Ipv4, ethertype};
use wicketgate_packet::{Headers, L4, Link, Malformed};
use wicketgate_ports::capture::Record;

use super::flow::Flow;
use super::flows::{FlowKey, Flows};
use super::ipv6::{self, Carrier};
use super::pdu::{Path, Pdu, Stamp};
use super::summary::{Coverage, Unread};
use crate::decode_as::DecodeAs;

/// Reads frames in the order of the capture.
pub(super) struct Tap<'a> {
    decode_as: &'a [DecodeAs],
    flows: Flows,
    /// How much was read so far.
    pub(super) coverage: Coverage,
}

impl<'a> Tap<'a> {
    pub(super) fn new(decode_as: &'a [DecodeAs]) -> Tap<'a> {
        Tap { decode_as, flows: Flows::default(), coverage: Coverage::default() }
    }

    /// Reads one frame and hands out the PDUs that it completes.
    pub(super) fn frame(
        &mut self,
        bytes: &mut [u8],
        record: &Record,
        out: &mut impl FnMut(&Pdu<'_>),
    ) {
        self.coverage.frames += 1;
        if (bytes.len() as u64) < u64::from(record.original_len) {
            self.coverage.cut_frames += 1;
        }
        match Headers::parse(bytes).or_else(|why| mend(bytes, why)) {
            Ok(headers) => self.packet(&headers, bytes, record, out),
            Err(why) => match Link::parse(bytes) {
                Ok(link) if link.ethertype == ipv6::ETHERTYPE => {
                    self.ipv6(&link, bytes, record, out);
                }
                _ => self.coverage.unread(reason(bytes, why)),
            },
        }
    }

    fn ipv6(&mut self, link: &Link, bytes: &[u8], record: &Record, out: &mut impl FnMut(&Pdu<'_>)) {
        let stamp = Stamp { frame: record.number, time: record.time, tags: link.tags };
        match ipv6::read(bytes, link) {
            Ok(ipv6::Packet { source, destination, carrier, payload }) => match carrier {
                Carrier::Tcp(segment) => {
                    self.tcp((source, destination), &segment, payload, stamp, out);
                }
                Carrier::Udp => self.udp((source, destination), payload, stamp, out),
            },
            Err(why) => self.coverage.unread(why),
        }
    }

    /// Hands out what is still held: the capture is at its end.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(&Pdu<'_>)) {
        let flows = self.flows.clear();
        self.part_with(flows, out);
    }

    fn packet(
        &mut self,
        headers: &Headers,
        bytes: &[u8],
        record: &Record,
        out: &mut impl FnMut(&Pdu<'_>),
    ) {
        let stamp = Stamp { frame: record.number, time: record.time, tags: headers.link.tags };
        let data = headers.payload(bytes);
        match headers.l4 {
            L4::Tcp(segment) => self.tcp(ends(headers), &segment, data, stamp, out),
            L4::Udp { .. } => self.udp(ends(headers), data, stamp, out),
            L4::Icmp { .. } => self.coverage.unread(Unread::Icmp),
        }
    }

    fn tcp(
        &mut self,
        (source, destination): (SocketAddr, SocketAddr),
        segment: &Segment,
        data: &[u8],
        stamp: Stamp,
        out: &mut impl FnMut(&Pdu<'_>),
    ) {
        let key = FlowKey::new(Transport::Tcp, source, destination);
        let mut flow = match self.flows.take(&key) {
            Some(flow) if !flow.is_replaced_by(segment, flow.direction(source)) => flow,
            replaced => {
                self.part_with(replaced.map(|flow| *flow), out);
                let new = match self.is_wanted(Transport::Tcp, source, destination) {
                    true => {
                        let server_sends = server_sends(segment.flags);
                        Some(self.open(Transport::Tcp, source, destination, server_sends))
                    }
                    false => self.recognise(source, destination, data),
                };
                let Some(new) = new else { return self.coverage.unread(Unread::OtherService) };
                new
            }
        };
        let direction = flow.direction(source);
        flow.segment((segment, direction), data, stamp, self.flows.room(), out);
        self.coverage.skipped_bytes += flow.take_skipped();
        let left = self.flows.put(key, flow);
        self.part_with(left, out);
    }

    fn udp(
        &mut self,
        (source, destination): (SocketAddr, SocketAddr),
        data: &[u8],
        stamp: Stamp,
        out: &mut impl FnMut(&Pdu<'_>),
    ) {
        if !self.is_wanted(Transport::Udp, source, destination) {
            return self.coverage.unread(Unread::OtherService);
        }
        let key = FlowKey::new(Transport::Udp, source, destination);
        let flow = self.flows.take(&key);
        let mut flow = flow.unwrap_or_else(|| self.open(Transport::Udp, source, destination, None));
        if !flow.datagram(flow.direction(source), data, stamp, out) {
            self.coverage.skipped_bytes += data.len() as u64;
        }
        let left = self.flows.put(key, flow);
        self.part_with(left, out);
    }

    /// Whether one of the ports is that of a protocol that is read.
    fn is_wanted(&self, transport: Transport, one: SocketAddr, other: SocketAddr) -> bool {
        self.spoken_on(transport, one).is_inspected()
            || self.spoken_on(transport, other).is_inspected()
    }

    fn spoken_on(&self, transport: Transport, end: SocketAddr) -> Protocol {
        DecodeAs::protocol(self.decode_as, transport, end.port())
    }

    /// A new flow, of a packet from `source`. Where no SYN told the server, it is whose port is a
    /// protocol's.
    fn open(
        &mut self,
        transport: Transport,
        source: SocketAddr,
        destination: SocketAddr,
        server_sends: Option<bool>,
    ) -> Box<Flow> {
        let by_port = || !self.spoken_on(transport, destination).is_inspected();
        let (client, server) = match server_sends.unwrap_or_else(by_port) {
            true => (destination, source),
            false => (source, destination),
        };
        let protocol = self.spoken_on(transport, server);
        self.coverage.flows += u64::from(protocol.is_inspected());
        Box::new(Flow::new(Path { transport, client, server, protocol }))
    }

    /// A new flow on ports that no protocol owns, where the first bytes say what it is.
    fn recognise(
        &mut self,
        client: SocketAddr,
        server: SocketAddr,
        data: &[u8],
    ) -> Option<Box<Flow>> {
        let protocol = Protocol::recognise(Transport::Tcp, data)?;
        self.coverage.flows += 1;
        Some(Box::new(Flow::new(Path { transport: Transport::Tcp, client, server, protocol })))
    }

    fn part_with(&mut self, flows: impl IntoIterator<Item = Flow>, out: &mut impl FnMut(&Pdu<'_>)) {
        for mut flow in flows {
            flow.finish(out);
            self.coverage.skipped_bytes += flow.take_skipped();
        }
    }
}

/// Whether a segment comes from the server, as far as a SYN tells.
fn server_sends(bits: u8) -> Option<bool> {
    (bits & flags::SYN != 0).then_some(bits & flags::ACK != 0)
}

/// Source and destination.
fn ends(headers: &Headers) -> (SocketAddr, SocketAddr) {
    let (from, to) = headers.ports();
    (SocketAddr::from((headers.src, from)), SocketAddr::from((headers.dst, to)))
}

/// Reads again a frame whose IPv4 total length is not that of what was captured: one cut at the
/// snapshot length, or one captured before the network card segmented it (total length 0).
///
/// The length becomes that of what is there. TCP then takes the rest for bytes that are missing,
/// and a datagram fails by its own length.
fn mend(bytes: &mut [u8], why: Malformed) -> Result<Headers, Malformed> {
    let link = Link::parse(bytes)?;
    let captured = bytes.len().saturating_sub(usize::from(link.end));
    let length = u16::try_from(captured).unwrap_or(u16::MAX);
    if link.ethertype != ethertype::IPV4 {
        return Err(why);
    }
    match Ipv4::at_mut(bytes, usize::from(link.end)) {
        Some(ip) if ip.total_length.get() == 0 || ip.total_length.get() > length => {
            ip.total_length.set(length);
        }
        _ => return Err(why),
    }
    Headers::parse(bytes)
}

/// Why a frame is not read.
fn reason(bytes: &[u8], why: Malformed) -> Unread {
    match (why, Link::parse(bytes).map(|link| link.ethertype)) {
        (Malformed::Arp | Malformed::BadArp, _) => Unread::Arp,
        (Malformed::NotIp, _) => Unread::OtherEthertype,
        (Malformed::Fragment, _) => Unread::Fragment,
        (Malformed::Transport, _) => Unread::OtherTransport,
        (why, _) => Unread::Malformed(why),
    }
}
