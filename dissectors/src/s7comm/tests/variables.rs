use super::*;
use crate::s7comm::{Area, command};
use crate::{Class, Item, NotTheProtocol, Space, Values};

fn items(pdu: &[u8]) -> Vec<Item<'_>> {
    command(pdu).unwrap().items.collect()
}

fn db(number: u16) -> Space {
    Space::Memory { area: Area::DataBlocks, db: number }
}

fn item(transport: u8, length: u16, db: u16, area: u8, address: u32) -> String {
    let [_, x, y, z] = address.to_be_bytes();
    let address = format!("{x:02x}{y:02x}{z:02x}");
    format!("120a10 {transport:02x} {length:04x} {db:04x} {area:02x} {address}")
}

#[test]
fn places_are_in_bits_or_elements() {
    let memory = |area| Space::Memory { area, db: 0 };
    for (transport, length, block, area, address, space, start, count) in [
        (1, 1, 10, 0x84, 83, db(10), 83, 1),
        (2, 4, 10, 0x84, 80, db(10), 80, 32),
        (4, 2, 10, 0x84, 80, db(10), 80, 32),
        (8, 1, 3, 0x84, 0, db(3), 0, 32),
        (2, 1, 7, 0x83, 8, memory(Area::Flags), 8, 8),
        (2, 1, 0, 0x81, 0, memory(Area::Inputs), 0, 8),
        (2, 1, 0, 0x82, 0, memory(Area::Outputs), 0, 8),
        (0x1d, 3, 0, 0x1d, 5, memory(Area::Timers), 5, 3),
        (0x1c, 3, 0, 0x1c, 6, memory(Area::Counters), 6, 3),
    ] {
        let pdu = job(&format!("04 01 {}", item(transport, length, block, area, address)), "");
        let items = items(&pdu);
        assert_eq!((items[0].space, items[0].start, items[0].count), (space, start, count));
    }
}

#[test]
fn every_item_counts_and_the_heaviest_decides() {
    let (known, symbol) = (item(2, 1, 1, 0x84, 0), "120eb2 ff 0000 0051 ea2d65d9 22000011");
    let (odd, nck) = ("120599 010203 04", "120882 41 0001 0002 7f 01");
    let read = job(&format!("04 03 {known} {symbol} {nck}"), "");
    assert_eq!(command(&read).unwrap().class, Class::Read);
    let spaces: Vec<Space> = items(&read).iter().map(|item| item.space).collect();
    assert_eq!(spaces[..2], [db(1), Space::None]);
    assert_eq!(spaces[2], Space::Nck { unit: 0x41, module: 0x7f });
    let unknown = job(&format!("04 02 {known} {odd}"), "");
    let told = command(&unknown).unwrap();
    assert_eq!((told.class, told.name), (Class::Unknown, "read-var"));
    assert_eq!(items(&unknown)[1].code, Some((0x300, Some(0x99))), "not what a rule for 4 means");
    for unknown in [item(0x77, 1, 1, 0x84, 0), item(2, 1, 1, 0x99, 0)] {
        let pdu = job(&format!("04 01 {unknown}"), "");
        assert_eq!(command(&pdu).unwrap().class, Class::Unknown, "{unknown}");
    }
}

#[test]
fn ranges_of_data_blocks() {
    let one = job("04 01 1207b0 01 0a 0003 0004", "");
    let told = items(&one);
    assert_eq!((told[0].space, told[0].start, told[0].count), (db(3), 32, 80));
    let two = job("04 01 120cb0 02 0a 0003 0004 01 0007 0000", "");
    assert_eq!((items(&two)[0].class, items(&two)[0].space), (Class::Read, Space::None));
    assert!(command(&job("04 01 1207b0 02 0a 0003 0004", "")).is_err());
    let write = job("05 01 1207b0 01 02 0003 0004", "00 04 0010 0102");
    assert_eq!(command(&write).unwrap().class, Class::Unknown);
}

#[test]
fn what_is_written_is_beside_its_item() {
    let (first, second) = (item(2, 1, 1, 0x84, 0), item(4, 1, 1, 0x84, 16));
    let pdu = job(&format!("05 02 {first} {second}"), "00 04 0008 07 00 00 04 0010 1234");
    let told = items(&pdu);
    assert_eq!(told[0].values, Values::Raw(&[7]));
    assert_eq!(told[1].values, Values::Raw(&[0x12, 0x34]));
    assert!(told.iter().all(|item| item.class == Class::Write));
    let bit = job(&format!("05 01 {}", item(1, 1, 0, 0x82, 8)), "00 03 0001 01");
    assert_eq!(items(&bit)[0].values, Values::Raw(&[1]));
    let real = job(&format!("05 01 {}", item(8, 1, 0, 0x83, 0)), "00 07 0004 3f8ccccd");
    assert_eq!(items(&real)[0].values, Values::Raw(&hex("3f8ccccd")));
}

#[test]
fn items_and_data_that_do_not_fit_each_other_are_refused() {
    let word = item(4, 1, 1, 0x84, 0);
    for (parameters, values) in [
        (format!("05 01 {word}"), "00 04 0008 12"),
        (format!("05 01 {word}"), "00 04 0020 12345678"),
        (format!("05 01 {word}"), "00 04 0010 1234 00"),
        (format!("05 01 {word}"), ""),
        (format!("05 02 {word}"), "00 04 0010 1234"),
        (format!("05 01 {word} {word}"), "00 04 0010 1234"),
        (format!("04 ff {word}"), ""),
        (format!("04 00 {word}"), ""),
        (format!("04 01 {word}"), "00 04 0010 1234"),
        (format!("04 01 {}", item(4, 0, 1, 0x84, 0)), ""),
        ("04 01 130a10 04 0001 0001 84 000000".to_owned(), ""),
        ("04 01 120910 04 0001 0001 84 0000".to_owned(), ""),
    ] {
        assert!(command(&job(&parameters, values)).is_err(), "{parameters}: {values}");
    }
}

/// One device begins at the byte, another at the bit.
#[test]
fn bytes_that_begin_within_a_byte_are_refused() {
    let pdu = |transport| job(&format!("04 01 {}", item(transport, 1, 1, 0x84, 3)), "");
    assert!(command(&pdu(1)).is_ok());
    assert_eq!(command(&pdu(2)).unwrap_err(), NotTheProtocol::Address);
}
