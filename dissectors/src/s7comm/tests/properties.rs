use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::s7comm::denial::LONGEST;
use crate::s7comm::{Association, MAX_PDU, command, denial, fields, frame, key, response};
use crate::{Direction, Field, Framed};

/// PDUs that are right.
fn right() -> impl Strategy<Value = Vec<u8>> {
    let item = |count: usize| format!("04 {count:02x} {}", READ[6..].repeat(count));
    prop_oneof![
        Just(hex(CONNECT)),
        (1..20_usize).prop_map(move |count| job(&item(count), "")),
        Just(job(&READ.replacen("04", "05", 1), "00 04 0010 1234")),
        Just(job("28 000000000000fd 000a 0100 3041303030303150 05 5f494e5345", "")),
        Just(userdata("0401", "ff 09 0004 0011 0000")),
        Just(plus(0x0542, "00000000 01 05 88dbd6a75e 88d0b88005 02 9376 71 01 00 01 01")),
        (any::<u8>(), vec(any::<u8>(), 0..30))
            .prop_map(|(function, rest)| { message(1, &[&[function], &rest[..]].concat(), &[]) }),
    ]
}

/// Right PDUs, PDUs with one byte changed, and any bytes.
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
        let mut flow = Association::NONE;
        let mut sink = |_: &str, _: Field<'_>| {};
        for direction in [Direction::ToServer, Direction::ToClient] {
            fields(&bytes, direction, &mut sink);
            flow.note(direction, &bytes);
        }
        let _ = (frame(&bytes), key(&bytes), response(&bytes), flow.is_unasked(&bytes));
        if let Ok(asked) = command(&bytes) {
            prop_assert!(asked.items.take(1000).count() <= 256);
        }
        let mut out = [0; LONGEST];
        if let Some(length) = denial(&bytes, &flow, &mut out) {
            prop_assert_eq!(frame(&out[..length]), Ok(Framed::Whole(length.try_into().unwrap())));
        }
    }

    #[test]
    fn a_frame_never_changes_its_mind(bytes in bytes()) {
        let all = frame(&bytes);
        for end in 0..bytes.len() {
            match frame(&bytes[..end]) {
                Ok(Framed::Need(more)) => prop_assert!(more > end && more <= MAX_PDU + 7),
                early => prop_assert_eq!(early, all),
            }
        }
    }

    /// However user data are cut into fragments, the command is the same.
    #[test]
    fn fragments_change_nothing(pdu in right(), size in 1..60_usize) {
        prop_assume!(pdu[5] == 0xf0);
        let pieces: Vec<&[u8]> = pdu[7..].chunks(size).collect();
        prop_assume!(pieces.len() <= 16);
        let last = pieces.len() - 1;
        let each = pieces.iter().enumerate().map(|(at, piece)| fragment(piece, at == last));
        let cut: Vec<u8> = each.flatten().collect();
        match (command(&pdu), command(&cut)) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!((one.class, one.name, one.function), (other.class, other.name, other.function));
                let place = |item: crate::Item<'_>| (item.class, item.space, item.start, item.count);
                prop_assert!(one.items.map(place).eq(other.items.map(place)));
            }
            (one, other) => prop_assert_eq!(one.err(), other.err()),
        }
    }

    /// One fragment that is all there is found at one look; behind an empty one never, and it is the same.
    #[test]
    fn a_frame_is_the_same_at_one_look(
        high in 0..4_u8, low in any::<u8>(), mark in prop_oneof![3 => Just(0x80), 1 => any::<u8>()],
        first in prop_oneof![Just(0x32), Just(0x72), Just(0x16), any::<u8>()], length in 0..1100_usize,
    ) {
        let mut bytes = [&[3, 0, high, low, 2, 0xf0, mark, first][..], &[0; 1100]].concat();
        bytes.truncate(length);
        let empty = fragment(&[], false);
        let behind = frame(&[&empty[..], &bytes].concat());
        match frame(&bytes) {
            Ok(Framed::Whole(end)) => {
                let end = end.checked_add(empty.len()).unwrap();
                prop_assert_eq!(behind, Ok(Framed::Whole(end)));
            }
            Ok(Framed::Need(need)) => {
                prop_assert_eq!(behind, Ok(Framed::Need(need + empty.len())));
            }
            Err(why) => prop_assert_eq!(behind, Err(why)),
        }
    }

    /// A job of one variable is read by itself: as each of two that are the same.
    #[test]
    fn one_variable_is_what_each_of_two_is(
        write in any::<bool>(), at in 2..12_usize, to in any::<u8>(), words in 0..3_u8,
    ) {
        let mut variable = hex(&READ[6..]);
        variable[at] = to;
        let function = if write { 5 } else { 4 };
        // An odd number of bytes is filled up, but behind the last.
        let bytes = [&[0, 4, 0, words * 16][..], &[1, 2].repeat(words.into())].concat();
        let values = if write { bytes } else { Vec::new() };
        let job = |count: u8| {
            let all = variable.repeat(count.into());
            message(1, &[&[function, count], &all[..]].concat(), &values.repeat(count.into()))
        };
        let (one, two) = (job(1), job(2));
        match (command(&one), command(&two)) {
            (Ok(one), Ok(two)) => {
                prop_assert_eq!((one.class, one.name), (two.class, two.name));
                let items: Vec<_> = one.items.collect();
                prop_assert_eq!(items.repeat(2), two.items.collect::<Vec<_>>());
            }
            (one, two) => prop_assert_eq!(one.err(), two.err()),
        }
    }
}
