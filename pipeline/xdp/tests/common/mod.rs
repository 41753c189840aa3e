//! A gate's place between two hosts, and frames to send through it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]
#![allow(dead_code, reason = "each test uses a part of it")]

use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

use wicketgate_lab::{Namespace, Veth, connect};
use wicketgate_netlink::Netlink;
use wicketgate_packet::{PortId, Time};
use wicketgate_ports::Port;
use wicketgate_xdp::{Queue, Redirect, Settings, Umem, XdpPort};

pub(crate) const OFFICE: PortId = PortId(0);
pub(crate) const LINE: PortId = PortId(1);
pub(crate) const OVERLAY: (Ipv4Addr, u8) = (Ipv4Addr::new(100, 64, 0, 0), 16);
pub(crate) const SETTINGS: Settings = Settings { ring: 256, zero_copy: true, busy_poll: None };

/// user - gate - asset
pub(crate) struct Plant {
    pub(crate) user: Namespace,
    pub(crate) gate: Namespace,
    pub(crate) asset: Namespace,
}

impl Plant {
    /// Every end has a MAC address that ends with its address's last byte.
    pub(crate) fn new(queues: u32) -> Plant {
        let plant = Plant {
            user: Namespace::new().unwrap(),
            gate: Namespace::new().unwrap(),
            asset: Namespace::new().unwrap(),
        };
        let Plant { user, gate, asset } = &plant;
        let cable = |host, name, network: &str, last: u8| {
            let macs = [format!("02:00:00:00:00:{last:02x}"), format!("02:00:00:00:01:{last:02x}")];
            let addresses = [format!("{network}.{last}/24"), format!("{network}.1/24")];
            let near = Veth { at: host, name: "eth0", mac: &macs[0], address: &addresses[0] };
            let far = Veth { at: gate, name, mac: &macs[1], address: &addresses[1] };
            connect(near, far, queues).unwrap();
        };
        cable(user, "office", "10.1.0", 2);
        cable(asset, "line", "10.2.0", 3);
        plant
    }

    /// The number of an interface of the gate.
    pub(crate) fn interface(&self, name: &str) -> u32 {
        self.gate.enter(|| Netlink::open().unwrap().link(name).unwrap().index).unwrap()
    }
}

/// The machine's time.
#[expect(clippy::disallowed_methods, reason = "a test plays the daemon")]
pub(crate) fn clock() -> Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Time::from_nanos(now.as_nanos() as u64)
}

/// The memory that a port on `queues` needs.
pub(crate) fn umem(queues: &[(PortId, Queue)]) -> Umem {
    Umem::new(SETTINGS.frames(queues.len(), 1)).unwrap()
}

/// One queue of both of the gate's interfaces.
pub(crate) fn queues(plant: &Plant) -> [(PortId, Queue); 2] {
    let queue = |name| Queue { interface: plant.interface(name), number: 0 };
    [(OFFICE, queue("office")), (LINE, queue("line"))]
}

/// Takes what came in and drops it.
pub(crate) fn drain(port: &mut XdpPort<'_>) -> usize {
    let mut burst = Vec::new();
    let count = port.receive(&mut burst, 64).unwrap();
    burst.drain(..).for_each(|received| port.recycle(received.frame));
    port.flush().unwrap();
    count
}

/// The program, loaded inside the gate.
pub(crate) fn redirect() -> Redirect {
    Redirect::load(OVERLAY).unwrap()
}

/// An Ethernet frame around an IPv4 packet without options.
pub(crate) fn ipv4(tags: &[u16], src: [u8; 4], dst: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for tag in tags {
        frame.extend([tag.to_be_bytes(), [0, 7]].concat());
    }
    frame.extend([0x08, 0x00]);
    let mut header = [0; 28];
    (header[0], header[3], header[8], header[9]) = (0x45, 28, 64, 17);
    header[12..16].copy_from_slice(&src);
    header[16..20].copy_from_slice(&dst);
    frame.extend(header);
    frame
}
