//! Admit: the only maker of flows.
//!
//! A flow is made from a grant and in no other way: who asks, by address, MAC and port; at which
//! door; at what time. Everything else falls through to a refusal.

use core::net::Ipv4Addr;

use wicketgate_dissectors::{Class, Command, Item, Items, Protocol, Transport};
use wicketgate_packet::parse::flags;
use wicketgate_packet::wire::icmp;
use wicketgate_packet::{FrameBuf, Headers, L4, PortId};

use crate::engine::{Arrival, Engine};
use crate::event::{EndCause, Event, EventKind, EventRing, Standing, Totals};
use crate::flow::{Flow, FlowId, FlowKey, timeout, transport_of};
use crate::live::{LINGER, Live, Use};
use crate::session::SessionState;
use crate::tables::{
    Asset, AssetId, Endpoint, EndpointId, Grant, GrantId, Mac, Port, Side, Tables,
};
use crate::tcp::Connection;
use crate::translate::Rewrite;
use crate::verdict::Reason;
use wicketgate_packet::Time;

/// Tries to find a free port towards an asset before giving up: the work is bounded even when a
/// thousand clients wear the same port.
const NAT_TRIES: u16 = 64;

/// First port to try when the client's own is taken (RFC 6335: dynamic ports).
const NAT_FIRST: u16 = 49152;

/// Everything that admission found out, before anything is changed.
struct Admission<'a> {
    asset_id: AssetId,
    asset: &'a Asset,
    door_id: EndpointId,
    door: Endpoint,
    grant_id: GrantId,
    grant: &'a Grant,
    essential: bool,
    who: u64,
    neighbour: Mac,
}

