use super::*;
use crate::s7comm::{BlockType, command};
use crate::{Class, Space};

#[test]
fn every_group_has_its_classes() {
    for (codes, class, name) in [
        ("0102", Class::Read, "variable-status"),
        ("0108", Class::Force, "modify-variable"),
        ("0109", Class::Force, "force"),
        ("010c", Class::Mode, "memory-reset"),
        ("0116", Class::Diag, "flash-led"),
        ("0201", Class::Subscribe, "cyclic-read"),
        ("0204", Class::Subscribe, "cyclic-unsubscribe"),
        ("0301", Class::Discover, "list-blocks"),
        ("0402", Class::Subscribe, "message-service"),
        ("040b", Class::Alarm, "alarm-acknowledge"),
        ("0501", Class::Auth, "set-password"),
        ("0502", Class::Auth, "clear-password"),
        ("0600", Class::Write, "block-send"),
        ("06ff", Class::Write, "block-send"),
        ("0701", Class::Read, "read-clock"),
        ("0702", Class::Time, "set-clock"),
        ("0704", Class::Time, "set-clock-following"),
        ("0f01", Class::ProgramWrite, "nc-programming"),
    ] {
        let pdu = userdata(codes, "0a 00 0000");
        let told = command(&pdu).unwrap();
        assert_eq!((told.class, told.name), (class, name), "{codes}");
        let codes = hex(codes);
        assert_eq!(told.function, 0x100 | u16::from(codes[0]));
        assert_eq!(told.sub, Some(u16::from(codes[1])));
    }
    let told = command(&userdata("0000", "")).unwrap().class;
    assert_eq!(told, Class::Unknown, "only devices tell their mode");
}

#[test]
fn lists_and_blocks_are_objects() {
    let pdu = userdata("0401", "ff 09 0004 0132 0004");
    let szl = command(&pdu).unwrap().items.next().unwrap();
    assert_eq!((szl.space, szl.start), (Space::Szl, 0x0132));
    let more = userdata("0401", "0a 00 0000");
    assert_eq!(command(&more).unwrap().items.next().unwrap().space, Space::None, "the rest of it");
    let pdu = userdata("0303", "ff 09 0008 3041303030303141");
    let block = command(&pdu).unwrap().items.next().unwrap();
    assert_eq!((block.space, block.start), (Space::Block(BlockType::Db), 1));
}

#[test]
fn lengths_are_those_of_the_parts() {
    assert!(command(&userdata("0401", "ff 09 0005 0132 0004")).is_err());
    assert!(command(&userdata("0401", "ff 09 0001 01")).is_err());
    assert!(command(&message(7, &hex("000112 05 11 44 01 00"), &[])).is_err());
    assert!(command(&message(7, &hex("000112 04 11 44 01"), &[])).is_err());
}
