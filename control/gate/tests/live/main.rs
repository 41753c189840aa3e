//! The gate on AF_XDP, between a user and a line in network namespaces. Device and HMI are programs on
//! libmodbus; the kernel of the gate's namespace does not forward.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test asserts by panicking"
)]

/// The laboratory's programs, or a return from the test.
macro_rules! need {
    ($test:expr) => {
        match wicketgate_lab::available().and_then(|()| $crate::modbus::programs()) {
            Ok(programs) => programs,
            Err(why) => return wicketgate_lab::skip($test, &why),
        }
    };
}

mod asking;
mod barriers;
mod budget;
mod control;
mod crowd;
mod enip;
mod hardening;
mod hop;
mod iperf;
mod links;
mod log;
mod lossy;
mod modbus;
mod opcua;
mod people;
mod plant;
mod ratio;
mod reload;
mod s7;
mod scale;
mod service;
mod shapes;
mod stacks;
mod syslog;
mod tunnel;
#[path = "../wireshark/mod.rs"]
mod wireshark;

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use modbus::{ask, device, register};
use plant::{CONDUIT, Gate, Plant};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::Signal;
use serde_json::{Value, json};
use wicketgate_lab::Namespace;
use wicketgate_worker::{Machine, Stopwatch};

/// Every chunk is at home, and the kernel lost nothing.
fn assert_whole(report: &Value) {
    let chunks = &report["chunks"];
    assert_eq!((&chunks["held"], &chunks["strays"]), (&json!(0), &json!(0)), "{report:#}");
    for socket in report["sockets"].as_array().unwrap() {
        for what in ["rx_dropped", "rx_ring_full", "rx_invalid", "tx_invalid"] {
            assert_eq!(socket[what], 0, "{what}: {report:#}");
        }
    }
    assert_eq!((&report["frames"]["unsent"], &report["audit"]["lost"]), (&json!(0), &json!(0)));
}

fn commands<'v>(audit: &'v [Value], result: &str) -> Vec<&'v Value> {
    audit
        .iter()
        .filter(|record| record["type"] == "command" && record["result"] == result)
        .collect()
}

/// An HMI's rounds: two reads each, and a write in every tenth.
fn transactions(rounds: u32) -> usize {
    (2 * rounds + rounds.div_ceil(10)) as usize
}

/// A counter of a namespace's network stack (RFC 1213: `/proc/net/snmp`).
fn counter(namespace: &Namespace, group: &str, name: &str) -> u64 {
    let snmp = namespace.enter(|| std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap());
    let (snmp, group) = (snmp.unwrap(), format!("{group}:"));
    let mut rows = snmp.lines().filter(|line| line.starts_with(&group)).map(str::split_whitespace);
    let mut named = rows.next().unwrap().zip(rows.next().unwrap());
    named.find(|(found, _)| *found == name).unwrap().1.parse().unwrap()
}

/// TCP segments that the hosts of a namespace have sent twice.
fn retransmitted(namespace: &Namespace) -> u64 {
    counter(namespace, "Tcp", "RetransSegs")
}

/// Packets that a namespace's hosts have found broken.
fn broken(namespace: &Namespace) -> u64 {
    let counters = [("Ip", "InHdrErrors"), ("Tcp", "InCsumErrors"), ("Udp", "InCsumErrors")];
    counters.iter().map(|(group, name)| counter(namespace, group, name)).sum()
}

/// How often a test does what it repeats: `WICKETGATE_ROUNDS`, or else this.
fn rounds(usual: u32) -> u32 {
    std::env::var("WICKETGATE_ROUNDS").map_or(usual, |rounds| rounds.parse().unwrap())
}

fn run_hmi(plant: &Plant, hmi: &std::path::Path, rounds: u32) {
    run_hmi_at(plant, hmi, rounds, "100.64.10.20");
}

/// The same, at this address.
fn run_hmi_at(plant: &Plant, hmi: &std::path::Path, rounds: u32, address: &str) {
    let rounds = rounds.to_string();
    let arguments = [address, "40001", &rounds, "0", "operate"];
    let status = plant.user.command(hmi).args(arguments).status().unwrap();
    assert!(status.success(), "{status}: some transaction failed");
}

