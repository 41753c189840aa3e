use super::{
    FORWARD_CLOSE, FORWARD_OPEN, READ_TAG, WRITE_TAG, hex, packet, ucmm, unconnected, wrapped,
};
use crate::enip::frame::code;
use crate::enip::{command, key};
use crate::{Class, NotTheProtocol, Scalar, Space, Values};

fn asks(message: &str) -> (Class, &'static str) {
    let pdu = ucmm(message);
    let asked = command(&pdu).unwrap_or_else(|why| panic!("{message}: {why}"));
    (asked.class, asked.name)
}

#[test]
fn encapsulation_commands() {
    for (of, class, name) in [
        (code::LIST_IDENTITY, Class::Discover, "list-identity"),
        (code::REGISTER_SESSION, Class::Session, "register-session"),
        (code::NOP, Class::Session, "nop"),
        (code::START_DTLS, Class::Unknown, "unknown"),
    ] {
        let pdu = packet(of, &[]);
        let asked = command(&pdu).unwrap();
        assert_eq!((asked.class, asked.name, asked.function), (class, name, 0x100 | of));
    }
}

#[test]
fn a_tag_is_read_and_written() {
    assert_eq!(asks(READ_TAG), (Class::Read, "read-tag"));
    let pdu = ucmm(WRITE_TAG);
    let asked = command(&pdu).unwrap();
    let items: Vec<_> = asked.items.collect();
    assert_eq!(
        (asked.class, asked.function, asked.sub, items.len()),
        (Class::Write, 0x4d, None, 1)
    );
    assert_eq!((items[0].space, items[0].count), (Space::Tag, 1));
    assert_eq!(items[0].values, Values::Scalars(Scalar::Dint, &[1, 0, 0, 0]));
    assert_eq!(items[0].path.tag().to_string(), "Tag");
}

#[test]
fn counts_of_tags_must_be_true() {
    let tag = "03 9103 54616700";
    for (data, right) in [
        ("4c {} 0100", true),
        ("4c {} 0100 00", false),
        ("4c {}", false),
        ("52 {} 0100 00000000", true),
        ("52 {} 0100 0000", false),
        ("4d {} c400 0200 01000000 02000000", true),
        ("4d {} c400 0200 01000000", false),
        ("4d {} c400 0100 01000000 02000000", false),
        ("4d {} c200 0100 01", true),
        ("4d {} c200 0100 01 00", true),
        ("4d {} c200 0100 01 0000", false),
        ("4d {} a002 3412 0100 010203", true),
        ("53 {} c400 0a00 00000000 01000000", true),
    ] {
        let pdu = ucmm(&data.replace("{}", tag));
        assert_eq!(command(&pdu).is_ok(), right, "{data}");
    }
}

#[test]
fn an_object_is_class_instance_and_attribute() {
    let pdu = ucmm("10 03 20f5 2401 3005 c0a80101");
    let item = command(&pdu).unwrap().items.next().unwrap();
    assert_eq!((item.space, item.start), (Space::Object { class: 0xf5, attribute: Some(5) }, 1));
    assert_eq!(asks("10 05 2100 6400 2500 0100 3007 01").0, Class::ProgramWrite, "of 16 bits");
    assert_eq!(asks("05 02 2001 2401 00"), (Class::Mode, "reset"));
    assert_eq!(asks("07 02 208e 2401"), (Class::Mode, "stop"));
    assert_eq!(asks("4b 02 2064 2401"), (Class::ProgramWrite, "vendor-service"));
}

#[test]
fn nothing_hides_behind_a_service_without_data() {
    assert!(command(&ucmm("0e 03 2001 2401 3007")).is_ok());
    assert!(command(&ucmm("0e 03 2001 2401 3007 4d")).is_err());
    assert!(command(&ucmm("01 02 2001 2401 00")).is_err());
    assert!(command(&ucmm("01 02 2001 2401 0000")).is_ok(), "pycomm3: an empty route");
    assert!(command(&ucmm("0e 03 2001 2401 3007 01 00 0100")).is_ok(), "a route");
    assert!(command(&ucmm("0e 03 2001 2401 3007 01 00 2004")).is_err(), "no route");
    assert!(command(&ucmm("0e 03 2001 2401 3007 02 00 0100")).is_err(), "a route cut short");
}

