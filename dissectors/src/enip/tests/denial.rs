use super::{
    FORWARD_CLOSE, FORWARD_OPEN, OPENED, READ_TAG, WRITE_TAG, connected, hex, multiple, packet,
    ucmm, unconnected, wrapped,
};
use crate::enip::denial::LONGEST;
use crate::enip::frame::code;
use crate::enip::{Connections, denial, key, response};
use crate::{Direction, Refusal};

fn denied(request: &[u8]) -> Option<Vec<u8>> {
    denied_in(request, &Connections::NONE, Refusal::Function)
}

fn denied_in(request: &[u8], connections: &Connections, why: Refusal) -> Option<Vec<u8>> {
    let mut out = [0xaa; LONGEST];
    let length = denial(request, connections, why, &mut out)?;
    let (answer, rest) = out.split_at(length);
    assert!(rest.iter().all(|byte| *byte == 0xaa), "nothing written behind it");
    assert_eq!(response(answer), Ok(()));
    assert_eq!(key(request).unwrap().transaction, key(answer).unwrap().transaction);
    Some(answer.to_vec())
}

/// The refusals of unconnected requests, byte for byte.
#[test]
fn general_status_15() {
    for (request, answer) in [
        ("10 03 20f5 2401 3005 c0a80101", "90000f00"),
        ("07 02 2064 2401", "87000f00"),
        (WRITE_TAG, "cd000f00"),
        (
            "4b 02 2067 2401 07 4d00 01020304 0f 00 0100 aa 02 07 89 00 00 0500",
            "cb000000 07 4d00 01020304 4f f0 0100 0b",
        ),
        ("52 02 2006 2401 05f7 0600 0502 2001 2401 0100 0100", "85000f00"),
        (FORWARD_OPEN, "d4000f00 4242 3713 cdab0000 00 00"),
        (FORWARD_CLOSE, "ce000f00 4242 3713 cdab0000 00 00"),
    ] {
        assert_eq!(denied(&ucmm(request)), Some(ucmm(answer)), "{request}");
    }
}

#[test]
fn a_whole_refusal_with_its_wrapping() {
    let request =
        hex("6f00 2000 44332211 00000000 4354583030303031 00000000 00000000 0500 0200 0000 0000 \
         b200 1000 4d03910354616700c400010001000000");
    let answer =
        hex("6f00 1400 44332211 00000000 4354583030303031 00000000 00000000 0500 0200 0000 0000 \
         b200 0400 cd000f00");
    assert_eq!(denied(&request), Some(answer));
}

#[test]
fn every_service_of_a_packet_is_refused() {
    let (read, write) = (hex(READ_TAG), hex(WRITE_TAG));
    let packet = multiple(&[&read, &write]);
    let answer = "8a001e00 0200 0600 0a00 cc000f00 cd000f00";
    assert_eq!(denied(&unconnected(&packet)), Some(ucmm(answer)));
    assert_eq!(denied(&unconnected(&wrapped(&packet))), Some(ucmm(answer)), "wrapped too");
}

#[test]
fn the_longest_refusal_fits() {
    let read = hex("0e 02 2001 2401");
    let many = unconnected(&multiple(&vec![&read[..]; 256]));
    assert_eq!(denied(&many).unwrap().len(), 24 + 16 + 6 + 256 * 6);
}

#[test]
fn connected_requests_are_answered_on_the_clients_connection() {
    let mut connections = Connections::NONE;
    connections.note(Direction::ToServer, &ucmm(FORWARD_OPEN));
    connections.note(Direction::ToClient, &ucmm(OPENED));
    let reset = connected(0x1000, &hex("05 02 2001 2401"));
    let answer = connected(0x7777_0001, &hex("85000f00"));
    assert_eq!(denied_in(&reset, &connections, Refusal::Function), Some(answer));
    let mut out = [0; LONGEST];
    let none = &Connections::NONE;
    assert_eq!(denial(&reset, none, Refusal::Function, &mut out), Some(24), "by the encapsulation");
    assert_eq!((&out[8..12], response(&out[..24])), (&[3, 0, 0, 0][..], Ok(())));
}

#[test]
fn packets_without_a_message_have_an_encapsulation_status() {
    let identity = packet(code::LIST_IDENTITY, &[]);
    let mut answer = identity.clone();
    answer[8] = 1;
    assert_eq!(denied(&identity), Some(answer));
    for never in [code::NOP, code::UNREGISTER_SESSION] {
        assert_eq!(denied(&packet(never, &[])), None);
    }
    assert_eq!(denied(&[0; 23]), None);
}

#[test]
fn reasons() {
    let reasons =
        [(Refusal::Function, 15), (Refusal::Address, 15), (Refusal::Value, 15), (Refusal::Busy, 2)];
    for (why, status) in reasons {
        let answer = denied_in(&ucmm(WRITE_TAG), &Connections::NONE, why).unwrap();
        assert_eq!(answer[answer.len() - 2], status);
    }
}

#[test]
fn a_request_that_contradicts_itself_can_still_be_answered() {
    let cut = ucmm("4c 03 9103 54");
    assert_eq!(denied(&cut), Some(ucmm("cc000f00")));
    let nested = (0..6).fold(hex(WRITE_TAG), |message, _| multiple(&[&message]));
    assert_eq!(denied(&unconnected(&nested)), Some(ucmm("8a001e00 0100 0400 8a000f00")));
}

#[test]
fn out_must_have_room() {
    let answer = denied(&ucmm(WRITE_TAG)).unwrap();
    let mut out = vec![0; answer.len()];
    let (none, why) = (&Connections::NONE, Refusal::Function);
    assert_eq!(denial(&ucmm(WRITE_TAG), none, why, &mut out[1..]), None);
    assert_eq!(denial(&ucmm(WRITE_TAG), none, why, &mut out), Some(answer.len()));
}
