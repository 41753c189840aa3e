//! What a frame costs by how much is open: 1 to a million connections, 1 to 100,000 sessions.
//!
//! The gate's allocator (mimalloc) has large tables in huge pages. The one here counts, and asks the C library's, which
//! does the same only when its environment says so: [`in_huge_pages`].

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{env, fs};

use serde_json::{Value, json};
use wicketgate_worker::worker::BURST;

use crate::crowd::{Crowd, Kind, Size};
use crate::figures::Nanos;

/// Rounds of each crowd, in turns.
const ROUNDS: usize = 15;

/// Bursts of a round that are measured, and those before, which bring back to the caches what other crowds
/// drove out.
const BURSTS: usize = 1_000;
const WARM: usize = 200;

/// Connections of each row, and the sessions that those are spread over at most.
const FLOWS: &[usize] = &[1, 1_000, 10_000, 100_000, 1_000_000];
const SPREAD: usize = 1_000;

/// Sessions of each row, one connection each.
const SESSIONS: &[usize] = &[1, 1_000, 10_000, 100_000];

/// What the goal holds a million connections against (issue 9), and how much more those may cost.
const BASE: usize = 1_000;
const GOAL: f64 = 2.0;

/// Memory that a connection takes at most, with its two places in the index, and here its place in the order; an
/// inspected one beside that; a session with its grant. Only to know beforehand what does not fit.
const FLOW_BYTES: usize = 700;
const STREAM_BYTES: usize = 27 << 10;
const SESSION_BYTES: usize = 1 << 10;

/// What is counted in a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Flows,
    Sessions,
}

/// One row on its way.
struct Row {
    of: Of,
    crowd: Crowd,
    /// Resident memory that it took, in bytes, and how much of that is in huge pages.
    memory: usize,
    huge: usize,
    nanos: Nanos,
}

/// What has the C library ask for huge pages (glibc manual, "Memory Allocation Tunables").
const TUNABLES: &str = "GLIBC_TUNABLES";
const HUGE_PAGES: &str = "glibc.malloc.hugetlb";

/// Begins this program anew in huge pages, unless its environment says something of them: the C library reads that
/// when it starts, and not again. Where that fails, the figures say that there are none.
pub(crate) fn in_huge_pages() {
    let tunables = env::var(TUNABLES).unwrap_or_default();
    if tunables.contains(HUGE_PAGES) {
        return;
    }
    let more = if tunables.is_empty() { "" } else { ":" };
    let Ok(program) = env::current_exe() else { return };
    let mut again = Command::new(program);
    again.args(env::args_os().skip(1));
    again.env(TUNABLES, format!("{tunables}{more}{HUGE_PAGES}=1"));
    let why = again.exec();
    eprintln!("ordinary pages: {why}");
}

/// The figures of the rows of these names, or of all; those that do not fit into half of the free memory are named on
/// stderr.
pub(crate) fn measure(names: &[&str]) -> Vec<Value> {
    let mut room = free_memory() / 2;
    let asked =
        sizes().filter(|(of, size)| names.is_empty() || names.contains(&word(*of, *size).as_str()));
    let mut rows: Vec<Row> = asked.filter_map(|size| prepare(size, &mut room)).collect();
    for _ in 0..ROUNDS {
        rows.iter_mut().for_each(Row::round);
    }
    let figures: Vec<Value> = rows.iter().map(Row::json).collect();
    figures.iter().map(|row| beside_base(row, &figures)).collect()
}

/// The crowd of that name: `flows-opaque-1000`, `flows-datagrams-1000`, `sessions-1000`.
pub(crate) fn named(name: &str) -> Option<Crowd> {
    let (_, size) = sizes().find(|(of, size)| word(*of, *size) == name)?;
    Some(Crowd::open(size))
}

fn sizes() -> impl Iterator<Item = (Of, Size)> {
    let kinds = [Kind::Opaque, Kind::Inspected, Kind::Datagrams];
    let flows = kinds.into_iter().flat_map(|kind| {
        FLOWS.iter().map(move |flows| Size { kind, flows: *flows, sessions: SPREAD.min(*flows) })
    });
    let sessions =
        SESSIONS.iter().map(|count| Size { kind: Kind::Opaque, flows: *count, sessions: *count });
    flows.map(|size| (Of::Flows, size)).chain(sessions.map(|size| (Of::Sessions, size)))
}

