//! The MAC addresses of assets: as the kernel finds them out by ARP, and in VLANs the gate itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use wicketgate_engine::arp::Sign;
use wicketgate_engine::tables::Mac;
use wicketgate_engine::{NextHop, Sighting};
use wicketgate_netlink::{Neighbour, Netlink};
use wicketgate_packet::{PortId, Time};
use wicketgate_policy::{Asset, Policy};

use super::clock;
use super::exchange::Exchange;
use super::interfaces::Interfaces;
use super::netlink::Target;
use crate::exit::complain;
use crate::words::mac;

/// How often the start looks for neighbours that have not answered, and how long between: a second and a
/// half, because the kernel asks a second time after one.
const LOOKS: u32 = 75;
const PAUSE: Duration = Duration::from_millis(20);

/// Refreshes between two times that what is known is to be confirmed.
const CONFIRM: u32 = 20;

/// How long an ARP reply in a VLAN counts as asked for.
const SOLICITED: Duration = Duration::from_secs(3);

/// Lines a second about MAC addresses: whoever changes them all the time does not fill the journal.
const LINES: u32 = 16;

/// What the policy says of who is to be found.
struct Wanted {
    name: String,
    /// The number of the interface that leads to it.
    interface: u32,
    /// The only MAC address that it may have.
    pinned: Option<Mac>,
}

/// Neighbours that are wanted, and those that are known. What was known stays until something else is
/// known: a device that does not answer for a moment keeps its flows.
pub(super) struct Neighbours {
    exchange: Arc<Exchange>,
    /// Those that the kernel is to be asked for.
    unresolved: BTreeSet<Target>,
    wanted: BTreeMap<NextHop, Wanted>,
    known: BTreeMap<NextHop, Mac>,
    /// When assets in VLANs were last asked for.
    asked: BTreeMap<NextHop, Time>,
    /// MAC addresses that were refused and told: each once.
    refused: BTreeMap<NextHop, Mac>,
    ports: BTreeMap<u32, PortId>,
    refreshes: u32,
    /// Lines since the last refresh, and those that were one too many.
    lines: u32,
}

impl Neighbours {
    /// Finds the assets of a policy; waits a second and a half at most for those that do not answer. Those
    /// in VLANs are asked for when the workers run.
    pub(super) fn find(
        policy: &Policy,
        interfaces: &Interfaces,
        exchange: Arc<Exchange>,
    ) -> Result<Neighbours, String> {
        let mut kernel = Netlink::open().map_err(|error| text(&error))?;
        let mut found = Neighbours::new(exchange);
        found.want(policy, interfaces);
        found.ask_all();
        for (interface, address) in found.take_unresolved() {
            // An interface that is down now is asked again while the gate runs.
            let _ = kernel.resolve(interface, address);
        }
        for _ in 0..LOOKS {
            found.learn_all(&kernel.neighbours().map_err(|error| text(&error))?);
            if found.missing().all(|hop| hop.vlan.is_some()) {
                break;
            }
            sleep(PAUSE);
        }
        for hop in found.missing().filter(|hop| hop.vlan.is_none()) {
            let address = hop.address;
            complain(format_args!("no device answers at {address}: what is for it waits for that"));
        }
        Ok(found)
    }

    fn new(exchange: Arc<Exchange>) -> Neighbours {
        Neighbours {
            exchange,
            unresolved: BTreeSet::new(),
            wanted: BTreeMap::new(),
            known: BTreeMap::new(),
            asked: BTreeMap::new(),
            refused: BTreeMap::new(),
            ports: BTreeMap::new(),
            refreshes: 0,
            lines: 0,
        }
    }

