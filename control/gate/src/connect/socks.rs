//! `--socks`: a proxy on this machine that leads to the overlay and nowhere else. SOCKS 5 (RFC 1928): CONNECT
//! alone, without authentication. Needs no privilege.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wicketgate_tunnel::message::Admitted;
use wicketgate_tunnel::stack::{Stack, Stream};

/// The version (RFC 1928 section 3).
const VERSION: u8 = 5;

/// The method that asks for no proof, and that there is none that both ends know.
const NO_PROOF: u8 = 0;
const NO_METHOD: u8 = 0xff;

/// The command (section 4) and kinds of address (section 5).
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// How long a program has to say where it wants to.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is answered (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Done = 0,
    Failure = 1,
    NotAllowed = 2,
    NoSuchHost = 4,
    Refused = 5,
    NoSuchCommand = 7,
    NoSuchKind = 8,
}

/// Where a program may want to.
#[derive(Clone, Debug)]
pub(super) struct Overlay {
    network: (Ipv4Addr, u8),
    /// Assets that the login may use.
    assets: Vec<(String, Ipv4Addr)>,
}

impl Overlay {
    pub(super) fn of(admitted: &Admitted) -> Overlay {
        Overlay { network: admitted.overlay, assets: admitted.assets.clone() }
    }

    fn find(&self, address: Ipv4Addr) -> Result<Ipv4Addr, Reply> {
        let (network, length) = self.network;
        let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
        let inside = (address.to_bits() ^ network.to_bits()) & mask == 0;
        inside.then_some(address).ok_or(Reply::NotAllowed)
    }

    /// The name of an asset, as people write names (RFC 4343), or an address. Nobody else's names are asked for.
    fn find_name(&self, name: &[u8]) -> Result<Ipv4Addr, Reply> {
        let name = str::from_utf8(name).map_err(|_| Reply::NoSuchHost)?;
        if let Ok(address) = name.parse() {
            return self.find(address);
        }
        let mut assets = self.assets.iter();
        let asset = assets.find(|(asset, _)| asset.eq_ignore_ascii_case(name));
        asset.map(|(_, address)| *address).ok_or(Reply::NoSuchHost)
    }
}

/// Serves a program that has connected: carries its connection to where it wants, till one end has enough.
pub(super) async fn serve(mut near: TcpStream, stack: Stack, overlay: &Overlay) {
    let _ = near.set_nodelay(true);
    let far = timeout(PATIENCE, wanted(&mut near, overlay)).await;
    let Ok(Ok(door)) = far else { return };
    let far = match door {
        Ok(door) => reach(&stack, door).await,
        Err(reply) => Err(reply),
    };
    let reply = far.as_ref().err().copied().unwrap_or(Reply::Done);
    let said = near.write_all(&answer(reply)).await;
    if let (Ok(mut far), Ok(())) = (far, said) {
        // How it ended, both ends see.
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    }
}

async fn reach(stack: &Stack, door: SocketAddrV4) -> Result<Stream, Reply> {
    let stream = stack.connect(door).map_err(|_| Reply::Failure)?;
    // Why, the gate tells.
    stream.established().await.map_err(|_| Reply::Refused)?;
    Ok(stream)
}

/// An answer. Where connections come from is nobody's business: no address, no port.
const fn answer(reply: Reply) -> [u8; 10] {
    [VERSION, reply as u8, 0, IPV4, 0, 0, 0, 0, 0, 0]
}

