//! What a user does through the tunnel itself: proves more, asks for what is given on request only.

use std::io::{PipeWriter, Write, pipe};

use super::*;
use crate::hop::Relay;
use crate::people::{Office, PASSWORD, code, not_at_the_end_of_a_step, says, within};
use crate::tunnel::{GATE, Laptop};

/// Reading takes a password; writing some, a code that is not old; writing all, the yes of somebody else.
const RULES: &str = r#"
[[rule]]
name = "reads"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = ["read"]
factors = ["password"]

[[rule]]
name = "writes with a fresh code"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = [{ class = "write", function = 6, address = "0-99" }]
factors = ["totp"]
max_proof_age = "8s"

[[rule]]
name = "writes all when allowed"
roles = ["apprentice"]
assets = ["press-3"]
protocol = "modbus"
allow = ["write"]
factors = ["password"]
reason = true
approval = "shift-lead"

[tunnel]
listen = "192.168.20.1:4433"
addresses = "100.64.255.0/28"
"#;

/// A user's end that is typed to.
struct Typist {
    tunnel: Gate,
    keys: PipeWriter,
}

impl Typist {
    /// Logs in by the password alone.
    fn log_in(laptop: &Laptop) -> Typist {
        Typist::log_in_at(laptop, GATE)
    }

    fn log_in_at(laptop: &Laptop, gate: &str) -> Typist {
        let (input, keys) = pipe().unwrap();
        let mut command = laptop.command_by(&[], gate, "");
        command.arg(laptop.known_gates()).args(["--pin", &laptop.pin]).stdin(input);
        let mut typist = Typist { tunnel: Gate::spawn(&mut command), keys };
        typist.logs_in();
        typist
    }

    fn logs_in(&mut self) {
        assert!(self.tunnel.says("connected by QUIC"));
        self.types(&[PASSWORD, ""]);
        assert!(self.tunnel.says("running: packets to 100.64.0.0/16"), "no tunnel");
    }

    fn types(&mut self, lines: &[&str]) {
        for line in lines {
            writeln!(self.keys, "{line}").unwrap();
        }
    }

    fn quits(mut self) {
        self.types(&["quit"]);
        assert_eq!(self.tunnel.exit_code(), Some(0));
    }
}

/// Whether a write of a register passes.
fn writes(stream: &mut TcpStream, register: u8) -> bool {
    let answer = ask(stream, &[6, 0, register, 0, 7]).unwrap();
    answer == [6, 0, register, 0, 7]
}

#[test]
fn a_user_proves_more_through_the_tunnel() {
    let (server, _) = need!("a_user_proves_more_through_the_tunnel");
    let laptop = Laptop::at(Office::new(RULES));
    let _device = device(&laptop.office.plant, &server);
    let mut user = Typist::log_in(&laptop);
    let mut stream = laptop.reached();
    assert_eq!(register(&mut stream, 7), 70);
    assert!(!writes(&mut stream, 50), "it takes a code");
    assert!(user.tunnel.says("a fresh proof may open it; type: code"));
    user.types(&["code", "000000"]);
    assert!(user.tunnel.says("not done:"), "a wrong one");
    assert!(!writes(&mut stream, 50));
    not_at_the_end_of_a_step();
    let good = code(&laptop.secret, 0);
    user.types(&["code", &good]);
    assert!(user.tunnel.says("proven by now: password and totp"));
    within(|| writes(&mut stream, 50).then_some(()));
    assert!(!writes(&mut stream, 150), "what the rule does not give stays shut");
    user.types(&["code", &good]);
    assert!(user.tunnel.says("not done:"), "a code is good once");
    within(|| (!writes(&mut stream, 50)).then_some(()));
    assert!(user.tunnel.says("a fresh proof may open it; type: code"), "when it has become old");
    assert_eq!(register(&mut stream, 7), 70, "the connection lives on");
    user.types(&["code", &code(&laptop.secret, 1)]);
    assert!(user.tunnel.says("proven by now"));
    within(|| writes(&mut stream, 50).then_some(()));
    user.types(&["left"]);
    assert!(user.tunnel.says("left"));
    user.quits();
    assert_whole(&laptop.gate.stop());

    let proven = laptop.office.audited("step-up");
    assert_eq!(proven.len(), 2);
    let came =
        |record: &Value| record["actor"].as_str().unwrap().starts_with("tunnel from 192.168.20.5:");
    assert!(proven.iter().all(|record| record["user"] == "alice" && came(record)), "{proven:?}");
    let refused = laptop.office.audited("login-refused");
    let reasons: Vec<_> = refused.iter().map(|record| &record["reason"]).collect();
    assert_eq!(reasons, ["wrong-code", "reused-code"]);
    let from_laptop = |record: &Value| came(record) && record["client"] == "192.168.20.5";
    assert!(refused.iter().all(from_laptop), "{refused:?}");
    let text = std::fs::read_to_string(laptop.office.plant.file("audit.jsonl")).unwrap();
    assert!(!says(&text, &good) && !says(&text, PASSWORD), "no secret is in the audit");
}

