//! People from afar: a login through QUIC, a real client's commands through a TUN device, the gate on AF_XDP,
//! a real device; and what is refused, told and kept from others.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::*;
use wicketgate_lab::skip;
use wicketgate_tunnel::tls::is_fips;

use crate::hardening::{debug, debugger};
use crate::hop::Relay;
use crate::people::{Hmi, Office, PASSWORD, code, not_at_the_end_of_a_step, says, within};
use crate::plant::DOOR;

/// Where the gate listens.
pub(crate) const GATE: &str = "192.168.20.1:4433";

/// `nobody` of every Debian.
const NOBODY: u32 = 65534;

/// What an engineer may do, and where they come in.
const RULES: &str = r#"
[[rule]]
name = "maintenance operates"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = ["read", { class = "write", function = 6, address = "0-99" }]
factors = ["password", "totp"]

[[rule]]
name = "experts write all"
roles = ["expert"]
assets = ["press-3"]
protocol = "modbus"
allow = ["write"]
factors = ["password", "totp"]

[tunnel]
listen = "192.168.20.1:4433"
addresses = "100.64.255.0/28"
"#;

/// A user at a laptop: the office's network, and no route to the overlay.
pub(crate) struct Laptop {
    pub(crate) office: Office,
    pub(crate) secret: String,
    pub(crate) gate: Gate,
    pub(crate) pin: String,
}

impl Laptop {
    fn new() -> Laptop {
        Laptop::with(RULES)
    }

    /// At a gate with these rules.
    fn with(rules: &str) -> Laptop {
        Laptop::at(Office::new(rules))
    }

    /// At this office's gate, whose shift is led by bob.
    pub(crate) fn at(office: Office) -> Laptop {
        office.plant.user.ip("route del 100.64.0.0/16").unwrap();
        let secret = office.add("alice", &["maintenance"]);
        office.add_plain("bob", &["shift-lead"]);
        let gate = office.plant.try_start("audit.jsonl");
        let said = gate.line("fingerprint").expect("a gate with a fingerprint");
        let pin = said.rsplit(' ').next().unwrap().to_owned();
        assert!(gate.says("running"));
        Laptop { office, secret, gate, pin }
    }

    pub(crate) fn known_gates(&self) -> PathBuf {
        self.office.plant.file("known_gates")
    }

    /// The user's end by `before`, but for where it keeps fingerprints.
    pub(crate) fn command_by(&self, before: &[&str], gate: &str, code: &str) -> Command {
        let typed = self.office.plant.file(&format!("typed-{code}"));
        std::fs::write(&typed, format!("{PASSWORD}\n{code}\n")).unwrap();
        let words = [before, &[env!("CARGO_BIN_EXE_wicketgate"), "connect", gate]].concat();
        let mut command = self.office.plant.user.command(words[0]);
        command.args(&words[1..]).args(["--user", "alice", "--known-gates"]);
        command.stdin(Stdio::from(File::open(typed).unwrap()));
        command
    }

    fn command(&self, code: &str) -> Command {
        let mut command = self.command_by(&[], GATE, code);
        command.arg(self.known_gates());
        command
    }

    /// Starts the user's end with this code.
    fn connect(&self, code: &str) -> Gate {
        Gate::spawn(self.command(code).args(["--pin", &self.pin]))
    }

    /// Logs in; comes back when packets flow.
    fn log_in(&self, step: i64) -> Gate {
        let tunnel = self.connect(&code(&self.secret, step));
        assert!(tunnel.says("running: packets to 100.64.0.0/16"), "no tunnel");
        tunnel
    }

    /// A connection to the asset from the laptop, or none within half a second.
    fn reach(&self) -> std::io::Result<TcpStream> {
        self.reach_within(Duration::from_millis(500))
    }

