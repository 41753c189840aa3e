//! What the kernel knows of links, addresses and neighbours, asked by rtnetlink (rtnetlink(7)).
//!
//! The kernel stays in charge of ARP, routes and addresses; the gate only reads them. Requests are
//! synchronous and rare: at the start and about once a second, never on the data path. They wait for the
//! kernel's lock of network settings (rtnl), for seconds where others hold it. In between the kernel tells of
//! changes by itself, and to read those waits for nothing.
//!
//! | module | what it holds |
//! |---|---|
//! | [`socket`] | [`Netlink`]: one request, all of its answers |
//! | [`message`] | headers and attributes as bytes |
//! | [`link`] | [`Link`]: index, MAC, MTU, state, attached XDP program |
//! | [`address`] | the IPv4 addresses of an interface |
//! | [`watch`] | [`Watch`]: changes, as they happen |
//! | [`neighbour`] | [`Neighbour`]: what ARP found out, and how to make it find out |
//!
//! Invariant: nothing here trusts a length. What does not parse is left out.

pub mod address;
pub mod link;
pub mod message;
pub mod neighbour;
pub mod socket;
pub mod watch;

pub use link::{AttachedXdp, Link, XdpMode};
pub use neighbour::Neighbour;
pub use socket::Netlink;
pub use watch::{Change, Watch};

/// A MAC address.
pub type Mac = [u8; 6];
