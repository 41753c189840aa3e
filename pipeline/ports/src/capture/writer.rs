//! pcapng as Wireshark opens it: nanoseconds, one interface for each port of the gate.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use wicketgate_packet::{PortId, Time};
use zerocopy::byteorder::little_endian::{U16, U32, U64};
use zerocopy::{Immutable, IntoBytes};

use super::link::LinkType;

/// Section Header Block as far as its options (section 4.1 of draft-ietf-opsawg-pcapng).
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct SectionHeader {
    kind: U32,
    len: U32,
    magic: U32,
    major: U16,
    minor: U16,
    section_len: U64,
}

/// Interface Description Block (section 4.2) as far as the name's bytes.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct InterfaceHead {
    kind: U32,
    len: U32,
    link: U16,
    reserved: U16,
    snapshot_len: U32,
    name_code: U16,
    name_len: U16,
}

/// The rest of it: nanoseconds, end of options.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct InterfaceTail {
    resolution_code: U16,
    resolution_len: U16,
    resolution: u8,
    padding: [u8; 3],
    end: U32,
    len_again: U32,
}

/// Enhanced Packet Block (section 4.3) as far as the packet's bytes.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct PacketHead {
    kind: U32,
    len: U32,
    interface: U32,
    time_high: U32,
    time_low: U32,
    captured_len: U32,
    original_len: U32,
}

/// Interface Statistics Block (section 4.6) as far as its options.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct StatisticsHead {
    kind: U32,
    len: U32,
    interface: U32,
    time_high: U32,
    time_low: U32,
}

/// Options (sections 3.5, 4.3 and 4.6).
const COMMENT: u16 = 1;
const FLAGS: u16 = 2;
const DROPPED: u16 = 5;

/// Longest comment: readers stop at an option of more bytes than a length of 16 bits can tell.
const LONGEST: usize = 16 * 1024;

/// Which way a frame went, as seen by whoever captured it (section 4.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It came in.
    In = 1,
    /// It went out.
    Out = 2,
}

/// What is said of a frame beyond its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Remarks<'a> {
    /// Which way it went.
    pub way: Option<Way>,
    /// Bytes on the wire, where fewer were kept.
    pub length: u32,
    /// Comments, for people.
    pub comments: &'a [String],
}

/// Bytes collected before the file is written.
const BUFFER: usize = 256 * 1024;
/// Bytes of the length behind a packet.
const PACKET_TAIL: usize = size_of::<U32>();

/// Writes the frames that leave by the gate's ports.
#[derive(Debug)]
pub struct CaptureWriter<W: Write> {
    out: BufWriter<W>,
    ports: usize,
}

impl CaptureWriter<File> {
    /// Creates the file at `path`, or empties it, for ports of these `names` in [`PortId`] order.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub fn create<N: AsRef<str>>(
        path: impl AsRef<Path>,
        names: &[N],
    ) -> io::Result<CaptureWriter<File>> {
        CaptureWriter::new(File::create(path)?, names)
    }
}

impl<W: Write> CaptureWriter<W> {
    /// Begins a capture for ports of these `names` in [`PortId`] order. `out` is buffered here.
    ///
    /// # Errors
    /// `out` cannot be written; a name is longer than 65,535 bytes.
    pub fn new<N: AsRef<str>>(out: W, names: &[N]) -> io::Result<CaptureWriter<W>> {
        CaptureWriter::with_comment(BufWriter::with_capacity(BUFFER, out), names, "")
    }

    fn with_comment<N: AsRef<str>>(
        out: BufWriter<W>,
        names: &[N],
        comment: &str,
    ) -> io::Result<CaptureWriter<W>> {
        let mut writer = CaptureWriter { out, ports: names.len() };
        writer.section(comment)?;
        for name in names {
            writer.interface(name.as_ref())?;
        }
        Ok(writer)
    }

    /// Writes one frame that left by `port` at `time`.
    ///
    /// # Errors
    /// The output cannot be written, there is no such port, the frame is longer than 4 GB.
    pub fn write(&mut self, port: PortId, time: Time, frame: &[u8]) -> io::Result<()> {
        self.write_with(port, time, frame, Remarks::default())
    }

    /// The same, with what is to be said of it.
    ///
    /// # Errors
    /// As [`CaptureWriter::write`].
    pub fn write_with(
        &mut self,
        port: PortId,
        time: Time,
        frame: &[u8],
        remarks: Remarks<'_>,
    ) -> io::Result<()> {
        if usize::from(port.0) >= self.ports {
            return Err(io::Error::new(ErrorKind::InvalidInput, "no such port"));
        }
        let (padding, options) = (padding(frame.len()), remarks.options());
        let behind = options.len() + PACKET_TAIL;
        let len = block_len(size_of::<PacketHead>() + frame.len() + padding.len() + behind)?;
        let nanos = time.as_nanos();
        let frame_len = block_len(frame.len())?;
        let head = PacketHead {
            kind: U32::new(6),
            len,
            interface: U32::new(port.0.into()),
            time_high: U32::new((nanos >> 32) as u32),
            time_low: U32::new(nanos as u32),
            captured_len: frame_len,
            original_len: U32::new(frame_len.get().max(remarks.length)),
        };
        self.put([head.as_bytes(), frame, padding, &options, len.as_bytes()])
    }

