//! Every format, byte order, time unit and link type, from captures built by hand.

mod common;

use common::*;
use wicketgate_packet::Time;
use wicketgate_ports::capture::link::{RECEIVER_MAC, SENDER_MAC};
use wicketgate_ports::capture::{CaptureError, CaptureReader, LinkType};

fn nanos(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

#[test]
fn pcap_in_both_orders_and_units() {
    for order in ORDERS {
        for (in_nanos, unit) in [(false, 1_000), (true, 1)] {
            let file = [
                pcap_header(order, in_nanos, 1),
                pcap_record(order, 1_593_264_449, 419_685, 21, &ethernet(1)),
                pcap_record(order, 1_593_264_450, 7, 1_500, &ethernet(2)),
            ];
            let frames = read_whole(&file.concat()[..]);
            let [(first, one), (second, two)] = &frames[..] else { panic!("{frames:?}") };
            assert_eq!((one, two), (&ethernet(1), &ethernet(2)));
            assert_eq!((first.number, second.number), (1, 2));
            assert_eq!(first.time, nanos(1_593_264_449_000_000_000 + 419_685 * unit));
            assert_eq!(second.time, nanos(1_593_264_450_000_000_000 + 7 * unit));
            assert_eq!((first.original_len, second.original_len), (21, 1_500));
            assert_eq!(first.link, LinkType::Ethernet);
        }
    }
}

#[test]
fn pcap_ignores_the_fcs_bits_beside_the_link_type() {
    let file = [
        pcap_header(Order::Big, false, 0x5400_0001),
        pcap_record(Order::Big, 0, 0, 20, &ethernet(0)),
    ];
    assert_eq!(read_whole(&file.concat()[..]).len(), 1);
}

#[test]
fn an_original_length_below_the_captured_one_is_the_captured_one() {
    for original in [0, 19] {
        let order = Order::Little;
        let record = pcap_record(order, 0, 0, original, &ethernet(0));
        let frames = read_whole(&[pcap_header(order, false, 1), record].concat()[..]);
        assert_eq!(frames[0].0.original_len, 20);
    }
}

#[test]
fn pcapng_blocks_of_every_kind_that_holds_a_packet() {
    for order in ORDERS {
        let file = [
            section(order),
            interface(order, 1, 22, &[]),
            enhanced(order, 0, 5_000_001, 1_500, &ethernet(1)),
            block(order, 5, &[0; 12]), // interface statistics: not a frame
            simple(order, 1_500, &ethernet(2)[..22]),
            obsolete(order, 0, 5_000_003, 23, &ethernet(3)),
            block(order, 0x4000_0bad, &[1; 7]), // custom
            simple(order, 21, &ethernet(1)),
        ];
        let frames = read_whole(&file.concat()[..]);
        let bytes: Vec<_> = frames.iter().map(|(_, bytes)| bytes.clone()).collect();
        assert_eq!(bytes, [ethernet(1), ethernet(2), ethernet(3), ethernet(1)]);
        let records: Vec<_> =
            frames.iter().map(|(r, _)| (r.number, r.time, r.original_len)).collect();
        let (early, late) = (nanos(5_000_001_000), nanos(5_000_003_000));
        assert_eq!(records, [(1, early, 1_500), (2, early, 1_500), (3, late, 23), (4, late, 21)]);
    }
}

#[test]
fn pcapng_time_units_and_offsets_are_each_interfaces_own() {
    for order in ORDERS {
        let resolution = |code: u8| option(order, 9, &[code]);
        let end = option(order, 0, &[]);
        let file = [
            section(order),
            interface(order, 1, 0, &[]),
            interface(order, 1, 0, &[resolution(9), end.clone()]),
            interface(order, 1, 0, &[resolution(3)]),
            interface(order, 1, 0, &[resolution(0x80 | 20), end.clone()]),
            interface(
                order,
                1,
                0,
                &[option(order, 14, &order.u64(1_000)), resolution(6), end.clone()],
            ),
            interface(
                order,
                1,
                0,
                &[resolution(9), option(order, 14, &order.u64(-1i64 as u64)), end],
            ),
            enhanced(order, 0, 7, 20, &ethernet(0)),
            enhanced(order, 1, 1_593_264_449_419_685_123, 20, &ethernet(0)),
            enhanced(order, 2, 7, 20, &ethernet(0)),
            enhanced(order, 3, 3 << 19, 20, &ethernet(0)),
            enhanced(order, 4, 7, 20, &ethernet(0)),
            enhanced(order, 5, 1_000_000_007, 20, &ethernet(0)),
        ];
        let frames = read_whole(&file.concat()[..]);
        let times: Vec<_> = frames.iter().map(|(record, _)| record.time.as_nanos()).collect();
        let wanted =
            [7_000, 1_593_264_449_419_685_123, 7_000_000, 1_500_000_000, 1_000_000_007_000, 7];
        assert_eq!(times, wanted);
        let interfaces: Vec<_> = frames.iter().map(|(record, _)| record.interface).collect();
        assert_eq!(interfaces, [0, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn sections_count_interfaces_anew_and_have_their_own_byte_order() {
    let named = |order: Order, name: &str, code: u8| {
        let options = [option(order, 2, name.as_bytes()), option(order, 9, &[code])];
        interface(order, 1, 0, &options)
    };
    let file = [
        section(Order::Little),
        named(Order::Little, "office", 6),
        enhanced(Order::Little, 0, 1, 20, &ethernet(0)),
        section(Order::Big),
        named(Order::Big, "line\0", 9),
        enhanced(Order::Big, 0, 1, 20, &ethernet(0)),
    ];
    let file = file.concat();
    let frames = read_whole(&file[..]);
    let seen: Vec<_> =
        frames.iter().map(|(r, _)| (r.number, r.interface, r.time.as_nanos())).collect();
    assert_eq!(seen, [(1, 0, 1_000), (2, 1, 1)]);
    let mut reader = CaptureReader::new(&file[..]).unwrap();
    assert_eq!(reader.interfaces().len(), 1, "the second lies behind the first packet");
    let mut frame = frame();
    while reader.read(&mut frame).unwrap().is_some() {}
    let names: Vec<_> = reader.interfaces().iter().map(|i| i.name.as_deref()).collect();
    assert_eq!(names, [Some("office"), Some("line")]);
    assert_eq!(reader.offset(), file.len() as u64);
}

/// One packet through every number of a link type, in pcap and pcapng.
fn as_ethernet(link: u16, packet: &[u8]) -> Option<Vec<u8>> {
    let order = Order::Little;
    let len = packet.len() as u32;
    let pcap = [pcap_header(order, false, link.into()), pcap_record(order, 0, 0, len, packet)];
    let pcapng =
        [section(order), interface(order, link, 0, &[]), enhanced(order, 0, 0, len, packet)];
    let [one, other] = [pcap.concat(), pcapng.concat()].map(|file| {
        let frames = read_whole(&file[..]);
        let first = frames.into_iter().next()?;
        assert_eq!(first.0.original_len as usize, first.1.len());
        Some(first.1)
    });
    assert_eq!(one, other);
    one
}

fn made(ethertype: u16, payload: &[u8]) -> Option<Vec<u8>> {
    let ethertype = ethertype.to_be_bytes();
    Some([&RECEIVER_MAC[..], &SENDER_MAC, &ethertype, payload].concat())
}

#[test]
fn link_types_become_ethernet() {
    let (ip, ip6) = (&[0x45, 1, 2, 3][..], &[0x60, 1, 2, 3][..]);
    for raw in [12, 14, 101] {
        assert_eq!(as_ethernet(raw, ip), made(0x0800, ip));
        assert_eq!(as_ethernet(raw, ip6), made(0x86dd, ip6));
    }
    assert_eq!(as_ethernet(228, ip), made(0x0800, ip));
    assert_eq!(as_ethernet(229, ip6), made(0x86dd, ip6));
    for family in [[2, 0, 0, 0], [0, 0, 0, 2]] {
        assert_eq!(as_ethernet(0, &[&family[..], ip].concat()), made(0x0800, ip));
    }
    assert_eq!(as_ethernet(108, &[&[0, 0, 0, 24][..], ip6].concat()), made(0x86dd, ip6));
    let sender = [0, 0x80, 0xf4, 9, 8, 7];
    let cooked = [&[0, 0, 0, 1, 0, 6][..], &sender, &[0, 0], &[0x08, 0x06], b"arp"].concat();
    let cooked2 =
        [&[0x08, 0x06, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6][..], &sender, &[0, 0], b"arp"].concat();
    let wanted = [&RECEIVER_MAC[..], &sender, &[0x08, 0x06], b"arp"].concat();
    assert_eq!(as_ethernet(113, &cooked), Some(wanted.clone()));
    assert_eq!(as_ethernet(276, &cooked2), Some(wanted));
}

#[test]
fn what_is_not_ethernet_is_skipped_with_its_number() {
    let order = Order::Big;
    let file = [
        pcap_header(order, false, 101),
        pcap_record(order, 0, 0, 1, &[0x45]),
        pcap_record(order, 0, 0, 1, &[0x10]),
        pcap_record(order, 0, 0, 0, &[]),
        pcap_record(order, 0, 0, 1, &[0x45]),
    ];
    let file = file.concat();
    let numbers: Vec<_> = read_whole(&file[..]).iter().map(|(record, _)| record.number).collect();
    assert_eq!(numbers, [1, 4]);
    let mut reader = CaptureReader::new(&file[..]).unwrap();
    while reader.read(&mut frame()).unwrap().is_some() {}
    assert_eq!(reader.unsupported(), 2);
}

#[test]
fn a_link_type_beyond_us_is_named_when_a_frame_needs_it() {
    let order = Order::Little;
    let file = [
        section(order),
        interface(order, 1, 0, &[]),
        interface(order, 105, 0, &[]),
        enhanced(order, 0, 0, 20, &ethernet(0)),
        enhanced(order, 1, 0, 20, &ethernet(0)),
    ];
    let (frames, fault) = read_all(&file.concat()[..]);
    assert_eq!(frames.len(), 1);
    assert!(matches!(fault, Some(CaptureError::UnsupportedLink { code: 105, record: 2 })));
    assert!(fault.unwrap().to_string().contains("link type 105 (IEEE 802.11)"));
}

#[test]
fn the_source_may_give_as_little_as_a_byte_at_a_time() {
    let order = Order::Big;
    let records = (0..100).map(|n| pcap_record(order, n.into(), 0, 9_999, &ethernet(n)));
    let file = [vec![pcap_header(order, true, 1)], records.collect()].concat().concat();
    let whole = read_whole(&file[..]);
    assert_eq!(whole.len(), 100);
    for step in [1, 3, 1_000] {
        assert_eq!(read_whole(Trickle(&file, step)), whole);
    }
}

#[test]
fn the_window_slides_over_a_file_many_times_its_size() {
    let order = Order::Little;
    let mut file = [section(order), interface(order, 1, 0, &[])].concat();
    for n in 0..3_000u32 {
        let data = vec![n as u8; 700 + n as usize % 801];
        file.extend(enhanced(order, 0, n.into(), data.len() as u32, &data));
    }
    let frames = read_whole(&file[..]);
    assert_eq!(frames.len(), 3_000);
    for (n, (record, bytes)) in frames.iter().enumerate() {
        assert_eq!(record.time.as_nanos(), n as u64 * 1_000);
        assert_eq!(bytes, &vec![n as u8; 700 + n % 801]);
    }
}

#[test]
fn the_largest_packet_fits_and_one_byte_more_does_not() {
    let order = Order::Little;
    let file = |len: usize| {
        let data = vec![0xab; len];
        [pcap_header(order, false, 1), pcap_record(order, 0, 0, len as u32, &data)].concat()
    };
    assert_eq!(read_whole(&file(262_144)[..])[0].1, vec![0xab; 262_144]);
    let (_, fault) = read_all(&file(262_145)[..]);
    assert!(matches!(fault, Some(CaptureError::Corrupt { offset: 24, .. })));
}

#[test]
fn a_block_longer_than_the_window_is_skipped() {
    let order = Order::Big;
    let file = [
        section(order),
        interface(order, 1, 0, &[]),
        block(order, 0x0a, &vec![1; 3_000_000]),
        enhanced(order, 0, 0, 20, &ethernet(0)),
    ];
    assert_eq!(read_whole(&file.concat()[..]).len(), 1);
}