#[test]
fn an_hmi_does_not_notice_the_gate() {
    let (server, hmi) = need!("an_hmi_does_not_notice_the_gate");
    let rounds = rounds(5000);
    for queues in [1, 2] {
        let plant = Plant::new(queues);
        let _device = device(&plant, &server);
        let gate = plant.start("audit.jsonl");
        let start = Machine::start();
        run_hmi(&plant, &hmi, rounds);
        let (count, report) = (transactions(rounds), gate.stop());
        let each = Duration::from_nanos(start.nanos() / count as u64);
        // Stacks send again what was only late (RFC 8985 section 7): a busy machine, no loss.
        let again = (retransmitted(&plant.user), retransmitted(&plant.line));
        eprintln!("{count} transactions, {each:?} each; {}; {again:?} again", report["latency"]);
        assert_whole(&report);
        assert_eq!(report["frames"]["dropped"], json!([]), "{report:#}");
        let audit = plant.audit("audit.jsonl");
        assert_eq!(commands(&audit, "success").len(), count);
        wicketgate_audit::verify(std::io::Cursor::new(
            std::fs::read(plant.file("audit.jsonl")).unwrap(),
        ))
        .unwrap();
    }
}

#[test]
fn values_are_the_devices_own() {
    let (server, _) = need!("values_are_the_devices_own");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    let mut stream = plant.connect().unwrap();
    for number in 0..200 {
        assert_eq!(register(&mut stream, number), 10 * u16::from(number));
    }
    assert_eq!(ask(&mut stream, &[6, 0, 50, 0, 7]).unwrap(), [6, 0, 50, 0, 7]);
    assert_eq!(register(&mut stream, 50), 7, "an allowed write arrives");
    drop(stream);
    assert_whole(&gate.stop());
}

#[test]
fn a_denied_write_does_not_reach_the_device() {
    let (server, _) = need!("a_denied_write_does_not_reach_the_device");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    let mut stream = plant.connect().unwrap();
    assert_eq!(register(&mut stream, 150), 1500);
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let answer = ask(&mut stream, &[6, 0, 150, 0, 7]);
    assert!(answer.is_err() || answer.is_ok_and(|pdu| pdu[0] == 0x86), "no success");
    let mut stream = plant.connect().unwrap();
    assert_eq!(register(&mut stream, 150), 1500);
    drop(stream);
    assert_whole(&gate.stop());
    let audit = plant.audit("audit.jsonl");
    let denied = commands(&audit, "denied");
    assert_eq!(denied.len(), 1);
    assert_eq!(
        (&denied[0]["address"], &denied[0]["reason"]),
        (&json!(150), &json!("address-denied"))
    );
}

#[test]
fn who_has_no_conduit_gets_nowhere() {
    let (server, _) = need!("who_has_no_conduit_gets_nowhere");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    plant.write_policy("");
    let gate = plant.start("audit.jsonl");
    assert!(plant.connect().is_err());
    let report = gate.stop();
    assert_eq!(report["frames"]["forwarded"], 0);
    assert_eq!(report["frames"]["dropped"][0]["reason"], "no-grant");
}

#[test]
fn an_asset_reaches_nobody() {
    let _ = need!("an_asset_reaches_nobody");
    let plant = Plant::new(1);
    plant.line.ip("route add default via 192.168.10.2").unwrap();
    let gate = plant.start("audit.jsonl");
    let users = plant.user.enter(|| UdpSocket::bind("192.168.20.5:502").unwrap()).unwrap();
    users.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let asset = plant.line.enter(|| UdpSocket::bind("192.168.10.20:502").unwrap()).unwrap();
    for target in ["192.168.20.5:502", "100.64.10.20:502", "100.64.10.21:502", "192.168.10.2:502"] {
        asset.send_to(b"?", target).unwrap();
    }
    users.recv_from(&mut [0; 8]).expect_err("nothing crosses");
    let report = gate.stop();
    assert_eq!(
        (&report["frames"]["forwarded"], &report["frames"]["total"]),
        (&json!(0), &json!(3))
    );
}

