//! Several workers: four queues, two workers, two assets with different owners; and rings too small for
//! what comes.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::barriers::await_stopped;
use crate::modbus::{ask, device, register};
use crate::plant::{CONDUIT, Gate, Plant};
use crate::{assert_whole, commands, retransmitted, transactions};

/// How many transactions a run has, if somebody wants more than usual.
const TRANSACTIONS: &str = "WICKETGATE_TRANSACTIONS";

/// HMIs for each asset; a device on libmodbus takes fifteen connections.
const HMIS: u16 = 6;

/// Another asset, and the HMI's right to it. Assets are dealt out in turn: it is the second worker's.
const PRESS_4: &str = r#"
[[asset]]
name = "press-4"
zone = "press-line"
port = "press-line"
overlay = "100.64.10.21"
underlay = "192.168.10.21"
protocols = ["modbus"]

[[conduit]]
name = "the HMI runs press-4"
from = { address = "192.168.20.5", port = "office" }
asset = "press-4"
protocol = "modbus"
allow = ["read", { class = "write", function = 6, address = "0-99" }]
"#;

/// A plant with both assets, whose policy has this in `[gate]`.
fn plant(queues: u32, gate: &str) -> Plant {
    let plant = Plant::new(queues);
    plant.line.ip("address add 192.168.10.21/24 dev eth0").unwrap();
    plant.write_policy(&format!("{CONDUIT}{PRESS_4}[gate]\n{gate}"));
    plant
}

/// The same, with this in every `[[port]]`.
fn tune_ports(plant: &Plant, keys: &str) {
    let file = plant.file("policy.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, text.replace("[[port]]", &format!("[[port]]\n{keys}"))).unwrap();
}

fn start_hmi(plant: &Plant, hmi: &Path, number: u16, rounds: u32) -> Child {
    let asset = format!("100.64.10.{}", 20 + number % 2);
    let (port, rounds) = ((40_001 + number).to_string(), rounds.to_string());
    plant.user.command(hmi).args([&asset, &port, &rounds, "0", "operate"]).spawn().unwrap()
}

/// All HMIs at once; how many transactions they have done.
fn run_hmis(plant: &Plant, hmi: &Path, wanted: usize) -> usize {
    let hmis = 2 * HMIS;
    let rounds = (10 * wanted / 21 / usize::from(hmis)) as u32 + 1;
    let running: Vec<Child> = (0..hmis).map(|n| start_hmi(plant, hmi, n, rounds)).collect();
    for mut child in running {
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}: some transaction failed");
    }
    transactions(rounds) * usize::from(hmis)
}

fn sum(report: &Value, what: impl Fn(&Value) -> u64) -> u64 {
    report["workers"].as_array().unwrap().iter().map(what).sum()
}

/// What the kernel counted, over all sockets.
fn kernel(report: &Value, what: &str) -> u64 {
    report["sockets"].as_array().unwrap().iter().map(|one| one[what].as_u64().unwrap()).sum()
}

/// Every chunk is where it was, whatever the kernel had to drop.
fn assert_balanced(report: &Value, made_with: u64) {
    let chunks = &report["chunks"];
    assert_eq!((&chunks["held"], &chunks["strays"]), (&json!(0), &json!(0)), "{report:#}");
    assert_eq!(chunks["total"], made_with, "{report:#}");
}

#[test]
fn two_workers_lose_and_alter_nothing() {
    let (server, hmi) = need!("two_workers_lose_and_alter_nothing");
    let wanted = std::env::var(TRANSACTIONS).map_or(10_000, |count| count.parse().unwrap());
    let plant = plant(4, "workers = 2\nring = 512\nframes = 16384\n");
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    let done = run_hmis(&plant, &hmi, wanted);
    let report = gate.stop();
    let handed = sum(&report, |worker| worker["handed_over"].as_u64().unwrap());
    let again = (retransmitted(&plant.user), retransmitted(&plant.line));
    eprintln!("{done} transactions, {handed} frames handed over, {again:?} sent again");
    eprintln!("{:#} {:#}", report["workers"], report["assets"]);
    assert_whole(&report);
    assert_balanced(&report, 16_384);
    assert!(handed > 0, "some frames came in at the wrong worker");
    assert_eq!(report["frames"]["dropped"], json!([]), "{report:#}");
    let total = sum(&report, |worker| worker["frames"]["total"].as_u64().unwrap());
    assert_eq!(report["frames"]["total"], total, "each frame is counted by one worker");
    let owners = [&report["assets"][0]["worker"], &report["assets"][1]["worker"]];
    assert_eq!(owners, [0, 1]);
    let audit = plant.audit("audit.jsonl");
    assert_eq!(commands(&audit, "success").len(), done);
    let file = std::fs::read(plant.file("audit.jsonl")).unwrap();
    wicketgate_audit::verify(std::io::Cursor::new(file)).unwrap();
    assert_told_in_order(&audit);
}

