//! The page of metrics: its format held by a strict reader, its names by the rules and the dashboard that use them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::metrics::{MOST_ASSETS, page};
use crate::reply::{
    AssetLatency, AuditLog, BOUNDS, Judged, Percentiles, Records, Socket, Stats, Syslog, Tunnels,
    Worker,
};
use crate::router::router;
use crate::scrape;

const ALERTS: &str = include_str!("../../../../docs/metrics/alerts.yml");
const DASHBOARD: &str = include_str!("../../../../docs/metrics/dashboard.json");

/// What a page says: each family's kind, each sample's value by its name and labels.
#[derive(Debug, Default)]
struct Exposed {
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Exposed {
    /// Reads a page as the format's description has it, and nothing more lenient.
    fn of(page: &str) -> Exposed {
        let (mut read, mut family, mut helped) = (Exposed::default(), String::new(), String::new());
        assert!(page.ends_with('\n'), "the last line ends too");
        for line in page.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                helped = help.split_once(' ').expect(line).0.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect(line);
                assert!(["counter", "gauge", "histogram", "summary"].contains(&kind), "{line}");
                assert_eq!(name, helped, "HELP stands before TYPE");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                name.clone_into(&mut family);
                assert!(read.kinds.insert(family.clone(), kind.to_owned()).is_none(), "{line}");
            } else {
                read.sample(line, &family);
            }
        }
        read
    }

    fn sample(&mut self, line: &str, family: &str) {
        let (series, value) = line.rsplit_once(' ').expect(line);
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} in {family}"));
        let allowed: &[&str] = match &*self.kinds[family] {
            "histogram" => &["_bucket", "_sum", "_count"],
            "summary" => &["", "_sum", "_count"],
            _ => &[""],
        };
        assert!(allowed.contains(&suffix), "{line}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
        read_labels(labels.strip_suffix('}').expect(line));
        let value = value.parse().expect(line);
        assert!(self.samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
    }

    fn value(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series}"))
    }
}

/// `name="value",name="value"`, in which only three characters are escaped.
fn read_labels(mut text: &str) {
    let mut names = BTreeSet::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").expect(text);
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}");
        assert!(names.insert(name), "{name} twice");
        let mut letters = rest.char_indices();
        let end = loop {
            match letters.next().expect("a label's value ends") {
                (end, '"') => break end,
                (_, '\\') => assert!(matches!(letters.next(), Some((_, '\\' | '"' | 'n')))),
                _ => {}
            }
        };
        text = &rest[end + 1..];
        text = text.strip_prefix(',').unwrap_or(text);
    }
}

fn percentiles(frames: u64) -> Percentiles {
    let mut classes = [0; BOUNDS.len()];
    classes[3..].fill(frames - 1);
    Percentiles {
        frames,
        p50: 3_000,
        p999: 4_000,
        sum: 5_000_000_000,
        classes,
        ..Percentiles::default()
    }
}

fn stats() -> Stats {
    let worker = Worker {
        whole: true,
        frames: 19,
        forwarded: 10,
        kept: 1,
        answered: 5,
        refused: 3,
        commands: 9,
        denied: 2,
        events_waiting: 4,
        events_room: 1024,
        busy: 2_500_000_000,
        latency: percentiles(19),
        floor: percentiles(7),
    };
    let asset = |name: &str| AssetLatency {
        asset: name.to_owned(),
        latency: percentiles(10),
        share_of_cycle: Some(0.004),
        budget: Some(100_000),
        over_budget: 4,
        budget_breached: name == "press-3",
        ..AssetLatency::default()
    };
    Stats {
        version: "1.2.3".to_owned(),
        uptime: 12.5,
        epoch: 7,
        reasons: BTreeMap::from([("no-grant".to_owned(), 8)]),
        sessions: 2,
        logins: 1,
        alarms: BTreeMap::from([
            ("audit-fails".to_owned(), true),
            ("frames-lost".to_owned(), false),
        ]),
        log: AuditLog { records: 7, waiting_bytes: 4096, waiting_seconds: 0.5 },
        syslog: Some(Syslog { waiting: 12, dropped: 3, ..Syslog::default() }),
        records: Some(Records { ring_full: 11, unwritten: 2, beyond: 1, deleted: 4 }),
        tunnels: Some(Tunnels { open: 1, spoofed: 6, ..Tunnels::default() }),
        classes: BTreeMap::from([("write".to_owned(), Judged { forwarded: 6, denied: 2 })]),
        sockets: vec![Socket {
            port: "office".to_owned(),
            queue: 3,
            rx_dropped: 9,
            ..Socket::default()
        }],
        workers: vec![worker, worker],
        assets: vec![asset("press-3"), asset("a \"b\" \\ c\nd")],
        ..Stats::default()
    }
}

