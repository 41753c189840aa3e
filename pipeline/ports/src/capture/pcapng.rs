//! pcapng: sections of blocks (draft-ietf-opsawg-pcapng).

use std::io::Read;

use wicketgate_packet::Time;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::MAX_PACKET;
use super::error::CaptureError;
use super::input::{Input, WINDOW};
use super::reader::{Interface, Packet};
use super::wire::Order;

/// Most interfaces a file may describe; a section begins to count anew, the file does not.
const MAX_INTERFACES: usize = 4096;
/// Bytes of an interface's name that are kept.
const MAX_NAME: usize = 255;

/// Type and length before a block's body, and the length again behind it.
const BLOCK_HEAD: usize = 8;
const BLOCK_TAIL: usize = 4;
const MIN_BLOCK: usize = size_of::<MinBlock>();

/// Block types (section 11.1 of the draft). A section's reads the same in both byte orders.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Options of an interface description (section 4.2).
const OPTION_END: u16 = 0;
const OPTION_NAME: u16 = 2;
const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;

/// A block without a body (section 3.1) or the beginning of one with.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct MinBlock {
    kind: [u8; 4],
    len: [u8; 4],
    /// The length again; in a section header, the byte-order magic.
    last: [u8; 4],
}

/// Section Header Block (section 4.1).
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct SectionHeader {
    magic: [u8; 4],
    major: [u8; 2],
    minor: [u8; 2],
    section_len: [u8; 8],
}

/// Interface Description Block (section 4.2), then options.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct InterfaceDescription {
    link: [u8; 2],
    reserved: [u8; 2],
    snapshot_len: [u8; 4],
}

/// Code and length of an option (section 3.5), then its value, padded to four bytes.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct OptionHeader {
    code: [u8; 2],
    len: [u8; 2],
}

/// Enhanced Packet Block (section 4.3), then the packet and options.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct EnhancedPacket {
    interface: [u8; 4],
    stamp: Stamp,
}

/// The obsolete Packet Block (appendix A), then the packet and options.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct ObsoletePacket {
    interface: [u8; 2],
    drops: [u8; 2],
    stamp: Stamp,
}

/// What follows in both.
#[derive(Clone, Copy, FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Stamp {
    time_high: [u8; 4],
    time_low: [u8; 4],
    captured_len: [u8; 4],
    original_len: [u8; 4],
}

/// Simple Packet Block (section 4.4), then the packet.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct SimplePacket {
    original_len: [u8; 4],
}

/// The state of the section being read.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    /// Index, among the file's interfaces, of the section's first.
    first_interface: usize,
    /// Time of the last packet that had one.
    last_time: Time,
}

impl Pcapng {
    /// By the block type a file begins with; `None` if it is no pcapng.
    pub(super) fn recognise(first: &[u8]) -> Option<Pcapng> {
        let kind = u32::from_be_bytes(*first.first_chunk()?);
        let order = Order::Little; // until the section says
        (kind == SECTION_HEADER).then_some(Pcapng {
            order,
            first_interface: 0,
            last_time: Time::EPOCH,
        })
    }

    /// Finds the next packet at the front of the window; `None` at the end of the file.
    /// Blocks before it are consumed, interfaces they describe added to `interfaces`.
    pub(super) fn locate<R: Read>(
        &mut self,
        input: &mut Input<R>,
        interfaces: &mut Vec<Interface>,
    ) -> Result<Option<Packet>, CaptureError> {
        while !input.at_end()? {
            let (kind, len) = self.block(input)?;
            match kind {
                ENHANCED_PACKET | PACKET | SIMPLE_PACKET => {
                    return self.packet(input, (kind, len), interfaces).map(Some);
                }
                SECTION_HEADER => self.section(input, len, interfaces)?,
                INTERFACE_DESCRIPTION => self.interface(input, len, interfaces)?,
                _ if len > WINDOW => input.skip(len as u64)?,
                _ => self.pass(input, len)?,
            }
        }
        Ok(None)
    }

