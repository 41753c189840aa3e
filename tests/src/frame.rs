//! Frames as bytes.

use std::net::Ipv4Addr;

/// TCP flags (RFC 9293 section 3.1).
pub mod flag {
    /// No more data.
    pub const FIN: u8 = 1;
    /// Synchronise.
    pub const SYN: u8 = 2;
    /// Reset.
    pub const RST: u8 = 4;
    /// Push.
    pub const PSH: u8 = 8;
    /// Acknowledge.
    pub const ACK: u8 = 16;
    /// Urgent.
    pub const URG: u8 = 32;
}

/// A frame to be sent; every field may be wrong on purpose.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Destination and source MAC address.
    pub macs: ([u8; 6], [u8; 6]),
    /// Tags, outermost first: type and control word.
    pub tags: Vec<(u16, u16)>,
    /// Source address.
    pub src: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// Time to live.
    pub ttl: u8,
    /// Flags and offset of the IPv4 header; 0x4000 is "don't fragment".
    pub fragment: u16,
    /// IPv4 options, a multiple of 4 bytes.
    pub ip_options: Vec<u8>,
    /// TCP options, a multiple of 4 bytes.
    pub tcp_options: Vec<u8>,
    /// The transport.
    pub l4: Layer4,
    /// What it carries.
    pub payload: Vec<u8>,
    /// Bytes behind the IPv4 packet.
    pub padding: Vec<u8>,
}

/// The transport header.
#[derive(Clone, Debug)]
pub enum Layer4 {
    /// TCP.
    Tcp {
        /// Source port.
        src: u16,
        /// Destination port.
        dst: u16,
        /// Sequence number.
        seq: u32,
        /// Acknowledgement number.
        ack: u32,
        /// Flags: [`flag`].
        flags: u8,
    },
    /// UDP.
    Udp {
        /// Source port.
        src: u16,
        /// Destination port.
        dst: u16,
    },
    /// ICMP.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// The two words behind the checksum.
        words: (u16, u16),
    },
    /// Another protocol, without a header.
    Other(u8),
}

impl Packet {
    /// A plain packet; MAC addresses are set by who sends it.
    pub fn new(src: Ipv4Addr, dst: Ipv4Addr, l4: Layer4, payload: &[u8]) -> Packet {
        Packet {
            macs: ([0; 6], [0; 6]),
            tags: Vec::new(),
            src,
            dst,
            ttl: 64,
            fragment: 0x4000,
            ip_options: Vec::new(),
            tcp_options: Vec::new(),
            l4,
            payload: payload.to_vec(),
            padding: Vec::new(),
        }
    }

    /// From `from` to `to` with these TCP numbers.
    pub fn tcp(
        from: (Ipv4Addr, u16),
        to: (Ipv4Addr, u16),
        (seq, ack): (u32, u32),
        flags: u8,
        payload: &[u8],
    ) -> Packet {
        Packet::new(from.0, to.0, Layer4::Tcp { src: from.1, dst: to.1, seq, ack, flags }, payload)
    }