#[test]
fn a_forward_open_is_what_its_connection_does() {
    assert_eq!(asks(FORWARD_OPEN), (Class::Session, "forward-open"));
    assert_eq!(asks(FORWARD_CLOSE), (Class::Session, "forward-close"));
    let io = |size: &str, transport: &str, path: &str, words: u8| {
        let front = "54 02 2006 2401 0a 0e 00000000 01007777 4242 3713 cdab0000 03 000000 80841e00";
        asks(&format!("{front} {size} 80841e00 2048 {transport} {words:02x} {path}"))
    };
    let assembly = "2004 2401 2c64 2c65";
    assert_eq!(io("2248", "01", assembly, 4).0, Class::Write, "34 bytes, exclusive owner");
    assert_eq!(io("0248", "01", assembly, 4).0, Class::Read, "a heartbeat: a sequence count");
    assert_eq!(io("0048", "00", assembly, 4).0, Class::Read);
    assert_eq!(io("0248", "00", assembly, 4).0, Class::Write, "class 0 counts nothing");
    assert_eq!(io("0248", "01", "2004 2401 2c64 2c65 8001 0100", 6).0, Class::Config);
    assert_eq!(io("f443", "a4", "2002 2401", 2).0, Class::Unknown);
}

/// What configures and writes at once must be allowed both.
#[test]
fn a_forward_open_with_a_configuration_is_two_items() {
    let pdu = ucmm(
        "54 02 2006 2401 0a 0e 00000000 01007777 4242 3713 cdab0000 03 000000 80841e00 2248 \
         80841e00 2048 01 06 2004 2401 2c64 2c65 8001 0100",
    );
    let classes: Vec<_> = command(&pdu).unwrap().items.map(|item| item.class).collect();
    assert_eq!(classes, [Class::Config, Class::Write]);
}

#[test]
fn pccc_commands() {
    let pccc = |rest: &str| format!("4b 02 2067 2401 07 4d00 01020304 {rest}");
    let write = ucmm(&pccc("0f 00 0100 aa 02 07 89 00 00 0500"));
    let asked = command(&write).unwrap();
    let item = asked.items.clone().next().unwrap();
    assert_eq!((asked.class, asked.name), (Class::Write, "pccc-typed-write-3"));
    assert_eq!((asked.function, asked.sub), (0x4b, Some(0x0faa)));
    assert_eq!(item.space, Space::DataFile { kind: 0x89, number: 7 });
    assert_eq!((item.start, item.count), (0, 1));
    assert_eq!(item.values, Values::Scalars(Scalar::Int, &[5, 0]));
    for (rest, class) in [
        ("0f 00 0100 a2 04 07 89 ff 0001 00", Class::Read),
        ("0f 00 0100 aa 02 07 a1 00 00 0500", Class::Force),
        ("0f 00 0100 aa 02 07 22 00 00 0500", Class::ProgramWrite),
        ("0f 00 0100 ab 02 07 85 00 00 0100 0100", Class::Write),
        ("0f 00 0100 80 06", Class::Mode),
        ("0f 00 0100 3a 02", Class::Mode),
        ("0f 00 0100 88 00", Class::Unknown),
        ("07 00 0100 00", Class::Mode),
        ("06 00 0100 03", Class::Discover),
        ("01 00 0100 0000 02", Class::Read),
        ("08 00 0100 0000 02", Class::Write),
        ("0f 00 0100 fe", Class::Unknown),
    ] {
        assert_eq!(asks(&pccc(rest)).0, class, "{rest}");
    }
    for bad in ["0f", "4f 00 0100 aa", "0f 10 0100 aa 02 07 89 00 00 0500", "0f 00 0100 aa 02 07"] {
        assert!(command(&ucmm(&pccc(bad))).is_err(), "{bad}");
    }
}