fn word(of: Of, size: Size) -> String {
    match of {
        Of::Flows => format!("flows-{}-{}", kind(size), size.flows),
        Of::Sessions => format!("sessions-{}", size.sessions),
    }
}

fn kind(size: Size) -> &'static str {
    match size.kind {
        Kind::Opaque => "opaque",
        Kind::Inspected => "inspected",
        Kind::Datagrams => "datagrams",
    }
}

/// Opens a crowd, if there is room for it; says so where there is not.
fn prepare((of, size): (Of, Size), room: &mut usize) -> Option<Row> {
    let wanted = bytes(size);
    let Some(left) = room.checked_sub(wanted) else {
        let (name, mib) = (word(of, size), wanted >> 20);
        eprintln!(
            "{name}: SKIPPED, {mib} MiB do not fit: of half the free memory {} MiB are left",
            *room >> 20
        );
        return None;
    };
    *room = left;
    let before = (resident_memory(), huge_memory());
    let crowd = Crowd::open(size);
    let memory = resident_memory().saturating_sub(before.0);
    let huge = huge_memory().saturating_sub(before.1);
    Some(Row { of, crowd, memory, huge, nanos: Nanos::default() })
}

fn bytes(size: Size) -> usize {
    let streams = size.streams();
    size.flows * FLOW_BYTES + streams * STREAM_BYTES + size.sessions * SESSION_BYTES
}

impl Row {
    fn round(&mut self) {
        let Row { crowd, nanos, .. } = self;
        for _ in 0..WARM {
            crowd.fill();
            crowd.decide();
        }
        let mut bursts = Nanos::default();
        for _ in 0..BURSTS {
            crowd.fill();
            bursts.round(BURST, || crowd.decide());
        }
        nanos.absorb(bursts.median());
    }

    fn json(&self) -> Value {
        let Row { of, crowd, memory, huge, nanos } = self;
        assert!(crowd.all_forwarded(), "a frame was not forwarded");
        json!({
            "counts": word(*of, crowd.size),
            "of": if *of == Of::Flows { "flows" } else { "sessions" },
            "kind": kind(crowd.size),
            "flows": crowd.size.flows,
            "sessions": crowd.size.sessions,
            "ns": nanos.median(),
            "ns_min": nanos.min(),
            "ns_max": nanos.max(),
            "mib": memory >> 20,
            "huge_mib": huge >> 20,
        })
    }
}

/// A row with its ratio to that of [`BASE`], and whether the goal is reached where it is one of a million.
fn beside_base(row: &Value, all: &[Value]) -> Value {
    let same = |other: &&Value| {
        ["of", "kind"].iter().all(|key| other[key] == row[key]) && other["flows"] == BASE
    };
    let base = all.iter().find(same).and_then(|base| base["ns"].as_f64());
    let ratio = row["ns"].as_f64().zip(base).map(|(ns, base)| ns / base);
    let mut row = row.clone();
    row["ratio"] = json!(ratio);
    row["reaches_goal"] = json!(ratio.map(|ratio| ratio <= GOAL));
    row
}

/// Prints rows as people read them.
pub(crate) fn print(rows: &[Value]) {
    println!(
        "{:26} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>7} {:>7}",
        "open at once", "flows", "sessions", "ns/frame", "min", "max", "of 1000", "MiB", "huge"
    );
    for row in rows {
        let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:26} {:9} {:9} {:9.1} {:8.1} {:8.1} {:8.2} {:7} {:7}",
            row["counts"].as_str().unwrap_or(""),
            number("flows"),
            number("sessions"),
            number("ns"),
            number("ns_min"),
            number("ns_max"),
            number("ratio"),
            number("mib"),
            number("huge_mib"),
        );
    }
}

/// Memory that is free, in bytes, what the kernel would give back included (proc(5)).
fn free_memory() -> usize {
    kib_of("/proc/meminfo", "MemAvailable:") << 10
}

/// Memory of this process that is there, in bytes (proc(5)).
fn resident_memory() -> usize {
    kib_of("/proc/self/status", "VmRSS:") << 10
}

/// Memory of this process that is in huge pages, in bytes (proc(5)).
fn huge_memory() -> usize {
    kib_of("/proc/self/smaps_rollup", "AnonHugePages:") << 10
}

/// A line of a file of the kernel's that gives kibibytes; 0 where there is none.
fn kib_of(file: &str, key: &str) -> usize {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
