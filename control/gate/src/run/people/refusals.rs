//! What users of tunnels are told of what was refused, and what they can do about it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use wicketgate_dissectors::{Class, Protocol, Space};
use wicketgate_engine::event::{CommandEvent, Event, EventKind};
use wicketgate_engine::matcher::Entry;
use wicketgate_engine::{AssetId, Reason, SessionId, Tables};
use wicketgate_identity::access::{Standing, State};
use wicketgate_identity::{Factor, LoginId};
use wicketgate_policy::{Door, Policy, Rule};
use wicketgate_tunnel::message::Denied;

use super::{People, clock};
use crate::reasons;
use crate::run::tunnel::Tunnels;
use crate::words;

/// Rules that a user is told to ask for, and roles to ask: names of any length must fit into a message.
const NAMED: usize = 8;

/// What a rule is looked for that would allow it.
#[derive(Clone, Copy, Debug)]
struct Lacking {
    asset: AssetId,
    sought: Sought,
}

/// What was asked of an asset.
#[derive(Clone, Copy, Debug)]
enum Sought {
    /// A command of this class, on this space, start and count.
    Command(Protocol, Class, (Space, u32, u32)),
    /// A connection to this port.
    Port(u16),
}

impl Lacking {
    /// Whether a rule may allow such things there.
    fn is_met_by(self, rule: &Rule, policy: &Policy) -> bool {
        let about = match self.sought {
            Sought::Command(protocol, class, object) => {
                let allows =
                    |entry: &Entry| entry.classes.contains(class) && reaches(entry, object);
                rule.protocol == protocol && rule.allow.iter().any(allows)
            }
            Sought::Port(port) => {
                let asset = policy.assets().get(self.asset.0 as usize);
                let opens = |door: &Door| door.port == port && door.protocol == rule.protocol;
                asset.is_some_and(|asset| asset.doors.iter().any(opens))
            }
        };
        about && rule.is_about(self.asset)
    }
}

impl People {
    /// Tells the user of a tunnel what was refused, where `event` is that and whose it is can be known.
    pub(in crate::run) fn tell_denied(
        &self,
        tunnels: Option<&mut Tunnels>,
        tables: &Tables,
        policy: &Policy,
        event: &Event,
    ) {
        let Some(tunnels) = tunnels else { return };
        let Some((login, denied, lacking)) = self.refusal(tables, event) else { return };
        let Some(tunnel) = self.faces.get(&login).and_then(|face| face.tunnel) else { return };
        if !tunnels.is_news(tunnel, &denied) {
            return;
        }
        let mut told = denied;
        if let Some(lacking) = lacking {
            told.roles = roles(policy, lacking);
            (told.prove, told.ask) = self.remedies(login, lacking, policy);
        }
        tunnels.tell_denied(tunnel, told);
    }

    /// Whose what was refused is, what it is, and what lacks, where that is a rule.
    fn refusal(
        &self,
        tables: &Tables,
        event: &Event,
    ) -> Option<(LoginId, Denied, Option<Lacking>)> {
        match &event.kind {
            EventKind::Command(command) => {
                let reason = command.denied?;
                let login = self.registry.get(SessionId(event.session))?.login?;
                let asset = tables.endpoint(command.endpoint).map(|door| door.asset);
                let sought = Sought::Command(command.protocol, command.class, command.object);
                let lacking = asset.filter(|_| wants_a_rule(reason));
                let lacking = lacking.map(|asset| Lacking { asset, sought });
                Some((login, of_command(tables, command, reason), lacking))
            }
            EventKind::Refused { asset, destination, port, reason, .. } => {
                let login = self.login_at(event.source)?;
                let known = asset.and_then(|asset| tables.asset(asset));
                let name =
                    known.map_or_else(|| destination.to_string(), |asset| asset.name.to_string());
                let denied = denied(name, format!("a connection to port {port}"), *reason);
                let lacking = asset.filter(|_| wants_a_rule(*reason));
                let sought = Sought::Port(*port);
                Some((login, denied, lacking.map(|asset| Lacking { asset, sought })))
            }
            _ => None,
        }
    }

