//! The fields of a record, in their order.

use std::fmt;

use serde::ser::{SerializeMap, Serializer};
use serde::{Serialize, ser};
use wicketgate_dissectors::Space;
use wicketgate_dissectors::enip::pccc::DataFile;
use wicketgate_dissectors::s7comm::operand::Object;
use wicketgate_engine::event::{CommandEvent, EndCause, Event, EventKind, PAYLOAD, Totals};
use wicketgate_engine::{AssetId, EndpointId, GrantId, RuleId, SubjectId, Tables};

use crate::MAX_NAME;
use crate::act::Act;
use crate::alarm::Alarm;
use crate::budget::Budget;
use crate::chain::{Hash, write_hex};
use crate::mark::Mark;
use crate::words::{self, Words};

/// One line of the log, without its hash.
pub(crate) struct Record<'a> {
    /// RFC 3339, UTC, nanoseconds.
    pub(crate) time: &'a str,
    pub(crate) seq: u64,
    /// The gate's name.
    pub(crate) source: &'a str,
    /// When the log started, in nanoseconds since the epoch: makes `id` unique over all logs of
    /// one source.
    pub(crate) start: u64,
    pub(crate) entry: Entry<'a>,
    /// Bytes of a command's PDU that it holds.
    pub(crate) payload: usize,
    pub(crate) prev: Hash,
}

/// Which of a worker's events it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The worker, from 0 on.
    pub worker: u32,
    /// The event's number among all that the worker had to tell, from 1 on; those that it could not tell have
    /// numbers too.
    pub event: u64,
}

/// What a record tells.
#[derive(Clone, Copy)]
pub(crate) enum Entry<'a> {
    /// The log tells of itself, under this epoch of policy.
    Mark(u32, Mark<'a>),
    /// Something happened, under these tables.
    Event(&'a Tables, &'a Event, Option<Origin>),
    /// Somebody did something, under this epoch of policy.
    Act(u32, &'a Act<'a>),
    /// An alarm begins (`true`) or is over, under this epoch of policy.
    Alarm(u32, Alarm, bool),
    /// A cycle budget is breached (`true`) or kept again, under this epoch of policy.
    Budget(u32, &'a Budget<'a>, bool),
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields(serializer.serialize_map(None)?);
        self.head(&mut fields)?;
        match self.entry {
            Entry::Mark(_, mark) => mark.fields(&mut fields)?,
            Entry::Event(tables, event, origin) => {
                Resolved { tables, event, payload: self.payload }.fields(&mut fields)?;
                fields.some("worker", origin.map(|origin| origin.worker))?;
                fields.some("event", origin.map(|origin| origin.event))?;
            }
            Entry::Act(_, act) => act.fields(&mut fields)?,
            Entry::Alarm(_, alarm, _) => {
                fields.some("worker", alarm.worker())?;
                fields.put("reason", alarm.code())?;
            }
            Entry::Budget(_, budget, _) => budget.fields(&mut fields)?,
        }
        fields.put("epoch", &self.entry.epoch())?;
        fields.put("prev", &self.prev)?;
        fields.0.end()
    }
}

impl Record<'_> {
    /// The seven fields of IEC 62443-3-3 SR 2.8, `seq` among them.
    fn head<M: SerializeMap>(&self, out: &mut Fields<M>) -> Result<(), M::Error> {
        let words = self.entry.words();
        out.put("time", self.time)?;
        out.put("seq", &self.seq)?;
        out.put("source", self.source)?;
        out.put("category", words.category)?;
        out.put("type", words.kind)?;
        out.put("id", &Text(format_args!("{:016x}-{}", self.start, self.seq)))?;
        out.put("result", words.result)
    }
}

impl Entry<'_> {
    fn words(&self) -> Words {
        match self {
            Entry::Mark(_, mark) => mark.words(),
            Entry::Event(_, event, _) => Words::of(&event.kind),
            Entry::Act(_, act) => act.deed.words(act.refused),
            Entry::Alarm(.., true) => Words::ALARM,
            Entry::Alarm(.., false) => Words::ALARM_END,
            Entry::Budget(.., breached) => Budget::words(*breached),
        }
    }

    fn epoch(&self) -> u32 {
        match self {
            Entry::Mark(epoch, _)
            | Entry::Act(epoch, _)
            | Entry::Alarm(epoch, ..)
            | Entry::Budget(epoch, ..) => *epoch,
            Entry::Event(tables, ..) => tables.epoch(),
        }
    }
}

