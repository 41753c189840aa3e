//! Namespaces and the cables between them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace of its own.
#[derive(Debug)]
pub struct Namespace {
    /// `cat`, inside; ends when our end of its pipe closes.
    holder: Child,
}

/// One end of a cable.
#[derive(Clone, Copy, Debug)]
pub struct Veth<'a> {
    /// Where it is.
    pub at: &'a Namespace,
    /// Its name.
    pub name: &'a str,
    /// Its MAC address.
    pub mac: &'a str,
    /// Its address with prefix length; empty for none.
    pub address: &'a str,
}

impl Namespace {
    /// A namespace with a loopback, without forwarding and without IPv6.
    ///
    /// # Errors
    /// The machine allows none.
    pub fn new() -> io::Result<Namespace> {
        let mut holder = Command::new("unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        // The echo says that `cat` runs, so the namespace is there.
        let echo = holder.stdin.as_mut().zip(holder.stdout.as_mut());
        let (input, output) = echo.ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(b"?")?;
        output.read_exact(&mut [0])?;
        let namespace = Namespace { holder };
        namespace.setting("ipv4/ip_forward", "0")?;
        namespace.setting("ipv6/conf/all/disable_ipv6", "1").or_else(absent)?;
        namespace.setting("ipv6/conf/default/disable_ipv6", "1").or_else(absent)?;
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Runs `what` on a thread inside.
    ///
    /// # Errors
    /// The namespace cannot be entered.
    pub fn enter<T: Send>(&self, what: impl FnOnce() -> T + Send) -> io::Result<T> {
        let inside = move || {
            let namespace = File::open(self.path())?;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(what())
        };
        let outcome = std::thread::scope(|scope| scope.spawn(inside).join());
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// A command that runs inside.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path())).arg("--").arg(program);
        command
    }

    /// Runs `ip` inside; arguments are separated by spaces.
    ///
    /// # Errors
    /// It failed: what it says.
    pub fn ip(&self, arguments: &str) -> io::Result<String> {
        self.say("ip", arguments)
    }

    /// Runs a program inside; arguments are separated by spaces.
    ///
    /// # Errors
    /// It failed: what it says.
    pub fn say(&self, program: &str, arguments: &str) -> io::Result<String> {
        let output = self.command(program).args(arguments.split_whitespace()).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("{program} {arguments}: {}", said.trim())))
    }

    /// Writes to a file below `/proc/sys/net`.
    ///
    /// # Errors
    /// There is no such setting.
    pub fn setting(&self, name: &str, value: &str) -> io::Result<()> {
        self.enter(|| std::fs::write(format!("/proc/sys/net/{name}"), value))?
    }

    fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// Lays a cable with `queues` queues at each end.
///
/// # Errors
/// What `ip` says.
pub fn connect(a: Veth<'_>, b: Veth<'_>, queues: u32) -> io::Result<()> {
    let (name, peer, holder) = (a.name, b.name, b.at.holder.id());
    let count = format!("numrxqueues {queues} numtxqueues {queues}");
    a.at.ip(&format!(
        "link add name {name} {count} type veth peer name {peer} {count} netns {holder}"
    ))?;
    for end in [a, b] {
        end.at.ip(&format!("link set dev {} address {} up", end.name, end.mac))?;
        if !end.address.is_empty() {
            end.at.ip(&format!("address add {} dev {}", end.address, end.name))?;
        }
        whole(end)?;
    }
    [a, b].into_iter().try_for_each(await_up)
}

/// Waits until the kernel has noticed that both ends are up: what is sent before that is lost, and a lost
/// ARP request is a second lost.
fn await_up(end: Veth<'_>) -> io::Result<()> {
    for _ in 0..200 {
        if end.at.ip(&format!("-oneline link show dev {}", end.name))?.contains("state UP") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::other(format!("{} does not come up", end.name)))
}

/// Has an end of a cable send whole checksums and whole segments, as a network card gets them: AF_XDP
/// sees neither the mark of an unfinished checksum nor that of a segment still to be cut.
///
/// # Errors
/// What `ethtool` says.
pub fn whole(end: Veth<'_>) -> io::Result<()> {
    let off = "tx off rx off tso off gso off gro off rxvlan off txvlan off";
    end.at.say("ethtool", &format!("-K {} {off}", end.name)).map(|_| ())
}

/// A setting that this kernel does not have needs no setting.
fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cable_carries() {
        crate::need_laboratory!("a_cable_carries");
        let (left, right) = (Namespace::new().unwrap(), Namespace::new().unwrap());
        let a = Veth { at: &left, name: "a", mac: "02:00:00:00:00:01", address: "10.9.0.1/24" };
        let b = Veth { at: &right, name: "b", mac: "02:00:00:00:00:02", address: "10.9.0.2/24" };
        connect(a, b, 1).unwrap();
        let server = right.enter(|| std::net::TcpListener::bind("10.9.0.2:7").unwrap()).unwrap();
        left.enter(|| std::net::TcpStream::connect("10.9.0.2:7").unwrap()).unwrap();
        server.accept().unwrap();
    }

    #[test]
    fn a_namespace_ends_with_its_holder() {
        crate::need_laboratory!("a_namespace_ends_with_its_holder");
        let namespace = Namespace::new().unwrap();
        let path = namespace.path();
        assert!(std::path::Path::new(&path).exists());
        drop(namespace);
        assert!(!std::path::Path::new(&path).exists());
    }
}
