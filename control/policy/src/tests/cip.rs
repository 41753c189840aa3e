//! What elements for `enip` allow: CIP messages against what a policy compiles to.

use wicketgate_dissectors::Protocol;
use wicketgate_engine::Matcher;
use wicketgate_packet::Time;

use super::{BASE, good};

/// The bytes of a hex string.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// An unconnected message as a PDU (ENIP 2-4.7).
fn pdu(message: &str) -> Vec<u8> {
    let message = hex(message);
    let length = |bytes: usize| u16::try_from(bytes).unwrap().to_le_bytes();
    let front =
        hex("01000000 00000000 0000000000000000 00000000 00000000 0500 0200 0000 0000 b200");
    [&hex("6f00")[..], &length(message.len() + 16), &front, &length(message.len()), &message]
        .concat()
}

/// Whether a conduit with this list allows the message.
fn allows(allow: &str, message: &str) -> bool {
    let old = "protocol = \"modbus\"\nallow = [{ function = 6, address = \"0-99\" }]";
    let text = BASE.replace(old, &format!("protocol = \"enip\"\nallow = [{allow}]"));
    let matcher = Matcher::new(good(&text).conduits()[0].allow.clone());
    let pdu = pdu(message);
    let command = Protocol::Enip.command(&pdu).unwrap();
    matcher.judge(&command, Time::EPOCH).is_ok()
}

#[test]
fn a_code_of_a_class_means_what_it_means_on_tags() {
    let read_tag = "4c 03 9103 54616700 0100";
    for (allow, message, allowed) in [
        ("{ service = 0x4c }", read_tag, true),
        ("{ service = 0x4c }", "4c 02 206b 2405 0100", true),
        ("{ service = 0x4c }", "4c 02 2037 24c8", false),
        ("{ service = 0x4c }", "4c 02 2068 2401", false),
        ("{ service = 0x4c }", "4c 02 20f3 2401", false),
        ("{ service = 0x4c, object = 0x37 }", "4c 02 2037 24c8", true),
        ("{ service = 0x4c, object = 0x37 }", read_tag, false),
        ("{ service = \"initiate-download\" }", "4c 02 2037 24c8", true),
        ("{ service = \"initiate-download\" }", read_tag, false),
        ("{ service = \"read-tag\" }", read_tag, true),
        ("{ service = 0x55 }", "55 02 206b 2400 0000", true),
        // The symbols of `Program:Main`: a name and a class.
        ("{ service = 0x55 }", "55 09 910c 50726f6772616d3a4d61696e 206b 2400 0000", true),
        ("{ service = 0x0e }", "0e 03 2001 2401 3007", true),
        ("{ service = 0x0e }", "10 03 2001 2401 3007", false),
        ("{ service = 0x0e, object = 4 }", "0e 03 2001 2401 3007", false),
    ] {
        assert_eq!(allows(allow, message), allowed, "{allow}: {message}");
    }
}

#[test]
fn objects_tags_and_files_are_selected() {
    let set = |instance: &str, attribute: &str| format!("10 03 2004 24{instance} 30{attribute} 01");
    let assembly = "{ class = \"write\", object = 4, instance = \"100-101\", attribute = 3 }";
    assert!(allows(assembly, &set("64", "03")) && allows(assembly, &set("65", "03")));
    assert!(!allows(assembly, &set("66", "03")) && !allows(assembly, &set("64", "04")));
    assert!(!allows(assembly, "02 02 2004 2464 01"), "no attribute is not every attribute");

    let write = |name: &str, value: &str| {
        let name: String = name.bytes().map(|letter| format!("{letter:02x}")).collect();
        format!("4d 03 9104 {name} c400 0100 {value}")
    };
    let setpoints = "{ class = \"write\", tag = \"set?\", value = \"0-70000\" }";
    assert!(allows(setpoints, &write("Set1", "70110100")), "70000");
    assert!(!allows(setpoints, &write("Set1", "71110100")), "70001");
    assert!(!allows(setpoints, &write("Get1", "00000000")));

    let pccc = |file: &str, element: &str, value: &str| {
        format!("4b 02 2067 2401 07 4d00 01020304 0f 00 0100 aa 02 {file} 89 {element} 00 {value}")
    };
    let n7 = "{ class = \"write\", file = \"N7:0-9\", value = \"0-100\" }";
    assert!(allows(n7, &pccc("07", "09", "6400")));
    assert!(!allows(n7, &pccc("07", "0a", "6400")) && !allows(n7, &pccc("08", "09", "6400")));
    assert!(!allows(n7, &pccc("07", "09", "6500")) && !allows(n7, &pccc("07", "09", "ffff")));
    let mode = "4b 02 2067 2401 07 4d00 01020304 0f 00 0100 80 06";
    assert!(allows("{ service = \"pccc-change-mode\" }", mode));
    assert!(!allows("{ service = \"pccc-typed-write-3\" }", mode));
    assert!(allows("\"mode\"", mode) && !allows("\"operate\"", mode));
}

#[test]
fn a_connection_is_judged_by_what_it_does() {
    let open = |path: &str, words: &str, size: &str, transport: &str| {
        format!(
            "54 02 2006 2401 0a 0e 00000000 01007777 4242 3713 cdab0000 03 000000 80841e00 {size} \
             80841e00 2048 {transport} {words} {path}"
        )
    };
    let messages = open("2002 2401", "02", "f443", "a3");
    let owner = open("2004 2401 2c64 2c65", "04", "2248", "01");
    let listener = open("2004 2401 2c64 2c65", "04", "0248", "01");
    for (allow, allowed) in [
        ("\"session\"", [true, false, false]),
        ("\"view\"", [true, false, true]),
        ("\"operate\"", [true, true, true]),
        (
            "\"session\", { class = \"write\", object = 4, instance = [1, 100, 101] }",
            [true, true, false],
        ),
        ("\"session\", { class = \"write\", object = 4, instance = 102 }", [true, false, false]),
        ("{ service = 0x54, object = 0x06 }", [true, false, false]),
    ] {
        let found = [&messages, &owner, &listener].map(|message| allows(allow, message));
        assert_eq!(found, allowed, "{allow}");
    }
}
