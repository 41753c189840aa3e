use std::fmt::Write as _;

use super::adu_of;
use crate::Direction::{self, ToClient, ToServer};
use crate::Field;
use crate::modbus::fields;

/// All fields of an ADU in one line, in the order of the wire.
fn line(adu: &[u8], direction: Direction) -> String {
    let mut line = String::new();
    let mut sink = |name: &'static str, value: Field<'_>| {
        match value {
            Field::Number(number) => write!(line, "{name}={number} "),
            Field::Flag(flag) => write!(line, "{name}={flag} "),
            Field::Bytes(bytes) => write!(line, "{name}={bytes:02x?} "),
            Field::Text(text) => write!(line, "{name}={text:?} "),
            Field::Registers(bytes) => write!(line, "{name}=registers{bytes:02x?} "),
            Field::Bits(bytes, bits) => write!(line, "{name}={bits} bits{bytes:02x?} "),
            Field::Node(node) => write!(line, "{name}={node} "),
        }
        .unwrap();
    };
    fields(adu, direction, &mut sink);
    line.trim_end().replace(", ", "")
}

/// Asserts the fields behind the header, which is the same each time.
#[track_caller]
fn named(direction: Direction, pdu: &str, expected: &str) {
    let adu = adu_of(pdu);
    let function = adu[7] & 0x7f;
    let header = format!(
        "trans_id=4660 prot_id=0 len={} unit_id=7 func={function} exception={} ",
        adu.len() - 6,
        adu[7] > 0x7f
    );
    let line = format!("{} ", line(&adu, direction));
    let data = line.strip_prefix(&header).unwrap_or_else(|| panic!("{pdu}: {line}"));
    assert_eq!(data.trim_end(), expected, "{pdu}");
}

#[test]
fn requests() {
    let cases = [
        ("01 0013 0025", "ref=19 bit_cnt=37"),
        ("02 00c4 0016", "ref=196 bit_cnt=22"),
        ("03 006b 0003", "ref=107 word_cnt=3"),
        ("04 0008 0001", "ref=8 word_cnt=1"),
        ("05 00ac ff00", "ref=172 data=[ff00]"),
        ("06 0001 0003", "ref=1 data=[0003]"),
        ("07", ""),
        ("08 0000 a537", "diag=0 data=[a537]"),
        ("08 0002 0000", "diag=2 data=[0000]"),
        ("0b", ""),
        ("0c", ""),
        ("0f 0013 000a 02 cd01", "ref=19 bit_cnt=10 byte_cnt=2 data=[cd01]"),
        ("10 0001 0002 04 000a0102", "ref=1 word_cnt=2 byte_cnt=4 regs=registers[000a0102]"),
        ("11", ""),
        ("16 0004 00f2 0025", "ref=4 and_mask=242 or_mask=37"),
        (
            "17 0003 0006 000e 0001 02 00ff",
            "read_ref=3 read_cnt=6 write_ref=14 write_cnt=1 byte_cnt=2 data=[00ff]",
        ),
        ("18 04de", "ref=1246"),
        ("2b 0e 01 00", "mei=14 read_device_id=1 object_id=0"),
        ("2b 0d 0102", "mei=13 data=[0102]"),
        ("5a 01 40 ff00", "umas_session=1 umas_func=64 data=[ff00]"),
        ("41 0102", "data=[0102]"),
    ];
    for (pdu, expected) in cases {
        named(ToServer, pdu, expected);
    }
}

#[test]
fn responses() {
    let cases = [
        ("01 02 cd6b", "byte_cnt=2 bits=16 bits[cd6b]"),
        ("02 01 ac", "byte_cnt=1 bits=8 bits[ac]"),
        ("03 04 022b0064", "byte_cnt=4 regs=registers[022b0064]"),
        ("04 02 000a", "byte_cnt=2 regs=registers[000a]"),
        ("05 00ac ff00", "ref=172 data=[ff00]"),
        ("06 0001 0003", "ref=1 data=[0003]"),
        ("07 6d", "data=[6d]"),
        ("08 000b 0007", "diag=11 data=[0007]"),
        ("0b ffff 0108", "event_status=65535 event_cnt=264"),
        (
            "0c 08 0000 0108 0121 2000",
            "byte_cnt=8 event_status=0 event_cnt=264 message_cnt=289 events=[2000]",
        ),
        ("0f 0013 000a", "ref=19 bit_cnt=10"),
        ("10 0001 0002", "ref=1 word_cnt=2"),
        ("11 03 01ff41", "byte_cnt=3 data=[01ff41]"),
        ("16 0004 00f2 0025", "ref=4 and_mask=242 or_mask=37"),
        ("17 02 00fe", "byte_cnt=2 data=[00fe]"),
        ("18 0006 0002 01b81284", "byte_cnt=6 word_cnt=2 data=[01b81284]"),
        ("5a 00 fe 01", "umas_session=0 umas_func=254 data=[01]"),
        ("83 02", "exc_code=2"),
        ("da 06", "exc_code=6"),
    ];
    for (pdu, expected) in cases {
        named(ToClient, pdu, expected);
    }
}

#[test]
fn file_records() {
    named(
        ToServer,
        "14 0e 06 0004 0001 0002 06 0003 0009 0002",
        "byte_cnt=14 ref=262145 word_cnt=2 ref_type=6 file=4 record=1 record_len=2 \
         ref_type=6 file=3 record=9 record_len=2",
    );
    named(
        ToClient,
        "14 0c 05 06 0dfe0020 05 06 33cd0040",
        "byte_cnt=12 ref_type=6 data=[0dfe0020] ref_type=6 data=[33cd0040]",
    );
    for direction in [ToServer, ToClient] {
        named(
            direction,
            "15 0d 06 0004 0007 0003 06af04be100d",
            "byte_cnt=13 ref=262151 word_cnt=3 ref_type=6 file=4 record=7 record_len=3 \
             data=[06af04be100d]",
        );
        named(direction, "14 00", "byte_cnt=0");
        named(direction, "15 00", "byte_cnt=0");
    }
}

#[test]
fn device_identification() {
    named(
        ToClient,
        "2b 0e 01 01 00 00 02 00 02 4142 01 01 ff",
        "mei=14 read_device_id=1 conformity_level=1 more_follows=0 next_object_id=0 \
         num_objects=2 object_id=0 object_value=\"AB\" object_id=1 object_value=[ff]",
    );
}

#[test]
fn what_can_be_read_of_what_is_refused() {
    named(ToServer, "03 006b", "ref=107");
    named(ToServer, "03 00", "data=[00]");
    named(ToServer, "03 006b 0003 ff", "ref=107 word_cnt=3 data=[ff]");
    named(ToServer, "10 0001 0002 09 000a", "ref=1 word_cnt=2 byte_cnt=9 regs=registers[000a]");
    named(ToServer, "14 09 06 0004", "byte_cnt=9 data=[060004]");
    named(ToClient, "2b 0e 01 01", "mei=14 read_device_id=1 data=[01]");
    named(ToServer, "2b", "");
    named(ToServer, "83", "");
    named(ToServer, "00 01", "data=[01]");
}

#[test]
fn nothing_below_eight_bytes() {
    assert_eq!(line(&adu_of("07")[..7], ToServer), "");
    assert_eq!(line(&[], ToClient), "");
}
