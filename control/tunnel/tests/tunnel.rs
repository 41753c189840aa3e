//! Both ends over loopback: what a user may, and what they are told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test asserts by panicking"
)]

use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use wicketgate_packet::{FrameBuf, PortId, Time};
use wicketgate_ports::tunnel::{QueuePair, mac_of};
use wicketgate_ports::{Port, Received, RingPort, TunnelPort};
use wicketgate_tunnel::client::{self, By, Fault, Gate, Line, Packets, Seen};
use wicketgate_tunnel::dialog::Question;
use wicketgate_tunnel::end::{Code, End};
use wicketgate_tunnel::message::{Admitted, Credentials, Denied, Proof, Refused, ToUser, Wanted};
use wicketgate_tunnel::secret::Secret;
use wicketgate_tunnel::server::{self, Command, Host, Limits, Lost, Remote, Server};
use wicketgate_tunnel::tls::{self, Fingerprint, Identity};
use wicketgate_tunnel::{authority, transport};

const PASSWORD: &str = "a strange horse with 7 batteries";
const TUNNELS: PortId = PortId(1);

/// What the gate was asked and told.
#[derive(Debug, Default)]
struct Heard {
    ended: Vec<(u32, End)>,
    spoofed: Vec<(u32, Ipv4Addr, u64)>,
    certificates: Vec<Option<Vec<u8>>>,
    questions: Vec<(u32, Question)>,
    /// Requests for the rule [`SLOW`] are answered.
    answers: bool,
}

/// The rule that control takes its time over.
const SLOW: &str = "slow";

#[derive(Clone, Default)]
struct FakeHost(Arc<Mutex<Heard>>);

/// The address of a tunnel.
fn address(tunnel: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(100, 64, 255, 0)) + tunnel)
}

impl Host for FakeHost {
    fn log_in(
        &self,
        tunnel: u32,
        _peer: SocketAddr,
        shown: Credentials,
        certificate: Option<Vec<u8>>,
    ) -> impl Future<Output = Result<Admitted, Refused>> + Send {
        self.0.lock().unwrap().certificates.push(certificate);
        let good = shown.password.is_some_and(|password| password.expose() == PASSWORD);
        let admitted = Admitted {
            login: 1,
            user: shown.user,
            address: address(tunnel),
            overlay: (Ipv4Addr::new(100, 64, 0, 0), 16),
            mtu: 0,
            left: 60,
            proven: Vec::new(),
            assets: Vec::new(),
        };
        let no = || Refused { what: "no".to_owned(), wait: None };
        ready(good.then_some(admitted).ok_or_else(no))
    }

    /// The answer to a step-up is its own, that to a request comes from control.
    fn ask(
        &self,
        tunnel: u32,
        _peer: SocketAddr,
        question: Question,
    ) -> impl Future<Output = Option<ToUser>> + Send {
        let answer = match &question {
            Question::StepUp(_) => Some(ToUser::SteppedUp { proven: vec!["totp".to_owned()] }),
            Question::Grant(_) => None,
        };
        let waits = matches!(&question, Question::Grant(wanted) if wanted.rule == SLOW);
        self.0.lock().unwrap().questions.push((tunnel, question));
        let heard = self.0.clone();
        async move {
            while waits && !heard.lock().unwrap().answers {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            answer
        }
    }

    fn ended(&self, tunnel: u32, end: &End) -> impl Future<Output = ()> + Send {
        self.0.lock().unwrap().ended.push((tunnel, end.clone()));
        ready(())
    }

    fn spoofed(
        &self,
        tunnel: u32,
        source: Ipv4Addr,
        packets: u64,
    ) -> impl Future<Output = ()> + Send {
        self.0.lock().unwrap().spoofed.push((tunnel, source, packets));
        ready(())
    }
}

/// A gate's end, whose worker sends every packet back to where it came from.
struct Laboratory {
    gate: Gate,
    /// What its tunnels are carried by.
    by: By,
    pin: Fingerprint,
    pair: Arc<QueuePair>,
    port: TunnelPort<RingPort>,
    remote: Remote,
    host: FakeHost,
    /// The key of the authority whose certificates of users are taken.
    authority: String,
    thread: Option<JoinHandle<()>>,
}

impl Laboratory {
    fn new(by: By, tunnels: u16) -> Laboratory {
        let folder = tempfile::tempdir().unwrap();
        let identity = authority::own(folder.path()).unwrap();
        let pin = identity.fingerprint().unwrap();
        let key = std::fs::read_to_string(folder.path().join("tunnel-ca.key")).unwrap();
        let pair = Arc::new(QueuePair::new(tunnels).unwrap());
        let limits = Limits { tunnels, mtu: 1280 };
        let host = FakeHost::default();
        let listen: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let tcp = server::listen(listen).unwrap();
        let tcp_port = Some(tcp.local_addr().unwrap().port());
        // The gate's own authority makes certificates for users, too: any authority may.
        let clients = authority::certificates(&folder.path().join("tunnel-ca.pem")).unwrap();
        let identity = tls::Gate { identity, clients };
        let opened =
            Server::open(listen, Some(tcp), identity, limits, vec![pair.clone()], host.clone());
        let (server, remote) = opened.unwrap();
        let (address, name) = (server.address().unwrap(), "localhost".to_owned());
        let gate = Gate { address, tcp: tcp_port, name };
        let thread = Some(std::thread::spawn(|| server.run().unwrap()));
        let clock = || Time::EPOCH;
        let port = TunnelPort::with(RingPort::new(64, 64), TUNNELS, pair.clone(), clock);
        Laboratory { gate, by, pin, pair, port, remote, host, authority: key, thread }
    }