    /// Wants the assets of a policy, and forgets all others.
    pub(super) fn want(&mut self, policy: &Policy, interfaces: &Interfaces) {
        let wanted = |asset: &Asset| {
            let (port, vlan, address) = (asset.port, asset.vlan, asset.underlay);
            let interface = interfaces.index(port)?;
            let who = Wanted { name: asset.name.clone(), interface, pinned: asset.mac };
            Some((NextHop { port, vlan, address }, who))
        };
        self.wanted = policy.assets().iter().filter_map(wanted).collect();
        self.ports = self.wanted.iter().map(|(hop, who)| (who.interface, hop.port)).collect();
        let is_wanted = |hop: &NextHop, _: &mut _| self.wanted.contains_key(hop);
        self.known.retain(is_wanted);
        self.refused.clear();
    }

    /// The MAC address of whoever is there.
    pub(super) fn mac(&self, hop: NextHop) -> Option<Mac> {
        self.known.get(&hop).copied()
    }

    /// Asks for what is missing, and now and then for everything.
    pub(super) fn refresh(&mut self) {
        self.refreshes += 1;
        if let unsaid @ 1.. = self.lines.saturating_sub(LINES) {
            complain(format_args!(
                "MAC addresses have changed or were refused {unsaid} more times"
            ));
        }
        self.lines = 0;
        if self.refreshes.is_multiple_of(CONFIRM) {
            self.ask_all();
        } else {
            let missing: Vec<NextHop> = self.missing().collect();
            missing.into_iter().for_each(|hop| self.ask(hop));
        }
    }

    /// Those that the kernel is to find, as has been asked for since the last call.
    pub(super) fn take_unresolved(&mut self) -> BTreeSet<Target> {
        std::mem::take(&mut self.unresolved)
    }

    /// Takes what workers want and have seen; true where something has changed.
    pub(super) fn listen(&mut self) -> bool {
        while let Some(hop) = self.exchange.wanted() {
            self.ask(hop);
        }
        let mut changed = false;
        while let Some(sighting) = self.exchange.seen() {
            changed |= self.see(sighting, clock::now());
        }
        changed
    }

    /// Takes all that the kernel has found out; true where something has changed.
    pub(super) fn learn_all(&mut self, found: &[Neighbour]) -> bool {
        found.iter().fold(false, |changed, one| self.learn_from_kernel(one) | changed)
    }

    /// Takes what the kernel has found out; true where something has changed.
    pub(super) fn learn_from_kernel(&mut self, found: &Neighbour) -> bool {
        let Some(port) = self.ports.get(&found.interface).copied() else { return false };
        self.learn(NextHop { port, vlan: None, address: found.address }, found.mac)
    }

    /// An ARP request to the gate is believed, a reply only where it was asked for.
    fn see(&mut self, sighting: Sighting, now: Time) -> bool {
        let Sighting { hop, mac, by } = sighting;
        let asked = self.asked.get(&hop).is_some_and(|asked| now.since(*asked) <= SOLICITED);
        match by {
            Sign::Request => self.learn(hop, mac),
            Sign::Reply => asked && self.learn(hop, mac),
            Sign::Refused => {
                self.refuse(hop, mac);
                false
            }
        }
    }

    fn learn(&mut self, hop: NextHop, found: Mac) -> bool {
        let Some(Wanted { name, pinned, .. }) = self.wanted.get(&hop) else { return false };
        if let Some(only) = *pinned {
            if only != found {
                self.refuse(hop, found);
            }
            return false;
        }
        let before = self.known.insert(hop, found);
        if let Some(before) = before.filter(|before| *before != found) {
            let (address, now, before) = (hop.address, mac(found), mac(before));
            let what = format!("has another MAC address: {now}, not {before} any more");
            say(&mut self.lines, format_args!("{name} ({address}) {what}"));
        }
        before != Some(found)
    }

    /// Says, once, that somebody says to be an asset who is not.
    fn refuse(&mut self, hop: NextHop, found: Mac) {
        let Some(Wanted { name, .. }) = self.wanted.get(&hop) else { return };
        if self.refused.insert(hop, found) != Some(found) {
            let (address, found) = (hop.address, mac(found));
            let what =
                format!("says to be {name} ({address}), whose `mac` is another; it is refused");
            say(&mut self.lines, format_args!("alarm: {found} {what}"));
        }
    }

