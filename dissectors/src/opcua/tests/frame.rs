use super::{READ, chunk, hello, hex, message, open, service};
use crate::opcua::command::{is_aborted, sealed};
use crate::opcua::frame::{Chunk, Kind, is_opening};
use crate::opcua::{Channel, MAX_CHUNK, MAX_REQUEST, frame, join, portion};
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

/// A message cut into chunks, at least two, whose bodies have these sizes; the last has the rest.
pub(super) fn in_chunks(message: &[u8], sizes: &[usize]) -> Vec<u8> {
    let (headers, mut body) = message.split_at(24);
    let number = u32::from_le_bytes(headers[16..20].try_into().unwrap());
    let (mut all, mut at) = (Vec::new(), number);
    let mut add = |kind: &[u8; 4], body: &[u8]| {
        let numbered = [&headers[8..16], &at.to_le_bytes(), &headers[20..24], body].concat();
        all.extend(chunk(kind, &numbered));
        at = at.wrapping_add(1);
    };
    for size in sizes {
        let (piece, rest) = body.split_at((*size).min(body.len()));
        add(b"MSGC", piece);
        body = rest;
    }
    add(b"MSGF", body);
    all
}

fn asked(bytes: &[u8]) -> Result<Portion, NotTheProtocol> {
    portion(Direction::ToServer, bytes, &Channel::NEW, MAX_REQUEST)
}

fn too_long(front: usize, len: usize) -> Result<Portion, NotTheProtocol> {
    Ok(Portion::TooLong { front: front.try_into().unwrap(), len })
}

#[test]
fn a_request_is_held_whole_where_there_is_room() {
    let read = service(631, READ);
    assert_eq!(asked(&read), Ok(Portion::Whole(read.len().try_into().unwrap())));
    assert_eq!(asked(&read[..9]), Ok(Portion::Need(read.len())));
    let empty = message(3, 999, &[]).len();
    let longest = message(3, 999, &vec![0; MAX_REQUEST - empty]);
    assert_eq!(asked(&longest), Ok(Portion::Whole(MAX_REQUEST.try_into().unwrap())));
    let longer = message(3, 999, &vec![0; MAX_REQUEST - empty + 1]);
    assert_eq!(asked(&longer[..8]), Ok(Portion::Need(256)), "what it is refused by");
    assert_eq!(asked(&longer[..256]), too_long(256, MAX_REQUEST + 1));
    let more = portion(Direction::ToServer, &longer[..256], &Channel::NEW, MAX_REQUEST + 1);
    assert_eq!(more, Ok(Portion::Need(MAX_REQUEST + 1)));
}

#[test]
fn chunks_are_held_up_to_the_last() {
    let read = service(631, READ);
    let cut = in_chunks(&read, &[30, 20]);
    let ends = [54, 98, cut.len()];
    for (length, need) in
        [(9, ends[0]), (54, 62), (61, 62), (62, ends[1]), (98, 106), (106, ends[2])]
    {
        assert_eq!(asked(&cut[..length]), Ok(Portion::Need(need)), "{length}");
    }
    assert_eq!(asked(&cut), Ok(Portion::Chunks(cut.len().try_into().unwrap())));
    let room = |room| portion(Direction::ToServer, &cut, &Channel::NEW, room);
    assert_eq!(room(cut.len() - 1), too_long(54, 54), "refused chunk by chunk");
    let mut given_up = cut.clone();
    given_up[ends[0] + 3] = b'A';
    assert_eq!(asked(&given_up), Ok(Portion::Chunks(ends[1].try_into().unwrap())));
}

#[test]
fn joined_chunks_are_of_one_message_without_a_gap() {
    let read = service(631, READ);
    let cut = in_chunks(&read, &[30, 20]);
    let joined = |bytes: &[u8]| {
        let mut out = vec![0; bytes.len()];
        join(bytes, &mut out).map(|length| out[..length].to_vec())
    };
    assert_eq!(joined(&cut).as_deref(), Ok(&read[..]));
    // Of the second chunk: its channel, its number, its request; then another kind.
    for (at, to) in [(54 + 8, 6), (54 + 16, 9), (54 + 20, 8), (54 + 2, b'X')] {
        let mut other = cut.clone();
        other[at] = to;
        assert_eq!(joined(&other), Err(NotTheProtocol::Inconsistent), "{at}");
    }
    assert_eq!(join(&cut, &mut vec![0; read.len() - 1]), Err(NotTheProtocol::Inconsistent));
    let mut token = cut.clone();
    token[54 + 12] = 7;
    assert_eq!(joined(&token).as_deref(), Ok(&read[..]), "its keys may have been renewed");
    let mut given_up = cut[..98].to_vec();
    given_up[54 + 3] = b'A';
    let last = joined(&given_up).unwrap();
    assert_eq!((&last[..4], &last[24..]), (&b"MSGA"[..], &cut[78..98]));
    assert!(is_aborted(&last) && !is_aborted(&read));
}

