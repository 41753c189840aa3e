//! The page that `wicketgate check` prints.

use super::{BASE, good};
use crate::explain;

const PAGE: &str = r#"overlay 100.64.0.0/16
port office: overlay, 100.64.0.1/16
port line: underlay, 192.168.10.1/24 on ens1f1
tables: 4096 sessions; 1 worker of 65536 connections, 4096 of them inspected; MIB MiB

press-3 (press-line): 100.64.10.20 -> 192.168.10.20 by line, MAC 00:1d:9c:aa:bb:cc, cycle 10ms, budget 100µs
  speaks modbus on tcp/502
  rule "maintenance"
    who   maintenance
    with  password and totp
    when  mon,tue,wed,thu,fri 06:00-18:00 Europe/Paris
    may   modbus: read
    may   modbus: write, address 100-119, value 0-1500

robot (cell): 100.64.10.21 -> 192.168.10.21 by line, VLAN 12
  speaks enip on tcp/44818, icmp, modbus on tcp/1502, opcua on tcp/4840, s7comm on tcp/102, tcp/22, tcp/443
  conduit "hmi-1"
    who   192.168.20.5, MAC 00:1b:1b:aa:bb:cc, by office
    when  always
    may   modbus: function 6 (write-single-register), address 0-99
"#;

#[test]
fn the_base_policy_in_words() {
    let policy = good(BASE);
    let page = PAGE.replace("MIB", &policy.gate().tuning.room().mib.to_string());
    assert_eq!(explain(&policy).to_string(), page);
}

/// An inspected connection is less than 26 KiB, and all memory is taken at the start.
#[test]
fn the_memory_of_the_tables_is_told() {
    let room = |keys: &str| good(&format!("[gate]\n{keys}")).gate().tuning.room();
    let (usual, large) = (room(""), room("workers = 4\nsessions = 40000\ninspected = 16384"));
    let told = "tables: 40000 sessions; 4 workers of 65536 connections, 16384 of them inspected; ";
    assert_eq!(large.to_string(), format!("{told}{} MiB", large.mib));
    let inspected = large.mib - 4 * usual.mib;
    let least = 4 * (16_384 - 4_096) * 25 / 1024;
    assert!((least..least * 27 / 25).contains(&inspected), "{inspected} MiB");
}

#[test]
fn whatever_an_entry_says_is_said() {
    let element = "{ function = 6, address = \"0-99\" }";
    for (allow, words) in [
        ("\"view\"", "discover session read subscribe diag"),
        (
            "{ class = \"read\", table = [\"coils\", \"fifo\"], unit = 1 }",
            "read, coils fifo, unit 1",
        ),
        ("{ function = 8, sub = [0, 2] }", "function 8, sub 0 2"),
        ("{ function = \"umas-stop\" }", "function 90 (umas-stop), sub 65"),
        ("{ function = 65 }", "function 65"),
        (
            "{ class = \"file-read\", file = \"1-3\", quantity = 10 }",
            "file-read, file 1-3, at most 10 at once",
        ),
        ("{ class = \"write\", value = \"0-100 step 5\" }", "write, value 0-100 step 5"),
        ("{ class = \"write\", bits = 15 }", "write, bits 0x000f"),
    ] {
        let explanation = explain(&good(&BASE.replace(element, allow)));
        assert_eq!(explanation.assets[1].rights[0].allow, [words], "{allow}");
    }
}

#[test]
fn whatever_an_entry_says_of_cip_is_said() {
    let old = "protocol = \"modbus\"\nallow = [{ function = 6, address = \"0-99\" }]";
    for (allow, words) in [
        ("\"view\"", &["discover session read subscribe diag"][..]),
        ("{ service = 0x0e }", &["service 0x0e (get-attribute-single)"]),
        ("{ service = 0x4c }", &["service 0x4c (read-tag), tag * or object 0x6b"]),
        ("{ service = \"read-routine\" }", &["service 0x4c (read-routine), object 0x68 0x6d 0x70"]),
        (
            "{ service = [\"list-identity\", \"forward-close\"] }",
            &["service list-identity", "service 0x4e (forward-close), object 0x06"],
        ),
        (
            "{ class = \"write\", tag = [\"Set*\", \"Line[*].Speed\"], value = \"0-70000\" }",
            &["write, tag set* or tag line[*].speed, value 0-70000"],
        ),
        (
            "{ class = \"read\", object = 4, instance = \"100-101\", attribute = 3 }",
            &["read, object 0x04 instance 100-101 attribute 3"],
        ),
        (
            "{ class = \"write\", file = [\"N7:0-9\", \"F8\"], quantity = 4 }",
            &["write, N7:0-9 or F8, at most 4 at once"],
        ),
        (
            "{ service = \"pccc-typed-write-3\", file = \"N7\" }",
            &["service 0x4b (pccc-typed-write-3), sub 4010, N7"],
        ),
    ] {
        let allow = format!("protocol = \"enip\"\nallow = [{allow}]");
        let explanation = explain(&good(&BASE.replace(old, &allow)));
        assert_eq!(explanation.assets[1].rights[0].allow, words, "{allow}");
    }
}

#[test]
fn an_asset_without_rights_says_so() {
    let bare = BASE.split("[[rule]]").next().unwrap();
    let page = explain(&good(bare)).to_string();
    assert_eq!(page.matches("  nobody may do anything\n").count(), 2);
    assert!(page.contains("policy.toml:1:1: warning: there is no [[rule]] and no [[conduit]]"));
}

#[test]
fn what_passes_unread_says_so() {
    let (head, _) = BASE.split_once("protocol = \"modbus\"\nallow = [{").unwrap();
    let page = explain(&good(&format!("{head}protocol = \"tcp\"\nopaque = true\n"))).to_string();
    assert!(page.contains("    may   tcp: everything, unread\n"), "{page}");
}
