use proptest::collection::vec;
use proptest::prelude::*;

use super::adu;
use crate::modbus::{MAX_ADU, brief, command, denial, fields, frame, functions, key, response};
use crate::{Class, Command, Direction, Field, Framed, Item, Refusal, Values};

/// Any bytes, and bytes behind a header that is right: those get further.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..300), vec(any::<u8>(), 1..254).prop_map(|pdu| adu(&pdu))]
}

/// A request that is valid more often than random bytes are.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let words = vec(0..200_u16, 0..8);
    (1..128_u8, words, vec(any::<u8>(), 0..20)).prop_map(|(code, words, tail)| {
        let mut pdu = vec![code];
        pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        pdu.push(u8::try_from(tail.len()).unwrap());
        pdu.extend(tail);
        adu(&pdu)
    })
}

/// Function 21 with as many groups as there are data, each valid.
fn file_writes() -> impl Strategy<Value = Vec<u8>> {
    let group = (1..=u16::MAX, 0..=9990_u16, vec(any::<u16>(), 1..6));
    vec(group, 1..10).prop_map(|groups| {
        let mut data = Vec::new();
        for (file, record, words) in groups {
            data.push(6);
            let length = u16::try_from(words.len()).unwrap();
            let words = [file, record, length].into_iter().chain(words);
            data.extend(words.flat_map(u16::to_be_bytes));
        }
        let count = u8::try_from(data.len()).unwrap();
        adu(&[&[21, count], &data[..]].concat())
    })
}

fn written<'a>(item: &Item<'a>) -> &'a [u8] {
    match item.values {
        Values::Registers(bytes) | Values::Coils(bytes) => bytes,
        Values::None | Values::Mask { .. } | Values::Scalars(..) | Values::Raw(_) => &[],
    }
}

/// What holds of every item of every command.
fn check_items(request: &[u8], asked: &Command<'_>) {
    let mut items = 0;
    for item in asked.items.clone() {
        items += 1;
        assert!(u64::from(item.start) + u64::from(item.count) <= 65_536);
        let bytes = written(&item);
        match item.values {
            Values::Registers(_) => assert_eq!(bytes.len(), 2 * item.count as usize),
            Values::Coils(_) => assert_eq!(bytes.len(), (item.count as usize).div_ceil(8)),
            Values::None | Values::Mask { .. } | Values::Scalars(..) | Values::Raw(_) => {}
        }
        // The one coil of function 5 is the only value that does not lie in the request.
        let inside = request.as_ptr_range().contains(&bytes.as_ptr());
        assert!(bytes.is_empty() || inside || asked.function == 5);
        assert_eq!(
            item.values.numbers(item.count).count(),
            match item.values {
                Values::None | Values::Mask { .. } | Values::Scalars(..) | Values::Raw(_) => 0,
                _ => item.count as usize,
            }
        );
    }
    assert!((1..=36).contains(&items), "{items} items");
}

