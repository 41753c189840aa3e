//! Why a frame is refused before anything else is known of it.

use core::fmt;

macro_rules! malformed {
    ($( $(#[$doc:meta])* $variant:ident = $text:literal ),+ $(,)?) => {
        /// What is wrong with a frame: one reason each, found in the order of the headers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Malformed { $( $(#[$doc])* $variant ),+ }

        impl Malformed {
            /// The reason in words.
            pub const fn text(self) -> &'static str {
                match self { $( Malformed::$variant => $text ),+ }
            }
        }
    };
}

malformed! {
    /// The frame ends before a header does.
    Truncated = "frame ends before its headers do",
    /// More than two VLAN tags (IEEE 802.1Q, 802.1ad).
    TooManyTags = "more than two VLAN tags",
    /// ARP, whole: not a packet to forward. Whoever owns the interface answers it.
    Arp = "ARP",
    /// ARP of another form than IPv4 over Ethernet (RFC 826).
    BadArp = "ARP is wrong",
    /// An ethertype other than IPv4 and ARP.
    NotIp = "neither IPv4 nor ARP",
    /// The version nibble is not 4.
    IpVersion = "IP version is not 4",
    /// The header length is below 20 bytes or above the packet.
    IpHeaderLength = "IP header length is wrong",
    /// The total length is below the header or above the frame.
    IpTotalLength = "IP total length is wrong",
    /// The reserved flag of RFC 791 is set.
    IpReserved = "IP reserved flag is set",
    /// The header checksum is wrong.
    IpChecksum = "IP header checksum is wrong",
    /// The header has options.
    IpOptions = "IP options",
    /// More-fragments is set or the offset is not zero.
    Fragment = "IP fragment",
    /// A protocol other than TCP, UDP and ICMP.
    Transport = "neither TCP, UDP nor ICMP",
    /// The transport header is cut, or its data offset or options are wrong.
    TransportHeader = "transport header is wrong",
    /// The UDP length is not that of the packet.
    TransportLength = "transport length is wrong",
    /// The transport checksum is wrong.
    TransportChecksum = "transport checksum is wrong",
    /// Flags that no stack sends together, or reserved ones.
    TcpFlags = "TCP flags are wrong",
    /// The urgent flag or pointer.
    TcpUrgent = "TCP urgent data",
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for Malformed {}
