//! Many people at once: a tunnel each, a connection in it, a command at a time.

use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use wicketgate_tunnel::client::{self, carry};
use wicketgate_tunnel::message::Credentials;
use wicketgate_tunnel::secret::Secret;
use wicketgate_tunnel::stack::{Stack, Stream};
use wicketgate_tunnel::tls::Fingerprint;

use super::*;
use crate::people::{Office, PASSWORD, within};

const RULES: &str = r#"
[[rule]]
name = "maintenance reads"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = ["read"]
factors = ["password"]

[tunnel]
listen = "192.168.20.1:4433"
addresses = "100.64.252.0/23"
"#;

/// Logins under way at a time: fewer than the gate takes from one address.
const LOGINS: usize = 16;

/// A request of Modbus for register 7, and its answer.
const REQUEST: [u8; 12] = [0x12, 0x34, 0, 0, 0, 6, 1, 3, 0, 7, 0, 1];
const ANSWER: [u8; 11] = [0x12, 0x34, 0, 0, 0, 5, 1, 3, 2, 0, 70];

/// How many do what.
#[derive(Clone, Copy)]
struct Crowd {
    tunnels: usize,
    commands: usize,
    /// Between two commands of one user.
    pause: Duration,
}

fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap()
}

/// A device with room for all: each connection is answered by a thread of its own.
fn device_for_all(plant: &Plant) {
    let listener = plant.line.enter(|| TcpListener::bind("0.0.0.0:502").unwrap()).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
}

fn answer(mut stream: TcpStream) {
    use std::io::{Read, Write};
    let mut request = [0; REQUEST.len()];
    stream.set_nodelay(true).unwrap();
    while stream.read_exact(&mut request).is_ok() {
        assert_eq!(request, REQUEST);
        if stream.write_all(&ANSWER).is_err() {
            return;
        }
    }
}

impl Crowd {
    /// Everybody logs in, asks, and logs out. The slowest answers.
    async fn work(self, pin: Fingerprint) -> Vec<Duration> {
        let logins = std::sync::Arc::new(Semaphore::new(LOGINS));
        let all: Vec<_> =
            (0..self.tunnels).map(|_| tokio::spawn(self.one(pin, logins.clone()))).collect();
        let mut slowest = Vec::new();
        for one in all {
            slowest.push(one.await.unwrap());
        }
        slowest
    }

    async fn one(self, pin: Fingerprint, logins: std::sync::Arc<Semaphore>) -> Duration {
        let address = "192.168.20.1:4433".parse().unwrap();
        let gate = client::Gate { address, tcp: None, name: "gate".to_owned() };
        let turn = logins.acquire().await.unwrap();
        let mut line = client::connect(&gate, client::By::Quic, pin, None, "crowd").await.unwrap();
        let password = Some(Secret::new(PASSWORD.to_owned()));
        let shown = Credentials { user: "bob".to_owned(), password, code: None };
        let admitted = line.log_in(shown).await.unwrap().unwrap();
        drop(turn);
        let seed = u64::from(u32::from(admitted.address));
        let stack = Stack::new(admitted.address, admitted.mtu, seed);
        let door = SocketAddrV4::new("100.64.10.20".parse().unwrap(), 502);
        let stream = stack.connect(door).unwrap();
        let packets = line.packets();
        let slowest = tokio::select! {
            fault = carry(&packets, &stack, now) => panic!("{fault}"),
            slowest = self.ask(stream) => slowest,
        };
        line.leave().await;
        slowest
    }

    async fn ask(self, mut stream: Stream) -> Duration {
        let mut slowest = Duration::ZERO;
        for _ in 0..self.commands {
            let before = now();
            let took =
                |error| panic!("after {slowest:?} at most, and now {:?}: {error}", now() - before);
            stream.write_all(&REQUEST).await.unwrap_or_else(took);
            let mut answer = [0; ANSWER.len()];
            stream.read_exact(&mut answer).await.map(drop).unwrap_or_else(took);
            assert_eq!(answer, ANSWER);
            slowest = slowest.max(now() - before);
            tokio::time::sleep(self.pause).await;
        }
        // To its end: the next round's connection comes from the same address and port.
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        slowest
    }

    /// Twice the same, at one gate: every command is answered, and the second time takes no more memory.
    fn come(self) {
        let office = Office::new(RULES);
        device_for_all(&office.plant);
        add_bob(&office);
        let gate = office.plant.try_start("audit.jsonl");
        let pin = gate.line("fingerprint").expect("a gate with a fingerprint");
        let pin = Fingerprint::parse(pin.rsplit(' ').next().unwrap()).unwrap();
        assert!(gate.says("running"));
        let mut memory = Vec::new();
        for round in 1..=2 {
            let work = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(self.work(pin))
            };
            let mut slowest = office.plant.user.enter(work).unwrap();
            slowest.sort();
            within(|| (office.audited("logout").len() == round * self.tunnels).then_some(()));
            memory.push(resident(&gate));
            let (median, last) = (slowest[slowest.len() / 2], slowest.last().unwrap());
            eprintln!(
                "{} tunnels; slowest answer: median user {median:?}, last {last:?}",
                self.tunnels
            );
        }
        eprintln!("resident memory of the gate after each round, KiB: {memory:?}");
        assert!(memory[1] < memory[0] + memory[0] / 10, "it grows: {memory:?}");
        assert_whole(&gate.stop());
        assert!(office.audited("login-refused").is_empty());
        assert_eq!(office.audited("login").len(), 2 * self.tunnels);
        let audit = office.plant.audit("audit.jsonl");
        let asked = 2 * self.tunnels * self.commands;
        assert_eq!(commands(&audit, "success").len(), asked);
    }
}

fn add_bob(office: &Office) {
    use std::io::Write;
    let mut command = office.user(&["add", "bob", "--no-totp", "--role", "maintenance"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(child.wait().unwrap().success());
}

/// Memory of the gate, in KiB (proc_pid_status(5), VmRSS).
fn resident(gate: &Gate) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gate.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn forty_people_work_at_once() {
    let (_, _) = need!("forty_people_work_at_once");
    Crowd { tunnels: 40, commands: 25, pause: Duration::from_millis(20) }.come();
}

/// The issue's figure: 500 tunnels, 10 commands a second each, for a minute. Of a release build.
#[test]
#[ignore = "two minutes and more, of a machine that has nothing else to do"]
fn five_hundred_people_work_for_a_minute() {
    let (_, _) = need!("five_hundred_people_work_for_a_minute");
    // For a machine that is smaller, or busy: tunnels, commands of each, milliseconds between them.
    let asked = std::env::var("WICKETGATE_CROWD").unwrap_or_else(|_| "500,600,100".to_owned());
    let mut numbers = asked.split(',').map(|number| number.parse::<usize>().unwrap());
    let [tunnels, commands, pause] = [(); 3].map(|()| numbers.next().unwrap());
    Crowd { tunnels, commands, pause: Duration::from_millis(pause as u64) }.come();
}
