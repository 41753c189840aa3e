//! The gate as a service: what it tells systemd, and what ends it when a worker stands still.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use rustix::process::Signal;
use wicketgate_lab::skip;

use super::*;
use crate::hardening::{debug, debugger};

/// The debugger, or a return from the test.
macro_rules! need_debugger {
    ($test:expr) => {
        match debugger() {
            Ok(debugger) => debugger,
            Err(why) => return skip($test, &why),
        }
    };
}

/// Longer than anything may take that the gate should say.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whom the gate tells.
struct Manager(UnixDatagram);

impl Manager {
    fn new(plant: &Plant) -> Manager {
        let socket = UnixDatagram::bind(plant.file("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager(socket)
    }

    fn start(&self, plant: &Plant) -> Gate {
        let audit = plant.file("audit.jsonl");
        let mut command = plant.command(&[], &["--audit", audit.to_str().unwrap()]);
        Gate::spawn(command.env("NOTIFY_SOCKET", plant.file("notify")))
    }

    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        // A receive with a time limit is not taken up again after a signal, as other calls are.
        let length = loop {
            match self.0.recv(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.unwrap(),
            }
        };
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// The next message that is not a sign of life.
    fn hear(&self) -> String {
        std::iter::from_fn(|| Some(self.next())).find(|message| message != "WATCHDOG=1").unwrap()
    }
}

#[test]
fn systemd_is_told_how_the_gate_is() {
    let _ = need!("systemd_is_told_how_the_gate_is");
    let plant = Plant::new(1);
    let manager = Manager::new(&plant);
    let gate = manager.start(&plant);
    assert_eq!(manager.next(), "READY=1", "not before it forwards");
    assert_eq!([manager.next(), manager.next()], ["WATCHDOG=1", "WATCHDOG=1"]);

    gate.signal(Signal::HUP);
    assert!(manager.hear().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(manager.hear(), "STATUS=config read again, epoch 2");
    assert_eq!(manager.hear(), "READY=1");

    plant.write_policy("[[conduit]]\nname = 1\n");
    gate.signal(Signal::HUP);
    assert!(manager.hear().starts_with("RELOADING=1"));
    assert!(manager.hear().starts_with("STATUS=config not taken, epoch 2 stays"));
    assert_eq!(manager.hear(), "READY=1");

    drop(gate.stop());
    assert_eq!(manager.hear(), "STOPPING=1");
}

#[test]
fn a_worker_that_stands_still_ends_the_gate() {
    let (server, _) = need!("a_worker_that_stands_still_ends_the_gate");
    let debugger = need_debugger!("a_worker_that_stands_still_ends_the_gate");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let manager = Manager::new(&plant);
    let gate = manager.start(&plant);
    assert!(gate.says("running"));
    register(&mut plant.connect().unwrap(), 1);

    let worker = gate.thread("worker").to_string();
    let _debugger = debug(&debugger, &["stop", &worker]);
    let still = Machine::start();
    assert!(gate.says("ALARM: worker 0 stands still"));
    eprintln!("noticed after {:?}", Duration::from_nanos(still.nanos()));
    assert_eq!(gate.exit_code(), Some(1), "systemd restarts it");
    let last = std::iter::from_fn(|| Some(manager.next())).find(|said| said.contains("ALARM"));
    assert!(last.is_some());
    manager.0.set_nonblocking(true).unwrap();
    assert!(manager.0.recv(&mut [0; 64]).is_err(), "no sign of life after that");
    assert!(plant.connect().is_err(), "it fails closed");
    let text = std::fs::read_to_string(plant.file("audit.jsonl")).unwrap();
    assert!(text.contains("read-holding-registers"), "what was done is on record");
    assert!(text.contains("\"worker\":0,\"reason\":\"worker-stalled\""), "and why it ended");
}

#[test]
fn a_worker_that_stands_still_does_not_keep_the_gate_from_stopping() {
    const TEST: &str = "a_worker_that_stands_still_does_not_keep_the_gate_from_stopping";
    let _ = need!(TEST);
    let debugger = need_debugger!(TEST);
    let plant = Plant::new(1);
    let gate = plant.start("audit.jsonl");
    let worker = gate.thread("worker").to_string();
    let _debugger = debug(&debugger, &["stop", &worker]);
    gate.signal(Signal::TERM);
    assert!(gate.says("; the gate stops at once"), "it does not stop, or has stood still");
    assert_eq!(gate.exit_code(), Some(1));
}

/// There is no half of a gate: what one thread breaks ends all, and a new one begins with nothing of it.
#[test]
fn a_thread_that_crashes_ends_the_gate_and_nothing_passes() {
    const TEST: &str = "a_thread_that_crashes_ends_the_gate_and_nothing_passes";
    let (server, _) = need!(TEST);
    let debugger = need_debugger!(TEST);
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    // Control, then a worker.
    for (number, audit) in ["first.jsonl", "second.jsonl"].into_iter().enumerate() {
        let gate = plant.start(audit);
        register(&mut plant.connect().unwrap(), 1);
        let thread = [gate.id(), gate.thread("worker")][number].to_string();
        let _debugger = debug(&debugger, &["crash", &thread]);
        let status = gate.status();
        assert_eq!(status.signal(), Some(Signal::SEGV.as_raw()), "{status}");
        assert!(plant.connect().is_err(), "it fails closed");
    }
    let gate = plant.start("third.jsonl");
    register(&mut plant.connect().unwrap(), 2);
    assert_whole(&gate.stop());
}
