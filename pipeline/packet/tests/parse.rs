//! Headers: what is read, and which reason is given for what is not.

#![expect(
    clippy::indexing_slicing,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

use proptest::prelude::*;
use wicketgate_packet::quote::Quote;
use wicketgate_packet::{Headers, L4, Link, Malformed, Plain, rewrite};

const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

/// An untagged frame around an IPv4 packet of this protocol; checksums made right.
fn frame(tags: &[[u8; 4]], protocol: u8, transport: &[u8]) -> Vec<u8> {
    let total = (20 + transport.len()) as u16;
    let mut ip = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    ip[2..4].copy_from_slice(&total.to_be_bytes());
    let mut bytes = [&MACS[..], &tags.concat(), &[8, 0], &ip, transport].concat();
    if let Ok(headers) = Headers::parse(&bytes) {
        rewrite::complete_checksums(&mut bytes, &headers);
    }
    bytes
}

/// A segment from port 1025 to 502 with these options, a multiple of 4 bytes, and payload.
fn segment(options: &[u8], payload: &[u8]) -> Vec<u8> {
    let offset = ((5 + options.len() / 4) as u8) << 4;
    let head = [4, 1, 1, 0xf6, 0, 0, 0, 9, 0, 0, 0, 7, offset, 0x10, 16, 0, 0, 0, 0, 0];
    [&head, options, payload].concat()
}

fn datagram(payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len()) as u16;
    [&[4, 1, 1, 0xf6][..], &len.to_be_bytes(), &[0, 0], payload].concat()
}

#[track_caller]
fn refused(bytes: &[u8], why: Malformed) {
    let verdict = Headers::parse(bytes).and_then(|headers| headers.verify(bytes));
    assert_eq!(verdict, Err(why));
}

#[test]
fn offsets_of_a_segment_behind_each_number_of_tags() {
    for (tags, vlan) in [
        (&[][..], None),
        (&[[0x81, 0, 0x20, 0x07]][..], Some(7)),
        (&[[0x81, 0, 0, 0]][..], None),
        (&[[0x88, 0xa8, 0, 5], [0x81, 0, 0, 9]][..], Some(9)),
    ] {
        let bytes = frame(tags, 6, &segment(&[1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0], b"abc"));
        let headers = Headers::parse(&bytes).unwrap();
        headers.verify(&bytes).unwrap();
        let at = 14 + 4 * tags.len();
        assert_eq!(usize::from(headers.ip_at), at);
        assert_eq!(usize::from(headers.l4_at), at + 20);
        assert_eq!(usize::from(headers.payload_at), at + 20 + 32);
        assert_eq!(headers.payload(&bytes), b"abc");
        assert_eq!((headers.ports(), headers.link.vlan()), ((1025, 502), vlan));
    }
    let three = frame(&[[0x81, 0, 0, 1]; 3], 6, &segment(&[], b""));
    assert_eq!(Link::parse(&three), Err(Malformed::TooManyTags));
}

#[test]
fn padding_is_not_payload() {
    let mut bytes = frame(&[], 17, &datagram(b"abc"));
    bytes.extend([0xee; 20]);
    let headers = Headers::parse(&bytes).unwrap();
    headers.verify(&bytes).unwrap();
    assert_eq!((headers.payload(&bytes), headers.payload_len()), (&b"abc"[..], 3));
}

