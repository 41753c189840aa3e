use super::{CALL, READ, WRITE, chunk, hello, hex, message, open, service};
use crate::opcua::channel::Channel;
use crate::opcua::denial::denial;
use crate::opcua::{command, key, response};
use crate::{Direction, Refusal};

/// Longest refusal of any protocol, as the engine has room for it.
const ROOM: usize = crate::enip::denial::LONGEST;

fn denied(request: &[u8], why: Refusal) -> Option<Vec<u8>> {
    denied_on(&Channel::NEW, request, why)
}

fn denied_on(channel: &Channel, request: &[u8], why: Refusal) -> Option<Vec<u8>> {
    let mut out = [0xaa; ROOM];
    let length = denial(request, channel, why, &mut out)?;
    let (answer, rest) = out.split_at(length);
    assert!(rest.iter().all(|byte| *byte == 0xaa), "nothing written behind it");
    assert_eq!(response(answer), Ok(()));
    Some(answer.to_vec())
}

/// What stands in front of every answer: channel 5, token 6, no number yet, request 9.
fn answer(kind: &str, result: &str, behind: &str) -> Option<Vec<u8>> {
    let front = "05000000 06000000 00000000 09000000";
    let header = format!("0100 {kind} 0011223344556677 2a000000 {result} 00 ffffffff 000000");
    Some(chunk(b"MSGF", &hex(&format!("{front} {header} {behind}"))))
}

#[test]
fn a_service_is_refused_by_a_fault() {
    for pdu in [service(631, READ), service(673, WRITE), service(500, "01000000 00 55 01")] {
        let fault = denied(&pdu, Refusal::Function);
        assert_eq!(fault, answer("8d01", "00001f80", ""));
        assert_eq!(key(&fault.unwrap()), key(&pdu), "the request's own identifier");
        assert_eq!(denied(&pdu, Refusal::Busy), answer("8d01", "00001080", ""));
    }
}

/// The whole of one, byte for byte.
#[test]
fn a_whole_fault() {
    let write = hex("4d534746 4f000000 01000000 01000000 02000000 02000000 0100a102 0000 \
         0000000000000000 01000000 00000000 ffffffff e8030000 000000 01000000 \
         010105000d000000ffffffff010601000000");
    let fault = hex("4d534746 34000000 01000000 01000000 00000000 02000000 01008d01 \
         0000000000000000 01000000 00001f80 00 ffffffff 000000");
    assert_eq!(denied(&write, Refusal::Function), Some(fault));
}

#[test]
fn what_it_touches_is_refused_item_by_item() {
    let status = "00001f80";
    for (pdu, kind, behind) in [
        (service(673, WRITE), "a402", format!("01000000 {status} ffffffff")),
        (service(631, READ), "7a02", format!("02000000 02{status} 02{status} ffffffff")),
        (
            service(712, CALL),
            "cb02",
            format!("01000000 {status} ffffffff ffffffff ffffffff ffffffff"),
        ),
        (
            service(
                751,
                "01000000 00000000 01000000 00 55 0d000000 ffffffff 0000 ffffffff 02000000 \
                 01000000 0000000000000000 00 00 00 01000000 01",
            ),
            "f202",
            format!("01000000 {status} 00000000 0000000000000000 00000000 000000 ffffffff"),
        ),
        (
            service(
                527,
                "00 00 0000000000000000 00000000 00000000 01000000 00 55 00000000 00 21 01 \
                 ff000000 3f000000",
            ),
            "1202",
            format!("01000000 {status} ffffffff ffffffff ffffffff"),
        ),
    ] {
        assert!(command(&pdu).is_ok());
        for why in [Refusal::Address, Refusal::Value] {
            assert_eq!(denied(&pdu, why), answer(kind, "00000000", &behind), "{kind}");
        }
    }
    let delete = service(500, "01000000 00 55 01");
    let fault = answer("8d01", "00001f80", "");
    assert_eq!(denied(&delete, Refusal::Address), fault, "of others the service fails");
}

/// 400 calls would be answered by more than there is room for: then the service fails as a whole.
#[test]
fn what_does_not_fit_is_a_fault() {
    let calls = [&400_i32.to_le_bytes()[..], &hex("00 55 00 56 00000000").repeat(400)].concat();
    let pdu = message(3, 712, &calls);
    assert!(command(&pdu).is_ok());
    let mut out = [0; ROOM];
    let length = denial(&pdu, &Channel::NEW, Refusal::Address, &mut out).unwrap();
    assert_eq!(Some(out[..length].to_vec()), answer("8d01", "00001f80", ""));
}

#[test]
fn a_connection_is_refused_by_an_error() {
    let error = |status: &str| Some(chunk(b"ERRF", &hex(&format!("{status} ffffffff"))));
    assert_eq!(denied(&hello(), Refusal::Function), error("00001f80"));
    assert_eq!(denied(&hello(), Refusal::Busy), error("00007d80"));
    assert_eq!(denied(&open("None", 1), Refusal::Function), error("00001f80"));
    assert_eq!(denied(&open("Basic256Sha256", 1), Refusal::Function), error("00005580"));
}

/// Nothing can be answered in a channel whose answers are signed.
#[test]
fn a_secured_channel_is_ended() {
    let mut channel = Channel::NEW;
    channel.note(Direction::ToServer, &hello());
    channel.note(Direction::ToServer, &open("Basic256Sha256", 1));
    let error = chunk(b"ERRF", &hex("0000e680 ffffffff"));
    assert_eq!(denied_on(&channel, &service(631, READ), Refusal::Function), Some(error));
}

#[test]
fn what_is_not_answered_is_not_refused() {
    let close = service(452, "");
    assert_eq!(denied(&[b"CLO", &close[3..]].concat(), Refusal::Function), None);
    assert_eq!(denied(&super::acknowledge(), Refusal::Function), None);
    let mut short = [0; 20];
    assert_eq!(denial(&service(631, READ), &Channel::NEW, Refusal::Function, &mut short), None);
}

/// Of what cannot be read only the identifier is known.
#[test]
fn what_cannot_be_read_is_refused_by_its_identifier() {
    let sequence = [5_u32, 6, 3, 9].map(u32::to_le_bytes).concat();
    let pdu = chunk(b"MSGF", &[&sequence[..], &hex("9a0e51c8")].concat());
    let fault = "05000000 06000000 00000000 09000000 01008d01 0000000000000000 00000000 00001f80 00 \
                 ffffffff 000000";
    assert_eq!(denied(&pdu, Refusal::Function), Some(chunk(b"MSGF", &hex(fault))));
}
