//! Captures through the [`Port`] trait: sides, numbers, output, faults, and frames that come back.

#![expect(
    clippy::unwrap_used,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

mod common;

use std::io;

use common::*;
use wicketgate_packet::{FrameBuf, PortId, Time};
use wicketgate_ports::capture::{
    CaptureError, CapturePort, CaptureReader, CaptureWriter, LinkType, Sides,
};
use wicketgate_ports::{HeapFrame, Port, PortError, Received};

const OFFICE: PortId = PortId(0);
const LINE: PortId = PortId(1);
const FRAMES: usize = 8;

fn names() -> Vec<String> {
    ["office", "press-line"].map(String::from).to_vec()
}

fn port(file: &[u8]) -> CapturePort<&[u8], Vec<u8>> {
    let writer = CaptureWriter::new(Vec::new(), &names()).unwrap();
    CapturePort::new(CaptureReader::new(file).unwrap(), Some(writer), names(), LINE, FRAMES)
}

fn pcap(frames: u8) -> Vec<u8> {
    let order = Order::Big;
    let records = (0..frames)
        .flat_map(|n| pcap_record(order, n.into(), 0, 1_500 + u32::from(n), &ethernet(n)));
    pcap_header(order, false, 1).into_iter().chain(records).collect()
}

/// A pcapng with interfaces of these names and a frame from each, in order.
fn named(interfaces: &[&str]) -> Vec<u8> {
    let order = Order::Little;
    let described =
        interfaces.iter().map(|name| interface(order, 1, 0, &[option(order, 2, name.as_bytes())]));
    let packets =
        (0..interfaces.len() as u8).map(|n| enhanced(order, n.into(), 0, 20, &ethernet(n)));
    [section(order)].into_iter().chain(described).chain(packets).flatten().collect()
}

fn receive(port: &mut impl Port<Frame = HeapFrame>, max: usize) -> Vec<Received<HeapFrame>> {
    let mut burst = Vec::new();
    let count = port.receive(&mut burst, max).unwrap();
    assert_eq!(count, burst.len());
    burst
}

fn entered(file: &[u8]) -> Vec<PortId> {
    receive(&mut port(file), FRAMES).iter().map(|received| received.port).collect()
}

#[test]
fn frames_come_with_number_time_and_original_length() {
    let file = pcap(3);
    let burst = receive(&mut port(&file), FRAMES);
    for (n, received) in (0..3u8).zip(&burst) {
        assert_eq!(received.number, u64::from(n) + 1);
        assert_eq!(received.arrival, Time::from_nanos(u64::from(n) * 1_000_000_000));
        assert_eq!(received.original_len, 1_500 + u32::from(n));
        assert_eq!(received.frame.bytes(), ethernet(n));
    }
    assert_eq!(burst.len(), 3);
}

#[test]
fn two_sided_means_that_all_interfaces_are_ports() {
    assert_eq!(entered(&named(&["press-line", "office", "office"])), [LINE, OFFICE, OFFICE]);
    assert_eq!(port(&named(&["office"])).sides(), Sides::Two);
    assert_eq!(entered(&named(&["office", "eth0"])), [LINE, LINE], "a tap's file: by the tap");
    assert_eq!(port(&named(&["office", "eth0"])).sides(), Sides::One(LINE));
    assert_eq!(port(&pcap(1)).sides(), Sides::One(LINE), "pcap names no interface");
    assert_eq!(port(&section(Order::Big)).sides(), Sides::One(LINE), "nothing named");
}

#[test]
fn a_stranger_among_the_ports_later_on_is_an_error() {
    let file = [named(&["office"]), named(&["office", "eth0"])].concat();
    let mut port = port(&file);
    assert_eq!(receive(&mut port, FRAMES).len(), 2);
    assert!(!port.is_finished(), "the fault is still to be told");
    let fault = port.receive(&mut Vec::new(), FRAMES).unwrap_err();
    assert!(matches!(&fault, PortError::UnknownInterface(name) if name == "eth0"), "{fault}");
    assert!(port.is_finished());
}

