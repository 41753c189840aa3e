//! S7 controllers and clients of others: python-snap7 and nodes7, pinned in `pcaps/stacks`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use wicketgate_lab::{Namespace, connect, skip};

use crate::plant::{DEVICE, LINE, OFFICE, POLICY, Plant, Process, USER, end};
use crate::stacks::{STACKS, python, run};
use crate::{assert_whole, commands};

/// Reads, and writes of one word and one REAL.
const CONDUIT: &str = r#"
[[conduit]]
name = "the HMI runs press-3"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "s7comm"
allow = ["session", "discover", "read",
    { class = "write", address = "DB10.DBW0", value = "0-1500" },
    { class = "write", address = "DB10.DBD4", type = "real", value = "0-50" }]
"#;

/// The packages of Node.js, in a folder of their own; says why where there are none.
fn node() -> Result<PathBuf, String> {
    static NODE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let install = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node");
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        for file in ["package.json", "package-lock.json"] {
            let from = Path::new(STACKS).join(file);
            std::fs::copy(from, folder.join(file)).map_err(|error| error.to_string())?;
        }
        let quiet = ["ci", "--omit=optional", "--no-audit", "--no-fund", "--silent"];
        run(Command::new("npm").arg("--prefix").arg(&folder).args(quiet))?;
        Ok(folder.join("node_modules"))
    };
    NODE.get_or_init(install).clone()
}

/// A plant whose press speaks S7comm.
fn plant() -> Plant {
    let [user, gate, line] = [(); 3].map(|()| Namespace::new().unwrap());
    connect(end(&user, "eth0", USER), end(&gate, "office", OFFICE), 1).unwrap();
    connect(end(&line, "eth0", DEVICE), end(&gate, "line", LINE), 1).unwrap();
    user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    let plant = Plant::of([user, gate, line], Vec::new(), POLICY.replace("modbus", "s7comm"));
    plant.write_policy(CONDUIT);
    plant
}

/// The controller; what happens to it is in the file `device`.
fn controller(plant: &Plant, python: &Path) -> Process {
    let script = format!("{STACKS}/s7_server.py");
    let mut server = plant.line.command(python);
    Process::start(server.args([&script, "102"]).arg(plant.file("device")))
}

/// What the client says, line by line.
fn said(command: &mut Command) -> Vec<String> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// How many of its writes the controller carried out, and whether it was ever stopped.
fn device(plant: &Plant) -> (usize, bool) {
    let events = std::fs::read_to_string(plant.file("device")).unwrap();
    let states: Vec<&str> = events.lines().filter(|line| line.starts_with("state")).collect();
    (events.lines().filter(|line| line.starts_with("Write")).count(), states.len() > 1)
}

fn names(records: &[&Value]) -> Vec<String> {
    records.iter().map(|record| record["command"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn snap7_is_refused_in_its_own_words_and_goes_on() {
    const TEST: &str = "snap7_is_refused_in_its_own_words_and_goes_on";
    let python = match wicketgate_lab::available().and_then(|()| python()) {
        Ok(python) => python,
        Err(why) => return skip(TEST, &why),
    };
    let plant = plant();
    let _device = controller(&plant, &python);
    let gate = plant.start("audit.jsonl");
    let script = format!("{STACKS}/s7_client.py");
    let lines = said(plant.user.command(&python).args([&script, "100.64.10.20"]));
    let refused = |what: &str| {
        let line = lines.iter().find(|line| line.starts_with(what));
        line.unwrap_or_else(|| panic!("{what}: {lines:#?}")).contains("REFUSED")
    };
    for what in ["read", "list", "write DB10.DBW0 = 700", "write DB10.DBW0 = 1500"] {
        assert!(!refused(what), "{what}: {lines:#?}");
    }
    for what in [
        "write DB10.DBW0 = 1501",
        "write DB10.DBB1",
        "write DB1.DBW0",
        "write MB0",
        "set the clock",
        "upload",
        "download",
        "set a password",
        "stop",
        "cold start",
        "hot start",
        "compress",
    ] {
        assert!(refused(what), "{what}: {lines:#?}");
    }
    assert_eq!(lines.last().unwrap(), "read DB10 05dc", "the same connection works on");
    assert_whole(&gate.stop());
    assert_eq!(device(&plant), (2, false), "the device saw nothing of it");
    let audit = plant.audit("audit.jsonl");
    let opened = audit.iter().filter(|record| record["type"] == "flow-start").count();
    assert_eq!(opened, 1, "one connection");
    let denied = names(&commands(&audit, "denied"));
    assert!(denied.contains(&"plc-stop".to_owned()) && denied.len() >= 12, "{denied:?}");
}

#[test]
fn nodes7_is_refused_in_its_own_words_and_goes_on() {
    const TEST: &str = "nodes7_is_refused_in_its_own_words_and_goes_on";
    let tools = wicketgate_lab::available().and_then(|()| Ok((python()?, node()?)));
    let (python, node) = match tools {
        Ok(tools) => tools,
        Err(why) => return skip(TEST, &why),
    };
    let plant = plant();
    let _device = controller(&plant, &python);
    let gate = plant.start("audit.jsonl");
    let script = format!("{STACKS}/s7_client.cjs");
    let mut client = plant.user.command("node");
    let lines = said(client.env("NODE_PATH", node).args([&script, "100.64.10.20"]));
    let value = |name: &str, value: &str| format!("write {name} {value}");
    for (written, result) in [
        (value("setpoint", "700"), "done"),
        (value("setpoint", "1500"), "done"),
        (value("setpoint", "1501"), "REFUSED"),
        (value("speed", "12.5"), "done"),
        (value("level", "1"), "REFUSED"),
        (value("motor", "true"), "REFUSED"),
        (value("flag", "true"), "REFUSED"),
    ] {
        assert!(lines.contains(&format!("{written} {result}")), "{written}: {lines:#?}");
    }
    let last = lines.last().unwrap();
    assert!(last.contains("\"setpoint\":1500") && last.contains("\"bad\":false"), "{last}");
    assert_whole(&gate.stop());
    assert_eq!(device(&plant), (3, false), "the device saw nothing of it");
    assert_eq!(commands(&plant.audit("audit.jsonl"), "denied").len(), 4);
}
