//! What elements for `s7comm` allow: PDUs against what a policy compiles to.

use wicketgate_dissectors::Protocol;
use wicketgate_engine::Matcher;
use wicketgate_packet::Time;

use super::{BASE, good};
use crate::{diff, explain};

const OLD: &str = "protocol = \"modbus\"\nallow = [{ function = 6, address = \"0-99\" }]";

fn policy(allow: &str) -> String {
    BASE.replace(OLD, &format!("protocol = \"s7comm\"\nallow = [{allow}]"))
}

/// The bytes of a hex string.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// User data as a PDU.
fn data(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len() + 7).unwrap().to_be_bytes();
    [&[3, 0][..], &length, &[2, 0xf0, 0x80], bytes].concat()
}

/// A message of S7comm: its kind, parameters and data.
fn message(text: &str) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = text.split('|').map(hex).collect();
    let length = |part: &[u8]| u16::try_from(part.len()).unwrap().to_be_bytes();
    let head = [&[0x32, parts[0][0], 0, 0, 0, 1][..], &length(&parts[1]), &length(&parts[2])];
    data(&[&head.concat()[..], &parts[1], &parts[2]].concat())
}

fn allows(allow: &str, pdu: &[u8]) -> bool {
    let matcher = Matcher::new(good(&policy(allow)).conduits()[0].allow.clone());
    matcher.judge(&Protocol::S7comm.command(pdu).unwrap(), Time::EPOCH).is_ok()
}

/// Two bytes to DB 10, byte 0.
fn write(value: &str) -> Vec<u8> {
    message(&format!("01 | 05 01 120a10 02 0002 000a 84 000000 | 00 04 0010 {value}"))
}

#[test]
fn values_are_of_the_type_of_the_rule() {
    let word = "{ class = \"write\", address = \"DB10.DBW0\", value = \"0-1500\" }";
    assert!(allows(word, &write("05dc")) && !allows(word, &write("05dd")));
    assert!(!allows(word, &write("ffff")));
    let int = "{ class = \"write\", address = \"DB10.DBW0\", type = \"int\", value = \"0-1500\" }";
    assert!(allows(int, &write("05dc")) && !allows(int, &write("ffff")));
    let byte = message("01 | 05 01 120a10 02 0001 000a 84 000000 | 00 04 0008 01");
    assert!(!allows(word, &byte), "half of a word");
    let bytes = "{ class = \"write\", address = \"DB10.DBB0-DBB9\", value = \"0-5\" }";
    assert!(
        allows(bytes, &byte) && allows(bytes, &write("0505")) && !allows(bytes, &write("05dc"))
    );
    let real = "{ class = \"write\", address = \"DB10.DBD0\", type = \"real\", value = \"0-50\" }";
    let four =
        |value| message(&format!("01 | 05 01 120a10 08 0001 000a 84 000000 | 00 07 0004 {value}"));
    assert!(allows(real, &four("41480000")) && !allows(real, &four("42ca0000")));
    assert!(!allows(real, &four("7fc00000")), "not a number");
}

#[test]
fn objects_are_of_one_kind() {
    let read = |item: &str| message(&format!("01 | 04 01 120a10 {item} |"));
    let db = read("02 0002 0007 84 000010");
    for (allow, allowed) in [
        ("{ class = \"read\", address = \"DB7\" }", true),
        ("{ class = \"read\", address = \"DB1-DB9\" }", true),
        ("{ class = \"read\", address = \"DB7.DBB2-DBB3\" }", true),
        ("{ class = \"read\", address = \"DB7.DBX2.0-DBX3.7\" }", true),
        ("{ class = \"read\", address = \"DB7.DBB2\" }", false),
        ("{ class = \"read\", address = [\"DB8\", \"M\"] }", false),
        ("{ class = \"write\", address = \"DB7\" }", false),
        ("{ function = \"read-var\" }", true),
        ("{ function = 4 }", true),
    ] {
        assert_eq!(allows(allow, &db), allowed, "{allow}");
    }
    assert!(allows("{ class = \"read\", address = \"T0-T9\" }", &read("1d 0002 0000 1d 000008")));
    assert!(!allows("{ class = \"read\", address = \"T0-T9\" }", &read("1d 0003 0000 1d 000008")));
    let upload = message("01 | 1d 00 0000 00000000 09 5f3041303030303141 |");
    assert!(allows("{ class = \"program-read\", block = \"DB1-DB9\" }", &upload));
    assert!(!allows("{ class = \"program-read\", block = [\"FC\", \"DB2\"] }", &upload));
    let list = message("07 | 000112 04 11 44 01 00 | ff 09 0004 0011 0000");
    assert!(allows("{ function = \"read-szl\", szl = 0x11 }", &list));
    assert!(!allows("{ function = \"read-szl\", szl = [\"0x12-0x1c\"] }", &list));
}

