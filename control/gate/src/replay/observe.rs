//! Observing: without a config, every server that the captures show becomes an asset.
//!
//! The captures are read twice: first for who serves what, then through a gate that forwards
//! everything and says what it saw. Memory is bounded by the number of servers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use wicketgate_dissectors::{ClassSet, Protocol, Transport};
use wicketgate_engine::tables::{
    ANYONE, Asset, DenialStyle, ETHERNET_MTU, Endpoint, Grant, Mac, Port, RuleId, Side, Subject,
    SubjectId, Tables, TablesBuilder,
};
use wicketgate_engine::{Entry, Matcher};
use wicketgate_packet::parse::flags;
use wicketgate_packet::wire::icmp;
use wicketgate_packet::{FrameBuf, Headers, L4, PortId, Time};
use wicketgate_ports::{CaptureError, CaptureReader, Pool};

use super::setup::named;
use crate::decode_as::DecodeAs;
use crate::progress::Progress;

/// Servers at most: what the overlay's 16 host bits can number.
const SERVERS: usize = 65_000;

/// Doors of one server at most; a port scan in a capture must not become an inventory.
const DOORS: usize = 64;

/// The gate's address towards observed assets, from TEST-NET-1 (RFC 5737): nobody's in a plant.
const NAT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 254);

/// Stands in for a server on a loopback address.
const LOOPBACK_SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

const OVERLAY_MAC: Mac = [2, 0, 0, 0, 0, 1];
const UNDERLAY_MAC: Mac = [2, 0, 0, 0, 0, 2];

/// A door: transport and port.
type Place = (Transport, u16);

/// Who serves what.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    servers: BTreeMap<Ipv4Addr, BTreeSet<Place>>,
    decode_as: Vec<DecodeAs>,
}

/// Reads the captures for their servers, until `stop`.
pub(super) fn inventory(
    captures: &[PathBuf],
    decode_as: &[DecodeAs],
    stop: &AtomicBool,
) -> Result<Inventory, String> {
    let mut inventory = Inventory { decode_as: decode_as.to_vec(), ..Inventory::default() };
    for path in captures {
        match inventory.read(path, stop) {
            // A capture that is cut is reported when it is replayed.
            Err(CaptureError::Cut { .. } | CaptureError::Corrupt { .. }) | Ok(()) => {}
            Err(error) => return named(path, Err(error)),
        }
    }
    Ok(inventory)
}

impl Inventory {
    fn read(&mut self, path: &PathBuf, stop: &AtomicBool) -> Result<(), CaptureError> {
        let mut reader = CaptureReader::open(path)?;
        let Some(mut frame) = Pool::new(1).take() else { return Ok(()) };
        let mut seen = HashMap::new();
        let mut progress = Progress::new(path);
        while !stop.load(Ordering::Relaxed) && reader.read(&mut frame)?.is_some() {
            progress.at(reader.offset());
            if let Ok(headers) = Headers::parse(frame.bytes()) {
                self.look(&headers, &mut seen);
            }
        }
        Ok(())
    }

    /// Notes the server of one frame. `seen` are pairs of UDP ends, the asking one first.
    fn look(&mut self, headers: &Headers, seen: &mut HashMap<(Ipv4Addr, u16), (Ipv4Addr, u16)>) {
        if headers.dst.is_multicast() || headers.dst.is_broadcast() {
            return;
        }
        let (src, dst) = headers.ports();
        let (from, to) = ((headers.src, src), (headers.dst, dst));
        match headers.l4 {
            L4::Tcp(segment) => {
                let answer = flags::SYN | flags::ACK;
                match segment.flags & answer {
                    flags::SYN => {}
                    found if found == answer => self.add(from, Transport::Tcp),
                    _ if headers.payload_len() > 0 => self.guess(from, to, Transport::Tcp),
                    _ => {}
                }
            }
            L4::Udp { .. } => {
                // Who speaks first asks; an answer shows that there is a server.
                if seen.get(&to) == Some(&from) {
                    self.guess(from, to, Transport::Udp);
                } else if seen.len() < SERVERS {
                    seen.entry(from).or_insert(to);
                    self.add_known(to, Transport::Udp);
                }
            }
            L4::Icmp { kind: icmp::ECHO, .. } => self.add((headers.dst, 0), Transport::Icmp),
            L4::Icmp { .. } => {}
        }
    }

