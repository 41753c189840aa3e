//! Refusals in the protocol's own words, made in the refused frame itself.

use wicketgate_dissectors::{Direction, Protocol};
use wicketgate_packet::wire::{Ethernet, Ipv4, Udp};
use wicketgate_packet::{FrameBuf, L4, rewrite};

use crate::engine::Arrival;
use crate::verdict::{Reason, Verdict};

/// Longest refusal of any protocol, in bytes.
const LONGEST: usize = 64;

/// Time to live of what the gate itself sends (RFC 1700).
const TTL: u8 = 64;

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
    let request = arrival.headers.payload(arrival.frame.bytes());
    let len = protocol.denial(request, reason.refusal(), &mut denial);
    match denial.get(..len.unwrap_or(0)).filter(|denial| !denial.is_empty()) {
        Some(denial) if turn_around(arrival, denial) => Verdict::Answer(arrival.port, reason),
        _ => Verdict::Deny(reason),
    }
}

/// Swaps the frame's ends and gives it another payload.
fn turn_around<F: FrameBuf>(arrival: &mut Arrival<'_, F>, payload: &[u8]) -> bool {
    let Arrival { headers, frame, .. } = arrival;
    let (ip_at, l4_at) = (usize::from(headers.ip_at), usize::from(headers.l4_at));
    let bytes = frame.bytes_mut();
    if let Some(ethernet) = Ethernet::at_mut(bytes, 0) {
        core::mem::swap(&mut ethernet.src, &mut ethernet.dst);
    }
    if let Some(ip) = Ipv4::at_mut(bytes, ip_at) {
        core::mem::swap(&mut ip.src, &mut ip.dst);
        ip.ttl = TTL;
    }
    if let Some(udp) = Udp::at_mut(bytes, l4_at) {
        core::mem::swap(&mut udp.src_port, &mut udp.dst_port);
    }
    if !rewrite::resize_payload(*frame, headers, payload.len()) {
        return false;
    }
    let place = usize::from(headers.payload_at)..headers.end as usize;
    if let Some(to) = frame.bytes_mut().get_mut(place) {
        to.copy_from_slice(payload);
    }
    rewrite::complete_transport_checksum(frame.bytes_mut(), headers);
    true
}