#[test]
fn a_connection_has_a_role() {
    let connect =
        |tsap: &str| hex(&format!("03000016 11e0 0000 0001 00 c0010a c1020100 c202{tsap}"));
    let op = "{ function = \"connect\", role = [\"op\", \"hmi\"] }";
    assert!(allows(op, &connect("0202")) && !allows(op, &connect("0102")));
    assert!(!allows(op, &message("01 | f0 00 0001 0001 01e0 |")));
    assert!(allows("\"session\"", &connect("0102")));
    // Who may agree on the length of PDUs may connect.
    assert!(allows("{ function = 0xf0 }", &connect("0102")));
}

/// A name means what it says, not everything that has its code.
#[test]
fn stopping_by_a_variable_is_not_given_with_writing_others() {
    let set = |id: &str| {
        let body = hex(&format!("31 0000 04f2 0000 0007 70000e4d 34 00000034 01 {id} 00 07 01"));
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        data(&[&[0x72, 1][..], &length, &body, &[0x72, 1, 0, 0]].concat())
    };
    let (stop, other) = (set("9077"), set("8e37"));
    assert!(allows("{ function = \"plus-set-variable\" }", &other));
    assert!(!allows("{ function = \"plus-set-variable\" }", &stop));
    assert!(allows("{ function = \"plus-set-operating-state\" }", &stop));
    assert!(allows("\"mode\"", &stop) && !allows("\"mode\"", &other));
}

#[test]
fn what_cannot_be_read_needs_opaque() {
    let tls = data(&hex("16 0301 0001 00"));
    assert!(!allows("\"engineer\"", &tls) && !allows("{ function = 4 }", &tls));
    assert!(allows("{ opaque = true }", &tls));
    assert!(!allows("{ opaque = true }", &message("01 | 29 0000000000 09 505f50524f4752414d |")));
}

#[test]
fn rules_in_words() {
    for (allow, words) in [
        (
            "{ class = \"write\", address = [\"DB10.DBW0-DBW18\", \"M10.3\"], value = 1 }",
            "write, address DB10.DBB0-DBB19 (uint) or address M10.3 (bool), value 1",
        ),
        (
            "{ class = \"read\", address = [\"DB1-DB9\", \"DB\", \"I\"] }",
            "read, address DB1-DB9 or address DB or address I",
        ),
        (
            "{ class = \"program-read\", block = [\"FC\", \"DB1\"] }",
            "program-read, block FC or block DB1",
        ),
        ("{ function = \"plc-start\" }", "function 0x28 (plc-start), sub 1"),
        ("{ function = \"read-szl\", szl = 0x11 }", "function 0x104 (read-szl), sub 1, szl 0x0011"),
        ("{ opaque = true }", "function 0x600 (opaque)"),
    ] {
        let explanation = explain(&good(&policy(allow)));
        assert_eq!(explanation.assets[1].rights[0].allow, [words], "{allow}");
    }
}

#[test]
fn differences_in_words() {
    let lines = |old: &str, new: &str| {
        let change = diff(&good(&policy(old)), &good(&policy(new)));
        change.rights.into_iter().next().map(|of| (of.gains, of.loses, of.exact))
    };
    let all = |text: &str| vec![text.to_owned()];
    assert_eq!(lines("\"read\"", "\"read\""), None);
    let stop = lines("\"read\"", "\"read\", { function = \"plc-stop\" }");
    assert_eq!(stop, Some((all("plc-stop"), vec![], true)));
    let wide = "{ class = \"write\", address = \"DB10.DBW0-DBW8\" }";
    let narrow = "{ class = \"write\", address = \"DB10.DBW0\" }";
    let (gains, loses, exact) = lines(narrow, wide).unwrap();
    assert!(loses.is_empty() && !exact, "{loses:?}");
    assert!(
        gains[0].contains("address DB10.DBB0-DBB9 (uint), not address DB10.DBB0-DBB1"),
        "{gains:?}"
    );
    let value = "{ class = \"write\", address = \"DB10.DBW0\", value = \"0-9\" }";
    let (gains, loses, _) = lines(narrow, value).unwrap();
    assert!(
        gains.is_empty() && loses.iter().any(|line| line.contains("not value 0-9")),
        "{loses:?}"
    );
}
