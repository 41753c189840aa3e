//! Records to servers that refuse, end, come back and never were.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::UdpSocket;
use std::ops::Range;

use wicketgate_policy::Syslog as Settings;
use wicketgate_policy::syslog::{Format, Tls, Transport};

use super::*;
use crate::syslog::server::{Authority, Server};

/// The records of docs/AUDIT.md.
const EXAMPLES: &str = include_str!("../../../../audit/tests/examples.jsonl");

const QUICK: Pace = Pace {
    look: Duration::from_millis(2),
    settle: Duration::from_millis(50),
    first: Duration::from_millis(5),
    most: Duration::from_millis(20),
};

/// A gate's folder, with an authority beside it.
struct Gate {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Gate {
    fn new() -> Gate {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("audit")).unwrap();
        let authority = Authority::new(folder.path(), "plant");
        Gate { folder, authority }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("audit")
    }

    /// Appends examples, from 0 on, to the file of that number.
    fn append(&self, file: u32, records: Range<usize>) {
        let lines: String =
            EXAMPLES.split_inclusive('\n').take(records.end).skip(records.start).collect();
        self.write(file, lines.as_bytes());
    }

    fn write(&self, file: u32, bytes: &[u8]) {
        let path = self.log().join(format!("{file:08}-2020-06-27.jsonl"));
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(bytes).unwrap();
    }

    fn settings(&self, port: u16, name: &str) -> Settings {
        let tls = Tls { name: name.to_owned(), ca: self.authority.file.clone(), certificate: None };
        Settings {
            host: "127.0.0.1".to_owned(),
            port,
            transport: Transport::Tls(tls),
            facility: 13,
            format: Format::Json,
            alarm_after: Duration::ZERO,
        }
    }

    /// Sends, until it is told to end.
    fn send(&self, settings: &Settings) -> Sending {
        let target = Target::find(settings).unwrap();
        let sender = Sender::open(target, &self.log(), Some(self.folder.path()), QUICK).unwrap();
        let told = sender.told.clone();
        Sending { told, thread: Some(thread::spawn(move || sender.run())) }
    }

    fn server(&self, at: &str, most: usize) -> Server {
        Server::listen(at, Some(self.authority.server("log.plant", None)), most)
    }
}

