//! Packets of tunnels, as a port of the gate.
//!
//! ```text
//!   tunnel thread --inbound ring--> worker      one queue pair for each worker
//!                 <--outbound ring--            and a doorbell for whoever sleeps
//! ```
//!
//! A tunnel carries IP packets, a worker sees Ethernet frames: the queue pair puts a header in front, whose
//! client address is the tunnel's number ([`mac_of`]). A frame that leaves says by it to which tunnel it goes,
//! and a grant that names it is good in that tunnel alone.
//!
//! Invariant: nobody waits for the other side. A ring that is full loses its oldest frame, and counts it; of
//! the inbound ring each tunnel has its share at most, so that one that floods loses its own.
//!
//! | module | what it holds |
//! |---|---|
//! | [`bell`] | [`Bell`]: wakes whoever sleeps |
//! | [`queue`] | [`QueuePair`]: the rings between the tunnel thread and one worker |
//! | [`port`] | [`TunnelPort`]: the worker's end, wrapped around the port of its cards |

pub mod bell;
pub mod port;
pub mod queue;

pub use bell::Bell;
pub use port::TunnelPort;
pub use queue::{QueuePair, Sender};

/// A MAC address.
pub type Mac = [u8; 6];

/// The gate's own MAC address on the port of tunnels. Locally administered (IEEE 802-2014, 8.2), and on no
/// wire.
pub const GATE_MAC: Mac = [0x02, 0x57, 0x00, 0x00, 0x00, 0x00];

/// The first two bytes of the addresses that stand for tunnels.
const PREFIX: [u8; 2] = [0x06, 0x57];

/// The MAC address that stands for a tunnel.
pub const fn mac_of(tunnel: u32) -> Mac {
    let [a, b, c, d] = tunnel.to_be_bytes();
    let [first, second] = PREFIX;
    [first, second, a, b, c, d]
}

/// The tunnel that a MAC address stands for.
pub const fn tunnel_of(mac: Mac) -> Option<u32> {
    let [first, second, a, b, c, d] = mac;
    if first == PREFIX[0] && second == PREFIX[1] {
        return Some(u32::from_be_bytes([a, b, c, d]));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_stands_for_one_tunnel() {
        for tunnel in [0, 1, 0x0102_0304, u32::MAX] {
            assert_eq!(tunnel_of(mac_of(tunnel)), Some(tunnel));
            assert_eq!(mac_of(tunnel)[0] & 3, 2, "one station's, and nobody's by registration");
        }
        assert_eq!(tunnel_of(GATE_MAC), None);
        assert_eq!(tunnel_of([0x02, 0, 0, 0, 0x20, 5]), None);
    }
}
