//! What each reason means, and what to do about it. `docs/REASONS.md` is this list, and a test
//! compares them.

use std::collections::BTreeSet;

use wicketgate_engine::Reason;

use crate::table::Table;

/// One sentence or two for whoever looks at a report at night: what happened, and what to do.
/// Exhaustive, so that no reason is without words.
pub(crate) const fn words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::HandOverFull => (
            "the worker that owns the asset does not keep up",
            "give the gate more workers, or the asset less traffic",
        ),
        Reason::Truncated => ("the frame ends before its headers do", "capture whole frames"),
        Reason::Arp => ("ARP: each side of the gate answers its own", "nothing"),
        Reason::BadArp => ("ARP of a form that no stack sends", "find its sender"),
        Reason::NotIp => ("neither IPv4 nor ARP: never forwarded", "nothing"),
        Reason::TooManyTags => ("more than two VLAN tags", "check the switch port"),
        Reason::NotForGate => ("sent to another MAC address than the gate's", "nothing"),
        Reason::WrongVlan => (
            "a VLAN tag that the asset does not have",
            "set `vlan` of the asset, or the switch port",
        ),
        Reason::BadIp => ("an IPv4 header that contradicts itself", "find its sender"),
        Reason::BadIpChecksum => {
            ("wrong IPv4 checksum", "of a capture: --complete-checksums; live: check the cabling")
        }
        Reason::IpOptions => ("IPv4 options: never forwarded", "find its sender"),
        Reason::Fragment => ("a fragment: never forwarded", "let its sender send shorter packets"),
        Reason::TtlExpired => ("its time to live is used up", "look for a routing loop"),
        Reason::Spoofed => ("a source address that nobody may have there", "find its sender"),
        Reason::NotUnicast => ("broadcast or multicast: never forwarded", "nothing"),
        Reason::UnsupportedTransport => ("neither TCP, UDP nor ICMP: never forwarded", "nothing"),
        Reason::BadTransport => ("a TCP, UDP or ICMP header contradicts itself", "find its sender"),
        Reason::BadTransportChecksum => (
            "wrong TCP, UDP or ICMP checksum",
            "of a capture: --complete-checksums; live: check the cabling",
        ),
        Reason::BadFlags => ("TCP flags that no stack sends: a scan", "find its sender"),
        Reason::Urgent => ("TCP urgent data: never forwarded", "find its sender"),
        Reason::NoFlow => (
            "belongs to no connection: rest of a refused one, or from before the gate",
            "look at what was refused; else let the client connect anew",
        ),
        Reason::WrongMac => (
            "an asset's frame from another MAC address than the config says",
            "if the device was replaced, change its `mac`; else find the sender",
        ),
        Reason::Revoked => ("the session was revoked", "log in again"),
        Reason::Expired => ("the login is over", "log in again"),
        Reason::IoNotOpen => (
            "implicit I/O (UDP 2222) of no connection that is open through the gate: never opened, or over",
            "look at what became of its Forward Open; let the client connect anew",
        ),
        Reason::IoReplayed => (
            "implicit I/O that is not newer than what came before",
            "nothing; if it goes on, find its sender",
        ),
        Reason::IoMulticast => (
            "an I/O connection whose data would go to many at once",
            "have the client ask for point-to-point",
        ),
        Reason::IoIdInUse => (
            "an I/O connection with an identifier or name that another one with the asset has, or waits to have",
            "let the client try again; it is to choose identifiers at random",
        ),
        Reason::IoTableFull => (
            "no room for one more I/O connection; machines have a reserve",
            "find who opens so many",
        ),
        Reason::NoAsset => {
            ("no asset has this address", "check the address; add an [[asset]] if it is one")
        }
        Reason::NoEndpoint => (
            "the asset does not speak on this port and transport",
            "check the port; add it to the asset's `protocols`",
        ),
        Reason::NoGrant => (
            "no rule or conduit lets this address to this asset",
            "log in; else add a rule for a role of the user, or a conduit",
        ),
        Reason::OutsideWindow => ("granted, but not at this time", "wait, or change `window`"),
        Reason::FromAsset => (
            "an asset began to talk; in a replay also: its answer to what was refused",
            "look at what was refused; else find out why the asset calls out",
        ),
        Reason::FlowTableFull => {
            ("no room for one more; machines have a reserve", "find who opens so many")
        }
        Reason::SessionTableFull => (
            "no room for one more session; machines have a reserve",
            "find who opens so many, or raise `sessions` in [gate]",
        ),
        Reason::StreamsUsedUp => (
            "no room for one more inspected connection; machines have a reserve",
            "find who opens so many, or raise `inspected` in [gate]",
        ),
        Reason::NatPortsUsedUp => ("no free port towards this asset", "find who opens so many"),
        Reason::FragmentationNeeded => (
            "too long for the link behind the gate: its sender is told",
            "let ICMP pass to the sender; of a capture: taken before segments were cut",
        ),
        Reason::TooLong => (
            "too long for the link behind the gate, and may be fragmented",
            "lower the sender's MTU: the gate makes no fragments",
        ),
        Reason::SynData => ("data before the connection is open", "find its sender"),
        Reason::BadSegment => ("fits no state or window of its connection", "find its sender"),
        Reason::AfterReset => (
            "came after the other end had reset the connection; its sender is told again",
            "nothing",
        ),
        Reason::SynOnOpen => (
            "a new start on a connection that is open: its sender is asked (RFC 5961)",
            "nothing; if it goes on, find its sender",
        ),
        Reason::HalfOpen => (
            "an asset still holds an older connection of the ports of one that opens, from before the gate \
             started: the asset is told that it is over, and the client's next SYN gets through",
            "nothing",
        ),
        Reason::TcpOption => {
            ("a TCP option that signs segments, or that is broken", "switch TCP-MD5 and TCP-AO off")
        }
        Reason::OutOfOrder => ("too many gaps before it: it comes again", "nothing"),
        Reason::Ambiguous => {
            ("sent again with other bytes: an attack, or a broken stack", "find its sender")
        }
        Reason::WindowFull => {
            ("more bytes than the gate keeps for a receiver that is silent", "see whether it lives")
        }
        Reason::NotTheProtocol => (
            "not what the endpoint speaks: nothing more of this connection passes",
            "check what runs on this port; else find its sender",
        ),
        Reason::PduTooLong => (
            "a message longer than the gate or the device reads (docs/PROTOCOLS.md): it cannot be judged whole",
            "let the client ask for less at once",
        ),
        Reason::LongCopiesUsedUp => (
            "as many requests of more than 4 KiB as the gate can hold are on their way: refused, and may be asked again",
            "let clients ask for less at once, or raise `long_requests` in [gate]",
        ),
        Reason::Aborted => (
            "a request in several pieces that its client itself gave up half way: nothing of it was carried out",
            "nothing; if often, look at the client",
        ),
        Reason::FlowDead => {
            ("of a connection that did not speak the protocol", "see not-the-protocol")
        }
        Reason::Unsolicited => (
            "answers nothing; in a replay: the real device's answer to a denied command",
            "look at what was denied; else check the device",
        ),
        Reason::MalformedResponse => ("an answer that contradicts itself", "check the device"),
        Reason::MalformedCommand => {
            ("lengths, counts or reserved values contradict each other", "check the client")
        }
        Reason::NotOpened => (
            "on a connection that was not opened through the gate in the same flow",
            "let the client connect anew",
        ),
        Reason::CommandDenied => {
            ("no rule gives this command", "if it is needed, add it to `allow` of a rule")
        }
        Reason::UnitDenied => {
            ("the nearest rule gives it for other units", "if it is needed, widen `unit`")
        }
        Reason::AddressDenied => {
            ("the nearest rule gives it at other addresses", "if it is needed, widen `address`")
        }
        Reason::QuantityDenied => {
            ("the nearest rule gives fewer at once", "if it is needed, raise `quantity`")
        }
        Reason::ValueDenied => {
            ("the nearest rule gives other values", "if it is needed, widen `value` or `bits`")
        }
        Reason::CommandOutsideWindow => {
            ("the nearest rule gives it at other times", "wait, or change `window`")
        }
        Reason::OperationTooLate => (
            "a program download or the like would not be done before its grant ends",
            "ask for a new grant; or shorten `operation`",
        ),
        Reason::Draining => (
            "the grant is over: only an operation that was under way goes on",
            "ask for a new grant",
        ),
        Reason::RateExceeded => (
            "more than the conduit's rate",
            "find out why the machine asks so much; or raise `rate`",
        ),
        Reason::AuditFull => {
            ("it cannot be logged, so it does not happen", "make room for the audit log")
        }
        Reason::NoNeighbour => {
            ("the asset's MAC address is not known", "check that it is on; or set its `mac`")
        }
        Reason::NoRoom => ("a frame too long to add what leaving needs", "lower the sender's MTU"),
        Reason::IcmpUnrelated => ("an ICMP error about nothing that the gate sent", "nothing"),
    }
}

/// Prints what the reasons of these codes mean, each once, in the order of the data path.
pub(crate) fn print_legend<'c>(codes: impl Iterator<Item = &'c str>) {
    let named: BTreeSet<&str> = codes.collect();
    let mut table = Table::new("What the reasons mean", &["reason", "meaning", "what to do"]);
    for reason in Reason::ALL.iter().filter(|reason| named.contains(reason.code())) {
        let (meaning, action) = words(*reason);
        table.row([reason.code(), meaning, action]);
    }
    table.print();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands between code and document: a row each, in the order of the data path.
    #[test]
    fn the_document_is_this_list() {
        let row = |reason: &Reason| {
            let (meaning, action) = words(*reason);
            format!("| `{reason}` | {meaning} | {action} |\n")
        };
        let rows: String = Reason::ALL.iter().map(row).collect();
        let document = include_str!("../../../docs/REASONS.md");
        assert!(document.contains(&rows), "docs/REASONS.md should have these rows:\n{rows}");
    }
}