struct Sending {
    told: Arc<Told>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.told.stop.store(true, Ordering::Relaxed);
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

#[track_caller]
fn until(is: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if is() {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("waited for 20 s");
}

/// The numbers of the records in messages, each of which must be the record itself.
fn numbers(messages: &[String]) -> Vec<u64> {
    let lines: Vec<&str> = EXAMPLES.lines().collect();
    let number = |message: &String| {
        let record = &message[message.find("] {").unwrap() + 2..];
        let seq = View::read(record.as_bytes()).unwrap().seq();
        assert_eq!(record, lines[seq as usize - 1]);
        seq
    };
    messages.iter().map(number).collect()
}

#[test]
fn records_arrive_in_order_over_files_and_as_they_are_written() {
    let gate = Gate::new();
    gate.append(1, 0..10);
    let server = gate.server("127.0.0.1:0", usize::MAX);
    let _sending = gate.send(&gate.settings(server.address.port(), "log.plant"));
    until(|| server.received().len() == 10);
    gate.append(1, 10..12);
    gate.append(2, 12..23);
    until(|| server.received().len() == 23);
    assert_eq!(numbers(&server.received()), (1..=23).collect::<Vec<_>>());
    assert!(
        server.received()[0].starts_with("<110>1 2020-06-27T11:50:49.419685Z gate-1 wicketgate - ")
    );
}

#[test]
fn a_server_that_breaks_off_and_comes_back_has_every_record() {
    let gate = Gate::new();
    gate.append(1, 0..20);
    let first = gate.server("127.0.0.1:0", 7);
    let at = first.address.to_string();
    let sending = gate.send(&gate.settings(first.address.port(), "log.plant"));
    until(|| first.received().len() == 7 && sending.told.fault().is_some());
    let had = numbers(&first.received());
    drop(first);
    let second = gate.server(&at, usize::MAX);
    gate.append(2, 20..23);
    until(|| numbers(&second.received()).last() == Some(&23));
    let then = numbers(&second.received());
    assert!(then.is_sorted() && then[0] <= had[6] + 1, "{had:?}, {then:?}: none is missing");
    assert_eq!(then.len() as u64, 23 - then[0] + 1);
    until(|| sending.told.fault().is_none());
    assert!(sending.told.connections.load(Ordering::Relaxed) >= 2);
    assert_eq!(sending.told.dropped.load(Ordering::Relaxed), 0);
}

#[test]
fn a_gate_that_was_stopped_goes_on_behind_what_the_server_has() {
    let gate = Gate::new();
    gate.append(1, 0..5);
    let server = gate.server("127.0.0.1:0", usize::MAX);
    let settings = gate.settings(server.address.port(), "log.plant");
    drop(gate.send(&settings));
    assert_eq!(numbers(&server.received()), [1, 2, 3, 4, 5], "all before the end");
    gate.append(2, 5..8);
    drop(gate.send(&settings));
    assert_eq!(numbers(&server.received()), [1, 2, 3, 4, 5, 6, 7, 8], "each once");
}

#[test]
fn a_gate_that_was_killed_sends_again_what_may_not_have_arrived() {
    let gate = Gate::new();
    gate.append(1, 0..5);
    let server = gate.server("127.0.0.1:0", usize::MAX);
    let target = Target::find(&gate.settings(server.address.port(), "log.plant")).unwrap();
    let slow = Pace { settle: Duration::from_hours(1), ..QUICK };
    let mut killed = Sender::open(target, &gate.log(), Some(gate.folder.path()), slow).unwrap();
    let (mut link, mut lines) = (killed.connect().unwrap(), Lines::open(&gate.log()).unwrap());
    let mut batch = Vec::new();
    killed.fill(&mut lines, &link, &mut batch).unwrap();
    link.send(&batch).unwrap();
    until(|| server.received().len() == 5);
    drop((killed, link));
    // The next start begins a file.
    gate.append(2, 5..7);
    let _sending = gate.send(&gate.settings(server.address.port(), "log.plant"));
    until(|| server.received().len() == 12);
    assert_eq!(numbers(&server.received()[5..]), [1, 2, 3, 4, 5, 6, 7]);
}

/// By UDP each record is sent at once: a backlog is some 100,000 records a second.
#[test]
fn what_is_under_way_takes_no_more_memory_however_fast_it_is_sent() {
    let gate = Gate::new();
    let target = Target::find(&gate.settings(6514, "log.plant")).unwrap();
    let mut sender = Sender::open(target, &gate.log(), None, QUICK).unwrap();
    for seq in 1..=50_000 {
        sender.note(Duration::from_micros(seq), Sent { seq, ..Sent::default() });
    }
    assert!(sender.under_way.len() <= 26, "{} in 50 ms", sender.under_way.len());
    sender.settle(Duration::from_micros(30_500)).unwrap();
    assert!((28_000..=30_500).contains(&sender.settled.seq), "{:?}", sender.settled);
    sender.settle(Duration::from_micros(50_000)).unwrap();
    assert_eq!(sender.settled.seq, 50_000);
}

#[test]
fn a_server_with_another_certificate_gets_nothing() {
    let gate = Gate::new();
    gate.append(1, 0..5);
    let other = Authority::new(gate.folder.path(), "other");
    for (config, name, says) in [
        (other.server("log.plant", None), "log.plant", "UnknownIssuer"),
        (gate.authority.server("other.plant", None), "log.plant", "not valid for name"),
    ] {
        let server = Server::listen("127.0.0.1:0", Some(config), usize::MAX);
        let sending = gate.send(&gate.settings(server.address.port(), name));
        until(|| sending.told.fault().is_some());
        let (what, _) = sending.told.fault().unwrap();
        assert!(what.contains(says), "{what}");
        assert_eq!(server.received().len(), 0);
        assert_eq!(sending.told.connections.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_server_that_asks_who_the_gate_is_hears_it() {
    let gate = Gate::new();
    gate.append(1, 0..3);
    let config = gate.authority.server("log.plant", Some(&gate.authority));
    let server = Server::listen("127.0.0.1:0", Some(config), usize::MAX);
    let mut settings = gate.settings(server.address.port(), "log.plant");
    let nameless = gate.send(&settings);
    until(|| nameless.told.fault().is_some());
    assert_eq!(server.received().len(), 0);
    drop(nameless);
    let Transport::Tls(tls) = &mut settings.transport else { panic!() };
    tls.certificate = Some(gate.authority.leaf_files(gate.folder.path(), "gate-1"));
    let _sending = gate.send(&settings);
    until(|| server.received().len() == 3);
}

#[test]
fn what_is_no_record_is_left_out_and_counted() {
    let gate = Gate::new();
    gate.append(1, 0..1);
    gate.write(1, b"\xff\xfe {\n{\"time\":\"\xff\",\"seq\":2,\"type\":\"x\"}\n\n");
    gate.append(1, 1..3);
    let server = gate.server("127.0.0.1:0", usize::MAX);
    let sending = gate.send(&gate.settings(server.address.port(), "log.plant"));
    until(|| server.received().len() == 3);
    assert_eq!(numbers(&server.received()), [1, 2, 3]);
    assert_eq!(sending.told.damaged.load(Ordering::Relaxed), 3);
}

#[test]
fn what_was_deleted_before_it_was_sent_is_counted() {
    let gate = Gate::new();
    gate.append(1, 0..4);
    let server = gate.server("127.0.0.1:0", usize::MAX);
    let settings = gate.settings(server.address.port(), "log.plant");
    drop(gate.send(&settings));
    gate.append(2, 4..9);
    gate.append(3, 9..12);
    for file in ["00000001-2020-06-27.jsonl", "00000002-2020-06-27.jsonl"] {
        fs::remove_file(gate.log().join(file)).unwrap();
    }
    let sending = gate.send(&settings);
    until(|| server.received().len() == 7);
    assert_eq!(numbers(&server.received()), [1, 2, 3, 4, 10, 11, 12]);
    assert_eq!(sending.told.dropped.load(Ordering::Relaxed), 5);
}

#[test]
fn where_nothing_was_sent_before_it_begins_with_the_newest_file() {
    let gate = Gate::new();
    gate.append(1, 0..4);
    gate.append(2, 4..6);
    let server = gate.server("127.0.0.1:0", usize::MAX);
    drop(gate.send(&gate.settings(server.address.port(), "log.plant")));
    assert_eq!(numbers(&server.received()), [5, 6]);
}

#[test]
fn a_log_that_is_one_file_is_sent_from_its_beginning() {
    let gate = Gate::new();
    gate.append(1, 0..3);
    let file = gate.log().join("00000001-2020-06-27.jsonl");
    let server = gate.server("127.0.0.1:0", usize::MAX);
    let settings = gate.settings(server.address.port(), "log.plant");
    let place = LogPlace::File(file);
    let mut syslog = Syslog::open(&settings, &place, Some(gate.folder.path())).unwrap();
    assert!(!gate.folder.path().join(FILE).exists(), "its next file is another log");
    syslog.serve().unwrap();
    until(|| server.received().len() == 3);
    gate.append(1, 3..5);
    until(|| syslog.stands(5).waiting == 0);
    syslog.finish();
    assert_eq!(numbers(&server.received()), [1, 2, 3, 4, 5]);
}

#[test]
fn without_tls_only_where_the_settings_ask_for_it() {
    let gate = Gate::new();
    gate.append(1, 0..3);
    let server = Server::listen("127.0.0.1:0", None, usize::MAX);
    let tcp = Settings { transport: Transport::Tcp, ..gate.settings(server.address.port(), "x") };
    drop(gate.send(&tcp));
    assert_eq!(numbers(&server.received()), [1, 2, 3]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    gate.append(2, 3..5);
    let port = socket.local_addr().unwrap().port();
    let _sending = gate.send(&Settings { transport: Transport::Udp, port, ..tcp });
    let mut room = [0; 4096];
    let messages = [(); 2].map(|()| {
        let count = socket.recv(&mut room).unwrap();
        String::from_utf8(room[..count].to_vec()).unwrap()
    });
    assert_eq!(numbers(&messages), [4, 5], "a datagram each, without a count");
}

#[test]
fn a_server_that_is_not_there_is_an_alarm_after_a_while() {
    let gate = Gate::new();
    gate.append(1, 0..1);
    let port = gate.server("127.0.0.1:0", 0).address.port();
    let settings = gate.settings(port, "log.plant");
    let place = LogPlace::Folder(gate.log());
    let mut syslog = Syslog::open(&settings, &place, Some(gate.folder.path())).unwrap();
    assert_eq!((syslog.tcp_port(), syslog.fault()), (Some(port), None));
    syslog.serve().unwrap();
    until(|| syslog.fault().is_some_and(|what| what.contains("refused")));
    let stands = syslog.stands(7);
    assert!(!stands.connected && stands.waiting == 7 && stands.fault.is_some(), "{stands:?}");
    syslog.alarm_after = Duration::from_hours(1);
    assert_eq!(syslog.fault(), None);
    syslog.finish();
}
