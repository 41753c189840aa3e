//! What systemd is told: sd_notify(3), one datagram a message.
//!
//! Without a service manager (no `NOTIFY_SOCKET`) nothing is told to nobody.

use std::env;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::exit::complain;

/// How often the gate shows that it lives: once a second, so a watchdog needs more than that.
const SHORTEST_WATCHDOG: Duration = Duration::from_secs(2);

/// The way to the service manager.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    socket: Option<UnixDatagram>,
}

impl Notifier {
    /// Connects to whoever started the gate as a service. Where that fails the gate runs without, and
    /// says so: the service manager will find it late.
    pub(super) fn connect() -> Notifier {
        check_watchdog();
        // Where the clock is, the library asks the kernel once; in the sandbox it may not ask any more.
        let _ = clock_gettime(ClockId::Monotonic);
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Notifier::default() };
        match connect(&name) {
            Ok(socket) => Notifier { socket: Some(socket) },
            Err(error) => {
                let name = name.display();
                complain(format_args!("NOTIFY_SOCKET {name}: {error}; systemd is told nothing"));
                Notifier::default()
            }
        }
    }

    /// Frames are forwarded.
    pub(super) fn ready(&self) {
        self.tell(format_args!("READY=1"));
    }

    /// The config is being read again; [`ready`](Notifier::ready) ends that.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.tell(format_args!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The gate ends.
    pub(super) fn stopping(&self) {
        self.tell(format_args!("STOPPING=1"));
    }

    /// The gate lives, and every worker turns.
    pub(super) fn alive(&self) {
        self.tell(format_args!("WATCHDOG=1"));
    }

    /// One line for people, which `systemctl status` shows.
    pub(super) fn status(&self, what: impl Display) {
        self.tell(format_args!("STATUS={}", what.to_string().replace('\n', " ")));
    }

    fn tell(&self, message: impl Display) {
        if let Some(socket) = &self.socket {
            // Whoever does not listen finds out by the watchdog.
            let _ = socket.send(message.to_string().as_bytes());
        }
    }
}

/// A path, or after `@` a name in the abstract namespace (unix(7)).
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    // A manager that hangs must not hold up the gate.
    socket.set_nonblocking(true)?;
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => socket.connect(name)?,
    }
    Ok(socket)
}

fn check_watchdog() {
    let wanted = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
    if wanted.map(Duration::from_micros).is_some_and(|wanted| wanted < SHORTEST_WATCHDOG) {
        complain(format_args!("WatchdogSec is too short: at least {SHORTEST_WATCHDOG:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(listener: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = listener.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn messages_are_those_of_sd_notify() {
        let (end, listener) = UnixDatagram::pair().unwrap();
        let notifier = Notifier { socket: Some(end) };
        notifier.ready();
        notifier.alive();
        notifier.status("running,\nepoch 7");
        notifier.stopping();
        let expected = ["READY=1", "WATCHDOG=1", "STATUS=running, epoch 7", "STOPPING=1"];
        assert_eq!(expected.map(|_| heard(&listener)), expected);
    }

    #[test]
    fn a_reload_says_when() {
        let (end, listener) = UnixDatagram::pair().unwrap();
        Notifier { socket: Some(end) }.reloading();
        let message = heard(&listener);
        let micros = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(micros.parse::<u64>().unwrap() > 0, "{message}");
    }

    #[test]
    fn sockets_have_a_path_or_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        connect(path.as_os_str()).unwrap().send(b"1").unwrap();
        assert_eq!(heard(&by_path), "1");
        let name = format!("wicketgate-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let abstract_name = UnixDatagram::bind_addr(&address).unwrap();
        connect(format!("@{name}").as_ref()).unwrap().send(b"2").unwrap();
        assert_eq!(heard(&abstract_name), "2");
        assert!(connect("/nonexistent/notify".as_ref()).is_err());
    }

    #[test]
    fn a_manager_that_hangs_holds_nothing_up() {
        let (end, _listener) = UnixDatagram::pair().unwrap();
        end.set_nonblocking(true).unwrap();
        let notifier = Notifier { socket: Some(end) };
        (0..10_000).for_each(|_| notifier.alive());
    }
}