#[test]
fn modbus_inside_is_read_as_modbus() {
    let modbus = |pdu: &str| asks(&format!("51 02 2044 2401 {pdu}"));
    assert_eq!(modbus("03 0064 000a"), (Class::Read, "read-holding-registers"));
    assert_eq!(modbus("06 0064 0001"), (Class::Write, "write-single-register"));
    assert_eq!(modbus("5a 00 41 ff"), (Class::Mode, "umas-stop"));
    assert!(command(&ucmm("51 02 2044 2401 03 0064 0000")).is_err(), "a quantity of 0");
}

#[test]
fn what_is_wrapped_is_what_counts() {
    let pdu = unconnected(&wrapped(&hex(WRITE_TAG)));
    let asked = command(&pdu).unwrap();
    assert_eq!((asked.class, asked.name, asked.function), (Class::Write, "write-tag", 0x4d));
    let odd = hex("4d 02 9101 4100 c200 0100 01");
    assert_eq!(command(&unconnected(&wrapped(&odd))).unwrap().name, "write-tag");
}

#[test]
fn a_request_must_be_one() {
    assert_eq!(
        command(&ucmm("cd 03 9103 54616700 c400 0100 01000000")).unwrap_err(),
        NotTheProtocol::Function
    );
    let mut status = ucmm(READ_TAG);
    status[8] = 1;
    assert_eq!(command(&status).unwrap_err(), NotTheProtocol::Value);
    let mut interface = ucmm(READ_TAG);
    interface[24] = 1;
    assert!(command(&interface).is_err());
}

#[test]
fn items_must_be_an_address_and_one_message() {
    let message = hex(READ_TAG);
    let item = [&hex("b200")[..], &[10, 0], &message].concat();
    for (front, right) in [
        ("00000000 0500 0200 00000000", true),
        ("00000000 0500 0100 00000000", false),
        ("00000000 0500 0300 00000000", false),
        ("00000000 0500 0200 a1000400 01000000", false),
        ("00000000 0500 0200 00000100 00", false),
    ] {
        let pdu = packet(0x6f, &[hex(front), item.clone()].concat());
        assert_eq!(command(&pdu).is_ok(), right, "{front}");
    }
    let two = [hex("00000000 0500 0300 00000000"), item.clone(), item.clone()].concat();
    assert!(command(&packet(0x6f, &two)).is_err(), "a second message");
    let socket = [hex("00800010"), vec![0; 16]].concat();
    let socket = [hex("0080 1000"), socket[4..].to_vec()].concat();
    let three = [hex("00000000 0500 0300 00000000"), item.clone(), socket].concat();
    assert!(command(&packet(0x6f, &three)).is_ok(), "a socket address");
    let over = [hex("00000000 0500 0200 00000000"), item, vec![0]].concat();
    assert!(command(&packet(0x6f, &over)).is_err(), "a byte over");
}

#[test]
fn keys_pair_by_context_or_sequence() {
    let asked = key(&ucmm(READ_TAG)).unwrap();
    assert_eq!(asked.transaction, u64::from_le_bytes(*b"CONTEXT1"));
    assert_eq!(key(&super::connected(5, &hex(READ_TAG))).unwrap().transaction, 7);
    assert!(!key(&packet(code::UNREGISTER_SESSION, &[])).unwrap().answered);
    assert_eq!(key(&[0; 23]), None);
}

#[test]
fn implicit_io_is_no_command_that_a_rule_can_give() {
    let io = hex("0200 0280 0800 03064b00 db943f00 b100 0600 a587e80f0300");
    let asked = command(&io).unwrap();
    assert_eq!((asked.class, asked.name), (Class::Unknown, "io-data"));
    assert_eq!(key(&io), None);
}
