use super::{adu, adu_of, hex};
use crate::NotTheProtocol::{Address, Function, Inconsistent, Quantity, Value};
use crate::modbus::{command, key};
use crate::{Class, Item, NotTheProtocol, Space, Values};

/// Asserts that the PDU is refused for that reason.
#[track_caller]
fn refused(pdu: &str, why: NotTheProtocol) {
    assert_eq!(command(&adu_of(pdu)).map(|_| ()), Err(why), "{pdu}");
}

/// Asserts name, class, sub-code and items of the command in a PDU.
#[track_caller]
fn asks(pdu: &str, class: Class, name: &str, sub: Option<u16>, items: &[Item<'_>]) {
    let bytes = adu_of(pdu);
    let command = command(&bytes).unwrap_or_else(|why| panic!("{pdu}: {why}"));
    assert_eq!((command.name, command.class, command.sub), (name, class, sub), "{pdu}");
    assert_eq!((command.function, command.unit), (u16::from(bytes[7]), 7));
    assert_eq!(command.items.collect::<Vec<_>>(), items, "{pdu}");
}

/// Asserts a command without an object.
#[track_caller]
fn asks_bare(pdu: &str, class: Class, name: &str, sub: Option<u16>) {
    asks(pdu, class, name, sub, &[Item::bare(class)]);
}

fn item(class: Class, space: Space, start: u32, count: u32, values: Values<'_>) -> Item<'_> {
    Item { space, start, count, values, ..Item::bare(class) }
}

#[test]
fn reads() {
    let cases = [
        ("01 0013 0013", "read-coils", Space::Coils, 19, 19),
        ("02 00c4 0016", "read-discrete-inputs", Space::DiscreteInputs, 196, 22),
        ("03 006b 0003", "read-holding-registers", Space::HoldingRegisters, 107, 3),
        ("04 0008 0001", "read-input-registers", Space::InputRegisters, 8, 1),
    ];
    for (pdu, name, space, start, count) in cases {
        let read = item(Class::Read, space, start, count, Values::None);
        asks(pdu, Class::Read, name, None, &[read]);
    }
}

#[test]
fn limits_of_reads() {
    for (code, limit) in [(1, 2000_u16), (2, 2000), (3, 125), (4, 125)] {
        let request = |start: u16, count: u16| {
            let bytes = adu_of(&format!("{code:02x} {start:04x} {count:04x}"));
            command(&bytes).map(|_| ())
        };
        assert_eq!(request(0, 0), Err(Quantity));
        assert_eq!(request(0, 1), Ok(()));
        assert_eq!(request(0, limit), Ok(()));
        assert_eq!(request(0, limit + 1), Err(Quantity));
        assert_eq!(request(0, u16::MAX), Err(Quantity));
        assert_eq!(request(u16::MAX, 1), Ok(()));
        assert_eq!(request(u16::MAX, 2), Err(Address));
        assert_eq!(request(u16::MAX - limit + 1, limit), Ok(()), "up to the last element");
        assert_eq!(request(u16::MAX - limit + 2, limit), Err(Address), "one beyond");
    }
}

#[test]
fn fixed_lengths() {
    for pdu in [
        "01 0013 0013",
        "02 00c4 0016",
        "03 006b 0003",
        "04 0008 0001",
        "05 00ac ff00",
        "06 0001 0003",
        "07",
        "0b",
        "0c",
        "11",
        "16 0004 00f2 0025",
        "18 04de",
        "2b 0e 01 00",
        "08 0001 0000",
        "08 0002 0000",
        "08 0004 0000",
        "08 0014 0000",
    ] {
        assert!(command(&adu_of(pdu)).is_ok(), "{pdu}");
        refused(&format!("{pdu} 00"), Inconsistent);
        refused(&format!("{pdu} 0000"), Inconsistent);
        let bytes = hex(pdu);
        for shorter in 1..bytes.len() {
            let cut = adu(&bytes[..shorter]);
            assert_eq!(command(&cut).map(|_| ()), Err(Inconsistent), "{pdu} cut to {shorter}");
        }
    }
}

#[test]
fn write_single_coil() {
    for (pdu, coil) in [("05 00ac ff00", [1]), ("05 00ac 0000", [0])] {
        let write = item(Class::Write, Space::Coils, 172, 1, Values::Coils(&coil));
        asks(pdu, Class::Write, "write-single-coil", None, &[write]);
        assert_eq!(write.values.numbers(write.count).collect::<Vec<_>>(), [u32::from(coil[0])]);
    }
    for value in ["0001", "ff01", "fe00", "00ff", "ffff", "0100"] {
        refused(&format!("05 00ac {value}"), Value);
    }
}

#[test]
fn write_single_register() {
    let write = item(Class::Write, Space::HoldingRegisters, 1, 1, Values::Registers(&[0, 3]));
    asks("06 0001 0003", Class::Write, "write-single-register", None, &[write]);
    assert_eq!(write.values.numbers(1).collect::<Vec<_>>(), [3]);
    assert!(command(&adu_of("06 ffff ffff")).is_ok());
}

#[test]
fn write_multiple_coils() {
    let write = item(Class::Write, Space::Coils, 19, 10, Values::Coils(&[0xcd, 0x01]));
    asks("0f 0013 000a 02 cd01", Class::Write, "write-multiple-coils", None, &[write]);
    let coils: Vec<_> = write.values.numbers(write.count).collect();
    assert_eq!(coils, [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]);
    refused("0f 0013 000a 01 cd01", Inconsistent);
    refused("0f 0013 000a 03 cd01", Inconsistent);
    refused("0f 0013 000a 03 cd0100", Inconsistent);
    refused("0f 0013 000a 01 cd", Inconsistent);
    refused("0f 0013 0011 02 cd01", Inconsistent);
    refused("0f 0013 000a", Inconsistent);
    refused("0f 0013 000a 02", Inconsistent);
    refused("0f 0013 0000 00", Quantity);
    refused("0f fff7 000a 02 cd01", Address);
    assert!(command(&adu_of("0f fff6 000a 02 cd01")).is_ok());
}

#[test]
fn limits_of_multiple_writes() {
    let coils = |count: u16, bytes: usize| {
        let data = "00".repeat(bytes);
        command(&adu_of(&format!("0f 0000 {count:04x} {bytes:02x} {data}"))).map(|_| ())
    };
    assert_eq!(coils(1968, 246), Ok(()));
    assert_eq!(coils(1969, 246), Err(Quantity));
    let registers = |count: u16, bytes: usize| {
        let data = "00".repeat(bytes);
        command(&adu_of(&format!("10 0000 {count:04x} {bytes:02x} {data}"))).map(|_| ())
    };
    assert_eq!(registers(123, 246), Ok(()));
    assert_eq!(registers(124, 246), Err(Quantity));
    assert_eq!(registers(0, 0), Err(Quantity));
    assert_eq!(registers(1, 2), Ok(()));
}

#[test]
fn write_multiple_registers() {
    let values = Values::Registers(&[0, 0x0a, 1, 2]);
    let write = item(Class::Write, Space::HoldingRegisters, 1, 2, values);
    asks("10 0001 0002 04 000a0102", Class::Write, "write-multiple-registers", None, &[write]);
    assert_eq!(values.numbers(2).collect::<Vec<_>>(), [10, 258]);
    refused("10 0001 0002 02 000a0102", Inconsistent);
    refused("10 0001 0002 04 000a01", Inconsistent);
    refused("10 0001 0002 04 000a010200", Inconsistent);
    refused("10 0001 0001 04 000a0102", Inconsistent);
    refused("10 0001 0003 04 000a0102", Inconsistent);
    refused("10 ffff 0002 04 000a0102", Address);
    assert!(command(&adu_of("10 fffe 0002 04 000a0102")).is_ok());
}

#[test]
fn mask_write() {
    let mask = Values::Mask { and: 0x00f2, or: 0x0025 };
    let write = item(Class::Write, Space::HoldingRegisters, 4, 1, mask);
    asks("16 0004 00f2 0025", Class::Write, "mask-write-register", None, &[write]);
}

#[test]
fn read_write_has_two_items() {
    let space = Space::HoldingRegisters;
    let read = item(Class::Read, space, 3, 6, Values::None);
    let write = item(Class::Write, space, 14, 1, Values::Registers(&[0, 0xff]));
    let name = "read-write-multiple-registers";
    asks("17 0003 0006 000e 0001 02 00ff", Class::Write, name, None, &[read, write]);
}

#[test]
fn limits_of_read_write() {
    let request = |read: [u16; 2], write: [u16; 2], bytes: usize| {
        let [read_start, read] = read;
        let [write_start, write] = write;
        let data = "00".repeat(bytes);
        command(&adu_of(&format!(
            "17 {read_start:04x} {read:04x} {write_start:04x} {write:04x} {bytes:02x} {data}"
        )))
        .map(|_| ())
    };
    assert_eq!(request([0, 125], [0, 121], 242), Ok(()));
    assert_eq!(request([0, 126], [0, 1], 2), Err(Quantity));
    assert_eq!(request([0, 0], [0, 1], 2), Err(Quantity));
    assert_eq!(request([0, 1], [0, 0], 0), Err(Quantity));
    assert_eq!(request([0, 1], [0, 122], 242), Err(Quantity));
    assert_eq!(request([0, 1], [0, 2], 2), Err(Inconsistent));
    assert_eq!(request([0xffff, 1], [0xffff, 1], 2), Ok(()));
    assert_eq!(request([0xffff, 2], [0, 1], 2), Err(Address));
    assert_eq!(request([0, 1], [0xffff, 2], 4), Err(Address));
    refused("17 0003 0006 000e 0001 02 00", Inconsistent);
    refused("17 0003 0006 000e 0001 02 00ff00", Inconsistent);
    refused("17 0003 0006 000e", Inconsistent);
    refused("17 0003 00", Inconsistent);
}

#[test]
fn read_fifo() {
    let queue = item(Class::Read, Space::Fifo, 0x04de, 1, Values::None);
    asks("18 04de", Class::Read, "read-fifo-queue", None, &[queue]);
}

#[test]
fn read_file_record() {
    let first = item(Class::FileRead, Space::File(4), 1, 2, Values::None);
    let second = item(Class::FileRead, Space::File(3), 9, 2, Values::None);
    let pdu = "14 0e 06 0004 0001 0002 06 0003 0009 0002";
    asks(pdu, Class::FileRead, "read-file-record", None, &[first, second]);
    refused("14", Inconsistent);
    refused("14 00", Quantity);
    refused("14 06 06 0004 0001 00", Inconsistent);
    refused("14 08 06 0004 0001 0002 06", Inconsistent);
    refused("14 0e 06 0004 0001 0002", Inconsistent);
    refused("14 07 06 0004 0001 0002 06 0003 0009 0002", Inconsistent);
    refused("14 0e 06 0004 0001 0002 05 0003 0009 0002", Value);
}

#[test]
fn limits_of_file_records() {
    let read = |file: u16, record: u16, length: u16| {
        command(&adu_of(&format!("14 07 06 {file:04x} {record:04x} {length:04x}"))).map(|_| ())
    };
    assert_eq!(read(0, 0, 1), Err(Address));
    assert_eq!(read(1, 0, 1), Ok(()));
    assert_eq!(read(0xffff, 0, 1), Ok(()));
    assert_eq!(read(1, 9999, 1), Ok(()));
    assert_eq!(read(1, 9999, 2), Err(Address));
    assert_eq!(read(1, 10_000, 1), Err(Address));
    assert_eq!(read(1, 0, 0), Err(Quantity));
    assert_eq!(read(1, 0, 124), Ok(()), "2 + 2 * 124 bytes fit into a response");
    assert_eq!(read(1, 0, 125), Err(Quantity));
    let pair = |length: u16| {
        let group = format!("06 0001 0000 {length:04x}");
        command(&adu_of(&format!("14 0e {group} {group}"))).map(|_| ())
    };
    assert_eq!(pair(61), Ok(()), "248 of 251 bytes");
    assert_eq!(pair(62), Err(Quantity), "252 of 251 bytes");
}

#[test]
fn write_file_record() {
    let data = [6, 0xaf, 4, 0xbe, 0x10, 0x0d];
    let write = item(Class::FileWrite, Space::File(4), 7, 3, Values::Registers(&data));
    let pdu = "15 0d 06 0004 0007 0003 06af 04be 100d";
    asks(pdu, Class::FileWrite, "write-file-record", None, &[write]);
    let two = "15 12 06 0001 0000 0001 1111 06 0002 0003 0001 2222";
    let first = item(Class::FileWrite, Space::File(1), 0, 1, Values::Registers(&[0x11; 2]));
    let second = item(Class::FileWrite, Space::File(2), 3, 1, Values::Registers(&[0x22; 2]));
    asks(two, Class::FileWrite, "write-file-record", None, &[first, second]);
    refused("15 00", Quantity);
    refused("15 0d 06 0004 0007 0004 06af 04be 100d", Inconsistent);
    refused("15 0d 06 0004 0007 0002 06af 04be 100d", Inconsistent);
    refused("15 09 07 0004 0007 0001 06af", Value);
    refused("15 07 06 0004 0007 0000", Quantity);
    refused("15 09 06 0000 0007 0001 06af", Address);
    refused("15 09 06 0001 2710 0001 06af", Address);
    let longest = format!("15 fb 06 0001 0000 007a {}", "00".repeat(244));
    assert!(command(&adu_of(&longest)).is_ok());
}

#[test]
fn without_object() {
    asks_bare("07", Class::Read, "read-exception-status", None);
    asks_bare("0b", Class::Read, "get-comm-event-counter", None);
    asks_bare("0c", Class::Read, "get-comm-event-log", None);
    asks_bare("11", Class::Discover, "report-server-id", None);
}

#[test]
fn diagnostics() {
    asks_bare("08 0000 a537", Class::Diag, "return-query-data", Some(0));
    asks_bare("08 0000 a537 0102 0304", Class::Diag, "return-query-data", Some(0));
    refused("08 0000", Inconsistent);
    refused("08 0000 a5", Inconsistent);
    refused("08 0000 a537 01", Inconsistent);
    asks_bare("08 0001 0000", Class::Mode, "restart-communications", Some(1));
    asks_bare("08 0001 ff00", Class::Mode, "restart-communications", Some(1));
    refused("08 0001 0001", Value);
    refused("08 0001 ffff", Value);
    asks_bare("08 0003 0a00", Class::Config, "change-ascii-delimiter", Some(3));
    asks_bare("08 0004 0000", Class::Mode, "force-listen-only", Some(4));
    asks_bare("08 000a 0000", Class::Config, "clear-counters", Some(10));
    asks_bare("08 0012 0000", Class::Diag, "return-bus-character-overrun-count", Some(18));
    asks_bare("08 0015 0003", Class::Unknown, "unknown", Some(21));
    asks_bare("08 0015 0003 0004", Class::Unknown, "unknown", Some(21));
    refused("08 0015", Inconsistent);
}

#[test]
fn encapsulated_interface() {
    let name = "read-device-identification";
    for code in 1..=4 {
        asks_bare(&format!("2b 0e {code:02x} 00"), Class::Discover, name, Some(14));
    }
    refused("2b 0e 00 00", Value);
    refused("2b 0e 05 00", Value);
    refused("2b", Inconsistent);
    asks_bare("2b 0d 0102 03", Class::Config, "canopen-general-reference", Some(13));
    asks_bare("2b 0f 0102", Class::Unknown, "unknown", Some(15));
}

#[test]
fn umas() {
    asks_bare("5a 00 02", Class::Discover, "umas-read-id", Some(2));
    asks_bare("5a 01 40 ff00", Class::Mode, "umas-start", Some(0x40));
    asks_bare("5a 01 41 ff00", Class::Mode, "umas-stop", Some(0x41));
    asks_bare("5a 00 10 00000000", Class::Auth, "umas-take-reservation", Some(0x10));
    asks_bare("5a 01 34 0001", Class::ProgramWrite, "umas-download-block", Some(0x34));
    asks_bare("5a 01 7f", Class::Unknown, "unknown", Some(0x7f));
    asks_bare("5a 01", Class::Unknown, "unknown", None);
    asks_bare("5a", Class::Unknown, "unknown", None);
}

#[test]
fn codes_that_are_not_known_are_commands() {
    asks_bare("7d 01", Class::ProgramWrite, "firmware-replacement", None);
    for code in [9, 10, 13, 14, 18, 41, 65, 72, 91, 100, 110, 127] {
        asks_bare(&format!("{code:02x}"), Class::Unknown, "unknown", None);
        asks_bare(&format!("{code:02x} 010203"), Class::Unknown, "unknown", None);
    }
}

#[test]
fn codes_that_cannot_be_requests() {
    refused("00", Function);
    refused("00 0000 0001", Function);
    for code in 0x80..=0xff_u8 {
        refused(&format!("{code:02x} 01"), Function);
    }
}

#[test]
fn the_envelope_is_checked_too() {
    let mut request = adu_of("03 006b 0003");
    request[3] = 1;
    assert_eq!(command(&request).map(|_| ()), Err(NotTheProtocol::Envelope));
    request[3] = 0;
    request[5] = 7;
    assert_eq!(command(&request).map(|_| ()), Err(Inconsistent));
    request[5] = 1;
    assert_eq!(command(&request).map(|_| ()), Err(NotTheProtocol::Length));
    assert_eq!(command(&[]).map(|_| ()), Err(Inconsistent));
}

#[test]
fn keys_pair_a_request_with_its_responses() {
    let request = key(&adu_of("10 0001 0001 02 0001")).unwrap();
    assert_eq!(request.transaction, 0x12_3407);
    assert_eq!(request.function, 16);
    assert!(request.answered);
    assert_eq!(key(&adu_of("10 0001 0001")), Some(request));
    assert_eq!(key(&adu_of("90 01")), Some(request), "an exception");
    assert_eq!(key(&adu_of("07")[..7]), None);
}

#[test]
fn only_force_listen_only_is_not_answered() {
    assert!(!key(&adu_of("08 0004 0000")).unwrap().answered);
    for pdu in ["08 0000 0004", "08 0001 0000", "06 0004 0000", "07", "5a 00 04"] {
        assert!(key(&adu_of(pdu)).unwrap().answered, "{pdu}");
    }
    for unit in [0, 255] {
        let mut request = adu_of("06 0001 0003");
        request[6] = unit;
        assert!(key(&request).unwrap().answered, "TCP servers answer unit {unit}");
    }
}