#[test]
fn the_page_is_of_the_format_and_says_what_was_counted() {
    let read = Exposed::of(&page(&stats()));
    for (series, value) in [
        ("wicketgate_build_info{version=\"1.2.3\"}", 1.0),
        ("wicketgate_uptime_seconds", 12.5),
        ("wicketgate_policy_epoch", 7.0),
        ("wicketgate_sessions", 2.0),
        ("wicketgate_logins", 1.0),
        ("wicketgate_alarm{alarm=\"audit-fails\"}", 1.0),
        ("wicketgate_alarm{alarm=\"frames-lost\"}", 0.0),
        ("wicketgate_frames_total{worker=\"1\",verdict=\"forwarded\"}", 10.0),
        ("wicketgate_frames_total{worker=\"1\",verdict=\"kept\"}", 1.0),
        ("wicketgate_frames_total{worker=\"1\",verdict=\"answered\"}", 5.0),
        ("wicketgate_frames_total{worker=\"1\",verdict=\"refused\"}", 3.0),
        ("wicketgate_frames_refused_total{reason=\"no-grant\"}", 8.0),
        ("wicketgate_commands_total{worker=\"0\",verdict=\"forward\"}", 7.0),
        ("wicketgate_commands_total{worker=\"0\",verdict=\"deny\"}", 2.0),
        ("wicketgate_class_commands_total{class=\"write\",verdict=\"deny\"}", 2.0),
        ("wicketgate_class_commands_total{class=\"write\",verdict=\"forward\"}", 6.0),
        ("wicketgate_xdp_socket_total{port=\"office\",queue=\"3\",counter=\"rx-dropped\"}", 9.0),
        ("wicketgate_audit_queue_events{worker=\"0\"}", 4.0),
        ("wicketgate_audit_queue_limit_events{worker=\"0\"}", 1024.0),
        ("wicketgate_audit_records_total", 7.0),
        ("wicketgate_audit_waiting_bytes", 4096.0),
        ("wicketgate_audit_waiting_seconds", 0.5),
        ("wicketgate_syslog_connected", 0.0),
        ("wicketgate_syslog_waiting_records", 12.0),
        ("wicketgate_syslog_dropped_records_total{cause=\"deleted\"}", 3.0),
        ("wicketgate_record_missing_frames_total{cause=\"ring-full\"}", 11.0),
        ("wicketgate_record_missing_frames_total{cause=\"unwritten\"}", 2.0),
        ("wicketgate_record_missing_frames_total{cause=\"beyond\"}", 1.0),
        ("wicketgate_record_missing_frames_total{cause=\"deleted\"}", 4.0),
        ("wicketgate_tunnels", 1.0),
        ("wicketgate_tunnel_packets_lost_total{cause=\"spoofed\"}", 6.0),
        ("wicketgate_frame_duration_seconds_bucket{worker=\"0\",le=\"0.000002\"}", 0.0),
        ("wicketgate_frame_duration_seconds_bucket{worker=\"0\",le=\"0.000005\"}", 18.0),
        ("wicketgate_frame_duration_seconds_bucket{worker=\"0\",le=\"+Inf\"}", 19.0),
        ("wicketgate_frame_duration_seconds_sum{worker=\"0\"}", 5.0),
        ("wicketgate_frame_duration_seconds_count{worker=\"0\"}", 19.0),
        ("wicketgate_asset_frame_duration_seconds{asset=\"press-3\",quantile=\"0.999\"}", 0.000004),
        ("wicketgate_asset_frame_duration_seconds_count{asset=\"a \\\"b\\\" \\\\ c\\nd\"}", 10.0),
        ("wicketgate_asset_cycle_share_ratio{asset=\"press-3\"}", 0.004),
        ("wicketgate_asset_frames_over_budget_total{asset=\"press-3\"}", 4.0),
        ("wicketgate_asset_budget_breached{asset=\"press-3\"}", 1.0),
        ("wicketgate_asset_budget_breached{asset=\"a \\\"b\\\" \\\\ c\\nd\"}", 0.0),
        ("wicketgate_floor_duration_seconds{worker=\"1\",quantile=\"0.999\"}", 0.000004),
        ("wicketgate_floor_duration_seconds_count{worker=\"1\"}", 7.0),
        ("wicketgate_worker_busy_seconds_total{worker=\"1\"}", 2.5),
    ] {
        assert!((read.value(series) - value).abs() < 1e-12, "{series}");
    }
}

