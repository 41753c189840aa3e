//! Real captures, where they are at hand: `shared/pcaps` beside the project.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

mod common;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use common::frame;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};
use wicketgate_packet::FrameBuf;
use wicketgate_ports::capture::{CaptureReader, LinkType};

fn pcaps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/pcaps")
}

/// Path and number of packets of each capture; empty, and said aloud, where there are none.
fn manifest() -> Vec<(PathBuf, u64)> {
    let Ok(table) = fs::read_to_string(pcaps().join("MANIFEST.tsv")) else {
        eprintln!("skipped: no captures at {}", pcaps().display());
        return Vec::new();
    };
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let column = |name| head.iter().position(|column| *column == name).unwrap();
    let (path, packets) = (column("path"), column("packets"));
    lines
        .map(|line| (pcaps().join("given").join(line[path]), line[packets].parse().unwrap()))
        .collect()
}

#[test]
fn as_many_frames_as_the_manifest_says() {
    for (path, packets) in manifest() {
        let mut reader = CaptureReader::open(&path).unwrap();
        let (mut frame, mut handed_out) = (frame(), 0);
        loop {
            match reader.read(&mut frame) {
                Ok(Some(_)) => handed_out += 1,
                Ok(None) => break,
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
        let skipped = reader.unsupported();
        if skipped > 0 {
            eprintln!("{}: {skipped} of {packets} are not Ethernet", path.display());
        }
        assert_eq!(handed_out + skipped, packets, "{}", path.display());
        assert_eq!(reader.offset(), fs::metadata(&path).unwrap().len(), "{}", path.display());
    }
}

/// Nanoseconds and bytes of every packet, after the other reader; `None` where it gives up.
fn by_other(path: &Path) -> Option<Vec<(u64, Vec<u8>)>> {
    let file = || File::open(path).unwrap();
    let mut packets = Vec::new();
    if let Ok(mut reader) = PcapReader::with_capacity(file(), 1 << 20) {
        while let Some(packet) = reader.next_packet() {
            let packet = packet.ok()?;
            packets.push((packet.timestamp().as_nanos() as u64, packet.data().to_vec()));
        }
        return Some(packets);
    }
    let mut reader = PcapNgReader::with_capacity(file(), 1 << 20).ok()?;
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.ok()?.0 {
            packets.push((packet.timestamp.as_nanos() as u64, packet.data.into_owned()));
        }
    }
    Some(packets)
}

#[test]
fn the_other_reader_sees_the_same_packets() {
    let mut compared = 0;
    let captures = manifest();
    for (path, _) in &captures {
        let Some(theirs) = by_other(path) else {
            eprintln!("{}: the other reader gives up", path.display());
            continue;
        };
        let mut reader = CaptureReader::open(path).unwrap();
        let mut frame = frame();
        while let Some(record) = reader.read(&mut frame).unwrap() {
            let (nanos, bytes) = &theirs[record.number as usize - 1];
            assert_eq!(record.time.as_nanos(), *nanos, "{} {record:?}", path.display());
            // Whatever stood before an Ethernet header that was made, the rest is the packet's end.
            let rest = if record.link == LinkType::Ethernet { 0 } else { 14 };
            assert!(bytes.ends_with(&frame.bytes()[rest..]), "{} {record:?}", path.display());
            assert!(rest > 0 || bytes == frame.bytes(), "{} {record:?}", path.display());
            compared += 1;
        }
    }
    assert!(captures.is_empty() || compared > 100_000, "only {compared} frames compared");
}