/// An event beside the tables that name what it numbers.
struct Resolved<'a> {
    tables: &'a Tables,
    event: &'a Event,
    payload: usize,
}

impl Resolved<'_> {
    fn fields<M: SerializeMap>(&self, out: &mut Fields<M>) -> Result<(), M::Error> {
        self.who(out)?;
        match &self.event.kind {
            EventKind::SessionStart => self.granted(out),
            EventKind::SessionEnd { cause, totals } | EventKind::FlowEnd { cause, totals, .. } => {
                self.granted(out)?;
                end(out, *cause, totals)
            }
            EventKind::FlowStart { endpoint, nat_port } => {
                self.door(out, *endpoint)?;
                out.put("nat_port", nat_port)
            }
            EventKind::OperationStart { grant } | EventKind::OperationEnd { grant } => {
                self.granted(out)?;
                out.put("grant", grant)
            }
            EventKind::IoStart { ids } => {
                self.granted(out)?;
                connection(out, *ids)
            }
            EventKind::IoEnd { ids, cause } => {
                self.granted(out)?;
                connection(out, *ids)?;
                out.put("reason", cause.name())
            }
            EventKind::Refused { asset, destination, port, reason, .. } => {
                out.some("asset", asset.map(|id| self.asset(id)))?;
                out.put("destination", destination)?;
                out.put("destination_port", port)?;
                out.put("reason", reason.code())
            }
            EventKind::Command(command) => self.command(out, command),
        }
    }

    fn who<M: SerializeMap>(&self, out: &mut Fields<M>) -> Result<(), M::Error> {
        match (self.event.grant, &self.event.kind) {
            (Some(id), _) => self.holder(out, id)?,
            (None, EventKind::Refused { subject: Some(id), .. }) => self.subject(out, *id)?,
            (None, _) => {}
        }
        out.some("session", Some(self.event.session).filter(|session| *session != 0))?;
        out.put("client", &self.event.source)?;
        out.some("client_port", Some(self.event.source_port).filter(|port| *port != 0))
    }

    /// A grant that is not in the tables is named by its own number: there is none of a subject.
    fn holder<M: SerializeMap>(&self, out: &mut Fields<M>, id: GrantId) -> Result<(), M::Error> {
        match self.tables.grant(id) {
            Some(grant) => self.subject(out, grant.subject),
            None => out.put("user", &Name(Err(id.0))),
        }
    }

    fn subject<M: SerializeMap>(&self, out: &mut Fields<M>, id: SubjectId) -> Result<(), M::Error> {
        let subject = self.tables.subject(id);
        out.put("user", &Name(subject.map(|subject| &*subject.name).ok_or(id.0)))?;
        out.some("essential", subject.map(|subject| subject.essential).filter(|yes| *yes))
    }

    /// What the grant is for.
    fn granted<M: SerializeMap>(&self, out: &mut Fields<M>) -> Result<(), M::Error> {
        let grant = self.event.grant.and_then(|id| self.tables.grant(id));
        grant.map_or(Ok(()), |grant| self.asset_and_protocol(out, grant.endpoint))
    }

    fn asset_and_protocol<M: SerializeMap>(
        &self,
        out: &mut Fields<M>,
        id: EndpointId,
    ) -> Result<(), M::Error> {
        let endpoint = self.tables.endpoint(id);
        out.some("asset", endpoint.map(|endpoint| self.asset(endpoint.asset)))?;
        out.some("protocol", endpoint.map(|endpoint| endpoint.protocol.name()))
    }

    fn door<M: SerializeMap>(&self, out: &mut Fields<M>, id: EndpointId) -> Result<(), M::Error> {
        self.asset_and_protocol(out, id)?;
        let Some(endpoint) = self.tables.endpoint(id) else { return Ok(()) };
        out.put("transport", words::transport(endpoint.transport))?;
        out.some("destination", self.tables.asset(endpoint.asset).map(|asset| asset.overlay))?;
        out.some("destination_port", Some(endpoint.port).filter(|port| *port != 0))
    }

    fn command<M: SerializeMap>(
        &self,
        out: &mut Fields<M>,
        command: &CommandEvent,
    ) -> Result<(), M::Error> {
        let endpoint = self.tables.endpoint(command.endpoint);
        out.some("asset", endpoint.map(|endpoint| self.asset(endpoint.asset)))?;
        out.put("protocol", command.protocol.name())?;
        out.put("command", command.name)?;
        out.put("class", command.class.name())?;
        out.put("function", &command.function)?;
        out.some("sub", command.sub)?;
        out.put("unit", &command.unit)?;
        object(out, command)?;
        payload(out, command, self.payload)?;
        out.some("reason", command.denied.map(|reason| reason.code()))?;
        out.some("rule", command.rule.map(|id| self.rule(id)))
    }

    fn asset(&self, id: AssetId) -> Name<'_> {
        Name(self.tables.asset(id).map(|asset| &*asset.name).ok_or(id.0))
    }

    fn rule(&self, id: RuleId) -> Name<'_> {
        Name(self.tables.rule(id).map(|name| &**name).ok_or(id.0))
    }
}

