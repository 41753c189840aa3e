//! [`Stats`] as metrics of Prometheus: names, help, units. `docs/metrics` holds rules and a dashboard of these
//! names, and a test holds them against this page.

use std::cmp::Reverse;

use crate::exposition::{Family, Kind, Label, Page};
use crate::reply::{
    AssetLatency, AuditLog, BOUNDS, Percentiles, Records, Stats, Syslog, Tunnels, Worker,
};

/// Assets with a summary of their own, at most: those with most frames. How many more there are is said.
pub const MOST_ASSETS: usize = 256;

/// Nanoseconds in a second.
const SECOND: f64 = 1e9;

/// The page. What workers count is left out as long as one of them has not told all: a counter that seems to fall
/// is taken for a gate that was started anew.
pub fn page(stats: &Stats) -> String {
    let mut page = Page::default();
    gate(&mut page, stats);
    people(&mut page, stats);
    alarms(&mut page, stats);
    classes(&mut page, stats);
    queues(&mut page, stats);
    log(&mut page, &stats.log);
    if let Some(syslog) = &stats.syslog {
        self::syslog(&mut page, syslog);
    }
    if let Some(records) = &stats.records {
        self::records(&mut page, *records);
    }
    if let Some(tunnels) = &stats.tunnels {
        self::tunnels(&mut page, tunnels);
    }
    if stats.workers.iter().all(|worker| worker.whole) {
        frames(&mut page, stats);
        sockets(&mut page, stats);
        commands(&mut page, stats);
        busy(&mut page, stats);
        latency(&mut page, stats);
        assets(&mut page, stats);
    }
    page.finish()
}

fn gate(page: &mut Page, stats: &Stats) {
    page.family("wicketgate_build_info", Kind::Gauge, "The gate's version; always 1.")
        .sample(&[("version", &stats.version)], 1);
    let help = "Seconds since the gate started.";
    page.single("wicketgate_uptime_seconds", Kind::Gauge, help, stats.uptime);
    let help =
        "The generation of tables in force; each reload, login or new neighbour makes another.";
    page.single("wicketgate_policy_epoch", Kind::Gauge, help, stats.epoch);
    page.single("wicketgate_workers", Kind::Gauge, "Workers.", stats.workers.len());
    let help = "Workers that had told all that they count; as long as it is not all of them, none of it is here.";
    let whole = stats.workers.iter().filter(|worker| worker.whole).count();
    page.single("wicketgate_workers_telling", Kind::Gauge, help, whole);
}

fn people(page: &mut Page, stats: &Stats) {
    page.single("wicketgate_sessions", Kind::Gauge, "Live sessions.", stats.sessions);
    page.single("wicketgate_logins", Kind::Gauge, "Live logins.", stats.logins);
}