    fn reach_within(&self, longest: Duration) -> std::io::Result<TcpStream> {
        let door: SocketAddr = DOOR.parse().unwrap();
        let connect = || TcpStream::connect_timeout(&door, longest);
        let stream = self.office.plant.user.enter(connect).unwrap()?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The same, where there must be one, however busy the machine is.
    pub(crate) fn reached(&self) -> TcpStream {
        self.reach_within(Duration::from_secs(30)).unwrap()
    }

    /// What `wicketgate stats` prints.
    fn stats(&self) -> String {
        let socket = self.office.state.join("control.sock");
        let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
        let output = command.args(["stats", "--once", "--socket"]).arg(socket).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Takes back the login that there is.
    fn revoke(&self) {
        let (_, logins) = self.office.ask("GET", "/v1/logins", None, &Value::Null);
        let id = logins[0]["id"].as_u64().unwrap();
        let path = format!("/v1/logins/{id}");
        let (status, done) = self.office.ask("DELETE", &path, None, &Value::Null);
        assert_eq!(status, 200, "{done}");
    }
}

#[test]
fn an_engineer_works_through_a_tunnel() {
    let (server, hmi) = need!("an_engineer_works_through_a_tunnel");
    let laptop = Laptop::new();
    let _device = device(&laptop.office.plant, &server);
    assert!(laptop.reach().is_err(), "there is no way to the overlay");
    let tunnel = laptop.log_in(0);
    run_hmi(&laptop.office.plant, &hmi, 500);
    assert_eq!(laptop.stats().contains("1 tunnels in FIPS mode"), is_fips());
    let mut stream = laptop.reached();
    assert_eq!(register(&mut stream, 7), 70);
    assert_eq!(ask(&mut stream, &[6, 0, 200, 0, 7]).unwrap()[0], 0x86, "denied");
    let said = tunnel.line("refused by rule").expect("the user is told");
    assert!(said.contains("write-single-register holding-registers 200 on press-3"), "{said}");
    assert!(said.contains("\"maintenance operates\"") && said.contains("expert"), "{said}");
    drop(stream);
    tunnel.signal(Signal::TERM);
    assert_eq!(tunnel.exit_code(), Some(0));
    within(|| (laptop.office.audited("logout").len() == 1).then_some(()));
    assert!(laptop.reach().is_err(), "the route is gone");
    assert_whole(&laptop.gate.stop());

    let login = &laptop.office.audited("login")[0];
    assert_eq!((&login["user"], &login["what"]), (&json!("alice"), &json!("password totp")));
    assert_eq!(login["client"], "100.64.255.1");
    assert!(login["actor"].as_str().unwrap().starts_with("tunnel from 192.168.20.5:"), "{login}");
    assert_eq!(laptop.office.audited("logout")[0]["reason"], "given-back");
    let audit = laptop.office.plant.audit("audit.jsonl");
    let done = commands(&audit, "success");
    assert_eq!(done.len(), transactions(500) + 1);
    assert!(done.iter().all(|command| command["user"] == "alice"));
    assert_eq!(commands(&audit, "denied").len(), 1);
}

#[test]
fn a_login_that_is_taken_back_ends_the_tunnel_at_once() {
    let (server, _) = need!("a_login_that_is_taken_back_ends_the_tunnel_at_once");
    let laptop = Laptop::new();
    let _device = device(&laptop.office.plant, &server);
    // The machine's line is beside the laptop's tunnel, and has its own way to the overlay.
    laptop.office.plant.user.ip("route add 100.64.10.20/32 via 192.168.20.1 table 7").unwrap();
    laptop.office.plant.user.ip("rule add from 192.168.20.5 table 7").unwrap();
    let tunnel = laptop.log_in(0);
    let mut stream = laptop.reached();
    assert_eq!(register(&mut stream, 7), 70);
    laptop.revoke();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(ask(&mut stream, &[3, 0, 7, 0, 1]).is_err(), "not one more");
    assert!(tunnel.says("somebody has taken the login back"));
    assert_eq!(tunnel.exit_code(), Some(1));
    let again = laptop.log_in(1);
    assert_eq!(register(&mut laptop.reached(), 8), 80, "and in again");
    assert!(laptop.office.user(&["disable", "alice"]).status().unwrap().success());
    assert!(again.says("the user was disabled"));
    assert_eq!(again.exit_code(), Some(1));
    assert_whole(&laptop.gate.stop());
    let reasons: Vec<_> =
        laptop.office.audited("logout").iter().map(|record| record["reason"].clone()).collect();
    assert_eq!(reasons, ["revoked", "disabled"]);
}

#[test]
fn an_engineer_without_any_privilege_forwards_a_port() {
    let (server, hmi) = need!("an_engineer_without_any_privilege_forwards_a_port");
    let laptop = Laptop::new();
    let _device = device(&laptop.office.plant, &server);
    let user = &laptop.office.plant.user;
    user.setting("ipv4/ip_unprivileged_port_start", "502").unwrap();
    user.ip("link set lo up").unwrap();
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(home.path(), Some(NOBODY), None).unwrap();
    let code = code(&laptop.secret, 0);
    let command =
        &mut laptop.command_by(&["setpriv", &format!("--reuid={NOBODY}"), "--"], GATE, &code);
    command.arg(home.path().join("known_gates")).args(["--pin", &laptop.pin]);
    command.args(["--forward", "502=press-3:502", "--forward", "40002=100.64.10.20:503"]);
    let tunnel = Gate::spawn(command);
    assert!(tunnel.says("40002 goes to 100.64.10.20"));
    assert!(laptop.reach().is_err(), "there is no device and no route");
    run_hmi_at(&laptop.office.plant, &hmi, 200, "127.0.0.1");
    let connect = || TcpStream::connect(("127.0.0.1", 40002));
    let mut nowhere = user.enter(connect).unwrap().unwrap();
    assert!(tunnel.says("a connection to port 503"), "what is refused there is told, too");
    nowhere.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(ask(&mut nowhere, &[3, 0, 7, 0, 1]).is_err());
    tunnel.signal(Signal::TERM);
    assert_eq!(tunnel.exit_code(), Some(0));
    assert_whole(&laptop.gate.stop());
    let audit = laptop.office.plant.audit("audit.jsonl");
    assert_eq!(commands(&audit, "success").len(), transactions(200));
}

/// Programs of the user's that speak SOCKS 5 are led to the overlay and nowhere else.
#[test]
fn a_proxy_leads_to_the_overlay_and_nowhere_else() {
    let (server, _) = need!("a_proxy_leads_to_the_overlay_and_nowhere_else");
    let laptop = Laptop::new();
    let _device = device(&laptop.office.plant, &server);
    let user = &laptop.office.plant.user;
    user.ip("link set lo up").unwrap();
    let mut command = laptop.command(&code(&laptop.secret, 0));
    let tunnel = Gate::spawn(command.args(["--pin", &laptop.pin, "--socks"]));
    assert!(tunnel.says("a SOCKS 5 proxy at 127.0.0.1:1080 leads to 100.64.0.0/16"));
    let mut stream = user.enter(|| TcpStream::connect("127.0.0.1:1080")).unwrap().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"\x05\x01\x00\x05\x01\x00\x03\x07press-3\x01\xf6").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, *b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0");
    assert_eq!(register(&mut stream, 7), 70);
    // curl(1): 97 is a proxy that said no.
    for url in ["http://192.168.20.1/", "http://elsewhere/"] {
        let mut curl = user.command("curl");
        curl.args(["--silent", "--max-time", "5", "--proxy", "socks5h://127.0.0.1:1080", url]);
        assert_eq!(curl.status().unwrap().code(), Some(97), "{url}");
    }
    tunnel.signal(Signal::TERM);
    assert_eq!(tunnel.exit_code(), Some(0));
    assert_whole(&laptop.gate.stop());
}

/// A network that lets no UDP pass: TLS over TCP, chosen without a word of the user's, and all else is the same.
#[test]
fn where_no_udp_passes_it_is_tls_over_tcp() {
    let (server, hmi) = need!("where_no_udp_passes_it_is_tls_over_tcp");
    let laptop = Laptop::new();
    let _device = device(&laptop.office.plant, &server);
    let plant = &laptop.office.plant;
    plant.user.ip("rule add ipproto udp prohibit priority 1").unwrap();
    let tunnel = laptop.connect(&code(&laptop.secret, 0));
    assert!(tunnel.says("connected by TLS, TCP port 443"));
    assert!(tunnel.says("running: packets to 100.64.0.0/16"));
    run_hmi(plant, &hmi, 200);
    let mut stream = laptop.reached();
    assert_eq!(ask(&mut stream, &[6, 0, 200, 0, 7]).unwrap()[0], 0x86, "denied");
    assert!(tunnel.line("refused by rule").is_some(), "and the user is told");
    assert_eq!(register(&mut stream, 7), 70, "the connection goes on");
    laptop.revoke();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(ask(&mut stream, &[3, 0, 7, 0, 1]).is_err(), "not one more");
    assert!(tunnel.says("somebody has taken the login back"));
    assert_eq!(tunnel.exit_code(), Some(1));
    assert_whole(&laptop.gate.stop());
    let audit = plant.audit("audit.jsonl");
    assert_eq!(commands(&audit, "success").len(), transactions(200) + 1);
    assert_eq!(commands(&audit, "denied").len(), 1);
}

/// A login that is over by itself ends its tunnel, and the user is told why.
#[test]
fn an_expired_login_ends_the_tunnel() {
    let (server, _) = need!("an_expired_login_ends_the_tunnel");
    let laptop = Laptop::with(&format!("{RULES}lifetime = \"5s\"\n"));
    let _device = device(&laptop.office.plant, &server);
    let tunnel = laptop.log_in(0);
    let mut stream = laptop.reached();
    assert_eq!(register(&mut stream, 7), 70);
    assert!(tunnel.says("the login's time is over"));
    assert_eq!(tunnel.exit_code(), Some(1));
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(ask(&mut stream, &[3, 0, 7, 0, 1]).is_err(), "not one more");
    assert_whole(&laptop.gate.stop());
    assert_eq!(laptop.office.audited("logout")[0]["reason"], "expired");
}

/// What nobody watches over lets nobody pass; machines are not concerned.
#[test]
fn a_tunnel_thread_that_stands_still_ends_its_logins() {
    const TEST: &str = "a_tunnel_thread_that_stands_still_ends_its_logins";
    let (server, hmi) = need!(TEST);
    let debugger = match debugger() {
        Ok(debugger) => debugger,
        Err(why) => return skip(TEST, &why),
    };
    let laptop = Laptop::new();
    let _device = device(&laptop.office.plant, &server);
    let tunnel = laptop.log_in(0);
    assert_eq!(register(&mut laptop.reached(), 7), 70);
    let thread = laptop.gate.thread("tunnel").to_string();
    let _held = debug(&debugger, &["stop", &thread]);
    assert!(laptop.gate.says("ALARM: [tunnel]: there is no tunnel thread, or it stands still"));
    let reason = |kind| within(|| Some(laptop.office.audited(kind).first()?["reason"].clone()));
    assert_eq!((reason("logout"), reason("alarm")), (json!("tunnel-lost"), json!("tunnels-down")));
    drop(tunnel);
    let user = &laptop.office.plant.user;
    user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    run_hmi(&laptop.office.plant, &hmi, 100);
    assert_whole(&laptop.gate.stop());
}

/// Whoever comes after a reload is shown the new certificate; whoever is in stays in.
#[test]
fn another_certificate_is_shown_after_a_reload() {
    let (server, _) = need!("another_certificate_is_shown_after_a_reload");
    let [first, second] = ["first", "second"].map(|name| {
        let authority = Authority::new();
        authority.make(name).map(|file| std::fs::read(file).unwrap())
    });
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = ["gate.pem", "gate.key"].map(|name| folder.path().join(name));
    let show = |[shown, its_key]: &[Vec<u8>; 2]| {
        std::fs::write(&certificate, shown).unwrap();
        std::fs::write(&key, its_key).unwrap();
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    };
    show(&first);
    let files = format!("certificate = {certificate:?}\nkey = {key:?}\n");
    let laptop = Laptop::with(&format!("{RULES}{files}"));
    let _device = device(&laptop.office.plant, &server);
    let tunnel = laptop.log_in(0);
    let mut stream = laptop.reached();
    show(&second);
    laptop.gate.signal(Signal::HUP);
    assert!(laptop.gate.says("config read again"));
    assert_eq!(register(&mut stream, 7), 70, "who is in stays in");
    let other = laptop.connect(&code(&laptop.secret, 1));
    assert!(other.says("another fingerprint") || other.exit_code() == Some(1));
    assert_eq!(register(&mut stream, 8), 80);
    drop((stream, tunnel));
    assert_whole(&laptop.gate.stop());
}

/// A hop over IPv6; inside it is IPv4 as ever.
#[test]
fn an_engineer_comes_by_ipv6() {
    let (server, _) = need!("an_engineer_comes_by_ipv6");
    let rules = RULES.replace(GATE, "[fd00::1]:4433");
    let office = Office::new(&rules);
    let plant = &office.plant;
    for (at, address) in
        [(&plant.user, "fd00::5/64 dev eth0"), (&plant.gate, "fd00::1/64 dev office")]
    {
        at.setting("ipv6/conf/all/disable_ipv6", "0").unwrap();
        at.ip(&format!("-6 address add {address} nodad")).unwrap();
    }
    let laptop = Laptop::at(office);
    let _device = device(&laptop.office.plant, &server);
    let code = code(&laptop.secret, 0);
    let mut command = laptop.command_by(&[], "[fd00::1]:4433", &code);
    let tunnel = Gate::spawn(command.arg(laptop.known_gates()).args(["--pin", &laptop.pin]));
    assert!(tunnel.says("running: packets to 100.64.0.0/16"));
    assert_eq!(register(&mut laptop.reached(), 7), 70);
    drop(tunnel);
    assert_whole(&laptop.gate.stop());
}

#[test]
fn who_cannot_prove_it_gets_no_tunnel() {
    let (_, _) = need!("who_cannot_prove_it_gets_no_tunnel");
    let laptop = Laptop::new();
    let wrong = laptop.connect("000000");
    assert!(wrong.says("not logged in") || wrong.exit_code() == Some(1));
    not_at_the_end_of_a_step();
    let good = code(&laptop.secret, 0);
    let tunnel = laptop.connect(&good);
    assert!(tunnel.says("running"));
    tunnel.signal(Signal::TERM);
    assert_eq!(tunnel.exit_code(), Some(0));
    assert_eq!(laptop.connect(&good).exit_code(), Some(1), "a code is good once");
    drop(laptop.gate.stop());
    let refused = laptop.office.audited("login-refused");
    let reasons: Vec<_> = refused.iter().map(|record| &record["reason"]).collect();
    assert_eq!(reasons, ["wrong-code", "reused-code"]);
    assert!(refused.iter().all(|record| record["client"] == "192.168.20.5"), "{refused:?}");
    let text = std::fs::read_to_string(laptop.office.plant.file("audit.jsonl")).unwrap();
    for secret in [PASSWORD, &laptop.secret, &good] {
        assert!(!says(&text, secret), "no secret is in the audit");
    }
}

#[test]
fn another_gate_in_its_place_is_refused_before_anything_is_said() {
    let (_, _) = need!("another_gate_in_its_place_is_refused_before_anything_is_said");
    let laptop = Laptop::new();
    let unknown = Gate::spawn(&mut laptop.command("000001"));
    assert!(unknown.says(&laptop.pin), "its fingerprint is shown");
    assert_eq!(unknown.exit_code(), Some(2), "and nobody is there to compare it");
    let tunnel = laptop.log_in(0);
    tunnel.signal(Signal::INT);
    assert_eq!(tunnel.exit_code(), Some(0));
    let known = std::fs::read_to_string(laptop.known_gates()).unwrap();
    assert_eq!(known, format!("{GATE} {}\n", laptop.pin));
    std::fs::write(laptop.known_gates(), known.replace(&laptop.pin, &"AB".repeat(32))).unwrap();
    let other = Gate::spawn(&mut laptop.command("000002"));
    assert!(other.says("NOT the gate that is known"));
    assert_eq!(other.exit_code(), Some(1));
    drop(laptop.gate.stop());
    assert!(laptop.office.audited("login-refused").is_empty(), "nothing was said to it");
}

#[test]
fn another_inner_address_is_dropped_and_audited() {
    let (server, _) = need!("another_inner_address_is_dropped_and_audited");
    let laptop = Laptop::new();
    let _device = device(&laptop.office.plant, &server);
    let tunnel = laptop.log_in(0);
    // Another login's address, and the machine's.
    laptop.office.plant.user.ip("address add 100.64.255.2/32 dev wicket0").unwrap();
    let spoofed = laptop.office.plant.connect_from("100.64.255.2");
    assert!(spoofed.is_err());
    assert_eq!(register(&mut laptop.reached(), 7), 70, "its own goes on");
    within(|| (!laptop.office.audited("tunnel-spoofed").is_empty()).then_some(()));
    drop(tunnel);
    drop(laptop.gate.stop());
    let told = &laptop.office.audited("tunnel-spoofed")[0];
    assert_eq!((&told["user"], &told["client"]), (&json!("alice"), &json!("100.64.255.2")));
    assert_eq!((&told["result"], &told["reason"]), (&json!("denied"), &json!("spoofed-source")));
}

/// Everything that passes on the user's cable while it lives (tcpdump).
struct Capture {
    child: std::process::Child,
    file: PathBuf,
}

impl Capture {
    fn start(laptop: &Laptop) -> Result<Capture, String> {
        let file = laptop.office.plant.file("hop.pcap");
        let mut command = laptop.office.plant.user.command("tcpdump");
        command.args(["-i", "eth0", "-U", "-Z", "root", "-w"]).arg(&file);
        let child = command.stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("tcpdump: {error}"))?;
        let said = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut lines = std::io::BufRead::lines(said).map_while(Result::ok);
        let listens = lines.any(|line| line.contains("listening on"));
        std::thread::spawn(move || lines.for_each(drop));
        listens.then_some(Capture { child, file }).ok_or_else(|| "tcpdump ends".to_owned())
    }

