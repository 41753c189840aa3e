//! What a running gate has given up (docs/HARDENING.md).

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use wicketgate_lab::skip;

use super::*;
use crate::modbus::compile_with;
use crate::plant::Process;

/// Numbers of linux/capability.h.
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
const IPC_LOCK: u64 = 1 << 14;
const BPF: u64 = 1 << 39;

/// `nobody` of every Debian.
const NOBODY: u32 = 65534;

/// A field of proc_pid_status(5).
fn status(gate: &Gate, thread: u32, field: &str) -> String {
    let path = format!("/proc/{}/task/{thread}/status", gate.id());
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(":"));
    line.unwrap().trim().to_owned()
}

fn capabilities(gate: &Gate, thread: u32, field: &str) -> u64 {
    u64::from_str_radix(&status(gate, thread, field), 16).unwrap()
}

/// Every thread has these capabilities, and no way to more.
fn assert_locked_down(gate: &Gate, held: u64) {
    let threads = gate.threads();
    assert!(threads.len() > 1, "control and a worker");
    for thread in threads {
        for (field, expected) in [("CapEff", held), ("CapPrm", held), ("CapInh", 0), ("CapAmb", 0)]
        {
            assert_eq!(capabilities(gate, thread, field), expected, "{field}");
        }
        assert_eq!(status(gate, thread, "NoNewPrivs"), "1");
    }
}

/// Whether the kernel filters this gate's system calls: 2 is a filter.
fn is_filtered(gate: &Gate) -> bool {
    gate.threads().iter().all(|thread| status(gate, *thread, "Seccomp") == "2")
}

/// Compiles `thread.c`, which does to a thread what only a debugger can.
pub(crate) fn debugger() -> Result<PathBuf, String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("thread.c knows the registers of x86-64 only".to_owned());
    }
    compile_with("control/gate/tests/live/thread.c", &["-Wall", "-Werror"])
}

/// Does it to a thread, for as long as the result lives.
pub(crate) fn debug(program: &std::path::Path, what: &[&str]) -> Process {
    Process::start(Command::new(program).args(what))
}

/// Reads, is refused nothing that a running gate needs, and stops well.
fn assert_works(plant: &Plant, gate: Gate) {
    register(&mut plant.connect().unwrap(), 1);
    gate.signal(Signal::HUP);
    assert!(gate.says("config read again"));
    register(&mut plant.connect().unwrap(), 2);
    assert_whole(&gate.stop());
    assert_eq!(commands(&plant.audit("audit.jsonl"), "success").len(), 2);
}

#[test]
fn a_running_gate_has_two_capabilities_and_no_way_to_more() {
    let (server, _) = need!("a_running_gate_has_two_capabilities_and_no_way_to_more");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    assert_locked_down(&gate, NET_ADMIN | BPF);
    for thread in gate.threads() {
        assert_eq!(capabilities(&gate, thread, "CapBnd"), NET_ADMIN | BPF);
    }
    assert!(is_filtered(&gate));
    assert_works(&plant, gate);
}

#[test]
fn it_goes_on_as_another_user() {
    let (server, _) = need!("it_goes_on_as_another_user");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let audit = plant.file("audit.jsonl");
    let arguments = ["--audit", audit.to_str().unwrap(), "--user", "nobody"];
    fs::set_permissions(plant.file(""), fs::Permissions::from_mode(0o700)).unwrap();
    let gate = plant.try_start_with(&arguments);
    assert!(gate.says("could not read the config again"), "the folder is root's alone");
    assert_eq!(gate.exit_code(), Some(2));
    fs::remove_file(&audit).unwrap();

    fs::set_permissions(plant.file(""), fs::Permissions::from_mode(0o755)).unwrap();
    let gate = plant.try_start_with(&arguments);
    assert!(gate.says("running"));
    for thread in gate.threads() {
        assert_eq!(status(&gate, thread, "Uid"), [(); 4].map(|()| NOBODY.to_string()).join("\t"));
        assert_eq!(status(&gate, thread, "Groups"), "");
    }
    assert_locked_down(&gate, NET_ADMIN | BPF);
    assert_works(&plant, gate);
}

/// As systemd starts it: another user, capabilities handed on. The right to lock memory stands for the
/// limit that the service has and a test may not raise.
#[test]
fn it_needs_no_root() {
    let (server, _) = need!("it_needs_no_root");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    chown(plant.file(""), Some(NOBODY), None).unwrap();
    let some = "+net_admin,+net_raw,+bpf,+ipc_lock";
    let bounding = format!("-all,{some}");
    let user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];
    let handed = ["--inh-caps", some, "--ambient-caps", some, "--bounding-set", &bounding];
    let before = [&user[..], &handed].concat();
    let audit = plant.file("audit.jsonl");
    let gate = Gate::spawn(
        plant.command(&before, &["--audit", audit.to_str().unwrap()]).env("RUST_BACKTRACE", "0"),
    );
    assert!(gate.says("running"));
    assert_locked_down(&gate, NET_ADMIN | BPF);
    let bounding = capabilities(&gate, gate.id(), "CapBnd");
    assert_eq!(bounding, NET_ADMIN | NET_RAW | BPF | IPC_LOCK, "cut by whoever started it");
    assert_works(&plant, gate);
}

#[test]
fn a_forbidden_system_call_ends_the_gate_and_nothing_passes() {
    let (server, _) = need!("a_forbidden_system_call_ends_the_gate_and_nothing_passes");
    let debugger = match debugger() {
        Ok(debugger) => debugger,
        Err(why) => {
            return skip("a_forbidden_system_call_ends_the_gate_and_nothing_passes", &why);
        }
    };
    const EXECVE: &str = "59";
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    for (number, name) in ["first.jsonl", "second.jsonl"].into_iter().enumerate() {
        let gate = plant.start(name);
        if !is_filtered(&gate) {
            return skip("a_forbidden_system_call_ends_the_gate_and_nothing_passes", "no seccomp");
        }
        register(&mut plant.connect().unwrap(), 1);
        // Control, then a worker.
        let thread = [gate.id(), gate.thread("worker")][number].to_string();
        let _debugger = debug(&debugger, &["call", &thread, EXECVE]);
        let status = gate.status();
        assert_eq!(status.signal(), Some(Signal::SYS.as_raw()), "{status}");
        assert!(plant.connect().is_err(), "it fails closed");
    }
}

#[test]
fn without_a_sandbox_that_is_said() {
    let (server, _) = need!("without_a_sandbox_that_is_said");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let audit = plant.file("audit.jsonl");
    let gate = plant.try_start_with(&["--audit", audit.to_str().unwrap(), "--no-sandbox"]);
    assert!(gate.says("NO SANDBOX"));
    assert!(gate.says("running"));
    assert!(!is_filtered(&gate));
    assert_locked_down(&gate, NET_ADMIN | BPF);
    assert_works(&plant, gate);
}