    fn missing(&self) -> impl Iterator<Item = NextHop> {
        let missing = |(hop, who): (&NextHop, &Wanted)| {
            (who.pinned.is_none() && !self.known.contains_key(hop)).then_some(*hop)
        };
        self.wanted.iter().filter_map(missing)
    }

    fn ask_all(&mut self) {
        let unpinned = self.wanted.iter().filter(|(_, who)| who.pinned.is_none());
        let all: Vec<NextHop> = unpinned.map(|(hop, _)| *hop).collect();
        all.into_iter().for_each(|hop| self.ask(hop));
    }

    fn ask(&mut self, hop: NextHop) {
        let Some(who) = self.wanted.get(&hop) else { return };
        if hop.vlan.is_some() {
            self.asked.insert(hop, clock::now());
            self.exchange.ask(hop);
        } else {
            self.unresolved.insert((who.interface, hop.address));
        }
    }
}

/// Says it, unless too much was said.
fn say(lines: &mut u32, what: std::fmt::Arguments<'_>) {
    *lines = lines.saturating_add(1);
    if *lines <= LINES {
        complain(what);
    }
}

fn text(error: &io::Error) -> String {
    format!("the kernel says nothing of neighbours: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOP: NextHop =
        NextHop { port: PortId(1), vlan: Some(30), address: std::net::Ipv4Addr::new(10, 0, 0, 9) };
    const MAC: Mac = [2, 0, 0, 0, 0, 9];

    fn wanting(pinned: Option<Mac>) -> Neighbours {
        let mut neighbours = Neighbours::new(Arc::new(Exchange::new()));
        let who = Wanted { name: "press-4".to_owned(), interface: 7, pinned };
        neighbours.wanted.insert(HOP, who);
        neighbours
    }

    fn sighting(by: Sign) -> Sighting {
        Sighting { hop: HOP, mac: MAC, by }
    }

    #[test]
    fn only_a_reply_that_was_asked_for_is_believed() {
        let mut neighbours = wanting(None);
        let now = clock::now();
        assert!(!neighbours.see(sighting(Sign::Reply), now));
        assert_eq!(neighbours.mac(HOP), None);
        neighbours.ask(HOP);
        assert_eq!(neighbours.exchange.asked(), Some(HOP));
        let late = clock::now() + SOLICITED + Duration::from_secs(1);
        assert!(!neighbours.see(sighting(Sign::Reply), late));
        assert!(neighbours.see(sighting(Sign::Reply), clock::now()));
        assert_eq!(neighbours.mac(HOP), Some(MAC));
        assert!(!neighbours.see(sighting(Sign::Reply), clock::now()), "nothing has changed");
    }

    #[test]
    fn who_asks_for_the_gate_is_believed() {
        let mut neighbours = wanting(None);
        assert!(neighbours.see(sighting(Sign::Request), clock::now()));
        assert_eq!(neighbours.mac(HOP), Some(MAC));
        let stranger = NextHop { vlan: Some(31), ..HOP };
        assert!(
            !neighbours.see(Sighting { hop: stranger, ..sighting(Sign::Request) }, clock::now())
        );
    }

    #[test]
    fn a_pinned_asset_is_never_learnt() {
        let mut neighbours = wanting(Some([2, 0, 0, 0, 0, 1]));
        for by in [Sign::Request, Sign::Refused] {
            assert!(!neighbours.see(sighting(by), clock::now()));
        }
        assert_eq!((neighbours.mac(HOP), neighbours.refused.get(&HOP)), (None, Some(&MAC)));
        assert_eq!(neighbours.missing().count(), 0);
    }

    #[test]
    fn what_workers_want_is_asked_for() {
        let mut neighbours = wanting(None);
        neighbours.exchange.want(HOP);
        assert!(!neighbours.listen());
        assert_eq!(neighbours.exchange.asked(), Some(HOP));
        neighbours.exchange.see(sighting(Sign::Reply));
        assert!(neighbours.listen());
    }
}