    /// The capture, once it holds so many datagrams from or to the gate's port.
    fn stop(mut self, datagrams: usize) -> Vec<u8> {
        let port = 4433_u16.to_be_bytes();
        let bytes = within(|| {
            let bytes = std::fs::read(&self.file).ok()?;
            (bytes.windows(2).filter(|two| *two == port).count() >= datagrams).then_some(bytes)
        });
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        bytes
    }
}

#[test]
fn who_listens_on_the_hop_learns_nothing_of_what_is_inside() {
    let (server, _) = need!("who_listens_on_the_hop_learns_nothing_of_what_is_inside");
    let laptop = Laptop::new();
    let _device = device(&laptop.office.plant, &server);
    let capture = match Capture::start(&laptop) {
        Ok(capture) => capture,
        Err(why) => return wicketgate_lab::skip("who_listens_on_the_hop_…", &why),
    };
    let code = code(&laptop.secret, 0);
    let tunnel = laptop.connect(&code);
    assert!(tunnel.says("running: packets"));
    let mut stream = laptop.reached();
    for number in 0..20 {
        assert_eq!(register(&mut stream, number), 10 * u16::from(number));
    }
    assert_eq!(ask(&mut stream, &[6, 0, 200, 0, 7]).unwrap()[0], 0x86);
    assert!(tunnel.says("refused by rule"));
    let capture = capture.stop(40);
    let contains = |what: &[u8]| capture.windows(what.len()).any(|bytes| bytes == what);
    assert!(contains(&[192, 168, 20, 1]), "the hop itself is seen");
    let inner: [&[u8]; 8] = [
        &[100, 64, 10, 20],
        &[100, 64, 255, 1],
        &[0x12, 0x34, 0, 0, 0, 6, 1, 3],
        b"alice",
        PASSWORD.as_bytes(),
        code.as_bytes(),
        b"press-3",
        b"maintenance",
    ];
    for what in inner {
        assert!(!contains(what), "{what:?} is seen on the hop");
    }
    assert_whole(&laptop.gate.stop());
}

