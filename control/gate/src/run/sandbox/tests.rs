//! A fence cannot be taken down again, so each case runs in a process of its own: this very test program,
//! told by its environment what to do inside.

use std::env;
use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use clap::Parser;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use wicketgate_policy::syslog::{Format, Tls, Transport};

use super::*;
use crate::run::clock;
use crate::syslog::server::{Authority, Server};

const CASE: &str = "WICKETGATE_SANDBOX_CASE";
const FOLDER: &str = "WICKETGATE_SANDBOX_FOLDER";

/// A process that did it ends so; one that was stopped does not get there.
const DONE: i32 = 42;

/// Runs a case of [`inside`] in a process of its own.
fn run(case: &str, folder: &Path) -> Output {
    fs::write(folder.join("policy.toml"), "").unwrap();
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "run::sandbox::tests::inside", "--nocapture"])
        .env(CASE, case)
        .env(FOLDER, folder)
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

/// The case in a folder that nobody uses.
fn output(case: &str) -> Output {
    run(case, tempfile::tempdir().unwrap().path())
}

/// Not a test by itself: what the others run.
#[test]
fn inside() {
    let Ok(case) = env::var(CASE) else { return };
    let folder = PathBuf::from(env::var_os(FOLDER).unwrap());
    let outside = File::open("/etc/passwd");
    match case.as_str() {
        "no-landlock" => take_away(libc::SYS_landlock_create_ruleset),
        "no-seccomp" => take_away(libc::SYS_seccomp),
        _ => {}
    }
    let mut syslog = case.starts_with("syslog").then(|| syslog(&folder));
    enter_here(&folder, case.starts_with("unfenced"), syslog.as_ref());
    match case.as_str() {
        "reload" => reload(&folder),
        "work" => work(),
        "panic" => drop(std::thread::spawn(|| panic!("said to the end")).join()),
        "syslog" => send(syslog.as_mut().unwrap()),
        "syslog-elsewhere" => drop(TcpStream::connect("127.0.0.1:1").unwrap()),
        "other-files" | "unfenced-files" => drop(File::open("/etc/passwd").unwrap()),
        "open-file" => drop(io::read_to_string(outside.unwrap()).unwrap()),
        "write" => fs::write(folder.join("policy.toml"), "changed").unwrap(),
        "listen" => drop(TcpListener::bind("127.0.0.1:0").unwrap()),
        "program" | "unfenced-program" => drop(Command::new("/bin/true").status().unwrap()),
        "status" => println!("{}", fs::read_to_string("/proc/self/status").unwrap()),
        "abort" => std::process::abort(),
        "no-landlock" => drop(File::open("/etc/passwd").unwrap()),
        "no-seccomp" => drop(File::open("/etc/passwd").unwrap_err()),
        other => panic!("no case {other}"),
    }
    std::process::exit(DONE);
}

fn enter_here(folder: &Path, no_sandbox: bool, syslog: Option<&Syslog>) {
    let config = folder.join("policy.toml");
    let mut words = vec!["wicketgate", "run", "--config", config.to_str().unwrap()];
    words.extend(no_sandbox.then_some("--no-sandbox"));
    let cli::Command::Run(arguments) = cli::Cli::parse_from(words).command else { panic!() };
    give_up(&arguments, None, &[], &[Place::Folder(folder.join("audit"))], syslog).unwrap();
}

/// To the server whose port is in a file of the folder.
fn syslog(folder: &Path) -> Syslog {
    // As in a gate, which has looked at its clocks before: the first look asks the kernel where they are.
    let _ = clock::both();
    let port = fs::read_to_string(folder.join("port")).unwrap().parse().unwrap();
    let tls = Tls { name: "log.plant".to_owned(), ca: folder.join("plant.pem"), certificate: None };
    let settings = wicketgate_policy::Syslog {
        host: "127.0.0.1".to_owned(),
        port,
        transport: Transport::Tls(tls),
        facility: 13,
        format: Format::Json,
        alarm_after: Duration::ZERO,
    };
    Syslog::open(&settings, &Place::Folder(folder.join("audit")), Some(folder)).unwrap()
}

/// Until all of the log is sent.
fn send(syslog: &mut Syslog) {
    syslog.serve().unwrap();
    while syslog.stands(23).waiting > 0 {
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(syslog.fault(), None);
    }
}

/// Makes this kernel one that does not know a call.
fn take_away(call: libc::c_long) {
    let absent = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let here = env::consts::ARCH.try_into().unwrap();
    let calls = [(call, Vec::new())].into_iter().collect();
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, absent, here).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