#[test]
fn a_reload_takes_rights_and_a_bad_config_changes_nothing() {
    let (server, _) = need!("a_reload_takes_rights_and_a_bad_config_changes_nothing");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    let mut stream = plant.connect().unwrap();
    assert_eq!(register(&mut stream, 1), 10);

    plant.write_policy("[[conduit]]\nname = 1\n");
    gate.signal(Signal::HUP);
    assert!(gate.says("stays"));
    assert_eq!(register(&mut stream, 2), 20, "the old rights hold");

    let untrue = "\n[tests]\nassert = [\"hmi may read HR 0 on press-3\"]\n";
    let name = CONDUIT.split('"').nth(1).unwrap();
    let untrue = untrue.replace("hmi", &format!("'{name}'"));
    plant.write_policy(&format!("{}{untrue}", CONDUIT.replace("\"read\", ", "")));
    gate.signal(Signal::HUP);
    assert!(gate.says("1 of 1 assertions do not hold"));
    assert_eq!(register(&mut stream, 2), 20, "an assertion that does not hold changes nothing");

    plant.write_policy(&CONDUIT.replace("\"read\", ", ""));
    gate.signal(Signal::HUP);
    assert!(gate.says("config read again"));
    let taken = (0..10).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        ask(&mut stream, &[3, 0, 3, 0, 1]).unwrap() == [0x83, 1]
    });
    assert!(taken, "reading is no right any more");
    let written = ask(&mut stream, &[6, 0, 50, 0, 7]).unwrap();
    assert_eq!(written, [6, 0, 50, 0, 7], "writing is, on the same connection");
    drop(stream);

    let port = "[[port]]\nname = \"lab\"\nside = \"overlay\"\ninterface = \"lo\"\n";
    plant.write_policy(&format!("{CONDUIT}{port}"));
    gate.signal(Signal::HUP);
    assert!(gate.says("changed: [[port]]: that needs a restart"), "another port is another gate");
    plant.write_policy(&format!("{CONDUIT}[gate]\nworkers = 2\nstate_dir = \"/nowhere\"\n"));
    gate.signal(Signal::HUP);
    let what = "changed: state_dir; workers, cores, rings, frames or tables: that needs a restart";
    assert!(gate.says(what), "so are other workers");
    for room in ["sessions = 5000", "inspected = 5000"] {
        plant.write_policy(&format!("{CONDUIT}[gate]\n{room}\n"));
        gate.signal(Signal::HUP);
        let what = "changed: workers, cores, rings, frames or tables: that needs a restart";
        assert!(gate.says(what), "{room}");
    }
    assert_whole(&gate.stop());
}

#[test]
fn killed_it_fails_closed_and_comes_back() {
    let (server, _) = need!("killed_it_fails_closed_and_comes_back");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.start("first.jsonl");
    plant.connect().unwrap();
    let ssh = plant.gate.enter(|| TcpListener::bind("192.168.20.1:22").unwrap()).unwrap();
    let reach_ssh = || {
        plant.user.enter(|| TcpStream::connect("192.168.20.1:22").unwrap()).unwrap();
        ssh.accept().unwrap();
    };
    reach_ssh();
    gate.kill();
    assert!(plant.connect().is_err(), "nothing carries the overlay without the gate");
    reach_ssh();
    let start = Machine::start();
    let gate = plant.start("second.jsonl");
    register(&mut plant.connect().unwrap(), 1);
    let back = Duration::from_nanos(start.nanos());
    eprintln!("forwards again after {back:?}");
    assert!(back < Duration::from_secs(2), "{back:?}");
    assert_whole(&gate.stop());
}

/// What the killed gate knew of it is lost; the device has not heard that the connection is over.
#[test]
fn a_client_with_a_fixed_port_comes_back_after_a_gate_that_was_killed() {
    let (server, _) = need!("a_client_with_a_fixed_port_comes_back_after_a_gate_that_was_killed");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let fixed = "192.168.20.5:40000".parse().unwrap();
    let gate = plant.start("first.jsonl");
    let mut stream = plant.connect_by(fixed, Duration::from_secs(10)).unwrap();
    register(&mut stream, 1);
    gate.kill();
    // Switched off: neither FIN nor reset arrives.
    set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
    let gate = plant.start("second.jsonl");
    // It is told by the gate, or was by the gate's kernel if it sent anything meanwhile.
    register(&mut plant.connect_by(fixed, Duration::from_secs(10)).unwrap(), 2);
    assert_whole(&gate.stop());
}

