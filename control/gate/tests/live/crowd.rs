//! Many people at once: a tunnel each, a connection in it, a command at a time.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use wicketgate_tunnel::client::{self, By, carry};
use wicketgate_tunnel::message::Credentials;
use wicketgate_tunnel::secret::Secret;
use wicketgate_tunnel::stack::{Stack, Stream};
use wicketgate_tunnel::tls::Fingerprint;

use super::*;
use crate::people::{Office, PASSWORD, within};
use crate::tunnel::GATE;

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

/// Where it listens for TLS over TCP, if it is told nothing else.
const TCP: u16 = 443;

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
    /// Every second one comes by TLS over TCP, not by QUIC.
    some_by_tcp: bool,
}

/// What all users of a round share.
struct Round {
    crowd: Crowd,
    pin: Fingerprint,
    logins: Semaphore,
    began: Duration,
    /// Commands of each user that were answered so far.
    answered: Vec<AtomicUsize>,
    /// Nobody need ask for more.
    enough: AtomicBool,
}

/// What ended a user's work before it was done.
#[derive(Debug)]
struct Trouble {
    /// What the user was at: troubles are counted by this.
    doing: &'static str,
    what: String,
}

/// Names what a user was at when something went wrong.
fn trouble<E: Display>(doing: &'static str) -> impl FnOnce(E) -> Trouble {
    move |error| Trouble { doing, what: error.to_string() }
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

impl Round {
    fn new(crowd: Crowd, pin: Fingerprint) -> Arc<Round> {
        Arc::new(Round {
            crowd,
            pin,
            logins: Semaphore::new(LOGINS),
            began: now(),
            answered: (0..crowd.tunnels).map(|_| AtomicUsize::new(0)).collect(),
            enough: AtomicBool::new(false),
        })
    }

    /// Everybody logs in, asks, and logs out. The slowest answers.
    ///
    /// # Panics
    /// Somebody could not: each trouble is told, and how many there were of which kind.
    fn work(self: &Arc<Round>) -> Vec<Duration> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcomes = runtime.block_on(async {
            let start = |user, round: Arc<Round>| async move { round.one(user).await };
            let tasks: Vec<_> = (0..self.crowd.tunnels)
                .map(|user| tokio::spawn(start(user, self.clone())))
                .collect();
            let mut outcomes = Vec::new();
            for task in tasks {
                outcomes.push(task.await.unwrap_or_else(|panic| Err(trouble("panic")(panic))));
            }
            outcomes
        });
        let mut kinds = BTreeMap::<_, usize>::new();
        for Trouble { doing, .. } in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            *kinds.entry(doing).or_default() += 1;
        }
        assert!(kinds.is_empty(), "users in trouble, by what they were at: {kinds:?}");
        outcomes.into_iter().filter_map(Result::ok).collect()
    }

    /// One user's work; what goes wrong is told when it does.
    async fn one(&self, user: usize) -> Result<Duration, Trouble> {
        let outcome = self.work_as(user).await;
        if let Err(Trouble { doing, what }) = &outcome {
            let (since, asked) = (now() - self.began, self.answered(user));
            eprintln!("user {user}, {since:?} after the start, {asked} answers: {doing}: {what}");
        }
        outcome
    }

    async fn work_as(&self, user: usize) -> Result<Duration, Trouble> {
        let address = GATE.parse().unwrap();
        let gate = client::Gate { address, tcp: Some(TCP), name: "gate".to_owned() };
        let turn = self.logins.acquire().await.unwrap();
        let line = client::connect(&gate, self.crowd.by(user), self.pin, None, "crowd").await;
        let mut line = line.map_err(trouble("connect"))?;
        let password = Some(Secret::new(PASSWORD.to_owned()));
        let shown = Credentials { user: "bob".to_owned(), password, code: None };
        let admitted = line.log_in(shown).await.map_err(trouble("log in"))?;
        let admitted = admitted.map_err(|refused| trouble("log in, refused")(refused.what))?;
        drop(turn);
        let seed = u64::from(u32::from(admitted.address));
        let stack = Stack::new(admitted.address, admitted.mtu, seed);
        let door = SocketAddrV4::new("100.64.10.20".parse().unwrap(), 502);
        let stream = stack.connect(door).map_err(trouble("open a connection"))?;
        let packets = line.packets();
        let slowest = tokio::select! {
            fault = carry(&packets, &stack, now) => Err(trouble("hold the tunnel")(fault)),
            slowest = self.ask(user, stream) => slowest,
        }?;
        line.leave().await;
        Ok(slowest)
    }

    async fn ask(&self, user: usize, mut stream: Stream) -> Result<Duration, Trouble> {
        let mut slowest = Duration::ZERO;
        while self.answered(user) < self.crowd.commands && !self.enough.load(Relaxed) {
            let before = now();
            let answer = command(&mut stream).await.map_err(|error| {
                let took = now() - before;
                trouble("ask")(format!("{error}, after {took:?}; the slowest before: {slowest:?}"))
            })?;
            assert_eq!(answer, ANSWER);
            slowest = slowest.max(now() - before);
            self.answered[user].fetch_add(1, Relaxed);
            tokio::time::sleep(self.crowd.pause).await;
        }
        // To its end: the next round's connection comes from the same address and port.
        let end = async {
            stream.shutdown().await?;
            stream.read(&mut [0; 1]).await
        };
        assert_eq!(end.await.map_err(trouble("close"))?, 0);
        Ok(slowest)
    }

    /// Waits until everybody has got some answers more.
    fn all_get_answers(&self) {
        let users = 0..self.crowd.tunnels;
        let wanted: Vec<usize> = users.map(|user| self.answered(user) + 2).collect();
        let all = || wanted.iter().zip(0..).all(|(wanted, user)| self.answered(user) >= *wanted);
        let come = (0..3000).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            all()
        });
        // Whoever is in trouble has said so.
        self.enough.store(!come, Relaxed);
        assert!(come, "all get answers within a minute, not {:?}", self.answered);
    }

    fn answered(&self, user: usize) -> usize {
        self.answered[user].load(Relaxed)
    }
}

