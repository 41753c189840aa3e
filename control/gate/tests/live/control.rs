//! The control socket of a gate that runs (docs/CONTROL.md).

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;

/// Where metrics are told, in the gate's namespace.
const METRICS: &str = "127.0.0.1:9464";

/// A plant whose gate runs, with a device, and its socket.
struct Running {
    plant: Plant,
    _device: plant::Process,
    gate: Gate,
    socket: PathBuf,
}

impl Running {
    fn start(server: &Path) -> Running {
        let plant = Plant::new(1);
        let device = device(&plant, server);
        let socket = plant.file("control/control.sock");
        plant.write_policy(&policy(&socket));
        let gate = plant.start("audit.jsonl");
        Running { plant, _device: device, gate, socket }
    }

    /// `wicketgate ... --socket SOCKET`.
    fn cli(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
        command.env("XDG_RUNTIME_DIR", self.plant.file("."));
        command.args(words).arg("--socket").arg(&self.socket).output().unwrap()
    }

    /// The same with `--json`: what it printed.
    fn json(&self, words: &[&str]) -> Value {
        let output = self.cli(&[words, &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words:?}: {said}"))
    }
}

fn policy(socket: &Path) -> String {
    format!("{CONDUIT}\n[gate]\ncontrol_socket = {socket:?}\n")
}

/// What curl says to `path`: status and JSON; `None` where there is no curl.
fn curl(socket: &Path, arguments: &[&str], path: &str) -> Option<(u16, Value)> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "20", "--write-out", "%{http_code}"]);
    command.arg("--unix-socket").arg(socket).args(arguments);
    let output = command.arg(format!("http://localhost{path}")).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.split_at(text.len() - 3);
    Some((status.parse().unwrap(), serde_json::from_str(body).unwrap()))
}

#[test]
fn plain_curl_asks_the_gate() {
    const TEST: &str = "plain_curl_asks_the_gate";
    let (server, _) = need!(TEST);
    let running = Running::start(&server);
    let Some((status, assets)) = curl(&running.socket, &[], "/v1/assets") else {
        return wicketgate_lab::skip(TEST, "there is no curl");
    };
    assert_eq!((status, &assets[0]["name"]), (200, &json!("press-3")));
    let mut stream = running.plant.connect().unwrap();
    register(&mut stream, 1);
    let get = |path| curl(&running.socket, &[], path).unwrap();
    let session = &get("/v1/sessions").1[0];
    assert_eq!(session["name"], "the HMI runs press-3", "{session}");
    assert_eq!((&session["commands"], &session["asset"]), (&json!(1), &json!("press-3")));
    let (status, stats) = get("/v1/stats");
    assert_eq!((status, &stats["commands"]), (200, &json!(1)), "{stats}");
    let asset = &stats["assets"][0];
    assert_eq!((&asset["asset"], &asset["worker"]), (&json!("press-3"), &json!(0)), "{stats}");
    assert_eq!((&asset["cycle"], &asset["budget"]), (&json!(10_000_000), &json!(100_000)));
    assert_eq!(asset["shares"].as_array().unwrap().len(), 1, "of its own cycle");
    assert_ne!(stats["workers"][0]["floor"]["frames"], 0, "an idle worker samples the machine");
    assert_eq!(get("/v1/policy").1["epoch"], stats["epoch"]);
    assert_eq!(get("/v1/openapi.json").1["openapi"], "3.1.0");
    // A machine is the policy's to stop.
    let path = format!("/v1/sessions/{}", session["id"]);
    let (status, fault) = curl(&running.socket, &["-X", "DELETE"], &path).unwrap();
    assert_eq!((status, &fault["code"]), (409, &json!("conduit")));
    register(&mut stream, 2);
    assert_whole(&running.gate.stop());
}

