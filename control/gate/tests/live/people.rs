//! People: added on the machine, logged in over the control socket, cut off at once; and a machine beside
//! them that notices nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::*;

const PASSWORD: &str = "a strange horse with 7 batteries";

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
fn code(secret: &str, step: i64) -> String {
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
fn early_in_a_step() {
    while seconds() % 30 > 15 {
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// A plant with people: a conduit for the HMI, rules for whoever logs in, a place for the store.
struct Office {
    plant: Plant,
    state: PathBuf,
}

impl Office {
    fn new(rules: &str) -> Office {
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

    fn start(&self) -> Gate {
        let gate = self.plant.try_start("audit.jsonl");
        assert!(gate.says("running"));
        gate
    }

    fn user(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
        command.arg("user").args(arguments).arg("--state-dir").arg(&self.state);
        command
    }

    /// Adds a user by the command line; the TOTP secret. The code that confirms it is the last step's.
    fn add(&self, name: &str, roles: &[&str]) -> String {
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

    fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
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

    fn audited(&self, kind: &str) -> Vec<Value> {
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
struct Hmi {
    end: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: std::thread::JoinHandle<usize>,
}

impl Hmi {
    fn start(plant: &Plant) -> Hmi {
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

    fn stop(self) -> usize {
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
