use super::{hex, packet};
use crate::enip::frame::{code, is_opening};
use crate::enip::{MAX_PDU, Packet, frame};
use crate::{Framed, NotTheProtocol};

fn whole(length: usize) -> Result<Framed, NotTheProtocol> {
    Ok(Framed::Whole(length.try_into().unwrap()))
}

#[test]
fn a_packet_ends_where_its_length_says() {
    let register = packet(code::REGISTER_SESSION, &hex("0100 0000"));
    assert_eq!(frame(&register), whole(28));
    assert_eq!(frame(&[&register[..], &register].concat()), whole(28));
    assert_eq!(frame(&register[..27]), Ok(Framed::Need(28)));
    assert_eq!(frame(&register[..3]), Ok(Framed::Need(24)));
    assert_eq!(frame(&[]), Ok(Framed::Need(24)));
}

#[test]
fn parts_are_where_the_specification_says() {
    let bytes = packet(code::SEND_RR_DATA, &[1, 2, 3]);
    let parts = Packet::whole(&bytes).unwrap();
    assert_eq!((parts.command, parts.length, parts.session), (0x6f, 3, 0x1122_3344));
    assert_eq!((parts.status, &parts.context, parts.options), (0, b"CONTEXT1", 0));
    assert_eq!(parts.data, [1, 2, 3]);
}

#[test]
fn what_is_no_command_is_not_the_protocol() {
    for bytes in ["05", "02ff", "0001", "4745542f", "0000 0100 ff"] {
        let whole = frame(&hex(bytes));
        let known = bytes.starts_with("0000");
        assert_eq!(whole.is_ok(), known, "{bytes}");
    }
    assert_eq!(frame(b"GET / HTTP/1.1\r\n\r\n........"), Err(NotTheProtocol::Envelope));
}

#[test]
fn options_must_be_zero() {
    let mut bytes = packet(code::NOP, &[]);
    bytes[20] = 1;
    assert_eq!(frame(&bytes), Err(NotTheProtocol::Envelope));
    assert_eq!(frame(&bytes[..21]), Err(NotTheProtocol::Envelope), "as soon as it is there");
}

#[test]
fn the_longest_packet() {
    let longest = packet(code::SEND_UNIT_DATA, &vec![0; MAX_PDU - 24]);
    assert_eq!(frame(&longest), whole(MAX_PDU));
    let longer = packet(code::SEND_UNIT_DATA, &vec![0; MAX_PDU - 23]);
    assert_eq!(frame(&longer[..4]), Err(NotTheProtocol::TooLong));
}

#[test]
fn a_session_begins_like_nothing_else() {
    let mut register = packet(code::REGISTER_SESSION, &hex("0100 0000"));
    assert!(!is_opening(&register), "of a session that is there already");
    register[4..8].fill(0);
    assert!(is_opening(&register));
    assert!(!is_opening(&register[..27]) && !is_opening(&[&register[..], &[0]].concat()));
    assert!(!is_opening(&packet(code::REGISTER_SESSION, &hex("0200 0000"))));
}

#[test]
fn implicit_io_has_no_header() {
    let io = hex("0200 0280 0800 03064b00 db943f00 b100 0600 a587e80f0300");
    assert_eq!(frame(&io), whole(io.len()));
    for length in 1..io.len() {
        assert!(matches!(frame(&io[..length]), Ok(Framed::Need(_))), "{length}");
    }
}