    fn login_at(&self, address: Ipv4Addr) -> Option<LoginId> {
        let mut faces = self.faces.iter();
        faces.find(|(_, face)| face.address == Some(address.into())).map(|(login, _)| *login)
    }

    /// What a login could do to have what it lacks: factors to prove now, rules to ask for.
    fn remedies(
        &self,
        login: LoginId,
        lacking: Lacking,
        policy: &Policy,
    ) -> (Vec<String>, Vec<String>) {
        let Some(known) = self.access.login_of(login) else { return Default::default() };
        let now = clock::both();
        let (mut prove, mut ask) = (BTreeSet::new(), Vec::new());
        for (id, terms) in self.book.of_roles(&known.roles, now.wall) {
            let rule = policy.rules().get(id.0 as usize);
            let Some(rule) = rule.filter(|rule| lacking.is_met_by(rule, policy)) else { continue };
            if terms.on_request() {
                match self.asked_for(login, rule, lacking.asset) {
                    None => ask.push(rule.name.clone()),
                    Some(State::Challenged(factors)) => prove.extend(names(factors)),
                    Some(_) => {}
                }
            } else if let Standing::Lacks(factors) = self.access.standing(login, &terms, now) {
                prove.extend(names(&factors));
            }
        }
        ask.truncate(NAMED);
        (prove.into_iter().collect(), ask)
    }

    /// How a login's own request or grant by a rule on an asset stands.
    fn asked_for(&self, login: LoginId, rule: &Rule, asset: AssetId) -> Option<&State> {
        let mut grants = self.access.grants().map(|(_, grant)| grant);
        let same = grants.find(|grant| {
            let scope = &grant.scope;
            grant.login == login
                && *scope.rule == *rule.name
                && self.book.asset(&scope.asset) == Some(asset)
        });
        same.map(|grant| &grant.state)
    }
}

/// Whether an entry is about such an object; its values, quantities and units are not looked at.
fn reaches(entry: &Entry, (space, start, count): (Space, u32, u32)) -> bool {
    let placed = space == Space::None || entry.addresses.covers(start, count);
    placed && entry.spaces.contains(space)
}

/// Whether another rule, or one that is not open to the login yet, might have allowed it.
fn wants_a_rule(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NoGrant
            | Reason::OutsideWindow
            | Reason::CommandDenied
            | Reason::UnitDenied
            | Reason::AddressDenied
            | Reason::QuantityDenied
            | Reason::ValueDenied
            | Reason::CommandOutsideWindow
    )
}

/// Roles for which some rule allows such things there.
fn roles(policy: &Policy, lacking: Lacking) -> Vec<String> {
    // Whoever knocks at a door is not told who may come in.
    if matches!(lacking.sought, Sought::Port(_)) {
        return Vec::new();
    }
    let rules = policy.rules().iter().filter(|rule| lacking.is_met_by(rule, policy));
    let roles: BTreeSet<_> = rules.flat_map(|rule| rule.roles.clone()).collect();
    roles.into_iter().take(NAMED).collect()
}

fn names(factors: &[Factor]) -> impl Iterator<Item = String> {
    factors.iter().map(|factor| factor.name().to_owned())
}

fn of_command(tables: &Tables, command: &CommandEvent, reason: Reason) -> Denied {
    let door = tables.endpoint(command.endpoint);
    let asset = door.and_then(|door| tables.asset(door.asset));
    let name = words::command(command.name, command.function, command.sub);
    let object = words::object(command.object, &command.tag.as_str());
    let asked = format!("{name} {object}").trim_end().to_owned();
    let on = asset.map_or_else(String::new, |asset| asset.name.to_string());
    let rule = command.rule.and_then(|rule| tables.rule(rule)).map(ToString::to_string);
    Denied { rule, ..denied(on, asked, reason) }
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
        prove: Vec::new(),
        ask: Vec::new(),
    }
}
