//! The fields of a record, in their order.

use wicketgate_dissectors::Space;
use wicketgate_dissectors::enip::pccc::DataFile;
use wicketgate_dissectors::s7comm::operand::Object;
use wicketgate_engine::event::{CommandEvent, EndCause, Event, EventKind, Totals};
use wicketgate_engine::{AssetId, EndpointId, GrantId, RuleId, SubjectId, Tables};

use crate::MAX_NAME;
use crate::act::Act;
use crate::alarm::Alarm;
use crate::budget::Budget;
use crate::chain::Hash;
use crate::decimal::write_number;
use crate::fields::{Fields, Hex, Shown, Value, Word, key};
use crate::flow_fields::{FlowFields, FlowKey};
use crate::hex;
use crate::mark::Mark;
use crate::stamp::Stamp;
use crate::words::{self, Words};

/// One line of the log, without its hash.
pub(crate) struct Record<'a> {
    pub(crate) time: &'a Stamp,
    pub(crate) seq: u64,
    /// The field with the gate's name.
    pub(crate) source: &'a [u8],
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

impl Record<'_> {
    /// Appends it to a line. What flows have in common is taken from `flows`.
    pub(crate) fn write(&self, flows: &mut FlowFields, line: &mut Vec<u8>) {
        let mut fields = self.head(line);
        match self.entry {
            Entry::Mark(_, mark) => mark.fields(&mut fields),
            Entry::Event(tables, event, origin) => {
                Resolved { tables, event, payload: self.payload }.fields(flows, &mut fields);
                fields.some(key!("worker"), origin.map(|origin| origin.worker));
                fields.some(key!("event"), origin.map(|origin| origin.event));
            }
            Entry::Act(_, act) => act.fields(&mut fields),
            Entry::Alarm(_, alarm, _) => {
                fields.some(key!("worker"), alarm.worker());
                fields.put(key!("reason"), &Word(alarm.code()));
            }
            Entry::Budget(_, budget, _) => budget.fields(&mut fields),
        }
        fields.put(key!("epoch"), &self.entry.epoch());
        fields.put(key!("prev"), &self.prev);
        fields.close();
    }

    /// The seven fields of IEC 62443-3-3 SR 2.8, `seq` among them.
    fn head<'l>(&self, line: &'l mut Vec<u8>) -> Fields<'l> {
        let words = self.entry.words();
        let mut out = Fields::open(line, key!("time"), self.time);
        out.put(key!("seq"), &self.seq);
        out.ready(self.source);
        out.put(key!("category"), &Word(words.category));
        out.put(key!("type"), &Word(words.kind));
        out.put(key!("id"), &Id(self.start, self.seq));
        out.put(key!("result"), &Word(words.result));
        out
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
    fn fields(&self, flows: &mut FlowFields, out: &mut Fields<'_>) {
        if let EventKind::Command(command) = &self.event.kind {
            let key = FlowKey::of(self.tables.epoch(), self.event, command);
            flows.append(key, out.line(), |line| self.flow(&mut Fields::behind(line), command));
            return self.command(out, command);
        }
        self.who(out);
        match &self.event.kind {
            EventKind::SessionStart => self.granted(out),
            EventKind::SessionEnd { cause, totals } | EventKind::FlowEnd { cause, totals, .. } => {
                self.granted(out);
                end(out, *cause, totals)
            }
            EventKind::FlowStart { endpoint, nat_port } => {
                self.door(out, *endpoint);
                out.put(key!("nat_port"), nat_port);
            }
            EventKind::OperationStart { grant } | EventKind::OperationEnd { grant } => {
                self.granted(out);
                out.put(key!("grant"), grant);
            }
            EventKind::IoStart { ids } => {
                self.granted(out);
                connection(out, *ids);
            }
            EventKind::IoEnd { ids, cause } => {
                self.granted(out);
                connection(out, *ids);
                out.put(key!("reason"), &Word(cause.name()));
            }
            EventKind::Refused { asset, destination, port, reason, .. } => {
                out.some(key!("asset"), asset.map(|id| self.asset(id)));
                out.put(key!("destination"), destination);
                out.put(key!("destination_port"), port);
                out.put(key!("reason"), &Word(reason.code()));
            }
            EventKind::Command(_) => {}
        }
    }

    /// What [`FlowKey`] stands for: nothing else may be asked here.
    fn flow(&self, out: &mut Fields<'_>, command: &CommandEvent) {
        self.who(out);
        let endpoint = self.tables.endpoint(command.endpoint);
        out.some(key!("asset"), endpoint.map(|endpoint| self.asset(endpoint.asset)));
        out.put(key!("protocol"), &Word(command.protocol.name()));
    }

    fn who(&self, out: &mut Fields<'_>) {
        match (self.event.grant, &self.event.kind) {
            (Some(id), _) => self.holder(out, id),
            (None, EventKind::Refused { subject: Some(id), .. }) => self.subject(out, *id),
            (None, _) => {}
        }
        out.some(key!("session"), Some(self.event.session).filter(|session| *session != 0));
        out.put(key!("client"), &self.event.source);
        out.some(key!("client_port"), Some(self.event.source_port).filter(|port| *port != 0));
    }

    /// A grant that is not in the tables is named by its own number: there is none of a subject.
    fn holder(&self, out: &mut Fields<'_>, id: GrantId) {
        match self.tables.grant(id) {
            Some(grant) => self.subject(out, grant.subject),
            None => out.put(key!("user"), &Name(Err(id.0))),
        }
    }

    fn subject(&self, out: &mut Fields<'_>, id: SubjectId) {
        let subject = self.tables.subject(id);
        out.put(key!("user"), &Name(subject.map(|subject| &*subject.name).ok_or(id.0)));
        out.some(key!("essential"), subject.map(|subject| subject.essential).filter(|yes| *yes));
    }

    /// What the grant is for.
    fn granted(&self, out: &mut Fields<'_>) {
        let grant = self.event.grant.and_then(|id| self.tables.grant(id));
        if let Some(grant) = grant {
            self.asset_and_protocol(out, grant.endpoint);
        }
    }

    fn asset_and_protocol(&self, out: &mut Fields<'_>, id: EndpointId) {
        let endpoint = self.tables.endpoint(id);
        out.some(key!("asset"), endpoint.map(|endpoint| self.asset(endpoint.asset)));
        out.some(key!("protocol"), endpoint.map(|endpoint| Word(endpoint.protocol.name())));
    }

    fn door(&self, out: &mut Fields<'_>, id: EndpointId) {
        self.asset_and_protocol(out, id);
        let Some(endpoint) = self.tables.endpoint(id) else { return };
        out.put(key!("transport"), &Word(words::transport(endpoint.transport)));
        out.some(key!("destination"), self.tables.asset(endpoint.asset).map(|asset| asset.overlay));
        out.some(key!("destination_port"), Some(endpoint.port).filter(|port| *port != 0));
    }

    fn command(&self, out: &mut Fields<'_>, command: &CommandEvent) {
        out.put(key!("command"), &Word(command.name));
        out.put(key!("class"), &Word(command.class.name()));
        out.put(key!("function"), &command.function);
        out.some(key!("sub"), command.sub);
        out.put(key!("unit"), &command.unit);
        object(out, command);
        payload(out, command, self.payload);
        out.some(key!("reason"), command.denied.map(|reason| Word(reason.code())));
        out.some(key!("rule"), command.rule.map(|id| self.rule(id)));
    }

    fn asset(&self, id: AssetId) -> Name<'_> {
        Name(self.tables.asset(id).map(|asset| &*asset.name).ok_or(id.0))
    }

    fn rule(&self, id: RuleId) -> Name<'_> {
        Name(self.tables.rule(id).map(|name| &**name).ok_or(id.0))
    }
}