#[test]
fn a_user_asks_through_the_tunnel_and_hears_what_comes_of_it() {
    let (server, _) = need!("a_user_asks_through_the_tunnel_and_hears_what_comes_of_it");
    let laptop = Laptop::at(Office::new(&RULES.replace("apprentice", "maintenance")));
    let _device = device(&laptop.office.plant, &server);
    let office = &laptop.office;
    let mut user = Typist::log_in(&laptop);
    let mut stream = laptop.reached();
    assert!(!writes(&mut stream, 150));
    let line = "type: ask press-3 \"writes all when allowed\" REASON";
    assert!(user.tunnel.says(line), "the user is told what to type");
    user.types(&["ask press-3 \"no such rule\" order 4711"]);
    assert!(user.tunnel.says("not done:"));
    user.types(&["ask press-3 \"writes all when allowed\""]);
    assert!(user.tunnel.says("not done:"), "without a reason");
    let bob = office.enter("bob", None);
    // What nobody has asked for by this tunnel is nobody's to hear; what is asked for is.
    for (verdict, said) in [("approve", "granted, approved by bob"), ("deny", "refused by bob")] {
        user.types(&["ask press-3 \"writes all when allowed\" order 4711"]);
        assert!(user.tunnel.says("waits for the yes of somebody else with role shift-lead"));
        assert!(!writes(&mut stream, 150), "asked is not given");
        let (_, grants) = office.ask("GET", "/v1/grants", None, &Value::Null);
        let path = format!("/v1/grants/{}", grants[0]["id"]);
        let by = |path: &str, token| office.ask("POST", path, token, &json!({}));
        let (status, answer) = by(&format!("{path}/{verdict}"), Some(&bob));
        assert_eq!(status, 200, "{answer}");
        assert!(user.tunnel.says(said));
        if verdict == "approve" {
            within(|| writes(&mut stream, 150).then_some(()));
            let (status, _) = office.ask("DELETE", &path, None, &Value::Null);
            assert_eq!(status, 200);
            assert!(user.tunnel.says("over: revoked"));
            // What was taken back took the connection with it.
            stream = laptop.reached();
        }
        within(|| (!writes(&mut stream, 150)).then_some(()));
    }
    assert_eq!(register(&mut stream, 7), 70, "what needs no asking is there all the while");
    user.quits();
    assert_whole(&laptop.gate.stop());
    let asked = office.audited("grant-requested");
    let actor = asked[0]["actor"].as_str().unwrap();
    assert!(actor.starts_with("tunnel from 192.168.20.5:"), "{actor}");
    assert_eq!((&asked[0]["user"], &asked[0]["text"]), (&json!("alice"), &json!("order 4711")));
    for kind in ["grant-approved", "grant-denied", "grant-revoked"] {
        assert_eq!(office.audited(kind).len(), 1, "{kind}");
    }
}

/// Where a relay of the laptop's own listens, between it and the gate.
const RELAY: &str = "127.0.0.1:4434";

