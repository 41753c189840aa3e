//! How a flow's frames leave: addresses, ports, MACs, tags and checksums.

use core::net::Ipv4Addr;

use wicketgate_dissectors::Direction;
use wicketgate_packet::checksum::Delta;
use wicketgate_packet::rewrite::{HOP, link, take_hop, write_header};
use wicketgate_packet::wire::{Ends, Ethernet, Icmp, Ipv4, Ipv4Tcp, Tcp, Udp, VlanTag};
use wicketgate_packet::{FrameBuf, Headers, L4, PortId};

use crate::judge::Numbers;
use crate::tables::Mac;
use crate::verdict::Reason;

/// Everything that changes in the frames of one direction of a flow, worked out once and kept as it lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The port they leave by.
    pub egress: PortId,
    /// The VLAN they leave on.
    pub vlan: Option<u16>,
    link: Ethernet,
    ends: Ends,
    /// What the addresses and one hop less change in the checksum of IPv4.
    header_delta: Delta,
    transport_delta: Delta,
}

/// The two ends of a hop: source and destination, address and port each.
pub type Hop = ((Ipv4Addr, u16), (Ipv4Addr, u16));

impl Rewrite {
    /// Frames that come in with the addresses `before` leave with `after`.
    pub fn new(
        egress: PortId,
        (src_mac, dst_mac): (Mac, Mac),
        vlan: Option<u16>,
        before: Hop,
        after: Hop,
    ) -> Rewrite {
        let addresses = Delta::NONE.address(before.0.0, after.0.0).address(before.1.0, after.1.0);
        let ports = Delta::NONE.word(before.0.1, after.0.1).word(before.1.1, after.1.1);
        let ((src, src_port), (dst, dst_port)) = after;
        Rewrite {
            egress,
            vlan,
            link: link(dst_mac, src_mac, vlan.is_some()),
            ends: Ends {
                src: src.octets(),
                dst: dst.octets(),
                src_port: src_port.into(),
                dst_port: dst_port.into(),
            },
            header_delta: addresses.and(HOP),
            transport_delta: addresses.and(ports),
        }
    }

    /// The Ethernet header that they leave with.
    #[inline]
    pub fn link(&self) -> &Ethernet {
        &self.link
    }

    /// They go to this MAC address from now on.
    pub(crate) fn set_dst_mac(&mut self, mac: Mac) {
        self.link.dst = mac;
    }

    /// They come from this MAC address of the gate's from now on.
    pub(crate) fn set_src_mac(&mut self, mac: Mac) {
        self.link.src = mac;
    }

    /// The address and port that they leave from.
    #[inline]
    pub fn src(&self) -> (Ipv4Addr, u16) {
        (self.ends.src.into(), self.ends.src_port.get())
    }

    /// The address and port that they leave for.
    #[inline]
    pub fn dst(&self) -> (Ipv4Addr, u16) {
        (self.ends.dst.into(), self.ends.dst_port.get())
    }

    /// Rewrites a frame; its padding is cut off, so that nothing hides behind the packet.
    ///
    /// # Errors
    /// [`Reason::NoRoom`] where the frame has no headroom for a tag.
    #[inline]
    pub fn apply<F: FrameBuf>(&self, frame: &mut F, headers: &Headers) -> Result<(), Reason> {
        self.apply_with(frame, headers, None)
    }

    /// The same, with other TCP numbers.
    ///
    /// # Errors
    /// [`Reason::NoRoom`].
    #[inline]
    pub(crate) fn apply_with<F: FrameBuf>(
        &self,
        frame: &mut F,
        headers: &Headers,
        numbers: Option<Numbers>,
    ) -> Result<(), Reason> {
        self.rewrite_link(frame, headers)?;
        let at = self.ip_at();
        let l4_at = at + Ipv4::LEN;
        let bytes = frame.bytes_mut();
        if let Some(ip) = Ipv4::at_mut(bytes, at) {
            (ip.src, ip.dst) = (self.ends.src, self.ends.dst);
            take_hop(ip, self.header_delta);
        }
        match headers.l4 {
            L4::Tcp(_) => self.rewrite_tcp(bytes, l4_at, numbers),
            L4::Udp { .. } => self.rewrite_udp(bytes, l4_at),
            L4::Icmp { id, .. } => self.rewrite_echo(bytes, l4_at, id),
        }
        Ok(())
    }

    /// The same for a segment that is [plain](wicketgate_packet::Plain), whose IPv4 header begins where it is to.
    #[inline(always)]
    pub(crate) fn apply_to_plain(&self, bytes: &mut [u8], numbers: Option<Numbers>) {
        // Each with a place of its own that is known, so that the length is asked once.
        match self.vlan {
            None => self.write_plain(bytes, Ethernet::LEN, numbers),
            Some(_) => self.write_plain(bytes, Ethernet::LEN + VlanTag::LEN, numbers),
        }
    }

    #[inline(always)]
    fn write_plain(&self, bytes: &mut [u8], at: usize, numbers: Option<Numbers>) {
        let Some(headers) = bytes.get_mut(..at + Ipv4Tcp::LEN) else { return };
        write_header(headers, &self.link, self.vlan);
        if let Some(Ipv4Tcp { ip, tcp }) = Ipv4Tcp::at_mut(headers, at) {
            take_hop(ip, self.header_delta);
            self.rewrite_numbers(tcp, numbers);
        }
        if let Some(ends) = Ends::at_mut(headers, at + Ipv4::ENDS) {
            *ends = self.ends;
        }
    }

