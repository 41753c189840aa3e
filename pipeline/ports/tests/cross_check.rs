//! Against `pcap-file`, a reader and writer that shares no code with ours.

#![expect(
    clippy::unwrap_used,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

mod common;

use std::borrow::Cow;
use std::time::Duration;

use common::{frame, read_whole};
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapReader, PcapTsResolution, PcapWriter};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::{Block, PcapNgReader, PcapNgWriter};
use pcap_file::{DataLink, Endianness};
use proptest::prelude::*;
use wicketgate_packet::{PortId, Time};
use wicketgate_ports::capture::{CaptureReader, CaptureWriter};

/// Time in nanoseconds within pcap's 32-bit seconds, and bytes.
fn packets() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let time = 0..u64::from(u32::MAX) * 1_000_000_000;
    prop::collection::vec((time, prop::collection::vec(any::<u8>(), 0..200)), 0..20)
}

fn orders() -> impl Strategy<Value = Endianness> {
    prop_oneof![Just(Endianness::Little), Just(Endianness::Big)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pcap_written_by_the_other_is_read(
        packets in packets(),
        endianness in orders(),
        nanos: bool,
        longer in 0..5_000u32,
    ) {
        let unit = if nanos { 1 } else { 1_000 };
        let ts_resolution =
            if nanos { PcapTsResolution::NanoSecond } else { PcapTsResolution::MicroSecond };
        let header = PcapHeader { endianness, ts_resolution, ..PcapHeader::default() };
        let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
        for (time, data) in &packets {
            let original = data.len() as u32 + longer;
            let time = Duration::from_nanos(*time);
            writer.write_packet(&PcapPacket::new(time, original, data).unwrap()).unwrap();
        }
        let frames = read_whole(&writer.into_inner()[..]);
        prop_assert_eq!(frames.len(), packets.len());
        for ((record, bytes), (time, data)) in frames.iter().zip(&packets) {
            prop_assert_eq!(bytes, data);
            prop_assert_eq!(record.time.as_nanos(), time / unit * unit);
            prop_assert_eq!(record.original_len, data.len() as u32 + longer);
        }
    }

    #[test]
    fn pcapng_written_by_the_other_is_read(
        packets in packets(),
        endianness in orders(),
        digits in 0..=9u8,
        longer in 0..5_000u32,
    ) {
        let mut writer = PcapNgWriter::with_endianness(Vec::new(), endianness).unwrap();
        let resolution = InterfaceTsResolution::new(false, digits).unwrap();
        for name in ["first", "second"] {
            let mut interface = InterfaceDescriptionBlock::new(DataLink::ETHERNET, 0);
            interface.options = vec![
                InterfaceDescriptionOption::IfName(Cow::Borrowed(name)),
                InterfaceDescriptionOption::IfTsResol(resolution),
            ];
            writer.write_pcapng_block(interface).unwrap();
        }
        for (n, (time, data)) in packets.iter().enumerate() {
            writer.write_pcapng_block(EnhancedPacketBlock {
                interface_id: n as u32 % 2,
                timestamp: Duration::from_nanos(*time),
                original_len: data.len() as u32 + longer,
                data: Cow::Borrowed(data),
                options: vec![],
            }).unwrap();
        }
        let frames = read_whole(&writer.into_inner()[..]);
        prop_assert_eq!(frames.len(), packets.len());
        let unit = 10u64.pow(9 - u32::from(digits));
        for (n, ((record, bytes), (time, data))) in frames.iter().zip(&packets).enumerate() {
            prop_assert_eq!(bytes, data);
            prop_assert_eq!(record.interface, n % 2);
            prop_assert_eq!(record.time.as_nanos(), time / unit * unit);
            prop_assert_eq!(record.original_len, data.len() as u32 + longer);
        }
    }

    #[test]
    fn what_we_write_is_read_by_both(
        packets in prop::collection::vec((0..3u16, any::<u64>(), prop::collection::vec(any::<u8>(), 0..200)), 0..20),
        names in prop::collection::vec("[a-zé-]{0,9}", 3),
    ) {
        let mut writer = CaptureWriter::new(Vec::new(), &names).unwrap();
        for (port, time, data) in &packets {
            writer.write(PortId(*port), Time::from_nanos(*time), data).unwrap();
        }
        let file = writer.finish().unwrap();

        let mut reader = CaptureReader::new(&file[..]).unwrap();
        let mut frame = frame();
        while reader.read(&mut frame).unwrap().is_some() {}
        let read_names: Vec<_> =
            reader.interfaces().iter().map(|i| i.name.clone().unwrap()).collect();
        prop_assert_eq!(&read_names, &names);
        let ours: Vec<_> = read_whole(&file[..]).into_iter().map(|(record, bytes)| {
            (record.interface as u16, record.time.as_nanos(), bytes)
        }).collect();
        prop_assert_eq!(&ours, &packets);
        prop_assert_eq!(&enhanced_by_other(&file), &packets);
    }
}

/// The enhanced packets of a pcapng after the other reader: interface, nanoseconds, bytes.
fn enhanced_by_other(file: &[u8]) -> Vec<(u16, u64, Vec<u8>)> {
    let mut reader = PcapNgReader::with_capacity(file, 1 << 16).unwrap();
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        if let (Block::EnhancedPacket(packet), _) = block.unwrap() {
            let nanos = packet.timestamp.as_nanos() as u64;
            packets.push((packet.interface_id as u16, nanos, packet.data.into_owned()));
        }
    }
    packets
}

#[test]
fn the_other_counts_the_bytes_of_a_largest_record_as_we_do() {
    let data = vec![0x5a; 262_144];
    let header = PcapHeader { snaplen: 262_144, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    let packet = PcapPacket::new(Duration::from_secs(1), 262_144, &data).unwrap();
    writer.write_packet(&packet).unwrap();
    let file = writer.into_inner();
    assert_eq!(read_whole(&file[..])[0].1, data);
    let mut other = PcapReader::new(&file[..]).unwrap();
    assert_eq!(other.next_packet().unwrap().unwrap().data(), data);
}