/// What a device answers.
async fn command(stream: &mut Stream) -> std::io::Result<[u8; ANSWER.len()]> {
    let mut answer = [0; ANSWER.len()];
    stream.write_all(&REQUEST).await?;
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// A gate with a device for all and bob, who is everybody; its fingerprint.
fn open(office: &Office) -> (Gate, Fingerprint) {
    device_for_all(&office.plant);
    add_bob(office);
    let gate = office.plant.try_start("audit.jsonl");
    let pin = gate.line("fingerprint").expect("a gate with a fingerprint");
    let pin = Fingerprint::parse(pin.rsplit(' ').next().unwrap()).unwrap();
    assert!(gate.says("running"));
    (gate, pin)
}

impl Crowd {
    /// Where some come by TCP, it is every second one.
    fn by(self, user: usize) -> By {
        if self.some_by_tcp && user % 2 == 1 { By::Tcp } else { By::Quic }
    }

    /// Twice the same, at one gate: every command is answered, and the second time takes no more memory.
    fn come(self) {
        let office = Office::new(RULES);
        let (gate, pin) = open(&office);
        let mut memory = Vec::new();
        for round in 1..=2 {
            let work = || Round::new(self, pin).work();
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
        let most = memory[0] + memory[0] / 10 + PROOFS;
        assert!(memory[1] < most, "it grows: {memory:?}");
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

/// Two proofs of a password at a time take 20 MiB each, which the allocator gives back when it pleases, in KiB.
const PROOFS: u64 = 2 * 20 * 1024;

/// Memory of the gate, in KiB (proc_pid_status(5), VmRSS).
fn resident(gate: &Gate) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gate.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn forty_people_work_at_once() {
    let (_, _) = need!("forty_people_work_at_once");
    let pause = Duration::from_millis(20);
    Crowd { tunnels: 40, commands: 25, pause, some_by_tcp: false }.come();
}

/// What stands still for less than half a minute costs time and nothing else: no login, no tunnel by either way,
/// no connection in one, no command.
#[test]
fn a_gate_that_stands_still_for_seconds_ends_nothing() {
    let (_, _) = need!("a_gate_that_stands_still_for_seconds_ends_nothing");
    let (at_once, pause) = (Duration::ZERO, Duration::from_millis(50));
    stand_still(&[(at_once, Duration::from_secs(3)), (at_once, Duration::from_secs(10))], pause);
}

/// Near the end of what may be, and nobody has said anything for a while when it begins.
#[test]
#[ignore = "a minute and more of waiting"]
fn a_gate_that_stands_still_for_almost_half_a_minute_ends_nothing() {
    let (_, _) = need!("a_gate_that_stands_still_for_almost_half_a_minute_ends_nothing");
    let seconds = Duration::from_secs;
    stand_still(&[(seconds(7), seconds(27))], seconds(9));
}

/// Stops the gate, while a few people work with this pause between two commands: after a time, for a time.
fn stand_still(stalls: &[(Duration, Duration)], pause: Duration) {
    let crowd = Crowd { tunnels: 6, commands: 5000, pause, some_by_tcp: true };
    let office = Office::new(RULES);
    let (gate, pin) = open(&office);
    let round = Round::new(crowd, pin);
    let user = &office.plant.user;
    std::thread::scope(|scope| {
        let users = scope.spawn(|| user.enter(|| round.work()).unwrap());
        round.all_get_answers();
        for (after, stall) in stalls {
            std::thread::sleep(*after);
            gate.signal(Signal::STOP);
            std::thread::sleep(*stall);
            gate.signal(Signal::CONT);
            round.all_get_answers();
        }
        round.enough.store(true, Relaxed);
        let slowest = users.join().unwrap().into_iter().max();
        eprintln!("stalls of {stalls:?}; slowest answer: {slowest:?}");
    });
    within(|| (office.audited("logout").len() == crowd.tunnels).then_some(()));
    assert_whole(&gate.stop());
    assert_eq!(office.audited("login").len(), crowd.tunnels, "nobody logged in anew");
    let ended = office.audited("logout");
    assert!(ended.iter().all(|end| end["reason"] == "given-back"), "{ended:?}");
    assert!(office.audited("alarm").is_empty(), "{:?}", office.audited("alarm"));
    let asked: usize = (0..crowd.tunnels).map(|user| round.answered(user)).sum();
    assert_eq!(commands(&office.plant.audit("audit.jsonl"), "success").len(), asked);
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
    let pause = Duration::from_millis(pause as u64);
    Crowd { tunnels, commands, pause, some_by_tcp: false }.come();
}
