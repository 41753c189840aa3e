//! user - gate - line, a policy, and a gate to run.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketType, bind, socket};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use wicketgate_lab::{Namespace, Veth, connect};

/// The asset's door towards users.
pub(crate) const DOOR: &str = "100.64.10.20:502";

/// How long anything that should happen may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) const POLICY: &str = r#"
[[port]]
name = "office"
side = "overlay"
interface = "office"
address = "192.168.20.1/24"

[[port]]
name = "press-line"
side = "underlay"
interface = "line"
address = "192.168.10.2/24"

[[asset]]
name = "press-3"
zone = "press-line"
port = "press-line"
overlay = "100.64.10.20"
underlay = "192.168.10.20"
protocols = ["modbus"]
cycle = "10ms"
"#;

/// Reads everything, writes registers 0 to 99.
pub(crate) const CONDUIT: &str = r#"
[[conduit]]
name = "the HMI runs press-3"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "modbus"
allow = ["read", { class = "write", function = 6, address = "0-99" }]
"#;

pub(crate) struct Plant {
    pub(crate) user: Namespace,
    pub(crate) gate: Namespace,
    pub(crate) line: Namespace,
    /// What is between them, and runs there.
    _between: Vec<(Namespace, Option<Process>)>,
    /// Ports and assets.
    topology: String,
    folder: tempfile::TempDir,
}

/// A cable's end without an address.
pub(crate) const fn bare<'a>(at: &'a Namespace, name: &'a str, mac: &'a str) -> Veth<'a> {
    Veth { at, name, mac, address: "" }
}

pub(crate) const USER: (&str, &str) = ("02:00:00:00:20:05", "192.168.20.5/24");
pub(crate) const OFFICE: (&str, &str) = ("02:00:00:00:20:01", "192.168.20.1/24");
pub(crate) const LINE: (&str, &str) = ("02:00:00:00:10:02", "192.168.10.2/24");
pub(crate) const DEVICE: (&str, &str) = ("02:00:00:00:10:20", "192.168.10.20/24");

/// A cable's end with MAC and IP address.
pub(crate) const fn end<'a>(
    at: &'a Namespace,
    name: &'a str,
    (mac, address): (&'a str, &'a str),
) -> Veth<'a> {
    Veth { at, name, mac, address }
}

impl Plant {
    pub(crate) fn new(queues: u32) -> Plant {
        let [user, gate, line] = [(); 3].map(|()| Namespace::new().unwrap());
        connect(end(&user, "eth0", USER), end(&gate, "office", OFFICE), queues).unwrap();
        connect(end(&line, "eth0", DEVICE), end(&gate, "line", LINE), queues).unwrap();
        user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
        Plant::of([user, gate, line], Vec::new(), POLICY.to_owned())
    }

