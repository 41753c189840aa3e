//! What a replay says at its end: made once, printed for people or for machines.

mod text;

use serde::Serialize;
use wicketgate_engine::event::Totals;
use wicketgate_engine::tables::{AssetId, Tables};
use wicketgate_ports::Port;
use wicketgate_worker::{AssetLatency, Floor, Latency, Machine};

use super::Replayer;
use super::setup::Setup;
use super::tally::{Counted, Denial, Kind, Outcome, Refusal, Talk, Tally, Who};
use crate::api::reply;
use crate::figures::Frames;
use crate::timing::{self, percentiles};
use crate::words;

/// Samples of the floor: enough for p99.99, and a millisecond or two.
const FLOOR_SAMPLES: u32 = 10_000;

/// The report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Without a config nothing is refused.
    observed: bool,
    /// Ctrl-C came before the end.
    interrupted: bool,
    from: String,
    to: String,
    frames: CaptureFrames,
    supplied: Supplied,
    sessions: u64,
    talks: Vec<TalkLine>,
    commands: Vec<CommandLine>,
    denied: Vec<DeniedLine>,
    denied_others: u64,
    refused: Vec<RefusedLine>,
    refused_others: u64,
    /// The gate's own time per frame.
    latency: reply::Percentiles,
    /// The machine's own floor, sampled behind the last frame; `frames` are samples.
    floor: reply::Percentiles,
    assets: Vec<reply::AssetLatency>,
    /// Events for which there was no room.
    audit_lost: u64,
}

/// The capture's frames.
#[derive(Debug, Serialize)]
struct CaptureFrames {
    #[serde(flatten)]
    by_verdict: Frames,
    /// In the capture, but of a form that holds no Ethernet frame.
    unsupported: u64,
}

/// What the tap supplied.
#[derive(Debug, Serialize)]
struct Supplied {
    handshakes: u64,
    reordered: u64,
    gaps: u64,
    checksums: u64,
}

/// Somebody at a door.
#[derive(Debug, Serialize)]
struct TalkLine {
    asset: String,
    door: String,
    user: String,
    address: String,
    flows: u64,
    frames: u64,
    bytes: u64,
    commands: u64,
    denied: u64,
}

#[derive(Debug, Serialize)]
struct CommandLine {
    asset: String,
    user: String,
    address: String,
    class: &'static str,
    verdict: &'static str,
    count: u64,
}

#[derive(Debug, Serialize)]
struct DeniedLine {
    asset: String,
    user: String,
    address: String,
    command: &'static str,
    function: u16,
    sub: Option<u16>,
    unit: u8,
    object: String,
    reason: &'static str,
    /// The rule that came nearest.
    rule: Option<String>,
    count: u64,
}

#[derive(Debug, Serialize)]
struct RefusedLine {
    source: String,
    user: Option<String>,
    asset: Option<String>,
    destination: String,
    port: u16,
    reason: &'static str,
    count: u64,
}

/// Puts it together.
pub(super) fn report(
    setup: &Setup,
    replayer: &Replayer,
    tally: &Tally,
    interrupted: bool,
) -> Report {
    let tables = replayer.engine().tables();
    let supplied = replayer.port().supplied();
    Report {
        observed: setup.observes(),
        interrupted,
        from: words::time(setup.start()),
        to: words::time(replayer.now()),
        frames: frames(replayer),
        supplied: Supplied {
            handshakes: supplied.handshakes,
            reordered: supplied.reordered,
            gaps: supplied.gaps,
            checksums: supplied.checksums,
        },
        sessions: tally.sessions,
        talks: talks(tables, tally),
        commands: commands(tables, tally),
        denied: denied(tables, &tally.denials),
        denied_others: tally.denials.others,
        refused: refused(tables, &tally.refusals),
        refused_others: tally.refusals.others,
        latency: percentiles(replayer.latency().all()),
        floor: floor(),
        assets: assets(tables, replayer.latency()),
        audit_lost: replayer.events_lost(),
    }
}

