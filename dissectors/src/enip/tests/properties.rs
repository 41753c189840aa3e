use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    FORWARD_CLOSE, FORWARD_OPEN, IO_OPEN, OPENED, READ_TAG, WRITE_TAG, connected, hex, multiple,
    packet, unconnected, wrapped,
};
use crate::enip::denial::LONGEST;
use crate::enip::io::{answered, asked, is_plain};
use crate::enip::nested::MAX_SERVICES;
use crate::enip::path::Segment;
use crate::enip::{
    Connections, Ends, MAX_PDU, command, denial, fields, frame, key, response, translate,
};
use crate::{Direction, Field, Framed, Refusal};

/// Messages that are right, nested at random.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(hex(READ_TAG)),
        Just(hex(WRITE_TAG)),
        Just(hex(FORWARD_OPEN)),
        Just(hex(IO_OPEN)),
        Just(hex(OPENED)),
        Just(hex(FORWARD_CLOSE)),
        Just(hex("4b 02 2067 2401 07 4d00 01020304 0f 00 0100 aa 02 07 89 00 00 0500")),
        Just(hex("51 02 2044 2401 06 0064 0001")),
        (any::<u8>(), vec(any::<u8>(), 0..12)).prop_map(|(service, data)| {
            [&[service & 0x7f, 2, 0x20, 4, 0x24, 1], &data[..]].concat()
        }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4)
                .prop_map(|all| { multiple(&all.iter().map(Vec::as_slice).collect::<Vec<_>>()) }),
            inner.prop_map(|message| wrapped(&message)),
        ]
    })
}

/// Right packets, packets with one byte changed or cut, and any bytes.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let right = prop_oneof![
        message().prop_map(|message| unconnected(&message)),
        message().prop_map(|message| connected(0x1000, &message)),
        (0..0x80_u16, vec(any::<u8>(), 0..40)).prop_map(|(command, data)| packet(command, &data)),
    ];
    let changed = (right.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(mut packet, at, to)| {
            let at = at.index(packet.len());
            packet[at] = to;
            packet
        },
    );
    prop_oneof![right, changed, vec(any::<u8>(), 0..80)]
}

proptest! {
    #[test]
    fn nothing_panics_and_everything_is_bounded(bytes in bytes()) {
        let mut connections = Connections::NONE;
        let mut sink = |_: &str, _: Field<'_>| {};
        for direction in [Direction::ToServer, Direction::ToClient] {
            fields(&bytes, direction, &mut sink);
            connections.note(direction, &bytes);
        }
        let _ = (frame(&bytes), key(&bytes), response(&bytes), connections.permit(&bytes));
        if let Ok(asked) = command(&bytes) {
            let items = asked.items.clone().count();
            prop_assert!((1..=2 * usize::from(MAX_SERVICES)).contains(&items));
            let most = asked.items.map(|item| item.class.weight()).max();
            prop_assert_eq!(most, Some(asked.class.weight()), "the heaviest decides");
        }
    }

    /// What goes the straight way opens and closes nothing and has no address; of whatever has one, nothing else
    /// changes.
    #[test]
    fn what_is_plain_concerns_its_flow_alone(bytes in bytes()) {
        let ends = Ends { target: [100, 64, 10, 20].into(), originator: [192, 168, 20, 7].into() };
        let mut translated = bytes.clone();
        let changed = translate(&mut translated, &ends);
        if is_plain(&bytes) && command(&bytes).is_ok() {
            prop_assert!(asked(&bytes).is_none());
        }
        if is_plain(&bytes) && response(&bytes).is_ok() {
            prop_assert!(answered(&bytes).is_none());
        }
        prop_assert!(!(is_plain(&bytes) && changed));
        prop_assert_eq!(changed, translated != bytes);
        prop_assert!(!translate(&mut translated, &ends), "once is enough");
        prop_assert_eq!(command(&translated).is_ok(), command(&bytes).is_ok());
    }

    #[test]
    fn an_answer_about_a_prefix_stands(bytes in bytes()) {
        let whole = frame(&bytes);
        for length in 0..bytes.len() {
            match frame(&bytes[..length]) {
                Ok(Framed::Need(need)) => prop_assert!(need > length && need <= MAX_PDU),
                Ok(Framed::Whole(end)) => {
                    prop_assert!(end.get() <= length);
                    prop_assert_eq!(whole, Ok(Framed::Whole(end)));
                }
                Err(why) => prop_assert_eq!(whole, Err(why)),
            }
        }
    }

    #[test]
    fn a_denial_answers_its_request(bytes in bytes()) {
        let mut out = [0; LONGEST];
        for why in [Refusal::Address, Refusal::Multicast] {
            let denied = denial(&bytes, &Connections::NONE, why, &mut out);
            let Some(length) = denied else { continue };
            let (asked, answer) = (key(&bytes), key(&out[..length]));
            // Of a connected request that cannot be read the context is all there is.
            let same = asked.map(|key| key.function) == answer.map(|key| key.function);
            prop_assert!(same);
            prop_assert_eq!(response(&out[..length]), Ok(()));
        }
    }

    /// No byte of a request is left unread: where one is put in or taken out, it is refused.
    #[test]
    fn no_length_may_lie(message in message(), more in 1..4_usize) {
        let right = unconnected(&message);
        if command(&right).is_ok() {
            let longer = [&right[..], &vec![0; more]].concat();
            prop_assert!(command(&longer).is_err());
            prop_assert!(command(&right[..right.len() - more]).is_err());
        }
    }

    /// Eight letters of a name are looked at at once: each of them counts.
    #[test]
    fn a_name_is_printable_letter_by_letter(
        name in vec(b' '..=b'~', 0..40),
        odd in proptest::option::of((any::<prop::sample::Index>(), letter())),
    ) {
        let mut name = name;
        if let (Some((at, letter)), false) = (odd, name.is_empty()) {
            let at = at.index(name.len());
            name[at] = letter;
        }
        let right = !name.is_empty() && name.iter().all(|letter| (b' '..=b'~').contains(letter));
        let length = u8::try_from(name.len()).unwrap();
        let path = [&[0x91, length], &name[..], &[0][..name.len() % 2], b"rest"].concat();
        let mut rest = &path[..];
        let taken = Segment::take(&mut rest);
        prop_assert_eq!(taken, right.then_some(Segment::Symbol(&name)));
        prop_assert_eq!(rest, if right { b"rest" } else { &path[..] });
    }

    /// Numbers of eight bits are read at one look, those of sixteen are not.
    #[test]
    fn a_number_is_the_same_in_eight_bits_as_in_sixteen(
        kind in prop::sample::select(vec![0x20_u8, 0x24, 0x28, 0x2c, 0x30]), number: u8,
    ) {
        let (short, long) = ([kind, number, 7], [kind | 1, 0, number, 0, 7]);
        let (mut quick, mut slow) = (&short[..], &long[..]);
        let segment = Segment::take(&mut quick);
        prop_assert!(segment.is_some());
        prop_assert_eq!(segment, Segment::take(&mut slow));
        prop_assert_eq!((quick, slow), (&[7][..], &[7][..]));
        let mut cut = &short[..1];
        prop_assert_eq!(Segment::take(&mut cut), None);
    }
}

/// Letters on either side of each end of what is printable, and any.
fn letter() -> impl Strategy<Value = u8> {
    prop_oneof![prop::sample::select(vec![0, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xff]), any::<u8>()]
}
