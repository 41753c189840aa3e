//! OPC UA through the gate: stacks of others at both ends, on a channel without security.

use std::path::Path;

use serde_json::Value;
use wicketgate_lab::{Namespace, connect, skip};

use crate::commands;
use crate::plant::{DEVICE, LINE, OFFICE, POLICY, Plant, Process, USER, end};
use crate::stacks::{STACKS, python};

/// Reads, subscribes; writes the setpoint, up to 1500; lights the lamp.
const RIGHTS: &str = r#"
[[conduit]]
name = "the HMI runs press-3"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "opcua"
allow = [
    "session", "auth", "discover", "read", "subscribe",
    { class = "write", node = "ns=2;s=Press.Setpoint", value = "0-1500" },
    { service = "call", object = "ns=2;s=Press", method = "ns=2;s=Press.Lamp" },
]
"#;

/// What a preset gives, and writing the line's tanks.
const HMI: &str = r#"
[[conduit]]
name = "the HMI runs the line"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "opcua"
allow = ["view", { class = "write", node = "ns=2;s=Line.*", value = "0-1500" }]
"#;

/// A plant whose press speaks OPC UA on port 4840.
fn plant() -> Plant {
    let [user, gate, line] = [(); 3].map(|()| Namespace::new().unwrap());
    connect(end(&user, "eth0", USER), end(&gate, "office", OFFICE), 1).unwrap();
    connect(end(&line, "eth0", DEVICE), end(&gate, "line", LINE), 1).unwrap();
    user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    let topology = POLICY.replace("[\"modbus\"]", "[\"opcua\"]");
    let plant = Plant::of([user, gate, line], Vec::new(), topology);
    plant.write_policy(RIGHTS);
    plant
}

/// The press, on asyncua; with a folder for its key it has security.
fn press(plant: &Plant, python: &Path, folder: &[&str]) -> Process {
    let script = format!("{STACKS}/opcua_server.py");
    let mut server = plant.line.command(python);
    Process::start(server.args([&script, "0.0.0.0", "4840"]).args(folder))
}

/// What a client says, line by line.
fn answers(plant: &Plant, python: &Path, script: &str, more: &[&str]) -> Vec<String> {
    let script = format!("{STACKS}/{script}");
    let mut client = plant.user.command(python);
    let output = client.args([&script, "100.64.10.20", "4840"]).args(more).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}{errors}", output.status);
    said.lines().map(str::to_owned).collect()
}

/// The connections that the audit tells of.
fn flows(audit: &[Value]) -> usize {
    audit.iter().filter(|record| record["type"] == "flow-start").count()
}

#[test]
fn a_denied_write_or_call_is_refused_and_the_connection_goes_on() {
    let test = "a_denied_write_or_call_is_refused_and_the_connection_goes_on";
    let python = match wicketgate_lab::available().and_then(|()| python()) {
        Ok(python) => python,
        Err(why) => return skip(test, &why),
    };
    let plant = plant();
    let press = press(&plant, &python, &[]);
    let gate = plant.start("audit.jsonl");
    assert_eq!(
        answers(&plant, &python, "opcua_client.py", &["10"]),
        [
            "read 12.5",
            "browse 6",
            "write-700 ok",
            "write-1501 BadUserAccessDenied",
            "read 700",
            "write-motor BadUserAccessDenied",
            "write-both BadUserAccessDenied",
            "call-reset BadUserAccessDenied",
            "call-lamp ok",
            "subscribed",
            "write-motor BadUserAccessDenied",
            "write-motor BadUserAccessDenied",
            "write-motor BadUserAccessDenied",
            "read 700",
            "recipe 20000",
            "write-description BadUserAccessDenied",
            "delete BadUserAccessDenied",
            "read 12.5",
            "write-800 ok",
            "read 800",
        ]
    );
    gate.stop();
    let audit = plant.audit("audit.jsonl");
    assert_eq!(flows(&audit), 1, "one connection from the first to the last");
    let denied: Vec<&str> = commands(&audit, "denied")
        .iter()
        .map(|record| record["node"].as_str().or(record["method"].as_str()).unwrap_or_default())
        .collect();
    assert_eq!(denied.len(), 9, "{denied:?}");
    assert_eq!(denied[0], "ns=2;s=Press.Setpoint");
    assert_eq!(denied[3], "ns=2;s=Press ns=2;s=Press.Reset");
    let said = press.said();
    assert!(!said.contains("Press.Motor 1") && !said.contains("CALLED Reset"), "{said}");
    assert!(said.contains("VALUE Press.Setpoint 800") && said.contains("CALLED Lamp"), "{said}");
}

#[test]
fn another_stack_is_refused_in_the_same_words() {
    let test = "another_stack_is_refused_in_the_same_words";
    let python = match wicketgate_lab::available().and_then(|()| python()) {
        Ok(python) => python,
        Err(why) => return skip(test, &why),
    };
    let plant = plant();
    let press = press(&plant, &python, &[]);
    let gate = plant.start("audit.jsonl");
    let round = [
        "read 12.5",
        "write-900 ok",
        "write-2000 BadUserAccessDenied",
        "write-motor BadUserAccessDenied",
        "call-reset BadUserAccessDenied",
        "call-lamp ok",
        "read 900",
    ];
    assert_eq!(answers(&plant, &python, "opcua_freeopcua.py", &["10"]), round.repeat(5));
    gate.stop();
    let audit = plant.audit("audit.jsonl");
    assert_eq!((flows(&audit), commands(&audit, "denied").len()), (1, 15));
    let said = press.said();
    assert!(!said.contains("2000") && !said.contains("Reset"), "{said}");
}