    async fn connect(&self) -> Line {
        self.try_connect(self.pin, None).await.unwrap()
    }

    async fn try_connect(&self, pin: Fingerprint, user: Option<Identity>) -> Result<Line, Fault> {
        client::connect(&self.gate, self.by, pin, user, "test").await
    }

    async fn log_in(&self) -> (Line, Admitted) {
        let mut line = self.connect().await;
        let admitted = line.log_in(credentials(PASSWORD)).await.unwrap().unwrap();
        (line, admitted)
    }

    /// Has a worker send a packet to a user.
    fn send_to(&mut self, tunnel: u32, packet: &[u8]) {
        let bytes = [&mac_of(tunnel)[..], &[2; 6], &[8, 0], packet].concat();
        let mut frame = self.port.take().unwrap();
        assert!(frame.resize(bytes.len()));
        frame.bytes_mut().copy_from_slice(&bytes);
        let (port, arrival, number) = (TUNNELS, Time::EPOCH, 0);
        let original_len = u32::try_from(bytes.len()).unwrap();
        self.port.send(Received { frame, port, arrival, number, original_len }, TUNNELS);
        self.port.flush().unwrap();
    }

    /// The next frame that came out of a tunnel.
    async fn receive(&mut self) -> Received<wicketgate_ports::HeapFrame> {
        let mut burst = Vec::new();
        loop {
            if self.port.receive(&mut burst, 1).unwrap() == 1 {
                return burst.remove(0);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until the gate was told something.
    async fn told<T>(&self, what: impl Fn(&Heard) -> Option<T>) -> T {
        loop {
            if let Some(found) = what(&self.host.0.lock().unwrap()) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Laboratory {
    fn drop(&mut self) {
        assert!(self.remote.send(Command::Stop));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn credentials(password: &str) -> Credentials {
    let password = Some(Secret::new(password.to_owned()));
    Credentials { user: "anna".to_owned(), password, code: None }
}

/// A long packet with a number in front of its payload.
fn numbered(source: Ipv4Addr, number: u32) -> Vec<u8> {
    let mut payload = [0; 1200];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    packet(source, &payload)
}

fn number_of(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[20..24].try_into().unwrap())
}

/// The packets of a tunnel, up to the one with this number.
async fn numbers_until(packets: &Packets, last: u32) -> Vec<u32> {
    let mut numbers = Vec::new();
    while numbers.last() != Some(&last) {
        numbers.push(number_of(&packets.next().await.unwrap()));
    }
    numbers
}

fn packet(source: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45; 1];
    packet.resize(20, 0);
    packet.extend_from_slice(payload);
    let length = u16::try_from(packet.len()).unwrap();
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[12..16].copy_from_slice(&source.octets());
    packet
}

/// Runs a test of the user's end, over whatever may carry a tunnel.
fn with<F: Future<Output = ()>>(test: impl Fn(Laboratory) -> F) {
    with_one(By::Quic, &test);
    with_one(By::Tcp, &test);
}

fn with_one<F: Future<Output = ()>>(by: By, test: impl FnOnce(Laboratory) -> F) {
    with_tunnels(4, by, test);
}

fn with_tunnels<F: Future<Output = ()>>(most: u16, by: By, test: impl FnOnce(Laboratory) -> F) {
    eprintln!("by {by:?}");
    let laboratory = Laboratory::new(by, most);
    in_time(&runtime(), test(laboratory));
}

/// A user's machine: it does something while a future of it is waited for.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn in_time<F: Future>(runtime: &Runtime, what: F) -> F::Output {
    let deadline = Duration::from_secs(60);
    runtime.block_on(async { tokio::time::timeout(deadline, what).await.unwrap() })
}

fn end(fault: Fault) -> End {
    match fault {
        Fault::Ended(end) => end,
        fault => panic!("{fault:?}"),
    }
}

#[test]
fn packets_go_in_and_come_back() {
    with(|mut laboratory| async move {
        let (line, admitted) = laboratory.log_in().await;
        assert_eq!(admitted.mtu, 1280);
        let packets = line.packets();
        assert!(packets.most() >= transport::MOST_MTU, "{}", packets.most());
        let longest = packet(admitted.address, &[7; 1260]);
        packets.send(&longest).unwrap();
        let came = laboratory.receive().await;
        assert_eq!(came.frame.bytes()[6..12], mac_of(1));
        assert_eq!(&came.frame.bytes()[14..], longest);
        let mut back = came;
        let bytes = back.frame.bytes_mut();
        let (dst, src) = bytes.split_at_mut(6);
        dst.swap_with_slice(&mut src[..6]);
        laboratory.port.send(back, TUNNELS);
        laboratory.port.flush().unwrap();
        assert_eq!(packets.next().await.unwrap(), longest);
        line.leave().await;
        let told = laboratory.told(|heard| heard.ended.first().cloned()).await;
        assert_eq!((told.0, told.1.code), (1, Code::Bye));
    });
}

#[test]
fn another_source_address_is_dropped_and_told_once() {
    with(|mut laboratory| async move {
        let (line, admitted) = laboratory.log_in().await;
        let packets = line.packets();
        let other = Ipv4Addr::new(100, 64, 10, 20);
        for _ in 0..100 {
            packets.send(&packet(other, b"spoofed")).unwrap();
        }
        packets.send(&packet(admitted.address, b"mine")).unwrap();
        let came = laboratory.receive().await;
        assert!(came.frame.bytes().ends_with(b"mine"));
        assert_eq!(laboratory.pair.dropped().inbound, 0);
        let lost = laboratory.remote.lost();
        assert_eq!((lost.spoofed, lost.unfit), (100, 0), "each is counted");
        let told = laboratory.told(|heard| heard.spoofed.first().copied()).await;
        assert_eq!((told.0, told.1), (1, other));
        assert_eq!(laboratory.host.0.lock().unwrap().spoofed.len(), 1, "not for every packet");
        drop(line);
    });
}

#[test]
fn a_wrong_password_is_refused_three_times() {
    with(|laboratory| async move {
        let mut line = laboratory.connect().await;
        for _ in 0..3 {
            let refused = line.log_in(credentials("wrong")).await.unwrap().unwrap_err();
            assert_eq!(refused.what, "no");
        }
        assert_eq!(end(line.hear().await.unwrap_err()).code, Code::Refused);
        assert!(laboratory.host.0.lock().unwrap().ended.is_empty(), "nobody was admitted");
    });
}

#[test]
fn a_second_attempt_may_be_right() {
    with(|laboratory| async move {
        let mut line = laboratory.connect().await;
        assert!(line.log_in(credentials("wrong")).await.unwrap().is_err());
        assert!(line.log_in(credentials(PASSWORD)).await.unwrap().is_ok());
    });
}

#[test]
fn the_gate_is_known_by_its_fingerprint() {
    with(|laboratory| async move {
        let other = Fingerprint::parse(&"AB".repeat(32)).unwrap();
        match laboratory.try_connect(other, None).await {
            Err(Fault::Pin(shown)) => assert_eq!(shown, laboratory.pin),
            other => panic!("{:?}", other.map(|_| "connected")),
        }
    });
}

#[test]
fn quic_comes_first_and_tcp_where_it_stays_without_an_answer() {
    with_one(By::Quic, |laboratory| async move {
        let Gate { address, .. } = laboratory.gate;
        let seen = |by| Seen { fingerprint: laboratory.pin, by };
        assert_eq!(client::look(&laboratory.gate).await.unwrap(), seen(By::Quic));
        // Somebody is there who takes datagrams, and says nothing.
        let silent = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let gate = Gate { address: silent.local_addr().unwrap(), ..laboratory.gate.clone() };
        assert_eq!(client::look(&gate).await.unwrap(), seen(By::Tcp));
        let neither = Gate { tcp: None, ..gate };
        let why = end(client::look(&neither).await.unwrap_err()).why;
        assert!(why.contains("does not answer by UDP"), "{why}");
        assert_ne!(address, neither.address);
    });
}

#[test]
fn a_user_who_does_not_read_loses_the_oldest_and_holds_up_nobody() {
    with_one(By::Tcp, |mut laboratory| async move {
        const PACKETS: u32 = 8000;
        let (slow, admitted) = laboratory.log_in().await;
        let (quick, _) = laboratory.log_in().await;
        let packets = quick.packets();
        // What the gate has for the slow one, whose end is not read: this runtime is not turned meanwhile.
        for number in 0..PACKETS {
            laboratory.send_to(1, &numbered(admitted.address, number));
            while number % 64 == 0 && !laboratory.pair.is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        laboratory.send_to(2, &packet(address(2), b"quick"));
        assert!(packets.next().await.unwrap().ends_with(b"quick"), "beside a slow one");
        let lost = laboratory.remote.lost();
        let numbers = numbers_until(&slow.packets(), PACKETS - 1).await;
        assert!(numbers.is_sorted(), "the newest are there, in order");
        let missing = u64::from(PACKETS) - numbers.len() as u64;
        assert!(missing > 0 && lost.overtaken + lost.outbound == missing, "{missing}, {lost:?}");
    });
}

/// By QUIC a user's end takes whatever comes, until the machine that it is on stands still. Beside that machine
/// another user's packets go both ways, and no ring of a worker fills.
#[test]
fn a_machine_that_stands_still_loses_the_oldest_and_holds_up_nobody() {
    const EACH: u32 = 64;
    // The last one is for both: when it has come to the quick one, the slow one's are all sent, or lost.
    const PACKETS: u32 = 32 * EACH + 1;
    let mut laboratory = Laboratory::new(By::Quic, 4);
    let (still, turning) = (runtime(), runtime());
    let (slow, admitted) = in_time(&still, laboratory.log_in());
    let (quick, mine) = in_time(&turning, laboratory.log_in());
    let packets = quick.packets();
    for number in 0..PACKETS {
        laboratory.send_to(1, &numbered(admitted.address, number));
        if number % EACH == 0 {
            laboratory.send_to(2, &numbered(mine.address, number));
            packets.send(&numbered(mine.address, number)).unwrap();
            let came = in_time(&turning, packets.next()).unwrap();
            assert_eq!(number_of(&came), number, "what is for the quick one");
            let came = in_time(&turning, laboratory.receive());
            assert_eq!(number_of(&came.frame.bytes()[14..]), number, "and what is from there");
        }
    }
    let lost = laboratory.remote.lost();
    let numbers = in_time(&still, numbers_until(&slow.packets(), PACKETS - 1));
    assert!(numbers.is_sorted(), "in order");
    let newest: Vec<u32> = (PACKETS - 300..PACKETS).collect();
    assert!(numbers.ends_with(&newest), "the oldest are lost: {numbers:?}");
    let overtaken = u64::from(PACKETS) - numbers.len() as u64;
    assert!(overtaken > 0, "all of it found room");
    assert_eq!(lost, Lost { overtaken, ..Lost::default() }, "each is counted, and nothing else");
}

#[test]
fn what_is_no_tls_and_what_is_no_gate_costs_a_connection() {
    use std::io::{Read, Write};
    with_one(By::Tcp, |laboratory| async move {
        let port = laboratory.gate.tcp.unwrap();
        let mut stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        assert!(heard.len() < 16, "an alert of TLS at most: {heard:?}");
        laboratory.log_in().await;
    });
}

#[test]
fn whoever_shakes_hands_for_ever_takes_no_more_than_the_seats_of_one_address() {
    with_one(By::Tcp, |laboratory| async move {
        use std::io::Read;
        let port = laboratory.gate.tcp.unwrap();
        let connect = || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let held: Vec<_> = (0..server::PENDING_OF_ONE).map(|_| connect()).collect();
        // Those are taken in order: this one finds no seat.
        assert_eq!(connect().read(&mut [0; 1]).unwrap(), 0, "closed without a word");
        assert!(laboratory.try_connect(laboratory.pin, None).await.is_err());
        drop(held);
        // The gate has to notice first.
        while laboratory.try_connect(laboratory.pin, None).await.is_err() {}
    });
}

#[test]
fn the_gate_ends_a_tunnel_and_says_why() {
    with(|laboratory| async move {
        let (mut line, _) = laboratory.log_in().await;
        let end_of = |why: &str| End::new(Code::Over, why);
        assert!(laboratory.remote.send(Command::End(1, end_of("revoked"))));
        assert_eq!(end(line.hear().await.unwrap_err()), end_of("revoked"));
        laboratory.told(|heard| heard.ended.first().cloned()).await;
        let (mut again, admitted) = laboratory.log_in().await;
        assert_eq!(admitted.address, address(2), "no number is used twice");
        assert!(laboratory.remote.send(Command::Stop));
        assert_eq!(end(again.hear().await.unwrap_err()).code, Code::Stopping);
        // The laboratory's own end needs somebody to listen.
        std::mem::forget(laboratory);
    });
}

#[test]
fn what_was_denied_is_told() {
    with(|laboratory| async move {
        let (mut line, _) = laboratory.log_in().await;
        let denied = ToUser::Denied(Denied {
            asset: "press-3".to_owned(),
            asked: "write-single-register 100".to_owned(),
            reason: "command-denied".to_owned(),
            meaning: "no rule allows it".to_owned(),
            rule: Some("maintenance reads".to_owned()),
            roles: vec!["expert".to_owned()],
            prove: vec!["totp".to_owned()],
            ask: vec!["writes".to_owned()],
        });
        assert!(laboratory.remote.send(Command::Tell(1, denied.clone())));
        assert_eq!(line.hear().await.unwrap(), denied);
    });
}

/// A policy's names may be of any length, a message not.
#[test]
fn a_name_that_is_too_long_for_a_message_ends_no_tunnel() {
    with(|mut laboratory| async move {
        let (mut line, admitted) = laboratory.log_in().await;
        let long = Refused { what: "x".repeat(70_000), wait: None };
        assert!(laboratory.remote.send(Command::Tell(1, ToUser::NotDone(long))));
        match line.hear().await.unwrap() {
            ToUser::NotDone(heard) => assert!(heard.what.ends_with("xxx…"), "{}", heard.what),
            other => panic!("{other:?}"),
        }
        let wanted = Wanted { rule: "x".repeat(8192), asset: "press-3".to_owned(), reason: None };
        assert!(matches!(line.ask(wanted).await, Err(Fault::Local(_))), "too long to be said");
        line.packets().send(&packet(admitted.address, b"goes on")).unwrap();
        assert!(laboratory.receive().await.frame.bytes().ends_with(b"goes on"));
    });
}

fn code(text: &str) -> Proof {
    Proof { password: None, code: Some(Secret::new(text.to_owned())) }
}

#[test]
fn a_user_proves_more_and_asks_while_packets_flow() {
    with(|mut laboratory| async move {
        let (mut line, admitted) = laboratory.log_in().await;
        line.step_up(code("123456")).await.unwrap();
        let packets = line.packets();
        packets.send(&packet(admitted.address, b"meanwhile")).unwrap();
        assert!(laboratory.receive().await.frame.bytes().ends_with(b"meanwhile"));
        assert_eq!(
            line.hear().await.unwrap(),
            ToUser::SteppedUp { proven: vec!["totp".to_owned()] }
        );
        let reason = Some("order 4711".to_owned());
        let wanted = Wanted { rule: "writes".to_owned(), asset: "press-3".to_owned(), reason };
        line.ask(wanted.clone()).await.unwrap();
        laboratory.told(|heard| (heard.questions.len() == 2).then_some(())).await;
        let refused = ToUser::NotDone(Refused { what: "no".to_owned(), wait: None });
        assert!(laboratory.remote.send(Command::Tell(1, refused.clone())));
        assert_eq!(line.hear().await.unwrap(), refused, "who asked hears what control tells");
        let asked = std::mem::take(&mut laboratory.host.0.lock().unwrap().questions);
        assert_eq!(
            asked,
            [(1, Question::StepUp(code("123456"))), (1, Question::Grant(wanted))],
            "of the tunnel that it came by"
        );
    });
}

#[test]
fn who_is_not_logged_in_proves_and_asks_for_nothing() {
    with(|laboratory| async move {
        let mut line = laboratory.connect().await;
        line.step_up(code("123456")).await.unwrap();
        assert_eq!(end(line.hear().await.unwrap_err()).code, Code::Protocol);
        assert!(laboratory.host.0.lock().unwrap().questions.is_empty());
    });
}

/// A user's end may grant the gate little room on the stream and never read: what the gate has to say then waits.
#[test]
fn who_asks_and_does_not_read_keeps_nobody_else_from_proving() {
    with_tunnels(9, By::Quic, |laboratory| async move {
        let mut deaf = Vec::new();
        for _ in 0..8 {
            let (mut line, _) = laboratory.log_in().await;
            let (rule, asset) = (SLOW.to_owned(), "press-3".to_owned());
            line.ask(Wanted { rule, asset, reason: None }).await.unwrap();
            deaf.push(line);
        }
        laboratory.told(|heard| (heard.questions.len() == 8).then_some(())).await;
        let long = ToUser::NotDone(Refused { what: "x".repeat(8000), wait: None });
        for _ in 0..50 {
            let all =
                (1..=8).all(|tunnel| laboratory.remote.send(Command::Tell(tunnel, long.clone())));
            assert!(all);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        laboratory.host.0.lock().unwrap().answers = true;
        laboratory.log_in().await;
    });
}

/// What control was asked it goes on with, whoever has left: its desk has room for so many and no more.
#[test]
fn who_asks_and_leaves_makes_no_room_for_more() {
    with_tunnels(9, By::Quic, |laboratory| async move {
        let mut lines = Vec::new();
        for _ in 0..8 {
            let (mut line, _) = laboratory.log_in().await;
            let (rule, asset) = (SLOW.to_owned(), "press-3".to_owned());
            line.ask(Wanted { rule, asset, reason: None }).await.unwrap();
            lines.push(line);
        }
        laboratory.told(|heard| (heard.questions.len() == 8).then_some(())).await;
        for line in lines {
            line.leave().await;
        }
        laboratory.told(|heard| (heard.ended.len() == 8).then_some(())).await;
        let more = tokio::time::timeout(Duration::from_millis(500), laboratory.log_in()).await;
        assert!(more.is_err(), "eight are under way, and a ninth is");
        laboratory.host.0.lock().unwrap().answers = true;
        laboratory.log_in().await;
    });
}

#[test]
fn there_are_no_more_tunnels_than_there_may_be() {
    with(|laboratory| async move {
        let mut lines = Vec::new();
        for _ in 0..4 {
            lines.push(laboratory.log_in().await);
        }
        let mut line = laboratory.connect().await;
        let fault = line.log_in(credentials(PASSWORD)).await.unwrap_err();
        assert_eq!(end(fault).code, Code::Full);
        let (gone, _) = lines.pop().unwrap();
        gone.leave().await;
        laboratory.told(|heard| heard.ended.iter().any(|(n, _)| *n == 4).then_some(())).await;
        laboratory.log_in().await;
    });
}

#[test]
fn a_socket_that_changes_changes_nothing_else() {
    with_one(By::Quic, |mut laboratory| async move {
        let (line, admitted) = laboratory.log_in().await;
        let packets = line.packets();
        let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        line.move_to(socket).unwrap();
        packets.send(&packet(admitted.address, b"from elsewhere")).unwrap();
        let came = laboratory.receive().await;
        assert!(came.frame.bytes().ends_with(b"from elsewhere"));
        assert!(laboratory.host.0.lock().unwrap().ended.is_empty());
    });
}

/// A certificate for a user, by the authority with this key.
fn certificate_by(authority: &str) -> Identity {
    let named = |name: &str| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params
    };
    let issuer_key = rcgen::KeyPair::from_pem(authority).unwrap();
    let issuer = rcgen::Issuer::new(named("Wicketgate tunnel authority"), issuer_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = named("anna");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let made = params.signed_by(&key, &issuer).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    Identity { chain: vec![made.der().clone()], key }
}

#[test]
fn a_users_certificate_is_a_factor() {
    with(|laboratory| async move {
        let user = certificate_by(&laboratory.authority);
        let der = user.chain[0].to_vec();
        let connected = laboratory.try_connect(laboratory.pin, Some(user)).await;
        connected.unwrap().log_in(credentials(PASSWORD)).await.unwrap().unwrap();
        laboratory.log_in().await;
        let shown = laboratory.host.0.lock().unwrap().certificates.clone();
        assert_eq!(shown, [Some(der), None], "whoever shows none has one factor less");
    });
}

#[test]
fn a_certificate_of_another_authority_ends_it() {
    with(|laboratory| async move {
        let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let user = Some(certificate_by(&other));
        let connected = laboratory.try_connect(laboratory.pin, user).await;
        assert!(matches!(connected, Err(Fault::Ended(_))), "it is refused");
        assert!(laboratory.host.0.lock().unwrap().certificates.is_empty(), "nobody was asked");
    });
}