proptest! {
    #[test]
    fn nothing_panics(bytes in bytes(), direction in prop_oneof![
        Just(Direction::ToServer), Just(Direction::ToClient)
    ]) {
        let _ = frame(&bytes);
        let _ = key(&bytes);
        let _ = response(&bytes);
        let _ = denial(&bytes, Refusal::Function, &mut [0; 16]);
        let mut seen = 0;
        fields(&bytes, direction, &mut |_: &'static str, _: Field<'_>| seen += 1);
        prop_assert_eq!(seen >= 6, bytes.len() >= 8);
        if let Ok(asked) = command(&bytes) {
            check_items(&bytes, &asked);
        }
    }

    #[test]
    fn items_lie_inside_the_request(request in prop_oneof![plausible(), file_writes()]) {
        if let Ok(asked) = command(&request) {
            check_items(&request, &asked);
        }
    }

    #[test]
    fn file_writes_give_all_their_records(request in file_writes()) {
        let asked = command(&request).unwrap();
        let bytes: usize = asked.items.map(|item| 7 + written(&item).len()).sum();
        prop_assert_eq!(bytes, request.len() - 9);
    }

    #[test]
    fn an_answer_about_a_prefix_stands(bytes in bytes()) {
        let whole = frame(&bytes);
        for length in 0..bytes.len() {
            match frame(&bytes[..length]) {
                Ok(Framed::Need(need)) => prop_assert!(need > length && need <= MAX_ADU),
                Ok(Framed::Whole(end)) => {
                    prop_assert!(end.get() <= length);
                    prop_assert_eq!(whole, Ok(Framed::Whole(end)));
                }
                Err(why) => prop_assert_eq!(whole, Err(why)),
            }
        }
    }

    #[test]
    fn a_valid_adu_is_needed_up_to_its_last_byte(pdu in vec(any::<u8>(), 1..=253)) {
        let request = adu(&pdu);
        for length in 0..request.len() {
            prop_assert!(matches!(frame(&request[..length]), Ok(Framed::Need(_))));
        }
        let is_whole = matches!(frame(&request), Ok(Framed::Whole(end)) if end.get() == request.len());
        prop_assert!(is_whole);
    }

    #[test]
    fn a_command_has_the_class_of_its_function(request in plausible()) {
        if let Ok(asked) = command(&request) {
            let of = functions().iter().find(|function| {
                (u16::from(function.code), function.sub) == (asked.function, asked.sub)
            });
            prop_assert_eq!(asked.class, of.map_or(Class::Unknown, |function| function.class));
        }
    }

    #[test]
    fn what_is_read_at_one_look_is_what_the_long_way_reads(
        head in prop_oneof![3 => Just([0, 0]), 1 => any::<[u8; 2]>()],
        unit: u8,
        code in 0..9_u8,
        words in vec(prop_oneof![0..130_u16, Just(0xff00), any::<u16>()], 0..5),
        tail in vec(any::<u8>(), 0..3),
        counted: bool,
    ) {
        let mut pdu = vec![code];
        let data = [words.iter().flat_map(|word| word.to_be_bytes()).collect(), tail].concat();
        pdu.extend(counted.then(|| u8::try_from(data.len()).unwrap()));
        pdu.extend(data);
        let mut adu = adu(&pdu);
        (adu[2], adu[4], adu[6]) = (head[0], head[1], unit);
        if let Some(brief) = adu.as_array().and_then(brief::request) {
            let asked = command(&adu).unwrap();
            let item = asked.items.clone().next().unwrap();
            prop_assert_eq!(asked.items.count(), 1);
            prop_assert_eq!((asked.function, asked.sub, asked.unit), (code.into(), None, brief.unit));
            prop_assert_eq!((asked.name, asked.class), (brief.function.name, brief.function.class));
            prop_assert_eq!((item.space, item.class), (brief.function.space, asked.class));
            prop_assert_eq!((item.start, item.count), (brief.start.into(), brief.count.into()));
            prop_assert_eq!(key(&adu), Some(brief.key));
        } else if (1..=6).contains(&code) {
            prop_assert!(command(&adu).is_err(), "none is left out");
        }
        if let Some(answered) = brief::response(&adu) {
            prop_assert_eq!((response(&adu), key(&adu)), (Ok(()), Some(answered)));
        } else if (1..=6).contains(&code) {
            prop_assert!(response(&adu).is_err(), "none is left out");
        }
    }

    #[test]
    fn a_denial_answers_its_request(request in plausible()) {
        let mut out = [0; 9];
        if let Some(length) = denial(&request, Refusal::Address, &mut out) {
            let asked = key(&request).unwrap();
            let answer = key(&out[..length]).unwrap();
            prop_assert_eq!((asked.transaction, asked.function), (answer.transaction, answer.function));
            prop_assert_eq!(response(&out[..length]), Ok(()));
        }
    }
}
