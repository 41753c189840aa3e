//! A small plant.
//!
//! ```text
//!  office (port 0, overlay)                    press line (port 1, underlay)
//!  HMI .5  ALICE .7  STRANGER .66  -- gate --  press-3 .20   press-4 .21 in VLAN 30
//! ```

use std::net::Ipv4Addr;
use std::sync::Arc;

use wicketgate_dissectors::{Class, ClassSet, Protocol, Transport};
use wicketgate_engine::tables::{Asset, DenialStyle, Endpoint, Mac, Port, Side, Subject};
use wicketgate_engine::{EndpointId, Entry, Grant, Matcher, Rate, RuleId, Tables, TablesBuilder};
use wicketgate_packet::{PortId, Time};

/// The port of the people.
pub const OFFICE: PortId = PortId(0);
/// The port of the assets.
pub const LINE: PortId = PortId(1);
/// The gate's MAC address on each port.
pub const GATE_MAC: [Mac; 2] = [[2, 0, 0, 0, 0x20, 0xfe], [2, 0, 0, 0, 0x10, 0xfe]];
/// The MAC address of everyone in the office.
pub const OFFICE_MAC: Mac = [2, 0x1b, 0x1b, 0, 0, 1];
/// Press 3's MAC address.
pub const PRESS_MAC: Mac = [2, 0x1d, 0x9c, 0, 0, 0x20];
/// Press 4's MAC address.
pub const PRESS_4_MAC: Mac = [2, 0x1d, 0x9c, 0, 0, 0x21];

/// A machine with a conduit.
pub const HMI: Ipv4Addr = Ipv4Addr::new(192, 168, 20, 5);
/// A person who is logged in.
pub const ALICE: Ipv4Addr = Ipv4Addr::new(192, 168, 20, 7);
/// Nobody.
pub const STRANGER: Ipv4Addr = Ipv4Addr::new(192, 168, 20, 66);
/// Press 3 as the office knows it.
pub const PRESS_3: Ipv4Addr = Ipv4Addr::new(100, 64, 10, 20);
/// Press 4 as the office knows it.
pub const PRESS_4: Ipv4Addr = Ipv4Addr::new(100, 64, 10, 21);
/// Press 3's own address.
pub const PRESS_3_UNDERLAY: Ipv4Addr = Ipv4Addr::new(192, 168, 10, 20);
/// Press 4's own address.
pub const PRESS_4_UNDERLAY: Ipv4Addr = Ipv4Addr::new(192, 168, 10, 21);
/// The gate's address towards the presses.
pub const NAT: Ipv4Addr = Ipv4Addr::new(192, 168, 10, 2);
/// The VLAN of press 4.
pub const VLAN: u16 = 30;

/// Modbus/TCP on press 3.
pub const MODBUS: EndpointId = EndpointId(0);
/// Modbus/UDP on press 3.
pub const MODBUS_UDP: EndpointId = EndpointId(1);
/// Echo on press 3.
pub const ECHO: EndpointId = EndpointId(2);
/// A TCP service of press 3 that is not read: port 80.
pub const WEB: EndpointId = EndpointId(3);
/// Modbus/TCP on press 4.
pub const MODBUS_4: EndpointId = EndpointId(4);

/// EtherNet/IP over UDP on press 3, where that is what it speaks on port 80: port 44818.
pub const ENIP_UDP: EndpointId = EndpointId(5);

/// One right of one source at one door.
#[derive(Clone, Debug)]
pub struct Right {
    /// Who.
    pub source: Ipv4Addr,
    /// By what name.
    pub name: String,
    /// Whether that is a machine with a conduit.
    pub essential: bool,
    /// Where.
    pub door: EndpointId,
    /// What.
    pub entries: Vec<Entry>,
    /// Until when.
    pub until: Time,
    /// How a command is refused.
    pub denial: DenialStyle,
    /// How much passes.
    pub rate: Option<Rate>,
    /// Whether nothing is refused.
    pub observe: bool,
    /// Whether its sessions are recorded.
    pub record: bool,
    /// The only MAC address that they come from, if the config says one.
    pub mac: Option<Mac>,
}

/// What tables are made of.
#[derive(Clone, Debug)]
pub struct Plant {
    /// Who may do what; rule N is the Nth of them.
    pub rights: Vec<Right>,
    /// Press 3's MAC address.
    pub press_3_mac: Option<Mac>,
    /// Press 4's MAC address.
    pub press_4_mac: Option<Mac>,
    /// Whether the config says these.
    pub pinned: bool,
    /// The MTU of each port.
    pub mtu: [u16; 2],
    /// Whether both ports are on both sides.
    pub one_armed: bool,
    /// What is spoken on port 80 of press 3.
    pub web: Protocol,
}