/// Whatever is told of one flow is told in the order of time.
fn assert_told_in_order(audit: &[Value]) {
    let mut last = std::collections::HashMap::new();
    for record in audit.iter().filter(|record| record["session"].is_u64()) {
        let flow = (record["session"].as_u64(), record["client_port"].as_u64());
        let time = record["time"].as_str().unwrap();
        let before = last.insert(flow, time).unwrap_or_default();
        assert!(before <= time, "{record}");
    }
    assert!(last.len() > 2, "{}", last.len());
}

#[test]
fn two_workers_sleep_when_idle_and_wake_for_each_other() {
    let (server, _) = need!("two_workers_sleep_when_idle_and_wake_for_each_other");
    let plant = plant(2, "workers = 2\n");
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    let (before, span) = (gate.busy(), Duration::from_secs(2));
    std::thread::sleep(span);
    let share = (gate.busy() - before).as_secs_f64() / span.as_secs_f64();
    eprintln!("an idle gate of two workers uses {:.1} % of a core", 100.0 * share);
    assert!(share < 0.05, "{share}");
    // Of so many connections some come in at the other worker, which sleeps between them.
    for _ in 0..16 {
        std::thread::sleep(Duration::from_millis(10));
        let address: SocketAddr = "100.64.10.21:502".parse().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
        let mut stream = plant.user.enter(connect).unwrap();
        assert_eq!(register(&mut stream, 7), 70);
    }
    let report = gate.stop();
    assert_whole(&report);
    assert!(sum(&report, |worker| worker["handed_over"].as_u64().unwrap()) > 0, "{report:#}");
}

#[test]
fn a_flood_that_fills_the_rings_is_counted_and_survived() {
    let (server, _) = need!("a_flood_that_fills_the_rings_is_counted_and_survived");
    for (workers, gate) in [(1, "ring = 64\nframes = 512\n"), (2, "workers = 2\nring = 64\n")] {
        let plant = plant(2, gate);
        let _device = device(&plant, &server);
        let gate = plant.start("audit.jsonl");
        let mut stream = plant.connect().unwrap();
        assert_eq!(register(&mut stream, 1), 10);
        let sockets: Vec<UdpSocket> = (0..8)
            .map(|_| plant.user.enter(|| UdpSocket::bind("192.168.20.5:0").unwrap()).unwrap())
            .collect();
        // Stopped, it takes nothing out of its rings, however fast the machine is.
        gate.signal(Signal::STOP);
        await_stopped(&gate);
        for (number, socket) in (0..2000).zip(sockets.iter().cycle()) {
            let asset = ["100.64.10.20:502", "100.64.10.21:502"][number % 2];
            socket.send_to(b"?", asset).unwrap();
        }
        gate.signal(Signal::CONT);
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(register(&mut stream, 2), 20, "the connection lives on");
        drop(stream);
        let report = gate.stop();
        let lost = ["rx_dropped", "rx_ring_full", "fill_ring_empty"];
        let lost: u64 = lost.iter().map(|what| kernel(&report, what)).sum();
        eprintln!("{workers} workers: the kernel had no room {lost} times; {}", report["frames"]);
        assert!(lost > 1000, "rings were full, or ran dry: {report:#}");
        assert_eq!((kernel(&report, "rx_invalid"), kernel(&report, "tx_invalid")), (0, 0));
        let made_with = report["chunks"]["total"].as_u64().unwrap();
        assert_balanced(&report, if workers == 1 { 512 } else { made_with });
    }
}

#[test]
fn a_full_tx_ring_is_counted_and_survived() {
    let (server, _) = need!("a_full_tx_ring_is_counted_and_survived");
    let plant = plant(2, "workers = 2\nring = 64\nframes = 2048\n");
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    plant.connect().unwrap();
    plant.gate.ip("link set dev line down").unwrap();
    let address: SocketAddr = "100.64.10.20:502".parse().unwrap();
    plant
        .user
        .enter(|| {
            for _ in 0..150 {
                TcpStream::connect_timeout(&address, Duration::from_millis(5)).unwrap_err();
            }
        })
        .unwrap();
    plant.gate.ip("link set dev line up").unwrap();
    assert!((0..10).any(|_| plant.connect().is_ok()), "and goes on");
    let report = gate.stop();
    assert!(report["frames"]["unsent"].as_u64().unwrap() > 0, "{report:#}");
    assert_balanced(&report, 2048);
}