    /// Type and length of the next block; a section's sets the byte order it is read in.
    #[inline]
    fn block<R: Read>(&mut self, input: &mut Input<R>) -> Result<(u32, usize), CaptureError> {
        let Ok(head) = MinBlock::read_from_bytes(input.require(MIN_BLOCK)?) else {
            return Err(input.corrupt("a block without a head".into()));
        };
        if head.kind == SECTION_HEADER.to_be_bytes() {
            self.order = match head.last {
                [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
                [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
                _ => return Err(input.corrupt("a section without byte-order magic".into())),
            };
        }
        let (kind, len) = (self.order.u32(head.kind), self.order.u32(head.len) as usize);
        if len < MIN_BLOCK || !len.is_multiple_of(4) {
            return Err(input.corrupt(format!("a block of type {kind:#x} and {len} bytes")));
        }
        Ok((kind, len))
    }

    /// The body of the next block, all of it in the window.
    #[inline]
    fn body<'a, R: Read>(
        &self,
        input: &'a mut Input<R>,
        len: usize,
    ) -> Result<&'a [u8], CaptureError> {
        if len > WINDOW {
            return Err(input.corrupt(format!("a block of {len} bytes, the most is {WINDOW}")));
        }
        input.require(len)?;
        let tail = input.bytes(len - BLOCK_TAIL, len).first_chunk().copied().unwrap_or_default();
        let tail = self.order.u32(tail) as usize;
        if tail != len {
            return Err(input.corrupt(format!("a block of {len} bytes that ends as one of {tail}")));
        }
        Ok(input.bytes(BLOCK_HEAD, len - BLOCK_TAIL))
    }

    /// Goes on behind a block that says nothing about frames.
    fn pass<R: Read>(&self, input: &mut Input<R>, len: usize) -> Result<(), CaptureError> {
        self.body(input, len)?;
        input.consume(len);
        Ok(())
    }

    fn section<R: Read>(
        &mut self,
        input: &mut Input<R>,
        len: usize,
        interfaces: &[Interface],
    ) -> Result<(), CaptureError> {
        let body = self.body(input, len)?;
        let Ok((header, _)) = SectionHeader::ref_from_prefix(body) else {
            return Err(too_short(input, "section", len));
        };
        let major = self.order.u16(header.major);
        if major != 1 {
            return Err(input.corrupt(format!("pcapng version {major}, where only 1 is known")));
        }
        self.first_interface = interfaces.len();
        input.consume(len);
        Ok(())
    }

    fn interface<R: Read>(
        &self,
        input: &mut Input<R>,
        len: usize,
        interfaces: &mut Vec<Interface>,
    ) -> Result<(), CaptureError> {
        let body = self.body(input, len)?;
        let Ok((header, options)) = InterfaceDescription::ref_from_prefix(body) else {
            return Err(too_short(input, "interface", len));
        };
        let mut interface = Interface::new(self.order.u16(header.link));
        interface.snapshot_len = self.order.u32(header.snapshot_len);
        if self.options(options, &mut interface).is_none() {
            return Err(input.corrupt("an interface description with a broken option".into()));
        }
        if interfaces.len() == MAX_INTERFACES {
            return Err(input.corrupt(format!("more than {MAX_INTERFACES} interfaces")));
        }
        interfaces.push(interface);
        input.consume(len);
        Ok(())
    }

    /// Reads an interface's options; `None` where one is longer than its block or its kind.
    fn options(&self, mut options: &[u8], interface: &mut Interface) -> Option<()> {
        while !options.is_empty() {
            let (header, rest) = OptionHeader::ref_from_prefix(options).ok()?;
            let len = usize::from(self.order.u16(header.len));
            let value = rest.get(..len)?;
            match self.order.u16(header.code) {
                OPTION_END => break,
                OPTION_NAME => interface.name = Some(name(value)),
                OPTION_TIME_RESOLUTION => {
                    interface.clock = interface.clock.with_resolution(*value.first()?);
                }
                OPTION_TIME_OFFSET => {
                    let seconds = self.order.i64(*value.first_chunk()?);
                    interface.clock = interface.clock.with_offset(seconds);
                }
                _ => {}
            }
            options = rest.get(len.next_multiple_of(4)..)?;
        }
        Some(())
    }

