//! `wicketgate dissect`: every PDU of captures, decoded.
//!
//! | file | what it holds |
//! |---|---|
//! | `tap.rs` | frames to flows |
//! | `ipv6.rs` | the headers of IPv6 |
//! | `flows.rs`, `flow.rs` | the flow table; one flow with its two directions |
//! | `reassembly.rs` | a direction's segments in order, holes given up within bounds |
//! | `framer.rs` | PDUs out of the ordered bytes, back in step after a hole |
//! | `pdu.rs`, `describe.rs` | a PDU as it was seen, paired with its request |
//! | `output.rs`, `json.rs`, `table.rs`, `values.rs` | the lines |
//! | `summary.rs` | what was seen, counted |

mod describe;
mod flow;
mod flows;
mod framer;
mod ipv6;
mod json;
mod output;
mod pdu;
mod reassembly;
mod summary;
mod table;
mod tap;
mod values;

use std::fs::File;
use std::io::{Stdout, stdout};
use std::net::SocketAddr;
use std::path::Path;

use wicketgate_dissectors::{Direction, Protocol};
use wicketgate_packet::FrameBuf;
use wicketgate_ports::{CaptureError, CaptureReader, HeapFrame, Pool};

use crate::cli;
use crate::exit::{Exit, complain};
use output::Output;
use pdu::Pdu;
use summary::{Coverage, Kinds, Unread};
pub(crate) use table::written;
use tap::Tap;
pub(crate) use values::{bits, registers};

/// Runs the command: each capture in turn. The worst status wins.
pub(crate) fn run(arguments: &cli::Dissect) -> Exit {
    let mut output = Output::new(stdout(), arguments.json);
    let mut exit = Exit::Success;
    for path in &arguments.captures {
        exit = exit.max(capture(path, arguments, &mut output));
        if output.is_closed() {
            break;
        }
    }
    output.finish();
    exit
}

/// One capture, from its first frame to its end or fault.
fn capture(path: &Path, arguments: &cli::Dissect, output: &mut Output<Stdout>) -> Exit {
    let read = CaptureReader::open(path).and_then(|mut reader| {
        let mut tap = Tap::new(&arguments.decode_as);
        output.begin();
        let read = read_all(&mut reader, &mut tap, output);
        tap.coverage.unread_many(Unread::OtherLink, reader.unsupported());
        if !output.is_closed() {
            report(path, arguments.json, &tap.coverage, output.kinds());
        }
        read
    });
    match read {
        Ok(()) => Exit::Success,
        Err(error) => {
            complain(format_args!("{}: {error}", path.display()));
            status(&error)
        }
    }
}

/// A PDU, and who spoke it.
pub(crate) struct Spoken<'a> {
    pub(crate) client: SocketAddr,
    pub(crate) direction: Direction,
    pub(crate) protocol: Protocol,
    pub(crate) bytes: &'a [u8],
}

/// Shows every PDU of a capture, as far as it can be read.
///
/// # Errors
/// Why no further.
pub(crate) fn each_pdu(path: &Path, see: &mut impl FnMut(&Spoken<'_>)) -> Result<(), CaptureError> {
    let (mut reader, mut tap) = (CaptureReader::open(path)?, Tap::new(&[]));
    let Some(mut frame) = Pool::new(1).take() else { return Ok(()) };
    let mut show = |pdu: &Pdu<'_>| {
        let Pdu { path, direction, bytes, .. } = *pdu;
        see(&Spoken { client: path.client, direction, protocol: path.protocol, bytes });
    };
    let mut read = || -> Result<(), CaptureError> {
        while let Some(record) = reader.read(&mut frame)? {
            tap.frame(frame.bytes_mut(), &record, &mut show);
        }
        Ok(())
    };
    let outcome = read();
    tap.finish(&mut show);
    outcome
}

/// All frames as far as they can be read, then what was still waited for.
fn read_all(
    reader: &mut CaptureReader<File>,
    tap: &mut Tap<'_>,
    output: &mut Output<Stdout>,
) -> Result<(), CaptureError> {
    let Some(mut frame) = Pool::new(1).take() else { return Ok(()) };
    let read = read_frames(reader, &mut frame, tap, output);
    tap.finish(&mut |pdu| output.pdu(pdu));
    output.flush();
    read
}

fn read_frames(
    reader: &mut CaptureReader<File>,
    frame: &mut HeapFrame,
    tap: &mut Tap<'_>,
    output: &mut Output<Stdout>,
) -> Result<(), CaptureError> {
    while let Some(record) = reader.read(frame)? {
        tap.frame(frame.bytes_mut(), &record, &mut |pdu| output.pdu(pdu));
        if output.is_closed() {
            break;
        }
    }
    Ok(())
}

/// The summary goes to standard error, so that standard output is PDUs alone. For a machine it is
/// only what could have hidden one.
fn report(path: &Path, json: bool, coverage: &Coverage, kinds: &Kinds) {
    let path = path.display();
    if !json {
        eprint!("\n{path}: {coverage}\n{kinds}");
    } else if let Some(spots) = coverage.blind_spots() {
        complain(format_args!("{path}: not read: {spots}"));
    }
}

/// A capture that ends early or is damaged was read up to there; any other fault leaves nothing.
fn status(error: &CaptureError) -> Exit {
    match error {
        CaptureError::Cut { .. } | CaptureError::Corrupt { .. } => Exit::Finding,
        CaptureError::Read { offset, .. } if *offset > 0 => Exit::Finding,
        CaptureError::Read { .. }
        | CaptureError::Open(_)
        | CaptureError::NotACapture(_)
        | CaptureError::UnsupportedLink { .. } => Exit::Usage,
    }
}
