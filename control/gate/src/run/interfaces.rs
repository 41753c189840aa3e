//! The network interfaces that the ports of a policy name.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use wicketgate_engine::tables::Mac;
use wicketgate_netlink::{Link, Netlink};
use wicketgate_packet::PortId;
use wicketgate_policy::{Asset, Policy, Port, Prefix, Queues, tuning};
use wicketgate_xdp::frame::LONGEST;
use wicketgate_xdp::{Attached, Mode, Opened, Queue, Redirect, XdpPort, occupant_of, rx_queues};

use crate::exit::complain;
use crate::words;

/// An Ethernet header with two VLAN tags, in bytes: not in the MTU.
const TAGGED_HEADER: usize = 22;

/// One port, live.
struct Interface {
    port: PortId,
    name: String,
    link: Link,
    /// The address that it must have.
    address: Option<Prefix>,
    /// Whether it has it.
    has_address: bool,
    is_gone: bool,
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
                let tagged = assets(policy, *port, |asset| asset.vlan.is_some());
                redirect
                    .set_assets(&assets(policy, *port, |_| true))
                    .and_then(|()| redirect.set_tagged(&tagged))
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

    /// The MAC address and the MTU of a port. Longer packets than a frame holds do not pass, whatever the
    /// card carries.
    pub(super) fn link(&self, port: PortId) -> Option<(Mac, u16)> {
        const LONGEST_PACKET: u32 = (LONGEST - TAGGED_HEADER) as u32;
        let link = &self.of(port)?.link;
        Some((link.mac, link.mtu.min(LONGEST_PACKET) as u16))
    }

    /// Takes over what the kernel knows of all links and addresses; true where tables have to follow.
    pub(super) fn note_all(&mut self, links: &[Link], addresses: &[(u32, Ipv4Addr)]) -> bool {
        for interface in &mut self.0 {
            let index = interface.link.index;
            if !links.iter().any(|link| link.index == index) {
                interface.note_gone();
            }
            interface.note_addresses(|wanted| addresses.contains(&(index, wanted)));
        }
        links.iter().fold(false, |changed, link| self.note_link(link) | changed)
    }

    /// Takes over what has changed about an interface; true where tables have to follow.
    pub(super) fn note_link(&mut self, link: &Link) -> bool {
        let here = self.0.iter_mut().find(|interface| interface.link.index == link.index);
        here.is_some_and(|interface| interface.note_link(link))
    }

    /// Says that an interface is gone, if it is one of the gate's.
    pub(super) fn note_gone(&mut self, index: u32) {
        let here = self.0.iter_mut().find(|interface| interface.link.index == index);
        here.into_iter().for_each(Interface::note_gone);
    }

    /// Says that the gate's address on an interface has come or gone, if it is that.
    pub(super) fn note_address(&mut self, index: u32, address: Ipv4Addr, is_there: bool) {
        for interface in self.0.iter_mut().filter(|interface| interface.link.index == index) {
            let before = interface.has_address;
            interface.note_addresses(|own| if own == address { is_there } else { before });
        }
    }

    /// Whether the interface of that number is one of them.
    pub(super) fn has(&self, index: u32) -> bool {
        self.0.iter().any(|interface| interface.link.index == index)
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
        Ok(Interface {
            port: number,
            name,
            link,
            address: port.address,
            has_address: true,
            is_gone: false,
            present,
            queues,
            mode,
            redirect: None,
        })
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

    /// A changed MAC address or MTU goes into the tables; whatever else, people have to be told of.
    fn note_link(&mut self, link: &Link) -> bool {
        let (name, before) = (&self.name, &self.link);
        if link.mac != before.mac {
            let (now, before) = (words::mac(link.mac), words::mac(before.mac));
            complain(format_args!("{name} has another MAC address: {now}, not {before} any more"));
        }
        if link.mtu != before.mtu {
            let (now, before) = (link.mtu, before.mtu);
            complain(format_args!("{name} has another MTU: {now} bytes, not {before} any more"));
        }
        if link.running != before.running {
            let state = if link.running { "up again" } else { "down" };
            complain(format_args!("{name}: the link is {state}"));
        }
        let changed = (link.mac, link.mtu) != (before.mac, before.mtu);
        self.link = link.clone();
        changed
    }

    fn note_gone(&mut self) {
        if !self.is_gone {
            let name = &self.name;
            complain(format_args!("alarm: the interface {name} is gone: start the gate again"));
        }
        self.is_gone = true;
    }

    fn note_addresses(&mut self, has: impl Fn(Ipv4Addr) -> bool) {
        let Some(wanted) = self.address else { return };
        let is_there = has(wanted.address);
        let name = &self.name;
        match (self.has_address, is_there) {
            (true, false) => complain(format_args!(
                "alarm: {name} has lost the address {wanted}, so nobody finds the gate there: \
                 `ip address add {wanted} dev {name}`"
            )),
            (false, true) => complain(format_args!("{name} has the address {wanted} again")),
            _ => {}
        }
        self.has_address = is_there;
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
    let addresses = kernel.addresses().map_err(|error| format!("{name}: {error}"))?;
    if addresses.contains(&(link.index, wanted.address)) {
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

/// By the address of each such asset on a port, the gate's towards it.
fn assets(
    policy: &Policy,
    port: PortId,
    such: impl Fn(&Asset) -> bool,
) -> BTreeMap<Ipv4Addr, Ipv4Addr> {
    let Some(gate) = policy.port(port).and_then(|port| port.address) else {
        return BTreeMap::new();
    };
    let here = policy.assets().iter().filter(|asset| asset.port == port && such(asset));
    here.map(|asset| (asset.underlay, gate.address)).collect()
}
