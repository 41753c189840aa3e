//! Captures in memory, as a gate would get them.

use std::sync::Arc;

use wicketgate_engine::Tables;
use wicketgate_packet::FrameBuf;
use wicketgate_ports::{CaptureReader, Port};
use wicketgate_worker::Entering;

use super::port::ReplayPort;
use super::setup::{Setup, named};
use super::{first_port, stop_flag};
use crate::cli;
use crate::exit::complain;

/// Frames at most: with a buffer for each, half a gigabyte.
const MOST: usize = 1 << 18;

/// Frames read at a time.
const BURST: usize = 32;

/// What enters the gate, and the tables at the captures' beginning.
pub(crate) struct Loaded {
    pub(crate) frames: Vec<Entering>,
    pub(crate) tables: Arc<Tables>,
    /// The captures are of the plant's wire: their ends know nothing of the gate.
    pub(crate) captured: bool,
}

/// Reads the captures, as far as there is room.
///
/// # Errors
/// What cannot be opened or read, and that nothing enters the gate.
pub(crate) fn load(arguments: &cli::Replay) -> Result<Loaded, String> {
    let mut setup = Setup::new(arguments, &stop_flag())?;
    let tables = setup.tables()?;
    let first = arguments.captures.first().ok_or("no capture")?;
    let mut port = first_port(first, arguments, &setup, &tables)?;
    let mut frames = Vec::new();
    for (path, left) in arguments.captures.iter().zip((0..arguments.captures.len()).rev()) {
        if !frames.is_empty() {
            port.reopen(named(path, CaptureReader::open(path))?);
        }
        port.more_follow(left > 0);
        named(path, read(&mut port, &mut frames))?;
    }
    let captured = port.is_tapped();
    if frames.is_empty() {
        return Err("nothing in these captures enters the gate".to_owned());
    }
    Ok(Loaded { frames, tables, captured })
}

fn read(port: &mut ReplayPort, frames: &mut Vec<Entering>) -> Result<(), String> {
    let mut burst = Vec::with_capacity(BURST);
    while !port.is_finished() {
        port.receive(&mut burst, BURST).map_err(|error| error.to_string())?;
        for received in burst.drain(..) {
            let (at, by) = (received.arrival, received.port);
            if frames.len() < MOST {
                frames.push(Entering { at, port: by, bytes: received.frame.bytes().into() });
            }
            port.recycle(received.frame);
        }
        if frames.len() == MOST {
            complain(format_args!("the first {MOST} frames are measured"));
            break;
        }
    }
    Ok(())
}
