//! ICMP errors: about a packet of a flow, translated inside and outside (RFC 5508 section 4).

use wicketgate_dissectors::{Direction, Transport};
use wicketgate_packet::checksum::Delta;
use wicketgate_packet::wire::{Icmp, Ipv4, Tcp, Udp, icmp, protocol};
use wicketgate_packet::{FrameBuf, L4, PortId, rewrite};

use crate::engine::{Arrival, Engine};
use crate::flow::{FlowId, FlowKey};
use crate::translate::Rewrite;
use crate::verdict::{Reason, Verdict};

/// Least path MTU that the gate passes on: below it an attacker makes dust of every segment
/// (`ip_rt_min_pmtu` of Linux).
const MIN_MTU: u16 = 552;

/// Code of "fragmentation needed" (RFC 792).
const FRAGMENTATION_NEEDED: u8 = 4;

/// The packet quoted in an error.
struct Quote {
    /// Where its IPv4 header begins in the frame.
    ip_at: usize,
    /// Where its transport header begins.
    l4_at: usize,
    transport: Transport,
    /// The key under which answers to it come in, by the port that the error came in by.
    key: FlowKey,
}

impl Engine {
    /// Translates an ICMP error; `None` if the frame is none.
    pub(crate) fn icmp_error<F: FrameBuf>(
        &mut self,
        arrival: &mut Arrival<'_, F>,
    ) -> Option<Result<Verdict, Reason>> {
        let L4::Icmp { kind, code, .. } = arrival.headers.l4 else { return None };
        match kind {
            icmp::ECHO | icmp::ECHO_REPLY => None,
            icmp::UNREACHABLE | icmp::TIME_EXCEEDED | icmp::PARAMETER_PROBLEM => {
                Some(self.translate_error(kind, code, arrival))
            }
            _ => Some(Err(Reason::IcmpUnrelated)),
        }
    }

    fn translate_error<F: FrameBuf>(
        &mut self,
        kind: u8,
        code: u8,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<Verdict, Reason> {
        let vlan = arrival.headers.link.vlan();
        let at = usize::from(arrival.headers.payload_at);
        let quote = Quote::read(arrival.frame.bytes(), at, arrival.port, vlan)
            .ok_or(Reason::IcmpUnrelated)?;
        let (id, direction) = self.flows.find(&quote.key).ok_or(Reason::IcmpUnrelated)?;
        self.check_quote(id, direction, &quote, arrival)?;
        let shrinks = kind == icmp::UNREACHABLE && code == FRAGMENTATION_NEEDED;
        let l4_at = usize::from(arrival.headers.l4_at);
        let mtu = Icmp::at(arrival.frame.bytes(), l4_at).map_or(0, |icmp| icmp.seq.get());
        if shrinks && mtu < MIN_MTU {
            return Err(Reason::IcmpUnrelated);
        }
        let rewrite = *self.flows.get(id).ok_or(Reason::NoFlow)?.rewrite(direction);
        quote.translate(arrival.frame.bytes_mut(), &rewrite);
        send_on(&rewrite, arrival)
    }

    /// An error counts only if the packet that it quotes can be under way (RFC 5927 section 4.1).
    fn check_quote<F: FrameBuf>(
        &self,
        id: FlowId,
        answers: Direction,
        quote: &Quote,
        arrival: &Arrival<'_, F>,
    ) -> Result<(), Reason> {
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let live = !flow.is_idle(arrival.now) && flow.dead.is_none();
        let bytes = arrival.frame.bytes();
        let under_way = match quote.transport {
            // Only the first 8 bytes need be quoted (RFC 792): ports and sequence number.
            Transport::Tcp => bytes
                .get(quote.l4_at + 4..quote.l4_at + 8)
                .and_then(|seq| seq.try_into().ok().map(u32::from_be_bytes))
                .is_some_and(|seq| flow.tcp.in_flight(answers.reverse(), seq)),
            Transport::Udp | Transport::Icmp => true,
        };
        if live && under_way { Ok(()) } else { Err(Reason::IcmpUnrelated) }
    }
}

impl Quote {
    /// The IPv4 packet quoted at `ip_at`; at least 8 bytes of its payload must be there.
    fn read(bytes: &[u8], ip_at: usize, port: PortId, vlan: Option<u16>) -> Option<Quote> {
        let ip = Ipv4::at(bytes, ip_at).filter(|ip| ip.version_ihl == 0x45 && !ip.is_fragment())?;
        let l4_at = ip_at + Ipv4::LEN;
        let udp = Udp::at(bytes, l4_at)?;
        let (transport, src, dst) = match ip.protocol {
            protocol::TCP => (Transport::Tcp, udp.src_port.get(), udp.dst_port.get()),
            protocol::UDP => (Transport::Udp, udp.src_port.get(), udp.dst_port.get()),
            protocol::ICMP => {
                let id = Icmp::at(bytes, l4_at)?.id.get();
                (Transport::Icmp, id, id)
            }
            _ => return None,
        };
        let (from, to) = ((ip.src.into(), src), (ip.dst.into(), dst));
        let key = FlowKey::new(port, vlan, transport, to, from);
        Some(Quote { ip_at, l4_at, transport, key })
    }

    /// Gives the quoted packet the addresses that the error's receiver sent it with: the reverse of
    /// how its own frames are rewritten.
    fn translate(&self, bytes: &mut [u8], rewrite: &Rewrite) {
        let ((src, src_port), (dst, dst_port)) = (rewrite.dst, rewrite.src);
        if let Some(ip) = Ipv4::at_mut(bytes, self.ip_at) {
            let delta = Delta::NONE.address(ip.src.into(), src).address(ip.dst.into(), dst);
            ip.src = src.octets();
            ip.dst = dst.octets();
            ip.checksum.set(delta.apply(ip.checksum.get()));
        }
        if self.transport == Transport::Icmp {
            if let Some(echo) = Icmp::at_mut(bytes, self.l4_at) {
                let delta = Delta::NONE.word(echo.id.get(), src_port);
                echo.id.set(src_port);
                echo.checksum.set(delta.apply(echo.checksum.get()));
            }
            return;
        }
        // The same words change as in the receiver's own frames, only the other way round.
        let delta = rewrite.transport_delta();
        if let Some(udp) = Udp::at_mut(bytes, self.l4_at) {
            udp.src_port.set(src_port);
            udp.dst_port.set(dst_port);
            if self.transport == Transport::Udp && udp.checksum.get() != 0 {
                udp.checksum.set(delta.apply(udp.checksum.get()));
            }
        }
        if let (Transport::Tcp, Some(tcp)) = (self.transport, Tcp::at_mut(bytes, self.l4_at)) {
            tcp.checksum.set(delta.apply(tcp.checksum.get()));
        }
    }
}

/// The error itself: from the other end's address, to who sent the quoted packet.
fn send_on<F: FrameBuf>(
    rewrite: &Rewrite,
    arrival: &mut Arrival<'_, F>,
) -> Result<Verdict, Reason> {
    let headers = arrival.headers;
    rewrite.rewrite_link(arrival.frame, &headers)?;
    let bytes = arrival.frame.bytes_mut();
    let at = rewrite.ip_at();
    let addresses = Delta::NONE.address(headers.src, rewrite.src.0);
    let delta = addresses.address(headers.dst, rewrite.dst.0);
    rewrite::rewrite_ip(bytes, at, rewrite.src.0, rewrite.dst.0, delta);
    let moved = headers.moved_to(at);
    rewrite::complete_transport_checksum(bytes, &moved);
    Ok(Verdict::Forward(rewrite.egress))
}