/// What the datagrams of an I/O connection bear, by direction.
fn connection(out: &mut Fields<'_>, [to_asset, to_client]: [u32; 2]) {
    out.put(key!("to_asset"), &to_asset);
    out.put(key!("to_client"), &to_client);
}

fn end(out: &mut Fields<'_>, cause: EndCause, totals: &Totals) {
    out.put(key!("frames"), &totals.frames);
    out.put(key!("bytes"), &totals.bytes);
    out.put(key!("commands"), &totals.commands);
    out.put(key!("denied"), &totals.denied);
    out.put(key!("reason"), &Word(cause.name()));
}

fn object(out: &mut Fields<'_>, command: &CommandEvent) {
    let (space, address, count) = command.object;
    match space {
        Space::None => return,
        Space::Tag => {
            out.put(key!("tag"), command.tag.as_str());
            return out.put(key!("count"), &count);
        }
        Space::Node => {
            out.put(key!("node"), command.tag.as_str());
            return out.put(key!("attribute"), &address);
        }
        Space::Method => return out.put(key!("method"), command.tag.as_str()),
        Space::Channel => return out.put(key!("security"), command.tag.as_str()),
        Space::Identity => return out.put(key!("token"), command.tag.as_str()),
        Space::Object { class, attribute } => {
            out.put(key!("object"), &class);
            out.put(key!("instance"), &address);
            return out.some(key!("attribute"), attribute);
        }
        Space::DataFile { kind, number } => {
            out.put(key!("data_file"), &Shown(DataFile { kind, number }));
        }
        Space::Memory { .. } | Space::Nck { .. } | Space::Block(_) | Space::Szl | Space::Role => {
            return out.put(key!("operand"), &Shown(Object(space, address, count)));
        }
        table => {
            out.put(key!("table"), &Word(words::table(table)));
            out.some(key!("file"), words::file(table));
        }
    }
    out.put(key!("address"), &address);
    out.put(key!("count"), &count);
}

fn payload(out: &mut Fields<'_>, command: &CommandEvent, most: usize) {
    let bytes = command.payload.get(..most.min(command.payload_len.into()));
    out.put(key!("payload"), &Hex(bytes.unwrap_or(&command.payload)));
}

/// A name from the config, cut at [`MAX_NAME`]; `#7` for a number that the tables do not name.
struct Name<'a>(Result<&'a str, u32>);

impl Value for Name<'_> {
    fn write(&self, line: &mut Vec<u8>) {
        match self.0 {
            Ok(name) => cut(name).write(line),
            Err(id) => Shown(format_args!("#{id}")).write(line),
        }
    }
}

/// A record's name of its own, `15f3a0e2c4b8a000-7`: when its log started and its number.
struct Id(u64, u64);

impl Value for Id {
    fn write(&self, line: &mut Vec<u8>) {
        line.push(b'"');
        line.extend_from_slice(hex::digits(&self.0.to_be_bytes()).as_flattened());
        line.push(b'-');
        write_number(self.1, line);
        line.push(b'"');
    }
}

/// The first [`MAX_NAME`] bytes of a name, less where a character would be cut.
pub(crate) fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(MAX_NAME)).unwrap_or_default()
}
