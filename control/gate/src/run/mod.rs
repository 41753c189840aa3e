//! `wicketgate run`: the gate itself.
//!
//! ```text
//!   worker thread      sockets -> engine -> sockets      no lock, no log line
//!        |  ^
//!  events|  |tables    two bounded queues
//!        v  |
//!   control thread     audit log, signals, policy, neighbours
//! ```
//!
//! The XDP program is attached last and detached first. Before and after nothing is the gate's, and the
//! kernel does not forward: that is checked before the start.

mod audit;
mod clock;
mod control;
mod data;
mod interfaces;
mod neighbours;
mod policy;
mod report;
mod signals;

use std::sync::Arc;

use wicketgate_engine::{Engine, Limits, Sessions, Tables};
use wicketgate_worker::{Machine, Worker};
use wicketgate_xdp::{Settings, Umem, XdpPort};

use crate::cli;
use crate::exit::{Exit, complain};
use audit::Audit;
use control::Control;
use data::{DataPath, Outcome, Shared};
use interfaces::Interfaces;
use neighbours::Neighbours;
use policy::Generations;
use report::Report;
use signals::Signals;

/// Sessions open at a time.
const SESSIONS: usize = 1 << 12;

/// Runs the command.
pub(crate) fn run(arguments: &cli::Run) -> Exit {
    match start(arguments) {
        Ok(exit) => exit,
        Err(what) => {
            complain(what);
            Exit::Usage
        }
    }
}

/// Whatever can be wrong is found before the first frame is taken from the kernel.
fn start(arguments: &cli::Run) -> Result<Exit, String> {
    let signals = Signals::listen();
    let policy = crate::config::load_tested(&arguments.config)?;
    let mut interfaces = Interfaces::find(&policy)?;
    let neighbours = Neighbours::find(&policy, &interfaces)?;
    let mut generations = Generations::new(policy, &arguments.config);
    let tables = generations.compile(clock::now(), &interfaces, &neighbours)?;
    let audit = Audit::create(arguments, generations.policy(), &tables)?;

    let settings = Settings::default();
    let queues = interfaces.queues();
    let mut umem = Umem::new(settings.frames(queues.len()))
        .map_err(|error| format!("no memory for frames: {error}"))?;
    let (port, opened) = XdpPort::open(&mut umem, &queues, settings, clock::now)
        .map_err(|error| format!("{}: {error}", interfaces.name_of(error.queue.interface)))?;
    interfaces.steer(&port, generations.policy())?;

    let shared = Arc::new(Shared::new());
    let data = DataPath::new(worker(port, tables), shared.clone(), arguments);
    let mut control = Control { shared, signals, audit, generations, interfaces, neighbours };
    let attached = control.interfaces.attach()?;
    control.interfaces.announce(&attached, &opened);
    let outcome = std::thread::scope(|scope| {
        let thread = scope.spawn(|| data.run());
        complain("running");
        control.run(&thread);
        drop(attached);
        control.wind_up(thread)
    });
    Ok(finish(arguments, control, outcome))
}

fn worker(port: XdpPort<'_>, tables: Arc<Tables>) -> Worker<XdpPort<'_>, Machine> {
    let engine = Engine::new(Limits::default(), tables, Arc::new(Sessions::new(SESSIONS)));
    Worker::new(port, engine, Machine::start())
}

/// Says what the gate did; `None` is a worker that panicked.
fn finish(arguments: &cli::Run, control: Control, outcome: Option<Outcome>) -> Exit {
    let logged = control.audit.finish();
    let Some(outcome) = outcome else {
        complain("the worker panicked; the gate has stopped");
        return Exit::Finding;
    };
    Report::new(&outcome, &control.interfaces, &logged).print(arguments.json);
    if let Some(fault) = &outcome.fault {
        complain(format_args!("{fault}; the gate has stopped"));
    }
    if outcome.fault.is_some() || logged.fault.is_some() { Exit::Finding } else { Exit::Success }
}
