use super::{adu_of, hex};
use crate::modbus::{Adu, MAX_ADU, frame, unit};
use crate::{Framed, NotTheProtocol};

fn framed(bytes: &[u8]) -> Result<Option<usize>, NotTheProtocol> {
    frame(bytes).map(|framed| match framed {
        Framed::Whole(length) => Some(length.get()),
        Framed::Need(_) => None,
    })
}

#[test]
fn one_byte_at_a_time_is_whole_at_the_last_one() {
    let request = adu_of("03 006b 0003");
    for length in 0..request.len() {
        let need = if length < 6 { 6 } else { request.len() };
        assert_eq!(frame(&request[..length]), Ok(Framed::Need(need)), "{length} bytes");
    }
    assert_eq!(framed(&request), Ok(Some(12)));
}

#[test]
fn what_follows_an_adu_is_not_part_of_it() {
    let mut pipelined = adu_of("03 006b 0003");
    pipelined.extend(adu_of("06 0001 0003"));
    assert_eq!(framed(&pipelined), Ok(Some(12)));
    pipelined.truncate(13);
    assert_eq!(framed(&pipelined), Ok(Some(12)));
}

#[test]
fn a_wrong_protocol_is_refused_with_its_first_wrong_byte() {
    assert_eq!(framed(&hex("1234 00")), Ok(None));
    for wrong in ["1234 01", "1234 ff00", "1234 0001", "1234 0001 0006 0703 006b 0003"] {
        assert_eq!(framed(&hex(wrong)), Err(NotTheProtocol::Envelope), "{wrong}");
    }
}

#[test]
fn the_length_field_is_2_to_254() {
    for wrong in ["0000", "0001", "00ff", "0100", "0101", "ffff"] {
        let bytes = hex(&format!("1234 0000 {wrong}"));
        assert_eq!(framed(&bytes), Err(NotTheProtocol::Length), "{wrong}");
    }
    assert_eq!(framed(&hex("1234 0000 01")), Err(NotTheProtocol::Length), "high byte alone");
    assert_eq!(frame(&hex("1234 0000 0002")), Ok(Framed::Need(8)));
    assert_eq!(frame(&hex("1234 0000 00fe")), Ok(Framed::Need(MAX_ADU)));
    assert_eq!(framed(&hex("1234 0000 0002 07 07")), Ok(Some(8)));
}

#[test]
fn other_protocols_on_the_port_are_refused() {
    for other in [&b"GET / HTTP/1.1\r\n"[..], b"SSH-2.0-x\r\n", b"\x16\x03\x01\x02\x00\x01"] {
        assert_eq!(framed(other), Err(NotTheProtocol::Envelope));
    }
    let tpkt = hex("0300 0016 11e0 0000 0001 00");
    assert_eq!(framed(&tpkt), Err(NotTheProtocol::Envelope));
}

#[test]
fn the_parts_of_an_adu() {
    let bytes = adu_of("06 0001 0003");
    let adu = Adu::whole(&bytes).unwrap();
    assert_eq!((adu.transaction, adu.protocol, adu.length), (0x1234, 0, 6));
    assert_eq!((adu.unit, adu.function, adu.data), (7, 6, &bytes[8..]));
    assert_eq!((unit(&bytes), unit(&bytes[..7]), unit(&bytes[..6])), (7, 7, 0));
}

#[test]
fn whole_takes_neither_a_part_nor_more() {
    let mut bytes = adu_of("06 0001 0003");
    bytes.push(0);
    assert_eq!(Adu::whole(&bytes), Err(NotTheProtocol::Inconsistent));
    for length in 0..12 {
        assert_eq!(Adu::whole(&bytes[..length]), Err(NotTheProtocol::Inconsistent), "{length}");
    }
    assert!(Adu::read(&bytes[..7]).is_none());
    assert!(Adu::read(&bytes[..8]).is_some());
}
