//! Headers as they lie on the wire: zero-copy views with named fields.

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

macro_rules! header {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$field_doc:meta])* $field:ident: $ty:ty ),+ $(,)? } )+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
        #[repr(C)]
        pub struct $name { $( $(#[$field_doc])* pub $field: $ty ),+ }

        impl $name {
            /// Length of the header in bytes, without options.
            pub const LEN: usize = core::mem::size_of::<$name>();

            /// The header at `at`, if it is there whole.
            #[inline]
            pub fn at(bytes: &[u8], at: usize) -> Option<&$name> {
                $name::ref_from_prefix(bytes.get(at..)?).ok().map(|(header, _)| header)
            }

            /// The same, to be changed in place.
            #[inline]
            pub fn at_mut(bytes: &mut [u8], at: usize) -> Option<&mut $name> {
                $name::mut_from_prefix(bytes.get_mut(at..)?).ok().map(|(header, _)| header)
            }
        }
    )+ };
}

header! {
    /// Ethernet II header (IEEE 802.3).
    Ethernet {
        /// Destination MAC address.
        dst: [u8; 6],
        /// Source MAC address.
        src: [u8; 6],
        /// What follows: [`ethertype`].
        ethertype: U16,
    }

    /// VLAN tag (IEEE 802.1Q), behind the MAC addresses and its own tag type.
    VlanTag {
        /// Priority (3 bits), drop eligible (1), VLAN id (12).
        control: U16,
        /// What follows: [`ethertype`].
        ethertype: U16,
    }

    /// ARP for IPv4 over Ethernet (RFC 826).
    Arp {
        /// Hardware type: 1 for Ethernet.
        hardware: U16,
        /// Protocol type: 0x0800 for IPv4.
        protocol: U16,
        /// Hardware address length: 6.
        hardware_len: u8,
        /// Protocol address length: 4.
        protocol_len: u8,
        /// 1 request, 2 reply.
        operation: U16,
        /// Sender's MAC address.
        sender_mac: [u8; 6],
        /// Sender's IPv4 address.
        sender: [u8; 4],
        /// Target's MAC address.
        target_mac: [u8; 6],
        /// Target's IPv4 address.
        target: [u8; 4],
    }

    /// IPv4 header without options (RFC 791 section 3.1).
    Ipv4 {
        /// Version (4 bits), header length in 32-bit words (4).
        version_ihl: u8,
        /// Differentiated services (6 bits), ECN (2).
        tos: u8,
        /// Length of header and payload, in bytes.
        total_length: U16,
        /// Identification.
        id: U16,
        /// Reserved, don't-fragment, more-fragments (1 bit each), offset in 8-byte units (13).
        fragment: U16,
        /// Time to live.
        ttl: u8,
        /// What follows: [`protocol`].
        protocol: u8,
        /// Header checksum.
        checksum: U16,
        /// Source address.
        src: [u8; 4],
        /// Destination address.
        dst: [u8; 4],
    }

    /// TCP header without options (RFC 9293 section 3.1).
    Tcp {
        /// Source port.
        src_port: U16,
        /// Destination port.
        dst_port: U16,
        /// Sequence number.
        seq: U32,
        /// Acknowledgement number.
        ack: U32,
        /// Data offset in 32-bit words (4 bits), reserved (4).
        offset: u8,
        /// Flags: [`flags`](crate::parse::flags).
        flags: u8,
        /// Window.
        window: U16,
        /// Checksum.
        checksum: U16,
        /// Urgent pointer.
        urgent: U16,
    }

    /// IPv4 and TCP, neither with options.
    Ipv4Tcp {
        /// IPv4.
        ip: Ipv4,
        /// TCP.
        tcp: Tcp,
    }

    /// Addresses and ports as they lie in IPv4 without options and TCP or UDP: across both headers.
    Ends {
        /// Source address.
        src: [u8; 4],
        /// Destination address.
        dst: [u8; 4],
        /// Source port.
        src_port: U16,
        /// Destination port.
        dst_port: U16,
    }

    /// UDP header (RFC 768).
    Udp {
        /// Source port.
        src_port: U16,
        /// Destination port.
        dst_port: U16,
        /// Length of header and payload, in bytes.
        length: U16,
        /// Checksum; 0 is none.
        checksum: U16,
    }

    /// ICMP header (RFC 792); for echo the last two words are identifier and sequence number.
    Icmp {
        /// Type: [`icmp`].
        kind: u8,
        /// Code.
        code: u8,
        /// Checksum.
        checksum: U16,
        /// Echo: identifier. Errors: unused.
        id: U16,
        /// Echo: sequence number. Fragmentation needed: next-hop MTU (RFC 1191).
        seq: U16,
    }
}