#[test]
fn every_lie_has_its_reason() {
    let good = frame(&[], 6, &segment(&[], b"abc"));
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        bytes
    };
    refused(&good[..13], Malformed::Truncated);
    refused(&good[..30], Malformed::Truncated);
    refused(&good[..50], Malformed::IpTotalLength);
    refused(&with(12, 0x86), Malformed::NotIp);
    refused(&with(14, 0x65), Malformed::IpVersion);
    refused(&with(14, 0x44), Malformed::IpHeaderLength);
    refused(&with(16, 9), Malformed::IpTotalLength);
    refused(&with(17, 19), Malformed::IpHeaderLength);
    refused(&with(20, 0x80), Malformed::IpReserved);
    refused(&with(20, 0x20), Malformed::Fragment);
    refused(&with(21, 0x01), Malformed::Fragment);
    refused(&with(22, 63), Malformed::IpChecksum);
    refused(&with(23, 47), Malformed::Transport);
    refused(&with(46, 0x40), Malformed::TransportHeader);
    refused(&with(46, 0xf0), Malformed::TransportHeader);
    refused(&with(54, b'x'), Malformed::TransportChecksum);
    refused(&frame(&[], 17, &datagram(b"abc")[..10]), Malformed::TransportLength);
    refused(&frame(&[], 6, &segment(&[8, 10, 0, 0], b"")), Malformed::TransportHeader);
    refused(&frame(&[], 6, &segment(&[8, 1, 0, 0], b"")), Malformed::TransportHeader);
}

#[test]
fn a_udp_checksum_of_zero_is_none() {
    let mut bytes = frame(&[], 17, &datagram(b"abc"));
    bytes[40..42].copy_from_slice(&[0, 0]);
    let headers = Headers::parse(&bytes).unwrap();
    assert_eq!(headers.verify(&bytes), Ok(()));
    bytes[41] = 1;
    assert_eq!(headers.verify(&bytes), Err(Malformed::TransportChecksum));
}

#[test]
fn a_quote_is_translated_there_and_back() {
    let mut bytes = frame(&[], 17, &datagram(b"abcd"));
    let before = bytes.clone();
    let quote = Quote::read(&bytes, 14).unwrap();
    let other = ("192.0.2.9".parse().unwrap(), 99);
    quote.translate(&mut bytes, other, quote.dst);
    let headers = Headers::parse(&bytes).unwrap();
    assert_eq!((headers.verify(&bytes), headers.ports().0), (Ok(()), 99));
    Quote::read(&bytes, 14).unwrap().translate(&mut bytes, quote.src, quote.dst);
    assert_eq!(bytes, before);
}

/// A frame that is nearly a plain segment.
fn nearly_plain() -> impl Strategy<Value = Vec<u8>> {
    let tags = prop_oneof![
        4 => Just(vec![]),
        2 => Just(vec![[0x81, 0, 0x20, 7]]),
        1 => Just(vec![[0x88, 0xa8, 0, 5]]),
        1 => Just(vec![[0x81, 0, 0, 5], [0x81, 0, 0, 9]]),
    ];
    let options = prop_oneof![
        Just(vec![]),
        Just(vec![1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]),
        Just(vec![8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1]),
        Just(vec![2, 4, 5, 180]),
    ];
    let payload = proptest::collection::vec(any::<u8>(), 0..40);
    let harm = proptest::collection::vec((0usize..60, any::<u8>(), any::<bool>()), 0..3);
    (tags, options, payload, harm, 0usize..3).prop_map(|(tags, options, payload, harm, padding)| {
        let mut bytes = frame(&tags, 6, &segment(&options, &payload));
        for (at, value, completes) in harm {
            let len = bytes.len();
            bytes[at % len] = value;
            if completes && let Ok(headers) = Headers::parse(&bytes) {
                rewrite::complete_checksums(&mut bytes, &headers);
            }
        }
        bytes.extend(vec![0; padding]);
        bytes
    })
}

#[test]
fn a_link_header_answers_the_one_with_its_addresses_exchanged() {
    let link = |dst, src, tagged| rewrite::link(dst, src, tagged);
    let (here, there) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let to = link(there, here, false);
    assert!(link(here, there, false).answers(&to) && link(here, there, true).answers(&to));
    assert!(!to.answers(&to));
    for at in 0..6 {
        let mut other = here;
        other[at] ^= 0x80;
        assert!(!link(other, there, false).answers(&to) && !link(there, other, false).answers(&to));
        assert!(!link(here, other, false).answers(&to));
    }
}

