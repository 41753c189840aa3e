//! The packet that an ICMP error quotes (RFC 792): which it is about.

use core::net::Ipv4Addr;

use crate::checksum::Delta;
use crate::wire::{Icmp, Ipv4, Tcp, Udp, protocol};

/// An address and a TCP or UDP port; for ICMP the echo's identifier.
pub type End = (Ipv4Addr, u16);

/// The headers of a quoted packet. Only 8 bytes of its transport header need be there: ports, and of
/// TCP the sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Where its IPv4 header begins in the frame.
    pub ip_at: usize,
    /// Its protocol number: TCP, UDP or ICMP.
    pub protocol: u8,
    /// Who sent it.
    pub src: End,
    /// Who it was for.
    pub dst: End,
    /// TCP: its sequence number.
    pub seq: u32,
}

impl Quote {
    /// Reads the packet quoted at `ip_at`; `None` for fragments, options and other protocols.
    pub fn read(bytes: &[u8], ip_at: usize) -> Option<Quote> {
        let ip = Ipv4::at(bytes, ip_at).filter(|ip| ip.version_ihl == 0x45 && !ip.is_fragment())?;
        let at = ip_at + Ipv4::LEN;
        // The first 8 bytes of all three lie alike.
        let udp = Udp::at(bytes, at)?;
        let (src, dst) = match ip.protocol {
            protocol::TCP | protocol::UDP => (udp.src_port.get(), udp.dst_port.get()),
            protocol::ICMP => Icmp::at(bytes, at).map(|echo| (echo.id.get(), echo.id.get()))?,
            _ => return None,
        };
        let seq = u32::from(udp.length.get()) << 16 | u32::from(udp.checksum.get());
        let (src, dst) = ((ip.src.into(), src), (ip.dst.into(), dst));
        Some(Quote { ip_at, protocol: ip.protocol, src, dst, seq })
    }

    /// Gives the quoted packet other ends, as its sender knows them; its checksums stay as right as
    /// they were.
    pub fn translate(&self, bytes: &mut [u8], src: End, dst: End) {
        let addresses = Delta::NONE.address(self.src.0, src.0).address(self.dst.0, dst.0);
        let ports = Delta::NONE.word(self.src.1, src.1).word(self.dst.1, dst.1);
        if let Some(ip) = Ipv4::at_mut(bytes, self.ip_at) {
            ip.src = src.0.octets();
            ip.dst = dst.0.octets();
            ip.checksum.set(addresses.apply(ip.checksum.get()));
        }
        let at = self.ip_at + Ipv4::LEN;
        if self.protocol == protocol::ICMP {
            return translate_echo(bytes, at, src.1);
        }
        if let Some(udp) = Udp::at_mut(bytes, at) {
            udp.src_port.set(src.1);
            udp.dst_port.set(dst.1);
        }
        self.repair(bytes, at, addresses.and(ports));
    }

    /// Gives the quoted TCP segment another sequence number; its checksum stays as right as it was.
    pub fn renumber(&self, bytes: &mut [u8], seq: u32) {
        let at = self.ip_at + Ipv4::LEN;
        // The sequence number lies where UDP has length and checksum.
        if let Some(udp) = Udp::at_mut(bytes, at) {
            udp.length.set((seq >> 16) as u16);
            udp.checksum.set(seq as u16);
        }
        self.repair(bytes, at, Delta::NONE.long(self.seq, seq));
    }

    /// The quoted transport checksum, where it was quoted and there is one.
    fn repair(&self, bytes: &mut [u8], at: usize, delta: Delta) {
        if self.protocol == protocol::TCP {
            if let Some(tcp) = Tcp::at_mut(bytes, at) {
                tcp.checksum.set(delta.apply(tcp.checksum.get()));
            }
        } else if let Some(udp) = Udp::at_mut(bytes, at)
            && udp.checksum.get() != 0
        {
            udp.checksum.set(delta.apply(udp.checksum.get()));
        }
    }
}

fn translate_echo(bytes: &mut [u8], at: usize, id: u16) {
    if let Some(echo) = Icmp::at_mut(bytes, at) {
        let delta = Delta::NONE.word(echo.id.get(), id);
        echo.id.set(id);
        echo.checksum.set(delta.apply(echo.checksum.get()));
    }
}