#[test]
fn frames_before_a_cut_are_all_handed_out() {
    let file = pcap(3);
    let mut port = port(&file[..file.len() - 1]);
    assert_eq!(receive(&mut port, FRAMES).len(), 2);
    let fault = port.receive(&mut Vec::new(), FRAMES).unwrap_err();
    assert!(matches!(fault, PortError::Capture(CaptureError::Cut { record: 3, .. })), "{fault}");
    assert!(port.is_finished());
    assert_eq!(receive(&mut port, FRAMES).len(), 0, "finished is finished");
}

#[test]
fn the_end_is_seen_and_not_before() {
    let file = pcap(2);
    let mut port = port(&file);
    assert_eq!(receive(&mut port, 2).len(), 2);
    assert!(!port.is_finished());
    assert_eq!(receive(&mut port, 2).len(), 0);
    assert!(port.is_finished());
}

#[test]
fn an_empty_pool_waits_for_frames_to_come_back() {
    let file = pcap(20);
    let mut port = port(&file);
    let held = receive(&mut port, 20);
    assert_eq!(held.len(), FRAMES);
    assert!(port.take().is_none());
    assert_eq!(receive(&mut port, 20).len(), 0);
    assert!(!port.is_finished());
    held.into_iter().for_each(|received| port.recycle(received.frame));
    assert_eq!(receive(&mut port, 20)[0].number, FRAMES as u64 + 1, "none was lost");
}

#[test]
fn no_frame_leaks_whatever_its_end() {
    let file = pcap(40);
    let mut port = port(&file);
    while !port.is_finished() {
        for (n, received) in receive(&mut port, 3).into_iter().enumerate() {
            let (own, at) = (port.take().unwrap(), received.arrival);
            match n {
                0 => port.send(received, OFFICE),
                1 => port.send(received, PortId(9)),
                _ => port.recycle(received.frame),
            }
            port.send(Received::own(own, at), LINE);
        }
        port.flush().unwrap();
        assert_eq!(port.pool().available(), FRAMES);
    }
    assert_eq!(port.unsent(), 13, "a port that does not exist");
}

#[test]
fn what_is_sent_is_in_the_file() {
    let file = pcap(2);
    let mut port = port(&file);
    for received in receive(&mut port, 2) {
        let egress = PortId(2 - received.number as u16);
        port.send(received, egress);
    }
    let written = port.finish().unwrap().unwrap();
    let mut again = self::port(&written);
    assert_eq!(again.sides(), Sides::Two);
    let burst = receive(&mut again, FRAMES);
    let left: Vec<_> =
        burst.iter().map(|r| (r.port, r.arrival, r.frame.bytes().to_vec())).collect();
    let second = Time::from_nanos(1_000_000_000);
    assert_eq!(left, [(LINE, Time::EPOCH, ethernet(0)), (OFFICE, second, ethernet(1))]);
    assert_eq!(read_whole(&written[..])[0].0.link, LinkType::Ethernet);
}

/// A disk with so many bytes left.
#[derive(Debug)]
struct Disk(usize);

impl io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = bytes.len().min(self.0);
        self.0 -= written;
        if written == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(written) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_and_costs_no_frame() {
    let file = pcap(200);
    let writer = CaptureWriter::new(Disk(1_000), &names()).unwrap();
    let reader = CaptureReader::new(&file[..]).unwrap();
    let mut port = CapturePort::new(reader, Some(writer), names(), LINE, FRAMES);
    let mut faults = 0;
    while !port.is_finished() {
        for mut received in receive(&mut port, FRAMES) {
            // 200 of these are more than the writer keeps to itself.
            assert!(received.frame.resize(1_900));
            port.send(received, LINE);
        }
        faults += usize::from(matches!(port.flush(), Err(PortError::Output(_))));
        assert_eq!(port.pool().available(), FRAMES);
    }
    assert_eq!(faults, 1, "told once");
    assert!(port.unsent() > 0);
}

#[test]
fn finish_reports_a_disk_that_is_full_at_the_end() {
    let writer = CaptureWriter::new(Disk(20), &names()).unwrap();
    let error = writer.finish().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}