/// Where the program wants to, or what it is answered.
///
/// # Errors
/// It does not speak this protocol.
async fn wanted(
    near: &mut TcpStream,
    overlay: &Overlay,
) -> io::Result<Result<SocketAddrV4, Reply>> {
    greet(near).await?;
    let [version, command, _, kind] = read(near).await?;
    if version != VERSION {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let address = match kind {
        IPV4 => overlay.find(Ipv4Addr::from(read::<4>(near).await?)),
        NAME => overlay.find_name(&read_counted(near).await?),
        IPV6 => read::<16>(near).await.map(|_| Err(Reply::NoSuchKind))?,
        _ => return Ok(Err(Reply::NoSuchKind)),
    };
    let port = u16::from_be_bytes(read(near).await?);
    Ok(match command {
        CONNECT => address.map(|address| SocketAddrV4::new(address, port)),
        _ => Err(Reply::NoSuchCommand),
    })
}

/// Agrees on how the program proves who it is: not at all.
async fn greet(near: &mut TcpStream) -> io::Result<()> {
    let [version] = read(near).await?;
    if version != VERSION {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let knows_it = read_counted(near).await?.contains(&NO_PROOF);
    let method = if knows_it { NO_PROOF } else { NO_METHOD };
    near.write_all(&[VERSION, method]).await?;
    knows_it.then_some(()).ok_or_else(|| io::ErrorKind::Unsupported.into())
}

async fn read<const COUNT: usize>(near: &mut TcpStream) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    near.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// As many bytes as the first one says.
async fn read_counted(near: &mut TcpStream) -> io::Result<Vec<u8>> {
    let [count] = read(near).await?;
    let mut bytes = vec![0; usize::from(count)];
    near.read_exact(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn overlay() -> Overlay {
        let assets = vec![("Press-3".to_owned(), Ipv4Addr::new(100, 64, 10, 20))];
        Overlay { network: (Ipv4Addr::new(100, 64, 0, 0), 16), assets }
    }

    #[test]
    fn only_the_overlay_is_led_to() {
        let overlay = overlay();
        let asset = Ipv4Addr::new(100, 64, 10, 20);
        assert_eq!(overlay.find(asset), Ok(asset));
        assert_eq!(overlay.find(Ipv4Addr::new(100, 65, 0, 1)), Err(Reply::NotAllowed));
        assert_eq!(overlay.find(Ipv4Addr::LOCALHOST), Err(Reply::NotAllowed));
        assert_eq!(overlay.find_name(b"press-3"), Ok(asset));
        assert_eq!(overlay.find_name(b"100.64.10.20"), Ok(asset));
        assert_eq!(overlay.find_name(b"8.8.8.8"), Err(Reply::NotAllowed));
        assert_eq!(overlay.find_name(b"localhost"), Err(Reply::NoSuchHost));
        assert_eq!(overlay.find_name(b"\xff"), Err(Reply::NoSuchHost));
    }

    /// What a program that says this hears, with a stack that is never turned.
    fn heard(said: &[u8]) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let mut program = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (near, _) = listener.accept().await.unwrap();
            program.write_all(said).await.unwrap();
            program.shutdown().await.unwrap();
            serve(near, Stack::new(Ipv4Addr::new(100, 64, 255, 1), 1280, 7), &overlay()).await;
            let mut heard = Vec::new();
            // What was not read is told by a reset.
            let _ = program.read_to_end(&mut heard).await;
            heard
        })
    }

    #[test]
    fn what_is_not_led_anywhere_is_answered() {
        let hello = [5, 1, 0];
        let request = |command, rest: &[u8]| [&hello[..], &[5, command, 0], rest].concat();
        let refused = |reply: Reply| [&[5, 0][..], &answer(reply)].concat();
        let cases: [(u8, &[u8], Reply); 6] = [
            (1, &[1, 10, 0, 0, 1, 0, 80], Reply::NotAllowed),
            (1, b"\x03\x07example\x00\x50", Reply::NoSuchHost),
            (1, &[&[4][..], &[0; 16], &[0, 80]].concat(), Reply::NoSuchKind),
            (1, &[9], Reply::NoSuchKind),
            (2, &[1, 100, 64, 10, 20, 0, 80], Reply::NoSuchCommand),
            (3, &[1, 100, 64, 10, 20, 0, 80], Reply::NoSuchCommand),
        ];
        for (command, rest, reply) in cases {
            assert_eq!(heard(&request(command, rest)), refused(reply), "{command} {rest:?}");
        }
    }

    #[test]
    fn what_is_another_protocol_hears_nothing_or_no() {
        assert_eq!(heard(&[4, 1, 0, 80, 100, 64, 10, 20, 0]), b"", "SOCKS 4");
        assert_eq!(heard(b"GET / HTTP/1.1\r\n\r\n"), b"");
        assert_eq!(heard(&[5, 1, 2]), [5, NO_METHOD], "a name and a password are not asked for");
        assert_eq!(heard(&[5, 1, 0, 4, 1, 0]), [5, 0], "another version on the way");
        assert_eq!(heard(&[5]), b"", "nothing more");
    }
}
