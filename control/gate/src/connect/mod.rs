//! `wicketgate connect`: the user's end of the tunnel.
//!
//! | module | what it holds |
//! |---|---|
//! | `pins` | the fingerprints of gates that are known |
//! | `device` | a TUN device: any program's packets |
//! | `forward`, `socks` | single connections by a TCP stack of our own: no privilege |
//! | `session` | one login, from its proof to its end |
//! | `console`, `commands` | what the user types meanwhile |
//! | `screen` | what the user is told |

pub(crate) mod arguments;
mod commands;
mod console;
mod device;
mod forward;
mod pins;
mod screen;
mod session;
mod socks;

use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};

use tokio::runtime::Builder;
use wicketgate_tunnel::client::{self, Fault, Gate, Seen};
use wicketgate_tunnel::end::Code;

use crate::exit::{Exit, complain};
use crate::user::ask;
use arguments::Connect;
use pins::{Known, Pins};
use session::User;

/// The port of gates where none is named.
const PORT: u16 = 4433;

/// Why there is no tunnel.
enum Failure {
    /// The gate said no, or ended it.
    No(String),
    /// The gate was not heard of for too long: it may be later.
    Lost(String),
    /// There is no such gate, or something is missing here.
    Unusable(String),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        match fault {
            Fault::Ended(end) if end.code == Code::Silent => Failure::Lost(end.why),
            Fault::Ended(end) => Failure::No(screen::end(&end)),
            fault => Failure::Unusable(screen::plain(&fault.to_string())),
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
        Err(Failure::No(what) | Failure::Lost(what)) => {
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
    let mut seen = trusted(arguments, &gate, client::look(&gate).await?)?;
    let mut user = User::new(arguments)?;
    loop {
        match session::hold(arguments, &gate, seen, &mut user).await {
            Err(Failure::Lost(what)) => complain(screen::lost(&what)),
            ended => return ended,
        }
        let Some(found) = session::find_again(&gate, &mut user).await? else { return Ok(()) };
        seen = trusted(arguments, &gate, found)?;
    }
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

/// What was seen of a gate, where its fingerprint is the one that is known, or one that the user has compared.
fn trusted(arguments: &Connect, gate: &Gate, seen: Seen) -> Result<Seen, Failure> {
    let pins = Pins::at(arguments.known_gates.clone()).map_err(Failure::Unusable)?;
    let name = format!("{}:{}", gate.name, gate.address.port());
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
