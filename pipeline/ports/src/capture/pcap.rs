//! pcap: a file header, then records (draft-ietf-opsawg-pcap).

use std::io::Read;

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::MAX_PACKET;
use super::clock::Clock;
use super::error::CaptureError;
use super::input::Input;
use super::reader::{AtHand, Interface, Packet};
use super::wire::Order;

/// The file header without its magic number (section 4 of the draft).
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct FileHeader {
    magic: [u8; 4],
    major: [u8; 2],
    minor: [u8; 2],
    reserved: [u8; 8],
    snapshot_len: [u8; 4],
    link: [u8; 4],
}

/// What precedes each packet (section 5 of the draft).
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RecordHeader {
    seconds: [u8; 4],
    /// Micro- or nanoseconds, as the magic number says.
    fraction: [u8; 4],
    captured_len: [u8; 4],
    original_len: [u8; 4],
}

/// Unit of the time stamps and byte order, which is all the state of a pcap file.
#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    /// Fractions in a second.
    per_second: u64,
    clock: Clock,
}

impl Pcap {
    /// By the magic number a file begins with; `None` if it is no pcap.
    pub(super) fn recognise(first: &[u8]) -> Option<Pcap> {
        let (order, per_second, clock) = match first.first_chunk()? {
            [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, 1_000_000, Clock::MICROS),
            [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, 1_000_000, Clock::MICROS),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, 1_000_000_000, Clock::NANOS),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, 1_000_000_000, Clock::NANOS),
            _ => return None,
        };
        Some(Pcap { order, per_second, clock })
    }

    /// Consumes the file header: a pcap has one interface, without a name.
    pub(super) fn open<R: Read>(&self, input: &mut Input<R>) -> Result<Interface, CaptureError> {
        let size = size_of::<FileHeader>();
        let (major, link) = FileHeader::read_from_bytes(input.require(size)?)
            .map(|header| (self.order.u16(header.major), self.order.u32(header.link)))
            .unwrap_or_default();
        if major != 2 {
            return Err(input.corrupt(format!("pcap version {major}, where only 2 is known")));
        }
        input.consume(size);
        Ok(Interface::new((link & 0xffff) as u16))
    }

    /// Finds the next packet at the front of the window; `None` at the end of the file.
    #[inline]
    pub(super) fn locate<R: Read>(
        &self,
        input: &mut Input<R>,
    ) -> Result<Option<Packet>, CaptureError> {
        const HEADER: usize = size_of::<RecordHeader>();
        if input.at_end()? {
            return Ok(None);
        }
        let Ok(header) = RecordHeader::read_from_bytes(input.require(HEADER)?) else {
            return Ok(None);
        };
        let captured = self.order.u32(header.captured_len) as usize;
        if captured > MAX_PACKET {
            return Err(input.corrupt(format!("a packet of {captured} bytes")));
        }
        let size = HEADER + captured;
        input.require(size)?;
        let time = self.clock.time(self.ticks(&header));
        let original_len = self.order.u32(header.original_len);
        Ok(Some(Packet { interface: 0, time, original_len, data: HEADER..size, size }))
    }

    /// The packet at the front of the window, if it is there whole.
    #[inline(always)]
    pub(super) fn at_hand<'a, R: Read>(&self, input: &'a Input<R>) -> Option<AtHand<'a>> {
        let (header, rest) = RecordHeader::ref_from_prefix(input.at_hand()).ok()?;
        let captured = self.order.u32(header.captured_len);
        let data = rest.get(..captured as usize).filter(|data| data.len() <= MAX_PACKET)?;
        let original_len = self.order.u32(header.original_len).max(captured);
        let (number, time) = (input.next_frame(), self.clock.time(self.ticks(header)));
        Some(AtHand { number, time, original_len, data })
    }

    /// Bytes of a record whose packet has so many.
    pub(super) const fn record_len(data: usize) -> usize {
        size_of::<RecordHeader>() + data
    }

    #[inline]
    fn ticks(&self, header: &RecordHeader) -> u64 {
        let seconds = u64::from(self.order.u32(header.seconds));
        seconds * self.per_second + u64::from(self.order.u32(header.fraction))
    }
}
