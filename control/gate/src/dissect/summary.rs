//! What was seen, counted.

use std::collections::BTreeMap;
use std::fmt;

use wicketgate_dissectors::{Class, Direction, Protocol};
use wicketgate_packet::Malformed;

use super::pdu::Pdu;

/// Why a frame is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unread {
    /// A piece of an IPv4 packet.
    Fragment,
    /// IPv6 whose headers are cut short, or of another version.
    Ipv6,
    /// A header that contradicts itself.
    Malformed(Malformed),
    /// TCP or UDP between ports of no protocol that is read.
    OtherService,
    /// IP with something else than TCP, UDP and ICMP.
    OtherTransport,
    /// Neither IP nor ARP.
    OtherEthertype,
    /// ICMP.
    Icmp,
    /// ARP.
    Arp,
    /// A packet in which the capture reader found nothing of Ethernet.
    OtherLink,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unread::Fragment => "IP fragment (not put together)",
            Unread::Ipv6 => "IPv6 without its headers",
            Unread::Malformed(why) => why.text(),
            Unread::OtherService => "TCP or UDP on other ports",
            Unread::OtherTransport => "neither TCP, UDP nor ICMP",
            Unread::OtherEthertype => "neither IP nor ARP",
            Unread::Icmp => "ICMP",
            Unread::Arp => "ARP",
            Unread::OtherLink => "nothing of Ethernet",
        })
    }
}

/// How much of one capture was read.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    pub(super) frames: u64,
    /// Frames cut at the snapshot length.
    pub(super) cut_frames: u64,
    /// Flows of the protocols that are read.
    pub(super) flows: u64,
    /// Bytes on these flows that were no part of a PDU.
    pub(super) skipped_bytes: u64,
    unread: BTreeMap<Unread, u64>,
}

impl Coverage {
    pub(super) fn unread(&mut self, why: Unread) {
        self.unread_many(why, 1);
    }

    pub(super) fn unread_many(&mut self, why: Unread, count: u64) {
        if count > 0 {
            *self.unread.entry(why).or_default() += count;
        }
    }

    /// What could have hidden a PDU, in a line; `None` if nothing could.
    pub(super) fn blind_spots(&self) -> Option<String> {
        let hiding = |why: &Unread| {
            matches!(
                why,
                Unread::Fragment | Unread::Ipv6 | Unread::Malformed(_) | Unread::OtherLink
            )
        };
        let unread = self.unread.iter().filter(|(why, _)| hiding(why));
        let mut spots: Vec<String> =
            unread.map(|(why, count)| format!("{count} frames: {why}")).collect();
        if self.cut_frames > 0 {
            spots.push(format!("{} frames beyond the snapshot length", self.cut_frames));
        }
        if self.skipped_bytes > 0 {
            spots.push(format!("{} bytes that are no PDU", self.skipped_bytes));
        }
        (!spots.is_empty()).then(|| spots.join("; "))
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} frames, {} flows", self.frames, self.flows)?;
        for (why, count) in &self.unread {
            writeln!(f, "{count:>10} frames not read: {why}")?;
        }
        if self.cut_frames > 0 {
            writeln!(f, "{:>10} frames cut at the snapshot length", self.cut_frames)?;
        }
        if self.skipped_bytes > 0 {
            writeln!(f, "{:>10} bytes on these flows that are no PDU", self.skipped_bytes)?;
        }
        Ok(())
    }
}

/// PDUs, counted by kind.
#[derive(Debug, Default)]
pub(super) struct Kinds(BTreeMap<(Protocol, Class, &'static str), Count>);

/// How many PDUs of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    requests: u64,
    responses: u64,
    /// How many of both contradict themselves.
    faulty: u64,
}

impl Kinds {
    pub(super) fn count(&mut self, pdu: &Pdu<'_>) {
        let count = self.0.entry((pdu.path.protocol, pdu.class, pdu.name)).or_default();
        match pdu.direction {
            Direction::ToServer => count.requests += 1,
            Direction::ToClient => count.responses += 1,
        }
        count.faulty += u64::from(pdu.fault.is_some());
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "no PDU of a protocol that is read");
        }
        writeln!(f, "  requests  responses  malformed  class          name")?;
        for ((protocol, class, name), count) in &self.0 {
            let Count { requests, responses, faulty } = count;
            let class = class.name();
            write!(f, "{requests:>10} {responses:>10} {faulty:>10}  ")?;
            writeln!(f, "{class:<14} {protocol} {name}")?;
        }
        Ok(())
    }
}
