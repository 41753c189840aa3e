//! The network interfaces that the ports of a policy name.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use wicketgate_engine::tables::Mac;
use wicketgate_netlink::{Link, Netlink};
use wicketgate_packet::PortId;
use wicketgate_policy::{Policy, Port, Queues, tuning};
use wicketgate_xdp::frame::LONGEST;
use wicketgate_xdp::{Attached, Mode, Opened, Queue, Redirect, XdpPort, occupant_of, rx_queues};

use crate::exit::complain;

/// An Ethernet header with two VLAN tags, in bytes: not in the MTU.
const TAGGED_HEADER: usize = 22;

/// One port, live.
struct Interface {
    port: PortId,
    name: String,
    link: Link,
    /// Receive queues that it uses.
    present: u32,
    /// Those that the gate takes frames from.
    queues: Vec<u32>,
    mode: Mode,
    redirect: Option<Redirect>,
}

/// All ports, live.
pub(super) struct Interfaces(Vec<Interface>);

impl Interfaces {
    /// Finds the interface of each port and checks that the gate can stand on it.
    pub(super) fn find(policy: &Policy) -> Result<Interfaces, String> {
        if policy.ports().is_empty() {
            return Err("the config has no [[port]]: there is nothing to run on".to_owned());
        }
        let mut kernel = Netlink::open().map_err(|error| format!("no netlink: {error}"))?;
        let mut one = |(port, number): (&Port, u16)| {
            Interface::find(&mut kernel, port, PortId(number))
                .map_err(|what| format!("port {}: {what}", port.name))
        };
        policy.ports().iter().zip(0..).map(&mut one).collect::<Result<_, _>>().map(Interfaces)
    }

    /// The queues of each of `workers` workers: in turn, so that each has one of every port at least and
    /// can send whatever it decides on.
    pub(super) fn queues(&self, workers: u16) -> Result<Vec<Vec<(PortId, Queue)>>, String> {
        let workers = usize::from(workers);
        self.0.iter().try_for_each(|interface| interface.check_workers(workers))?;
        let of = |worker| {
            let mine =
                self.0.iter().flat_map(move |interface| interface.queues_of(worker, workers));
            mine.collect()
        };
        Ok((0..workers).map(of).collect())
    }

    /// Loads a program for each interface that knows the sockets of all workers and the assets.
    pub(super) fn steer(&mut self, ports: &[XdpPort<'_>], policy: &Policy) -> Result<(), String> {
        let overlay = policy.gate().overlay;
        for interface in &mut self.0 {
            let name = &interface.name;
            let redirect = Redirect::load((overlay.address, overlay.length))
                .map_err(|error| format!("{name}: {error}"))?;
            ports
                .iter()
                .try_for_each(|port| port.register(interface.link.index, &redirect))
                .map_err(|error| format!("{name}: {error}"))?;
            interface.redirect = Some(redirect);
        }
        self.set_assets(policy)
    }

    /// Has the programs know the assets of a policy, and no others.
    pub(super) fn set_assets(&mut self, policy: &Policy) -> Result<(), String> {
        for Interface { port, name, redirect, .. } in &mut self.0 {
            if let Some(redirect) = redirect {
                redirect
                    .set_assets(&assets(policy, *port))
                    .map_err(|error| format!("{name}: {error}"))?;
            }
        }
        Ok(())
    }

    /// Puts the programs to work, until the result is dropped.
    pub(super) fn attach(&self) -> Result<Vec<Attached>, String> {
        let attach = |interface: &Interface| {
            let redirect = interface.redirect.as_ref().ok_or("no program was loaded")?;
            redirect
                .attach_in(interface.link.index, interface.mode)
                .map_err(|error| format!("{}: {error}", interface.name))
        };
        self.0.iter().map(attach).collect()
    }

    /// Says what was chosen, and why.
    pub(super) fn announce(&self, attached: &[Attached], opened: &Opened) {
        for (interface, attached) in self.0.iter().zip(attached) {
            let Interface { name, queues, present, link, .. } = interface;
            let (mode, transfer) = (attached.mode.name(), opened.transfer.name());
            complain(format_args!("{name}: {} queues, {mode} XDP, {transfer}", queues.len()));
            if queues.len() < *present as usize {
                complain(format_args!(
                    "{name}: it has {present} queues: what comes in by those that the config leaves out is \
                     dropped"
                ));
            }
            if let Some(why) = &attached.refused {
                complain(format_args!("{name}: the driver takes no XDP program: {why}"));
            }
            if link.mtu as usize + TAGGED_HEADER > LONGEST {
                complain(format_args!("{name}: frames longer than {LONGEST} bytes are dropped"));
            }
            if !link.running {
                complain(format_args!("{name}: the link is down"));
            }
        }
        if let Some(why) = &opened.refused {
            complain(format_args!("zero-copy is not for all interfaces: {why}"));
        }
    }

    /// The MAC address of a port.
    pub(super) fn mac(&self, port: PortId) -> Option<Mac> {
        self.of(port).map(|interface| interface.link.mac)
    }

    /// The number of a port's interface.
    pub(super) fn index(&self, port: PortId) -> Option<u32> {
        self.of(port).map(|interface| interface.link.index)
    }

    /// The name of a port's interface.
    pub(super) fn name(&self, port: PortId) -> &str {
        self.of(port).map_or("?", |interface| &interface.name)
    }

    /// The names of all interfaces.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|interface| &*interface.name)
    }

