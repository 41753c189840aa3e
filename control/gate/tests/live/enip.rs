//! EtherNet/IP through the gate: stacks of others at both ends, cpppo and pycomm3, pinned in `pcaps/stacks`.

use std::path::Path;

use serde_json::Value;
use wicketgate_lab::{Namespace, connect, skip};

use crate::plant::{DEVICE, LINE, OFFICE, POLICY, Plant, Process, USER, end};
use crate::stacks::{STACKS, python};
use crate::{assert_whole, commands};

/// Who a device is, reads, and writes of one tag.
const CONDUIT: &str = r#"
[[conduit]]
name = "the HMI runs press-3"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "enip"
allow = ["session", "discover", "read", { class = "write", tag = "Setpoint", value = "0-1500" }]
"#;

// Requests as the device's record tells them, in hexadecimal: service, size of the path in words, path.
const WRITE_SETPOINT: &str = "4d059108536574706f696e74";
const GET_PRODUCT_NAME: &str = "0e03200124013007";
const RESET: &str = "050220012401";
const STOP: &str = "070220642401";
const SET_ADDRESS: &str = "100320f524013005";
/// The tag's name: nothing that names it may come, read or written, alone or among others.
const MOTOR: &str = "4d6f746f72";

/// CIP's *privilege violation*, as pycomm3 says it.
const REFUSED: &str = "REFUSED Permission denied";

/// A plant whose press speaks EtherNet/IP, by this element of its `protocols` or these.
fn plant(protocols: &str) -> Plant {
    let [user, gate, line] = [(); 3].map(|()| Namespace::new().unwrap());
    connect(end(&user, "eth0", USER), end(&gate, "office", OFFICE), 1).unwrap();
    connect(end(&line, "eth0", DEVICE), end(&gate, "line", LINE), 1).unwrap();
    user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    // A server that asks itself whether it listens does so by this.
    line.ip("link set lo up").unwrap();
    let topology = POLICY.replace("\"modbus\"", protocols);
    let plant = Plant::of([user, gate, line], Vec::new(), topology);
    plant.write_policy(CONDUIT);
    plant
}

/// The press, on cpppo, which knows its own address; what reaches it is in the file `device`.
fn press(plant: &Plant, python: &Path) -> Process {
    let script = format!("{STACKS}/enip_server.py");
    let mut server = plant.line.command(python);
    server.args([&script, "44818"]).arg(plant.file("device")).arg("192.168.10.20");
    Process::start(&mut server)
}

/// What the operator says, line by line.
fn operator(plant: &Plant, python: &Path) -> Vec<String> {
    said(plant, python, "enip_operator.py")
}

/// What a client says that is given the press's address.
fn said(plant: &Plant, python: &Path, script: &str) -> Vec<String> {
    let script = format!("{STACKS}/{script}");
    let output = plant.user.command(python).args([&script, "100.64.10.20"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said.lines().map(str::to_owned).collect()
}

fn of_type<'a>(audit: &'a [Value], kind: &str) -> Vec<&'a Value> {
    audit.iter().filter(|record| record["type"] == kind).collect()
}

#[test]
fn cpppo_and_pycomm3_are_refused_in_cips_words_and_go_on() {
    const TEST: &str = "cpppo_and_pycomm3_are_refused_in_cips_words_and_go_on";
    let python = match wicketgate_lab::available().and_then(|()| python()) {
        Ok(python) => python,
        Err(why) => return skip(TEST, &why),
    };
    let plant = plant("\"enip\"");
    let _press = press(&plant, &python);
    let gate = plant.start("audit.jsonl");
    let objects = |how: &str| {
        let line = |what: &str, came: &str| format!("pycomm3 {what} {how} {came}");
        [
            line("0xe 0x1", "done"),
            line("0x5 0x1", REFUSED),
            line("0x5 0x1", REFUSED),
            line("0x7 0x64", REFUSED),
            line("0x10 0xf5", REFUSED),
        ]
    };
    let expected = [
        &[
            "cpppo Setpoint=(DINT)700 [True]",
            "cpppo Setpoint=(DINT)1501 ['REFUSED 15']",
            "cpppo Motor[0]=(DINT)1 ['REFUSED 15']",
            "cpppo Setpoint Level[0] [[700], [0]]",
            "cpppo Setpoint=(DINT)800 Motor[0]=(DINT)1 REFUSED 30",
            "cpppo Setpoint [[700]]",
            "pycomm3 open 1756-L61/B LOGIX5561",
            "pycomm3 read 700",
        ]
        .map(str::to_owned)[..],
        &objects("unconnected")[..],
        &objects("connected")[..],
        &["pycomm3 read 700".to_owned()][..],
    ];
    assert_eq!(operator(&plant, &python), expected.concat());
    assert_whole(&gate.stop());
    let device = std::fs::read_to_string(plant.file("device")).unwrap();
    let written: Vec<&str> = device.lines().filter(|line| line.starts_with("WRITE")).collect();
    assert_eq!(written, ["WRITE Setpoint [700]"], "{device}");
    for passed in [WRITE_SETPOINT, GET_PRODUCT_NAME] {
        assert!(device.contains(passed), "the record tells what came: {device}");
    }
    for refused in [MOTOR, RESET, STOP, SET_ADDRESS] {
        assert!(!device.contains(refused), "{refused} reached the device: {device}");
    }
    let audit = plant.audit("audit.jsonl");
    assert_eq!(of_type(&audit, "flow-start").len(), 2, "each stack's only connection");
    let tags = ["write-tag"; 3].into_iter();
    let objects = ["reset", "reset", "stop", "set-attribute-single"].repeat(2);
    let denied = commands(&audit, "denied");
    let names = denied.iter().map(|record| record["command"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), tags.chain(objects).collect::<Vec<_>>());
}

/// The press says that it is at 192.168.10.20.
#[test]
fn pycomm3_and_cpppo_are_told_the_overlay_address() {
    const TEST: &str = "pycomm3_and_cpppo_are_told_the_overlay_address";
    let python = match wicketgate_lab::available().and_then(|()| python()) {
        Ok(python) => python,
        Err(why) => return skip(TEST, &why),
    };
    let plant = plant("\"enip\", \"enip/udp\"");
    let _press = press(&plant, &python);
    let gate = plant.start("audit.jsonl");
    let told = said(&plant, &python, "enip_identity.py");
    let expected = ["pycomm3 tcp", "cpppo tcp", "cpppo udp"];
    assert_eq!(told, expected.map(|stack| format!("{stack} 100.64.10.20")));
    assert_whole(&gate.stop());
}
