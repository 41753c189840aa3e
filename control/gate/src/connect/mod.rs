//! `wicketgate connect`: the user's end of the tunnel.
//!
//! | module | what it holds |
//! |---|---|
//! | `pins` | the fingerprints of gates that are known |
//! | `device` | a TUN device: any program's packets |
//! | `forward`, `socks` | single connections by a TCP stack of our own: no privilege |
//! | `screen` | what the user is told |

pub(crate) mod arguments;
mod device;
mod forward;
mod pins;
mod screen;
mod socks;

use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use wicketgate_tunnel::client::{self, Fault, Gate, Line, Packets, Seen};
use wicketgate_tunnel::end::Code;
use wicketgate_tunnel::message::{Admitted, Credentials, ToUser};
use wicketgate_tunnel::secret::Secret;

use crate::exit::{Exit, complain};
use crate::user::ask;
use arguments::Connect;
use pins::{Known, Pins};

/// The port of gates where none is named.
const PORT: u16 = 4433;

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

/// Why there is no tunnel.
enum Failure {
    /// The gate said no, or ended it.
    No(String),
    /// There is no such gate, or something is missing here.
    Unusable(String),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        match fault {
            Fault::Ended(end) => Failure::No(screen::end(&end)),
            fault => Failure::Unusable(fault.to_string()),
        }
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Connect) -> Exit {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(error);
            return Exit::Usage;
        }
    };
    match runtime.block_on(connect(arguments)) {
        Ok(()) => Exit::Success,
        Err(Failure::No(what)) => {
            complain(what);
            Exit::Finding
        }
        Err(Failure::Unusable(what)) => {
            complain(what);
            Exit::Usage
        }
    }
}

async fn connect(arguments: &Connect) -> Result<(), Failure> {
    let gate = find(&arguments.gate, arguments.tcp_port).map_err(Failure::Unusable)?;
    let Seen { fingerprint, by } = trusted(arguments, &gate).await?;
    let user = arguments.identity().map_err(Failure::Unusable)?;
    let mut line = client::connect(&gate, by, fingerprint, user, PROGRAM).await?;
    screen::connected(&gate, by);
    let admitted = log_in(arguments, &mut line).await?;
    screen::admitted(&admitted);
    carry(arguments, line, &admitted).await
}

/// `HOST`, `HOST:PORT`, `IPV6`, `[IPV6]:PORT`.
fn find(text: &str, tcp_port: u16) -> Result<Gate, String> {
    let named = match (text.parse::<Ipv6Addr>(), text.rsplit_once(':')) {
        (Ok(address), _) => format!("[{address}]:{PORT}"),
        (_, Some(_)) if !text.ends_with(']') => text.to_owned(),
        _ => format!("{text}:{PORT}"),
    };
    let address = named.to_socket_addrs().map_err(|error| format!("{text}: {error}"))?.next();
    let address: SocketAddr = address.ok_or_else(|| format!("{text}: it has no address"))?;
    let name = named.rsplit_once(':').map_or(text, |(host, _)| host);
    let tcp = (tcp_port != 0).then_some(tcp_port);
    Ok(Gate { address, tcp, name: name.trim_matches(['[', ']']).to_owned() })
}

/// The fingerprint that this gate must show: the one that is known, or one that the user has compared.
async fn trusted(arguments: &Connect, gate: &Gate) -> Result<Seen, Failure> {
    let pins = Pins::at(arguments.known_gates.clone()).map_err(Failure::Unusable)?;
    let name = format!("{}:{}", gate.name, gate.address.port());
    let seen = client::look(gate).await?;
    let shown = seen.fingerprint;
    match (pins.find(&name).map_err(Failure::Unusable)?, arguments.pin) {
        (_, Some(pin)) if pin != shown => Err(Failure::No(screen::changed(&name, pin, shown))),
        (Known::As(pin), None) if pin != shown => {
            Err(Failure::No(screen::changed(&name, pin, shown)))
        }
        (Known::As(pin), _) if pin == shown => Ok(seen),
        (_, pinned) => {
            if pinned.is_none() {
                screen::compare(&name, shown);
                let answer = ask::question("Is it the same? Type yes: ");
                if answer.is_none_or(|answer| answer != "yes") {
                    let what = "the gate is not known: compare its fingerprint, or give --pin";
                    return Err(Failure::Unusable(what.to_owned()));
                }
            }
            pins.keep(&name, shown).map_err(Failure::Unusable)?;
            Ok(seen)
        }
    }
}