    /// The name of the interface of that number.
    pub(super) fn name_of(&self, index: u32) -> &str {
        let found = self.0.iter().find(|interface| interface.link.index == index);
        found.map_or("?", |interface| &interface.name)
    }

    fn of(&self, port: PortId) -> Option<&Interface> {
        self.0.get(usize::from(port.0))
    }
}

impl Interface {
    fn find(kernel: &mut Netlink, port: &Port, number: PortId) -> Result<Interface, String> {
        let name =
            port.interface.clone().ok_or("it has no `interface`, which a live gate needs")?;
        let link = kernel.link(&name).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no interface {name}: see `ip link`"),
            _ => format!("{name}: {error}"),
        })?;
        if let Some(other) = occupant_of(&link) {
            return Err(format!("{name}: {other}"));
        }
        check_address(kernel, port, &link)?;
        check_forwarding(&name)?;
        let present =
            rx_queues(&name, link.rx_queues).map_err(|error| format!("{name}: {error}"))?;
        let queues =
            choose(&port.tuning.queues, present).map_err(|what| format!("{name}: {what}"))?;
        let mode = match port.tuning.mode {
            tuning::Mode::Auto => Mode::Auto,
            tuning::Mode::Native => Mode::Native,
            tuning::Mode::Generic => Mode::Generic,
        };
        Ok(Interface { port: number, name, link, present, queues, mode, redirect: None })
    }

    /// A worker without a queue of a port could send nothing there.
    fn check_workers(&self, workers: usize) -> Result<(), String> {
        let (name, queues) = (&self.name, self.queues.len());
        if workers <= queues {
            return Ok(());
        }
        Err(format!(
            "{workers} workers, but {name} has {queues} queues for them and each needs one: fewer \
             `workers` in [gate], or more queues (`ethtool -L {name} combined {workers}`)"
        ))
    }

    /// The queues of a worker.
    fn queues_of(
        &self,
        worker: usize,
        workers: usize,
    ) -> impl Iterator<Item = (PortId, Queue)> + use<'_> {
        let (port, interface) = (self.port, self.link.index);
        let mine = self.queues.iter().skip(worker).step_by(workers);
        mine.map(move |number| (port, Queue { interface, number: *number }))
    }
}

/// The queues that the config wants of those that there are.
fn choose(wanted: &Queues, present: u32) -> Result<Vec<u32>, String> {
    let chosen: Vec<u32> = match wanted {
        Queues::All => (0..present).collect(),
        Queues::First(count) => (0..*count).collect(),
        Queues::These(numbers) => numbers.clone(),
    };
    match chosen.iter().find(|number| **number >= present) {
        Some(missing) => Err(format!("there is no queue {missing}: it has {present}, from 0 on")),
        None => Ok(chosen),
    }
}

/// ARP for the gate's address is the kernel's to answer, so the interface must have it.
fn check_address(kernel: &mut Netlink, port: &Port, link: &Link) -> Result<(), String> {
    let Some(wanted) = port.address else { return Ok(()) };
    let name = &link.name;
    let addresses = kernel.addresses(link.index).map_err(|error| format!("{name}: {error}"))?;
    if addresses.contains(&wanted.address) {
        return Ok(());
    }
    Err(format!("{name} does not have the address: `ip address add {wanted} dev {name}`"))
}

/// When the program is gone, nothing else may carry frames past the gate.
fn check_forwarding(name: &str) -> Result<(), String> {
    let setting = format!("/proc/sys/net/ipv4/conf/{name}/forwarding");
    let forwards = std::fs::read_to_string(&setting)
        .map_err(|error| format!("{setting}: {error}; does the kernel forward?"))?;
    if forwards.trim() == "0" {
        return Ok(());
    }
    Err(format!(
        "the kernel forwards what comes in by {name}, and would do so without the gate: \
         `sysctl -w net.ipv4.conf.{name}.forwarding=0`"
    ))
}

/// By the address of each asset on a port, the gate's towards it.
fn assets(policy: &Policy, port: PortId) -> BTreeMap<Ipv4Addr, Ipv4Addr> {
    let Some(gate) = policy.port(port).and_then(|port| port.address) else {
        return BTreeMap::new();
    };
    let here = policy.assets().iter().filter(|asset| asset.port == port);
    here.map(|asset| (asset.underlay, gate.address)).collect()
}
