use super::*;
use crate::s7comm::{MAX_FRAGMENTS, MAX_PDU, frame};
use crate::{Framed, NotTheProtocol};

fn whole(bytes: &[u8]) -> bool {
    matches!(frame(bytes), Ok(Framed::Whole(length)) if length.get() == bytes.len())
}

#[test]
fn a_pdu_ends_with_its_last_fragment() {
    let pdu = job(READ, "");
    assert!(whole(&pdu) && whole(&hex(CONNECT)) && whole(&hex(CONFIRM)));
    let (front, rest) = pdu[7..].split_at(11);
    let cut = [fragment(front, false), fragment(rest, true)].concat();
    assert!(whole(&cut));
    let two = [cut.clone(), pdu].concat();
    assert!(matches!(frame(&two), Ok(Framed::Whole(length)) if length.get() == cut.len()));
}

/// What controllers send now and then, in front of an answer.
#[test]
fn a_fragment_without_data_belongs_to_what_follows() {
    let empty = hex("03000007 02f000");
    assert_eq!(frame(&empty), Ok(Framed::Need(14)));
    assert!(whole(&[empty, job(READ, "")].concat()));
    assert!(whole(&hex("03000007 02f080")), "nothing, and its end");
}

/// python-snap7 says goodbye with a byte too many; a request may not.
#[test]
fn a_disconnect_may_be_too_long() {
    assert!(
        whole(&hex("0300000c 0680 0001 0001 00 00")) && whole(&hex("0300000b 0680 0001 0001 00"))
    );
    assert!(frame(&hex("0300000a 0680 0001 0001")).is_err());
    assert!(frame(&hex("03000017 11e0 0000 0001 00 c0010a c1020100 c2020102 00")).is_err());
}

#[test]
fn a_prefix_is_never_refused_and_never_whole() {
    let (front, rest) = (job(READ, "")[7..18].to_vec(), job(READ, "")[18..].to_vec());
    let cut = [fragment(&front, false), fragment(&rest, true)].concat();
    for pdu in [job(READ, ""), hex(CONNECT), cut] {
        for end in 0..pdu.len() {
            match frame(&pdu[..end]) {
                Ok(Framed::Need(more)) => assert!(more > end && more <= pdu.len(), "{end}"),
                other => panic!("{end}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_first_byte_that_cannot_be_right_is_refused() {
    use NotTheProtocol::{Envelope, Length, TooLong};
    for (bytes, why) in [
        ("02", Envelope),
        ("03 01", Envelope),
        ("0300 11", TooLong),
        ("0300 0006", Length),
        ("0300001f 03 f0", Length),
        ("0300001f 02 10", Envelope),
        ("0300001f 02 f0 81", Envelope),
        // A session SPDU of MMS: give tokens, and connect.
        ("0300001f 02 f0 80 01", Envelope),
        ("0300001f 02 f0 80 0d", Envelope),
        ("03000016 10 e0", Length),
        ("03000016 11 50", Envelope),
    ] {
        let bytes = hex(bytes);
        assert_eq!(frame(&bytes), Err(why), "{bytes:02x?}");
        assert!(frame(&bytes[..bytes.len() - 1]).is_ok(), "{bytes:02x?}");
    }
    let turned = [fragment(&[0x32], false), hex(CONNECT)].concat();
    assert_eq!(frame(&turned), Err(Envelope), "within a fragmented PDU");
}

#[test]
fn length_and_number_of_fragments_are_bounded() {
    let most = vec![fragment(&[0x32], false); MAX_FRAGMENTS - 1].concat();
    assert!(whole(&[most.clone(), fragment(&[], true)].concat()));
    let more = [most, fragment(&[], false), fragment(&[], true)].concat();
    assert_eq!(frame(&more), Err(NotTheProtocol::TooLong));
    assert!(whole(&fragment(&vec![0x32; MAX_PDU - 7], true)));
    assert_eq!(frame(&fragment(&vec![0x32; MAX_PDU - 6], true)), Err(NotTheProtocol::TooLong));
    let halves = [fragment(&[0x32; 3000], false), fragment(&[0; 3000], true)].concat();
    assert_eq!(frame(&halves), Err(NotTheProtocol::TooLong));
}
