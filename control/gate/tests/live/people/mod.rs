//! People: added on the machine, logged in over the control socket, cut off at once; and in each test a
//! machine beside them that notices nothing.

mod access;
mod clock;
mod evidence;
mod locked;
mod logins;
mod record;
mod store;
mod together;
mod users;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

/// Where people sit; the HMI has another address of the same machine.
const DESK: &str = "192.168.20.6";
const SECOND_DESK: &str = "192.168.20.7";
const THIRD_DESK: &str = "192.168.20.8";

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

/// The last code of a step that is just over would be refused.
pub(crate) fn not_at_the_end_of_a_step() {
    while seconds() % 30 > 25 {
        std::thread::sleep(Duration::from_millis(200));
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
        for desk in [DESK, SECOND_DESK, THIRD_DESK] {
            plant.user.ip(&format!("address add {desk}/24 dev eth0")).unwrap();
        }
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
        not_at_the_end_of_a_step();
        writeln!(input, "{}", code(&secret, -1)).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success());
        secret
    }

    /// Adds a user with a password alone.
    pub(crate) fn add_plain(&self, name: &str, roles: &[&str]) {
        let roles = roles.iter().flat_map(|role| ["--role", role]);
        let arguments: Vec<&str> = ["add", name, "--no-totp"].into_iter().chain(roles).collect();
        let output = self.type_in(self.user(&arguments), &[PASSWORD]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Runs a command that is told these lines.
    fn type_in(&self, mut command: Command, lines: &[&str]) -> Output {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        lines.iter().for_each(|line| writeln!(input, "{line}").unwrap());
        drop(input);
        child.wait_with_output().unwrap()
    }

    /// Logs somebody in by the password alone, at a desk or for no address; the token.
    pub(crate) fn enter(&self, user: &str, desk: Option<&str>) -> String {
        let body = json!({"user": user, "password": PASSWORD, "source": desk});
        let (status, login) = self.ask("POST", "/v1/logins", None, &body);
        assert_eq!(status, 200, "{login}");
        login["token"].as_str().unwrap().to_owned()
    }

    /// Asks for a grant.
    fn request(&self, token: &str, rule: &str) -> (u16, Value) {
        let wanted = json!({"rule": rule, "asset": "press-3", "reason": "order 4711"});
        self.ask("POST", "/v1/grants", Some(token), &wanted)
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

    /// The same, once the gate lets it through: workers take new tables over at their next turn.
    fn connected(&self) -> TcpStream {
        within(|| self.connect().ok())
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

/// Whether a text says this, and not as a part of a longer number or name: in a time of day or a hash any six
/// digits may stand by chance.
pub(crate) fn says(text: &str, what: &str) -> bool {
    text.match_indices(what).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + what.len()..].chars().next();
        ![before, behind].into_iter().flatten().any(char::is_alphanumeric)
    })
}

#[test]
fn a_code_is_found_in_a_text_but_not_by_chance() {
    for text in ["123456", "code 123456", r#"{"code":"123456"}"#, "9123456 123456"] {
        assert!(says(text, "123456"), "{text}");
    }
    for text in ["", "12:34:56", "09:00:00.123456789Z", "ab123456", "1234567"] {
        assert!(!says(text, "123456"), "{text}");
    }
}

/// A machine that asks all the while, and must get every answer.
pub(crate) struct Hmi {
    end: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<()>,
}

impl Hmi {
    pub(crate) fn start(plant: &Plant) -> Hmi {
        let mut stream = plant.connect().unwrap();
        let (end, answers) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (ends, answered) = (end.clone(), answers.clone());
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                assert_eq!(register(&mut stream, 5), 50, "a machine notices nothing");
                answered.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Hmi { end, answers, thread }
    }

    /// It still gets answers, on the connection that it began with.
    fn goes_on(&self) {
        let enough = self.answers.load(Ordering::Relaxed) + 20;
        within(|| (self.answers.load(Ordering::Relaxed) >= enough).then_some(()));
    }

    /// It got every answer up to now, and gets more.
    pub(crate) fn stop(self) {
        self.goes_on();
        self.end.store(true, Ordering::Relaxed);
        self.thread.join().expect("it got every answer");
    }
}

/// What comes within ten seconds, however busy the machine is.
pub(crate) fn within<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let tries = (0..500).find_map(|_| {
        let found = what();
        if found.is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        found
    });
    tries.expect("it comes within ten seconds")
}

/// Whether a write brings no answer, or an exception.
fn refuses_write(stream: &mut TcpStream) -> bool {
    write(stream).map_or(true, |pdu| pdu[0] == 0x86)
}

/// Writes a register that the HMI may write, too.
fn write(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    ask(stream, &[6, 0, 50, 0, 7])
}

/// That a desk may write, on a connection that is kept.
fn writes(office: &Office, desk: &str) -> TcpStream {
    writes_after(office, desk, || {})
}

/// The same, where it may only for so short a time that it may have to be given again.
fn writes_after(office: &Office, desk: &str, mut give: impl FnMut()) -> TcpStream {
    within(|| {
        give();
        let mut stream = office.plant.connect_from(desk).ok()?;
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        (write(&mut stream).ok()? == [6, 0, 50, 0, 7]).then_some(stream)
    })
}

/// That it soon may not any more.
fn is_cut(stream: &mut TcpStream) {
    within(|| refuses_write(stream).then_some(()));
}