/// The page that Prometheus gets in the gate's own namespace.
fn scrape(plant: &Plant) -> String {
    let get = || {
        let mut stream = TcpStream::connect(METRICS).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = plant.gate.enter(get).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// Whether a page has these lines.
fn has(page: &str, lines: &[&str]) -> bool {
    lines.iter().all(|wanted| page.lines().any(|line| line == *wanted))
}

#[test]
fn prometheus_sees_counters_move() {
    let (server, _) = need!("prometheus_sees_counters_move");
    let plant = Plant::new(1);
    plant.gate.ip("link set lo up").unwrap();
    let _device = device(&plant, &server);
    let socket = plant.file("control/control.sock");
    plant.write_policy(&format!("{}[metrics]\nlisten = \"{METRICS}\"\n", policy(&socket)));
    let gate = plant.start("audit.jsonl");
    let allowed = "wicketgate_commands_total{worker=\"0\",verdict=\"forward\"}";
    let before = scrape(&plant);
    let none = format!("{allowed} 0");
    assert!(has(&before, &[&none, "wicketgate_alarm{alarm=\"audit-fails\"} 0"]), "{before}");
    let mut stream = plant.connect().unwrap();
    register(&mut stream, 1);
    register(&mut stream, 2);
    let two = format!("{allowed} 2");
    // A page is told again for a second.
    let again = || {
        std::thread::sleep(Duration::from_millis(100));
        scrape(&plant)
    };
    let after = (0..600).map(|_| again()).find(|page| has(page, &[&two]));
    let after = after.expect("two commands are counted");
    assert!(has(&after, &[&two, "wicketgate_sessions 1"]), "{after}");
    let summary = "wicketgate_asset_frame_duration_seconds_count{asset=\"press-3\"} ";
    assert!(after.contains(summary), "{after}");
    plant.write_policy(&policy(&socket));
    if let Some((status, said)) = curl(&socket, &["-X", "POST"], "/v1/policy/reload") {
        assert!(status == 409 && said.to_string().contains("[metrics]"), "{said}");
    }
    assert_whole(&gate.stop());
}

#[test]
fn a_reload_by_the_socket_is_one_by_signal() {
    let (server, _) = need!("a_reload_by_the_socket_is_one_by_signal");
    let running = Running::start(&server);
    let reload = |status| {
        let (got, said) = curl(&running.socket, &["-X", "POST"], "/v1/policy/reload")?;
        assert_eq!(got, status, "{said}");
        Some(said.to_string())
    };
    let Some(said) = reload(200) else { return };
    assert!(said.contains("config read again"), "{said}");
    running
        .plant
        .write_policy(&format!("{}\n[[control]]\nrole = \"boss\"\n", policy(&running.socket)));
    assert!(reload(409).unwrap().contains("no role `boss`"));
    running.plant.write_policy(&policy(&running.plant.file("elsewhere.sock")));
    assert!(reload(409).unwrap().contains("needs a restart"));
    register(&mut running.plant.connect().unwrap(), 1);
    assert_whole(&running.gate.stop());
}

#[test]
fn a_second_gate_does_not_take_the_socket_of_a_living_one_but_a_dead_ones() {
    let (server, _) =
        need!("a_second_gate_does_not_take_the_socket_of_a_living_one_but_a_dead_ones");
    let Running { plant, gate, socket, .. } = Running::start(&server);
    let other = Plant::new(1);
    other.write_policy(&policy(&socket));
    let second = other.try_start("audit.jsonl");
    assert!(second.says("another gate has it"));
    assert_eq!(second.exit_code(), Some(2));
    gate.kill();
    assert!(socket.exists() && UnixStream::connect(&socket).is_err(), "what a dead gate leaves");
    let third = other.try_start("audit2.jsonl");
    assert!(third.says("running"));
    drop(UnixStream::connect(&socket).unwrap());
    assert_whole(&third.stop());
    drop(plant);
}

/// An HMI's rounds while the socket is fired at.
const ROUNDS: u32 = 2000;

/// Says stop when it goes out of scope.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Writes `bytes` and reads what comes; true if that is an answer.
fn poke(socket: &Path, bytes: &[u8]) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut answer = Vec::new();
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut answer);
    answer.starts_with(b"HTTP/1.1 ")
}