impl Right {
    /// A right without an end.
    pub fn new(source: Ipv4Addr, door: EndpointId, entries: Vec<Entry>) -> Right {
        let essential = source == HMI;
        let name = format!("user of {source}");
        let (until, denial) = (Time::NEVER, DenialStyle::Reply);
        let (rate, observe, record, mac) = (None, false, false, None);
        Right { source, name, essential, door, entries, until, denial, rate, observe, record, mac }
    }

    /// All of these classes.
    pub fn classes(source: Ipv4Addr, door: EndpointId, classes: &[Class]) -> Right {
        Right::new(source, door, vec![entry(classes)])
    }
}

/// An entry that allows these classes whole.
pub fn entry(classes: &[Class]) -> Entry {
    Entry::classes(RuleId(0), ClassSet::of(classes))
}

impl Plant {
    /// Nobody may do anything.
    pub fn closed() -> Plant {
        Plant {
            rights: Vec::new(),
            press_3_mac: Some(PRESS_MAC),
            press_4_mac: Some(PRESS_4_MAC),
            pinned: false,
            mtu: [1500; 2],
            one_armed: false,
            web: Protocol::Tcp,
        }
    }

    /// These rights and no other.
    pub fn with(rights: Vec<Right>) -> Plant {
        Plant { rights, ..Plant::closed() }
    }

    /// Alice reads press 3 over TCP and UDP, pings it, opens its web page and reads press 4; the HMI
    /// reads and writes press 3.
    pub fn usual() -> Plant {
        Plant::with(vec![
            Right::classes(ALICE, MODBUS, &[Class::Read]),
            Right::classes(ALICE, MODBUS_UDP, &[Class::Read]),
            Right::classes(ALICE, ECHO, &[Class::Diag]),
            Right::classes(ALICE, WEB, &[Class::Session]),
            Right::classes(ALICE, MODBUS_4, &[Class::Read]),
            Right::classes(HMI, MODBUS, &[Class::Read, Class::Write]),
        ])
    }

    /// Tables of this epoch.
    pub fn tables(&self, epoch: u32) -> Arc<Tables> {
        let mut tables = TablesBuilder::default();
        for (name, side, at, address) in [
            ("office", Side::Overlay, 0, Ipv4Addr::new(192, 168, 20, 1)),
            ("line", Side::Underlay, 1, NAT),
        ] {
            let side = if self.one_armed { Side::Both } else { side };
            let (mac, mtu) = (GATE_MAC[at], self.mtu[at]);
            tables.add_port(Port { name: name.into(), side, mac, address, mtu });
        }
        self.add_assets(&mut tables);
        for (right, at) in self.rights.iter().zip(0..) {
            let rule = tables.add_rule(format!("rule {at}").into());
            let subject = tables.add_subject(Subject {
                name: right.name.as_str().into(),
                essential: right.essential,
                address: right.source,
                port: None,
                mac: right.mac,
            });
            let entries = right.entries.iter().map(|entry| Entry { rule, ..entry.clone() });
            let matcher = Matcher::new(entries.collect());
            let (endpoint, until, observe) = (right.door, right.until, right.observe);
            let (denial, rate) = (right.denial, right.rate);
            tables.add_grant(Grant {
                subject,
                endpoint,
                matcher,
                until,
                right: 0,
                denial,
                rate,
                observe,
                record: right.record,
            });
        }
        Arc::new(tables.build(epoch).unwrap())
    }

    fn add_assets(&self, tables: &mut TablesBuilder) {
        let asset = |name: &str, overlay, underlay, vlan, mac| Asset {
            name: name.into(),
            zone: "line".into(),
            port: LINE,
            vlan,
            overlay,
            underlay,
            mac,
            pinned: self.pinned,
            cycle: None,
            owner: Default::default(),
        };
        let three = asset("press-3", PRESS_3, PRESS_3_UNDERLAY, None, self.press_3_mac);
        let four = asset("press-4", PRESS_4, PRESS_4_UNDERLAY, Some(VLAN), self.press_4_mac);
        let (three, four) = (tables.add_asset(three), tables.add_asset(four));
        for (asset, protocol, transport, port) in [
            (three, Protocol::Modbus, Transport::Tcp, 502),
            (three, Protocol::Modbus, Transport::Udp, 502),
            (three, Protocol::Icmp, Transport::Icmp, 0),
            (three, self.web, Transport::Tcp, 80),
            (four, Protocol::Modbus, Transport::Tcp, 502),
        ] {
            tables.add_endpoint(Endpoint { asset, protocol, transport, port });
        }
        if self.web == Protocol::Enip {
            let (protocol, transport) = (self.web, Transport::Udp);
            tables.add_endpoint(Endpoint { asset: three, protocol, transport, port: 44818 });
        }
    }
}