/// As editors do it: a new file takes the old one's place.
fn reload(folder: &Path) {
    File::open(folder.join("policy.toml")).unwrap();
    let other = folder.join("other");
    assert_eq!(fs::read_to_string(other).unwrap(), "new");
}

/// What a gate does all day, as far as it needs no network card.
fn work() {
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let thread = std::thread::Builder::new().name(format!("worker {number}"));
            thread.spawn(|| vec![1_u8; 1 << 20].iter().map(|byte| u64::from(*byte)).sum::<u64>())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.unwrap().join().unwrap(), 1 << 20);
    }
    std::thread::sleep(std::time::Duration::from_millis(1));
}

/// Whether this kernel fences: where it does not, the gate says so and nothing is to be tested.
fn is_fenced(test: &str) -> bool {
    let said = String::from_utf8_lossy(&output("reload").stderr).into_owned();
    let fenced = !said.contains("NOT fenced");
    if !fenced {
        wicketgate_lab::skip(test, &said);
    }
    fenced
}

fn is_killed(case: &str) -> bool {
    output(case).status.signal() == Some(libc::SIGSYS)
}

#[test]
fn a_config_that_was_replaced_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("other"), "new").unwrap();
    let output = run("reload", folder.path());
    assert_eq!(output.status.code(), Some(DONE), "{output:?}");
}

#[test]
fn threads_and_memory_are_made_as_ever() {
    let output = output("work");
    assert_eq!(output.status.code(), Some(DONE), "{output:?}");
}

#[test]
fn a_panic_is_still_told() {
    let output = output("panic");
    assert_eq!(output.status.code(), Some(DONE), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("said to the end"), "{said}");
    assert!(said.contains("sandbox::tests::inside"), "with the names of functions: {said}");
}

#[test]
fn an_abort_is_no_forbidden_call() {
    assert_eq!(output("abort").status.signal(), Some(libc::SIGABRT));
}

/// A server, and a folder with a log for it.
fn plant_with_server() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "plant");
    let config = Some(authority.server("log.plant", None));
    let server = Server::listen("127.0.0.1:0", config, usize::MAX);
    fs::write(folder.path().join("port"), server.address.port().to_string()).unwrap();
    fs::create_dir(folder.path().join("audit")).unwrap();
    let log = include_str!("../../../../audit/tests/examples.jsonl");
    fs::write(folder.path().join("audit/00000001-2020-06-27.jsonl"), log).unwrap();
    (folder, server)
}

#[test]
fn records_are_sent_from_inside_and_to_no_other_port() {
    let (folder, server) = plant_with_server();
    let output = run("syslog", folder.path());
    assert_eq!(output.status.code(), Some(DONE), "{output:?}");
    while server.received().len() < 23 {
        std::thread::sleep(Duration::from_millis(1));
    }
    if is_fenced("records_are_sent_from_inside_and_to_no_other_port") {
        let said = run("syslog-elsewhere", folder.path()).stderr;
        assert!(String::from_utf8_lossy(&said).contains("Permission denied"));
    }
}

#[test]
fn other_files_are_refused_but_those_that_are_open() {
    if !is_fenced("other_files_are_refused_but_those_that_are_open") {
        return;
    }
    for case in ["other-files", "write", "status"] {
        let output = output(case);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Permission denied"), "{case}: {said}");
    }
    assert_eq!(output("open-file").status.code(), Some(DONE));
}

#[test]
fn other_system_calls_end_the_process() {
    if !is_fenced("other_system_calls_end_the_process") {
        return;
    }
    for case in ["program", "listen"] {
        assert!(is_killed(case), "{case}");
    }
}

#[test]
fn without_a_sandbox_nothing_is_fenced_and_that_is_said() {
    for case in ["unfenced-files", "unfenced-program"] {
        let output = output(case);
        assert_eq!(output.status.code(), Some(DONE), "{output:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("NO SANDBOX"));
    }
}

#[test]
fn a_kernel_without_a_fence_is_named_and_the_other_fence_stands() {
    if !is_fenced("a_kernel_without_a_fence_is_named_and_the_other_fence_stands") {
        return;
    }
    for (case, missing, up) in [
        ("no-landlock", "files are NOT fenced", "system calls are fenced"),
        ("no-seccomp", "system calls are NOT fenced", "files are fenced"),
    ] {
        let output = output(case);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(DONE), "{case}: {said}");
        assert!(said.contains(missing) && said.contains(up), "{case}: {said}");
    }
}

#[test]
fn a_thread_that_runs_already_is_an_error() {
    // This test is a thread beside that of `main`.
    assert!(check_alone().unwrap_err().contains("threads run before"));
}