/// Ethertypes (IEEE RA registry).
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// VLAN tag, IEEE 802.1Q.
    pub const VLAN: u16 = 0x8100;
    /// Service VLAN tag, IEEE 802.1ad.
    pub const SERVICE_VLAN: u16 = 0x88a8;
}

/// IP protocol numbers (IANA).
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
}

/// ICMP types (IANA).
pub mod icmp {
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 3;
    /// Code of "destination unreachable": too long, and not to be fragmented (RFC 1191).
    pub const FRAGMENTATION_NEEDED: u8 = 4;
    /// Echo request.
    pub const ECHO: u8 = 8;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 12;
}

impl Ethernet {
    /// Whether one header's MAC addresses are the other's exchanged: of frames that travel to and fro on a link.
    #[inline(always)]
    pub fn answers(&self, other: &Ethernet) -> bool {
        let (dst, src) = self.halves();
        let (from, to) = other.halves();
        (dst ^ to | src ^ from) & MAC == 0
    }

    /// The words that begin with either address, read where they lie.
    #[inline(always)]
    fn halves(&self) -> (u64, u64) {
        let bytes = self.as_bytes();
        let (front, back) = (bytes.first_chunk(), bytes.last_chunk());
        let word = |bytes: Option<&[u8; 8]>| bytes.copied().map_or(0, u64::from_ne_bytes);
        (word(front), word(back))
    }
}

/// An address at the front of a word.
const MAC: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);

impl Ipv4 {
    /// Where [`Ends`] begin in it.
    pub const ENDS: usize = 12;

    /// Header length in bytes, options included; below 20 in a broken header.
    pub const fn header_len(&self) -> usize {
        (self.version_ihl & 0x0f) as usize * 4
    }

    /// Whether this is a piece of a packet: more-fragments set or offset not zero.
    pub const fn is_fragment(&self) -> bool {
        self.fragment.get() & 0x3fff != 0
    }
}

impl Ipv4Tcp {
    /// Source and destination address, and behind them the ports, as numbers.
    #[inline(always)]
    pub fn ends(&self) -> (u64, u32) {
        let [_, a, b, ..] = self.words();
        let (a, b) = (u64::from_be(a), u64::from_be(b));
        (a << 32 | b >> 32, b as u32)
    }

    /// Both headers as five words of the machine's own byte order: to compare many fields at once, under masks
    /// made by [`u64::from_ne_bytes`].
    #[inline(always)]
    pub fn words(&self) -> [u64; 5] {
        zerocopy::transmute!(*self)
    }
}

impl Tcp {
    /// What follows the ports, as words of the machine's own byte order: sequence and acknowledgement number;
    /// offset, flags, window, checksum and urgent pointer.
    #[inline(always)]
    pub fn words(&self) -> [u64; 2] {
        let [_, words @ ..]: [[u8; 4]; 5] = zerocopy::transmute!(*self);
        zerocopy::transmute!(words)
    }

    /// Writes sequence and acknowledgement number, the first of its [words](Tcp::words).
    #[inline(always)]
    pub fn set_places(&mut self, places: u64) {
        if let Some(bytes) = self.as_mut_bytes().get_mut(4..12) {
            bytes.copy_from_slice(&places.to_ne_bytes());
        }
    }

    /// Header length in bytes, options included; below 20 in a broken header.
    pub const fn header_len(&self) -> usize {
        (self.offset >> 4) as usize * 4
    }
}

impl Arp {
    /// Whether it speaks of IPv4 over Ethernet, in a request or reply.
    pub const fn is_valid(&self) -> bool {
        self.hardware.get() == 1
            && self.protocol.get() == ethertype::IPV4
            && self.hardware_len == 6
            && self.protocol_len == 4
            && matches!(self.operation.get(), 1 | 2)
    }
}
