use super::*;
use crate::s7comm::{Area, command, response};
use crate::{Class, Item, NotTheProtocol, Space};

fn told(pdu: &[u8]) -> (Class, &'static str, u16) {
    let command = command(pdu).unwrap();
    (command.class, command.name, command.function)
}

#[test]
fn functions_have_their_classes() {
    for (function, class, name) in [
        (0x04bb, Class::Discover, "plus-explore"),
        (0x0524, Class::Read, "plus-get-link"),
        (0x0506, Class::ProgramWrite, "plus-add-link"),
        (0x056b, Class::Mode, "plus-invoke"),
        (0x0586, Class::Read, "plus-get-variable-streamed"),
        (0x05b3, Class::Session, "plus-init-ssl"),
    ] {
        assert_eq!(told(&plus(function, "00000000")), (class, name, function));
    }
    assert_eq!(told(&plus(0x0777, "")), (Class::Unknown, "unknown", 0x0777));
}

/// A controller is stopped by a variable: 2167 is `90 77`.
#[test]
fn the_operating_state_is_a_variable() {
    let set = |id: &str| plus(0x04f2, &format!("00000034 01 {id} 00 07 01"));
    assert_eq!(told(&set("9077")).0, Class::Mode);
    assert_eq!(told(&set("9077")).1, "plus-set-operating-state");
    assert_eq!(told(&set("8e36")).1, "plus-legitimate");
    assert_eq!(told(&set("8e37")).0, Class::Config);
    assert_eq!(told(&set("00")).0, Class::Config, "no variable is taken for a sub-code");
    let multi = plus(0x0542, "00000034 02 02 8e37 9077 01 00 07 01");
    assert_eq!(told(&multi).0, Class::Mode, "several at once");
    let streamed = plus(0x057c, "00000034 01 8e36");
    assert_eq!(told(&streamed).0, Class::Auth);
}

/// From a capture of an S7-1200 and its HMI.
#[test]
fn a_real_write_names_its_block() {
    let write = "00000000 01 05 88dbd6a75e 88d0b88005 02 9376 71 01 00 01 01";
    let pdu = plus(0x0542, write);
    assert_eq!(told(&pdu), (Class::Write, "plus-set-multi-variables", 0x0542));
    let item = command(&pdu).unwrap().items.next().unwrap();
    assert_eq!(item.space, Space::Memory { area: Area::DataBlocks, db: 5 });
    assert_eq!((item.start, item.count), (0, u32::MAX), "which part only the device knows");
    let credit = plus(0x04f2, "70000e51 01 881d 00 07 00 d1");
    assert_eq!(told(&credit).0, Class::Subscribe);
}

#[test]
fn several_addresses_are_several_items() {
    let address = |area: &str| format!("00 {area} 01 01");
    let (block, flags, system) = (address("88d0b88005"), address("52"), address("34"));
    let read = plus(0x054c, &format!("00000000 03 0c {block} {flags} {system}"));
    let all = command(&read).unwrap();
    assert_eq!(all.class, Class::Read);
    let spaces: Vec<Space> = all.items.map(|item| item.space).collect();
    assert_eq!(spaces[1], Space::Memory { area: Area::Flags, db: 0 });
    assert_eq!((spaces.len(), spaces[2]), (3, Space::None));
    let write = plus(0x0542, &format!("00000000 02 08 {block} {system}"));
    let told = command(&write).unwrap();
    assert_eq!(told.class, Class::Unknown, "an object of the system");
    let last: Item<'_> = told.items.last().unwrap();
    assert_eq!(last.code, Some((0x600, None)), "not what a rule for writing means");
}

#[test]
fn what_a_request_creates_decides() {
    let create =
        |class: &str| plus(0x04ca, &format!("0000011d 00 04 00 00000000 a1 000000d3 {class}"));
    assert_eq!(told(&create("821f")).0, Class::Session);
    assert_eq!(told(&create("8769")).0, Class::Subscribe);
    assert_eq!(told(&create("9358")).0, Class::ProgramWrite);
    assert_eq!(told(&plus(0x04ca, "00")).0, Class::ProgramWrite, "cut short");
    assert_eq!(told(&plus(0x04d4, "70000e4d")).0, Class::Session);
    assert_eq!(told(&plus(0x04d4, "8a0e0001")).0, Class::ProgramWrite);
}

#[test]
fn what_cannot_be_read_is_opaque() {
    let unread = |pdu: &[u8]| assert_eq!(told(pdu), (Class::Unknown, "opaque", 0x600));
    unread(&plus(0x04f2, "00000034 02 9077 8e36"));
    unread(&plus(0x0542, "00000000 02 05 88dbd6a75e 88d0b88005 02 9376 71"));
    unread(&plus(0x0542, "00000000 01 06 88dbd6a75e 88d0b88005 02 9376 71"));
    let mut first = plus(0x04bb, "")[7..].to_vec();
    first.truncate(first.len() - 4);
    unread(&data(&first));
    unread(&data(&hex("72fe0002 0000")));
    let wrong = data(&hex("72010003 310000 7201 0001"));
    assert_eq!(command(&wrong).unwrap_err(), NotTheProtocol::Length);
}

#[test]
fn a_digest_stands_in_front_of_the_data() {
    let pdu = hex(concat!(
        "0300006802f0807203005920e969a95a852ab0e288480ccecb618e48779f4b68a1ce9a9c42cd6aa536800683",
        "31000004f20000831a70000e4d7470000e5101881d000700ce000004e88969001200000000896a001300896b",
        "000400000084eb270000000072030000"
    ));
    assert_eq!(told(&pdu).1, "plus-set-subscription-credit");
    assert_eq!(response(&pdu), Ok(()));
}