/// Above 4,294,966,271 numbers begin anew below 1024 (6.7.2.4).
#[test]
fn chunks_may_begin_to_be_numbered_anew() {
    let last = u32::MAX - 1000;
    for (next, fits) in [(last + 1, true), (7, true), (1024, false), (last + 2, false)] {
        let mut cut = in_chunks(&message(last, 631, &hex(READ)), &[30]);
        cut[54 + 16..54 + 20].copy_from_slice(&next.to_le_bytes());
        assert_eq!(join(&cut, &mut vec![0; cut.len()]).is_ok(), fits, "{next}");
    }
}

/// What the server said in its Acknowledge: chunks of 9000 bytes, three of them, 20,000 bytes in all.
#[test]
fn a_request_is_within_what_the_server_takes() {
    let mut channel = Channel::NEW;
    let limits = [0, 9000, 9000, 20_000, 3].map(u32::to_le_bytes).concat();
    channel.note(Direction::ToClient, &chunk(b"ACKF", &limits));
    let is_taken = |sizes: &[usize], all: usize| {
        let cut = in_chunks(&[&service(673, "")[..24], &vec![0; all]].concat(), sizes);
        let found = portion(Direction::ToServer, &cut, &channel, 1 << 16).unwrap();
        assert!(matches!(found, Portion::Chunks(_) | Portion::TooLong { .. }), "{found:?}");
        matches!(found, Portion::Chunks(_))
    };
    assert!(is_taken(&[8976, 8976], 20_000) && !is_taken(&[8976, 8976], 20_001));
    assert!(!is_taken(&[8977, 100], 10_000), "a chunk too long");
    assert!(!is_taken(&[10, 10, 10], 100), "a chunk too many");
}

/// Behind a chunk that was refused, the others of its request stay behind, up to the last.
#[test]
fn further_chunks_of_a_refused_request_are_known() {
    let cut = in_chunks(&service(631, READ), &[30, 20]);
    let mut channel = Channel::NEW;
    channel.note_refused(&cut[..30]);
    let asked =
        |channel: &Channel, bytes| portion(Direction::ToServer, bytes, channel, MAX_REQUEST);
    assert_eq!(asked(&channel, &cut[54..70]), Ok(Portion::Need(24)));
    let rest = Portion::Rest { front: 24.try_into().unwrap(), len: 44 };
    assert_eq!(asked(&channel, &cut[54..78]), Ok(rest));
    let mut other = service(631, READ);
    other[20] = 8;
    assert!(matches!(asked(&channel, &other), Ok(Portion::Whole(_))), "another request");
    channel.note_refused(&cut[54..78]);
    assert!(channel.is_refusing());
    channel.note_refused(&cut[98..122]);
    assert!(!channel.is_refusing(), "that was the last");
}

/// Nobody can read what is on a channel with a security policy, so nothing is gained by holding it.
#[test]
fn of_a_secured_message_the_front_is_enough() {
    let mut channel = Channel::NEW;
    channel.note(Direction::ToServer, &open("Basic256Sha256", 1));
    let long = chunk(b"MSGC", &vec![7; 60_000]);
    let asked = portion(Direction::ToServer, &long[..24], &channel, MAX_REQUEST);
    assert_eq!(asked, Ok(Portion::Front { front: 24.try_into().unwrap(), len: 60_008 }));
    assert!(sealed(&long[..24]).is_ok());
}

#[test]
fn of_a_long_response_the_front_is_enough() {
    let answer = |bytes: &[u8]| portion(Direction::ToClient, bytes, &Channel::NEW, MAX_REQUEST);
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