/// A family with a sample for each worker.
fn by_worker(
    page: &mut Page,
    (name, kind, help): (&'static str, Kind, &str),
    workers: &[Worker],
    of: impl Fn(&mut Family<'_>, &str, &Worker),
) {
    let mut family = page.family(name, kind, help);
    for (number, worker) in workers.iter().enumerate() {
        of(&mut family, &number.to_string(), worker);
    }
}

fn frames(page: &mut Page, stats: &Stats) {
    let help = "Frames decided on, by verdict: forwarded, kept and sent on by the gate itself, answered, refused.";
    let what = ("wicketgate_frames_total", Kind::Counter, help);
    by_worker(page, what, &stats.workers, |family, worker, counts| {
        let Worker { forwarded, kept, answered, refused, .. } = *counts;
        for (verdict, count) in
            [("forwarded", forwarded), ("kept", kept), ("answered", answered), ("refused", refused)]
        {
            family.sample(&[("worker", worker), ("verdict", verdict)], count);
        }
    });
    let help = "Frames answered or refused, by reason (docs/REASONS.md).";
    let mut family = page.family("wicketgate_frames_refused_total", Kind::Counter, help);
    for (reason, count) in &stats.reasons {
        family.sample(&[("reason", reason)], count);
    }
}

fn commands(page: &mut Page, stats: &Stats) {
    let help = "Commands judged by workers, by verdict.";
    let what = ("wicketgate_commands_total", Kind::Counter, help);
    by_worker(page, what, &stats.workers, |family, worker, counts| {
        let forward = counts.commands.saturating_sub(counts.denied);
        for (verdict, count) in [("forward", forward), ("deny", counts.denied)] {
            family.sample(&[("worker", worker), ("verdict", verdict)], count);
        }
    });
}

fn busy(page: &mut Page, stats: &Stats) {
    let help = "Time in which a worker had frames in hand.";
    let what = ("wicketgate_worker_busy_seconds_total", Kind::Counter, help);
    by_worker(page, what, &stats.workers, |family, worker, counts| {
        family.sample(&[("worker", worker)], seconds(counts.busy));
    });
}

fn classes(page: &mut Page, stats: &Stats) {
    let help = "Commands that were logged, by class and verdict.";
    let mut family = page.family("wicketgate_class_commands_total", Kind::Counter, help);
    for (class, judged) in &stats.classes {
        for (verdict, count) in [("forward", judged.forwarded), ("deny", judged.denied)] {
            family.sample(&[("class", class), ("verdict", verdict)], count);
        }
    }
}

fn sockets(page: &mut Page, stats: &Stats) {
    let help = "What the kernel counts for a socket of AF_XDP (XDP_STATISTICS), by port, queue and counter.";
    let mut family = page.family("wicketgate_xdp_socket_total", Kind::Counter, help);
    for socket in &stats.sockets {
        let queue = socket.queue.to_string();
        for (counter, count) in [
            ("rx-dropped", socket.rx_dropped),
            ("rx-ring-full", socket.rx_ring_full),
            ("fill-ring-empty", socket.fill_ring_empty),
            ("rx-invalid", socket.rx_invalid),
            ("tx-invalid", socket.tx_invalid),
        ] {
            let labels = [("port", &*socket.port), ("queue", &queue), ("counter", counter)];
            family.sample(&labels, count);
        }
    }
}

fn latency(page: &mut Page, stats: &Stats) {
    let help = "The gate's own time per frame, from the rx ring to the tx ring, in seconds.";
    let what = ("wicketgate_frame_duration_seconds", Kind::Histogram, help);
    by_worker(page, what, &stats.workers, |family, worker, counts| {
        histogram(family, worker, &counts.latency);
    });
    let help = "What a loop without a gate takes on a worker's core, about as long as a frame, in seconds.";
    let what = ("wicketgate_floor_duration_seconds", Kind::Summary, help);
    by_worker(page, what, &stats.workers, |family, worker, counts| {
        summary(family, ("worker", worker), &counts.floor);
    });
}

fn histogram(family: &mut Family<'_>, worker: &str, latency: &Percentiles) {
    for (bound, count) in BOUNDS.iter().zip(latency.classes) {
        let bound = seconds(*bound).to_string();
        family.part("_bucket", &[("worker", worker), ("le", &bound)], count);
    }
    family.part("_bucket", &[("worker", worker), ("le", "+Inf")], latency.frames);
    ends(family, &[("worker", worker)], latency);
}

fn ends(family: &mut Family<'_>, labels: &[Label<'_>], latency: &Percentiles) {
    family.part("_sum", labels, seconds(latency.sum));
    family.part("_count", labels, latency.frames);
}

/// Those with most frames, [`MOST_ASSETS`] at most.
fn busiest(assets: &[AssetLatency]) -> Vec<&AssetLatency> {
    let mut shown: Vec<_> = assets.iter().collect();
    shown.sort_by_key(|asset| Reverse(asset.latency.frames));
    shown.truncate(MOST_ASSETS);
    shown
}

fn assets(page: &mut Page, stats: &Stats) {
    let shown = busiest(&stats.assets);
    let help = "The gate's own time per frame of one asset, since the start, in seconds.";
    let mut family = page.family("wicketgate_asset_frame_duration_seconds", Kind::Summary, help);
    for asset in &shown {
        let name = ("asset", &*asset.asset);
        summary(&mut family, name, &asset.latency);
    }
    let help = "Which share of the asset's cycle the slowest frame of a thousand takes: 0.01 is one per cent.";
    let mut family = page.family("wicketgate_asset_cycle_share_ratio", Kind::Gauge, help);
    for asset in &shown {
        if let Some(share) = asset.share_of_cycle {
            family.sample(&[("asset", &asset.asset)], share);
        }
    }
    budgets(page, &shown);
    let help = "Assets with frames that have no summary here, because there are too many.";
    let left = stats.assets.len() - shown.len();
    page.single("wicketgate_assets_not_shown", Kind::Gauge, help, left);
}

/// Of those that have a cycle.
fn budgets(page: &mut Page, shown: &[&AssetLatency]) {
    let held = || shown.iter().filter(|asset| asset.budget.is_some());
    let help = "Frames of an asset that were in the gate for longer than its cycle budget.";
    let name = "wicketgate_asset_frames_over_budget_total";
    let mut family = page.family(name, Kind::Counter, help);
    for asset in held() {
        family.sample(&[("asset", &asset.asset)], asset.over_budget);
    }
    let help = "Whether too many frames of an asset were over its cycle budget in the last window (1) or not (0).";
    let mut family = page.family("wicketgate_asset_budget_breached", Kind::Gauge, help);
    for asset in held() {
        family.sample(&[("asset", &asset.asset)], u8::from(asset.budget_breached));
    }
}

/// Quantiles, sum and count of one series.
fn summary(family: &mut Family<'_>, label: Label<'_>, latency: &Percentiles) {
    let Percentiles { p50, p90, p99, p999, p9999, .. } = *latency;
    for (quantile, nanos) in
        [("0.5", p50), ("0.9", p90), ("0.99", p99), ("0.999", p999), ("0.9999", p9999)]
    {
        family.sample(&[label, ("quantile", quantile)], seconds(nanos));
    }
    ends(family, &[label], latency);
}

fn queues(page: &mut Page, stats: &Stats) {
    let help = "Events that wait in a worker's queue to the audit log.";
    let what = ("wicketgate_audit_queue_events", Kind::Gauge, help);
    by_worker(page, what, &stats.workers, |family, worker, counts| {
        family.sample(&[("worker", worker)], counts.events_waiting);
    });
    let help = "Events that a worker's queue to the audit log takes.";
    let what = ("wicketgate_audit_queue_limit_events", Kind::Gauge, help);
    by_worker(page, what, &stats.workers, |family, worker, counts| {
        family.sample(&[("worker", worker)], counts.events_room);
    });
}

fn log(page: &mut Page, log: &AuditLog) {
    let AuditLog { records, waiting_bytes, waiting_seconds } = *log;
    let help = "Records of the audit log.";
    page.single("wicketgate_audit_records_total", Kind::Counter, help, records);
    let help = "Bytes of the audit log that are not on the disk yet.";
    page.single("wicketgate_audit_waiting_bytes", Kind::Gauge, help, waiting_bytes);
    let help =
        "Seconds since the disk was given records of the audit log that it has not acknowledged.";
    page.single("wicketgate_audit_waiting_seconds", Kind::Gauge, help, waiting_seconds);
}

fn alarms(page: &mut Page, stats: &Stats) {
    let help = "Whether an alarm is on (1) or off (0).";
    let mut family = page.family("wicketgate_alarm", Kind::Gauge, help);
    for (alarm, on) in &stats.alarms {
        family.sample(&[("alarm", alarm)], u8::from(*on));
    }
}

fn syslog(page: &mut Page, syslog: &Syslog) {
    let Syslog { connected, waiting, dropped, damaged, connections, .. } = *syslog;
    let help = "Whether the audit log has a connection to its syslog server (1) or not (0).";
    page.single("wicketgate_syslog_connected", Kind::Gauge, help, u8::from(connected));
    let help = "Records of the audit log that were not sent yet.";
    page.single("wicketgate_syslog_waiting_records", Kind::Gauge, help, waiting);
    let help = "Connections to the syslog server since the gate started.";
    page.single("wicketgate_syslog_connections_total", Kind::Counter, help, connections);
    let help = "Records never sent, by cause: deleted as the settings say, or damaged.";
    let mut family = page.family("wicketgate_syslog_dropped_records_total", Kind::Counter, help);
    for (cause, count) in [("deleted", dropped), ("damaged", damaged)] {
        family.sample(&[("cause", cause)], count);
    }
}

fn records(page: &mut Page, records: Records) {
    let Records { ring_full, unwritten, beyond, deleted } = records;
    let help = "Frames missing from records of sessions, by cause.";
    let mut family = page.family("wicketgate_record_missing_frames_total", Kind::Counter, help);
    for (cause, count) in [
        ("ring-full", ring_full),
        ("unwritten", unwritten),
        ("beyond", beyond),
        ("deleted", deleted),
    ] {
        family.sample(&[("cause", cause)], count);
    }
}

fn tunnels(page: &mut Page, tunnels: &Tunnels) {
    let Tunnels { open, spoofed, unfit, overtaken, inbound, outbound, .. } = *tunnels;
    page.single("wicketgate_tunnels", Kind::Gauge, "Logins that have a tunnel.", open);
    let help = "Packets of tunnels lost, by cause.";
    let mut family = page.family("wicketgate_tunnel_packets_lost_total", Kind::Counter, help);
    for (cause, count) in [
        ("spoofed", spoofed),
        ("unfit", unfit),
        ("slow-user", overtaken),
        ("ring-in-full", inbound),
        ("ring-out-full", outbound),
    ] {
        family.sample(&[("cause", cause)], count);
    }
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / SECOND
}
