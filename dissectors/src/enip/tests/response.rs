use super::{OPENED, connected, hex, packet, ucmm};
use crate::enip::frame::code;
use crate::enip::response;

#[test]
fn replies_are_sound_or_not() {
    for (reply, right) in [
        ("cc 00 00 00 c400 01000000", true),
        ("cc 00 05 01 0000", true),
        ("cc 00 05 02 0000", false),
        ("cc 00 00", false),
        ("4c 00 00 00", false),
        (OPENED, true),
        ("8a 00 00 00 0200 0600 0a00 cc000f00 cd000f00", true),
        ("8a 00 1e 00 0200 0600 0a00 cc000f00 cd000f00", true),
        ("8a 00 00 00 0200 0600 0600 cc000f00 cd000f00", false),
        ("8a 00 00 00 0200 0600 0a00 cc000f00 4d000f00", false),
        ("8a 00 0f 00", true),
    ] {
        assert_eq!(response(&ucmm(reply)).is_ok(), right, "{reply}");
    }
}

#[test]
fn a_connected_reply_is_read_behind_its_sequence_count() {
    assert!(response(&connected(1, &hex("cc 00 00 00"))).is_ok());
    assert!(response(&connected(1, &hex("cc 00 00"))).is_err());
}

#[test]
fn a_packet_that_was_refused_carries_nothing() {
    let mut refused = packet(code::SEND_RR_DATA, &[]);
    assert!(response(&refused).is_err());
    refused[8] = 0x64;
    assert!(response(&refused).is_ok());
}
