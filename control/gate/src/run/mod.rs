//! `wicketgate run`: the gate itself.
//!
//! ```text
//!   worker threads     sockets -> engine -> sockets      no lock, no log line; frames of another's
//!        |  ^                                            asset are handed over
//!  events|  |tables    bounded queues each
//!        v  |
//!   control thread     audit log, signals, policy, links and neighbours
//!        |  ^
//! questions|  |answers  bounded
//!        v  |
//!   netlink thread     waits for the kernel, so that control does not
//! ```
//!
//! The XDP program is attached last and detached first. Before and after nothing is the gate's, and the
//! kernel does not forward: that is checked before the start and while the gate runs. Then what the
//! running gate does not need is given up (`sandbox`), and threads are made.

mod accounts;
mod alarms;
mod audit;
mod barriers;
mod budgets;
mod census;
mod classes;
pub(crate) mod clock;
mod commit;
mod control;
mod cores;
mod courier;
mod data;
mod desk;
mod due;
mod exchange;
mod interfaces;
mod journal;
mod memory;
mod neighbours;
mod netlink;
mod notify;
mod owners;
mod people;
mod policy;
mod pulse;
pub(crate) mod rate;
mod record;
mod report;
mod sandbox;
mod signals;
pub(crate) mod socket;
mod stats;
mod syslog;
mod tunnel;

use std::sync::Arc;

use wicketgate_engine::{Engine, Sessions, Tables};
use wicketgate_netlink::{Netlink, Watch};
use wicketgate_policy::Tuning;
use wicketgate_worker::{HandOver, Machine, Worker};
use wicketgate_xdp::{Attached, Opened, XdpPort};

use crate::api::desk::Desk;
use crate::api::peers::Admission;
use crate::cli;
use crate::exit::{Exit, complain};
use accounts::Accounts;
use alarms::Alarms;
use audit::Audit;
use barriers::Barriers;
use budgets::Budgets;
use census::Books;
use classes::Classes;
use control::Control;
use data::{DataPath, Outcome, Shared, WorkerPort};
use desk::Gatherer;
use due::Due;
use exchange::Exchange;
use interfaces::Interfaces;
use journal::Journal;
use neighbours::Neighbours;
use netlink::Kernel;
use notify::Notifier;
use people::People;
use policy::Generations;
use record::Records;
use report::{Figures, Report};
use sandbox::User;
use signals::Signals;
use socket::Socket;

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
    let notifier = Notifier::connect();
    let user = arguments.user.as_deref().map(User::find).transpose()?;
    let Found { kernel, watch, mut interfaces, neighbours, generations, tables, exchange } =
        find(arguments)?;
    let gate = generations.policy().gate().clone();
    let (cores, queues) =
        (cores::of_workers(arguments, &gate.tuning)?, interfaces.queues(gate.tuning.workers)?);
    if let Err(error) = cores::leave(&cores) {
        complain(format_args!("workers share their cores with the gate's other threads: {error}"));
    }
    let settings = memory::settings(&gate.tuning);
    let mut umem = memory::umem(&gate.tuning, settings, queues.iter().map(Vec::len).sum())?;
    let audit = Audit::open(arguments, generations.policy(), &tables, user.as_ref())?;
    let records = Records::open(generations.policy(), queues.len(), user.as_ref())?;
    records.iter().for_each(|records| records.follow(&tables));
    let books = Books::new(umem.frames());
    let (ports, opened) = XdpPort::open_all(&mut umem, &queues, settings, clock::now)
        .map_err(|error| format!("{}: {error}", interfaces.name_of(error.queue.interface)))?;
    interfaces.steer(&ports, generations.policy())?;

    let shared: Vec<Arc<Shared>> =
        ports.iter().map(|_| Arc::new(Shared::new(exchange.clone()))).collect();
    let (desk, inbox) = Desk::new();
    complain(gate.tuning.room());
    let sessions = Arc::new(Sessions::new(gate.tuning.sessions));
    let people = People::open(generations.policy(), sessions.clone());
    let tunnel::Opened { ports, listener } = tunnel::open(ports, generations.policy(), &desk);
    let workers = workers(ports, &tables, &sessions, &gate.tuning, records.as_ref())?;
    let data = data_paths(workers, &shared, &cores, arguments.spin);
    let (accounts, admission) = (Accounts::read(), Admission::default());
    let (kernel, responder) = Kernel::open(kernel);
    admission.set(accounts.peers(generations.policy().control())?);
    let socket = Socket::open(generations.policy(), &accounts, desk, admission.clone())?;
    let mut control = Control {
        journal: Journal::new(&shared),
        shared,
        signals,
        inbox,
        people,
        due: Due::default(),
        tunnels: None,
        drift: clock::Drift::at(clock::clocks()),
        gatherer: Gatherer::new(sessions),
        accounts,
        admission,
        audit,
        records,
        classes: Classes::new(),
        generations,
        barriers: Barriers::open(interfaces.names())?,
        interfaces,
        neighbours,
        alarms: Alarms::default(),
        books,
        budgets: Budgets::new(clock::since_boot()),
        notifier,
        kernel,
        watch: Some(watch),
    };
    let attached = control.interfaces.attach()?;
    control.interfaces.announce(&attached, &opened);
    announce(&gate.tuning, &cores, &opened);
    let again = tunnel::files(control.generations.policy());
    let written = control.audit.written();
    let written: Vec<_> =
        written.into_iter().chain(control.records.as_ref().map(Records::place)).collect();
    let syslog = control.audit.syslog();
    sandbox::enter(arguments, user.as_ref(), &again, &written, syslog)?;
    responder.serve()?;
    control.audit.serve()?;
    control.records.as_mut().map_or(Ok(()), Records::serve)?;
    socket.map_or(Ok(()), Socket::serve)?;
    control.tunnels = listener.map(tunnel::Listener::serve).transpose()?;
    let outcomes = serve(&mut control, data, attached);
    // Frames that were under way between workers are all with one of them now, or in common.
    let figures = outcomes.map(|outcomes| Figures { outcomes, cores, in_common: umem.in_common() });
    Ok(finish(arguments, control, figures))
}

