use super::{
    FORWARD_CLOSE, FORWARD_OPEN, IO_OPEN, READ_TAG, WRITE_TAG, hex, multiple, unconnected, wrapped,
};
use crate::enip::command;
use crate::{Class, NotTheProtocol};

fn classes(message: &[u8]) -> Result<Vec<Class>, NotTheProtocol> {
    let pdu = unconnected(message);
    command(&pdu).map(|asked| asked.items.map(|item| item.class).collect())
}

#[test]
fn every_service_in_a_packet_is_an_item() {
    let (read, write) = (hex(READ_TAG), hex(WRITE_TAG));
    let packet = multiple(&[&read, &write, &read]);
    assert_eq!(classes(&packet), Ok(vec![Class::Read, Class::Write, Class::Read]));
    let pdu = unconnected(&packet);
    let asked = command(&pdu).unwrap();
    assert_eq!((asked.class, asked.name, asked.function), (Class::Write, "write-tag", 0x4d));
    let codes: Vec<_> = asked.items.map(|item| item.code).collect();
    assert_eq!(codes, [Some((0x4c, None)), Some((0x4d, None)), Some((0x4c, None))]);
}

#[test]
fn packets_in_wrappings_in_packets() {
    let (read, write) = (hex(READ_TAG), hex(WRITE_TAG));
    let inner = wrapped(&multiple(&[&read, &write]));
    assert_eq!(
        classes(&multiple(&[&read, &inner, &read])),
        Ok(vec![Class::Read, Class::Read, Class::Write, Class::Read])
    );
}

/// What they open has to be remembered, and a device answers one at a time.
#[test]
fn connections_are_opened_and_closed_alone() {
    for message in [FORWARD_OPEN, IO_OPEN, FORWARD_CLOSE].map(hex) {
        assert!(classes(&message).is_ok() && classes(&wrapped(&message)).is_ok());
        let read = hex(READ_TAG);
        for hidden in [
            multiple(&[&message]),
            multiple(&[&read, &message]),
            multiple(&[&wrapped(&message)]),
            multiple(&[&wrapped(&read), &message]),
            wrapped(&multiple(&[&message])),
            wrapped(&wrapped(&message)),
        ] {
            assert_eq!(classes(&hidden), Err(NotTheProtocol::Function), "{hidden:02x?}");
        }
    }
}

#[test]
fn four_deep_and_no_deeper() {
    let nest = |depth: usize| (0..depth).fold(hex(WRITE_TAG), |message, _| multiple(&[&message]));
    let wrap = |depth: usize| (0..depth).fold(hex(WRITE_TAG), |message, _| wrapped(&message));
    for make in [&nest as &dyn Fn(usize) -> Vec<u8>, &wrap] {
        assert_eq!(classes(&make(4)), Ok(vec![Class::Write]));
        assert_eq!(classes(&make(5)), Err(NotTheProtocol::Quantity));
    }
    assert_eq!(classes(&nest(20)), Err(NotTheProtocol::Quantity));
}

#[test]
fn so_many_services_and_no_more() {
    let read = hex("0e 02 2001 2401");
    let many = |count: usize| multiple(&vec![&read[..]; count]);
    // The packet itself is one.
    assert_eq!(classes(&many(255)).map(|all| all.len()), Ok(255));
    assert_eq!(classes(&many(256)), Err(NotTheProtocol::Quantity));
    assert_eq!(classes(&many(300)), Err(NotTheProtocol::Quantity));
}

#[test]
fn offsets_that_lie() {
    let (read, write) = (hex(READ_TAG), hex(WRITE_TAG));
    let right = multiple(&[&read, &write]);
    let with = |at: usize, offset: u16| {
        let mut wrong = right.clone();
        wrong[at..at + 2].copy_from_slice(&offset.to_le_bytes());
        classes(&wrong).is_ok()
    };
    assert!(with(8, 6) && with(10, 16), "as they are");
    assert!(!with(10, 6), "both the first");
    assert!(!with(10, 8), "inside the first");
    assert!(!with(10, 60_000), "behind the end");
    assert!(!with(8, 4) && !with(8, 7), "not right behind the table");
    assert!(!with(6, 0) && !with(6, 1), "fewer than there are");
}
