//! What ARP found out.

use std::io;
use std::net::Ipv4Addr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::address::{IPV4, ipv4};
use crate::message::{attributes, flags};
use crate::{Mac, Netlink};

pub(crate) const NEW_NEIGHBOUR: u16 = 28;
const GET_NEIGHBOUR: u16 = 30;

/// `NDA_DST`: the neighbour's address.
const DESTINATION: u16 = 1;
/// `NDA_LLADDR`: its MAC address.
const LINK_ADDRESS: u16 = 2;

/// `NTF_USE`: behave as if a packet were to be sent to it.
const USE: u8 = 1;

/// States of linux/neighbour.h in which the MAC address may be used: reachable, stale, delay, probe
/// and permanent. Incomplete, failed and no-ARP are not among them.
const USABLE: u16 = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;

/// `struct ndmsg`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Fixed {
    family: u8,
    pad: [u8; 3],
    interface: u32,
    state: u16,
    flags: u8,
    kind: u8,
}

/// A neighbour whose MAC address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The number of the interface it is behind.
    pub interface: u32,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its MAC address.
    pub mac: Mac,
}

impl Netlink {
    /// The IPv4 neighbours whose MAC address is known.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn neighbours(&mut self) -> io::Result<Vec<Neighbour>> {
        let mut found = Vec::new();
        let all = Fixed { family: IPV4, ..Fixed::default() };
        self.dump((GET_NEIGHBOUR, NEW_NEIGHBOUR), all.as_bytes(), |body| {
            found.extend(read(body));
        })?;
        Ok(found)
    }

    /// Has the kernel find out a neighbour's MAC address, or confirm the one it knows; returns at
    /// once. The neighbour sees an ARP request and nothing else.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn resolve(&mut self, interface: u32, address: Ipv4Addr) -> io::Result<()> {
        let fixed = Fixed { family: IPV4, interface, flags: USE, ..Fixed::default() };
        let attributes = [(DESTINATION, &address.octets()[..])];
        self.order(NEW_NEIGHBOUR, flags::CREATE, fixed.as_bytes(), &attributes)
    }
}

pub(crate) fn read(body: &[u8]) -> Option<Neighbour> {
    let (fixed, rest) = Fixed::read_from_prefix(body).ok()?;
    if fixed.family != IPV4 || fixed.state & USABLE == 0 {
        return None;
    }
    let find = |wanted| attributes(rest).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    Some(Neighbour {
        interface: fixed.interface,
        address: ipv4(find(DESTINATION)?)?,
        mac: find(LINK_ADDRESS)?.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(state: u16) -> Vec<u8> {
        let fixed = Fixed { family: IPV4, interface: 7, state, ..Fixed::default() };
        let attributes: [(u16, &[u8]); 2] = [(1, &[10, 0, 0, 9]), (2, &[2, 0, 0, 0, 0, 9])];
        let message = crate::message::request(0, 0, fixed.as_bytes(), &attributes);
        crate::message::messages(&message).next().unwrap().1.to_vec()
    }

    #[test]
    fn only_usable_states_count() {
        let known = Neighbour {
            interface: 7,
            address: Ipv4Addr::new(10, 0, 0, 9),
            mac: [2, 0, 0, 0, 0, 9],
        };
        for state in [0x02, 0x04, 0x08, 0x10, 0x80] {
            assert_eq!(read(&entry(state)), Some(known), "{state:#x}");
        }
        for state in [0, 0x01, 0x20, 0x40] {
            assert_eq!(read(&entry(state)), None, "{state:#x}: incomplete, failed, no ARP");
        }
    }

    #[test]
    fn the_kernel_answers() {
        Netlink::open().unwrap().neighbours().unwrap();
    }
}
