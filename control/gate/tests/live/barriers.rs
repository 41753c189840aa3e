//! Three independent barriers: the gate's program, the kernel's forwarding switch, a firewall policy
//! (packaging/README.md). With any one of them nothing passes the gate.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;
use wicketgate_lab::skip;

use super::*;

/// Long enough for a connection that is made, short for many that are not.
const SOON: Duration = Duration::from_millis(500);

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/wicketgate.nft");

/// A plant where a machine that forwards would carry the user straight to the device.
struct Tempted {
    plant: Plant,
    _device: TcpListener,
}

impl Tempted {
    fn new() -> Tempted {
        let plant = Plant::new(1);
        plant.user.ip("route add 192.168.10.0/24 via 192.168.20.1").unwrap();
        plant.line.ip("route add 192.168.20.0/24 via 192.168.10.2").unwrap();
        // The way of someone who hopes that nobody translates: the overlay address at the device.
        plant.gate.ip("route add 100.64.10.20/32 via 192.168.10.20").unwrap();
        plant.line.ip("address add 100.64.10.20/32 dev lo").unwrap();
        let listen = || TcpListener::bind("0.0.0.0:502").unwrap();
        let device = plant.line.enter(listen).unwrap();
        Tempted { plant, _device: device }
    }

    fn forward(&self, on: &str) {
        self.plant.gate.setting("ipv4/ip_forward", on).unwrap();
    }

    fn reaches(&self, address: &str) -> bool {
        let address: SocketAddr = address.parse().unwrap();
        let connect = || TcpStream::connect_timeout(&address, SOON);
        self.plant.user.enter(connect).unwrap().is_ok()
    }

    /// By the device's own address, and by its overlay address untranslated.
    fn passes(&self) -> (bool, bool) {
        (self.reaches("192.168.10.20:502"), self.reaches("100.64.10.20:502"))
    }
}

#[test]
fn without_the_gate_the_kernel_forwards_nothing() {
    let _ = need!("without_the_gate_the_kernel_forwards_nothing");
    let tempted = Tempted::new();
    tempted.forward("1");
    assert_eq!(tempted.passes(), (true, true), "without barriers it would");
    tempted.forward("0");
    assert_eq!(tempted.passes(), (false, false));
    tempted.plant.start("first.jsonl").kill();
    assert_eq!(tempted.passes(), (false, false), "killed");
}

#[test]
fn a_firewall_policy_holds_where_the_kernel_forwards() {
    let _ = need!("a_firewall_policy_holds_where_the_kernel_forwards");
    let tempted = Tempted::new();
    assert!(Path::new(RULES).exists());
    if let Err(why) = tempted.plant.gate.say("nft", &format!("-f {RULES}")) {
        return skip("a_firewall_policy_holds_where_the_kernel_forwards", &why.to_string());
    }
    tempted.forward("1");
    assert_eq!(tempted.passes(), (false, false), "no gate, forwarding on, the policy drops");
    tempted.plant.gate.say("nft", &format!("-f {RULES}")).unwrap();
    assert_eq!(tempted.passes(), (false, false), "loaded twice");
    tempted.forward("0");
    let gate = tempted.plant.start("audit.jsonl");
    assert!(tempted.reaches("100.64.10.20:502"), "what the gate forwards is not the kernel's");
    drop(gate.stop());
}

#[test]
fn forwarding_switched_on_beside_a_gate_is_an_alarm() {
    let _ = need!("forwarding_switched_on_beside_a_gate_is_an_alarm");
    let tempted = Tempted::new();
    let gate = tempted.plant.start("audit.jsonl");
    tempted.forward("1");
    assert!(gate.says("ALARM: the kernel forwards what comes in by office past the gate"));
    assert!(tempted.reaches("100.64.10.20:502"), "the gate goes on for whom it serves");
    tempted.forward("0");
    assert!(gate.says("alarm is over: kernel-forwards"));
    tempted.plant.gate.setting("ipv4/conf/line/forwarding", "1").unwrap();
    assert!(gate.says("ALARM: the kernel forwards what comes in by line past the gate"));
    tempted.plant.gate.setting("ipv4/conf/line/forwarding", "0").unwrap();
    assert!(gate.says("alarm is over: kernel-forwards"));
    drop(gate.stop());
    let audit = tempted.plant.audit("audit.jsonl");
    let alarms = audit.iter().filter(|record| record["reason"] == "kernel-forwards");
    let told: Vec<_> = alarms.map(|record| (&record["type"], &record["reason"])).collect();
    let (on, off, why) = (json!("alarm"), json!("alarm-end"), json!("kernel-forwards"));
    assert_eq!(told, [(&on, &why), (&off, &why), (&on, &why), (&off, &why)]);
}

