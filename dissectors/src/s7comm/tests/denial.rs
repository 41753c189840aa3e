use super::*;
use crate::Direction::{ToClient, ToServer};
use crate::s7comm::denial::LONGEST;
use crate::s7comm::{Association, denial, key, response};

/// The refusal of a request on a connection between 1 and 3, which is a response to it.
fn refused(pdu: &[u8]) -> Vec<u8> {
    let mut flow = Association::NONE;
    flow.note(ToServer, &hex(CONNECT));
    flow.note(ToClient, &hex(CONFIRM));
    let mut out = [0; LONGEST];
    let length = denial(pdu, &flow, &mut out).unwrap();
    let answer = out[..length].to_vec();
    assert_eq!(response(&answer), Ok(()));
    let same = |pdu: &[u8]| key(pdu).map(|key| key.transaction);
    if answer[5] == 0xf0 {
        assert_eq!(same(&answer), same(pdu));
    }
    answer
}

#[test]
fn each_item_of_a_read_is_refused() {
    let two = job("04 02 120a10 04 0001 0001 84 000000 120a10 04 0001 0001 84 000010", "");
    let answer = "0300001d 02f080 32 03 0000 0102 0002 0008 0000 04 02 03000000 03000000";
    assert_eq!(refused(&two), hex(answer));
}

#[test]
fn each_item_of_a_write_is_refused() {
    let write = job(&READ.replacen("04", "05", 1), "00 04 0010 1234");
    assert_eq!(refused(&write), hex("03000016 02f080 32 03 0000 0102 0002 0001 0000 05 01 03"));
    let most = job(&format!("04 ff {}", READ[6..].repeat(255)), "");
    assert_eq!(refused(&most).len(), LONGEST);
}

#[test]
fn other_jobs_are_protected() {
    let answer =
        |code: &str| hex(&format!("03000014 02f080 32 03 0000 0102 0001 0000 d241 {code}"));
    for (parameters, code) in [
        ("29 0000000000 09 505f50524f4752414d", "29"),
        ("28 000000000000fd 0000 09 505f50524f4752414d", "28"),
        ("28 000000000000fd 0000 05 5f58595a5f", "28"),
        ("1a 00 0000 00000000 09 5f3041303030303150 00", "1a"),
        ("1d 00 0000 00000000 09 5f3041303030303141", "1d"),
        ("f0 00 0001 0001 01e0", "f0"),
        ("29", "29"),
        ("04", "04"),
    ] {
        assert_eq!(refused(&job(parameters, "")), answer(code), "{parameters}");
    }
    let unknown = "03000014 02f080 32 03 0000 0102 0001 0000 8104 2a";
    assert_eq!(refused(&job("2a", "")), hex(unknown), "not implemented");
}

#[test]
fn userdata_are_refused_as_userdata() {
    let answer = concat!(
        "03000021 02f080 32 07 0000 0102 000c 0004",
        "000112 08 12 87 02 00 0000 d241 0a000000"
    );
    assert_eq!(refused(&userdata("0702", "ff 09 0000")), hex(answer));
}

#[test]
fn connections_are_refused_by_cotp() {
    assert_eq!(refused(&hex(CONNECT)), hex("0300000b 06 80 0001 0000 00"));
    let stop = plus(0x04f2, "00000034 01 9077 00 07 01");
    assert_eq!(refused(&stop), hex("0300000b 06 80 0001 0003 00"), "messages are signed");
}

#[test]
fn some_things_have_no_refusal() {
    let mut out = [0; LONGEST];
    for pdu in [
        message(3, &hex("1b 00"), &[]),
        message(2, &[], &[]),
        data(&hex("16 0301 0200 01")),
        hex("0300000b 0680 0001 0003 00"),
        Vec::new(),
    ] {
        assert_eq!(denial(&pdu, &Association::NONE, &mut out), None, "{pdu:02x?}");
    }
    assert_eq!(denial(&job(READ, ""), &Association::NONE, &mut [0; 20]), None, "no room");
}

/// A request that contradicts itself is refused as far as it can be read.
#[test]
fn a_message_with_wrong_lengths_is_refused_too() {
    let bytes = [&hex("3201 0000 0102 00c8 0000")[..], &hex(READ)].concat();
    let answer = "03000014 02f080 32 03 0000 0102 0001 0000 d241 04";
    assert_eq!(refused(&data(&bytes)), hex(answer));
}