/// What the datagrams of an I/O connection bear, by direction.
fn connection<M: SerializeMap>(
    out: &mut Fields<M>,
    [to_asset, to_client]: [u32; 2],
) -> Result<(), M::Error> {
    out.put("to_asset", &to_asset)?;
    out.put("to_client", &to_client)
}

fn end<M: SerializeMap>(
    out: &mut Fields<M>,
    cause: EndCause,
    totals: &Totals,
) -> Result<(), M::Error> {
    out.put("frames", &totals.frames)?;
    out.put("bytes", &totals.bytes)?;
    out.put("commands", &totals.commands)?;
    out.put("denied", &totals.denied)?;
    out.put("reason", cause.name())
}

fn object<M: SerializeMap>(out: &mut Fields<M>, command: &CommandEvent) -> Result<(), M::Error> {
    let (space, address, count) = command.object;
    match space {
        Space::None => return Ok(()),
        Space::Tag => {
            out.put("tag", command.tag.as_str())?;
            return out.put("count", &count);
        }
        Space::Node => {
            out.put("node", command.tag.as_str())?;
            return out.put("attribute", &address);
        }
        Space::Method => return out.put("method", command.tag.as_str()),
        Space::Channel => return out.put("security", command.tag.as_str()),
        Space::Identity => return out.put("token", command.tag.as_str()),
        Space::Object { class, attribute } => {
            out.put("object", &class)?;
            out.put("instance", &address)?;
            return out.some("attribute", attribute);
        }
        Space::DataFile { kind, number } => {
            out.put("data_file", &Text(format_args!("{}", DataFile { kind, number })))?;
        }
        Space::Memory { .. } | Space::Nck { .. } | Space::Block(_) | Space::Szl | Space::Role => {
            return out.put("operand", &Text(format_args!("{}", Object(space, address, count))));
        }
        table => {
            out.put("table", words::table(table))?;
            out.some("file", words::file(table))?;
        }
    }
    out.put("address", &address)?;
    out.put("count", &count)
}

fn payload<M: SerializeMap>(
    out: &mut Fields<M>,
    command: &CommandEvent,
    most: usize,
) -> Result<(), M::Error> {
    let bytes = command.payload.get(..most.min(command.payload_len.into()));
    let mut digits = [0; 2 * PAYLOAD];
    let length = write_hex(bytes.unwrap_or(&command.payload), &mut digits);
    let text = digits.get(..length).and_then(|digits| str::from_utf8(digits).ok());
    out.put("payload", text.unwrap_or_default())
}

/// The open JSON object.
pub(crate) struct Fields<M>(M);

impl<M: SerializeMap> Fields<M> {
    pub(crate) fn put<T: Serialize + ?Sized>(
        &mut self,
        key: &str,
        value: &T,
    ) -> Result<(), M::Error> {
        self.0.serialize_entry(key, value)
    }

    /// A field that is left out where it has no value.
    pub(crate) fn some<T: Serialize>(
        &mut self,
        key: &str,
        value: Option<T>,
    ) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.put(key, &value))
    }
}

/// A name from the config, cut at [`MAX_NAME`]; `#7` for a number that the tables do not name.
struct Name<'a>(Result<&'a str, u32>);

impl Serialize for Name<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Ok(name) => serializer.serialize_str(cut(name)),
            Err(id) => serializer.collect_str(&format_args!("#{id}")),
        }
    }
}

/// The first [`MAX_NAME`] bytes of a name, less where a character would be cut.
pub(crate) fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(MAX_NAME)).unwrap_or_default()
}

/// Formatted text as a JSON string.
struct Text<'a>(fmt::Arguments<'a>);

impl Serialize for Text<'_> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
