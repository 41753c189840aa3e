//! `--forward`: connections to a port of this machine go on to a door of an asset. Needs no privilege.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use wicketgate_tunnel::client::{self, Packets};
use wicketgate_tunnel::message::Admitted;
use wicketgate_tunnel::stack::{self, Stack};

use super::arguments::here;
use super::socks::{self, Overlay};
use super::{Failure, screen};
use crate::exit::complain;

/// After a fault of accept(2), such as no file left.
const PAUSE: Duration = Duration::from_millis(100);

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
        let listen = here(local).map_err(|_| wrong())?;
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
    proxy: Option<(TcpListener, Arc<Overlay>)>,
    /// Connections that there may be to the proxy.
    places: Arc<Semaphore>,
}

impl Doors {
    /// Listens: for connections to single doors, and at `socks` for those that say where they want to.
    ///
    /// # Errors
    /// A port is taken, or an asset is not the user's to use.
    pub(super) async fn open(
        wanted: &[Forward],
        socks: Option<SocketAddr>,
        admitted: &Admitted,
    ) -> Result<Doors, String> {
        let mut listeners = Vec::new();
        for forward in wanted {
            let door = forward.door(admitted)?;
            let (listener, listen) = listen(forward.listen).await?;
            complain(format_args!("running: {listen} goes to {} ({door})", forward.asset));
            listeners.push((listener, door));
        }
        let mut proxy = None;
        if let Some(socks) = socks {
            let (listener, listen) = listen(socks).await?;
            let overlay = screen::overlay(admitted);
            complain(format_args!("running: a SOCKS 5 proxy at {listen} leads to {overlay}"));
            proxy = Some((listener, Arc::new(Overlay::of(admitted))));
        }
        let stack = Stack::new(admitted.address, admitted.mtu, seed()?);
        let places = Arc::new(Semaphore::new(stack::MOST));
        Ok(Doors { stack, listeners, proxy, places })
    }

    /// Carries connections, until one end has enough.
    pub(super) async fn carry(&self, packets: &Packets) -> Result<(), Failure> {
        tokio::select! {
            fault = client::carry(packets, &self.stack, now) => Err(fault.into()),
            never = self.accept() => match never {},
            never = self.accept_wishes() => match never {},
        }
    }

    /// Takes connections to the proxy; those that find no place wait in the kernel.
    async fn accept_wishes(&self) -> Infallible {
        let Some((listener, overlay)) = &self.proxy else { return pending().await };
        loop {
            let place = self.places.clone().acquire_owned().await;
            let Ok((near, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let (stack, overlay) = (self.stack.clone(), overlay.clone());
            tokio::spawn(async move {
                socks::serve(near, stack, &overlay).await;
                drop(place);
            });
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

/// A listener, and where it listens.
async fn listen(at: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let listener = TcpListener::bind(at).await.map_err(|error| format!("{at}: {error}"))?;
    let listen = listener.local_addr().map_err(|error| error.to_string())?;
    if !listen.ip().is_loopback() {
        complain(format_args!("whoever can connect to {listen} acts as you at the gate"));
    }
    Ok((listener, listen))
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