impl Engine {
    /// Opens a flow for a frame that belongs to none.
    ///
    /// # Errors
    /// Nobody may open it, or there is no room; told to the audit, except for stragglers.
    #[cold]
    pub(crate) fn admit<F: FrameBuf>(
        &mut self,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<FlowId, Reason> {
        let admitted = self.try_admit(arrival);
        match admitted {
            Err(Reason::NoNeighbour) if arrival.may_wait => {
                let asset = self.tables.asset_by_overlay(arrival.headers.dst);
                let asset = asset.and_then(|id| self.tables.asset(id));
                self.wanted = asset.map(Asset::next_hop);
            }
            Err(reason) if opens(&arrival.headers) => self.tell_refused(arrival, reason),
            _ => {}
        }
        admitted
    }

    /// Whether a frame of no flow is between a granted source and its door, or comes from an asset's
    /// door to where its answers go.
    pub(crate) fn is_granted<F: FrameBuf>(&self, arrival: &Arrival<'_, F>) -> bool {
        let headers = &arrival.headers;
        let Some(gate) = self.tables.port(arrival.port) else { return false };
        if transport_of(headers) != Transport::Tcp {
            return false;
        }
        let asks = gate.side != Side::Underlay
            && find(&self.tables, gate, arrival.port, headers, arrival.now).is_ok();
        asks || gate.side != Side::Overlay && self.is_answer(gate, arrival)
    }

    /// Whether a segment comes from an asset's door, where the asset is, to the gate's address there.
    fn is_answer<F: FrameBuf>(&self, gate: &Port, arrival: &Arrival<'_, F>) -> bool {
        let (headers, tables) = (&arrival.headers, &self.tables);
        let (from, to) = headers.ports();
        let Some(id) = tables.asset_by_underlay(arrival.port, headers.src) else { return false };
        let here = (Some(headers.link.src), headers.link.vlan());
        let is_here = tables.asset(id).is_some_and(|asset| (asset.mac, asset.vlan) == here);
        let door = tables.door(id, Transport::Tcp, from);
        is_here && door.is_some() && headers.dst == gate.address && to != 0
    }

    fn try_admit<F: FrameBuf>(&mut self, arrival: &mut Arrival<'_, F>) -> Result<FlowId, Reason> {
        let tables = self.tables.clone();
        let gate = tables.port(arrival.port).ok_or(Reason::NotForGate)?;
        if !opens(&arrival.headers) {
            return Err(Reason::NoFlow);
        }
        let admission = find(&tables, gate, arrival.port, &arrival.headers, arrival.now)?;
        let standing = if admission.essential { Standing::MachineRead } else { Standing::People };
        // The start of a session and that of its flow.
        if !arrival.events.has_room(standing, 2) {
            return Err(Reason::AuditFull);
        }
        if !self.flows.has_room(admission.essential) {
            return Err(Reason::FlowTableFull);
        }
        self.check_use(&admission, arrival)?;
        let underlay = tables.port(admission.asset.port).ok_or(Reason::NoEndpoint)?;
        let nat_port = self.nat_port(&admission, underlay, &arrival.headers)?;
        let stream = match admission.door.protocol.is_inspected() {
            true => Some(self.streams.take(admission.essential).ok_or(Reason::StreamsUsedUp)?),
            false => None,
        };
        let Some(session) = self.session(&admission, arrival) else {
            stream.into_iter().for_each(|stream| self.streams.give_back(stream));
            return Err(Reason::SessionTableFull);
        };
        let mut flow = new_flow(&admission, &session, gate, underlay, nat_port, arrival);
        flow.stream = stream;
        flow.epoch = tables.epoch();
        let kind = EventKind::FlowStart { endpoint: admission.door_id, nat_port };
        arrival.events.push(Event::of(arrival.now, &flow, kind));
        let id = self.flows.insert(flow).ok_or(Reason::FlowTableFull)?;
        if let Some(stream) = stream.and_then(|stream| self.streams.get_mut(stream)) {
            stream.set_owner(id);
        }
        Ok(id)
    }

    /// The port that the flow wears towards the asset: the client's own if it is free there
    /// (RFC 4787 section 4.2.1, port preservation).
    fn nat_port(
        &self,
        admission: &Admission<'_>,
        underlay: &Port,
        headers: &Headers,
    ) -> Result<u16, Reason> {
        let (own, _) = headers.ports();
        let others = (0..NAT_TRIES).map(|step| NAT_FIRST + (own.wrapping_add(step) % 16384));
        core::iter::once(own)
            .chain(others)
            .find(|port| {
                let key = return_key(admission, underlay.address, *port);
                *port != 0 && self.flows.find(&key).is_none()
            })
            .ok_or(Reason::NatPortsUsedUp)
    }

    /// A session that was revoked takes no new flow until it has ended, nor does its source begin another
    /// by the same tables: whoever was cut off does not come back by knocking again. A first one needs
    /// room.
    fn check_use<F: FrameBuf>(
        &self,
        admission: &Admission<'_>,
        arrival: &Arrival<'_, F>,
    ) -> Result<(), Reason> {
        let (source, epoch) = (arrival.headers.src, self.tables.epoch());
        if !admission.essential && self.sessions.is_barred(source, epoch) {
            return Err(Reason::Revoked);
        }
        match self.live.find(&use_of(admission, arrival)) {
            Some(live) => match self.sessions.state(live.slot, live.id) {
                SessionState::Live => Ok(()),
                SessionState::Draining => Err(Reason::Draining),
                SessionState::Revoked | SessionState::Gone => Err(Reason::Revoked),
            },
            None if !self.sessions.has_room(admission.essential) => Err(Reason::SessionTableFull),
            _ => Ok(()),
        }
    }

    /// The session that this use of the grant belongs to, opened if it is the first.
    fn session<F: FrameBuf>(
        &mut self,
        admission: &Admission<'_>,
        arrival: &mut Arrival<'_, F>,
    ) -> Option<Live> {
        let of = use_of(admission, arrival);
        let right = (admission.grant_id, self.tables.epoch());
        if let Some(live) = self.live.join(&of, right) {
            return Some(live);
        }
        let live = self.live.open(of, right, admission.essential, &self.sessions)?;
        arrival.events.push(Event {
            time: arrival.now,
            session: live.id.0,
            grant: Some(admission.grant_id),
            source: arrival.headers.src,
            source_port: 0,
            kind: EventKind::SessionStart,
        });
        Some(live)
    }

    pub(crate) fn tell_refused<F: FrameBuf>(&self, arrival: &mut Arrival<'_, F>, reason: Reason) {
        // What strangers try must not fill the ring for the others.
        if !arrival.events.has_room(Standing::People, 1) {
            return arrival.events.count_lost();
        }
        let (source_port, port) = arrival.headers.ports();
        let destination = arrival.headers.dst;
        arrival.events.push(Event {
            time: arrival.now,
            session: 0,
            grant: None,
            source: arrival.headers.src,
            source_port,
            kind: EventKind::Refused {
                subject: self.tables.subject_at(
                    arrival.port,
                    arrival.headers.link.src,
                    arrival.headers.src,
                ),
                asset: self.tables.asset_by_overlay(destination),
                destination,
                port,
                reason,
            },
        });
    }

    /// Binds a flow of an older epoch to the tables in force, or ends it.
    ///
    /// # Errors
    /// The policy no longer gives it.
    #[cold]
    pub(crate) fn readmit<F: FrameBuf>(
        &mut self,
        id: FlowId,
        arrival: &mut Arrival<'_, F>,
    ) -> Result<(), Reason> {
        let tables = self.tables.clone();
        let bound = self.flows.get(id).and_then(|flow| {
            let (under_way, bound) = (self.operation(flow), rebind(&tables, flow)?);
            bound.3.matcher.has_use(arrival.now, under_way).then_some(bound)
        });
        let Some((endpoint, asset, grant_id, grant)) = bound else {
            self.end_flow(id, EndCause::PolicyChanged, arrival.now, arrival.events);
            return Err(Reason::Revoked);
        };
        if let Some(flow) = self.flows.get_mut(id) {
            (flow.endpoint, flow.asset, flow.grant) = (endpoint, asset, grant_id);
            (flow.until, flow.epoch) = (grant.until, tables.epoch());
            follow_links(&tables, flow);
            self.live.rebind(&flow.used, (grant_id, tables.epoch()));
        }
        Ok(())
    }

    /// Ends a session without flows, if the next places hold one.
    pub(crate) fn end_idle_session(&mut self, now: Time, events: &mut EventRing) {
        self.end_session(now, LINGER, EndCause::Idle, 8, events);
    }

    pub(crate) fn end_session(
        &mut self,
        now: Time,
        linger: core::time::Duration,
        cause: EndCause,
        places: usize,
        events: &mut EventRing,
    ) -> bool {
        let Some(live) = self.live.take_quiet(now, linger, places) else { return false };
        let cause = match self.sessions.state(live.slot, live.id) {
            SessionState::Revoked => EndCause::Revoked,
            SessionState::Draining => EndCause::Expired,
            SessionState::Live | SessionState::Gone => cause,
        };
        let totals: Totals = self.sessions.end(live.slot);
        events.push(Event {
            time: now,
            session: live.id.0,
            grant: live.grant_in(self.tables.epoch()),
            source: live.source(),
            source_port: 0,
            kind: EventKind::SessionEnd { cause, totals },
        });
        true
    }
}

/// Whether a frame can open a flow: a first SYN, a datagram, an echo request.
fn opens(headers: &Headers) -> bool {
    match headers.l4 {
        L4::Tcp(segment) => {
            let kind = flags::SYN | flags::ACK | flags::RST | flags::FIN;
            segment.flags & kind == flags::SYN
        }
        L4::Udp { .. } => true,
        L4::Icmp { kind, code, .. } => kind == icmp::ECHO && code == 0,
    }
}

/// Asset, door and grant for a frame that asks for a flow.
fn find<'a>(
    tables: &'a Tables,
    gate: &Port,
    port: PortId,
    headers: &Headers,
    now: Time,
) -> Result<Admission<'a>, Reason> {
    let from_asset = match gate.side {
        Side::Overlay => false,
        Side::Underlay => true,
        Side::Both => tables.asset_by_underlay(port, headers.src).is_some(),
    };
    if from_asset {
        return Err(Reason::FromAsset);
    }
    let asset_id = tables.asset_by_overlay(headers.dst).ok_or(Reason::NoAsset)?;
    if tables.asset_by_overlay(headers.src).is_some() {
        return Err(Reason::Spoofed);
    }
    let asset = tables.asset(asset_id).ok_or(Reason::NoAsset)?;
    let transport = transport_of(headers);
    let number = if transport == Transport::Icmp { 0 } else { headers.ports().1 };
    let door_id = tables.door(asset_id, transport, number).ok_or(Reason::NoEndpoint)?;
    let door = *tables.endpoint(door_id).ok_or(Reason::NoEndpoint)?;
    let grant_id =
        tables.grant_for(port, headers.link.src, headers.src, door_id).ok_or(Reason::NoGrant)?;
    let grant = tables.grant(grant_id).ok_or(Reason::NoGrant)?;
    if grant.until <= now {
        return Err(Reason::Expired);
    }
    may_open(grant, door.protocol, now)?;
    let subject = tables.subject(grant.subject).ok_or(Reason::NoGrant)?;
    let (essential, who) = (subject.essential, subject.identity(grant.right));
    let neighbour = asset.mac.ok_or(Reason::NoNeighbour)?;
    Ok(Admission { asset_id, asset, door_id, door, grant_id, grant, essential, who, neighbour })
}