/// A stop reaches a thread when that has a core next.
pub(crate) fn await_stopped(gate: &Gate) {
    let is_stopped = |thread: &u32| {
        let path = format!("/proc/{}/task/{thread}/stat", gate.id());
        std::fs::read_to_string(path).unwrap().contains(") T ")
    };
    while !gate.threads().iter().all(is_stopped) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_gate_that_hangs_lets_nothing_pass() {
    let (server, _) = need!("a_gate_that_hangs_lets_nothing_pass");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    let ssh = plant.gate.enter(|| TcpListener::bind("192.168.20.1:22").unwrap()).unwrap();
    // The program is attached and nobody empties the rings.
    gate.signal(Signal::STOP);
    await_stopped(&gate);
    assert!(plant.connect().is_err());
    plant.user.enter(|| TcpStream::connect("192.168.20.1:22").unwrap()).unwrap();
    ssh.accept().unwrap();
    gate.signal(Signal::CONT);
    register(&mut plant.connect().unwrap(), 1);
    drop(gate.stop());
}

/// Datagrams in a row, then a short rest: some ten thousand a second.
const BURST: usize = 10;

/// Somebody who does not stop knocking, at the device by way of the gate and past it.
struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    fn start(plant: &Plant) -> Load {
        let socket = plant.user.enter(|| UdpSocket::bind("192.168.20.5:0").unwrap()).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let heard = stop.clone();
        let knock = move || {
            while !heard.load(Ordering::Relaxed) {
                for _ in 0..BURST {
                    // Nobody may be there; that is told to who sends next.
                    let _ = socket.send_to(b"?", "100.64.10.20:502");
                    let _ = socket.send_to(b"?", "192.168.10.20:502");
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        Load { stop, thread: Some(std::thread::spawn(knock)) }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What the hosts of the line have received, ARP not counted.
fn received(plant: &Plant) -> u64 {
    counter(&plant.line, "Ip", "InReceives")
}

#[test]
fn killed_under_load_it_fails_closed_and_comes_back() {
    let _ = need!("killed_under_load_it_fails_closed_and_comes_back");
    let rounds = rounds(5);
    let tempted = Tempted::new();
    let _load = Load::start(&tempted.plant);
    let mut spans = Vec::new();
    for round in 0..rounds {
        let start = Machine::start();
        let gate = tempted.plant.start(&format!("{round}.jsonl"));
        assert!((0..10).any(|_| tempted.reaches("100.64.10.20:502")), "round {round}");
        spans.push(Duration::from_nanos(start.nanos()));
        assert!(!tempted.reaches("192.168.10.20:502"), "round {round}: past the gate");
        gate.kill();
        let before = received(&tempted.plant);
        assert_eq!(tempted.passes(), (false, false), "round {round}: killed");
        assert_eq!(received(&tempted.plant), before, "round {round}: something arrived");
    }
    spans.sort();
    let (median, worst) = (spans[spans.len() / 2], spans[spans.len() - 1]);
    eprintln!("{rounds} times killed: forwards again after {median:?}, at worst {worst:?}");
}

#[test]
fn a_second_gate_does_not_take_the_first_ones_place() {
    let (server, _) = need!("a_second_gate_does_not_take_the_first_ones_place");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let first = plant.start("first.jsonl");
    let second = plant.try_start("second.jsonl");
    assert!(second.says("another XDP program (\"wicketgate\""));
    assert_eq!(second.exit_code(), Some(2));
    register(&mut plant.connect().unwrap(), 1);
    assert_whole(&first.stop());
}
