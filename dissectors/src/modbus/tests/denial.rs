use super::{adu_of, hex};
use crate::Refusal;
use crate::modbus::{denial, response};

fn denied(request: &[u8], why: Refusal) -> Option<Vec<u8>> {
    let mut out = [0xaa; 16];
    let length = denial(request, why, &mut out)?;
    assert!(out[length..].iter().all(|byte| *byte == 0xaa), "nothing written behind it");
    Some(out[..length].to_vec())
}

#[test]
fn function_16_denied() {
    let request = hex("0001 0000 0009 00 10 0000 0001 02 0001");
    let expected = hex("0001 0000 0003 00 90 01");
    assert_eq!(denied(&request, Refusal::Function), Some(expected));
}

#[test]
fn reasons() {
    let reasons =
        [(Refusal::Function, 1), (Refusal::Address, 2), (Refusal::Value, 3), (Refusal::Busy, 6)];
    for (why, code) in reasons {
        let answer = denied(&adu_of("5a 01 40 ff00"), why).unwrap();
        assert_eq!(answer, hex(&format!("1234 0000 0003 07 da {code:02x}")));
        assert_eq!(response(&answer), Ok(()));
    }
}

#[test]
fn a_request_that_contradicts_itself_can_still_be_answered() {
    let answer = denied(&adu_of("10 0001 0002 09 00"), Refusal::Value);
    assert_eq!(answer, Some(hex("1234 0000 0003 07 90 03")));
}

/// Who executes it says nothing; who refuses it does (AP 6.8, "exception response").
#[test]
fn force_listen_only_can_be_refused() {
    let answer = denied(&adu_of("08 0004 0000"), Refusal::Function);
    assert_eq!(answer, Some(hex("1234 0000 0003 07 88 01")));
}

#[test]
fn what_is_no_request_is_answered_like_one() {
    for (pdu, function) in [("00 0000", "80"), ("80 01", "80"), ("90 01", "90"), ("ff 01", "ff")] {
        let answer = hex(&format!("1234 0000 0003 07 {function} 01"));
        assert_eq!(denied(&adu_of(pdu), Refusal::Function), Some(answer), "{pdu}");
    }
    assert_eq!(denied(&adu_of("07")[..7], Refusal::Function), None);
}

#[test]
fn out_must_have_room() {
    let request = adu_of("07");
    assert_eq!(denial(&request, Refusal::Busy, &mut [0; 8]), None);
    assert_eq!(denial(&request, Refusal::Busy, &mut [0; 9]), Some(9));
}
