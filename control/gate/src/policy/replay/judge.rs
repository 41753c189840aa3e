//! What a policy makes of recorded commands: compiled for everyone in the record, at the time of each.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use wicketgate_dissectors::{Framed, Protocol, Transport};
use wicketgate_engine::Reason;
use wicketgate_engine::tables::{AssetId, EndpointId};
use wicketgate_packet::Time;
use wicketgate_policy::trial::{self, Answer, Asker, Request};
use wicketgate_policy::{Compiled, Factor, Login, Policy};

/// A user of the record, by number.
pub(super) type Person = u32;

/// A recorded command.
pub(super) struct Asked<'a> {
    pub(super) time: Time,
    pub(super) who: Who,
    pub(super) place: Place<'a>,
    pub(super) protocol: Protocol,
    pub(super) pdu: &'a [u8],
}

/// Whether the record has the whole command: of a long one it keeps the front, which is none.
pub(super) fn is_whole(protocol: Protocol, pdu: &[u8]) -> bool {
    let whole = |framed| matches!(framed, Ok(Framed::Whole(len)) if len.get() == pdu.len());
    !protocol.is_inspected() || whole(protocol.frame(pdu))
}

/// Who sent it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    /// Its address, if it may be a machine's.
    pub(super) machine: Option<Ipv4Addr>,
    /// The user, if somebody was logged in.
    pub(super) person: Option<Person>,
}

/// Where to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// The asset of this name.
    Asset(&'a str),
    /// Whatever has this address, and this port on it.
    Door(Ipv4Addr, Transport, u16),
}

/// One policy and its tables of the moment.
pub(super) struct Court {
    policy: Policy,
    logins: Vec<Login>,
    names: HashMap<String, AssetId>,
    addresses: HashMap<Ipv4Addr, AssetId>,
    machines: BTreeMap<Ipv4Addr, Vec<Asker>>,
    compiled: Compiled,
    since: Time,
}

impl Court {
    /// The policy, for these users with their roles. A record says nothing of factors: whoever says
    /// which roles a user has vouches for all of them.
    pub(super) fn new(policy: Policy, users: &[(String, Vec<String>)]) -> Result<Court, String> {
        let person = |((user, roles), index): (&(String, Vec<String>), Person)| {
            Asker::person(index).login(user, roles, Factor::ALL)
        };
        let logins: Vec<Login> = users.iter().zip(0..).map(person).collect();
        let assets = || policy.assets().iter().zip((0..).map(AssetId));
        let names = assets().map(|(asset, id)| (asset.name.clone(), id)).collect();
        let both = |(asset, id): (&wicketgate_policy::Asset, AssetId)| {
            [(asset.underlay, id), (asset.overlay, id)]
        };
        let addresses = assets().flat_map(both).collect();
        let mut machines: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for conduit in policy.conduits() {
            machines.entry(conduit.from.address).or_default().push(Asker::machine(conduit));
        }
        let compiled = compile(&policy, &logins, Time::EPOCH)?;
        Ok(Court { policy, logins, names, addresses, machines, compiled, since: Time::EPOCH })
    }

    /// What the policy says.
    pub(super) fn judge(&mut self, asked: &Asked<'_>) -> Result<Answer, String> {
        self.move_to(asked.time)?;
        let door = match self.door(asked) {
            Ok(door) => door,
            Err(reason) => return Ok(Answer::Denied { reason, nearest: None }),
        };
        let tables = &self.compiled.tables;
        let granted =
            |asker: &Asker| tables.grant_for(asker.port, asker.mac, asker.address, door).is_some();
        let Some(asker) = self.askers(asked.who).find(granted) else {
            return Ok(Answer::Denied { reason: Reason::NoGrant, nearest: None });
        };
        let request = Request::Pdu(asked.pdu.into());
        Ok(trial::ask(tables, asker, door, &request, asked.time))
    }

    /// The name of the rule or conduit that decided.
    pub(super) fn rule(&self, answer: Answer) -> Option<String> {
        answer.rule().and_then(|rule| self.compiled.tables.rule(rule)).map(ToString::to_string)
    }

    /// The asset that has this address.
    pub(super) fn asset_at(&self, address: Ipv4Addr) -> Option<String> {
        self.policy.asset(*self.addresses.get(&address)?).map(|asset| asset.name.clone())
    }

    /// A machine before a person, as in the engine.
    fn askers(&self, who: Who) -> impl Iterator<Item = Asker> {
        let machines = who.machine.and_then(|address| self.machines.get(&address));
        let machines = machines.into_iter().flatten().copied();
        machines.chain(who.person.map(Asker::person))
    }

    fn door(&self, asked: &Asked<'_>) -> Result<EndpointId, Reason> {
        let tables = &self.compiled.tables;
        match asked.place {
            Place::Asset(name) => {
                let asset = self.names.get(name).ok_or(Reason::NoAsset)?;
                trial::door(tables, *asset, asked.protocol, None).ok_or(Reason::NoEndpoint)
            }
            Place::Door(address, transport, port) => {
                let asset = self.addresses.get(&address).ok_or(Reason::NoAsset)?;
                let door = tables.door(*asset, transport, port).ok_or(Reason::NoEndpoint)?;
                let spoken = tables.endpoint(door).map(|door| door.protocol);
                if spoken == Some(asked.protocol) { Ok(door) } else { Err(Reason::NoEndpoint) }
            }
        }
    }

    /// Compiles anew where a window has opened or closed since, or time went back.
    fn move_to(&mut self, now: Time) -> Result<(), String> {
        let over = self.compiled.next_change.is_some_and(|change| change <= now);
        if over || now < self.since {
            self.compiled = compile(&self.policy, &self.logins, now)?;
            self.since = now;
        }
        Ok(())
    }
}

fn compile(policy: &Policy, logins: &[Login], now: Time) -> Result<Compiled, String> {
    policy.compile(logins, now, 1).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was logged of a command longer than a record keeps contradicts itself, and is not judged.
    #[test]
    fn the_front_of_a_command_is_none() {
        let mut pdu = vec![0x6f, 0, 40, 0];
        pdu.resize(24 + 40, 0);
        assert!(is_whole(Protocol::Enip, &pdu));
        assert!(!is_whole(Protocol::Enip, &pdu[..60]));
        assert!(is_whole(Protocol::Icmp, b"ping"), "granted whole");
    }
}
