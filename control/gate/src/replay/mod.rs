//! `wicketgate replay`: a capture through the gate.

mod login;
mod observe;
mod port;
mod progress;
mod report;
mod setup;
mod tally;
mod transcript;

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wicketgate_engine::{Engine, Limits, Sessions};
use wicketgate_packet::Time;
use wicketgate_ports::{CaptureError, CaptureReader, CaptureWriter, Port, PortError};
use wicketgate_worker::{Machine, Worker};

use crate::cli;
use crate::exit::{Exit, complain};
use port::ReplayPort;
use progress::Progress;
use setup::Setup;
use tally::Tally;

/// Sessions open at a time.
const SESSIONS: usize = 1 << 12;

/// Frames in the hands of port, tap and worker together.
const FRAMES: usize = 4096;

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
    let mut setup = Setup::new(arguments)?;
    let stop = stop_flag();
    let tables = setup.tables()?;
    let mut tally = Tally::new(arguments, &tables)?;
    let names: Vec<String> = tables.ports().iter().map(|port| port.name.to_string()).collect();
    let writer = arguments.out.as_deref().map(|path| create(path, &names)).transpose()?;
    let engine = Engine::new(Limits::default(), tables, Arc::new(Sessions::new(SESSIONS)));
    let mut replayer: Replayer =
        Worker::new(ReplayPort::new(setup.plan(), names, writer, FRAMES), engine, Machine::start());
    let mut exit = Exit::Success;
    for path in &arguments.captures {
        exit = exit.max(replay_one(path, &mut replayer, &mut setup, &mut tally, &stop));
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    replayer.finish(&mut tally);
    replayer.port_mut().finish().map_err(|error| error.to_string())?;
    tally.finish()?;
    report::print(arguments, &setup, &replayer, &tally, stop.load(Ordering::Relaxed));
    Ok(exit)
}

/// One capture, to its end, its fault or Ctrl-C.
fn replay_one(
    path: &Path,
    replayer: &mut Replayer,
    setup: &mut Setup,
    tally: &mut Tally,
    stop: &AtomicBool,
) -> Exit {
    let outcome = CaptureReader::open(path).map_err(PortError::from).and_then(|reader| {
        replayer.port_mut().open(reader);
        turn_to_the_end(path, replayer, setup, tally, stop)
    });
    match outcome {
        Ok(()) => Exit::Success,
        Err(error) => {
            complain(format_args!("{}: {error}", path.display()));
            exit_of(&error)
        }
    }
}

fn turn_to_the_end(
    path: &Path,
    replayer: &mut Replayer,
    setup: &mut Setup,
    tally: &mut Tally,
    stop: &AtomicBool,
) -> Result<(), PortError> {
    let mut progress = Progress::new(path);
    while !replayer.port().is_finished() && !stop.load(Ordering::Relaxed) {
        replayer.turn(tally)?;
        progress.at(replayer.port().offset());
        if let Some(tables) = setup.tables_after(replayer.now()) {
            replayer.install(tables, tally);
        }
    }
    Ok(())
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

fn create(path: &Path, names: &[String]) -> Result<CaptureWriter<File>, String> {
    CaptureWriter::create(path, names)
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()))
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

type AuditFile = BufWriter<File>;
