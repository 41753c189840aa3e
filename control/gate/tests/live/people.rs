//! People: added on the machine, logged in over the control socket, cut off at once; and a machine beside
//! them that notices nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::*;

pub(crate) const PASSWORD: &str = "a strange horse with 7 batteries";

/// The HMI's conduit, and what people may do from the other address of the office.
const RULES: &str = r#"
[[rule]]
name = "maintenance reads"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = ["read"]
factors = ["password", "totp"]

[[rule]]
name = "maintenance writes when asked"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = [{ class = "write", function = 6, address = "0-99" }]
factors = ["password", "totp"]
reason = true
max_duration = "1h"
"#;

/// Where people sit; the HMI has the other address of the same machine.
const DESK: &str = "192.168.20.6";

/// A code of RFC 6238 by Python's own HMAC, so many steps from now.
pub(crate) fn code(secret: &str, step: i64) -> String {
    const PROGRAM: &str = "
import base64, hmac, struct, sys
secret = base64.b32decode(sys.argv[1] + '=' * (-len(sys.argv[1]) % 8))
digest = hmac.new(secret, struct.pack('>q', int(sys.argv[2])), 'sha1').digest()
at = digest[-1] & 15
print('%06d' % ((struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 1000000))";
    let output = Command::new("python3")
        .args(["-c", PROGRAM, secret, &(now_step() + step).to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn seconds() -> u64 {
    #[allow(clippy::disallowed_methods, reason = "a code is of the time of day")]
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn now_step() -> i64 {
    (seconds() / 30).cast_signed()
}

/// A step of TOTP that does not end in the middle of what is to come.
pub(crate) fn early_in_a_step() {
    while seconds() % 30 > 15 {
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// A plant with people: a conduit for the HMI, rules for whoever logs in, a place for the store.
pub(crate) struct Office {
    pub(crate) plant: Plant,
    pub(crate) state: PathBuf,
}

impl Office {
    pub(crate) fn new(rules: &str) -> Office {
        let mut plant = Plant::new(1);
        plant.allow_logins("office");
        plant.user.ip(&format!("address add {DESK}/24 dev eth0")).unwrap();
        let state = plant.file("state");
        let gate = format!("\n[gate]\nstate_dir = {state:?}\n");
        plant.write_policy(&format!("{CONDUIT}{rules}{gate}"));
        Office { plant, state }
    }

    fn write_rules(&self, rules: &str) {
        let gate = format!("\n[gate]\nstate_dir = {:?}\n", self.state);
        self.plant.write_policy(&format!("{CONDUIT}{rules}{gate}"));
    }

    pub(crate) fn start(&self) -> Gate {
        let gate = self.plant.try_start("audit.jsonl");
        assert!(gate.says("running"));
        gate
    }

    pub(crate) fn user(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
        command.arg("user").args(arguments).arg("--state-dir").arg(&self.state);
        command
    }

    /// Adds a user by the command line; the TOTP secret. The code that confirms it is the last step's.
    pub(crate) fn add(&self, name: &str, roles: &[&str]) -> String {
        let roles = roles.iter().flat_map(|role| ["--role", role]);
        let arguments: Vec<&str> = ["add", name].into_iter().chain(roles).collect();
        let mut command = self.user(&arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{PASSWORD}").unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let secret = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("or type ")?.1.trim().to_owned()))
            .unwrap();
        early_in_a_step();
        writeln!(input, "{}", code(&secret, -1)).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success());
        secret
    }

    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> (u16, Value) {
        http(&self.state.join("control.sock"), method, path, token, body)
    }

    fn log_in(&self, user: &str, code: &str) -> (u16, Value) {
        let body = json!({"user": user, "password": PASSWORD, "code": code, "source": DESK});
        self.ask("POST", "/v1/logins", None, &body)
    }

    /// A connection from where people sit.
    fn connect(&self) -> std::io::Result<TcpStream> {
        self.plant.connect_from(DESK)
    }

    pub(crate) fn audited(&self, kind: &str) -> Vec<Value> {
        let audit = self.plant.audit("audit.jsonl");
        audit.into_iter().filter(|record| record["type"] == kind).collect()
    }
}

/// One request to the control socket.
fn http(
    socket: &Path,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &Value,
) -> (u16, Value) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n{}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token.unwrap_or_default(),
        body.len()
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// A machine that asks all the while; it says how often it got its answer once it is told to end.
pub(crate) struct Hmi {
    end: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: std::thread::JoinHandle<usize>,
}

impl Hmi {
    pub(crate) fn start(plant: &Plant) -> Hmi {
        let mut stream = plant.connect().unwrap();
        let end = std::sync::Arc::<std::sync::atomic::AtomicBool>::default();
        let ends = end.clone();
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            while !ends.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(register(&mut stream, 5), 50, "a machine notices nothing");
                count += 1;
                std::thread::sleep(Duration::from_millis(2));
            }
            count
        });
        Hmi { end, thread }
    }

    pub(crate) fn stop(self) -> usize {
        self.end.store(true, std::sync::atomic::Ordering::Relaxed);
        self.thread.join().expect("it got every answer")
    }
}

#[test]
fn a_person_logs_in_reads_and_is_cut_off() {
    let (server, _) = need!("a_person_logs_in_reads_and_is_cut_off");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let secret = office.add("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    assert!(office.connect().is_err(), "nobody is logged in there");

    let (status, _) = office.log_in("alice", "000000");
    assert_eq!(status, 401, "a wrong code");
    let first = code(&secret, 0);
    let (status, login) = office.log_in("alice", &first);
    assert_eq!(status, 200, "{login}");
    let mut stream = office.connect().unwrap();
    assert_eq!(register(&mut stream, 7), 70);

    let id = login["login"]["id"].as_u64().or(login["id"].as_u64()).unwrap();
    let start = Machine::start();
    let (status, done) = office.ask("DELETE", &format!("/v1/logins/{id}"), None, &Value::Null);
    let taken = Duration::from_nanos(start.nanos());
    assert_eq!(status, 200, "{done}");
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(ask(&mut stream, &[3, 0, 7, 0, 1]).is_err(), "not one more");
    eprintln!("a login was taken back in {taken:?}, from the request to the answer");
    assert!(office.connect().is_err());

    let (status, refused) = office.log_in("alice", &first);
    assert_eq!((status, &refused["code"]), (401, &json!("refused")), "a code is good once");
    let (status, _) = office.log_in("alice", &code(&secret, 1));
    assert_eq!(status, 200);
    assert_eq!(register(&mut office.connect().unwrap(), 8), 80, "and in again");

    assert!(hmi.stop() > 20);
    assert_whole(&gate.stop());
    let refused = office.audited("login-refused");
    let reasons: Vec<_> = refused.iter().map(|record| &record["reason"]).collect();
    assert_eq!(reasons, ["wrong-code", "reused-code"]);
    let logins = office.audited("login");
    assert_eq!(logins.len(), 2);
    assert_eq!(
        (&logins[0]["user"], &logins[0]["client"], &logins[0]["what"]),
        (&json!("alice"), &json!(DESK), &json!("password totp"))
    );
    assert!(logins[0]["actor"].as_str().unwrap().contains("uid 0"));
    assert_eq!(office.audited("logout")[0]["reason"], "revoked");
    let text = std::fs::read_to_string(office.plant.file("audit.jsonl")).unwrap();
    for secret in [PASSWORD, &secret, &first] {
        assert!(!text.contains(secret), "no secret is in the audit");
    }
}

#[test]
fn what_must_be_asked_for_ends_when_it_is_taken_back() {
    let (server, _) = need!("what_must_be_asked_for_ends_when_it_is_taken_back");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let secret = office.add("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let (status, login) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 200, "{login}");
    let token = login["token"].as_str();
    let mut stream = office.connect().unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(refuses_write(&mut stream), "writing must be asked for");

    let rule = "maintenance writes when asked";
    let wanted = json!({"rule": rule, "asset": "press-3"});
    let (status, fault) = office.ask("POST", "/v1/grants", token, &wanted);
    assert_eq!((status, &fault["code"]), (422, &json!("reason-needed")));
    let wanted = json!({"rule": rule, "asset": "press-3", "reason": "order 4711"});
    for _ in 0..2 {
        let (status, grant) = office.ask("POST", "/v1/grants", token, &wanted);
        assert_eq!((status, &grant["state"]), (200, &json!("granted")), "{grant}");
        let mut stream = within(|| {
            let mut stream = office.connect().ok()?;
            (ask(&mut stream, &[6, 0, 50, 0, 7]).ok()? == [6, 0, 50, 0, 7]).then_some(stream)
        });
        let (status, _) =
            office.ask("DELETE", &format!("/v1/grants/{}", grant["id"]), None, &Value::Null);
        assert_eq!(status, 200);
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        assert!(refuses_write(&mut stream), "at once");
        let mut stream = office.connect().unwrap();
        assert_eq!(register(&mut stream, 8), 80, "what needs no asking is there again");
    }
    assert!(hmi.stop() > 20);
    drop(gate.stop());
    let asked = office.audited("grant-requested");
    assert_eq!((asked.len(), &asked[0]["text"]), (2, &json!("order 4711")));
    assert_eq!(office.audited("grant-begun").len(), 2);
    assert_eq!(office.audited("grant-revoked").len(), 2);
}

/// Whether a write brings no answer, or an exception.
fn refuses_write(stream: &mut TcpStream) -> bool {
    ask(stream, &[6, 0, 50, 0, 9]).map_or(true, |pdu| pdu[0] == 0x86)
}

/// What comes within two seconds.
pub(crate) fn within<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let tries = (0..40).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        what()
    });
    tries.expect("it comes within two seconds")
}

#[test]
fn what_is_changed_beside_the_gate_acts_within_a_second() {
    let (server, _) = need!("what_is_changed_beside_the_gate_acts_within_a_second");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let gate = office.start();
    // The gate runs already: its store is empty.
    let secret = office.add("alice", &["maintenance"]);
    let hmi = Hmi::start(&office.plant);
    let (status, login) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 200, "{login}");
    let mut stream = office.connect().unwrap();
    assert_eq!(register(&mut stream, 7), 70);
    assert!(office.user(&["disable", "alice"]).status().unwrap().success());
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    within(|| ask(&mut stream, &[3, 0, 7, 0, 1]).is_err().then_some(()));
    let (status, _) = office.log_in("alice", &code(&secret, 1));
    assert_eq!(status, 401, "disabled");
    assert!(hmi.stop() > 20);
    drop(gate.stop());
    let disabled = office.audited("user-disabled");
    assert_eq!(
        (&disabled[0]["user"], &disabled[0]["actor"]),
        (&json!("alice"), &json!("beside the gate"))
    );
    assert_eq!(office.audited("logout")[0]["reason"], "disabled");
}

#[test]
fn a_reload_takes_what_the_policy_no_longer_gives() {
    let (server, _) = need!("a_reload_takes_what_the_policy_no_longer_gives");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let secret = office.add("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let (status, login) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 200, "{login}");
    let mut stream = office.connect().unwrap();
    assert_eq!(register(&mut stream, 7), 70);
    // The rules change places, too: numbers of rules are not what they were.
    let (reads, writes) = RULES.split_at(RULES.rfind("[[rule]]").unwrap());
    office.write_rules(&format!("{writes}{}", reads.replace("\"read\"", "\"mode\"")));
    let (status, done) = office.ask("POST", "/v1/policy/reload", None, &Value::Null);
    assert_eq!(status, 200, "{done}");
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    // Refused in the protocol's own words, or cut.
    within(|| {
        let answer = ask(&mut stream, &[3, 0, 7, 0, 1]);
        answer.map_or(true, |pdu| pdu[0] == 0x83).then_some(())
    });
    office.write_rules("[[rule]]");
    let (status, _) = office.ask("POST", "/v1/policy/reload", None, &Value::Null);
    assert_eq!(status, 409);
    assert!(hmi.stop() > 20);
    drop(gate.stop());
    let reloads = office.audited("policy-reload");
    let results: Vec<_> = reloads.iter().map(|record| &record["result"]).collect();
    assert_eq!(results, ["success", "denied"]);
    assert!(reloads[0]["actor"].as_str().unwrap().contains("uid 0"));
}

#[test]
fn a_store_that_is_gone_stops_no_machine() {
    let (server, _) = need!("a_store_that_is_gone_stops_no_machine");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let secret = office.add("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let store = office.state.join("identity/store.db");
    for file in ["store.db", "store.db-wal"] {
        let file = office.state.join("identity").join(file);
        let open = std::fs::OpenOptions::new().write(true).open(&file);
        let _ = open.and_then(|file| file.set_len(0));
    }
    std::fs::remove_file(store).unwrap();
    // What the open file still has may be enough for a login, or not: there is an answer.
    let (status, _) = office.log_in("alice", &code(&secret, 0));
    assert!(matches!(status, 200 | 401), "{status}");
    std::thread::sleep(Duration::from_millis(600));
    assert!(hmi.stop() > 200);
    drop(gate.stop());
    let told = office.audited("login").len() + office.audited("login-refused").len();
    assert_eq!(told, 1);
}

/// A small disk; it goes with this.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Disk {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs"]).arg(at);
        assert!(mount.status().unwrap().success());
        Disk(at.to_owned())
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("full")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("full")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_lets_nobody_in_and_stops_no_machine() {
    let (server, _) = need!("a_full_disk_lets_nobody_in_and_stops_no_machine");
    let office = Office::new(RULES);
    let disk = Disk::mount(&office.state);
    let _device = device(&office.plant, &server);
    let secret = office.add("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    disk.fill();
    let (status, _) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 401, "what cannot be counted is refused");
    std::thread::sleep(Duration::from_millis(600));
    disk.empty();
    let (status, login) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 200, "{login}: the code was not used up");
    assert!(hmi.stop() > 200);
    drop(gate.stop());
    assert_eq!(office.audited("login-refused")[0]["reason"], "store-failed");
}

#[test]
fn without_a_store_the_gate_runs_for_machines() {
    let (server, _) = need!("without_a_store_the_gate_runs_for_machines");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    std::fs::create_dir_all(office.state.join("identity")).unwrap();
    std::fs::write(office.state.join("identity/store.db"), "not a store").unwrap();
    let gate = office.plant.try_start("audit.jsonl");
    assert!(gate.says("nobody can log in"));
    assert!(gate.says("running"));
    let hmi = Hmi::start(&office.plant);
    let (status, fault) = office.log_in("alice", "123456");
    assert_eq!((status, &fault["code"]), (503, &json!("unavailable")));
    assert!(hmi.stop() > 0);
    drop(gate.stop());
}

#[test]
fn nobody_logs_in_by_a_port_that_does_not_say_so() {
    let (server, _) = need!("nobody_logs_in_by_a_port_that_does_not_say_so");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let gate = office.start();
    for source in ["192.168.10.77", "10.9.9.9", "192.168.20.1"] {
        let body =
            json!({"user": "alice", "password": PASSWORD, "code": "123456", "source": source});
        let (status, _) = office.ask("POST", "/v1/logins", None, &body);
        assert_eq!(status, 403, "{source}");
    }
    drop(gate.stop());
}
