//! Captures built by hand, byte by byte, independently of the reader under test.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml lets tests panic, but does not see that this is one"
)]

use std::io::Read;

use wicketgate_packet::FrameBuf;
use wicketgate_ports::capture::{CaptureError, CaptureReader, Record};
use wicketgate_ports::{HeapFrame, Pool};

/// Byte order of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    Little,
    Big,
}

pub const ORDERS: [Order; 2] = [Order::Little, Order::Big];

impl Order {
    pub fn u16(self, value: u16) -> [u8; 2] {
        if self == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub fn u32(self, value: u32) -> [u8; 4] {
        if self == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub fn u64(self, value: u64) -> [u8; 8] {
        if self == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }
}

pub fn pcap_header(order: Order, nanos: bool, link: u32) -> Vec<u8> {
    let magic = if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let version = [order.u16(2), order.u16(4)].concat();
    let rest = [0, 0, 65_535, link].map(|value| order.u32(value)).concat();
    [order.u32(magic).to_vec(), version, rest].concat()
}

pub fn pcap_record(
    order: Order,
    seconds: u32,
    fraction: u32,
    original: u32,
    data: &[u8],
) -> Vec<u8> {
    let fields = [seconds, fraction, data.len() as u32, original];
    [fields.map(|value| order.u32(value)).concat(), data.to_vec()].concat()
}

pub fn padded(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    bytes.resize(data.len().next_multiple_of(4), 0);
    bytes
}

pub fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let body = padded(body);
    let len = order.u32(body.len() as u32 + 12);
    [&order.u32(kind)[..], &len, &body, &len].concat()
}

pub fn section(order: Order) -> Vec<u8> {
    let magic = order.u32(0x1a2b_3c4d);
    let version = [order.u16(1), order.u16(0)].concat();
    block(order, 0x0a0d_0d0a, &[&magic[..], &version, &order.u64(u64::MAX)].concat())
}

pub fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    [&order.u16(code)[..], &order.u16(value.len() as u16), &padded(value)].concat()
}

pub fn interface(order: Order, link: u16, snapshot: u32, options: &[Vec<u8>]) -> Vec<u8> {
    let head = [&order.u16(link)[..], &[0, 0], &order.u32(snapshot)].concat();
    block(order, 1, &[head, options.concat()].concat())
}

pub fn enhanced(order: Order, interface: u32, ticks: u64, original: u32, data: &[u8]) -> Vec<u8> {
    let (high, low) = ((ticks >> 32) as u32, ticks as u32);
    let fields = [interface, high, low, data.len() as u32, original];
    // A flags option behind the packet, as live captures have it.
    let options = [option(order, 2, &order.u32(1)), option(order, 0, &[])].concat();
    block(order, 6, &[fields.map(|v| order.u32(v)).concat(), padded(data), options].concat())
}

pub fn obsolete(order: Order, interface: u16, ticks: u64, original: u32, data: &[u8]) -> Vec<u8> {
    let head = [order.u16(interface), order.u16(0xffff)].concat();
    let (high, low) = ((ticks >> 32) as u32, ticks as u32);
    let fields = [high, low, data.len() as u32, original].map(|v| order.u32(v)).concat();
    block(order, 2, &[head, fields, data.to_vec()].concat())
}

pub fn simple(order: Order, original: u32, data: &[u8]) -> Vec<u8> {
    block(order, 3, &[&order.u32(original)[..], data].concat())
}

/// Ethernet frames that differ, the `n`th with `20 + n` bytes.
pub fn ethernet(n: u8) -> Vec<u8> {
    (0..20 + n).map(|at| at.wrapping_mul(7) ^ n).collect()
}

pub fn frame() -> HeapFrame {
    Pool::new(1).take().unwrap()
}

pub type Frames = Vec<(Record, Vec<u8>)>;

/// All frames of a capture, and the fault that ended it.
pub fn read_all(source: impl Read) -> (Frames, Option<CaptureError>) {
    let mut reader = match CaptureReader::new(source) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let (mut frame, mut frames) = (frame(), Vec::new());
    loop {
        match reader.read(&mut frame) {
            Ok(Some(record)) => frames.push((record, frame.bytes().to_vec())),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

/// All frames of a capture that is whole.
pub fn read_whole(source: impl Read) -> Frames {
    let (frames, fault) = read_all(source);
    assert!(fault.is_none(), "{}", fault.unwrap());
    frames
}

/// A source that gives at most so many bytes at a time.
pub struct Trickle<'a>(pub &'a [u8], pub usize);

impl Read for Trickle<'_> {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let step = self.1.min(room.len());
        self.0.read(&mut room[..step])
    }
}