#[test]
fn a_device_that_comes_later_is_found() {
    let (server, _) = need!("a_device_that_comes_later_is_found");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    plant.line.ip("link set dev eth0 arp off").unwrap();
    let gate = plant.try_start("audit.jsonl");
    assert!(gate.says("no device answers at 192.168.10.20"));
    assert!(gate.says("running"));
    assert!(plant.connect().is_err());
    plant.line.ip("link set dev eth0 arp on").unwrap();
    let found = (0..10).any(|_| plant.connect().is_ok());
    assert!(found, "the kernel's neighbours are followed");
    let report = gate.stop();
    let dropped = report["frames"]["dropped"].as_array().unwrap();
    assert!(dropped.iter().any(|line| line["reason"] == "no-neighbour"), "{report:#}");
}

#[test]
fn a_device_that_is_replaced_is_found() {
    let (server, _) = need!("a_device_that_is_replaced_is_found");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    plant.connect().unwrap();
    plant.line.ip("link set dev eth0 address 02:00:00:00:10:21").unwrap();
    plant.line.ip("neighbour flush dev eth0").unwrap();
    // The new device asks for the gate, as any device does sooner or later.
    let asset = plant.line.enter(|| UdpSocket::bind("192.168.10.20:0").unwrap()).unwrap();
    asset.send_to(b"?", "192.168.10.2:9").unwrap();
    assert!((0..10).any(|_| plant.connect().is_ok()), "new flows go to the new MAC address");
    drop(gate.stop());
}

#[test]
fn a_link_that_goes_and_comes_loses_nothing_but_time() {
    let (server, _) = need!("a_link_that_goes_and_comes_loses_nothing_but_time");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    let mut stream = plant.connect().unwrap();
    for round in 0..20_u8 {
        for end in ["office", "line"] {
            plant.gate.ip(&format!("link set dev {end} down")).unwrap();
            plant.gate.ip(&format!("link set dev {end} up")).unwrap();
        }
        assert_eq!(register(&mut stream, round), 10 * u16::from(round), "the connection lives on");
    }
    drop(stream);
    let report = gate.stop();
    assert_eq!((&report["chunks"]["held"], &report["chunks"]["strays"]), (&json!(0), &json!(0)));
}

#[test]
fn there_is_always_an_audit_log() {
    let (server, _) = need!("there_is_always_an_audit_log");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.try_start_with(&[]);
    assert!(gate.says("there is no place for the audit log"));
    assert_eq!(gate.exit_code(), Some(2));
    let state = plant.file("state");
    plant.write_policy(&format!("{CONDUIT}[gate]\nstate_dir = {state:?}\n"));
    let gate = plant.try_start_with(&["--core", "0"]);
    assert!(gate.says("running"));
    register(&mut plant.connect().unwrap(), 1);
    drop(gate.stop());
    let logs: Vec<_> = std::fs::read_dir(state.join("audit")).unwrap().collect();
    let [Ok(log)] = &logs[..] else { panic!("{logs:?}") };
    let text = std::fs::read_to_string(log.path()).unwrap();
    assert!(text.contains("read-holding-registers"), "{text}");
}

#[test]
fn an_idle_gate_sleeps() {
    let _ = need!("an_idle_gate_sleeps");
    let plant = Plant::new(1);
    let gate = plant.start("audit.jsonl");
    let (before, span) = (gate.busy(), Duration::from_secs(2));
    std::thread::sleep(span);
    let share = (gate.busy() - before).as_secs_f64() / span.as_secs_f64();
    eprintln!("an idle gate uses {:.1} % of a core", 100.0 * share);
    assert!(share < 0.05, "{share}");
    drop(gate.stop());
}

#[test]
fn what_is_wrong_is_said_before_the_start() {
    let _ = need!("what_is_wrong_is_said_before_the_start");
    let refuses = |plant: &Plant, why: &str| {
        let gate = plant.try_start("audit.jsonl");
        assert!(gate.says(why), "{why}");
        assert_eq!(gate.exit_code(), Some(2));
    };
    let plant = Plant::new(1);
    plant.gate.setting("ipv4/conf/office/forwarding", "1").unwrap();
    refuses(&plant, "sysctl -w net.ipv4.conf.office.forwarding=0");
    plant.gate.setting("ipv4/conf/office/forwarding", "0").unwrap();
    plant.gate.ip("address del 192.168.10.2/24 dev line").unwrap();
    refuses(&plant, "ip address add 192.168.10.2/24 dev line");
    plant.gate.ip("link del line").unwrap();
    refuses(&plant, "there is no interface line");
}
