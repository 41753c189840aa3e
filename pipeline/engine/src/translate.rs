//! How a flow's frames leave: addresses, ports, MACs, tags and checksums.

use core::net::Ipv4Addr;

use wicketgate_dissectors::Direction;
use wicketgate_packet::checksum::Delta;
use wicketgate_packet::rewrite::{rewrite_header, rewrite_ip, write_link};
use wicketgate_packet::wire::{Ethernet, Icmp, Ipv4, Ipv4Tcp, Tcp, Udp, VlanTag};
use wicketgate_packet::{FrameBuf, Headers, L4, PortId};

use crate::judge::Numbers;
use crate::tables::Mac;
use crate::verdict::Reason;

/// Everything that changes in the frames of one direction of a flow, worked out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The port they leave by.
    pub egress: PortId,
    /// The next hop's MAC address.
    pub dst_mac: Mac,
    /// The gate's MAC address on the egress port.
    pub src_mac: Mac,
    /// The VLAN they leave on.
    pub vlan: Option<u16>,
    /// Source address and port.
    pub src: (Ipv4Addr, u16),
    /// Destination address and port.
    pub dst: (Ipv4Addr, u16),
    address_delta: Delta,
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
        Rewrite {
            egress,
            dst_mac,
            src_mac,
            vlan,
            src: after.0,
            dst: after.1,
            address_delta: addresses,
            transport_delta: addresses.and(ports),
        }
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
        rewrite_ip(bytes, at, self.src.0, self.dst.0, self.address_delta);
        match headers.l4 {
            L4::Tcp(_) => self.rewrite_tcp(bytes, l4_at, numbers),
            L4::Udp { .. } => self.rewrite_udp(bytes, l4_at),
            L4::Icmp { id, .. } => self.rewrite_echo(bytes, l4_at, id),
        }
        Ok(())
    }

    /// The same for a segment that is [plain](wicketgate_packet::Plain), whose IPv4 header begins at `ip_at`
    /// and whose packet ends at `end`.
    ///
    /// # Errors
    /// [`Reason::NoRoom`].
    #[inline(always)]
    pub(crate) fn apply_to_plain<F: FrameBuf>(
        &self,
        frame: &mut F,
        (ip_at, end): (usize, usize),
        numbers: Option<Numbers>,
    ) -> Result<(), Reason> {
        self.place_packet(frame, ip_at, end)?;
        let bytes = frame.bytes_mut();
        write_link(bytes, self.dst_mac, self.src_mac, self.vlan);
        if let Some(Ipv4Tcp { ip, tcp }) = Ipv4Tcp::at_mut(bytes, self.ip_at()) {
            rewrite_header(ip, self.src.0, self.dst.0, self.address_delta);
            self.rewrite_segment(tcp, numbers);
        }
        Ok(())
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
        write_link(frame.bytes_mut(), self.dst_mac, self.src_mac, self.vlan);
        Ok(())
    }

    /// Cuts the padding, and makes the link header as long as it is to be.
    #[inline(always)]
    fn place_packet<F: FrameBuf>(
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
        match direction {
            Direction::ToServer => (self.dst.0, self.src.0),
            Direction::ToClient => (self.src.0, self.dst.0),
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
            self.rewrite_segment(tcp, numbers);
        }
    }

    #[inline(always)]
    fn rewrite_segment(&self, tcp: &mut Tcp, numbers: Option<Numbers>) {
        tcp.src_port.set(self.src.1);
        tcp.dst_port.set(self.dst.1);
        let delta = match numbers {
            Some(numbers) => renumber(tcp, numbers, self.transport_delta),
            None => self.transport_delta,
        };
        tcp.checksum.set(delta.apply(tcp.checksum.get()));
    }

    /// Whether frames with this link header come from where those that are so rewritten go to.
    #[inline]
    pub(crate) fn answers_come_with(&self, ethernet: &Ethernet, tag: Option<u16>) -> bool {
        ethernet.src == self.dst_mac && self.answers_come_to(ethernet, tag)
    }

    /// The same, from whatever MAC address they come.
    #[inline]
    pub(crate) fn answers_come_to(&self, ethernet: &Ethernet, tag: Option<u16>) -> bool {
        ethernet.dst == self.src_mac && tag == self.vlan
    }

    fn rewrite_udp(&self, bytes: &mut [u8], at: usize) {
        if let Some(udp) = Udp::at_mut(bytes, at) {
            udp.src_port.set(self.src.1);
            udp.dst_port.set(self.dst.1);
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
            icmp.id.set(self.src.1);
            icmp.checksum.set(Delta::NONE.word(id, self.src.1).apply(icmp.checksum.get()));
        }
    }
}

/// Gives a segment other numbers; `delta` and what that changes in its checksum. Without URG the urgent pointer
/// means nothing, so it is none.
#[inline(always)]
fn renumber(tcp: &mut Tcp, numbers: Numbers, delta: Delta) -> Delta {
    let pair = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
    let delta = delta.longs([
        (tcp.seq.get(), numbers.seq),
        (tcp.ack.get(), numbers.ack),
        (pair(tcp.window.get(), tcp.urgent.get()), pair(numbers.window, 0)),
    ]);
    tcp.seq.set(numbers.seq);
    tcp.ack.set(numbers.ack);
    tcp.window.set(numbers.window);
    tcp.urgent.set(0);
    delta
}
