use proptest::collection::vec;
use proptest::prelude::*;

use super::frame::in_chunks;
use super::{CALL, READ, WRITE, acknowledge, hello, hex, message, open};
use crate::opcua::channel::Channel;
use crate::opcua::items::Target;
use crate::opcua::node::NodeId;
use crate::opcua::variant::Budget;
use crate::opcua::{
    MAX_CHUNK, MAX_REQUEST, Reader, command, denial, fields, frame, join, key, portion, response,
    variant,
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

    /// A node is read at one look where it can be, an expanded one never: without its flags both are the same.
    #[test]
    fn a_node_is_read_the_same_at_one_look(kind in 0..8_u8, rest in vec(byte(), 0..14)) {
        let bytes = [&[kind][..], &rest].concat();
        let (mut quick, mut slow) = (Reader::new(&bytes), Reader::new(&bytes));
        let node = quick.node();
        prop_assert_eq!(node, slow.expanded_node());
        if node.is_some() {
            prop_assert_eq!(quick, slow, "what is left");
        }
    }

    #[test]
    fn a_value_is_read_the_same_at_one_look(kind in any::<u8>(), rest in vec(byte(), 0..14)) {
        let value = [&[kind][..], &rest].concat();
        let bytes = [&[1], &value[..]].concat();
        let (mut quick, mut slow) = (Reader::new(&bytes), Reader::new(&value));
        let held = variant::data_value(&mut quick, &mut Budget::default());
        prop_assert_eq!(held, variant::value(&mut slow, &mut Budget::default()));
        if held.is_some() {
            prop_assert_eq!(quick, slow, "what is left");
        }
    }

    /// What is to be read of a node may end at one look: the same as word by word.
    #[test]
    fn an_element_of_a_read_is_the_same_at_one_look(
        strings in [length_of_none(), length_of_none()], name in any::<u16>(), rest in vec(byte(), 0..4),
    ) {
        let [range, encoding] = strings.map(i32::to_le_bytes);
        let element = [&[0, 7, 13, 0, 0, 0][..], &range, &name.to_le_bytes(), &encoding, &rest].concat();
        let mut words = Reader::new(&element[6..]);
        let right = words.string().and_then(|_| words.qualified_name());
        let right = right.is_some() && words.is_at_end();
        let body = [&hex("0000000000000000 02000000 01000000")[..], &element].concat();
        let request = message(3, 631, &body);
        let asked = command(&request);
        prop_assert_eq!(asked.is_ok(), right);
        for item in asked.into_iter().flat_map(|asked| asked.items) {
            prop_assert_eq!((item.start, item.count), (13, 1));
            prop_assert_eq!(item.target, Some(Target::Node(NodeId::number(7))));
        }
    }

    /// A request of one item is read by itself: as each of two that are the same.
    #[test]
    fn one_item_is_what_each_of_two_is(
        (number, front, element) in element(), at in any::<prop::sample::Index>(), to in byte(),
    ) {
        let mut element = element;
        let at = at.index(element.len());
        element[at] = to;
        let request = |count: u32| {
            let all = element.repeat(count as usize);
            message(3, number, &[&front[..], &count.to_le_bytes(), &all].concat())
        };
        let (one, two) = (request(1), request(2));
        if let Ok(one) = command(&one) {
            let two = command(&two).unwrap();
            prop_assert_eq!((one.class, one.function, one.name), (two.class, two.function, two.name));
            let item = one.items.clone().next().unwrap();
            prop_assert!(one.items.eq([item]) && two.items.eq([item, item]));
        }
    }
}

/// Bytes of which lengths, flags and kinds are made, more often than others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![4 => 0..8_u8, 1 => Just(0xff), 1 => any::<u8>()]
}

/// The length of a string that has no bytes, or one that is wrong.
fn length_of_none() -> impl Strategy<Value = i32> {
    prop_oneof![4 => Just(-1), 2 => Just(0), 1 => -3..3_i32, 1 => any::<i32>()]
}

/// A service, what stands in front of its items, and one of these.
fn element() -> impl Strategy<Value = (u16, Vec<u8>, Vec<u8>)> {
    let of = |service, front, item: &str| Just((service, hex(front), hex(item)));
    let read = "03 0200 01000000 41 0d000000 ffffffff 0000 ffffffff";
    let write = "03 0200 01000000 41 0d000000 ffffffff 01 06 bc020000";
    let call = "03 0200 01000000 4f 03 0200 01000000 4d 01000000 06 01000000";
    prop_oneof![
        of(631, "0000000000000000 02000000", read),
        of(673, "", write),
        of(712, "", call),
        of(500, "", "01 02 0400 01"),
    ]
}