#[test]
fn a_worker_that_has_not_told_makes_no_counter_fall() {
    let mut stats = stats();
    stats.workers[1] = Worker::default();
    let read = Exposed::of(&page(&stats));
    let counted = |name: &str| read.kinds.contains_key(name);
    assert!(!counted("wicketgate_frames_total") && !counted("wicketgate_frame_duration_seconds"));
    assert!(read.value("wicketgate_workers_telling") < read.value("wicketgate_workers"));
    assert!(read.value("wicketgate_alarm{alarm=\"audit-fails\"}") > 0.0);
}

#[test]
fn of_many_assets_those_with_most_frames_are_shown() {
    let mut stats = stats();
    let asset = |frames: u64| AssetLatency {
        asset: format!("a{frames}"),
        latency: percentiles(frames),
        ..AssetLatency::default()
    };
    stats.assets = (1..=MOST_ASSETS as u64 + 3).map(asset).collect();
    let read = Exposed::of(&page(&stats));
    let shows = |name: &str| {
        let series = format!("wicketgate_asset_frame_duration_seconds_count{{asset=\"{name}\"}}");
        read.samples.contains_key(&series)
    };
    assert!(!shows("a3") && shows("a4"));
    assert!((read.value("wicketgate_assets_not_shown") - 3.0).abs() < 1e-12);
}

/// The names of ours in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let part = |letter: char| !letter.is_ascii_lowercase() && letter != '_';
    text.split(part).filter(|word| word.starts_with("wicketgate_")).collect()
}

#[test]
fn rules_and_dashboard_ask_for_metrics_that_there_are() {
    let read = Exposed::of(&page(&stats()));
    let exposed: BTreeSet<&str> =
        read.samples.keys().map(|series| series.split('{').next().unwrap()).collect();
    let _: Value = serde_json::from_str(DASHBOARD).unwrap();
    for (file, text) in [("alerts.yml", ALERTS), ("dashboard.json", DASHBOARD)] {
        let asked = names(text);
        assert!(asked.len() >= 5, "{file}: {asked:?}");
        let missing: Vec<_> = asked.difference(&exposed).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");
    }
}

#[test]
fn an_auditor_reads_the_page_at_the_control_socket() {
    let router = router(desk(|_| Ok(Reply::Stats(Box::new(stats())))));
    let mut request = HttpRequest::get("/v1/metrics").body(Body::empty()).unwrap();
    request.extensions_mut().insert(actor(1000, &[Role::Auditor]));
    let body = run(async {
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], crate::exposition::CONTENT_TYPE);
        to_bytes(response.into_body(), usize::MAX).await.unwrap()
    });
    assert_eq!(String::from_utf8_lossy(&body), page(&stats()));
}

/// What a listener of its own says to these bytes, one connection each.
fn scrape(requests: &[&str]) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let desk = desk(|request| match request {
        Request::Stats => Ok(Reply::Stats(Box::new(stats()))),
        request => panic!("{request:?}"),
    });
    thread::spawn(move || {
        run(async { scrape::serve(scrape::adopt(listener).unwrap(), desk).await });
    });
    let say = |bytes: &&str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let _ = stream.write_all(bytes.as_bytes());
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        String::from_utf8_lossy(&heard).into_owned()
    };
    requests.iter().map(say).collect()
}

#[test]
fn by_tcp_there_is_one_page_and_nothing_else() {
    let get = |what: &str| format!("{what} HTTP/1.1\r\nhost: x\r\n\r\n");
    let long = format!("GET /metrics HTTP/1.1\r\nx: {}", "a".repeat(1 << 16));
    let [page_of, stats_of, post, garbage, again] = &scrape(&[
        &get("GET /metrics"),
        &get("GET /v1/stats"),
        &get("POST /metrics"),
        &long,
        &get("GET /metrics"),
    ])[..] else {
        panic!("five answers")
    };
    assert!(page_of.starts_with("HTTP/1.1 200"), "{page_of}");
    assert!(page_of.ends_with(&page(&stats())), "{page_of}");
    assert!(stats_of.starts_with("HTTP/1.1 404"), "{stats_of}");
    assert!(post.starts_with("HTTP/1.1 405"), "{post}");
    assert!(!garbage.starts_with("HTTP/1.1 200"), "{garbage}");
    assert!(again.starts_with("HTTP/1.1 200"), "the next one is served: {again}");
}
