//! Network interfaces.

use std::io;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::message::{attributes, number};
use crate::{Mac, Netlink};

pub(crate) const NEW_LINK: u16 = 16;
pub(crate) const DELETE_LINK: u16 = 17;
const GET_LINK: u16 = 18;

/// `IFF_RUNNING`: switched on, the other end is there, and the kernel sends (RFC 2863 `up`).
const RUNNING: u32 = 1 << 6;

/// Attributes of linux/if_link.h.
mod attribute {
    pub(super) const ADDRESS: u16 = 1;
    pub(super) const NAME: u16 = 3;
    pub(super) const MTU: u16 = 4;
    pub(super) const RX_QUEUES: u16 = 32;
    pub(super) const XDP: u16 = 43;
    pub(super) const XDP_ATTACHED: u16 = 2;
    pub(super) const XDP_PROGRAM: u16 = 4;
}

/// `struct ifinfomsg`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Fixed {
    family: u8,
    pad: u8,
    hardware: u16,
    index: u32,
    flags: u32,
    change: u32,
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its MAC address; all zero where it has none.
    pub mac: Mac,
    /// Longest IP packet, in bytes.
    pub mtu: u32,
    /// Receive queues it was made with; fewer may be in use.
    pub rx_queues: u32,
    /// Whether it is switched on and its other end is there.
    pub running: bool,
    /// The XDP program on it.
    pub xdp: Option<AttachedXdp>,
}

/// An XDP program on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachedXdp {
    /// Where it runs.
    pub mode: XdpMode,
    /// The kernel's number for it; 0 where it has several.
    pub program: u32,
}

/// Where an XDP program runs (`XDP_ATTACHED_*` of linux/if_link.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpMode {
    /// In the driver.
    Native,
    /// In the network stack, on a copy: for drivers that know no XDP.
    Generic,
    /// On the network card.
    Offloaded,
    /// In several of these places.
    Several,
}

impl XdpMode {
    const fn from_number(number: u8) -> Option<XdpMode> {
        match number {
            0 => None,
            1 => Some(XdpMode::Native),
            2 => Some(XdpMode::Generic),
            3 => Some(XdpMode::Offloaded),
            _ => Some(XdpMode::Several),
        }
    }

    /// A word for people.
    pub const fn name(self) -> &'static str {
        match self {
            XdpMode::Native => "native",
            XdpMode::Generic => "generic",
            XdpMode::Offloaded => "offloaded",
            XdpMode::Several => "several",
        }
    }
}

impl Netlink {
    /// All interfaces.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn links(&mut self) -> io::Result<Vec<Link>> {
        let mut links = Vec::new();
        self.dump((GET_LINK, NEW_LINK), Fixed::default().as_bytes(), |body| {
            links.extend(read(body));
        })?;
        Ok(links)
    }

    /// The interface of that name.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where there is none, or what the kernel says.
    pub fn link(&mut self, name: &str) -> io::Result<Link> {
        let found = self.links()?.into_iter().find(|link| link.name == name);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

pub(crate) fn read(body: &[u8]) -> Option<Link> {
    let (fixed, rest) = Fixed::read_from_prefix(body).ok()?;
    // Bridges tell of their ports in another family, and not all of it.
    if fixed.family != 0 {
        return None;
    }
    let running = fixed.flags & RUNNING != 0;
    let mut link = Link { index: fixed.index, running, ..Link::default() };
    for (kind, value) in attributes(rest) {
        match kind {
            attribute::ADDRESS => link.mac = value.try_into().unwrap_or_default(),
            attribute::NAME => link.name = text(value),
            attribute::MTU => link.mtu = number(value)?,
            attribute::RX_QUEUES => link.rx_queues = number(value)?,
            attribute::XDP => link.xdp = read_xdp(value),
            _ => {}
        }
    }
    Some(link)
}

fn read_xdp(nested: &[u8]) -> Option<AttachedXdp> {
    let find =
        |wanted| attributes(nested).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let mode = XdpMode::from_number(*find(attribute::XDP_ATTACHED)?.first()?)?;
    Some(AttachedXdp { mode, program: find(attribute::XDP_PROGRAM).and_then(number).unwrap_or(0) })
}

/// Text that ends with a zero byte.
fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_a_loopback() {
        let loopback = Netlink::open().unwrap().link("lo").unwrap();
        assert_eq!((loopback.mac, loopback.xdp), ([0; 6], None));
        assert!(loopback.index > 0 && loopback.mtu > 0 && loopback.rx_queues > 0);
    }

    #[test]
    fn an_interface_that_is_not_there_is_not_found() {
        let error = Netlink::open().unwrap().link("no-such-thing").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
