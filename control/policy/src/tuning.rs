//! How the live gate uses the machine: workers, cores, rings, memory. Nothing here gives a right or takes
//! one.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;
use wicketgate_engine::{Limits, Sessions};

use crate::diagnostic::Report;
use crate::reader::{Node, Table};
use crate::suggest;
use crate::value;

/// Most workers: as many as the gate's ledger of frames can tell apart.
const MOST_WORKERS: u32 = 64;
/// Highest number of a core (`CPU_SETSIZE` of sched.h).
const LAST_CORE: u32 = 1023;
/// Entries of a ring.
const RING: RangeInclusive<u32> = 64..=32_768;
/// Long requests that are held: none to 288 MiB.
const LONG_REQUESTS: RangeInclusive<u32> = 0..=4096;
/// Sessions of the gate: at most as many as the flows of a worker. One answer of the control socket lists all.
const SESSIONS: RangeInclusive<u32> = 64..=Tuning::MOST_SESSIONS;
/// Inspected connections of a worker: at most all of its flows, 1.6 GiB.
const INSPECTED: RangeInclusive<u32> = 64..=Limits::FLOWS as u32;
/// Frames in memory: 512 KiB to 8 GiB.
const FRAMES: RangeInclusive<u32> = 256..=4_194_304;
/// Queues of an interface at most.
const MOST_QUEUES: u32 = 256;
/// Longest busy poll: beyond it the rest of the machine suffers.
const LONGEST_POLL: Duration = Duration::from_millis(10);

/// What `[gate]` says of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Workers, one thread each; 1 to 64.
    pub workers: u16,
    /// The core of each worker; empty for any.
    pub cores: Vec<usize>,
    /// Entries of each ring of a socket: a power of two from 64 to 32,768.
    pub ring: u32,
    /// Sessions at a time, of all workers; 64 to 65,536.
    pub sessions: usize,
    /// Inspected connections of a worker at a time, less than 26 KiB of memory each; 64 to 65,536.
    pub inspected: usize,
    /// Requests longer than 4 KiB that a worker holds at a time, 72 KiB of memory each; 0 to 4096.
    pub long_requests: usize,
    /// Frames in memory, 2 KiB each; as many as the rings can need where the file says none.
    pub frames: Option<u32>,
    /// Whether they are to be in huge pages.
    pub huge_pages: bool,
    /// How long a receive polls the driver; not at all where the file says nothing.
    pub busy_poll: Option<Duration>,
    /// Whether zero-copy is tried.
    pub zero_copy: bool,
}

impl Tuning {
    /// Entries of a ring where the file says nothing: two milliseconds of 64-byte frames at a million a
    /// second.
    pub const DEFAULT_RING: u32 = 2048;
    /// Most sessions that a file may ask for.
    pub const MOST_SESSIONS: u32 = 1 << 16;

    /// How much each worker can hold.
    pub fn limits(&self) -> Limits {
        let (streams, long_requests) = (self.inspected, self.long_requests);
        Limits { streams, long_requests, ..Limits::default() }
    }

    /// What there is room for.
    pub fn room(&self) -> Room {
        let Tuning { sessions, inspected, workers, .. } = *self;
        let each = self.limits().bytes(sessions);
        let bytes = usize::from(workers) * each + Sessions::bytes(sessions);
        Room {
            sessions,
            connections: Limits::FLOWS,
            inspected,
            workers,
            mib: bytes.div_ceil(1 << 20),
        }
    }
}

/// What the gate has room for, and the memory that it takes for that at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Room {
    /// Sessions at a time.
    pub sessions: usize,
    /// Connections of each worker.
    pub connections: usize,
    /// Inspected ones among them.
    pub inspected: usize,
    /// Workers.
    pub workers: u16,
    /// MiB that the tables for all that take, used or not.
    pub mib: usize,
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Room { sessions, connections, inspected, workers, mib } = self;
        let plural = if *workers == 1 { "" } else { "s" };
        write!(
            f,
            "tables: {sessions} sessions; {workers} worker{plural} of {connections} connections, "
        )?;
        write!(f, "{inspected} of them inspected; {mib} MiB")
    }
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            workers: 1,
            cores: Vec::new(),
            ring: Tuning::DEFAULT_RING,
            sessions: Sessions::DEFAULT,
            inspected: Limits::STREAMS,
            long_requests: Limits::LONG_REQUESTS,
            frames: None,
            huge_pages: false,
            busy_poll: None,
            zero_copy: true,
        }
    }
}

/// What a `[[port]]` says of its interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortTuning {
    /// Which receive queues the gate takes frames from.
    pub queues: Queues,
    /// Where its XDP program runs.
    pub mode: Mode,
}

/// Receive queues of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Queues {
    /// All that it uses.
    #[default]
    All,
    /// So many, from queue 0 on.
    First(u32),
    /// These.
    These(Vec<u32>),
}

/// Where an XDP program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// In the driver; in the network stack where the driver cannot.
    #[default]
    Auto,
    /// In the driver, or the gate does not start.
    Native,
    /// In the network stack.
    Generic,
}