#[test]
fn the_data_path_does_not_notice_a_socket_under_fire() {
    let (server, hmi) = need!("the_data_path_does_not_notice_a_socket_under_fire");
    let running = Running::start(&server);
    let (stop, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    let shots: [&[u8]; 5] = [
        b"GET /v1/stats HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /v1/sessions HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /v1/logins HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"",
    ];
    let fire = |shot: &[u8]| {
        while !stop.load(Ordering::Relaxed) {
            // One that says nothing is cut off after seconds: it does not wait here for that.
            if shot.is_empty() {
                drop(UnixStream::connect(&running.socket));
                std::thread::sleep(Duration::from_millis(1));
            } else if poke(&running.socket, shot) {
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let fire = &fire;
    std::thread::scope(|scope| {
        shots.iter().for_each(|shot| drop(scope.spawn(move || fire(shot))));
        // Also where it fails: those who fire would not end.
        let _stop = Stop(&stop);
        run_hmi(&running.plant, &hmi, ROUNDS);
    });
    assert!(answered.load(Ordering::Relaxed) > 100, "{answered:?} answers");
    let report = running.gate.stop();
    assert_whole(&report);
    let audit = running.plant.audit("audit.jsonl");
    assert_eq!(commands(&audit, "success").len(), transactions(ROUNDS), "every one, once");
}

/// Clients at once.
const CROWD: usize = 1000;

/// What a client of the crowd begins with, each in turn: whole, half, or no request at all.
const WORDS: [&[u8]; 6] = [
    b"GET /v1/stats HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /v1/sessions HTTP/1.1\r\nho",
    b"POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-length: 200\r\n\r\n{\"name\":\"al",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"\xff\xff\xff\xff\x00\x00\x00\x00",
    b"",
];

#[test]
fn a_crowd_most_of_it_rude_reaches_no_frame() {
    let (server, hmi) = need!("a_crowd_most_of_it_rude_reaches_no_frame");
    let running = Running::start(&server);
    let all_there = std::sync::Barrier::new(CROWD);
    let start = Machine::start();
    let client = |number: usize| {
        let words = WORDS[number % WORDS.len()];
        let mut stream = UnixStream::connect(&running.socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        all_there.wait();
        let _ = stream.write_all(words);
        let mut answer = Vec::new();
        // It hangs on until the gate ends it.
        let heard = stream.read_to_end(&mut answer).map_err(|error| error.kind());
        assert!(!matches!(heard, Err(std::io::ErrorKind::WouldBlock)), "still held after a minute");
        String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or("cut off").to_owned()
    };
    let client = &client;
    let ends = std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..CROWD).map(|number| scope.spawn(move || client(number))).collect();
        run_hmi(&running.plant, &hmi, ROUNDS);
        let mut ends = std::collections::BTreeMap::<String, usize>::new();
        for client in crowd {
            *ends.entry(client.join().unwrap()).or_default() += 1;
        }
        ends
    });
    let taken = Duration::from_nanos(start.nanos());
    eprintln!("a crowd of {CROWD}, gone after {taken:.1?}: {ends:?}");
    assert!(said(&running.socket, WORDS[0]).starts_with("HTTP/1.1 200"), "the next is served");
    let report = running.gate.stop();
    eprintln!("the HMI meanwhile: {} transactions, {}", transactions(ROUNDS), report["latency"]);
    assert_whole(&report);
    assert_eq!((retransmitted(&running.plant.user), retransmitted(&running.plant.line)), (0, 0));
    let audit = running.plant.audit("audit.jsonl");
    assert_eq!(commands(&audit, "success").len(), transactions(ROUNDS), "every one, once");
    // Who was turned away is told, in a few lines.
    let refused: Vec<_> = audit.iter().filter(|r| r["type"] == "request-refused").collect();
    let times: u64 = refused.iter().map(|record| record["times"].as_u64().unwrap()).sum();
    assert_eq!(times, ends.get("503").map_or(0, |count| *count as u64), "{refused:?}");
    assert!(refused.len() <= 4, "{refused:?}");
}

#[test]
fn the_command_line_asks_the_gate() {
    let (server, _) = need!("the_command_line_asks_the_gate");
    let running = Running::start(&server);
    let mut stream = running.plant.connect().unwrap();
    register(&mut stream, 1);
    assert_eq!(running.json(&["asset", "list"])[0]["overlay"], "100.64.10.20");
    let session = &running.json(&["session", "list"])[0];
    assert_eq!((&session["kind"], &session["commands"]), (&json!("conduit"), &json!(1)));
    let id = session["id"].to_string();
    assert_eq!(running.json(&["session", "show", &id])["asset"], "press-3");
    assert_eq!(running.json(&["stats", "--once"])["commands"], 1);
    for (words, exit, says) in [
        (&["asset", "list"][..], 0, "192.168.10.20"),
        (&["session", "list"], 0, "the HMI runs press-3"),
        (&["session", "show", "4711"], 1, "no live session 4711"),
        (&["session", "revoke", "4711"], 1, "no such session"),
        (&["grant", "list"], 0, "none"),
        (&["break-glass", "list"], 0, "none"),
        (&["stats", "--once"], 0, "commands judged"),
        (&["policy", "reload"], 0, "config read again"),
        (&["grant", "approve", "1"], 2, "not logged in"),
    ] {
        let output = running.cli(words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(exit), "{words:?}: {said}");
        assert!(said.contains(says), "{words:?}: {said}");
    }
    register(&mut stream, 2);
    assert_whole(&running.gate.stop());
}

/// A request of somebody else on this machine: the kernel knows by thread who one is (credentials(7)).
fn as_nobody<T: Send>(what: impl FnOnce() -> T + Send) -> T {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    let other = || {
        let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        set_thread_groups(&[]).unwrap();
        set_thread_res_gid(gid, gid, gid).unwrap();
        set_thread_res_uid(uid, uid, uid).unwrap();
        what()
    };
    std::thread::scope(|scope| scope.spawn(other).join().unwrap())
}

/// A user and a group that own nothing.
const NOBODY: u32 = 65_534;

#[test]
fn what_is_refused_at_the_socket_is_in_the_audit_and_a_flood_is_one_line() {
    use std::os::unix::fs::PermissionsExt;
    let (server, _) =
        need!("what_is_refused_at_the_socket_is_in_the_audit_and_a_flood_is_one_line");
    const FLOOD: u64 = 500;
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let socket = &plant.file("control/control.sock");
    let roles =
        format!("control_group = {NOBODY}\n[[control]]\nrole = \"auditor\"\nusers = [{NOBODY}]\n");
    plant.write_policy(&format!("{}{roles}", policy(socket)));
    // The plant's folder is the test's own; others may go through it now.
    let open = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(plant.file("."), open).unwrap();
    let gate = plant.start("audit.jsonl");
    let get = b"GET /v1/sessions HTTP/1.1\r\nhost: x\r\n\r\n";
    let revoke = b"DELETE /v1/sessions/1 HTTP/1.1\r\nhost: x\r\n\r\n";
    let approve = b"POST /v1/grants/1/approve HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    as_nobody(|| {
        assert!(said(socket, get).starts_with("HTTP/1.1 200"));
        for _ in 0..FLOOD {
            assert!(said(socket, revoke).starts_with("HTTP/1.1 403"));
        }
    });
    assert!(said(socket, approve).starts_with("HTTP/1.1 401"));
    drop(gate.stop());
    let audit = plant.audit("audit.jsonl");
    let refused = audit.iter().filter(|record| record["type"] == "request-refused");
    let (by_root, by_nobody): (Vec<_>, Vec<_>) =
        refused.partition(|r| r["reason"] == "not-logged-in");
    assert_eq!((by_root.len(), &by_root[0]["times"]), (1, &json!(1)));
    assert_eq!(by_root[0]["what"], "POST /v1/grants/{id}/approve");
    // The first second's, perhaps a minute's, and the rest when the gate ends.
    assert!(by_nobody.len() <= 3, "{by_nobody:?}");
    assert_eq!(by_nobody.iter().map(|r| r["times"].as_u64().unwrap()).sum::<u64>(), FLOOD);
    for record in by_nobody {
        assert_eq!(record["what"], "DELETE /v1/sessions/{id}");
        assert!(record["actor"].as_str().unwrap().contains("uid 65534"), "{record}");
        assert_eq!((&record["reason"], &record["result"]), (&json!("forbidden"), &json!("denied")));
    }
}

/// What is answered.
fn said(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
