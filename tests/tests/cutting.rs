//! Verdicts are about bytes, not about the segments they come in.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;
use wicketgate_dissectors::Class;
use wicketgate_engine::{Entry, RangeSet, ValueRule};
use wicketgate_tests::frame::flag;
use wicketgate_tests::modbus::*;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Plant, Right, Talk, Told};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const DATA: u8 = flag::ACK | flag::PSH;

fn plant() -> Plant {
    let writes = Entry {
        addresses: RangeSet::of(vec![(100, 119)]),
        values: ValueRule::In(RangeSet::of(vec![(0, 1500)])),
        ..entry(&[Class::Write])
    };
    Plant::with(vec![Right::new(ALICE, MODBUS, vec![entry(&[Class::Read]), writes])])
}

/// Allowed, denied, unknown, and malformed but framed.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let values = || vec(0u16..2000, 1..5);
    prop_oneof![
        (any::<u16>(), 0u16..200, 0u16..130).prop_map(|(t, a, n)| read(t, a, n)),
        (any::<u16>(), 90u16..130, 0u16..2000).prop_map(|(t, a, v)| write(t, a, v)),
        (any::<u16>(), 90u16..130, values()).prop_map(|(t, a, v)| write_many(t, a, &v)),
        (any::<u16>(), 90u16..130, values()).prop_map(|(t, a, v)| read_write(t, (a, 3), a, &v)),
        (any::<u16>(), vec(any::<u8>(), 1..253)).prop_map(|(t, pdu)| adu(t, &pdu)),
    ]
}

/// Cuts `bytes` at random places: each number is the length of a piece.
fn pieces<'a>(bytes: &'a [u8], lengths: &'a [usize]) -> Vec<&'a [u8]> {
    let (mut rest, mut cut) = (bytes, Vec::new());
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, more) = rest.split_at((*length).min(rest.len()));
        cut.push(piece);
        rest = more;
    }
    cut
}