    #[inline]
    fn packet<R: Read>(
        &mut self,
        input: &mut Input<R>,
        (kind, len): (u32, usize),
        interfaces: &[Interface],
    ) -> Result<Packet, CaptureError> {
        let body = self.body(input, len)?;
        let Some(fields) = self.fields(kind, body) else {
            return Err(too_short(input, "packet", len));
        };
        let index = self.first_interface.saturating_add(fields.interface as usize);
        let Some(interface) = interfaces.get(index) else {
            return Err(not_described(input, fields.interface));
        };
        if let Some(ticks) = fields.ticks {
            self.last_time = interface.clock.time(ticks);
        }
        let captured = fields.captured_len.unwrap_or_else(|| fields.simple_len(interface));
        let data = fields.data_start..fields.data_start.saturating_add(captured as usize);
        if data.end > len - BLOCK_TAIL || data.len() > MAX_PACKET {
            return Err(too_long(input, captured, len));
        }
        let (time, original_len) = (self.last_time, fields.original_len);
        Ok(Packet { interface: index, time, original_len, data, size: len })
    }

    /// What a packet block says, whichever of the three it is; `None` where it is too short.
    #[inline]
    fn fields(&self, kind: u32, body: &[u8]) -> Option<Fields> {
        match kind {
            ENHANCED_PACKET => {
                let (head, _) = EnhancedPacket::ref_from_prefix(body).ok()?;
                Some(self.stamped(self.order.u32(head.interface), &head.stamp))
            }
            PACKET => {
                let (head, _) = ObsoletePacket::ref_from_prefix(body).ok()?;
                Some(self.stamped(self.order.u16(head.interface).into(), &head.stamp))
            }
            _ => {
                let (head, _) = SimplePacket::ref_from_prefix(body).ok()?;
                Some(self.simple(head))
            }
        }
    }

    #[inline]
    fn stamped(&self, interface: u32, stamp: &Stamp) -> Fields {
        let high = u64::from(self.order.u32(stamp.time_high));
        let low = u64::from(self.order.u32(stamp.time_low));
        Fields {
            interface,
            ticks: Some(high << 32 | low),
            captured_len: Some(self.order.u32(stamp.captured_len)),
            original_len: self.order.u32(stamp.original_len),
            data_start: BLOCK_HEAD + size_of::<EnhancedPacket>(),
        }
    }

    fn simple(&self, head: &SimplePacket) -> Fields {
        Fields {
            interface: 0,
            ticks: None,
            captured_len: None,
            original_len: self.order.u32(head.original_len),
            data_start: BLOCK_HEAD + size_of::<SimplePacket>(),
        }
    }
}

/// What the three kinds of packet block have in common.
struct Fields {
    /// As the section numbers it.
    interface: u32,
    /// `None` in a simple packet, which has the time of the one before it.
    ticks: Option<u64>,
    /// `None` in a simple packet: see [`Fields::simple_len`].
    captured_len: Option<u32>,
    original_len: u32,
    /// Where in the block the packet begins.
    data_start: usize,
}

impl Fields {
    /// A simple packet does not say how much of it was captured: the interface's limit does.
    fn simple_len(&self, interface: &Interface) -> u32 {
        match interface.snapshot_len {
            0 => self.original_len,
            limit => self.original_len.min(limit),
        }
    }
}

#[cold]
fn not_described<R: Read>(input: &Input<R>, interface: u32) -> CaptureError {
    input.corrupt(format!("a packet of interface {interface}, which is not described"))
}

#[cold]
fn too_long<R: Read>(input: &Input<R>, captured: u32, len: usize) -> CaptureError {
    input.corrupt(format!("a packet of {captured} bytes in a block of {len}"))
}

#[cold]
fn too_short<R: Read>(input: &Input<R>, what: &str, len: usize) -> CaptureError {
    input.corrupt(format!("a {what} block of only {len} bytes"))
}

fn name(value: &[u8]) -> String {
    let kept = value.get(..value.len().min(MAX_NAME)).unwrap_or_default();
    // Some writers count a terminating zero as part of the name.
    String::from_utf8_lossy(kept).trim_end_matches('\0').to_owned()
}