#[test]
fn ordinary_segments_are_plain() {
    for tags in [&[][..], &[[0x81, 0, 0x20, 7]][..]] {
        for options in [&[][..], &[1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0][..]] {
            let bytes = frame(tags, 6, &segment(options, b"abc"));
            let plain = Plain::read(&bytes).unwrap();
            assert!(plain.is_intact());
            assert_eq!(plain.clock(), (!options.is_empty()).then_some(9));
            assert_eq!((plain.payload, plain.tag().is_some()), (&b"abc"[..], !tags.is_empty()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn what_is_plain_is_right_and_says_the_same(bytes in nearly_plain()) {
        let Some(plain) = Plain::read(&bytes).filter(Plain::is_intact) else { return Ok(()) };
        let headers = Headers::parse(&bytes).unwrap();
        prop_assert_eq!(headers.verify(&bytes), Ok(()));
        prop_assert!(headers.ttl > 1);
        prop_assert_eq!(headers.l4, L4::Tcp(plain.segment()));
        let addresses = (plain.headers.ip.src.into(), plain.headers.ip.dst.into());
        prop_assert_eq!((headers.src, headers.dst), addresses);
        prop_assert_eq!(headers.link.tags, [plain.tag(), None]);
        prop_assert_eq!((headers.link.dst, headers.link.src), (plain.ethernet.dst, plain.ethernet.src));
        prop_assert_eq!((usize::from(headers.ip_at), headers.end as usize), (plain.ip_at, plain.end()));
        prop_assert_eq!(headers.payload(&bytes), plain.payload);
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_offsets_lie_inside(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(headers) = Headers::parse(&bytes) {
            let _ = headers.verify(&bytes);
            prop_assert!(headers.ip_at < headers.l4_at && headers.l4_at <= headers.payload_at);
            prop_assert!(headers.end as usize <= bytes.len());
        }
    }

    /// The same with bytes that get further: a good frame with a few of them changed.
    #[test]
    fn nothing_panics_on_nearly_good_frames(
        changes in proptest::collection::vec((0usize..80, any::<u8>()), 1..6),
        cut in 0usize..90,
    ) {
        let mut bytes = frame(&[[0x81, 0, 0, 7]], 6, &segment(&[2, 4, 5, 0xb4], b"0123456789"));
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) { *byte = value; }
        }
        bytes.truncate(cut);
        if let Ok(headers) = Headers::parse(&bytes) {
            let _ = headers.verify(&bytes);
            let _ = headers.tcp_options(&bytes).count();
            prop_assert!(headers.payload(&bytes).len() == headers.payload_len());
        }
    }

    /// Resizing keeps checksums right, and a FIN does not outlive the bytes before it.
    #[test]
    fn resized_payloads_verify(payload in proptest::collection::vec(any::<u8>(), 0..60), keep in 0usize..60) {
        let mut bytes = frame(&[], 6, &segment(&[], &payload));
        bytes[47] |= 1;
        let mut headers = Headers::parse(&bytes).unwrap();
        rewrite::complete_checksums(&mut bytes, &headers);
        let keep = keep.min(payload.len());
        let mut frame = Heap(bytes);
        prop_assert!(rewrite::resize_payload(&mut frame, &mut headers, keep));
        let again = Headers::parse(&frame.0).unwrap();
        prop_assert_eq!(again.verify(&frame.0), Ok(()));
        prop_assert_eq!(again.payload(&frame.0), &payload[..keep]);
        let fin = matches!(again.l4, L4::Tcp(segment) if segment.flags & 1 != 0);
        prop_assert_eq!(fin, keep == payload.len());
    }
}

/// The simplest frame there is.
struct Heap(Vec<u8>);

impl wicketgate_packet::FrameBuf for Heap {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
    fn resize(&mut self, len: usize) -> bool {
        self.0.resize(len, 0);
        true
    }
    fn move_start(&mut self, _: isize) -> bool {
        false
    }
}
