//! Files that are cut, damaged or no captures at all.

mod common;

use common::*;
use wicketgate_ports::capture::{CaptureError, CaptureReader, Foreign};

/// A capture in pieces, each with the number of frames in it (0 or 1).
type Pieces = Vec<(Vec<u8>, u64)>;

fn pcap(order: Order) -> Pieces {
    let mut pieces = vec![(pcap_header(order, false, 1), 0)];
    pieces.extend((0..4).map(|n| (pcap_record(order, n.into(), 0, 1_500, &ethernet(n)), 1)));
    pieces.push((pcap_record(order, 9, 0, 0, &[]), 1));
    pieces
}

fn pcapng(order: Order) -> Pieces {
    let name = [option(order, 2, b"office"), option(order, 9, &[9]), option(order, 0, &[])];
    vec![
        (section(order), 0),
        (interface(order, 1, 0, &name), 0),
        (enhanced(order, 0, 1, 20, &ethernet(0)), 1),
        (block(order, 4, &[3; 33]), 0),
        (simple(order, 21, &ethernet(1)), 1),
        (interface(order, 101, 0, &[]), 0),
        (obsolete(order, 0, 2, 22, &ethernet(2)), 1),
        (enhanced(order, 1, 3, 1, &[0x45]), 1),
        (section(order), 0),
        (interface(order, 0, 0, &name), 0),
        (enhanced(order, 0, 4, 5, &[2, 0, 0, 0, 0x45]), 1),
    ]
}

fn captures() -> impl Iterator<Item = Pieces> {
    ORDERS.into_iter().flat_map(|order| [pcap(order), pcapng(order)])
}

fn join(pieces: &Pieces) -> Vec<u8> {
    pieces.iter().flat_map(|(bytes, _)| bytes).copied().collect()
}

/// Where the piece begins that a cut at `len` hits, and the frames before it;
/// `true` where the cut falls between two pieces.
fn expected(pieces: &Pieces, len: usize) -> (u64, u64, bool) {
    let (mut start, mut frames) = (0, 0);
    for (bytes, holds) in pieces {
        if start + bytes.len() > len {
            break;
        }
        start += bytes.len();
        frames += holds;
    }
    (start as u64, frames, start == len)
}

#[test]
fn a_cut_is_reported_at_every_byte_with_its_exact_offset() {
    for pieces in captures() {
        let whole = join(&pieces);
        for len in 4..=whole.len() {
            let (start, before, clean) = expected(&pieces, len);
            let (frames, fault) = read_all(Trickle(&whole[..len], 61));
            assert_eq!(frames.len() as u64, before, "cut at {len}");
            match fault {
                None => assert!(clean, "a cut at {len} went unseen"),
                Some(CaptureError::Cut { offset, record }) => {
                    assert!(!clean, "cut at {len}");
                    assert_eq!((offset, record), (start, before + 1), "cut at {len}");
                }
                Some(other) => panic!("cut at {len}: {other}"),
            }
        }
    }
}

#[test]
fn a_cut_inside_a_block_longer_than_the_window_names_its_beginning() {
    let order = Order::Little;
    let head = [section(order), interface(order, 1, 0, &[])].concat();
    let file = [head.clone(), block(order, 0x0a, &vec![1; 1_000_000])].concat();
    for len in [head.len() + 12, 600_000, file.len() - 1] {
        let (_, fault) = read_all(&file[..len]);
        let Some(CaptureError::Cut { offset, record: 1 }) = fault else { panic!("{fault:?}") };
        assert_eq!(offset, head.len() as u64);
    }
}

#[test]
fn the_same_fault_is_found_again() {
    let whole = join(&pcap(Order::Little));
    let mut reader = CaptureReader::new(&whole[..whole.len() - 1]).unwrap();
    let mut frame = frame();
    while let Ok(Some(_)) = reader.read(&mut frame) {}
    for _ in 0..2 {
        assert!(matches!(reader.read(&mut frame), Err(CaptureError::Cut { record: 5, .. })));
    }
}

#[test]
fn no_mutation_panics_hangs_or_leaves_the_file() {
    for pieces in captures() {
        let whole = join(&pieces);
        for at in 0..whole.len() {
            for change in [0x01, 0x02, 0x40, 0x80, 0xff] {
                let mut mutant = whole.clone();
                mutant[at] ^= change;
                check_mutant(&mutant);
            }
        }
    }
}

#[test]
fn no_heavy_mutation_panics_hangs_or_leaves_the_file() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for pieces in captures() {
        for _ in 0..2_000 {
            let mut mutant = join(&pieces);
            for _ in 0..1 + random() % 8 {
                let at = 4 + random() as usize % (mutant.len() - 4);
                mutant[at] = random() as u8;
            }
            mutant.truncate(4 + random() as usize % mutant.len());
            check_mutant(&mutant);
        }
    }
}

/// Every frame takes at least a record header, so there cannot be more; offsets lie in the file.
fn check_mutant(mutant: &[u8]) {
    let (frames, fault) = read_all(mutant);
    assert!(frames.len() <= mutant.len() / 12);
    match fault {
        Some(CaptureError::Cut { offset, .. } | CaptureError::Corrupt { offset, .. }) => {
            assert!(offset < mutant.len() as u64);
        }
        Some(CaptureError::Read { .. } | CaptureError::Open(_)) => {
            assert!(fault.is_none(), "memory cannot fail");
        }
        _ => {}
    }
}

