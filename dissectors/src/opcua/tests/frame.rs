use super::{READ, chunk, hello, hex, message, service};
use crate::opcua::frame::{Chunk, Kind, is_opening};
use crate::opcua::{MAX_CHUNK, MAX_REQUEST, frame, portion};
use crate::{Direction, Framed, NotTheProtocol, Portion};

fn whole(length: usize) -> Result<Framed, NotTheProtocol> {
    Ok(Framed::Whole(length.try_into().unwrap()))
}

#[test]
fn a_chunk_ends_where_its_length_says() {
    let hello = hello();
    assert_eq!(frame(&hello), whole(hello.len()));
    assert_eq!(frame(&[&hello[..], &hello].concat()), whole(hello.len()));
    assert_eq!(frame(&hello[..hello.len() - 1]), Ok(Framed::Need(hello.len())));
    for length in 0..8 {
        assert_eq!(frame(&hello[..length]), Ok(Framed::Need(8)), "{length}");
    }
}

#[test]
fn what_begins_otherwise_is_refused_with_its_first_byte() {
    for (bytes, at) in [("GET /", 1), ("MEG", 2), ("MSH", 3), ("MSGX", 4), ("HELC", 4), ("OPNA", 4)]
    {
        let bytes = bytes.as_bytes();
        assert_eq!(frame(&bytes[..at]), Err(NotTheProtocol::Envelope), "{bytes:?}");
        assert!(frame(&bytes[..at - 1]).is_ok(), "{bytes:?}");
    }
}

#[test]
fn lengths_have_limits() {
    for (bytes, why) in [
        ("4d534746 00000000", NotTheProtocol::Length),
        ("4d534746 17000000", NotTheProtocol::Length),
        ("41434b46 1b000000", NotTheProtocol::Length),
        ("4d534746 ffffffff", NotTheProtocol::TooLong),
        ("4d534746 01001000", NotTheProtocol::TooLong),
    ] {
        assert_eq!(frame(&hex(bytes)), Err(why), "{bytes}");
    }
    assert_eq!(frame(&hex("4d534746 00001000")), Ok(Framed::Need(MAX_CHUNK)));
}

#[test]
fn parts_are_where_the_specification_says() {
    let bytes = service(631, READ);
    let parts = Chunk::whole(&bytes).unwrap();
    assert_eq!((parts.kind, parts.place, parts.size as usize), (Kind::Message, b'F', bytes.len()));
    assert_eq!(Chunk::whole(&bytes[..30]), Err(NotTheProtocol::Inconsistent));
}

#[test]
fn a_request_is_held_whole_and_is_one_chunk() {
    let asked = |bytes: &[u8]| portion(Direction::ToServer, bytes);
    let read = service(631, READ);
    assert_eq!(asked(&read), Ok(Portion::Whole(read.len().try_into().unwrap())));
    assert_eq!(asked(&read[..9]), Ok(Portion::Need(read.len())));
    let empty = message(3, 999, &[]).len();
    let longest = message(3, 999, &vec![0; MAX_REQUEST - empty]);
    assert_eq!(asked(&longest), Ok(Portion::Whole(MAX_REQUEST.try_into().unwrap())));
    let longer = message(3, 999, &vec![0; MAX_REQUEST - empty + 1]);
    assert_eq!(asked(&longer[..8]), Err(NotTheProtocol::TooLong));
    for place in [b'C', b'A'] {
        let mut cut = read.clone();
        cut[3] = place;
        assert_eq!(asked(&cut[..8]), Err(NotTheProtocol::TooLong));
    }
}

#[test]
fn of_a_long_response_the_front_is_enough() {
    let answer = |bytes: &[u8]| portion(Direction::ToClient, bytes);
    let long = chunk(b"MSGC", &vec![7; 60_000]);
    assert_eq!(answer(&long[..23]), Ok(Portion::Need(24)));
    let front = Portion::Front { front: 24.try_into().unwrap(), len: 60_008 };
    assert_eq!(answer(&long[..24]), Ok(front));
    let short = chunk(b"MSGF", &[7; 100]);
    assert_eq!(answer(&short[..24]), Ok(Portion::Need(108)));
}

#[test]
fn a_connection_begins_with_a_hello() {
    assert!(is_opening(&hello()));
    assert!(!is_opening(&hello()[..20]) && !is_opening(&service(631, READ)));
    assert!(!is_opening(&chunk(b"HELF", &[0; 40])), "no URL");
}