    /// Cuts the padding, adds or removes tags, writes the Ethernet header.
    ///
    /// # Errors
    /// [`Reason::NoRoom`].
    pub fn rewrite_link<F: FrameBuf>(
        &self,
        frame: &mut F,
        headers: &Headers,
    ) -> Result<(), Reason> {
        self.place_packet(frame, headers.link.end.into(), headers.end as usize)?;
        write_header(frame.bytes_mut(), &self.link, self.vlan);
        Ok(())
    }

    /// Cuts the padding, and makes the link header as long as it is to be.
    ///
    /// # Errors
    /// [`Reason::NoRoom`].
    #[inline(never)]
    pub(crate) fn place_packet<F: FrameBuf>(
        &self,
        frame: &mut F,
        ip_at: usize,
        end: usize,
    ) -> Result<(), Reason> {
        // 14, 18 or 22 on either side.
        let shift = ip_at as isize - self.ip_at() as isize;
        let fits = frame.resize(end) && (shift == 0 || frame.move_start(shift));
        if fits { Ok(()) } else { Err(Reason::NoRoom) }
    }

    /// Asset and client as the receiver of frames knows them that travel in `direction` and are so rewritten.
    pub fn ends(&self, direction: Direction) -> (Ipv4Addr, Ipv4Addr) {
        let ((src, _), (dst, _)) = (self.src(), self.dst());
        match direction {
            Direction::ToServer => (dst, src),
            Direction::ToClient => (src, dst),
        }
    }

    /// What addresses and ports change in a transport checksum.
    pub fn transport_delta(&self) -> Delta {
        self.transport_delta
    }

    /// Where the IPv4 header begins in a frame that leaves.
    #[inline]
    pub fn ip_at(&self) -> usize {
        if self.vlan.is_some() { Ethernet::LEN + VlanTag::LEN } else { Ethernet::LEN }
    }

    #[inline]
    fn rewrite_tcp(&self, bytes: &mut [u8], at: usize, numbers: Option<Numbers>) {
        if let Some(tcp) = Tcp::at_mut(bytes, at) {
            (tcp.src_port, tcp.dst_port) = (self.ends.src_port, self.ends.dst_port);
            self.rewrite_numbers(tcp, numbers);
        }
    }

    /// Gives a segment its checksum and, where they differ, other numbers. Without URG the urgent pointer means
    /// nothing, so it is none.
    #[inline(always)]
    fn rewrite_numbers(&self, tcp: &mut Tcp, numbers: Option<Numbers>) {
        let before = tcp.checksum.get();
        let sum = match numbers {
            None => self.transport_delta.apply(before),
            Some(numbers) => {
                let [places, rest] = tcp.words();
                tcp.set_places(numbers.places());
                tcp.window.set(numbers.window);
                tcp.urgent.set(0);
                let (places, said) = ((places, numbers.places()), (rest & SAID, numbers.said()));
                self.transport_delta.apply_with(before, places, said)
            }
        };
        tcp.checksum.set(sum);
    }

    /// Whether frames with this link header come from where those that are so rewritten go to.
    #[inline(always)]
    pub(crate) fn answers_come_with(&self, ethernet: &Ethernet, tag: Option<u16>) -> bool {
        ethernet.answers(&self.link) && tag == self.vlan
    }

    /// The same, from whatever MAC address they come.
    pub(crate) fn answers_come_to(&self, ethernet: &Ethernet, tag: Option<u16>) -> bool {
        ethernet.dst == self.link.src && tag == self.vlan
    }

    fn rewrite_udp(&self, bytes: &mut [u8], at: usize) {
        if let Some(udp) = Udp::at_mut(bytes, at) {
            (udp.src_port, udp.dst_port) = (self.ends.src_port, self.ends.dst_port);
            let delta = self.transport_delta();
            // RFC 768: 0 says that there is no checksum; a sum of 0 is written as 0xffff.
            let sum = match udp.checksum.get() {
                0 => 0,
                sum => Some(delta.apply(sum)).filter(|sum| *sum != 0).unwrap_or(0xffff),
            };
            udp.checksum.set(sum);
        }
    }

    /// An echo's identifier stands for the port of whoever asked (RFC 5508 section 3.1).
    fn rewrite_echo(&self, bytes: &mut [u8], at: usize, id: u16) {
        if let Some(icmp) = Icmp::at_mut(bytes, at) {
            icmp.id = self.ends.src_port;
            icmp.checksum.set(Delta::NONE.word(id, icmp.id.get()).apply(icmp.checksum.get()));
        }
    }
}

/// Window and urgent pointer in the second of a TCP header's [words](Tcp::words).
const SAID: u64 = u64::from_ne_bytes([0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);

impl Numbers {
    /// Sequence and acknowledgement number as a word of a TCP header.
    #[inline(always)]
    const fn places(&self) -> u64 {
        ((self.seq as u64) << 32 | self.ack as u64).to_be()
    }

    /// The window, and no urgent pointer, as the other one's [part](SAID).
    #[inline(always)]
    const fn said(&self) -> u64 {
        ((self.window as u64) << 32).to_be()
    }
}