async fn log_in(arguments: &Connect, line: &mut Line) -> Result<Admitted, Failure> {
    let user = arguments.user()?;
    let tries = if ask::is_terminal() { ATTEMPTS } else { 1 };
    for attempt in 1..=tries {
        let typed = user.clone();
        // The connection lives on meanwhile, however long it takes.
        let shown = tokio::task::spawn_blocking(move || shown(&typed)).await;
        let shown = shown.map_err(|error| Failure::Unusable(error.to_string()))??;
        match line.log_in(shown).await? {
            Ok(admitted) => return Ok(admitted),
            Err(refused) if attempt == tries => return Err(Failure::No(refused.what)),
            Err(refused) => complain(refused.what),
        }
    }
    Err(Failure::No("refused".to_owned()))
}

/// Password, and a code where one is typed.
fn shown(user: &str) -> Result<Credentials, Failure> {
    let secret = |text: crate::api::secret::Secret| Secret::new(text.expose().to_owned());
    let password = ask::hidden("Password: ").map_err(Failure::Unusable)?;
    let code = ask::hidden("Code (none: just Enter): ").ok();
    Ok(Credentials {
        user: user.to_owned(),
        password: Some(secret(password)),
        code: code.map(secret),
    })
}

/// Moves packets, and tells what the gate says, until somebody has enough.
async fn carry(arguments: &Connect, mut line: Line, admitted: &Admitted) -> Result<(), Failure> {
    let packets = line.packets();
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate()].map(listen);
    let [Ok(interrupt), Ok(terminate)] = &mut signals else {
        return Err(Failure::Unusable("no signal handlers".to_owned()));
    };
    let way = Way::open(arguments, admitted).await.map_err(Failure::Unusable)?;
    let mut clock = screen::Countdown::start(admitted.left);
    let ended = tokio::select! {
        ended = way.carry(&packets) => ended,
        ended = hear(&mut line, &mut clock) => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    line.leave().await;
    ended
}

fn listen(kind: SignalKind) -> std::io::Result<Signal> {
    signal(kind)
}

/// Tells the user what the gate says, and how long the login still lasts.
async fn hear(line: &mut Line, clock: &mut screen::Countdown) -> Result<(), Failure> {
    loop {
        match tokio::time::timeout(Duration::from_secs(1), line.hear()).await {
            Err(_) => clock.look(),
            Ok(Ok(ToUser::Denied(denied))) => complain(screen::denied(&denied)),
            Ok(Ok(ToUser::Left { seconds })) => *clock = screen::Countdown::start(seconds),
            Ok(Ok(_)) => {}
            Ok(Err(Fault::Ended(end))) if end.code == Code::Bye => return Ok(()),
            Ok(Err(fault)) => return Err(fault.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_found_by_name_and_port() {
        let found =
            |text: &str| find(text, 443).map(|gate| (gate.address.to_string(), gate.name)).unwrap();
        let is = |address: &str, name: &str| (address.to_owned(), name.to_owned());
        assert_eq!(found("127.0.0.1"), is("127.0.0.1:4433", "127.0.0.1"));
        assert_eq!(found("127.0.0.1:99"), is("127.0.0.1:99", "127.0.0.1"));
        assert_eq!(found("[::1]:99"), is("[::1]:99", "::1"));
        assert_eq!(found("[::1]"), is("[::1]:4433", "::1"));
        assert_eq!(found("::1"), is("[::1]:4433", "::1"));
        assert!(find("127.0.0.1:", 443).is_err());
        assert_eq!(find("127.0.0.1", 8443).unwrap().tcp, Some(8443));
        assert_eq!(find("127.0.0.1", 0).unwrap().tcp, None);
    }
}