    /// A plant that is cabled already.
    pub(crate) fn of(
        [user, gate, line]: [Namespace; 3],
        between: Vec<(Namespace, Option<Process>)>,
        topology: String,
    ) -> Plant {
        let folder = tempfile::tempdir().unwrap();
        let plant = Plant { user, gate, line, _between: between, topology, folder };
        plant.write_policy(CONDUIT);
        plant
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The policy with these rights.
    pub(crate) fn write_policy(&self, rights: &str) {
        std::fs::write(self.file("policy.toml"), format!("{}{rights}", self.topology)).unwrap();
    }

    /// Starts a gate that writes its audit log to this file; comes back when it runs.
    pub(crate) fn start(&self, audit: &str) -> Gate {
        let gate = self.try_start(audit);
        assert!(gate.says("running"), "the gate does not start");
        gate
    }

    pub(crate) fn try_start(&self, audit: &str) -> Gate {
        let audit = self.file(audit);
        self.try_start_with(&["--audit", audit.to_str().unwrap()])
    }

    pub(crate) fn try_start_with(&self, arguments: &[&str]) -> Gate {
        Gate::spawn(&mut self.command(&[], arguments))
    }

    /// The gate's command line; `before` starts it in its place.
    pub(crate) fn command(&self, before: &[&str], arguments: &[&str]) -> Command {
        let words = [before, &[env!("CARGO_BIN_EXE_wicketgate"), "run", "--json", "--config"]];
        let mut words = words.concat().into_iter();
        let mut command = self.gate.command(words.next().unwrap());
        command.args(words).arg(self.file("policy.toml")).args(arguments);
        command
    }

    /// People may log in on this port.
    pub(crate) fn allow_logins(&mut self, port: &str) {
        let name = format!("name = \"{port}\"\n");
        self.topology = self.topology.replace(&name, &format!("{name}cleartext_logins = true\n"));
    }

    /// A connection from another address of the user's machine.
    pub(crate) fn connect_from(&self, source: &str) -> std::io::Result<TcpStream> {
        let source = SocketAddr::new(source.parse().unwrap(), 0);
        self.connect_by(source, Duration::from_millis(500))
    }

    /// The same by a port of the user's, within some time.
    pub(crate) fn connect_by(
        &self,
        source: SocketAddr,
        longest: Duration,
    ) -> std::io::Result<TcpStream> {
        let connect = || -> std::io::Result<TcpStream> {
            let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
            bind_at_last(&socket, source)?;
            let stream = TcpStream::from(socket);
            // For connect(2) too.
            set_socket_timeout(&stream, Timeout::Send, Some(longest))?;
            rustix::net::connect(&stream, &DOOR.parse::<SocketAddr>().unwrap())?;
            Ok(stream)
        };
        let stream = self.user.enter(connect).unwrap()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// A connection from the user to the asset by way of the gate.
    pub(crate) fn connect(&self) -> std::io::Result<TcpStream> {
        let address: SocketAddr = DOOR.parse().unwrap();
        let stream = self
            .user
            .enter(|| TcpStream::connect_timeout(&address, Duration::from_secs(5)))
            .unwrap()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The audit log's records.
    pub(crate) fn audit(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.file(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A gate that runs; it ends with this.
pub(crate) struct Gate {
    child: Child,
    said: Receiver<String>,
}

impl Gate {
    /// Starts a gate by this command.
    pub(crate) fn spawn(command: &mut Command) -> Gate {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (sender, said) = channel();
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                eprintln!("{line}");
                let _ = sender.send(line);
            }
        });
        Gate { child, said }
    }

    /// Whether it says this, before it ends or patience does.
    pub(crate) fn says(&self, what: &str) -> bool {
        std::iter::from_fn(|| self.said.recv_timeout(PATIENCE).ok()).any(|line| line.contains(what))
    }

    /// The first line that says this, before it ends or patience does.
    pub(crate) fn line(&self, what: &str) -> Option<String> {
        let mut lines = std::iter::from_fn(|| self.said.recv_timeout(PATIENCE).ok());
        lines.find(|line| line.contains(what))
    }

    /// Has it stop; what it said that nobody has heard yet, and its report.
    pub(crate) fn everything_said(mut self) -> String {
        self.signal(Signal::TERM);
        let mut said = std::io::read_to_string(self.child.stdout.take().unwrap()).unwrap();
        self.child.wait().unwrap();
        said.extend(self.said.iter());
        said
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its threads, control first.
    pub(crate) fn threads(&self) -> Vec<u32> {
        let folder = format!("/proc/{}/task", self.id());
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let entries = std::fs::read_dir(folder).unwrap().map(name);
        let mut threads: Vec<u32> =
            entries.map(|name| name.into_string().unwrap().parse().unwrap()).collect();
        threads.sort_by_key(|thread| (*thread != self.id(), *thread));
        threads
    }

    /// The thread of that name, once it has it.
    pub(crate) fn thread(&self, name: &str) -> u32 {
        let is_it = |thread: &u32| self.name_of(*thread) == name;
        let found = (0..1000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            self.threads().into_iter().find(is_it)
        });
        found.expect("it has such a thread")
    }

    fn name_of(&self, thread: u32) -> String {
        let path = format!("/proc/{}/task/{thread}/comm", self.id());
        std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
    }

    /// The cores that a thread may have, as the kernel lists them: `1`, `0,2-3`.
    pub(crate) fn cores_of(&self, thread: u32) -> String {
        let path = format!("/proc/{}/task/{thread}/status", self.id());
        let status = std::fs::read_to_string(path).unwrap();
        let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        cores.unwrap().trim().to_owned()
    }

    /// How it ended.
    pub(crate) fn status(mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Time that it has had a core for (proc_pid_stat(5), fields 14 and 15, 100 ticks a second).
    pub(crate) fn busy(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields = stat.rsplit(") ").next().unwrap().split(' ');
        let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(10 * ticks)
    }

    /// Has it stop; its report.
    pub(crate) fn stop(mut self) -> Value {
        self.signal(Signal::TERM);
        let report = self.child.stdout.take().unwrap();
        let report = serde_json::from_reader(report).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        report
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn exit_code(self) -> Option<i32> {
        self.status().code()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A third party's program that runs; it ends with this.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a command and waits for the first thing it prints.
    pub(crate) fn start(command: &mut Command) -> Process {
        Process::when(command, "READY")
    }

    /// Starts a command and waits until it prints a line with this in it.
    pub(crate) fn when(command: &mut Command, says: &str) -> Process {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(String::new()));
        let mut process = Process { child, said: Arc::clone(&said), reader: None };
        assert!(lines.any(|line| line.unwrap().contains(says)), "it ended without {says}");
        // Whatever else it prints, it must not wait for a reader, nor fail.
        process.reader = Some(std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut said = said.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        }));
        process
    }

    /// What it has printed since then.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Has it end; the last that it says.
    pub(crate) fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.reader.take().map(JoinHandle::join).transpose().unwrap();
        self.said().lines().last().unwrap_or_default().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes an address that a socket had which is closed. A test beside this one may be starting a program, which
/// holds every socket until it runs.
fn bind_at_last(socket: &OwnedFd, source: SocketAddr) -> std::io::Result<()> {
    let taken = |outcome: &rustix::io::Result<()>| *outcome == Err(rustix::io::Errno::ADDRINUSE);
    let mut outcome = bind(socket, &source);
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        if !taken(&outcome) {
            break;
        }
        std::thread::sleep(PAUSE);
        outcome = bind(socket, &source);
    }
    Ok(outcome?)
}