    /// Without a handshake, a port that a protocol owns tells the server, else the lower one.
    fn guess(&mut self, from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), transport: Transport) {
        let known = |end: (Ipv4Addr, u16)| {
            self.servers.get(&end.0).is_some_and(|doors| doors.contains(&(transport, end.1)))
        };
        if known(from) || known(to) {
            return;
        }
        let owned = |port| self.protocol(transport, port).is_inspected();
        let server = match (owned(from.1), owned(to.1)) {
            (true, false) => from,
            (false, true) => to,
            _ if from.1 < to.1 => from,
            _ => to,
        };
        self.add(server, transport);
    }

    fn add_known(&mut self, to: (Ipv4Addr, u16), transport: Transport) {
        if self.protocol(transport, to.1).is_inspected() {
            self.add(to, transport);
        }
    }

    fn add(&mut self, server: (Ipv4Addr, u16), transport: Transport) {
        if self.servers.len() == SERVERS && !self.servers.contains_key(&server.0) {
            return;
        }
        let doors = self.servers.entry(server.0).or_default();
        if doors.len() < DOORS || self.decode_as.is_empty() && server.1 == 502 {
            doors.insert((transport, server.1));
        }
    }

    fn protocol(&self, transport: Transport, port: u16) -> Protocol {
        DecodeAs::protocol(&self.decode_as, transport, port)
    }

    /// By stand-in: the address that the capture shows.
    pub(super) fn stand_ins(&self) -> HashMap<Ipv4Addr, Ipv4Addr> {
        self.servers.keys().map(|shown| (underlay(*shown), *shown)).collect()
    }

    /// Tables that grant everything to everyone, and observe.
    pub(super) fn tables(&self, epoch: u32) -> Result<Tables, String> {
        let mut tables = TablesBuilder::default();
        tables.add_port(port("overlay", Side::Overlay, OVERLAY_MAC, Ipv4Addr::UNSPECIFIED));
        let underlay = tables.add_port(port("underlay", Side::Underlay, UNDERLAY_MAC, NAT));
        let rule = tables.add_rule("observed".into());
        let anyone = tables.add_subject(Subject {
            name: "anyone".into(),
            essential: false,
            address: ANYONE,
            port: None,
            mac: None,
        });
        for ((shown, doors), number) in self.servers.iter().zip(1..) {
            let asset = tables.add_asset(asset(*shown, number, underlay));
            for (transport, port) in doors {
                let protocol = self.protocol(*transport, *port);
                let door = Endpoint { asset, protocol, transport: *transport, port: *port };
                add_door(&mut tables, door, anyone, rule);
            }
        }
        tables.build(epoch).map_err(|error| error.to_string())
    }
}

fn add_door(tables: &mut TablesBuilder, door: Endpoint, subject: SubjectId, rule: RuleId) {
    let endpoint = tables.add_endpoint(door);
    let entry = Entry::classes(rule, ClassSet::ALL);
    let matcher = Matcher::new(vec![entry]);
    tables.add_grant(Grant {
        rate: None,
        subject,
        endpoint,
        matcher,
        until: Time::NEVER,
        right: 0,
        denial: DenialStyle::Reply,
        observe: true,
        record: true,
    });
}

fn port(name: &str, side: Side, mac: Mac, address: Ipv4Addr) -> Port {
    Port { name: name.into(), side, mac, address, mtu: ETHERNET_MTU }
}

fn asset(shown: Ipv4Addr, number: u32, port: PortId) -> Asset {
    Asset {
        name: shown.to_string().into(),
        zone: "observed".into(),
        port,
        vlan: None,
        overlay: Ipv4Addr::from_bits(Ipv4Addr::new(100, 64, 0, 0).to_bits() + number),
        underlay: underlay(shown),
        mac: None,
        pinned: false,
        cycle: None,
        owner: Default::default(),
    }
}

/// A server's underlay address: its own, or a stand-in for a loopback one.
fn underlay(shown: Ipv4Addr) -> Ipv4Addr {
    if shown.is_loopback() { LOOPBACK_SERVER } else { shown }
}
