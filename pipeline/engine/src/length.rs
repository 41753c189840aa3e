//! What is too long for the link that it would leave by (RFC 1191 section 4).
//!
//! The gate makes no fragments, because it lets none pass. It does what a router does to a packet that may
//! not be fragmented: it says how long one may be. That answer is never longer than what it answers.

use wicketgate_dissectors::Direction;
use wicketgate_packet::wire::{Ethernet, Icmp, Ipv4, icmp, protocol};
use wicketgate_packet::{FrameBuf, rewrite};

use crate::answer::TTL;
use crate::engine::{Arrival, Engine};
use crate::flow::FlowId;
use crate::verdict::{Reason, Verdict};

/// Longest ICMP error, in bytes (RFC 1812 section 4.3.2.3), and what of it is a quote.
const LONGEST: usize = 576;
const LONGEST_QUOTE: usize = LONGEST - Ipv4::LEN - Icmp::LEN;

/// "Don't fragment", among flags and offset of an IPv4 header.
const DONT_FRAGMENT: u16 = 0x4000;
/// Version 4, five words of header.
const PLAIN: u8 = 0x45;

impl Engine {
    /// The MTU that a frame of this flow exceeds, if it does.
    #[inline]
    pub(crate) fn exceeded_mtu<F>(
        &self,
        id: FlowId,
        direction: Direction,
        arrival: &Arrival<'_, F>,
    ) -> Option<u16> {
        let length = arrival.headers.end - u32::from(arrival.headers.ip_at);
        if length <= u32::from(self.tables.least_mtu()) {
            return None;
        }
        let egress = self.flows.get(id)?.rewrite(direction).egress;
        let mtu = self.tables.port(egress)?.mtu;
        (length > u32::from(mtu)).then_some(mtu)
    }
}

/// Turns a frame that is too long into the ICMP error that says so.
///
/// # Errors
/// [`Reason::TooLong`] where its sender does not ask to be told.
#[cold]
pub(crate) fn refuse<F: FrameBuf>(
    mtu: u16,
    arrival: &mut Arrival<'_, F>,
) -> Result<Verdict, Reason> {
    let (ip_at, end) = (usize::from(arrival.headers.ip_at), arrival.headers.end as usize);
    let ip = *Ipv4::at(arrival.frame.bytes(), ip_at).ok_or(Reason::Truncated)?;
    if ip.fragment.get() & DONT_FRAGMENT == 0 {
        return Err(Reason::TooLong);
    }
    let quote = LONGEST_QUOTE.min(end - ip_at);
    let length = Ipv4::LEN + Icmp::LEN + quote;
    if !arrival.frame.resize(ip_at + length) {
        return Err(Reason::NoRoom);
    }
    let bytes = arrival.frame.bytes_mut();
    // The quote makes room for the headers in front of it.
    bytes.copy_within(ip_at..ip_at + quote, ip_at + Ipv4::LEN + Icmp::LEN);
    write(bytes, ip_at, &ip, length as u16, mtu);
    Ok(Verdict::Answer(arrival.port, Reason::FragmentationNeeded))
}

/// Writes the headers of an error about a packet whose header is `about`: from whom that was sent to, since
/// what is behind the gate is not shown.
fn write(bytes: &mut [u8], at: usize, about: &Ipv4, length: u16, mtu: u16) {
    if let Some(ethernet) = Ethernet::at_mut(bytes, 0) {
        core::mem::swap(&mut ethernet.src, &mut ethernet.dst);
    }
    if let Some(ip) = Ipv4::at_mut(bytes, at) {
        *ip = Ipv4 {
            version_ihl: PLAIN,
            tos: 0,
            total_length: length.into(),
            id: 0.into(),
            fragment: DONT_FRAGMENT.into(),
            ttl: TTL,
            protocol: protocol::ICMP,
            checksum: 0.into(),
            src: about.dst,
            dst: about.src,
        };
    }
    let l4_at = at + Ipv4::LEN;
    if let Some(error) = Icmp::at_mut(bytes, l4_at) {
        let (kind, code) = (icmp::UNREACHABLE, icmp::FRAGMENTATION_NEEDED);
        *error = Icmp { kind, code, checksum: 0.into(), id: 0.into(), seq: mtu.into() };
    }
    rewrite::complete_icmp_checksums(bytes, at, usize::from(length));
}
