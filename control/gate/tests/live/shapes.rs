//! Plants of other shapes: a line in a VLAN, a gate with one card, routers with narrow links.

use std::path::Path;

use wicketgate_lab::{Namespace, connect};

use crate::modbus::compile_with;
use crate::plant::{DEVICE, LINE, OFFICE, POLICY, Plant, Process, USER, bare, end};

/// The VLAN of the line.
pub(crate) const VLAN: u16 = 30;

/// The relay that tags and untags.
pub(crate) fn relay() -> Result<std::path::PathBuf, String> {
    compile_with("tests/lab/relay.c", &[])
}

fn switch(program: &Path, at: &Namespace, ports: &[&str]) -> Process {
    Process::start(at.command(program).args(ports))
}

fn namespaces() -> [Namespace; 4] {
    [(); 4].map(|()| Namespace::new().unwrap())
}

/// ```text
/// user -- gate == relay -- line        == carries tags
/// ```
pub(crate) fn in_vlan(relay: &Path) -> Plant {
    let [user, gate, line, between] = namespaces();
    connect(end(&user, "eth0", USER), end(&gate, "office", OFFICE), 1).unwrap();
    connect(end(&gate, "line", LINE), bare(&between, "trunk", "02:00:00:00:99:01"), 1).unwrap();
    connect(end(&line, "eth0", DEVICE), bare(&between, "access", "02:00:00:00:99:02"), 1).unwrap();
    user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    let switch = switch(relay, &between, &["trunk", &format!("access:{VLAN}")]);
    let topology = POLICY.replace("cycle = ", &format!("vlan = {VLAN}\ncycle = "));
    Plant::of([user, gate, line], vec![(between, Some(switch))], topology)
}

/// ```text
/// user -- relay == gate
/// line ----/
/// ```
/// The line is in a VLAN, or beside the user in one network cable's untagged frames.
pub(crate) fn one_armed(relay: &Path, vlan: Option<u16>) -> Plant {
    let [user, gate, line, between] = namespaces();
    connect(end(&gate, "line", LINE), bare(&between, "trunk", "02:00:00:00:99:01"), 1).unwrap();
    connect(end(&user, "eth0", USER), bare(&between, "office", "02:00:00:00:99:03"), 1).unwrap();
    connect(end(&line, "eth0", DEVICE), bare(&between, "access", "02:00:00:00:99:02"), 1).unwrap();
    gate.ip("address add 192.168.20.1/24 dev line").unwrap();
    user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    let access = format!("access:{}", vlan.unwrap_or(0));
    let switch = switch(relay, &between, &["trunk", "office:0", &access]);
    let tag = vlan.map_or(String::new(), |vlan| format!("vlan = {vlan}\n"));
    let topology = format!(
        r#"
[[port]]
name = "office"
side = "both"
interface = "line"
address = "192.168.10.2/24"

[[asset]]
name = "press-3"
zone = "press-line"
port = "office"
overlay = "100.64.10.20"
underlay = "192.168.10.20"
protocols = ["modbus"]
{tag}cycle = "10ms"
"#
    );
    Plant::of([user, gate, line], vec![(between, Some(switch))], topology)
}

/// The same in no VLAN; of 50 frames on the line one is lost.
pub(crate) fn on_a_bad_cable(relay: &Path) -> Plant {
    let [user, gate, line, between] = namespaces();
    connect(end(&user, "eth0", USER), end(&gate, "office", OFFICE), 1).unwrap();
    connect(end(&gate, "line", LINE), bare(&between, "trunk", "02:00:00:00:99:01"), 1).unwrap();
    connect(end(&line, "eth0", DEVICE), bare(&between, "access", "02:00:00:00:99:02"), 1).unwrap();
    user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    let switch = switch(relay, &between, &["-l", "20", "trunk", "access:0"]);
    let plant = Plant::of([user, gate, line], vec![(between, Some(switch))], with_services(POLICY));
    plant.write_policy(SERVICES);
    plant
}

/// How bad a cable is: of a thousand frames in either direction, so many are each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cable {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) late: u64,
    pub(crate) seed: u64,
}

impl Cable {
    /// A relay between the two interfaces of a namespace.
    fn lay(self, relay: &Path, at: &Namespace) -> Process {
        let Cable { lost, doubled, late, seed } = self;
        let options = [("-l", lost), ("-d", doubled), ("-r", late), ("-s", seed)];
        let options = options.map(|(name, value)| format!("{name}{value}"));
        Process::start(at.command(relay).args(options).args(["left:0", "right:0"]))
    }
}

