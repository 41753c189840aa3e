//! What a tunnel carries, as it lies in a byte stream: no clock, no I/O.
//!
//! ```text
//!   length (2 bytes, big-endian, of what follows) | context (1 byte) | content
//! ```
//!
//! With context 0 that is what a DATAGRAM frame holds ([`packet`](crate::packet)), so that both carriers hand
//! on the same bytes. The others are what QUIC has frames of its own for.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::end::{Code, End};
use crate::packet::{CONTEXT, OVERHEAD};

/// Longest frame behind its length, in bytes: more than any packet ([`MOST_MTU`](crate::transport::MOST_MTU)).
pub(crate) const LONGEST: usize = 4096;

/// Bytes of the length.
const LENGTH: usize = 2;

/// Contexts beside that of IP packets: bytes of the first stream, an end, a sign of life.
const WORDS: u8 = 1;
const END: u8 = 2;
const ALIVE: u8 = 3;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// An IP packet, with its context in front.
    Packet(Bytes),
    /// The next bytes of what the other end says.
    Words(Bytes),
    /// The other end has enough.
    End(End),
    /// The other end is there.
    Alive,
}

/// Adds a packet that has its context in front.
pub(crate) fn put_packet(framed: &[u8], into: &mut BytesMut) {
    put(framed, &[], into);
}

/// Adds bytes of what is said, in as many frames as it takes.
pub(crate) fn put_words(words: &[u8], into: &mut BytesMut) {
    words.chunks(LONGEST - OVERHEAD).for_each(|piece| put(&[WORDS], piece, into));
}

/// Adds an end; its reason is cut where it is longer than anybody reads.
pub(crate) fn put_end(end: &End, into: &mut BytesMut) {
    let code = u8::try_from(end.code.number()).unwrap_or(u8::MAX);
    let why = end.why.as_bytes();
    put(&[END, code], why.get(..LONGEST - 2).unwrap_or(why), into);
}

/// Adds a sign of life.
pub(crate) fn put_alive(into: &mut BytesMut) {
    put(&[ALIVE], &[], into);
}

/// Callers keep to [`LONGEST`], which fits the length.
fn put(head: &[u8], rest: &[u8], into: &mut BytesMut) {
    let length = u16::try_from(head.len() + rest.len()).unwrap_or(u16::MAX);
    into.put_u16(length);
    into.put_slice(head);
    into.put_slice(rest);
}

/// Takes the next whole frame off what has come.
///
/// # Errors
/// It is none, and nothing behind it can be trusted to be one.
pub(crate) fn take(come: &mut BytesMut) -> Result<Option<Frame>, End> {
    let Some(head) = come.first_chunk::<LENGTH>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes(*head));
    if length == 0 || length > LONGEST {
        return Err(End::protocol(format_args!("a frame of {length} bytes")));
    }
    if come.len() < LENGTH + length {
        return Ok(None);
    }
    come.advance(LENGTH);
    read(come.split_to(length).freeze()).map(Some)
}

fn read(mut frame: Bytes) -> Result<Frame, End> {
    match frame.first() {
        Some(&CONTEXT) => Ok(Frame::Packet(frame)),
        Some(&WORDS) => Ok(Frame::Words(frame.split_off(1))),
        Some(&ALIVE) => Ok(Frame::Alive),
        Some(&END) => Ok(Frame::End(ended(&frame))),
        _ => Err(End::protocol("a frame of a kind that is not known")),
    }
}

fn ended(frame: &[u8]) -> End {
    let code = frame.get(1).and_then(|code| Code::from_number(u64::from(*code)));
    let why = frame.get(2..).unwrap_or_default();
    End::new(code.unwrap_or(Code::Over), String::from_utf8_lossy(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let packet = [&[CONTEXT][..], &[0x45; 1361]].concat();
        let words = vec![7; LONGEST + 10];
        let end = End::new(Code::Over, "revoked");
        let mut wire = BytesMut::new();
        put_packet(&packet, &mut wire);
        put_words(&words, &mut wire);
        put_alive(&mut wire);
        put_end(&end, &mut wire);
        for piece in [1, 2, 3, 1000, wire.len()] {
            let (mut come, mut heard) = (BytesMut::new(), Vec::new());
            for part in wire.chunks(piece) {
                come.extend_from_slice(part);
                while let Some(frame) = take(&mut come).unwrap() {
                    heard.push(frame);
                }
            }
            let said = words.split_at(LONGEST - 1);
            let expected = [
                Frame::Packet(packet.clone().into()),
                Frame::Words(said.0.to_vec().into()),
                Frame::Words(said.1.to_vec().into()),
                Frame::Alive,
                Frame::End(end.clone()),
            ];
            assert_eq!(heard, expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused_before_it_is_there() {
        for wrong in [&[0, 0][..], &[0xff, 0xff], &[0, 1, 9], b"GET / HTTP/1.1\r\n"] {
            let refused = take(&mut BytesMut::from(wrong)).unwrap_err();
            assert_eq!(refused.code, Code::Protocol, "{wrong:?}");
        }
    }

    #[test]
    fn an_end_of_no_known_kind_is_one_all_the_same() {
        for (bytes, code, why) in
            [(&[0, 1, END][..], Code::Over, ""), (&[0, 4, END, 99, b'n', b'o'], Code::Over, "no")]
        {
            let ended = Frame::End(End::new(code, why));
            assert_eq!(take(&mut BytesMut::from(bytes)), Ok(Some(ended)));
        }
    }

    #[test]
    fn a_reason_without_end_is_cut() {
        let mut wire = BytesMut::new();
        put_end(&End::new(Code::Over, "x".repeat(2 * LONGEST)), &mut wire);
        assert!(matches!(take(&mut wire), Ok(Some(Frame::End(_)))));
        assert!(wire.is_empty());
    }
}
