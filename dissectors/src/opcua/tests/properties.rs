use proptest::collection::vec;
use proptest::prelude::*;

use super::frame::in_chunks;
use super::{CALL, READ, WRITE, acknowledge, hello, hex, message, open};
use crate::opcua::channel::Channel;
use crate::opcua::{
    MAX_CHUNK, MAX_REQUEST, command, denial, fields, frame, join, key, portion, response,
};
use crate::{Direction, Field, Framed, Portion, Refusal};

/// Requests that are right.
fn right() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        Just((631, hex(READ))),
        Just((673, hex(WRITE))),
        Just((712, hex(CALL))),
        (any::<u16>(), vec(any::<u8>(), 0..40)),
    ];
    let service = (1..u32::MAX, body).prop_map(|(n, (service, body))| message(n, service, &body));
    let opening = prop_oneof![
        Just(hello()),
        Just(acknowledge()),
        Just(open("None", 1)),
        Just(open("Basic256Sha256", 1)),
    ];
    prop_oneof![4 => service, 1 => opening]
}

/// Right ones, some with one byte changed or cut, and any bytes.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let changed =
        (right(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut pdu, at, to)| {
            let at = at.index(pdu.len());
            pdu[at] = to;
            pdu
        });
    prop_oneof![right(), changed, vec(any::<u8>(), 0..80)]
}

proptest! {
    #[test]
    fn nothing_panics_and_everything_is_bounded(bytes in bytes()) {
        let mut channel = Channel::NEW;
        let mut sink = |_: &str, _: Field<'_>| {};
        let mut copy = bytes.clone();
        for direction in [Direction::ToServer, Direction::ToClient] {
            fields(&bytes, direction, &mut sink);
            channel.note(direction, &bytes);
            channel.number(direction, &mut copy);
            channel.skip(direction, &mut copy);
            let _ = portion(direction, &bytes, &channel, MAX_REQUEST);
        }
        channel.stamp(&mut copy);
        prop_assert_eq!(copy.len(), bytes.len());
        let _ = (key(&bytes), response(&bytes));
        if let Ok(asked) = command(&bytes) {
            let _ = channel.permit(&bytes, &asked);
            prop_assert!((1..bytes.len()).contains(&asked.items.clone().count()));
            let most = asked.items.map(|item| item.class.weight()).max();
            prop_assert_eq!(most, Some(asked.class.weight()), "the heaviest decides");
        }
    }

    #[test]
    fn an_answer_about_a_prefix_stands(bytes in bytes()) {
        let whole = frame(&bytes);
        for length in 0..bytes.len() {
            match frame(&bytes[..length]) {
                Ok(Framed::Need(need)) => prop_assert!(need > length && need <= MAX_CHUNK),
                Ok(Framed::Whole(end)) => {
                    prop_assert!(end.get() <= length);
                    prop_assert_eq!(whole, Ok(Framed::Whole(end)));
                }
                Err(why) => prop_assert_eq!(whole, Err(why)),
            }
        }
    }

    /// A request that may pass is one that the frame is: nothing of another is in it.
    #[test]
    fn a_request_is_one_whole_frame(bytes in bytes()) {
        if let Ok(Portion::Whole(length)) = portion(Direction::ToServer, &bytes, &Channel::NEW, MAX_REQUEST) {
            prop_assert_eq!(frame(&bytes), Ok(Framed::Whole(length)));
        }
    }

    #[test]
    fn a_denial_answers_its_request(bytes in bytes(), address in any::<bool>()) {
        let mut out = [0; crate::enip::denial::LONGEST];
        let why = if address { Refusal::Address } else { Refusal::Function };
        if let Some(length) = denial(&bytes, &Channel::NEW, why, &mut out) {
            let answer = &out[..length];
            prop_assert_eq!(response(answer), Ok(()));
            prop_assert!(key(answer).is_none_or(|key| Some(key) == super::super::key(&bytes)));
        }
    }

    /// However a request is cut into chunks, and whatever of it has come, it is found whole, and joined it
    /// says the same.
    #[test]
    fn a_request_in_chunks_is_read_as_if_it_had_come_in_one(
        body in vec(any::<u8>(), 1..3000), sizes in vec(1_usize..900, 1..8), n in 1_u32..u32::MAX - 8,
    ) {
        let whole = message(n, 673, &body);
        let cut = in_chunks(&whole, &sizes);
        let asked = |bytes: &[u8]| portion(Direction::ToServer, bytes, &Channel::NEW, 1 << 16);
        for length in 0..cut.len() {
            let need = asked(&cut[..length]);
            prop_assert!(matches!(need, Ok(Portion::Need(need)) if need > length), "{need:?}");
        }
        let length = cut.len().try_into().unwrap();
        prop_assert_eq!(asked(&[&cut[..], b"MSG"].concat()), Ok(Portion::Chunks(length)));
        let mut out = vec![0; cut.len()];
        let joined = join(&cut, &mut out).unwrap();
        prop_assert_eq!(&out[..joined], &whole[..]);
    }

    /// Numbers that leave rise by one wherever those that came did, whatever was taken out.
    #[test]
    fn no_gap_is_left(stays in vec(any::<bool>(), 1..60)) {
        let mut channel = Channel::NEW;
        channel.note(Direction::ToServer, &hello());
        let mut left = Vec::new();
        for (came, stays) in (1..).zip(stays) {
            let mut pdu = message(came, 631, &hex(READ));
            if stays {
                channel.skip(Direction::ToServer, &mut pdu);
            } else {
                channel.number(Direction::ToServer, &mut pdu);
                left.push(u32::from_le_bytes(pdu[16..20].try_into().unwrap()));
            }
        }
        let expected: Vec<u32> = (1..).take(left.len()).collect();
        prop_assert_eq!(left, expected);
    }
}