/// Requests of hundreds of nodes, in one chunk and in chunks of 8192 bytes, are judged like short ones.
#[test]
fn an_hmi_asks_for_hundreds_of_nodes_at_once() {
    let test = "an_hmi_asks_for_hundreds_of_nodes_at_once";
    let python = match wicketgate_lab::available().and_then(|()| python()) {
        Ok(python) => python,
        Err(why) => return skip(test, &why),
    };
    let plant = plant();
    plant.write_policy(HMI);
    let press = press(&plant, &python, &[]);
    let gate = plant.start("audit.jsonl");
    let round = [
        "read 300",
        "write ok",
        "write-one-too-high BadUserAccessDenied",
        "read 300",
        "monitor 150",
    ];
    let expected = [&round[..], &["read-too-many BadRequestTooLarge", "chunks"], &round].concat();
    assert_eq!(answers(&plant, &python, "opcua_long.py", &["10"]), expected);
    gate.stop();
    let audit = plant.audit("audit.jsonl");
    assert_eq!((flows(&audit), commands(&audit, "denied").len()), (1, 3));
    assert!(!press.said().contains("1501"), "{}", press.said());
}

/// A server is to give URLs with the host that its client named: the overlay's. One that gives its own address is of no
/// harm to who goes on with the URL that he was given; who follows the server's finds nobody (ADR 15).
#[test]
fn clients_need_no_other_url_than_they_were_given() {
    let test = "clients_need_no_other_url_than_they_were_given";
    let python = match wicketgate_lab::available().and_then(|()| python()) {
        Ok(python) => python,
        Err(why) => return skip(test, &why),
    };
    let plant = plant();
    let gate = plant.start("audit.jsonl");
    for (server, host, followed) in [
        ("opcua_server.py", "100.64.10.20", "12.5"),
        ("opcua_freeopcua_server.py", "192.168.10.20", "nobody there"),
    ] {
        let mut command = plant.line.command(&python);
        let script = format!("{STACKS}/{server}");
        let press = Process::start(command.args([&script, "192.168.10.20", "4840"]));
        let url = format!("opc.tcp://{host}:4840/press");
        for stack in ["asyncua", "freeopcua"] {
            let [endpoint, server] = ["endpoint", "server"].map(|name| format!("{name} {url}"));
            let followed = format!("followed {followed}");
            let expected = [&endpoint, &server, "given 12.5", &followed];
            assert_eq!(answers(&plant, &python, "opcua_urls.py", &[stack]), expected, "{stack}");
        }
        drop(press);
    }
    gate.stop();
    assert_eq!(commands(&plant.audit("audit.jsonl"), "denied").len(), 0);
}

/// What is encrypted or signed passes whole by a rule of its own, for the client that the rule names, or not at
/// all.
#[test]
fn a_secured_channel_needs_a_rule_of_its_own() {
    let test = "a_secured_channel_needs_a_rule_of_its_own";
    let python = match wicketgate_lab::available().and_then(|()| python()) {
        Ok(python) => python,
        Err(why) => return skip(test, &why),
    };
    let plant = plant();
    let folder = plant.file("keys");
    std::fs::create_dir(&folder).unwrap();
    let folder = folder.to_str().unwrap();
    let press = press(&plant, &python, &[folder]);
    let ask = |mode| answers(&plant, &python, "opcua_secured.py", &[folder, mode]);
    let gate = plant.start("refused.jsonl");
    let refused = ask("SignAndEncrypt");
    assert!(refused.len() == 1 && refused[0].starts_with("refused"), "{refused:?}");
    gate.stop();
    assert!(!press.said().contains("Press.Motor 7"), "{}", press.said());

    let certificate = std::fs::read(plant.file("keys").join("client.der")).unwrap();
    let digits =
        wicketgate_engine::thumbprint::sha1(&certificate).map(|byte| format!("{byte:02x}"));
    let element = |print: &str| {
        let element = format!(
            "{{ opaque = true, security = \"Basic256Sha256\", certificate = \"{print}\" }},"
        );
        RIGHTS.replace("allow = [", &format!("allow = [{element}"))
    };
    plant.write_policy(&element(&digits.concat()));
    let gate = plant.start("passed.jsonl");
    for mode in ["SignAndEncrypt", "Sign"] {
        assert_eq!(ask(mode), ["connected", "read 12.5", "recipe 20000", "read 7"], "{mode}");
    }
    gate.stop();
    let audit = plant.audit("passed.jsonl");
    assert_eq!(commands(&audit, "denied").len(), 0);
    let opened = |record: &&Value| record["security"] == "Basic256Sha256";
    assert_eq!(audit.iter().filter(opened).count(), 2);

    plant.write_policy(&element(&"00".repeat(20)));
    let gate = plant.start("another.jsonl");
    assert!(ask("SignAndEncrypt")[0].starts_with("refused"), "another certificate");
    gate.stop();
}
