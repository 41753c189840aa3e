use super::{adu, adu_of, hex};
use crate::NotTheProtocol::{Function, Inconsistent, Value};
use crate::modbus::response;

/// The examples of AP 6, and the functions that have none.
const RESPONSES: &[&str] = &[
    "01 03 cd6b05",
    "02 03 acdb35",
    "03 06 022b00000064",
    "04 02 000a",
    "05 00ac ff00",
    "06 0001 0003",
    "07 6d",
    "08 0001 ff00",
    "08 000b 0007",
    "0b ffff 0108",
    "0c 08 0000 0108 0121 2000",
    "0f 0013 000a",
    "10 0001 0002",
    "11 03 01ff41",
    "14 0c 05 06 0dfe0020 05 06 33cd0040",
    "15 0d 06 0004 0007 0003 06af04be100d",
    "16 0004 00f2 0025",
    "17 0c 00fe0acd00010003000d00ff",
    "18 0006 0002 01b81284",
    "2b 0e 01 01 00 00 03 00 02 4142 01 01 43 02 02 4445",
    "83 02",
];

#[test]
fn well_formed_ones_pass_and_no_other_length_does() {
    for pdu in RESPONSES {
        let bytes = hex(pdu);
        assert_eq!(response(&adu(&bytes)), Ok(()), "{pdu}");
        for shorter in 1..bytes.len() {
            let cut = adu(&bytes[..shorter]);
            assert_eq!(response(&cut), Err(Inconsistent), "{pdu} cut to {shorter}");
        }
        let longer = adu(&[&bytes[..], &[0]].concat());
        assert_eq!(response(&longer), Err(Inconsistent), "{pdu} with a byte more");
    }
}

#[test]
fn registers_come_in_whole() {
    for pdu in ["03 03 022b00", "04 01 00", "17 01 00"] {
        assert_eq!(response(&adu_of(pdu)), Err(Inconsistent), "{pdu}");
    }
}

#[test]
fn counts_that_contradict_each_other() {
    for pdu in [
        "18 0006 0001 01b81284",
        "18 0004 0002 01b81284",
        "14 0c 06 06 0dfe0020 05 06 33cd0040",
        "14 02 00 06",
        "15 0d 06 0004 0007 0002 06af04be100d",
        "2b 0e 01 01 00 00 02 00 02 4142 01 01 43 02 02 4445",
        "2b 0e 01 01 00 00 04 00 02 4142 01 01 43 02 02 4445",
        "2b 0e 01 01 00 00 01 00 03 4142",
    ] {
        assert_eq!(response(&adu_of(pdu)), Err(Inconsistent), "{pdu}");
    }
}

#[test]
fn diagnostics_have_one_word_of_data_but_for_an_echo() {
    for pdu in ["08 0000 a537", "08 0000 a5370102", "08 0015 0003", "08 0015 00030102"] {
        assert_eq!(response(&adu_of(pdu)), Ok(()), "{pdu}");
    }
    for pdu in ["08 0002 00000000", "08 0000", "08 0000 a53701", "08 0015 000301"] {
        assert_eq!(response(&adu_of(pdu)), Err(Inconsistent), "{pdu}");
    }
}

#[test]
fn exceptions() {
    for code in 1..=255_u8 {
        assert_eq!(response(&adu(&[0x83, code])), Ok(()));
    }
    assert_eq!(response(&adu(&[0x83, 0])), Err(Value));
    for function in 0x81..=0xff_u8 {
        assert_eq!(response(&adu(&[function, 1])), Ok(()));
        assert_eq!(response(&adu(&[function])), Err(Inconsistent));
        assert_eq!(response(&adu(&[function, 1, 0])), Err(Inconsistent));
    }
    assert_eq!(
        response(&adu(&[0x80, 1])),
        Ok(()),
        "what pymodbus says to a function it does not know"
    );
    assert_eq!(response(&adu(&[0, 1])), Err(Function));
}

#[test]
fn functions_that_are_not_known_pass() {
    for pdu in ["41", "41 0102", "5a 00 fe 01", "64 00", "2b 0d 0102", "2b 0f", "7f 00"] {
        assert_eq!(response(&adu_of(pdu)), Ok(()), "{pdu}");
    }
}
