//! Logins by tunnels, and what becomes of what their users ask for.

use std::net::Ipv4Addr;

use wicketgate_audit::{Act, Deed};
use wicketgate_engine::{AssetId, Reason};
use wicketgate_identity::access::{self, Binding, End, LoginError};
use wicketgate_identity::{Authenticated, LoginId, Now, Outcome, Rules};
use wicketgate_tunnel::message::{Grant, GrantState};
use wicketgate_tunnel::server::Lost;

use super::requests::{login_fault, no_login};
use super::{Face, People, clock};
use crate::api::desk::Answer;
use crate::api::model::{Fault, TunnelLogin};
use crate::api::reply::{self, Reply};
use crate::run::control::Control;

/// Numbers of tunnels, among those of what logins are bound to: apart from logins of the control socket.
const TUNNELS: u64 = 1 << 32;

/// Assets that a user is told of: names of any length must fit into a message.
const ASSETS: usize = 32;

impl Control {
    /// Logs somebody in by a tunnel, and gives it an address.
    pub(super) fn open_tunnel(
        &mut self,
        open: &TunnelLogin,
        proven: &Authenticated,
        outcome: &Outcome,
    ) -> Answer {
        match self.log_in_by(open, proven) {
            Ok((id, address)) => self.tunnel_told(id, address),
            Err(error) => {
                self.tell_refused(outcome, "no-login");
                Err(login_fault(error))
            }
        }
    }

    fn log_in_by(
        &mut self,
        open: &TunnelLogin,
        proven: &Authenticated,
    ) -> Result<(LoginId, Ipv4Addr), LoginError> {
        let tunnels = self.tunnels.as_mut().ok_or(LoginError::Full)?;
        let address = tunnels.take_address().ok_or(LoginError::Full)?;
        let binding = Binding::Tunnel(TUNNELS | u64::from(open.tunnel));
        let face = Face {
            address: Some(address.into()),
            port: self.generations.policy().tunnel_port(),
            tunnel: Some(open.tunnel),
            ..Face::of(proven)
        };
        let id = self.people.admit(proven, binding, face, clock::both());
        let Ok(id) = id else {
            tunnels.give_back(address);
            return id.map(|id| (id, address));
        };
        let lifetime = self.generations.policy().tunnel().map(|tunnel| tunnel.lifetime);
        lifetime.into_iter().for_each(|lifetime| self.people.access.shorten(id, lifetime));
        Ok((id, address))
    }

    fn tunnel_told(&self, id: LoginId, address: Ipv4Addr) -> Answer {
        let login = self.people.login(id).ok_or_else(no_login)?;
        let overlay = self.tunnels.as_ref().ok_or_else(no_login)?.overlay();
        let assets = self.assets_of(id);
        Ok(Reply::Tunnel(reply::Tunnel { login, address, overlay, assets }))
    }

    /// The assets on which a login holds something, in the order of the file.
    fn assets_of(&self, id: LoginId) -> Vec<(String, Ipv4Addr)> {
        let policy = self.generations.policy();
        let holder = self.people.holder(id, Vec::new(), clock::both());
        let held = holder.map(|holder| holder.held).unwrap_or_default();
        let rules: Vec<_> =
            held.iter().filter_map(|held| policy.rules().get(held.rule.0 as usize)).collect();
        let assets = policy.assets().iter().zip((0..).map(AssetId));
        let mine = assets.filter(|(_, id)| rules.iter().any(|rule| rule.is_about(*id)));
        mine.map(|(asset, _)| (asset.name.clone(), asset.overlay)).take(ASSETS).collect()
    }

    /// The login of a tunnel, for what its user asks.
    pub(super) fn login_in(&self, tunnel: u32) -> Result<LoginId, Fault> {
        self.people.in_tunnel(tunnel).ok_or_else(no_login)
    }

    /// A tunnel is gone: so is its login, where that is not over already.
    pub(super) fn close_tunnel(&mut self, tunnel: u32, by_user: bool) -> Reply {
        let (people, now) = (&mut self.people, clock::both());
        if let Some(login) = people.in_tunnel(tunnel) {
            let access = &mut people.access;
            // It is there: it has a face.
            let _ = match by_user {
                true => access.logout(login, now),
                false => access.tunnel_lost(login, now),
            };
        }
        Reply::done("closed")
    }