impl Report {
    /// Prints it.
    pub(super) fn print(&self, json: bool) {
        if json { crate::output::json(self) } else { text::print(self) }
    }
}

fn frames(replayer: &Replayer) -> CaptureFrames {
    let port = replayer.port();
    CaptureFrames {
        by_verdict: Frames::new(replayer.engine().counters(), port.unsent()),
        unsupported: port.reader().unsupported(),
    }
}

fn asset(tables: &Tables, id: AssetId) -> String {
    tables.asset(id).map_or_else(|| "?".to_owned(), |asset| asset.name.to_string())
}

fn user(tables: &Tables, who: Who) -> (String, String) {
    let name = tables.subject(who.subject).map_or("?", |subject| &*subject.name);
    (name.to_owned(), who.address.to_string())
}

fn talks(tables: &Tables, tally: &Tally) -> Vec<TalkLine> {
    let line = |((of, endpoint, who), talk): (&(AssetId, _, Who), &Talk)| {
        let (user, address) = user(tables, *who);
        let Totals { frames, bytes, commands, denied } = talk.totals;
        let door = tables.endpoint(*endpoint).map_or_else(String::new, words::door);
        let asset = asset(tables, *of);
        let flows = talk.flows;
        TalkLine { asset, door, user, address, flows, frames, bytes, commands, denied }
    };
    tally.talks.iter().map(line).collect()
}

fn commands(tables: &Tables, tally: &Tally) -> Vec<CommandLine> {
    let line = |(kind, count): (&Kind, &u64)| {
        let (user, address) = user(tables, kind.who);
        let verdict = match kind.outcome {
            Outcome::Forwarded => "forwarded",
            Outcome::Denied => "denied",
            Outcome::Observed => "observed",
        };
        let (asset, class) = (asset(tables, kind.asset), kind.class.name());
        CommandLine { asset, user, address, class, verdict, count: *count }
    };
    let mut commands: Vec<_> = tally.commands.iter().collect();
    commands.sort_unstable();
    commands.into_iter().map(line).collect()
}

fn denied(tables: &Tables, denials: &Counted<Denial>) -> Vec<DeniedLine> {
    let line = |(denial, count): (&Denial, &u64)| {
        let (user, address) = user(tables, denial.who);
        DeniedLine {
            asset: asset(tables, denial.asset),
            user,
            address,
            command: denial.name,
            function: denial.function,
            sub: denial.sub,
            unit: denial.unit,
            object: words::object(denial.object, &denial.tag.as_str()),
            reason: denial.reason.code(),
            rule: denial.rule.and_then(|rule| tables.rule(rule)).map(ToString::to_string),
            count: *count,
        }
    };
    denials.kinds.iter().map(line).collect()
}

fn refused(tables: &Tables, refusals: &Counted<Refusal>) -> Vec<RefusedLine> {
    let line = |(refusal, count): (&Refusal, &u64)| RefusedLine {
        source: refusal.source.to_string(),
        user: refusal.subject.and_then(|id| tables.subject(id)).map(|who| who.name.to_string()),
        asset: refusal.asset.map(|id| asset(tables, id)),
        destination: refusal.destination.to_string(),
        port: refusal.port,
        reason: refusal.reason.code(),
        count: *count,
    };
    refusals.kinds.iter().map(line).collect()
}

/// One line for each asset that had frames.
fn assets(tables: &Tables, latency: &Latency) -> Vec<reply::AssetLatency> {
    let line = |(id, of): (AssetId, &AssetLatency)| {
        timing::asset(asset(tables, id), 0, percentiles(&of.nanos), of.cycle, of.over_budget())
    };
    let ids = (0..).map(AssetId).take(tables.assets().len());
    let measured = ids.filter_map(|id| latency.of(id).map(|of| (id, of)));
    measured.filter(|(_, of)| !of.nanos.is_empty()).map(line).collect()
}

/// What the machine does to a loop without a gate, here and now.
fn floor() -> reply::Percentiles {
    let mut floor = Floor::new(Machine::start());
    (0..FLOOR_SAMPLES).for_each(|_| floor.sample());
    percentiles(floor.nanos())
}
