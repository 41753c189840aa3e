//! Sessions that are recorded while they last, and what happens where they cannot be.

use super::*;

use crate::wireshark;

const RULES: &str = r#"
[[rule]]
name = "reads and writes"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = ["read", { class = "write", function = 6, address = "0-99" }]
factors = ["password"]
"#;

/// An office that records what people do into a folder of its state.
fn office(settings: &str) -> (Office, PathBuf) {
    let folder = tempfile::tempdir().unwrap().keep();
    let office = Office::new(&format!("{RULES}[record]\nfolder = {folder:?}\n{settings}"));
    office.add_plain("alice", &["maintenance"]);
    (office, folder)
}

/// All records in a folder.
fn records(folder: &Path) -> Vec<PathBuf> {
    let entries = |path: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    };
    let days = entries(folder).into_iter().filter(|path| path.is_dir());
    days.flat_map(|day| entries(&day)).collect()
}

/// What is told of a session.
fn show(office: &Office, number: &str) -> Value {
    let policy = office.plant.file("policy.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wicketgate"));
    let command = command.args(["session", "show", number, "--json", "--config"]).arg(policy);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_a_person_does_is_on_the_record_and_wireshark_reads_it() {
    let (server, _) = need!("what_a_person_does_is_on_the_record_and_wireshark_reads_it");
    let (office, folder) = office("");
    let _device = device(&office.plant, &server);
    let gate = office.plant.try_start_with(&[]);
    assert!(gate.says("running"));
    let hmi = Hmi::start(&office.plant);
    office.enter("alice", Some(DESK));
    let mut stream = office.connected();
    assert_eq!(register(&mut stream, 50), 500);
    assert_eq!(write(&mut stream).unwrap(), [6, 0, 50, 0, 7]);
    assert_eq!(ask(&mut stream, &[6, 0, 120, 0, 7]).unwrap(), [0x86, 2], "beyond her range");
    assert_eq!(register(&mut stream, 50), 7);
    let [record] = &within(|| Some(records(&folder)).filter(|all| !all.is_empty()))[..] else {
        panic!("one record: machines are not on it");
    };
    drop(stream);
    hmi.stop();
    let number = record.file_stem().unwrap().to_str().unwrap();
    let live = within(|| Some(show(&office, number)).filter(|told| told["commands"] == 4));
    assert_eq!((&live["user"], &live["factors"]), (&json!("alice"), &json!("password")));
    assert_eq!((&live["end"], &live["denied"]), (&Value::Null, &json!(1)));
    assert_eq!(live["transcript"][1]["before"], "500");
    drop(gate.stop());
    let ended = show(&office, number);
    assert_eq!((&ended["why"], &ended["commands"]), (&json!("shutdown"), &json!(4)));
    let text = String::from_utf8_lossy(&std::fs::read(record).unwrap()).into_owned();
    assert!(text.contains("user: alice\nclient: 192.168.20.6\nasset: press-3"), "{text}");
    assert!(text.contains("the record is complete"), "{text}");
    let functions = |filter| wireshark::values(record, filter, "modbus.func_code");
    let Some(requests) = functions("tcp.dstport == 502") else { return };
    assert_eq!(requests.concat(), ["3", "6", "6", "3"]);
    assert_eq!(functions("modbus.exception_code").unwrap().concat(), ["6"], "the gate's own words");
    let comments = wireshark::values(record, "frame.comment", "frame.comment").unwrap().concat();
    assert_eq!(comments.len(), 4, "{comments:?}");
    assert!(comments[1].contains("holding-registers 50 = 7: forwarded"), "{comments:?}");
    assert!(comments[2].contains("holding-registers 120 = 7: DENIED"), "{comments:?}");
}

#[test]
fn a_folder_that_is_away_is_alarmed_and_nobody_else_notices() {
    let (server, _) = need!("a_folder_that_is_away_is_alarmed_and_nobody_else_notices");
    let (office, folder) = office("");
    let _device = device(&office.plant, &server);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    office.enter("alice", Some(DESK));
    let mut stream = office.connected();
    register(&mut stream, 1);
    within(|| (!records(&folder).is_empty()).then_some(()));
    let away = folder.with_extension("away");
    std::fs::rename(&folder, &away).unwrap();
    register(&mut stream, 2);
    assert!(gate.says("sessions are not recorded"));
    (0..50).for_each(|_| _ = register(&mut stream, 3));
    std::fs::rename(&away, &folder).unwrap();
    assert!(gate.says("alarm is over: records-fail"));
    drop(stream);
    hmi.stop();
    drop(gate.stop());
    let [record] = &records(&folder)[..] else { panic!("one record") };
    assert!(
        String::from_utf8_lossy(&std::fs::read(record).unwrap()).contains("the record is complete")
    );
    let requests = wireshark::values(record, "tcp.dstport == 502", "modbus.func_code");
    assert!(requests.is_none_or(|requests| requests.concat().len() == 52), "all of it is there");
    let alarms = office.audited("alarm");
    assert!(alarms.iter().any(|alarm| alarm["reason"] == "records-fail"), "{alarms:?}");
}

/// A small file system, away again with this.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, options: &str) {
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(at).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_costs_no_command_and_what_is_missing_is_said() {
    let (server, _) = need!("a_full_disk_costs_no_command_and_what_is_missing_is_said");
    let (office, folder) = office("");
    let _device = device(&office.plant, &server);
    Small::mount(&folder, "size=64k");
    let small = Small(folder.clone());
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    office.enter("alice", Some(DESK));
    let mut stream = office.connected();
    (0..400).for_each(|_| _ = register(&mut stream, 3));
    assert!(gate.says("sessions are not recorded"));
    (0..50).for_each(|_| _ = register(&mut stream, 3));
    Small::mount(&folder, "remount,size=4m");
    assert!(gate.says("alarm is over: records-fail"));
    drop(stream);
    hmi.stop();
    drop(gate.stop());
    let [record] = &records(&folder)[..] else { panic!("one record") };
    let requests = wireshark::values(record, "tcp.dstport == 502", "modbus.func_code");
    assert!(requests.is_none_or(|requests| requests.concat().len() == 450), "it waited in memory");
    drop(small);
}

#[test]
fn where_records_are_required_people_wait_for_the_disk_and_machines_do_not() {
    let (server, _) = need!("where_records_are_required_people_wait_for_the_disk");
    let (office, folder) = office("required = true\n");
    let _device = device(&office.plant, &server);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    office.enter("alice", Some(DESK));
    let mut stream = office.connected();
    assert_eq!(register(&mut stream, 50), 500);
    let away = folder.with_extension("away");
    std::fs::rename(&folder, &away).unwrap();
    register(&mut stream, 2);
    assert!(gate.says("sessions are not recorded"));
    within(|| refuses_write(&mut stream).then_some(()));
    hmi.goes_on();
    std::fs::rename(&away, &folder).unwrap();
    assert!(gate.says("alarm is over: records-fail"));
    within(|| (!refuses_write(&mut stream)).then_some(()));
    hmi.stop();
    drop(gate.stop());
}
