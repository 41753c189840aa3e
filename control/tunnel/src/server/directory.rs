//! Which connections and tunnels there are, and whose frames go where.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::Sender;
use wicketgate_ports::tunnel;

use super::{PENDING, PENDING_OF_ONE};
use crate::carrier::Carrier;
use crate::end::End;
use crate::message::ToUser;

/// A tunnel through which packets flow.
#[derive(Debug)]
pub(crate) struct Tunnel {
    /// How it sends into the gate.
    pub(crate) sender: tunnel::Sender,
    /// The only address that its packets may have.
    pub(crate) address: Ipv4Addr,
    /// Longest packet both ways.
    pub(crate) mtu: u16,
    pub(crate) carrier: Carrier,
}

/// What was lost of all tunnels' packets.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// From another address.
    pub(crate) spoofed: AtomicU64,
    /// No packets, or too long ones.
    pub(crate) unfit: AtomicU64,
    /// On their way to a user who takes them too slowly: the oldest.
    pub(crate) overtaken: AtomicU64,
}

/// A connection: where control's words for it go.
#[derive(Debug)]
struct Entry {
    carrier: Carrier,
    words: Sender<ToUser>,
    open: Option<Arc<Tunnel>>,
}

#[derive(Debug, Default)]
struct Inner {
    last: u32,
    entries: HashMap<u32, Entry>,
    /// Connections that have not logged in, by where they come from.
    pending: HashMap<Source, usize>,
    free: Vec<u16>,
}

/// Whom an address stands for: of IPv6 its first 64 bits, because everybody has all addresses behind those
/// (RFC 4291 section 2.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source(IpAddr);

impl Source {
    fn of(address: IpAddr) -> Source {
        Source(match address.to_canonical() {
            IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() >> 64 << 64).into(),
            four => four,
        })
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Directory(Arc<Mutex<Inner>>);

/// A place among the connections that have not logged in; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    from: Source,
    inner: Arc<Mutex<Inner>>,
    /// The number of the tunnel that may come of it.
    pub(crate) number: u32,
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    // One thread alone takes it, for a few lines that cannot panic.
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Directory {
    pub(crate) fn new(tunnels: u16) -> Directory {
        let free = (0..tunnels).rev().collect();
        Directory(Arc::new(Mutex::new(Inner { free, ..Inner::default() })))
    }

    /// A seat for a connection from there, if there is one left.
    pub(crate) fn begin(&self, from: IpAddr) -> Option<Seat> {
        let from = Source::of(from);
        let mut inner = lock(&self.0);
        let all: usize = inner.pending.values().sum();
        let here = inner.pending.entry(from).or_default();
        if all >= PENDING || *here >= PENDING_OF_ONE {
            return None;
        }
        *here += 1;
        inner.last = inner.last.checked_add(1)?;
        let number = inner.last;
        drop(inner);
        Some(Seat { from, inner: self.0.clone(), number })
    }

    /// A connection whose handshake is done.
    pub(crate) fn add(&self, number: u32, carrier: Carrier, words: Sender<ToUser>) {
        lock(&self.0).entries.insert(number, Entry { carrier, words, open: None });
    }

    /// Lets packets flow; `None` where there are as many tunnels as there may be.
    pub(crate) fn open(&self, number: u32, address: Ipv4Addr, mtu: u16) -> Option<Arc<Tunnel>> {
        let mut inner = lock(&self.0);
        let Inner { entries, free, .. } = &mut *inner;
        let entry = entries.get_mut(&number)?;
        let place = free.pop()?;
        let tunnel = Arc::new(Tunnel {
            sender: tunnel::Sender { tunnel: number, place },
            address,
            mtu,
            carrier: entry.carrier.clone(),
        });
        entry.open = Some(tunnel.clone());
        Some(tunnel)
    }

    /// The tunnel of that number, if packets flow.
    pub(crate) fn get(&self, number: u32) -> Option<Arc<Tunnel>> {
        lock(&self.0).entries.get(&number)?.open.clone()
    }

    /// The connection is gone.
    pub(crate) fn remove(&self, number: u32) {
        let mut inner = lock(&self.0);
        let open = inner.entries.remove(&number).and_then(|entry| entry.open);
        inner.free.extend(open.map(|tunnel| tunnel.sender.place));
    }

    /// Says something to a user; lost where too much waits.
    pub(crate) fn tell(&self, number: u32, what: ToUser) {
        if let Some(entry) = lock(&self.0).entries.get(&number) {
            let _ = entry.words.try_send(what);
        }
    }

    /// Ends all connections.
    pub(crate) fn end_all(&self, end: &End) {
        lock(&self.0).entries.values().for_each(|entry| entry.carrier.close(end));
    }

    /// Ends a connection.
    pub(crate) fn end(&self, number: u32, end: &End) {
        if let Some(entry) = lock(&self.0).entries.get(&number) {
            entry.carrier.close(end);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = lock(&self.inner);
        if let Some(here) = inner.pending.get_mut(&self.from) {
            *here -= 1;
            if *here == 0 {
                inner.pending.remove(&self.from);
            }
        }
    }
}

impl Counters {
    pub(crate) fn count(counter: &AtomicU64) {
        Counters::add(counter, 1);
    }

    pub(crate) fn add(counter: &AtomicU64, packets: u64) {
        counter.fetch_add(packets, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_take_all_seats() {
        let directory = Directory::new(4);
        let [flood, other] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let seats: Vec<Seat> = std::iter::from_fn(|| directory.begin(flood)).collect();
        assert_eq!(seats.len(), PENDING_OF_ONE);
        let seat = directory.begin(other).unwrap();
        assert!(seats.iter().all(|taken| taken.number != seat.number));
        drop(seats);
        assert!(directory.begin(flood).is_some(), "what was given back is free");
    }

    #[test]
    fn whoever_has_a_network_of_ipv6_is_one_and_ipv4_is_known_in_its_other_form() {
        let is_one = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| Source::of(text.parse().unwrap()));
            one == other
        };
        assert!(is_one("2001:db8::1", "2001:db8::ffff:1:2:3"));
        assert!(!is_one("2001:db8::1", "2001:db8:0:1::1"));
        assert!(is_one("10.0.0.1", "::ffff:10.0.0.1"));
        assert!(!is_one("::ffff:10.0.0.1", "::ffff:10.0.0.2"));
    }

    #[test]
    fn all_seats_are_so_many() {
        let directory = Directory::new(4);
        let from = |n: u8| IpAddr::from([10, 0, 0, n]);
        let seats: Vec<Seat> = (0..=255)
            .flat_map(|n| std::iter::from_fn(move || Some(n)).take(PENDING_OF_ONE))
            .filter_map(|n| directory.begin(from(n)))
            .collect();
        assert_eq!(seats.len(), PENDING);
    }
}
