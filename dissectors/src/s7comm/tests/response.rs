use super::*;
use crate::Direction::{ToClient, ToServer};
use crate::s7comm::{Association, response};

#[test]
fn responses_are_checked_by_themselves() {
    for right in [
        hex(CONFIRM),
        message(3, &hex("04 01"), &hex("ff 04 0010 1234")),
        message(2, &[], &[]),
        message(1, &hex("1b 00"), &[]),
        message(7, &hex("000112 08 12 84 01 01 00 00 0000"), &hex("0a000000")),
        data(&hex("17 0303 0001 00")),
        hex("0300000b 0680 0001 0003 00"),
    ] {
        assert_eq!(response(&right), Ok(()), "{right:02x?}");
    }
    assert!(response(&hex(CONNECT)).is_err(), "a device opens no connection");
    assert!(response(&message(7, &hex("000112 07 12 84 01 01 00 00 0000"), &[])).is_err());
    assert!(response(&data(&hex("3203 0000 0001 0002 0000 0000 04"))).is_err());
}

#[test]
fn a_device_speaks_without_being_asked() {
    let none = Association::NONE;
    let indication = hex("000112 08 12 04 06 01 00 00 0000");
    for own in [
        message(1, &hex("1b 00"), &[]),
        message(7, &indication, &hex("0a000000")),
        data(&hex("17 0303 0001 00")),
        data(&hex("72010004 33700001 72010000")),
        data(&[]),
        hex("0300000b 0680 0001 0003 00"),
    ] {
        assert!(none.is_unasked(&own), "{own:02x?}");
    }
    for answer in [
        hex(CONFIRM),
        message(3, &hex("04 01"), &[]),
        message(2, &[], &[]),
        message(7, &hex("000112 08 12 84 01 01 00 00 0000"), &[]),
        data(&hex("72010009 32 0000 04bb 0000 0007 7201 0000")),
    ] {
        assert!(!none.is_unasked(&answer), "{answer:02x?}");
    }
}

/// A long answer of S7comm-plus comes in several PDUs, of which only the last has a trailer.
#[test]
fn what_continues_an_answer_is_part_of_it() {
    let mut flow = Association::NONE;
    let rest = data(&hex("72010009 32 0000 04bb 0000 0007 7201 0000"));
    flow.note(ToClient, &data(&hex("72010009 32 0000 04bb 0000 0007")));
    assert!(flow.is_unasked(&rest));
    flow.note(ToClient, &rest);
    assert!(!flow.is_unasked(&rest));
}

#[test]
fn the_references_of_both_ends_are_known() {
    let mut flow = Association::NONE;
    flow.note(ToServer, &hex(CONNECT));
    flow.note(ToClient, &hex(CONFIRM));
    assert_eq!(flow.references(), (1, 3));
}
