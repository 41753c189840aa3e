//! After the first bursts, nothing allocates.

#![expect(
    clippy::unwrap_used,
    reason = "a test: clippy.toml knows only the functions marked as one"
)]

mod common;

use allocation_counter::{AllocationInfo, measure};
use common::*;
use wicketgate_packet::{PortId, Time};
use wicketgate_ports::{CapturePort, CaptureReader, CaptureWriter, Port, Received, RingPort};

const BURST: usize = 32;

fn capture_of(frames: u32) -> Vec<u8> {
    let order = Order::Little;
    let mut file = [section(order), interface(order, 113, 0, &[])].concat();
    for n in 0..frames {
        let cooked = [&[0; 14][..], &[8, 0], &vec![n as u8; 60 + n as usize % 1_400]].concat();
        file.extend(enhanced(order, 0, n.into(), 2_000, &cooked));
    }
    file
}

/// One burst in, half of it sent, half recycled, one frame of the port's own.
fn turn<P: Port>(port: &mut P, burst: &mut Vec<Received<P::Frame>>) {
    port.receive(burst, BURST).unwrap();
    for received in burst.drain(..) {
        if received.number.is_multiple_of(2) {
            port.send(received, PortId(0));
        } else {
            port.recycle(received.frame);
        }
    }
    if let Some(own) = port.take() {
        port.send(Received::own(own, Time::EPOCH), PortId(0));
    }
    port.flush().unwrap();
}

fn assert_none(counted: &AllocationInfo) {
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn the_capture_port_allocates_nothing_after_the_first_burst() {
    let file = capture_of(3_000);
    let writer = CaptureWriter::new(std::io::sink(), &["office"]).unwrap();
    let reader = CaptureReader::new(&file[..]).unwrap();
    let mut port =
        CapturePort::new(reader, Some(writer), vec!["office".into()], PortId(0), 2 * BURST);
    let mut burst = Vec::with_capacity(BURST);
    turn(&mut port, &mut burst);
    assert_none(&measure(|| {
        while !port.is_finished() {
            turn(&mut port, &mut burst);
        }
    }));
    assert_eq!(port.reader().offset(), file.len() as u64);
}

#[test]
fn the_ring_port_allocates_nothing_after_the_first_burst() {
    let mut port = RingPort::new(2 * BURST, 2 * BURST);
    let mut burst = Vec::with_capacity(BURST);
    let mut drained = 0;
    let mut round = |port: &mut RingPort| {
        (0..BURST).for_each(|_| assert!(port.feed(PortId(0), Time::EPOCH, &[7; 1_500])));
        turn(port, &mut burst);
        port.drain_with(|_, _, bytes| drained += usize::from(bytes.len() == 1_500));
    };
    round(&mut port);
    assert_none(&measure(|| (0..100).for_each(|_| round(&mut port))));
    assert_eq!(drained, 101 * BURST / 2);
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![1, 2, 3]))).count_total, 1);
}