    /// Writes how it ended: `dropped` frames of the port's are missing, and a comment.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn statistics(
        &mut self,
        port: PortId,
        time: Time,
        dropped: u64,
        comment: &str,
    ) -> io::Result<()> {
        let mut options = Options::default();
        options.add(COMMENT, comment.as_bytes());
        options.add(DROPPED, U64::new(dropped).as_bytes());
        let options = options.end();
        let len = block_len(size_of::<StatisticsHead>() + options.len() + PACKET_TAIL)?;
        let nanos = time.as_nanos();
        let head = StatisticsHead {
            kind: U32::new(5),
            len,
            interface: U32::new(port.0.into()),
            time_high: U32::new((nanos >> 32) as u32),
            time_low: U32::new(nanos as u32),
        };
        self.put([head.as_bytes(), &options, len.as_bytes()])
    }

    /// Writes out what is buffered and hands back the output.
    ///
    /// # Errors
    /// The output cannot be written: the capture is cut.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }

    fn section(&mut self, comment: &str) -> io::Result<()> {
        let mut options = Options::default();
        options.add(COMMENT, comment.as_bytes());
        let options = options.end();
        let len = block_len(size_of::<SectionHeader>() + options.len() + PACKET_TAIL)?;
        let header = SectionHeader {
            kind: U32::new(0x0a0d_0d0a),
            len,
            magic: U32::new(0x1a2b_3c4d),
            major: U16::new(1),
            minor: U16::new(0),
            section_len: U64::new(u64::MAX), // not known beforehand
        };
        self.put([header.as_bytes(), &options, len.as_bytes()])
    }

    fn interface(&mut self, name: &str) -> io::Result<()> {
        let padding = padding(name.len());
        let around = size_of::<InterfaceHead>() + size_of::<InterfaceTail>();
        let len = block_len(around + name.len() + padding.len())?;
        let head = InterfaceHead {
            kind: U32::new(1),
            len,
            link: U16::new(LinkType::ETHERNET_CODE),
            reserved: U16::ZERO,
            snapshot_len: U32::ZERO, // no limit
            name_code: U16::new(2),
            name_len: U16::new(u16::try_from(name.len()).map_err(|_| too_long())?),
        };
        let tail = InterfaceTail {
            resolution_code: U16::new(9),
            resolution_len: U16::new(1),
            resolution: 9,
            padding: [0; 3],
            end: U32::ZERO,
            len_again: len,
        };
        self.put([head.as_bytes(), name.as_bytes(), padding, tail.as_bytes()])
    }

    fn put<const N: usize>(&mut self, parts: [&[u8]; N]) -> io::Result<()> {
        parts.into_iter().try_for_each(|part| self.out.write_all(part))
    }
}

impl CaptureWriter<Vec<u8>> {
    /// Begins a capture in memory, of one interface of this name; `comment` is of all of it.
    ///
    /// # Errors
    /// The name is longer than 65,535 bytes.
    pub fn in_memory(name: &str, comment: &str) -> io::Result<CaptureWriter<Vec<u8>>> {
        CaptureWriter::with_comment(BufWriter::with_capacity(0, Vec::new()), &[name], comment)
    }

    /// What has been written and not been taken.
    pub fn written(&self) -> &[u8] {
        self.out.get_ref()
    }

    /// Takes it away.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.out.get_mut())
    }
}

impl Remarks<'_> {
    fn options(&self) -> Vec<u8> {
        let mut options = Options::default();
        for comment in self.comments {
            options.add(COMMENT, comment.as_bytes());
        }
        if let Some(way) = self.way {
            options.add(FLAGS, U32::new(way as u32).as_bytes());
        }
        options.end()
    }
}

/// Options of a block, one behind the other.
#[derive(Default)]
struct Options(Vec<u8>);

impl Options {
    /// One more, cut at [`LONGEST`] bytes; what is empty says nothing.
    fn add(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..value.len().min(LONGEST)).unwrap_or_default();
        if let Some(len) = u16::try_from(value.len()).ok().filter(|len| *len > 0) {
            self.0.extend_from_slice(U16::new(code).as_bytes());
            self.0.extend_from_slice(U16::new(len).as_bytes());
            self.0.extend_from_slice(value);
            self.0.extend_from_slice(padding(value.len()));
        }
    }

    /// All of them and their end; nothing where there are none.
    fn end(mut self) -> Vec<u8> {
        if !self.0.is_empty() {
            self.0.extend_from_slice(U32::ZERO.as_bytes());
        }
        self.0
    }
}

fn block_len(len: usize) -> io::Result<U32> {
    u32::try_from(len).map(U32::new).map_err(|_| too_long())
}

fn too_long() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "too long for a pcapng block")
}

/// The zeros that bring `len` to a multiple of four.
fn padding(len: usize) -> &'static [u8] {
    match len % 4 {
        0 => &[],
        1 => &[0; 3],
        2 => &[0; 2],
        _ => &[0; 1],
    }
}