/// The config, and what the kernel knows of what it names.
struct Found {
    kernel: Netlink,
    watch: Watch,
    interfaces: Interfaces,
    neighbours: Neighbours,
    generations: Generations,
    tables: Arc<Tables>,
    exchange: Arc<Exchange>,
}

fn find(arguments: &cli::Run) -> Result<Found, String> {
    let policy = crate::config::load_tested(&arguments.config)?;
    // Before the first look, so that nothing changes unseen in between.
    let (kernel, watch) = listen().map_err(|error| format!("no netlink: {error}"))?;
    let interfaces = Interfaces::find(&policy)?;
    let exchange = Arc::new(Exchange::new());
    let neighbours = Neighbours::find(&policy, &interfaces, exchange.clone())?;
    let mut generations = Generations::new(policy, &arguments.config);
    let tables = generations.compile(&[], &interfaces, &neighbours)?;
    Ok(Found { kernel, watch, interfaces, neighbours, generations, tables, exchange })
}

/// Makes the threads, and has control serve until they are to end. The program is detached first.
fn serve(
    control: &mut Control,
    data: Vec<DataPath<'_>>,
    attached: Vec<Attached>,
) -> Option<Vec<Outcome>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            data.into_iter().map(|data| scope.spawn(move || data.run())).collect();
        control.people.start();
        complain("running");
        control.notifier.ready();
        control.run(&threads);
        drop(attached);
        if let Some(tunnels) = control.tunnels.take() {
            tunnels.stop();
        }
        control.people.stop();
        control.wind_up(threads)
    })
}

fn listen() -> std::io::Result<(Netlink, Watch)> {
    Ok((Netlink::open()?, Watch::open()?))
}

fn announce(tuning: &Tuning, cores: &[usize], opened: &Opened) {
    match (tuning.busy_poll, &opened.not_busy) {
        (Some(span), None) => {
            complain(format_args!("busy polling for {} us at a time", span.as_micros()));
        }
        (Some(_), Some(why)) => complain(format_args!("no busy polling: {why}")),
        (None, _) => {}
    }
    if tuning.workers > 1 {
        let on: Vec<String> = cores.iter().map(usize::to_string).collect();
        let on = if on.is_empty() { "any core".to_owned() } else { on.join(", ") };
        complain(format_args!("{} workers, on {on}", tuning.workers));
    }
}

/// A worker for each port, all with the same sessions and the same stopwatch.
fn workers<'u>(
    ports: Vec<WorkerPort<'u>>,
    tables: &Arc<Tables>,
    sessions: &Arc<Sessions>,
    tuning: &Tuning,
    records: Option<&Records>,
) -> Result<Vec<Worker<WorkerPort<'u>, Machine>>, String> {
    let stopwatch = Machine::start();
    let ends = HandOver::among(ports.len()).map_err(|error| format!("no doorbells: {error}"))?;
    let alone = ports.len() == 1;
    let worker = |(at, (port, end))| {
        let mut engine = Engine::new(tuning.limits(), tables.clone(), sessions.clone());
        if let Some(copies) = records.and_then(|records| records.ring(at)) {
            engine.set_copies(copies);
        }
        Worker::live(port, engine, stopwatch, (!alone).then_some(end))
    };
    Ok(ports.into_iter().zip(ends).enumerate().map(worker).collect())
}

/// What turns each worker.
fn data_paths<'u>(
    workers: Vec<Worker<WorkerPort<'u>, Machine>>,
    shared: &[Arc<Shared>],
    cores: &[usize],
    spin: bool,
) -> Vec<DataPath<'u>> {
    let turn = |(at, (worker, shared)): (usize, (_, &Arc<Shared>))| {
        DataPath::new(worker, shared.clone(), cores.get(at).copied(), spin)
    };
    workers.into_iter().zip(shared).enumerate().map(turn).collect()
}

/// Says what the gate did; `None` is a worker that panicked.
fn finish(arguments: &cli::Run, control: Control, figures: Option<Figures>) -> Exit {
    let sums = figures.as_ref().map(Figures::sums);
    if let Some(records) = control.records {
        records.finish();
    }
    let logged = control.audit.finish(sums.as_deref());
    let Some(figures) = figures else {
        complain("a worker panicked; the gate has stopped");
        return Exit::Finding;
    };
    let tables = control.generations.latest().map(Arc::as_ref);
    Report::new(&figures, tables, &control.interfaces, &logged).print(arguments.json);
    let faults = figures.outcomes.iter().filter_map(|outcome| outcome.fault.as_ref());
    let faults: Vec<_> = faults.collect();
    for fault in &faults {
        complain(format_args!("{fault}; the gate has stopped"));
    }
    if faults.is_empty() && logged.fault.is_none() { Exit::Success } else { Exit::Finding }
}