/// What is told of these pieces, and how many bytes of them left for the asset.
fn told<'a>(segments: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Told>, Vec<u8>) {
    let mut gate = Gate::new(&plant());
    let mut talk = Talk::open(&mut gate, CLIENT);
    let mut left = Vec::new();
    for segment in segments {
        let outcome = talk.send(&mut gate, segment);
        left.extend(outcome.payload_on(LINE));
    }
    (gate.commands(), left)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn one_byte_random_and_merged_segments_are_told_alike(
        requests in vec(request(), 1..12), lengths in vec(1usize..80, 1..20),
    ) {
        let stream = requests.concat();
        let (whole, left_whole) = told(requests.iter().map(Vec::as_slice));
        prop_assert_eq!(whole.len(), requests.len(), "one event a command");
        let payloads: Vec<_> = whole.iter().map(|told| told.payload.clone()).collect();
        prop_assert_eq!(&payloads, &requests);
        prop_assert_eq!(&told(stream.chunks(1)).0, &whole);
        prop_assert_eq!(&told(stream.chunks(1460)).0, &whole);
        prop_assert_eq!(&told(pieces(&stream, &lengths)).0, &whole);
        let allowed = requests.iter().zip(&whole).filter(|(_, told)| told.denied.is_none());
        let allowed: Vec<u8> = allowed.flat_map(|(request, _)| request.clone()).collect();
        prop_assert_eq!(left_whole, allowed, "what is allowed leaves, and nothing else");
    }

    /// Bytes that are no Modbus end the flow, but unsay nothing.
    #[test]
    fn what_is_before_garbage_is_told_alike(
        requests in vec(request(), 1..6), garbage in vec(1u8.., 8..40),
        lengths in vec(1usize..80, 1..20),
    ) {
        let stream = [requests.concat(), garbage].concat();
        let whole = told([stream.as_slice()]);
        prop_assert_eq!(whole.0.len(), requests.len());
        prop_assert_eq!(&told(stream.chunks(1)).0, &whole.0);
        prop_assert_eq!(&told(pieces(&stream, &lengths)).0, &whole.0);
    }

    /// Each segment may come again, joined with what is before or behind it.
    #[test]
    fn the_same_bytes_again_tell_nothing_new(
        requests in vec(request(), 1..8), lengths in vec(1usize..60, 1..10),
        again in vec((0usize..200, 1usize..300, any::<bool>()), 1..10),
    ) {
        let stream = requests.concat();
        let (whole, _) = told(requests.iter().map(Vec::as_slice));
        let mut gate = Gate::new(&plant());
        let talk = Talk::open(&mut gate, CLIENT);
        let first = talk.client_next;
        let send = |gate: &mut Gate, at: usize, bytes: &[u8]| {
            let seq = first.wrapping_add(at as u32);
            gate.office(&talk.from_client(seq, DATA, bytes));
        };
        let (mut sent, mut again) = (0, again.iter().cycle());
        for piece in pieces(&stream, &lengths) {
            let (back, len, before) = *again.next().unwrap();
            let from = sent - back.min(sent);
            if before {
                send(&mut gate, from, &stream[from..(from + len).min(sent)]);
            }
            send(&mut gate, sent, piece);
            sent += piece.len();
            send(&mut gate, from, &stream[from..(from + len).min(sent)]);
        }
        prop_assert_eq!(gate.commands(), whole);
    }

    /// Whatever the order, and however often: what leaves for the asset, put together by sequence
    /// numbers, is what is allowed, and no number ever has two bytes.
    #[test]
    fn order_and_repetition_change_nothing(
        requests in vec(request(), 1..8), at in vec((0usize..400, 1usize..200), 1..40),
    ) {
        let stream = requests.concat();
        let mut gate = Gate::new(&plant());
        let talk = Talk::open(&mut gate, CLIENT);
        let first = talk.client_next;
        let mut seen: Vec<Option<u8>> = vec![None; stream.len()];
        let in_order = pieces(&stream, &[17]).len();
        let all = at.iter().copied().chain((0..in_order).map(|n| (n * 17, 17))).chain(at.clone());
        for (from, len) in all {
            let from = from.min(stream.len());
            let bytes = &stream[from..(from + len).min(stream.len())];
            let seq = first.wrapping_add(from as u32);
            let outcome = gate.office(&talk.from_client(seq, DATA, bytes));
            for left in outcome.seen_on(LINE) {
                let start = left.numbers.0.wrapping_sub(first) as usize;
                for (at, byte) in (start..).zip(left.payload) {
                    prop_assert!(seen[at].is_none_or(|before| before == byte));
                    seen[at] = Some(byte);
                }
            }
        }
        let told = gate.commands();
        let payloads: Vec<_> = told.iter().map(|told| told.payload.clone()).collect();
        prop_assert_eq!(&payloads, &requests, "each is judged once, in order");
        let allowed = requests.iter().zip(&told).filter(|(_, told)| told.denied.is_none());
        let allowed: Vec<u8> = allowed.flat_map(|(request, _)| request.clone()).collect();
        let left: Vec<u8> = seen.into_iter().map_while(|byte| byte).collect();
        prop_assert_eq!(left, allowed);
    }

    #[test]
    fn pipelined_answers_pass_however_they_are_cut(
        order in Just((0u16..30).collect::<Vec<_>>()).prop_shuffle(),
        lengths in vec(1usize..60, 1..10),
    ) {
        let mut gate = Gate::new(&plant());
        let mut talk = Talk::open(&mut gate, CLIENT);
        let requests: Vec<u8> = (0..30).flat_map(|n| read(n, n, 1)).collect();
        assert!(talk.send(&mut gate, &requests).left_by(LINE));
        let answers: Vec<u8> = order.iter().flat_map(|n| values(*n, &[*n])).collect();
        let mut left = Vec::new();
        for piece in pieces(&answers, &lengths) {
            left.extend(talk.answer(&mut gate, piece).payload_on(OFFICE));
        }
        prop_assert_eq!(left, answers);
        prop_assert_eq!(gate.commands().len(), 30);
    }
}