/// An authority for users, and certificates by it, as files in PEM.
struct Authority {
    folder: tempfile::TempDir,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("clients.pem"), made.pem()).unwrap();
        Authority { folder, issuer: rcgen::Issuer::new(params, key) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate and its key: `NAME.pem`, `NAME.key`.
    fn make(&self, name: &str) -> [PathBuf; 2] {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let made = params.signed_by(&key, &self.issuer).unwrap();
        let files = [self.file(&format!("{name}.pem")), self.file(&format!("{name}.key"))];
        std::fs::write(&files[0], made.pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        std::fs::set_permissions(&files[1], PermissionsExt::from_mode(0o600)).unwrap();
        files
    }
}

#[test]
fn a_certificate_is_a_factor_and_only_its_owners() {
    let (server, _) = need!("a_certificate_is_a_factor_and_only_its_owners");
    let authority = Authority::new();
    let rules = RULES.replace("\"totp\"", "\"certificate\"");
    let clients = authority.file("clients.pem");
    let laptop = Laptop::with(&format!("{rules}clients = {clients:?}\n"));
    let _device = device(&laptop.office.plant, &server);
    let [mine, others] = ["mine", "others"].map(|name| authority.make(name));
    let enrol = &mut laptop.office.user(&["certificate", "alice"]);
    assert!(enrol.arg(&mine[0]).status().unwrap().success());
    let connect = |[certificate, key]: &[PathBuf; 2], code: &str| {
        let command = &mut laptop.command(code);
        command.args(["--pin", &laptop.pin, "--certificate"]).arg(certificate);
        Gate::spawn(command.arg("--key").arg(key))
    };
    let other = connect(&others, "");
    assert_eq!(other.exit_code(), Some(1), "it is nobody's");
    // Without one the login is good, and has no right here.
    let without = laptop.log_in(0);
    assert!(laptop.reach().is_err());
    drop(without);
    let tunnel = connect(&mine, "");
    assert!(tunnel.says("running: packets"));
    assert_eq!(register(&mut laptop.reached(), 7), 70);
    drop(tunnel);
    assert_whole(&laptop.gate.stop());
    let refused = laptop.office.audited("login-refused");
    assert_eq!(refused[0]["reason"], "wrong-certificate");
    let proven: Vec<_> =
        laptop.office.audited("login").iter().map(|record| record["what"].clone()).collect();
    assert_eq!(proven, ["password totp", "password certificate"]);
}

#[test]
fn a_bad_network_costs_nothing_but_time() {
    let (server, _) = need!("a_bad_network_costs_nothing_but_time");
    const COMMANDS: usize = 400;
    let laptop = Laptop::new();
    let _device = device(&laptop.office.plant, &server);
    laptop.office.plant.user.ip("link set lo up").unwrap();
    let relay = Relay::start(&laptop.office.plant.user, "127.0.0.1:4434", GATE);
    let code = code(&laptop.secret, 0);
    let command = &mut laptop.command_by(&[], "127.0.0.1:4434", &code);
    command.arg(laptop.known_gates());
    let tunnel = Gate::spawn(command.args(["--pin", &laptop.pin]));
    assert!(tunnel.says("running: packets"));
    // The first packet may be lost, too.
    let mut stream = laptop.reach_within(Duration::from_secs(30)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    for number in 0..COMMANDS {
        let register_number = (number % 200) as u8;
        assert_eq!(register(&mut stream, register_number), 10 * u16::from(register_number));
    }
    drop(stream);
    let done = [&relay.done.lost, &relay.done.doubled, &relay.done.held]
        .map(|counter| counter.load(std::sync::atomic::Ordering::Relaxed));
    eprintln!("datagrams lost, doubled, held back: {done:?}");
    assert!(done.iter().all(|count| *count > 0), "{done:?}");
    drop(tunnel);
    assert_eq!(broken(&laptop.office.plant.line), 0);
    assert_whole(&laptop.gate.stop());
    let audit = laptop.office.plant.audit("audit.jsonl");
    assert_eq!(commands(&audit, "success").len(), COMMANDS, "each once, however often it came");
}

#[test]
fn a_tunnel_thread_that_is_flooded_stops_no_machine() {
    let (server, _) = need!("a_tunnel_thread_that_is_flooded_stops_no_machine");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let flood = || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for number in 0..20_000_u32 {
            // Long headers of QUIC, of no version and of its own.
            let mut bytes = vec![0xc3_u8, 0, 0, 0, number as u8 & 1, 8];
            bytes.resize(1200, number as u8);
            let _ = socket.send_to(&bytes, GATE);
        }
    };
    office.plant.user.enter(flood).unwrap();
    hmi.stop();
    assert_whole(&gate.stop());
}
