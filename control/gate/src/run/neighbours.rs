//! The MAC addresses of assets, as the kernel finds them out by ARP.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::Duration;

use wicketgate_engine::tables::Mac;
use wicketgate_netlink::Netlink;
use wicketgate_policy::{Asset, Policy};

use super::interfaces::Interfaces;
use crate::exit::complain;

/// How often the start looks for neighbours that have not answered, and how long between: a second and a
/// half, because the kernel asks a second time after one.
const LOOKS: u32 = 75;
const PAUSE: Duration = Duration::from_millis(20);

/// Refreshes between two times that the kernel is to confirm what it knows.
const CONFIRM: u32 = 20;

/// An address behind an interface.
type Place = (u32, Ipv4Addr);

/// Neighbours that are wanted, and those that are known. What was known stays until something else is
/// known: a device that does not answer for a moment keeps its flows.
pub(super) struct Neighbours {
    kernel: Netlink,
    wanted: Vec<Place>,
    known: HashMap<Place, Mac>,
    refreshes: u32,
}

impl Neighbours {
    /// Finds the assets of a policy; waits a second and a half at most for those that do not answer.
    pub(super) fn find(policy: &Policy, interfaces: &Interfaces) -> Result<Neighbours, String> {
        let kernel = Netlink::open().map_err(|error| text(&error))?;
        let mut found =
            Neighbours { kernel, wanted: Vec::new(), known: HashMap::new(), refreshes: 0 };
        found.want(policy, interfaces);
        found.ask();
        for _ in 0..LOOKS {
            found.look().map_err(|error| text(&error))?;
            if found.missing().next().is_none() {
                break;
            }
            sleep(PAUSE);
        }
        for (_, address) in found.missing() {
            complain(format_args!("no device answers at {address}: what is for it waits for that"));
        }
        Ok(found)
    }

    /// Wants the assets of a policy whose MAC address it does not say.
    pub(super) fn want(&mut self, policy: &Policy, interfaces: &Interfaces) {
        let unknown = policy.assets().iter().filter(|asset| asset.mac.is_none());
        let (tagged, plain): (Vec<&Asset>, Vec<&Asset>) =
            unknown.partition(|asset| asset.vlan.is_some());
        for Asset { name, .. } in tagged {
            complain(format_args!(
                "{name}: neighbours in VLANs are not looked for yet: write its `mac`"
            ));
        }
        let place = |asset: &&Asset| Some((interfaces.index(asset.port)?, asset.underlay));
        self.wanted = plain.iter().filter_map(place).collect();
    }

    /// The MAC address of whoever is there.
    pub(super) fn mac(&self, interface: u32, address: Ipv4Addr) -> Option<Mac> {
        self.known.get(&(interface, address)).copied()
    }

    /// Looks again; true where something has changed. Now and then has the kernel confirm.
    pub(super) fn refresh(&mut self) -> io::Result<bool> {
        self.refreshes += 1;
        if self.refreshes.is_multiple_of(CONFIRM) || self.missing().next().is_some() {
            self.ask();
        }
        self.look()
    }

    fn missing(&self) -> impl Iterator<Item = Place> {
        self.wanted.iter().filter(|place| !self.known.contains_key(place)).copied()
    }

    fn ask(&mut self) {
        for (interface, address) in &self.wanted {
            // An interface that is down now is asked again at the next refresh.
            let _ = self.kernel.resolve(*interface, *address);
        }
    }

    fn look(&mut self) -> io::Result<bool> {
        let mut changed = false;
        for neighbour in self.kernel.neighbours()? {
            let place = (neighbour.interface, neighbour.address);
            if self.wanted.contains(&place) {
                changed |= self.known.insert(place, neighbour.mac) != Some(neighbour.mac);
            }
        }
        Ok(changed)
    }
}

fn text(error: &io::Error) -> String {
    format!("the kernel says nothing of neighbours: {error}")
}
