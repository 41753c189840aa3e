//! Commands of a capture, observed by the replay's own machinery and judged by two policies.

use std::net::Ipv4Addr;

use wicketgate_engine::Tables;
use wicketgate_engine::event::{CommandEvent, Event, EventKind, EventRing};
use wicketgate_policy::Policy;
use wicketgate_worker::Observer;

use super::Outcome;
use super::changes::{Change, Changes, Opinion, describe};
use super::judge::{Asked, Court, Person, Place, Who, is_whole};
use crate::decode_as::DecodeAs;
use crate::exit::Exit;
use crate::replay;
use crate::{cli, config};

/// Judges commands as they are seen.
struct Bench<'l> {
    asked: Court,
    against: Court,
    logins: &'l [replay::login::LoginArgument],
    changes: Changes,
    failed: Option<String>,
}

/// Judges every command of the capture.
pub(super) fn replay(arguments: &cli::PolicyReplay) -> Result<Outcome, String> {
    let Some(against) = &arguments.against else {
        let name = arguments.record.display();
        return Err(format!("{name}: a capture has no verdicts: name another policy by --against"));
    };
    if !arguments.users.is_empty() {
        return Err("--user is for audit logs; a capture has addresses: --login".to_owned());
    }
    let logins = replay::login::logins(&arguments.logins)?;
    let users: Vec<_> = logins.iter().map(|l| (l.user.clone(), l.roles.clone())).collect();
    let (asked, against) = (config::load(&arguments.policy)?, config::load(against)?);
    let decode_as = doors(&asked).chain(doors(&against)).collect();
    let mut bench = Bench {
        asked: Court::new(asked, &users)?,
        against: Court::new(against, &users)?,
        logins: &arguments.logins,
        changes: Changes::default(),
        failed: None,
    };
    let exit = replay::observe_commands(&arguments.record, decode_as, &mut bench)?;
    let damage = match exit {
        Exit::Success => None,
        _ => Some("the capture is damaged or was interrupted; what comes before was judged".into()),
    };
    bench.failed.map_or(Ok(Outcome { changes: bench.changes, damage }), Err)
}

/// Where the policy's assets speak a protocol that can be read.
fn doors(policy: &Policy) -> impl Iterator<Item = DecodeAs> {
    let doors = policy.assets().iter().flat_map(|asset| &asset.doors);
    let read = doors.filter(|door| door.protocol.is_inspected());
    read.map(|door| DecodeAs::new(door.port, door.protocol))
}

impl Observer for Bench<'_> {
    fn events(&mut self, tables: &Tables, events: &mut EventRing) {
        events.drain(|event| {
            if let (EventKind::Command(command), None) = (&event.kind, &self.failed) {
                self.failed = self.judge(tables, event, command).err();
            }
        });
    }
}

impl Bench<'_> {
    fn judge(
        &mut self,
        tables: &Tables,
        event: &Event,
        command: &CommandEvent,
    ) -> Result<(), String> {
        let Some((address, asked)) = asked(tables, event, command, self.who(event.source)) else {
            self.changes.not_judged += 1;
            return Ok(());
        };
        self.changes.commands += 1;
        let (after, before) = (self.asked.judge(&asked)?, self.against.judge(&asked)?);
        if after.is_allowed() == before.is_allowed() {
            return Ok(());
        }
        let (name, unit, object) = describe(asked.protocol, asked.pdu);
        let change = Change {
            asset: self.asked.asset_at(address).unwrap_or_else(|| address.to_string()),
            user: self.user(event.source),
            command: name.into_owned(),
            unit,
            object,
            before: Opinion::of(&self.against, before),
            after: Opinion::of(&self.asked, after),
        };
        self.changes.add(event.time, after.is_allowed(), change);
        Ok(())
    }

    fn login(&self, address: Ipv4Addr) -> Option<(&replay::login::LoginArgument, Person)> {
        self.logins.iter().zip(0..).find(|(login, _)| login.address() == address)
    }

    fn who(&self, address: Ipv4Addr) -> Who {
        Who { machine: Some(address), person: self.login(address).map(|(_, person)| person) }
    }

    fn user(&self, address: Ipv4Addr) -> String {
        match self.login(address) {
            Some((login, _)) => login.user().to_owned(),
            None => address.to_string(),
        }
    }
}

/// The command, and the address of the server that it was sent to: what an observed asset is called.
fn asked<'e>(
    tables: &Tables,
    event: &Event,
    command: &'e CommandEvent,
    who: Who,
) -> Option<(Ipv4Addr, Asked<'e>)> {
    let door = tables.endpoint(command.endpoint)?;
    let address: Ipv4Addr = tables.asset(door.asset)?.name.parse().ok()?;
    let pdu = command.payload.get(..usize::from(command.payload_len));
    let pdu = pdu.filter(|pdu| is_whole(command.protocol, pdu))?;
    let place = Place::Door(address, door.transport, door.port);
    let (time, protocol) = (event.time, command.protocol);
    Some((address, Asked { time, who, place, protocol, pdu }))
}
