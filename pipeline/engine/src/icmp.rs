//! ICMP errors: about a packet of a flow, translated inside and outside (RFC 5508 section 4).

use wicketgate_dissectors::{Direction, Transport};
use wicketgate_packet::checksum::Delta;
use wicketgate_packet::quote::Quote;
use wicketgate_packet::wire::{Icmp, icmp, protocol};
use wicketgate_packet::{FrameBuf, L4, Time, rewrite};

use crate::engine::{Arrival, Engine};
use crate::flow::{Flow, FlowId, FlowKey};
use crate::session::SessionState;
use crate::translate::Rewrite;
use crate::verdict::{Reason, Verdict};

/// Least path MTU that the gate passes on: below it an attacker makes dust of every segment
/// (`ip_rt_min_pmtu` of Linux).
const MIN_MTU: u16 = 552;

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
        let at = usize::from(arrival.headers.payload_at);
        // Padding behind the packet is no part of it.
        let packet = arrival.frame.bytes().get(..arrival.headers.end as usize);
        let quote =
            packet.and_then(|packet| Quote::read(packet, at)).ok_or(Reason::IcmpUnrelated)?;
        let key = answer_key(&quote, arrival).ok_or(Reason::IcmpUnrelated)?;
        let (id, direction) = self.flows.find(&key).ok_or(Reason::IcmpUnrelated)?;
        let seq = self.check_quote(id, direction, &quote, arrival)?;
        let shrinks = kind == icmp::UNREACHABLE && code == icmp::FRAGMENTATION_NEEDED;
        if shrinks {
            self.narrow(id, direction.reverse(), next_hop_mtu(arrival))?;
        }
        let rewrite = *self.flows.get(id).ok_or(Reason::NoFlow)?.rewrite(direction);
        if seq != quote.seq {
            quote.renumber(arrival.frame.bytes_mut(), seq);
        }
        // Its sender knows the quoted packet by the ends that answers to it come with.
        quote.translate(arrival.frame.bytes_mut(), rewrite.dst(), rewrite.src());
        send_on(&rewrite, arrival)
    }

    /// What the gate itself sends towards who did not get the quoted packet becomes shorter, too.
    fn narrow(&mut self, id: FlowId, sent: Direction, mtu: u16) -> Result<(), Reason> {
        if mtu < MIN_MTU {
            return Err(Reason::IcmpUnrelated);
        }
        let stream = self.flows.get(id).and_then(|flow| flow.stream);
        if let Some(stream) = stream.and_then(|id| self.streams.get_mut(id)) {
            stream.narrow(sent, mtu);
        }
        Ok(())
    }

    fn is_open(&self, flow: &Flow, now: Time) -> bool {
        now < flow.until && self.sessions.state(flow.slot, flow.session) == SessionState::Live
    }

    /// An error counts only if the packet that it quotes can be under way (RFC 5927 section 4.1). The
    /// sequence number by which its sender knows a quoted segment.
    fn check_quote<F: FrameBuf>(
        &self,
        id: FlowId,
        answers: Direction,
        quote: &Quote,
        arrival: &Arrival<'_, F>,
    ) -> Result<u32, Reason> {
        let flow = self.flows.get(id).ok_or(Reason::NoFlow)?;
        let live =
            !flow.is_idle(arrival.now) && flow.dead.is_none() && self.is_open(flow, arrival.now);
        let stream = flow.stream.and_then(|id| self.streams.get(id));
        let sent = answers.reverse();
        let seq = match stream.filter(|_| quote.protocol == protocol::TCP) {
            Some(stream) => stream.lane(sent).quoted(quote.seq),
            None if quote.protocol != protocol::TCP => Some(quote.seq),
            None => flow.tcp.in_flight(sent, quote.seq).then_some(quote.seq),
        };
        seq.filter(|_| live).ok_or(Reason::IcmpUnrelated)
    }
}

/// The key under which answers to the quoted packet come in, by the port that the error came in by.
fn answer_key<F: FrameBuf>(quote: &Quote, arrival: &Arrival<'_, F>) -> Option<FlowKey> {
    let transport = match quote.protocol {
        protocol::TCP => Transport::Tcp,
        protocol::UDP => Transport::Udp,
        protocol::ICMP => Transport::Icmp,
        _ => return None,
    };
    let vlan = arrival.headers.link.vlan();
    Some(FlowKey::new(arrival.port, vlan, transport, quote.dst, quote.src))
}

fn next_hop_mtu<F: FrameBuf>(arrival: &Arrival<'_, F>) -> u16 {
    let at = usize::from(arrival.headers.l4_at);
    Icmp::at(arrival.frame.bytes(), at).map_or(0, |icmp| icmp.seq.get())
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
    let delta = Delta::NONE.address(headers.src, rewrite.src().0);
    let delta = delta.address(headers.dst, rewrite.dst().0);
    rewrite::rewrite_ip(bytes, at, rewrite.src().0, rewrite.dst().0, delta);
    rewrite::complete_transport_checksum(bytes, &headers.moved_to(at));
    Ok(Verdict::Forward(rewrite.egress))
}