    /// How many tunnels there are, and what they lost.
    pub(in crate::run) fn tunnels_told(&self) -> Option<reply::Tunnels> {
        let Lost { spoofed, unfit, overtaken, inbound, outbound } = self.tunnels.as_ref()?.lost();
        let is_open = |face: &&Face| face.tunnel.is_some() && face.over.is_none();
        let open = self.people.faces.values().filter(is_open).count() as u64;
        let fips = wicketgate_tunnel::tls::is_fips();
        Some(reply::Tunnels { open, spoofed, unfit, overtaken, inbound, outbound, fips })
    }

    /// The login of a tunnel is over, and nothing of it drains any more. Its address was nobody else's till now.
    pub(super) fn end_tunnel(&mut self, face: &Face) {
        let Some(tunnels) = &mut self.tunnels else { return };
        let (Some(tunnel), Some(end)) = (face.tunnel, face.over) else { return };
        tunnels.end(tunnel, end.name());
        if let Some(std::net::IpAddr::V4(address)) = face.address {
            tunnels.give_back(address);
        }
    }

    /// Packets came out of a tunnel with another's address.
    pub(super) fn tell_spoofed(&mut self, tunnel: u32, source: Ipv4Addr, packets: u64) -> Reply {
        let people = &self.people;
        let login = people.in_tunnel(tunnel);
        let face = login.and_then(|login| people.faces.get(&login));
        let what = format!("packets {packets}");
        let act = Act {
            refused: true,
            user: face.map(|face| face.user.as_str()),
            login: login.map(|login| login.0),
            client: Some(source.into()),
            what: Some(&what),
            reason: Some(Reason::Spoofed.code()),
            ..Act::new(Deed::TunnelSpoofed)
        };
        self.audit.act(self.generations.epoch(), &act);
        Reply::done("told")
    }
}

impl People {
    /// There are no tunnels any more: whoever came by one is out.
    pub(in crate::run) fn lose_tunnels(&mut self, now: Now) {
        let came = |(login, face): (&LoginId, &Face)| face.tunnel.map(|_| *login);
        let logins: Vec<LoginId> = self.faces.iter().filter_map(came).collect();
        for login in logins {
            // One that is over already drains.
            let _ = self.access.tunnel_lost(login, now);
        }
    }

    /// How what the user of a tunnel has asked for stands, where `event` has changed that.
    pub(super) fn news(&self, event: &access::Event) -> Option<(u32, Grant)> {
        let (id, scope) = (event.grant?, event.scope.as_ref()?);
        let tunnel = self.faces.get(&event.login?)?.tunnel?;
        let (state, end) = standing(&event.kind)?;
        let told = self.grant(id);
        let waits = state == GrantState::Requested;
        let approver = || self.book.terms(scope, clock::both().wall)?.approver;
        let by = event.actor.and_then(|user| self.name(user)).map(str::to_owned);
        let grant = Grant {
            id: id.0,
            rule: scope.rule.to_string(),
            asset: scope.asset.to_string(),
            state,
            lacking: told.as_ref().map(|told| told.lacking.clone()).unwrap_or_default(),
            approver: waits.then(approver).flatten().map(|role| role.to_string()),
            by: by.or_else(|| told.as_ref()?.approved_by.clone()),
            why: end.map(|end| end.name().to_owned()),
            left: told.and_then(|told| told.left),
        };
        Some((tunnel, grant))
    }
}

/// How a grant stands after this, and why, where it is over; `None` for what says nothing of that.
fn standing(kind: &access::EventKind) -> Option<(GrantState, Option<End>)> {
    match kind {
        access::EventKind::Challenged(_) => Some((GrantState::Challenged, None)),
        access::EventKind::AwaitsApproval => Some((GrantState::Requested, None)),
        access::EventKind::Granted => Some((GrantState::Granted, None)),
        access::EventKind::Draining(end) => Some((GrantState::Draining, Some(*end))),
        access::EventKind::GrantEnd(end) => Some((GrantState::Over, Some(*end))),
        _ => None,
    }
}
