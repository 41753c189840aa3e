//! `wicketgate replay`: a capture through the gate.

pub(crate) mod load;
pub(crate) mod login;
mod observe;
mod outputs;
mod piece;
mod port;
mod recorder;
mod report;
mod setup;
mod tally;
pub(crate) mod transcript;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wicketgate_engine::Tables;
use wicketgate_packet::Time;
use wicketgate_ports::{CaptureError, CaptureReader, CaptureWriter, Port, PortError};
use wicketgate_worker::{Machine, Observer, Worker};

use crate::cli;
use crate::decode_as::DecodeAs;
use crate::exit::{Exit, complain};
use crate::progress::Progress;
use port::ReplayPort;
use setup::{Setup, named};
use tally::Tally;

/// How long the gate lives on behind the last frame: denials wait for a fifth of a second.
const LAST_WAIT: Duration = Duration::from_millis(500);

type Replayer = Worker<ReplayPort, Machine>;

/// Runs the command.
pub(crate) fn run(arguments: &cli::Replay) -> Exit {
    match replay(arguments) {
        Ok(exit) => exit,
        Err(what) => {
            complain(what);
            Exit::Usage
        }
    }
}

fn replay(arguments: &cli::Replay) -> Result<Exit, String> {
    outputs::check(arguments)?;
    // What cannot be opened is found before hours are spent on what comes before it.
    for path in &arguments.captures {
        named(path, CaptureReader::open(path))?;
    }
    let stop = stop_flag();
    let mut setup = Setup::new(arguments, &stop)?;
    let tables = setup.tables()?;
    let recorder = setup.recorder(arguments)?;
    let mut tally = Tally::new(arguments, &tables, setup.start(), recorder)?;
    let mut captures = arguments.captures.iter();
    let first = captures.next().ok_or("no capture")?;
    let mut port = first_port(first, arguments, &setup, &tables)?;
    port.more_follow(captures.len() > 0);
    let mut engine = setup.engine(tables, arguments.inspected);
    if let Some(copies) = tally.copies() {
        engine.set_copies(copies);
    }
    let mut replayer = Worker::new(port, engine, Machine::start());
    let mut exit = replay_one(first, &mut replayer, &mut setup, &mut tally, &stop);
    while let Some(path) = captures.next() {
        if !stop.load(Ordering::Relaxed) {
            replayer.port_mut().more_follow(captures.len() > 0);
            exit = exit.max(replay_next(path, &mut replayer, &mut setup, &mut tally, &stop));
        }
    }
    wind_up(&mut replayer, &mut tally)?;
    replayer.port_mut().finish().map_err(|error| error.to_string())?;
    tally.finish()?;
    let interrupted = stop.load(Ordering::Relaxed);
    report::report(&setup, &replayer, &tally, interrupted).print(arguments.json);
    Ok(if interrupted { exit.max(Exit::Finding) } else { exit })
}

/// The first capture, opened, and the file for what leaves.
fn first_port(
    first: &Path,
    arguments: &cli::Replay,
    setup: &Setup,
    tables: &Tables,
) -> Result<ReplayPort, String> {
    let reader = named(first, CaptureReader::open(first))?;
    let names: Vec<String> = tables.ports().iter().map(|port| port.name.to_string()).collect();
    let writer = arguments.out.as_deref().map(|out| {
        CaptureWriter::create(out, &names)
            .map_err(|error| format!("{}: cannot be written: {error}", out.display()))
    });
    Ok(ReplayPort::new(reader, writer.transpose()?, names, setup.plan()))
}

/// Shows `observer` every command of a capture, whoever sent it, through a gate that lets all of them
/// pass.
///
/// # Errors
/// What cannot be opened.
pub(crate) fn observe_commands(
    capture: &Path,
    decode_as: Vec<DecodeAs>,
    observer: &mut impl Observer,
) -> Result<Exit, String> {
    let arguments = cli::Replay { decode_as, ..cli::Replay::observing(capture) };
    let stop = stop_flag();
    let mut setup = Setup::new(&arguments, &stop)?;
    let tables = setup.tables()?;
    let port = first_port(capture, &arguments, &setup, &tables)?;
    let engine = setup.engine(tables, arguments.inspected);
    let mut replayer = Worker::new(port, engine, Machine::start());
    let exit = replay_one(capture, &mut replayer, &mut setup, observer, &stop);
    replayer.finish(observer);
    let interrupted = stop.load(Ordering::Relaxed);
    Ok(if interrupted { exit.max(Exit::Finding) } else { exit })
}

/// Lets what waits at the end of the last capture be over: denials leave, flows and sessions end.
fn wind_up(replayer: &mut Replayer, tally: &mut Tally) -> Result<(), String> {
    replayer.pass(replayer.now() + LAST_WAIT);
    replayer.turn(tally).map_err(|error| error.to_string())?;
    replayer.finish(tally);
    Ok(())
}

fn replay_next(
    path: &Path,
    replayer: &mut Replayer,
    setup: &mut Setup,
    tally: &mut Tally,
    stop: &AtomicBool,
) -> Exit {
    match CaptureReader::open(path) {
        Ok(reader) => {
            replayer.port_mut().reopen(reader);
            replay_one(path, replayer, setup, tally, stop)
        }
        Err(error) => {
            complain(format_args!("{}: {error}", path.display()));
            Exit::Usage
        }
    }
}

/// One capture, to its end, its fault or Ctrl-C.
fn replay_one(
    path: &Path,
    replayer: &mut Replayer,
    setup: &mut Setup,
    observer: &mut impl Observer,
    stop: &AtomicBool,
) -> Exit {
    let mut progress = Progress::new(path);
    let tapped = replayer.port().is_tapped();
    replayer.set_captured(tapped);
    let mut exit = Exit::Success;
    while !replayer.port().is_finished() && !stop.load(Ordering::Relaxed) {
        if let Err(error) = replayer.turn(observer) {
            complain(format_args!("{}: {error}", path.display()));
            exit = exit.max(exit_of(&error));
            if matches!(error, PortError::Output(_)) {
                break;
            }
        }
        progress.at(replayer.port().reader().offset());
        if let Some(tables) = setup.tables_after(replayer.now()) {
            replayer.install(tables, observer);
        }
    }
    exit
}

/// A capture that is cut or damaged was replayed so far: a finding. What was never a capture is bad
/// usage.
fn exit_of(error: &PortError) -> Exit {
    match error {
        PortError::Capture(
            CaptureError::Cut { .. } | CaptureError::Corrupt { .. } | CaptureError::Read { .. },
        )
        | PortError::UnknownInterface(_) => Exit::Finding,
        _ => Exit::Usage,
    }
}

/// Set by Ctrl-C: what was done so far is then reported. A second Ctrl-C ends the program at once.
fn stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Where a handler cannot be set the signal ends the program, as ever.
        let _ = signal_hook::flag::register_conditional_default(signal, stop.clone());
        let _ = signal_hook::flag::register(signal, stop.clone());
    }
    stop
}

/// When the first frame of a capture was taken.
fn first_time(path: &Path) -> Result<Time, CaptureError> {
    let mut frame = wicketgate_ports::Pool::new(1).take();
    let first = frame.as_mut().map(|frame| CaptureReader::open(path)?.read(frame)).transpose()?;
    Ok(first.flatten().map_or(Time::EPOCH, |record| record.time))
}
