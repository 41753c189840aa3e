//! One login: its proof, packets, what both ends say meanwhile, its end.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use wicketgate_tunnel::client::{self, Fault, Gate, Line, Packets, Seen};
use wicketgate_tunnel::end::Code;
use wicketgate_tunnel::message::{Admitted, Credentials, Proof};
use wicketgate_tunnel::secret::Secret;

use super::arguments::Connect;
use super::commands::{self, Command};
use super::console::Console;
use super::screen::Countdown;
use super::{Failure, device, forward, screen};
use crate::exit::complain;
use crate::user::ask;

/// Attempts at the terminal; the gate ends the connection after as many.
const ATTEMPTS: u32 = 3;

/// What the gate is told of this program.
const PROGRAM: &str = concat!("wicketgate ", env!("CARGO_PKG_VERSION"));

/// How packets come to this machine.
enum Way {
    Device(Box<device::Device>),
    Doors(forward::Doors),
}

impl Way {
    async fn open(arguments: &Connect, admitted: &Admitted) -> Result<Way, String> {
        if arguments.forward.is_empty() && arguments.socks.is_none() {
            let device = device::open(arguments, admitted)?;
            let overlay = screen::overlay(admitted);
            complain(format_args!("running: packets to {overlay} go by {}", device.name()));
            return Ok(Way::Device(Box::new(device)));
        }
        forward::Doors::open(&arguments.forward, arguments.socks, admitted).await.map(Way::Doors)
    }

    async fn carry(&self, packets: &Packets) -> Result<(), Failure> {
        match self {
            Way::Device(device) => device.pump(packets).await,
            Way::Doors(doors) => doors.carry(packets).await,
        }
    }
}

/// Between two looks for a gate that is not heard of.
const PAUSE: Duration = Duration::from_secs(5);

/// Whoever sits there: what they type, and the signals by which they end the command.
pub(super) struct User {
    name: String,
    console: Console,
    signals: [Signal; 2],
}

impl User {
    pub(super) fn new(arguments: &Connect) -> Result<User, Failure> {
        let name = arguments.user()?;
        let no_signals = |error| Failure::Unusable(format!("no signal handlers: {error}"));
        let listen = |kind| signal(kind).map_err(no_signals);
        let signals = [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?];
        Ok(User { name, console: Console::open(), signals })
    }
}

/// Comes back once the command is to end.
async fn caught([interrupt, terminate]: &mut [Signal; 2]) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Logs in, and holds the tunnel until somebody has enough.
pub(super) async fn hold(
    arguments: &Connect,
    gate: &Gate,
    seen: Seen,
    user: &mut User,
) -> Result<(), Failure> {
    let User { name, console, signals } = user;
    let Seen { fingerprint, by } = seen;
    let identity = arguments.identity().map_err(Failure::Unusable)?;
    let mut line = client::connect(gate, by, fingerprint, identity, PROGRAM).await?;
    screen::connected(gate, by);
    let ended = tokio::select! {
        ended = work(arguments, name, &mut line, console) => ended,
        () = caught(signals) => Ok(()),
    };
    line.leave().await;
    ended
}

/// Waits until a gate that was lost is heard of again; `None` where the user has enough before.
///
/// # Errors
/// Nobody is there who could log in anew.
pub(super) async fn find_again(gate: &Gate, user: &mut User) -> Result<Option<Seen>, Failure> {
    let User { console, signals, .. } = user;
    tokio::select! {
        seen = look(gate) => Ok(Some(seen)),
        ended = give_up(console) => ended.map(|()| None),
        () = caught(signals) => Ok(None),
    }
}

async fn look(gate: &Gate) -> Seen {
    loop {
        if let Ok(seen) = client::look(gate).await {
            return seen;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Comes back when the user has enough.
async fn give_up(console: &mut Console) -> Result<(), Failure> {
    while let Some(typed) = console.line().await {
        match Command::parse(typed.expose()) {
            Ok(Command::Quit) => return Ok(()),
            _ => complain("there is no connection to the gate; type quit, or wait"),
        }
    }
    Err(Failure::No("nobody is there to log in anew".to_owned()))
}

async fn work(
    arguments: &Connect,
    user: &str,
    line: &mut Line,
    console: &mut Console,
) -> Result<(), Failure> {
    let admitted = log_in(user, line, console).await?;
    screen::admitted(&admitted);
    let packets = line.packets();
    let way = Way::open(arguments, &admitted).await.map_err(Failure::Unusable)?;
    let mut clock = Countdown::start(admitted.left);
    tokio::select! {
        ended = way.carry(&packets) => ended,
        ended = converse(line, console, &mut clock) => ended,
    }
}

async fn log_in(user: &str, line: &mut Line, console: &mut Console) -> Result<Admitted, Failure> {
    let tries = if ask::is_terminal() { ATTEMPTS } else { 1 };
    for attempt in 1..=tries {
        let shown = shown(user, console).await?;
        match line.log_in(shown).await? {
            Ok(admitted) => return Ok(admitted),
            Err(refused) if attempt == tries => {
                return Err(Failure::No(screen::plain(&refused.what)));
            }
            Err(refused) => complain(screen::plain(&refused.what)),
        }
    }
    Err(Failure::No("refused".to_owned()))
}

/// Password, and a code where one is typed.
async fn shown(user: &str, console: &mut Console) -> Result<Credentials, Failure> {
    let nothing = || Failure::Unusable("standard input: nothing was typed".to_owned());
    let password = console.hidden("Password: ").await.ok_or_else(nothing)?;
    let code = console.hidden("Code (none: just Enter): ").await;
    Ok(Credentials {
        user: user.to_owned(),
        password: Some(secret(password)),
        code: code.map(secret),
    })
}

fn secret(text: crate::api::secret::Secret) -> Secret {
    Secret::new(text.expose().to_owned())
}

/// Does what the user types, tells what the gate says, and how long the login still lasts.
async fn converse(
    line: &mut Line,
    console: &mut Console,
    clock: &mut Countdown,
) -> Result<(), Failure> {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            heard = line.hear() => match heard {
                Ok(heard) => screen::heard(&heard),
                Err(Fault::Ended(end)) if end.code == Code::Bye => return Ok(()),
                Err(fault) => return Err(fault.into()),
            },
            Some(typed) = console.line() => match Command::parse(typed.expose()) {
                Ok(Command::Quit) => return Ok(()),
                Ok(command) => obey(command, line, console, clock).await?,
                Err(what) => complain(what),
            },
            _ = second.tick() => clock.look(),
        }
    }
}

async fn obey(
    command: Command,
    line: &mut Line,
    console: &mut Console,
    clock: &Countdown,
) -> Result<(), Failure> {
    match command {
        Command::Code => {
            if let Some(code) = console.hidden("Code: ").await {
                said(line.step_up(Proof { password: None, code: Some(secret(code)) }).await)?;
            }
        }
        Command::Password => {
            if let Some(password) = console.hidden("Password: ").await {
                said(line.step_up(Proof { password: Some(secret(password)), code: None }).await)?;
            }
        }
        Command::Ask(wanted) => said(line.ask(wanted).await)?,
        Command::Left => clock.tell(),
        Command::Help => complain(commands::HELP),
        Command::Quit => {}
    }
    Ok(())
}

/// What could not be said, because it is too long, ends nothing.
fn said(outcome: Result<(), Fault>) -> Result<(), Failure> {
    match outcome {
        Err(Fault::Local(what)) => complain(what),
        outcome => outcome?,
    }
    Ok(())
}
