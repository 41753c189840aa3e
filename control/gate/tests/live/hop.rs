//! A bad network between laptop and gate: a relay of the laboratory's own, that loses, doubles and reorders
//! datagrams.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wicketgate_lab::Namespace;

/// Longest datagram.
const DATAGRAM: usize = 2048;

/// In a thousand: lost, doubled, held back until the next one has passed.
const LOST: u64 = 20;
const DOUBLED: u64 = 20;
const HELD: u64 = 50;

/// What it has done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) lost: AtomicU64,
    pub(crate) doubled: AtomicU64,
    pub(crate) held: AtomicU64,
}

/// The relay; it ends with this.
pub(crate) struct Relay {
    pub(crate) done: Arc<Done>,
    /// While this is set nothing passes.
    pub(crate) cut: Arc<AtomicBool>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Relays what one client sends to `near`, in this namespace, to `far` and back.
    pub(crate) fn start(at: &Namespace, near: &str, far: &str) -> Relay {
        let near: SocketAddr = near.parse().unwrap();
        let far: SocketAddr = far.parse().unwrap();
        let sockets = || [UdpSocket::bind(near), UdpSocket::bind("0.0.0.0:0")].map(Result::unwrap);
        let [inner, outer] = at.enter(sockets).unwrap();
        outer.connect(far).unwrap();
        let (done, end) = (Arc::<Done>::default(), Arc::<AtomicBool>::default());
        let cut = Arc::<AtomicBool>::default();
        let (told, ends, cuts) = (done.clone(), end.clone(), cut.clone());
        let thread = std::thread::spawn(move || carry(&inner, &outer, &told, &cuts, &ends));
        Relay { done, cut, end, thread: Some(thread) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

fn carry(inner: &UdpSocket, outer: &UdpSocket, done: &Done, cut: &AtomicBool, end: &AtomicBool) {
    for socket in [inner, outer] {
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    }
    let mut client = None;
    let (mut there, mut back) = (Way::new(1), Way::new(2));
    let mut room = [0; DATAGRAM];
    while !end.load(Ordering::Relaxed) {
        if let Ok((length, from)) = inner.recv_from(&mut room) {
            if cut.load(Ordering::Relaxed) {
                continue;
            }
            client = Some(from);
            for datagram in there.pass(&room[..length], done) {
                let _ = outer.send(&datagram);
            }
        }
        if let (Ok(length), Some(client)) = (outer.recv(&mut room), client)
            && !cut.load(Ordering::Relaxed)
        {
            for datagram in back.pass(&room[..length], done) {
                let _ = inner.send_to(&datagram, client);
            }
        }
    }
}

/// One direction.
struct Way {
    seed: u64,
    held: Option<Vec<u8>>,
}

impl Way {
    fn new(seed: u64) -> Way {
        Way { seed, held: None }
    }

    /// Xorshift (Marsaglia, 2003): the same each time.
    fn draw(&mut self) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % 1000
    }

    /// What leaves for one that came.
    fn pass(&mut self, datagram: &[u8], done: &Done) -> Vec<Vec<u8>> {
        let count = |counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        let mut out = match self.draw() {
            chance if chance < LOST => {
                count(&done.lost);
                Vec::new()
            }
            chance if chance < LOST + DOUBLED => {
                count(&done.doubled);
                vec![datagram.to_vec(); 2]
            }
            chance if chance < LOST + DOUBLED + HELD && self.held.is_none() => {
                count(&done.held);
                self.held = Some(datagram.to_vec());
                return Vec::new();
            }
            _ => vec![datagram.to_vec()],
        };
        out.extend(self.held.take());
        out
    }
}
