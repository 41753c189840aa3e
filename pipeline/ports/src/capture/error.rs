//! What is wrong with a capture file.

use std::fmt;
use std::io;

/// Why a capture cannot be read, or not further.
///
/// The texts do not repeat the file's name: whoever opened it puts that in front.
#[derive(Debug)]
pub enum CaptureError {
    /// The file cannot be opened.
    Open(io::Error),
    /// The file cannot be read on from byte `offset`.
    Read {
        /// Where reading stopped, in bytes from the start.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The first bytes are those of something else.
    NotACapture(Foreign),
    /// Frames of this link type cannot be turned into Ethernet.
    UnsupportedLink {
        /// The number from <https://www.tcpdump.org/linktypes.html>.
        code: u16,
        /// The first frame that needed it, from 1.
        record: u64,
    },
    /// The file ends in the middle of a record. Everything before it was delivered.
    Cut {
        /// Where the record that is cut begins, in bytes from the start.
        offset: u64,
        /// The number a frame of that record has or, if it holds none, the next frame: one more
        /// than there are whole frames before the cut.
        record: u64,
    },
    /// The file says something that cannot be.
    Corrupt {
        /// Where the record that says so begins, in bytes from the start.
        offset: u64,
        /// What it says.
        what: String,
    },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaptureError::Open(source) => {
                write!(f, "cannot be opened: {source}; check its name and that you may read it")
            }
            CaptureError::Read { offset, source } => {
                write!(f, "cannot be read from byte {offset} on: {source}; copy it anew")
            }
            CaptureError::NotACapture(found) => write!(f, "not a capture: {found}"),
            CaptureError::UnsupportedLink { code, record } => unsupported_link(f, *code, *record),
            CaptureError::Cut { offset, record } => write!(
                f,
                "ends in the middle of the record at byte {offset}, after {} whole frames; those \
                 were read. If the original is longer, copy it anew",
                record.saturating_sub(1)
            ),
            CaptureError::Corrupt { offset, what } => write!(
                f,
                "damaged at byte {offset}: {what}. What comes before was read; copy the file anew \
                 or shorten it to {offset} bytes"
            ),
        }
    }
}

fn unsupported_link(f: &mut fmt::Formatter<'_>, code: u16, record: u64) -> fmt::Result {
    write!(
        f,
        "frame {record} has link type {code}{}, which is not supported: capture on an Ethernet \
         interface, or as Linux cooked, raw IP or loopback",
        link_name(code)
    )
}

/// The field's name, in parentheses, of link types that people meet and the gate has no use for.
fn link_name(code: u16) -> &'static str {
    match code {
        6 => " (Token Ring)",
        9 => " (PPP)",
        105 => " (IEEE 802.11)",
        127 => " (IEEE 802.11 with radiotap)",
        147..=162 => " (private use)",
        189 | 220 | 249 => " (USB)",
        195 | 215 | 230 => " (IEEE 802.15.4)",
        201 | 251 => " (Bluetooth)",
        227 => " (SocketCAN)",
        _ => "",
    }
}

impl std::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CaptureError::Open(source) | CaptureError::Read { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What a file that is no capture seems to be, after its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Nothing at all.
    Empty,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// zip.
    Zip,
    /// Solaris snoop (RFC 1761).
    Snoop,
    /// pcap with the longer records of Alexey Kuznetzov's patched libpcap.
    PatchedPcap,
    /// Readable characters.
    Text,
    /// Something else, with its first bytes; zero where the file is shorter.
    Unknown([u8; 4]),
}

impl Foreign {
    /// Tells from the first bytes, eight if there are as many.
    pub(super) fn recognise(first: &[u8]) -> Foreign {
        match first {
            [] => Foreign::Empty,
            [0x1f, 0x8b, ..] => Foreign::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Foreign::Zstd,
            [0xfd, b'7', b'z', b'X', ..] => Foreign::Xz,
            [b'B', b'Z', b'h', ..] => Foreign::Bzip2,
            [b'P', b'K', 3, 4, ..] => Foreign::Zip,
            [b's', b'n', b'o', b'o', b'p', 0, ..] => Foreign::Snoop,
            [0xa1, 0xb2, 0xcd, 0x34, ..] | [0x34, 0xcd, 0xb2, 0xa1, ..] => Foreign::PatchedPcap,
            text if text.iter().all(|byte| is_text(*byte)) => Foreign::Text,
            other => Foreign::Unknown(core::array::from_fn(|at| {
                other.get(at).copied().unwrap_or_default()
            })),
        }
    }
}

fn is_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte.is_ascii_whitespace()
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Foreign::Empty => "the file is empty",
            Foreign::Gzip => "it is compressed with gzip; unpack it with gunzip first",
            Foreign::Zstd => "it is compressed with zstd; unpack it with unzstd first",
            Foreign::Xz => "it is compressed with xz; unpack it with unxz first",
            Foreign::Bzip2 => "it is compressed with bzip2; unpack it with bunzip2 first",
            Foreign::Zip => "it is a zip archive; unpack it with unzip first",
            Foreign::Snoop => "it is a Solaris snoop file; convert it with editcap first",
            Foreign::PatchedPcap => {
                "it is pcap of a patched libpcap; convert it with editcap first"
            }
            Foreign::Text => "it begins with text; expected a pcap or pcapng file",
            Foreign::Unknown([a, b, c, d]) => {
                return write!(
                    f,
                    "it begins with {a:02x} {b:02x} {c:02x} {d:02x}; expected a pcap or pcapng file"
                );
            }
        })
    }
}