/// Reads the keys of `[gate]` that are about the machine.
pub(crate) fn read(table: &mut Table<'_>, report: &mut Report<'_>) -> Tuning {
    let workers = table.optional("workers");
    let workers = workers.and_then(|node| node.number(1..=MOST_WORKERS, report));
    let cores = table.optional("cores").and_then(|node| cores(node, workers, report));
    let ring = table.optional("ring").and_then(|node| ring(node, report));
    let mut number = |key, range| table.optional(key).and_then(|node| node.number(range, report));
    let sessions = number("sessions", SESSIONS);
    let inspected = number("inspected", INSPECTED);
    let long_requests = number("long_requests", LONG_REQUESTS);
    let frames = number("frames", FRAMES);
    let huge_pages = table.optional("huge_pages").and_then(|node| node.flag(report));
    let busy_poll = table.optional("busy_poll");
    let zero_copy = table.optional("zero_copy");
    let cores = cores.unwrap_or_default();
    let found = workers.or(u32::try_from(cores.len()).ok().filter(|count| *count > 0));
    Tuning {
        workers: found.and_then(|count| u16::try_from(count).ok()).unwrap_or(1),
        cores,
        ring: ring.unwrap_or(Tuning::DEFAULT_RING),
        sessions: sessions.map_or(Sessions::DEFAULT, |count| count as usize),
        inspected: inspected.map_or(Limits::STREAMS, |count| count as usize),
        long_requests: long_requests.map_or(Limits::LONG_REQUESTS, |count| count as usize),
        frames,
        huge_pages: huge_pages.unwrap_or(false),
        busy_poll: busy_poll.and_then(|node| node.parse(report, poll)),
        zero_copy: zero_copy
            .and_then(|node| word(node, &[("auto", true), ("off", false)], report))
            .unwrap_or(true),
    }
}

/// Reads the keys of a `[[port]]` that are about its interface.
pub(crate) fn read_port(table: &mut Table<'_>, report: &mut Report<'_>) -> PortTuning {
    const MODES: &[(&str, Mode)] =
        &[("auto", Mode::Auto), ("native", Mode::Native), ("generic", Mode::Generic)];
    let queues = table.optional("queues").and_then(|node| queues(node, report));
    let mode = table.optional("mode").and_then(|node| word(node, MODES, report));
    PortTuning { queues: queues.unwrap_or_default(), mode: mode.unwrap_or_default() }
}

fn cores(node: Node<'_>, workers: Option<u32>, report: &mut Report<'_>) -> Option<Vec<usize>> {
    let cores: Vec<u32> = numbers(node, 0..=LAST_CORE, report)?;
    let count = workers.unwrap_or(MOST_WORKERS) as usize;
    if workers.is_some() && cores.len() != count || cores.len() > count {
        let named = cores.len();
        let message = format!("`cores` must name {count}, one for each worker, not {named}");
        report.error(&node.span(), message);
        return None;
    }
    Some(cores.into_iter().map(|core| core as usize).collect())
}

fn ring(node: Node<'_>, report: &mut Report<'_>) -> Option<u32> {
    let entries = node.number(RING, report)?;
    if !entries.is_power_of_two() {
        let help = format!("write {}", entries.next_power_of_two());
        report.error_with(&node.span(), "`ring` must be a power of two", help);
        return None;
    }
    Some(entries)
}

fn queues(node: Node<'_>, report: &mut Report<'_>) -> Option<Queues> {
    if node.is_array() {
        return numbers(node, 0..=MOST_QUEUES - 1, report).map(Queues::These);
    }
    node.number(1..=MOST_QUEUES, report).map(Queues::First)
}

fn poll(text: &str) -> Result<Duration, String> {
    let span = value::duration(text)?;
    if span > LONGEST_POLL { Err("10ms at most".to_owned()) } else { Ok(span) }
}

/// Numbers, each once.
fn numbers(
    node: Node<'_>,
    range: RangeInclusive<u32>,
    report: &mut Report<'_>,
) -> Option<Vec<u32>> {
    let nodes = node.list(report)?;
    let count = nodes.len();
    let mut seen = HashSet::new();
    let mut one = |node: Node<'_>| {
        let number = node.number(range.clone(), report)?;
        once(&mut seen, number, node, report)
    };
    let found: Vec<u32> = nodes.into_iter().filter_map(&mut one).collect();
    (found.len() == count).then_some(found)
}

fn once<T: Copy + Eq + Hash + std::fmt::Display>(
    seen: &mut HashSet<T>,
    found: T,
    node: Node<'_>,
    report: &mut Report<'_>,
) -> Option<T> {
    if seen.insert(found) {
        return Some(found);
    }
    report.error(&node.span(), format!("{found} is there already"));
    None
}

/// One of a few words.
pub(crate) fn word<T: Copy>(
    node: Node<'_>,
    words: &[(&str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    let text = node.text(report)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    if found.is_none() {
        let help = suggest::known(text, words.iter().map(|(word, _)| *word));
        report.error_with(&node.span(), format!("{node} cannot be `{text}`"), help);
    }
    found
}