#[test]
fn damage_is_reported_where_it_is() {
    let order = Order::Big;
    let head = [section(order), interface(order, 1, 0, &[])].concat();
    let good = enhanced(order, 0, 0, 20, &ethernet(0));
    let with_tail = |len| [&good[..good.len() - 4], &order.u32(len)].concat();
    let wrong_tail = with_tail(good.len() as u32 + 4);
    let cases = [
        (wrong_tail.clone(), "that ends as one of"),
        (with_tail(12), "that ends as one of"),
        ([order.u32(5).as_slice(), &wrong_tail[4..]].concat(), "that ends as one of"),
        (enhanced(order, 3, 0, 20, &ethernet(0)), "interface 3, which is not described"),
        (block(order, 6, &[0; 16]), "a packet block of only 28 bytes"),
        (block(order, 3, &[]), "a packet block of only 12 bytes"),
        (simple(order, 99, &ethernet(0)), "a packet of 99 bytes in a block of 36"),
        (block(order, 0x0a0d_0d0a, &[0; 16]), "without byte-order magic"),
        (vec![0; 12], "a block of type 0x0 and 0 bytes"),
        (interface(order, 1, 0, &[order.u32(0x0002_00ff).to_vec()]), "broken option"),
        (interface(order, 1, 0, &[option(order, 9, &[])]), "broken option"),
        (block(order, 6, &vec![0; 600_000]), "a block of 600012 bytes"),
    ];
    for (damage, wanted) in cases {
        let (frames, fault) = read_all(&[&head[..], &good, &damage].concat()[..]);
        assert_eq!(frames.len(), 1);
        let Some(CaptureError::Corrupt { offset, what }) = fault else { panic!("{fault:?}") };
        assert_eq!(offset, (head.len() + good.len()) as u64);
        assert!(what.contains(wanted), "{what:?} does not say {wanted:?}");
    }
}

#[test]
fn versions_from_the_future_are_refused() {
    let mut file = join(&pcap(Order::Little));
    file[4] = 3;
    assert!(matches!(read_all(&file[..]).1, Some(CaptureError::Corrupt { offset: 0, .. })));
    let mut file = join(&pcapng(Order::Little));
    file[12] = 2;
    assert!(matches!(read_all(&file[..]).1, Some(CaptureError::Corrupt { offset: 0, .. })));
}

#[test]
fn a_file_may_not_describe_interfaces_without_end() {
    let order = Order::Little;
    let one = interface(order, 1, 0, &[]);
    let file = [section(order), one.repeat(4_097)].concat();
    let (_, fault) = read_all(&file[..]);
    let Some(CaptureError::Corrupt { offset, .. }) = fault else { panic!("{fault:?}") };
    assert_eq!(offset as usize, 28 + 4_096 * one.len());
}

#[test]
fn what_is_no_capture_is_told_by_its_first_bytes() {
    let cases: [(&[u8], Foreign); 11] = [
        (b"", Foreign::Empty),
        (b"\x1f\x8b\x08\0\0\0\0\0", Foreign::Gzip),
        (b"\x28\xb5\x2f\xfd\0\0\0\0", Foreign::Zstd),
        (b"\xfd7zXZ\0\0\0", Foreign::Xz),
        (b"BZh91AY&", Foreign::Bzip2),
        (b"PK\x03\x04\0\0\0\0", Foreign::Zip),
        (b"snoop\0\0\0", Foreign::Snoop),
        (b"\x34\xcd\xb2\xa1\x02\0\x04\0", Foreign::PatchedPcap),
        (b"[gate]\noverlay", Foreign::Text),
        (b"\x7fELF\x02\x01\x01\0", Foreign::Unknown(*b"\x7fELF")),
        (b"\xd4\xc3", Foreign::Unknown([0xd4, 0xc3, 0, 0])),
    ];
    for (bytes, wanted) in cases {
        let error = CaptureReader::new(bytes).unwrap_err();
        let CaptureError::NotACapture(found) = error else { panic!("{error}") };
        assert_eq!(found, wanted);
    }
}

#[test]
fn a_missing_file_and_a_directory_are_errors_of_their_own() {
    let missing = CaptureReader::open("/nonexistent/plant.pcap").unwrap_err();
    assert!(matches!(missing, CaptureError::Open(_)), "{missing:?}");
    let directory = CaptureReader::open(env!("CARGO_MANIFEST_DIR")).unwrap_err();
    assert!(matches!(directory, CaptureError::Read { offset: 0, .. }), "{directory:?}");
}

#[test]
fn texts_say_what_where_and_what_to_do() {
    let cut = CaptureError::Cut { offset: 1_234, record: 8 }.to_string();
    assert!(cut.contains("at byte 1234, after 7 whole frames"), "{cut}");
    let gzip = CaptureReader::new(&b"\x1f\x8b\x08\0"[..]).unwrap_err().to_string();
    assert_eq!(gzip, "not a capture: it is compressed with gzip; unpack it with gunzip first");
    let link = CaptureError::UnsupportedLink { code: 189, record: 1 }.to_string();
    assert!(link.contains("link type 189 (USB)"), "{link}");
}