    /// A datagram.
    pub fn udp(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]) -> Packet {
        Packet::new(from.0, to.0, Layer4::Udp { src: from.1, dst: to.1 }, payload)
    }

    /// An ICMP message.
    pub fn icmp(
        from: Ipv4Addr,
        to: Ipv4Addr,
        (kind, code): (u8, u8),
        words: (u16, u16),
        payload: &[u8],
    ) -> Packet {
        Packet::new(from, to, Layer4::Icmp { kind, code, words }, payload)
    }

    /// The same with one VLAN tag (IEEE 802.1Q).
    #[must_use]
    pub fn tagged(mut self, control: u16) -> Packet {
        self.tags.push((0x8100, control));
        self
    }

    /// The IPv4 packet with right checksums.
    pub fn ip_bytes(&self) -> Vec<u8> {
        let (protocol, l4) = self.transport();
        let header_len = 20 + self.ip_options.len();
        let total = (header_len + l4.len()) as u16;
        let mut ip = vec![0x40 | (header_len / 4) as u8, 0];
        ip.extend(total.to_be_bytes());
        ip.extend([0x12, 0x34]);
        ip.extend(self.fragment.to_be_bytes());
        ip.extend([self.ttl, protocol, 0, 0]);
        ip.extend(self.src.octets());
        ip.extend(self.dst.octets());
        ip.extend(&self.ip_options);
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        ip.extend(l4);
        ip
    }

    fn transport(&self) -> (u8, Vec<u8>) {
        let (protocol, mut l4, sum_at) = match self.l4 {
            Layer4::Tcp { src, dst, seq, ack, flags } => {
                let mut tcp = [src.to_be_bytes(), dst.to_be_bytes()].concat();
                tcp.extend(seq.to_be_bytes());
                tcp.extend(ack.to_be_bytes());
                let words = (20 + self.tcp_options.len()) / 4;
                tcp.extend([(words as u8) << 4, flags, 0x20, 0, 0, 0, 0, 0]);
                tcp.extend(&self.tcp_options);
                (6, tcp, Some(16))
            }
            Layer4::Udp { src, dst } => {
                let len = (8 + self.payload.len()) as u16;
                let words = [src, dst, len, 0].map(u16::to_be_bytes);
                (17, words.concat(), Some(6))
            }
            Layer4::Icmp { kind, code, words } => {
                let head = [[kind, code], [0, 0], words.0.to_be_bytes(), words.1.to_be_bytes()];
                (1, head.concat(), Some(2))
            }
            Layer4::Other(protocol) => (protocol, Vec::new(), None),
        };
        l4.extend(&self.payload);
        if let Some(at) = sum_at {
            let sum = transport_checksum(self.src, self.dst, protocol, &l4);
            let sum = if protocol == 17 && sum == 0 { 0xffff } else { sum };
            l4[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        (protocol, l4)
    }

    /// The whole frame.
    pub fn bytes(&self) -> Vec<u8> {
        let mut frame = [self.macs.0, self.macs.1].concat();
        for (kind, control) in &self.tags {
            frame.extend(kind.to_be_bytes());
            frame.extend(control.to_be_bytes());
        }
        frame.extend([8, 0]);
        frame.extend(self.ip_bytes());
        frame.extend(&self.padding);
        frame
    }
}

/// A frame that left, with both checksums summed anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Destination and source MAC address.
    pub macs: ([u8; 6], [u8; 6]),
    /// The control word of its tag.
    pub tag: Option<u16>,
    /// Source address and port (ICMP: 0).
    pub src: (Ipv4Addr, u16),
    /// Destination address and port (ICMP: 0).
    pub dst: (Ipv4Addr, u16),
    /// Time to live.
    pub ttl: u8,
    /// Protocol number.
    pub protocol: u8,
    /// TCP: sequence and acknowledgement number.
    pub numbers: (u32, u32),
    /// TCP: flags. ICMP: type.
    pub flags: u8,
    /// ICMP: the two words behind the checksum.
    pub words: (u16, u16),
    /// TCP: its options.
    pub options: Vec<u8>,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Seen {
    /// Reads a frame that left.
    ///
    /// # Panics
    /// A length or checksum is wrong, or bytes follow the packet.
    pub fn read(frame: &[u8]) -> Seen {
        let mac = |at: usize| -> [u8; 6] { frame[at..at + 6].try_into().unwrap() };
        let (tag, at) = match word(frame, 12) {
            0x8100 => (Some(word(frame, 14)), 18),
            _ => (None, 14),
        };
        assert_eq!(word(frame, at - 2), 0x0800, "ethertype");
        let ip = &frame[at..];
        assert_eq!(ip[0], 0x45);
        assert_eq!(usize::from(word(ip, 2)), ip.len(), "no byte behind the packet");
        assert_eq!(checksum(&ip[..20]), 0, "IPv4 checksum");
        let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&ip[at..at + 4]).unwrap());
        let (src, dst, protocol, l4) = (address(12), address(16), ip[9], &ip[20..]);
        let no_sum = protocol == 17 && word(l4, 6) == 0;
        assert!(no_sum || transport_checksum(src, dst, protocol, l4) == 0, "transport checksum");
        let ports = if protocol == 1 { (0, 0) } else { (word(l4, 0), word(l4, 2)) };
        let (numbers, flags, words, from) = match protocol {
            6 => ((long(l4, 4), long(l4, 8)), l4[13], (0, 0), usize::from(l4[12] >> 4) * 4),
            17 => ((0, 0), 0, (0, 0), 8),
            _ => ((0, 0), l4[0], (word(l4, 4), word(l4, 6)), 8),
        };
        Seen {
            macs: (mac(0), mac(6)),
            tag,
            src: (src, ports.0),
            dst: (dst, ports.1),
            ttl: ip[8],
            protocol,
            numbers,
            flags,
            words,
            options: if protocol == 6 { l4[20..from].to_vec() } else { Vec::new() },
            payload: l4[from..].to_vec(),
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(word(bytes, at)) << 16 | u32::from(word(bytes, at + 2))
}

/// The checksum by its definition (RFC 1071 section 4.1); 0 over bytes that hold a right one.
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn transport_checksum(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, l4: &[u8]) -> u16 {
    let mut bytes = Vec::new();
    if protocol != 1 {
        bytes.extend(src.octets());
        bytes.extend(dst.octets());
        bytes.extend([0, protocol]);
        bytes.extend((l4.len() as u16).to_be_bytes());
    }
    bytes.extend(l4);
    checksum(&bytes)
}
