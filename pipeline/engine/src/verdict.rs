//! How a frame ends.

use core::fmt;

use wicketgate_dissectors::{NotTheProtocol, Refusal};
use wicketgate_packet::{Malformed, PortId};

/// What becomes of a frame. Every frame ends in exactly one verdict, and every verdict that
/// refuses something carries exactly one reason.
#[must_use = "a frame without a verdict is a frame that escaped"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The frame, rewritten, leaves by this port.
    Forward(PortId),
    /// The frame, turned into an answer, goes back by this port: a refusal in the protocol's words, or what TCP,
    /// ICMP or ARP say.
    Answer(PortId, Reason),
    /// The gate keeps what it carried: what of that may leave does so in frames of the gate's own, now
    /// or when the rest has come.
    Kept,
    /// A command in it was refused; nothing leaves.
    Deny(Reason),
    /// The frame is not the gate's, not well-formed, or not admitted; nothing leaves.
    Drop(Reason),
}

macro_rules! reasons {
    ($( $(#[$doc:meta])* $variant:ident = $code:literal ),+ $(,)?) => {
        /// Why a frame or a command did not pass. One counter and one audit code a reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Reason { $( $(#[$doc])* $variant ),+ }

        impl Reason {
            /// All reasons, in the order of the data path.
            pub const ALL: &[Reason] = &[ $( Reason::$variant ),+ ];

            /// The code used in audit events, metrics and reports; stable.
            pub const fn code(self) -> &'static str {
                match self { $( Reason::$variant => $code ),+ }
            }
        }
    };
}

reasons! {
    // hand-over, before the engine is asked
    /// The worker that owns the asset does not keep up: its ring was full.
    HandOverFull = "hand-over-full",

    // parse
    /// The frame ends before its headers do.
    Truncated = "truncated",
    /// ARP: answered by whoever owns the interface, never forwarded.
    Arp = "arp",
    /// ARP of another form than IPv4 over Ethernet.
    BadArp = "bad-arp",
    /// Not IPv4 (IPv6, LLDP, PROFINET, ...): not the gate's to forward.
    NotIp = "not-ipv4",
    /// More than two VLAN tags.
    TooManyTags = "too-many-vlan-tags",
    /// The destination MAC address is not the gate's.
    NotForGate = "not-for-the-gate",
    /// A VLAN tag that this port or asset does not have.
    WrongVlan = "wrong-vlan",
    /// An IPv4 header that contradicts itself.
    BadIp = "bad-ip-header",
    /// The IPv4 header checksum is wrong.
    BadIpChecksum = "bad-ip-checksum",
    /// IPv4 options: none is let through.
    IpOptions = "ip-options",
    /// A fragment: a command hidden in pieces cannot be judged.
    Fragment = "fragment",
    /// The time to live is used up.
    TtlExpired = "ttl-expired",
    /// A source address that nobody may have (RFC 1122 3.2.1.3), or not on this side.
    Spoofed = "spoofed-source",
    /// A destination that is no single host: broadcast, multicast, loopback.
    NotUnicast = "not-unicast",
    /// A transport other than TCP, UDP and ICMP.
    UnsupportedTransport = "unsupported-transport",
    /// A TCP, UDP or ICMP header that contradicts itself.
    BadTransport = "bad-transport-header",
    /// The TCP, UDP or ICMP checksum is wrong.
    BadTransportChecksum = "bad-transport-checksum",
    /// TCP flags that no stack sends.
    BadFlags = "bad-tcp-flags",
    /// Urgent data: two stacks read it in two ways.
    Urgent = "tcp-urgent",

    // track
    /// No flow, and the frame cannot open one: seen midstream, or nobody asked for it.
    NoFlow = "no-flow",
    /// An asset's frame, but not from the MAC address that the config says it has.
    WrongMac = "wrong-mac",
    /// The session was revoked.
    Revoked = "session-revoked",
    /// The session's time is over.
    Expired = "session-expired",

    // admit
    /// No asset has this address.
    NoAsset = "no-such-asset",
    /// The asset has no endpoint on this port and transport.
    NoEndpoint = "no-such-endpoint",
    /// Nobody granted this source this endpoint.
    NoGrant = "no-grant",
    /// Granted, but not at this time.
    OutsideWindow = "outside-window",
    /// An asset opens a flow by itself: no conduit says that it may.
    FromAsset = "opened-by-asset",
    /// No room for another flow.
    FlowTableFull = "flow-table-full",
    /// No room for another session.
    SessionTableFull = "session-table-full",
    /// No port left for source NAT towards this asset.
    NatPortsUsedUp = "nat-ports-used-up",
    /// No buffer left to read another stream.
    StreamsUsedUp = "streams-used-up",

    // length
    /// Longer than the link that it would leave by carries; its sender is told (RFC 1191).
    FragmentationNeeded = "fragmentation-needed",
    /// The same, from a sender that leaves it to others to make fragments: the gate makes none.
    TooLong = "longer-than-mtu",

    // inspect
    /// Implicit I/O of no connection that is open: never opened through the gate, ended, or with another port or
    /// more data than it was opened for.
    IoNotOpen = "io-not-open",
    /// Implicit I/O that is not newer than what came before.
    IoReplayed = "io-replayed",
    /// A SYN that carries data.
    SynData = "syn-data",
    /// A segment that does not fit the connection's state or its windows (RFC 9293, RFC 5961).
    BadSegment = "bad-tcp-segment",
    /// After the other end has reset the connection: its sender is told so again, in case that was lost.
    AfterReset = "after-reset",
    /// A SYN with other numbers on an open connection: its sender is asked whether it means it.
    SynOnOpen = "syn-on-open-connection",
    /// An asset still holds an older connection of the ports of one that opens: it is reset.
    HalfOpen = "half-open-connection",
    /// A TCP option that signs segments, or that contradicts itself.
    TcpOption = "bad-tcp-option",
    /// A segment ahead of the next byte, with more gaps before it than are remembered.
    OutOfOrder = "out-of-order",
    /// More bytes than the gate keeps for a receiver that does not acknowledge them.
    WindowFull = "window-full",
    /// A retransmission with other bytes than before.
    Ambiguous = "ambiguous-overlap",
    /// The bytes are not the endpoint's protocol.
    NotTheProtocol = "not-the-protocol",
    /// A PDU longer than the gate reads: it could not be judged whole.
    PduTooLong = "pdu-too-long",
    /// No long copy was left to hold a long request in.
    LongCopiesUsedUp = "long-requests-used-up",
    /// A request in several chunks that its client gave up half way.
    Aborted = "request-aborted",
    /// The flow was not the endpoint's protocol earlier: nothing of it passes any more.
    FlowDead = "flow-dead",
    /// A response that answers no request.
    Unsolicited = "unsolicited-response",
    /// A response that contradicts itself.
    MalformedResponse = "malformed-response",

    // judge
    /// The command contradicts itself: lengths, counts or reserved values.
    MalformedCommand = "malformed-command",
    /// The command goes over a connection that was not opened in its flow: what it does depends on
    /// where that leads.
    NotOpened = "not-opened",
    /// A Forward Open for data that would go to many at once: nobody could say who gets them.
    IoMulticast = "io-multicast",
    /// A Forward Open with an identifier that data of another connection with the asset bear, or whose name or
    /// identifier another one has that was not answered yet.
    IoIdInUse = "io-id-in-use",
    /// No room for another I/O connection, or a Forward Open longer than is remembered.
    IoTableFull = "io-table-full",
    /// No rule gives this command.
    CommandDenied = "command-denied",
    /// A rule gives the command, but not for this unit.
    UnitDenied = "unit-denied",
    /// A rule gives the command, but not on this address.
    AddressDenied = "address-denied",
    /// A rule gives the command, but not for so many at once.
    QuantityDenied = "quantity-denied",
    /// A rule gives the command, but not this value.
    ValueDenied = "value-denied",
    /// A rule gives the command, but not at this time.
    CommandOutsideWindow = "command-outside-window",
    /// An operation of several steps would not be done before the rule's end.
    OperationTooLate = "operation-too-late",
    /// The grant is over: only an operation that is under way goes on.
    Draining = "grant-draining",
    /// More than the conduit's rate.
    RateExceeded = "rate-exceeded",
    /// It cannot be logged, so it does not happen.
    AuditFull = "audit-full",

    // translate
    /// The next hop's MAC address is not known.
    NoNeighbour = "no-neighbour",
    /// The frame has no room for what translation adds.
    NoRoom = "no-room",
    /// An ICMP error about a packet that the gate did not send.
    IcmpUnrelated = "icmp-unrelated",
}

impl Reason {
    /// How many reasons there are: the length of a counter array.
    pub const COUNT: usize = Reason::ALL.len();

    /// What a refusal for this reason says to the client.
    pub const fn refusal(self) -> Refusal {
        match self {
            Reason::AddressDenied => Refusal::Address,
            Reason::ValueDenied | Reason::QuantityDenied | Reason::MalformedCommand => {
                Refusal::Value
            }
            Reason::AuditFull
            | Reason::RateExceeded
            | Reason::LongCopiesUsedUp
            | Reason::IoIdInUse
            | Reason::IoTableFull => Refusal::Busy,
            Reason::IoMulticast => Refusal::Multicast,
            Reason::PduTooLong => Refusal::TooLong,
            _ => Refusal::Function,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl From<NotTheProtocol> for Reason {
    /// Why bytes cannot be cut into PDUs.
    fn from(why: NotTheProtocol) -> Reason {
        match why {
            NotTheProtocol::TooLong => Reason::PduTooLong,
            _ => Reason::NotTheProtocol,
        }
    }
}

impl From<Malformed> for Reason {
    /// The one map from what a parser found to what the gate says.
    fn from(malformed: Malformed) -> Reason {
        match malformed {
            Malformed::Truncated => Reason::Truncated,
            Malformed::TooManyTags => Reason::TooManyTags,
            Malformed::Arp => Reason::Arp,
            Malformed::BadArp => Reason::BadArp,
            Malformed::NotIp => Reason::NotIp,
            Malformed::IpVersion
            | Malformed::IpHeaderLength
            | Malformed::IpTotalLength
            | Malformed::IpReserved => Reason::BadIp,
            Malformed::IpChecksum => Reason::BadIpChecksum,
            Malformed::IpOptions => Reason::IpOptions,
            Malformed::Fragment => Reason::Fragment,
            Malformed::Transport => Reason::UnsupportedTransport,
            Malformed::TransportHeader | Malformed::TransportLength => Reason::BadTransport,
            Malformed::TransportChecksum => Reason::BadTransportChecksum,
            Malformed::TcpFlags => Reason::BadFlags,
            Malformed::TcpUrgent => Reason::Urgent,
        }
    }
}