/// ```text
/// user ~~ gate ~~ line        ~~ is bad; the relays say how bad it was
/// ```
pub(crate) fn on_bad_cables(relay: &Path, cable: Cable) -> (Plant, [Process; 2]) {
    let [user, gate, line, users] = namespaces();
    let lines = Namespace::new().unwrap();
    let ends = [(&users, "02:00:00:00:98"), (&lines, "02:00:00:00:99")];
    let macs = ends.map(|(_, mac)| [1, 2].map(|end| format!("{mac}:{end:02x}")));
    connect(end(&user, "eth0", USER), bare(&users, "left", &macs[0][0]), 1).unwrap();
    connect(bare(&users, "right", &macs[0][1]), end(&gate, "office", OFFICE), 1).unwrap();
    connect(end(&gate, "line", LINE), bare(&lines, "left", &macs[1][0]), 1).unwrap();
    connect(bare(&lines, "right", &macs[1][1]), end(&line, "eth0", DEVICE), 1).unwrap();
    user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    let second = Cable { seed: cable.seed + 1, ..cable };
    let relays = [cable.lay(relay, &users), second.lay(relay, &lines)];
    let between = vec![(users, None), (lines, None)];
    (Plant::of([user, gate, line], between, POLICY.to_owned()), relays)
}

/// An MTU that nobody has by default.
pub(crate) const NARROW: u32 = 1000;

/// The asset has doors that nobody reads, too.
pub(crate) fn with_services(topology: &str) -> String {
    topology.replace(
        r#"protocols = ["modbus"]"#,
        "protocols = { modbus = 502, tcp = 5201, udp = 5201, icmp = true }",
    )
}

/// Reads and writes, and everything that [`with_services`] opens.
pub(crate) const SERVICES: &str = r#"
[[conduit]]
name = "the user tests the line"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "tcp"
opaque = true

[[conduit]]
name = "the user floods the line"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "udp"
opaque = true

[[conduit]]
name = "the user pings the line"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "icmp"
allow = ["diag"]
"#;

/// user, gate and line in a row; services are open.
pub(crate) fn straight() -> Plant {
    let [user, gate, line, _] = namespaces();
    connect(end(&user, "eth0", USER), end(&gate, "office", OFFICE), 1).unwrap();
    connect(end(&line, "eth0", DEVICE), end(&gate, "line", LINE), 1).unwrap();
    user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    let plant = Plant::of([user, gate, line], Vec::new(), with_services(POLICY));
    plant.write_policy(SERVICES);
    plant
}

/// ```text
/// user ~~ router -- gate -- line        ~~ is narrow towards the user, by the router's route
/// ```
pub(crate) fn behind_a_router() -> Plant {
    let [user, gate, line, router] = namespaces();
    let (outside, inside) = ("02:00:00:00:21:fe", "02:00:00:00:20:fe");
    connect(
        end(&user, "eth0", (USER.0, "192.168.21.5/24")),
        end(&router, "users", (outside, "192.168.21.254/24")),
        1,
    )
    .unwrap();
    connect(end(&router, "gate", (inside, "192.168.20.254/24")), end(&gate, "office", OFFICE), 1)
        .unwrap();
    connect(end(&line, "eth0", DEVICE), end(&gate, "line", LINE), 1).unwrap();
    router.setting("ipv4/ip_forward", "1").unwrap();
    router.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    router.ip(&format!("route replace 192.168.21.0/24 dev users mtu {NARROW}")).unwrap();
    user.ip("route add default via 192.168.21.254").unwrap();
    gate.ip("route add 192.168.21.0/24 via 192.168.20.254").unwrap();
    let plant = Plant::of([user, gate, line], vec![(router, None)], with_services(POLICY));
    plant.write_policy(&SERVICES.replace("192.168.20.5", "192.168.21.5"));
    plant
}

/// ```text
/// user -- gate -- router ~~ line        ~~ is narrow; the router answers ARP for the device behind it
/// ```
pub(crate) fn device_behind_a_router() -> Plant {
    let [user, gate, line, router] = namespaces();
    connect(end(&user, "eth0", USER), end(&gate, "office", OFFICE), 1).unwrap();
    connect(
        end(&gate, "line", LINE),
        end(&router, "gate", ("02:00:00:00:10:fe", "192.168.10.254/32")),
        1,
    )
    .unwrap();
    connect(end(&router, "device", ("02:00:00:00:11:fe", "")), end(&line, "eth0", DEVICE), 1)
        .unwrap();
    for port in ["gate", "device"] {
        router.setting(&format!("ipv4/conf/{port}/proxy_arp"), "1").unwrap();
    }
    router.setting("ipv4/ip_forward", "1").unwrap();
    router.ip("route add 192.168.10.2/32 dev gate").unwrap();
    router.ip(&format!("route add 192.168.10.20/32 dev device mtu {NARROW}")).unwrap();
    user.ip("route add 100.64.0.0/16 via 192.168.20.1").unwrap();
    let plant = Plant::of([user, gate, line], vec![(router, None)], with_services(POLICY));
    plant.write_policy(SERVICES);
    plant
}