/// Whether some rule of the grant holds now; an echo is a command by itself and judged here.
///
/// # Errors
/// [`Reason::OutsideWindow`], [`Reason::Draining`], or why the echo is refused.
pub fn may_open(grant: &Grant, protocol: Protocol, now: Time) -> Result<(), Reason> {
    if grant.observe {
        return Ok(());
    }
    if !grant.matcher.is_open(now) {
        let draining = grant.matcher.is_draining(now);
        return Err(if draining { Reason::Draining } else { Reason::OutsideWindow });
    }
    match protocol {
        Protocol::Icmp => grant.matcher.judge(&ECHO, now).map(|_| ()).map_err(|no| no.reason),
        _ => Ok(()),
    }
}

/// What an ICMP echo request asks for.
const ECHO: Command<'static> = Command {
    protocol: Protocol::Icmp,
    class: Class::Diag,
    function: icmp::ECHO as u16,
    sub: None,
    unit: 0,
    name: "echo",
    items: Items::one(Item::bare(Class::Diag)),
};

/// How the asset's frames come back.
fn return_key(admission: &Admission<'_>, nat: Ipv4Addr, nat_port: u16) -> FlowKey {
    let Admission { asset, door, .. } = admission;
    let door_port = if door.transport == Transport::Icmp { nat_port } else { door.port };
    let (src, dst) = ((asset.underlay, door_port), (nat, nat_port));
    FlowKey::new(asset.port, asset.vlan, door.transport, src, dst)
}

