//! Other stacks than libmodbus: pymodbus as client and as server, pinned in `pcaps/stacks`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use wicketgate_lab::skip;

use crate::modbus::{device, programs, register};
use crate::plant::{Plant, Process};
use crate::{assert_whole, commands, rounds, run_hmi, transactions};

pub(crate) const STACKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pcaps/stacks");

/// Python with the pinned packages, in an environment of its own; says why where there is none.
pub(crate) fn python() -> Result<PathBuf, String> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PYTHON.get_or_init(install).clone()
}

fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pymodbus");
    let python = folder.join("bin/python");
    if !python.is_file() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let requirements = format!("{STACKS}/requirements.txt");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(pip).args(["--timeout", "15", "-r", &requirements]))?;
    Ok(python)
}

pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("nothing from the registry: {}", said.lines().last().unwrap_or("no word")))
}

macro_rules! need {
    ($test:expr) => {
        match wicketgate_lab::available().and_then(|()| Ok((programs()?, python()?))) {
            Ok(tools) => tools,
            Err(why) => return skip($test, &why),
        }
    };
}

#[test]
fn a_client_on_pymodbus_does_not_notice_the_gate() {
    let ((server, _), python) = need!("a_client_on_pymodbus_does_not_notice_the_gate");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    let script = format!("{STACKS}/pymodbus_reads.py");
    let reads = rounds(500);
    let mut client = plant.user.command(&python);
    let status =
        client.args([&script, "100.64.10.20", "502", &reads.to_string()]).status().unwrap();
    assert!(status.success(), "{status}: some register is not the device's");
    let report = gate.stop();
    assert_whole(&report);
    assert_eq!(commands(&plant.audit("audit.jsonl"), "success").len(), reads as usize);
}

#[test]
fn a_device_on_pymodbus_does_not_notice_the_gate() {
    let ((_, hmi), python) = need!("a_device_on_pymodbus_does_not_notice_the_gate");
    let rounds = rounds(200);
    let plant = Plant::new(1);
    let script = format!("{STACKS}/pymodbus_server.py");
    let mut server = plant.line.command(&python);
    let _device = Process::start(server.args([&script, "tcp", "502"]));
    let gate = plant.start("audit.jsonl");
    run_hmi(&plant, &hmi, rounds);
    assert_ne!(register(&mut plant.connect().unwrap(), 100), 0);
    assert_whole(&gate.stop());
    let audit = plant.audit("audit.jsonl");
    assert_eq!(commands(&audit, "success").len(), transactions(rounds) + 1);
}
