//! `--forward`: connections to a port of this machine go on to a door of an asset. Needs no privilege.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::net::{TcpListener, TcpStream};
use wicketgate_tunnel::client::{self, Packets};
use wicketgate_tunnel::message::Admitted;
use wicketgate_tunnel::stack::Stack;

use super::Failure;
use crate::exit::complain;

/// Where connections come from, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forward {
    listen: SocketAddr,
    asset: String,
    port: u16,
}

impl Forward {
    /// `1502=press-3:502`, `127.0.0.1:1502=100.64.10.20:502`.
    pub(super) fn parse(text: &str) -> Result<Forward, String> {
        let wrong = || "wanted: [ADDRESS:]PORT=ASSET:PORT, like 1502=press-3:502".to_owned();
        let (local, remote) = text.split_once('=').ok_or_else(wrong)?;
        let here = |port: u16| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let listen = local.parse().or_else(|_| local.parse().map(here)).map_err(|_| wrong())?;
        let (asset, port) = remote.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        if asset.is_empty() {
            Err(wrong())
        } else {
            Ok(Forward { listen, asset: asset.to_owned(), port })
        }
    }

    fn door(&self, admitted: &Admitted) -> Result<SocketAddrV4, String> {
        let named = admitted.assets.iter().find(|(name, _)| *name == self.asset);
        let address = named.map(|(_, address)| *address).or_else(|| self.asset.parse().ok());
        let address = address.ok_or_else(|| {
            let names: Vec<&str> = admitted.assets.iter().map(|(name, _)| name.as_str()).collect();
            format!("you may use no asset `{}`; you may use: {}", self.asset, names.join(", "))
        })?;
        Ok(SocketAddrV4::new(address, self.port))
    }
}

/// Doors that are held open on this machine.
pub(super) struct Doors {
    stack: Stack,
    listeners: Vec<(TcpListener, SocketAddrV4)>,
}

impl Doors {
    /// Listens.
    ///
    /// # Errors
    /// A port is taken, or an asset is not the user's to use.
    pub(super) async fn open(wanted: &[Forward], admitted: &Admitted) -> Result<Doors, String> {
        let mut listeners = Vec::new();
        for forward in wanted {
            let door = forward.door(admitted)?;
            let listener = TcpListener::bind(forward.listen).await;
            let listener = listener.map_err(|error| format!("{}: {error}", forward.listen))?;
            let listen = listener.local_addr().map_err(|error| error.to_string())?;
            complain(format_args!("running: {listen} goes to {} ({door})", forward.asset));
            listeners.push((listener, door));
        }
        Ok(Doors { stack: Stack::new(admitted.address, admitted.mtu, seed()?), listeners })
    }

    /// Carries connections, until one end has enough.
    pub(super) async fn carry(&self, packets: &Packets) -> Result<(), Failure> {
        tokio::select! {
            fault = client::carry(packets, &self.stack, now) => Err(fault.into()),
            never = self.accept() => match never {},
        }
    }

    async fn accept(&self) -> Infallible {
        loop {
            let (stream, door) = self.next().await;
            match self.stack.connect(door) {
                Ok(far) => drop(tokio::spawn(join(stream, far))),
                Err(error) => complain(format_args!("no connection to {door}: {error}")),
            }
        }
    }

    /// The next connection to any of the doors.
    async fn next(&self) -> (TcpStream, SocketAddrV4) {
        poll_fn(|context| {
            for (listener, door) in &self.listeners {
                if let Poll::Ready(Ok((stream, _))) = listener.poll_accept(context) {
                    return Poll::Ready((stream, *door));
                }
            }
            Poll::Pending
        })
        .await
    }
}

async fn join(mut near: TcpStream, mut far: wicketgate_tunnel::stack::Stream) {
    let _ = near.set_nodelay(true);
    // How it ended, both ends see.
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}

fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// What must not be guessed.
fn seed() -> Result<u64, String> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| format!("no random numbers: {error}"))?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_where() {
        let forward = |listen: &str, asset: &str| Forward {
            listen: listen.parse().unwrap(),
            asset: asset.to_owned(),
            port: 502,
        };
        assert_eq!(Forward::parse("1502=press-3:502"), Ok(forward("127.0.0.1:1502", "press-3")));
        let all = Forward::parse("0.0.0.0:1502=100.64.10.20:502");
        assert_eq!(all, Ok(forward("0.0.0.0:1502", "100.64.10.20")));
        for wrong in ["", "1502", "1502=press-3", "x=press-3:502", "1502=:502", "1502=press-3:x"] {
            assert!(Forward::parse(wrong).is_err(), "{wrong}");
        }
    }
}
