//! What the gate itself says, made in the frame that it answers: a refusal in the protocol's own words,
//! a challenge in TCP's.

use wicketgate_dissectors::{Dialog, Direction, Protocol, enip};
use wicketgate_packet::parse::flags;
use wicketgate_packet::wire::{Ethernet, Ipv4, Tcp, Udp};
use wicketgate_packet::{FrameBuf, Headers, L4, rewrite};

use crate::engine::Arrival;
use crate::verdict::{Reason, Verdict};

/// Longest refusal of any protocol, in bytes.
const LONGEST: usize = enip::denial::LONGEST;

/// Time to live of what the gate itself sends (RFC 1700).
pub(crate) const TTL: u8 = 64;

/// Refuses a request: a datagram turns into its refusal and goes back where it came from; a stream's
/// bytes stay behind, and so does what the protocol has no words for.
pub(crate) fn refuse<F: FrameBuf>(
    protocol: Protocol,
    direction: Direction,
    reason: Reason,
    arrival: &mut Arrival<'_, F>,
) -> Verdict {
    let datagram = matches!(arrival.headers.l4, L4::Udp { .. });
    if !datagram || direction == Direction::ToClient {
        return Verdict::Deny(reason);
    }
    let mut denial = [0; LONGEST];
    // Nothing is opened on UDP that a later datagram would depend on.
    let request = arrival.headers.payload(arrival.frame.bytes());
    let len = protocol.denial(request, &Dialog::NEW, reason.refusal(), &mut denial);
    match denial.get(..len.unwrap_or(0)).filter(|denial| !denial.is_empty()) {
        Some(denial) if turn_around(arrival, denial) => Verdict::Answer(arrival.port, reason),
        _ => Verdict::Deny(reason),
    }
}

/// Turns a segment into the ACK that says where the connection stands: the next numbers of server and
/// client.
pub(crate) fn challenge<F: FrameBuf>(
    (seq, ack): (u32, u32),
    arrival: &mut Arrival<'_, F>,
) -> Verdict {
    match turn_segment(arrival, (seq, ack), flags::ACK) {
        true => Verdict::Answer(arrival.port, Reason::SynOnOpen),
        false => Verdict::Drop(Reason::SynOnOpen),
    }
}

/// Turns a segment of a connection that is none (any more) into the reset that its sender believes
/// (RFC 9293 section 3.5.2).
///
/// # Errors
/// `reason`: it is a reset itself, or acknowledges nothing.
pub(crate) fn reset<F: FrameBuf>(
    reason: Reason,
    arrival: &mut Arrival<'_, F>,
) -> Result<Verdict, Reason> {
    let L4::Tcp(segment) = arrival.headers.l4 else { return Err(reason) };
    let answered = segment.flags & (flags::ACK | flags::RST) == flags::ACK;
    if answered && turn_segment(arrival, (segment.ack, 0), flags::RST) {
        Ok(Verdict::Answer(arrival.port, reason))
    } else {
        Err(reason)
    }
}

/// Turns a segment into a bare one that goes back to its sender.
fn turn_segment<F: FrameBuf>(
    arrival: &mut Arrival<'_, F>,
    (seq, ack): (u32, u32),
    flags: u8,
) -> bool {
    let Arrival { headers, frame, .. } = arrival;
    headers.payload_at = headers.l4_at + Tcp::LEN as u16;
    if !rewrite::resize_payload(*frame, headers, 0) {
        return false;
    }
    let bytes = frame.bytes_mut();
    swap_ends(bytes, headers);
    if let Some(header) = Tcp::at_mut(bytes, usize::from(headers.l4_at)) {
        header.seq.set(seq);
        header.ack.set(ack);
        header.offset = 5 << 4;
        header.flags = flags;
        header.window.set(0);
        header.urgent.set(0);
    }
    rewrite::complete_checksums(bytes, headers);
    true
}

/// Swaps the frame's ends and gives it another payload.
fn turn_around<F: FrameBuf>(arrival: &mut Arrival<'_, F>, payload: &[u8]) -> bool {
    let Arrival { headers, frame, .. } = arrival;
    if !rewrite::resize_payload(*frame, headers, payload.len()) {
        return false;
    }
    let bytes = frame.bytes_mut();
    swap_ends(bytes, headers);
    if let Some(to) = bytes.get_mut(usize::from(headers.payload_at)..headers.end as usize) {
        to.copy_from_slice(payload);
    }
    rewrite::complete_checksums(bytes, headers);
    true
}

/// Back to where it came from, with a time to live of the gate's own.
fn swap_ends(bytes: &mut [u8], headers: &Headers) {
    if let Some(ethernet) = Ethernet::at_mut(bytes, 0) {
        core::mem::swap(&mut ethernet.src, &mut ethernet.dst);
    }
    if let Some(ip) = Ipv4::at_mut(bytes, usize::from(headers.ip_at)) {
        core::mem::swap(&mut ip.src, &mut ip.dst);
        ip.ttl = TTL;
    }
    // The ports of TCP lie where those of UDP do.
    if let Some(udp) = Udp::at_mut(bytes, usize::from(headers.l4_at)) {
        core::mem::swap(&mut udp.src_port, &mut udp.dst_port);
    }
}