#[test]
fn a_worker_without_a_queue_is_refused() {
    let _ = need!("a_worker_without_a_queue_is_refused");
    let refuses = |plant: &Plant, why: &str| {
        let gate = plant.try_start("audit.jsonl");
        assert!(gate.says(why), "{why}");
        assert_eq!(gate.exit_code(), Some(2));
    };
    let plant = plant(2, "workers = 3\n");
    refuses(&plant, "3 workers, but office has 2 queues");
    plant.write_policy(&format!("{CONDUIT}[gate]\nworkers = 2\nframes = 256\n"));
    refuses(&plant, "`frames` in [gate] is 256");
    plant.write_policy(&format!("{CONDUIT}[gate]\nworkers = 2\n"));
    tune_ports(&plant, "queues = [0, 2]");
    refuses(&plant, "there is no queue 2: it has 2");
    plant.write_policy(&format!("{CONDUIT}[gate]\nworkers = 2\n"));
    let audit = plant.file("audit.jsonl");
    let gate = plant.try_start_with(&["--core", "0", "--audit", audit.to_str().unwrap()]);
    assert!(gate.says("--core names 1 cores"));
    assert_eq!(gate.exit_code(), Some(2));
}

/// Starts a gate; it runs after it has said all this, in this order.
fn start_saying(plant: &Plant, said: &[&str]) -> Gate {
    let gate = plant.try_start("audit.jsonl");
    for what in said {
        assert!(gate.says(what), "{what}");
    }
    assert!(gate.says("running"));
    gate
}

#[test]
fn each_choice_is_said() {
    let (server, _) = need!("each_choice_is_said");
    let settings = "cores = [0, 1]\nbusy_poll = \"50us\"\nzero_copy = \"off\"\nring = 128\n\
                    sessions = 5000\ninspected = 5000\n";
    let plant = plant(4, settings);
    tune_ports(&plant, "mode = \"generic\"\nqueues = 2");
    let _device = device(&plant, &server);
    let said = [
        "tables: 5000 sessions; 2 workers of 65536 connections, 5000 of them inspected; ",
        "office: 2 queues, generic XDP, copy",
        "office: it has 4 queues",
        "line: 2 queues, generic XDP, copy",
        "busy polling for 50 us at a time",
        "2 workers, on 0, 1",
    ];
    let gate = start_saying(&plant, &said);
    // A queue without a socket drops: of some connections, the first is on one that has.
    let answered = (0..40).any(|_| {
        let address: SocketAddr = "100.64.10.21:502".parse().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300));
        let Ok(mut stream) = plant.user.enter(connect).unwrap() else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        ask(&mut stream, &[3, 0, 1, 0, 1]).is_ok_and(|pdu| pdu == [3, 2, 0, 10])
    });
    assert!(answered);
    let report = gate.stop();
    assert_eq!((&report["chunks"]["held"], &report["chunks"]["strays"]), (&json!(0), &json!(0)));
    assert_eq!(report["workers"][1]["core"], 1);
}

#[test]
fn a_worker_shares_its_core_with_no_other_thread_of_the_gate() {
    let (server, _) = need!("a_worker_shares_its_core_with_no_other_thread_of_the_gate");
    if std::thread::available_parallelism().unwrap().get() < 2 {
        return eprintln!("skipped: there is one core for all");
    }
    let plant = plant(1, "cores = [0]\n");
    let _device = device(&plant, &server);
    let gate = start_saying(&plant, &[]);
    assert_eq!(register(&mut plant.connect().unwrap(), 3), 30);
    let worker = gate.thread("worker");
    assert_eq!(gate.cores_of(worker), "0");
    for thread in gate.threads().into_iter().filter(|thread| *thread != worker) {
        let cores = gate.cores_of(thread);
        assert!(!cores.starts_with('0'), "{cores}");
    }
    drop(gate.stop());
}

/// Set aside or not, the gate runs.
#[test]
fn without_huge_pages_it_runs_on_small_ones() {
    let (server, _) = need!("without_huge_pages_it_runs_on_small_ones");
    let plant = plant(1, "huge_pages = true\nframes = 4000\nring = 64\n");
    let _device = device(&plant, &server);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let free = memory.lines().find_map(|line| line.strip_prefix("HugePages_Free:"));
    let enough = free.is_some_and(|free| free.trim().parse::<u32>().unwrap() >= 4);
    eprintln!("huge pages: {enough}");
    let gate =
        start_saying(&plant, if enough { &["in huge pages"] } else { &["vm.nr_hugepages=4"] });
    assert_eq!(register(&mut plant.connect().unwrap(), 3), 30);
    assert_balanced(&gate.stop(), 4000);
}
