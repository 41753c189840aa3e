//! Logins by tunnels, and what their users are told.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use wicketgate_audit::{Act, Deed};
use wicketgate_engine::event::{CommandEvent, Event, EventKind};
use wicketgate_engine::{AssetId, Reason, SessionId, Tables};
use wicketgate_identity::access::{Binding, LoginError};
use wicketgate_identity::{Authenticated, LoginId, Now, Outcome};
use wicketgate_policy::Policy;
use wicketgate_tunnel::message::Denied;
use wicketgate_tunnel::server::Lost;

use super::requests::login_fault;
use super::{Face, People, clock};
use crate::api::desk::Answer;
use crate::api::model::{Fault, TunnelLogin};
use crate::api::reply::{self, Reply};
use crate::reasons;
use crate::run::control::Control;
use crate::run::tunnel::Tunnels;
use crate::words;

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
        let gone = || Fault::unproven("the login is over: log in");
        let login = self.people.login(id).ok_or_else(gone)?;
        let overlay = self.tunnels.as_ref().ok_or_else(gone)?.overlay();
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
        Some(reply::Tunnels { open, spoofed, unfit, overtaken, inbound, outbound })
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

    /// Tells the user of a tunnel what was refused, where `event` is that and whose it is can be known.
    pub(in crate::run) fn tell_denied(
        &self,
        tunnels: Option<&mut Tunnels>,
        tables: &Tables,
        policy: &Policy,
        event: &Event,
    ) {
        let Some(tunnels) = tunnels else { return };
        let told = match &event.kind {
            EventKind::Command(command) => command.denied.and_then(|reason| {
                let tunnel = self.tunnel_of_session(event.session)?;
                Some((tunnel, of_command(tables, policy, command, reason)))
            }),
            EventKind::Refused { asset, destination, port, reason, .. } => {
                let name = asset.and_then(|asset| tables.asset(asset));
                let name =
                    name.map_or_else(|| destination.to_string(), |asset| asset.name.to_string());
                let denied = denied(name, format!("a connection to port {port}"), *reason);
                self.tunnel_at(event.source).map(|tunnel| (tunnel, denied))
            }
            _ => None,
        };
        if let Some((tunnel, denied)) = told {
            tunnels.tell_denied(tunnel, denied);
        }
    }

    fn tunnel_of_session(&self, session: u64) -> Option<u32> {
        let login = self.registry.get(SessionId(session))?.login?;
        self.faces.get(&login)?.tunnel
    }

    fn tunnel_at(&self, address: Ipv4Addr) -> Option<u32> {
        let mut faces = self.faces.values();
        faces.find(|face| face.address == Some(address.into()))?.tunnel
    }
}

fn of_command(tables: &Tables, policy: &Policy, command: &CommandEvent, reason: Reason) -> Denied {
    let door = tables.endpoint(command.endpoint);
    let asset = door.and_then(|door| tables.asset(door.asset));
    let name = words::command(command.name, command.function, command.sub);
    let object = words::object(command.object, &command.tag.as_str());
    let asked = format!("{name} {object}").trim_end().to_owned();
    let on = asset.map_or_else(String::new, |asset| asset.name.to_string());
    let rule = command.rule.and_then(|rule| tables.rule(rule)).map(ToString::to_string);
    let roles = door.map_or_else(Vec::new, |door| {
        let fits = |rule: &&wicketgate_policy::Rule| {
            let about = rule.is_about(door.asset) && rule.protocol == command.protocol;
            about && rule.allow.iter().any(|entry| entry.classes.contains(command.class))
        };
        let roles = policy.rules().iter().filter(fits).flat_map(|rule| rule.roles.clone());
        roles.collect::<BTreeSet<_>>().into_iter().collect()
    });
    Denied { rule, roles, ..denied(on, asked, reason) }
}

fn denied(asset: String, asked: String, reason: Reason) -> Denied {
    let (meaning, action) = reasons::words(reason);
    Denied {
        asset,
        asked,
        reason: reason.code().to_owned(),
        meaning: format!("{meaning}; {action}"),
        rule: None,
        roles: Vec::new(),
    }
}
