//! The IPv4 addresses of interfaces.

use std::io;
use std::net::Ipv4Addr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Netlink;
use crate::message::attributes;

pub(crate) const NEW_ADDRESS: u16 = 20;
pub(crate) const DELETE_ADDRESS: u16 = 21;
const GET_ADDRESS: u16 = 22;

/// `IFA_LOCAL`: the interface's own address (`IFA_ADDRESS` is the peer's on a point-to-point link).
const LOCAL: u16 = 2;

/// `AF_INET`.
pub(crate) const IPV4: u8 = 2;

/// `struct ifaddrmsg`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Fixed {
    family: u8,
    prefix: u8,
    flags: u8,
    scope: u8,
    index: u32,
}

impl Netlink {
    /// The IPv4 addresses of all interfaces, each with its interface's number.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn addresses(&mut self) -> io::Result<Vec<(u32, Ipv4Addr)>> {
        let mut found = Vec::new();
        let all = Fixed { family: IPV4, ..Fixed::default() };
        self.dump((GET_ADDRESS, NEW_ADDRESS), all.as_bytes(), |body| {
            found.extend(read(body));
        })?;
        Ok(found)
    }
}

pub(crate) fn read(body: &[u8]) -> Option<(u32, Ipv4Addr)> {
    let (fixed, rest) = Fixed::read_from_prefix(body).ok()?;
    let (_, value) = attributes(rest).find(|(kind, _)| *kind == LOCAL)?;
    Some((fixed.index, ipv4(value)?))
}

pub(crate) fn ipv4(value: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_has_its_address() {
        let mut kernel = Netlink::open().unwrap();
        let loopback = kernel.link("lo").unwrap();
        if loopback.running {
            let own = (loopback.index, Ipv4Addr::LOCALHOST);
            assert!(kernel.addresses().unwrap().contains(&own));
        }
    }
}