fn new_flow<F: FrameBuf>(
    admission: &Admission<'_>,
    session: &Live,
    gate: &Port,
    underlay: &Port,
    nat_port: u16,
    arrival: &Arrival<'_, F>,
) -> Flow {
    let Admission { asset, door, .. } = admission;
    let headers = &arrival.headers;
    let (client_port, overlay_port) = headers.ports();
    let door_port = if door.transport == Transport::Icmp { nat_port } else { door.port };
    let outside = ((headers.src, client_port), (asset.overlay, overlay_port));
    let inside = ((underlay.address, nat_port), (asset.underlay, door_port));
    let macs = (underlay.mac, admission.neighbour);
    let there = Rewrite::new(asset.port, macs, asset.vlan, outside, inside);
    let client_macs = (gate.mac, headers.link.src);
    let vlan = headers.link.vlan();
    let back = Rewrite::new(arrival.port, client_macs, vlan, swap(inside), swap(outside));
    let patience = timeout::at_first(door.transport);
    Flow {
        keys: [
            FlowKey::of(arrival.port, headers),
            return_key(admission, underlay.address, nat_port),
        ],
        rewrites: [there, back],
        slot: session.slot,
        session: session.id,
        grant: admission.grant_id,
        until: admission.grant.until,
        epoch: 0,
        endpoint: admission.door_id,
        asset: admission.asset_id,
        client: (headers.src, client_port),
        client_mac: headers.link.src,
        transport: door.transport,
        used: use_of(admission, arrival),
        tcp: match headers.l4 {
            L4::Tcp(segment) => Connection::open(&segment),
            _ => Connection::default(),
        },
        stream: None,
        dead: None,
        patience,
        idle_at: arrival.now + patience,
        totals: Totals::default(),
    }
}

/// Which use of the grant this is.
fn use_of<F: FrameBuf>(admission: &Admission<'_>, arrival: &Arrival<'_, F>) -> Use {
    Use {
        who: admission.who,
        port: arrival.port,
        source: arrival.headers.src,
        overlay: admission.asset.overlay,
        door: (admission.door.transport, admission.door.port),
    }
}

fn swap<T>((source, destination): (T, T)) -> (T, T) {
    (destination, source)
}

/// Takes over MAC addresses that have changed, of the asset or of the gate's own interfaces: a flow is its
/// addresses and ports, whatever card they are on.
fn follow_links(tables: &Tables, flow: &mut Flow) {
    let [there, back] = &mut flow.rewrites;
    let asset = tables.asset(flow.asset).and_then(|asset| asset.mac);
    if let Some(mac) = asset {
        there.set_dst_mac(mac);
    }
    for rewrite in [there, back] {
        if let Some(port) = tables.port(rewrite.egress) {
            rewrite.set_src_mac(port.mac);
        }
    }
}

/// The flow's door and grant in other tables; `None` where it has none there, where its addresses
/// would have to change, or where somebody else now has the client's.
pub(crate) fn rebind<'a>(
    tables: &'a Tables,
    flow: &Flow,
) -> Option<(EndpointId, AssetId, GrantId, &'a Grant)> {
    let [there, back] = &flow.rewrites;
    let asset_id = tables.asset_by_overlay(back.src().0)?;
    let asset = tables.asset(asset_id)?;
    let gate = tables.port(asset.port)?;
    let place = (asset.port, asset.vlan, asset.underlay, gate.address);
    let before = (there.egress, there.vlan, there.dst().0, there.src().0);
    let same = place == before;
    let transport = flow.transport;
    let number = if transport == Transport::Icmp { 0 } else { there.dst().1 };
    let door = tables.door(asset_id, transport, number).filter(|_| same)?;
    // What nobody read so far cannot be read from its middle on.
    let read = tables.endpoint(door)?.protocol.is_inspected();
    if read != flow.stream.is_some() {
        return None;
    }
    let mut grants = tables.grants_for(back.egress, flow.client_mac, flow.client.0, door);
    let (grant_id, grant) = grants.find_map(|id| {
        let grant = tables.grant(id)?;
        let same = tables.subject(grant.subject)?.identity(grant.right) == flow.used.who;
        same.then_some((id, grant))
    })?;
    Some((door, asset_id, grant_id, grant))
}