/// A short loss is one of packets. After a long one the login is gone: the user is told, and proves everything anew.
#[test]
fn a_lost_connection_goes_on_or_asks_anew() {
    let (server, _) = need!("a_lost_connection_goes_on_or_asks_anew");
    let laptop = Laptop::at(Office::new(RULES));
    let _device = device(&laptop.office.plant, &server);
    laptop.office.plant.user.ip("link set lo up").unwrap();
    let relay = Relay::start(&laptop.office.plant.user, RELAY, GATE);
    let cut = |is_cut| relay.cut.store(is_cut, std::sync::atomic::Ordering::Relaxed);
    let mut user = Typist::log_in_at(&laptop, RELAY);
    let mut stream = laptop.reached();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(register(&mut stream, 7), 70);
    cut(true);
    std::thread::sleep(Duration::from_secs(5));
    cut(false);
    assert_eq!(register(&mut stream, 8), 80, "the same connection goes on");
    assert_eq!(laptop.office.audited("login").len(), 1, "by the same login");
    cut(true);
    // The gate and the user's end notice by themselves, each after half a minute.
    let ended = || (laptop.office.audited("logout").len() == 1).then_some(());
    let noticed = (0..12).find_map(|_| {
        std::thread::sleep(Duration::from_secs(5));
        ended()
    });
    assert!(noticed.is_some(), "the gate has ended the login");
    assert!((0..6).any(|_| user.tunnel.says("the connection is lost, and the login with it")));
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(ask(&mut stream, &[3, 0, 7, 0, 1]).is_err(), "what went through it is cut");
    user.types(&["left"]);
    assert!(user.tunnel.says("there is no connection to the gate"));
    cut(false);
    user.logs_in();
    assert_eq!(register(&mut laptop.reached(), 7), 70);
    user.quits();
    assert_whole(&laptop.gate.stop());
    let reasons: Vec<_> =
        laptop.office.audited("logout").iter().map(|record| record["reason"].clone()).collect();
    assert_eq!(reasons, ["tunnel-lost", "given-back"]);
    assert_eq!(laptop.office.audited("login").len(), 2, "all factors were proven anew");
}

/// Where nobody can type, a lost connection is an end, and is said to be one.
#[test]
fn a_lost_connection_ends_a_tunnel_that_nobody_types_to() {
    let (server, _) = need!("a_lost_connection_ends_a_tunnel_that_nobody_types_to");
    let laptop = Laptop::at(Office::new(RULES));
    let _device = device(&laptop.office.plant, &server);
    laptop.office.plant.user.ip("link set lo up").unwrap();
    let relay = Relay::start(&laptop.office.plant.user, RELAY, GATE);
    let Typist { tunnel, keys } = Typist::log_in_at(&laptop, RELAY);
    drop(keys);
    assert_eq!(register(&mut laptop.reached(), 7), 70, "without more to read it lives on");
    relay.cut.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!((0..6).any(|_| tunnel.says("the connection is lost, and the login with it")));
    assert!(tunnel.says("nobody is there to log in anew"));
    assert_eq!(tunnel.exit_code(), Some(1));
    drop(relay);
    assert_whole(&laptop.gate.stop());
}

/// A policy's names may be of any length.
#[test]
fn a_name_longer_than_a_message_ends_no_tunnel() {
    let (server, _) = need!("a_name_longer_than_a_message_ends_no_tunnel");
    let long = "w".repeat(9000);
    let rules = RULES.replace("writes all when allowed", &long);
    let laptop = Laptop::at(Office::new(&rules.replace("apprentice", "maintenance")));
    let _device = device(&laptop.office.plant, &server);
    let user = Typist::log_in(&laptop);
    let mut stream = laptop.reached();
    assert!(!writes(&mut stream, 150));
    let said = user.tunnel.line("type: ask press-3 \"www").expect("the user is told what to type");
    assert!(said.ends_with("…\" REASON"), "{said}");
    assert_eq!(register(&mut stream, 7), 70, "the tunnel goes on");
    user.quits();
    assert_whole(&laptop.gate.stop());
}
