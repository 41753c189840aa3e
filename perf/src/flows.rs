//! The same conversation on three flows: bytes that nobody reads, bytes that are judged, and bytes that
//! are judged and renumbered. What they cost beside each other is what inspection and the splice cost.

use wicketgate_packet::Time;
use wicketgate_packet::parse::flags::{ACK, PSH};
use wicketgate_tests::capture::Crossing;
use wicketgate_tests::gate::{Gate, Step};
use wicketgate_tests::plant::{ALICE, NAT, PRESS_3, PRESS_3_UNDERLAY};
use wicketgate_tests::talk::{ASSET_ISN, CLIENT_ISN, Talk};
use wicketgate_tests::{Packet, Plant, modbus};

use crate::scenario::Scenario;

/// Requests, each with its answer, after the handshake.
const TRANSACTIONS: u16 = 250;

/// Nobody reads the bytes.
pub(crate) const OPAQUE: &str = "flow-opaque";
/// Each command is judged.
pub(crate) const INSPECTED: &str = "flow-inspected";
/// The same behind a denial: a constant shift in both directions.
pub(crate) const SPLICED: &str = "flow-spliced";

/// A connection as its ends see it: the gate may have taken bytes out of either stream, or put some in.
struct Ends {
    gate: Gate,
    /// The asset's port, and the one that the gate chose.
    ports: (u16, u16),
    /// Next number and acknowledgement of each.
    client: (u32, u32),
    asset: (u32, u32),
}

/// The three.
pub(crate) fn all() -> Vec<Scenario> {
    vec![flow(OPAQUE, 80, false), flow(INSPECTED, 502, false), flow(SPLICED, 502, true)]
}

/// A connection to this port of press 3; `spliced`: its first command is denied.
fn flow(name: &str, port: u16, spliced: bool) -> Scenario {
    let plant = Plant::usual();
    let mut gate = Gate::new(&plant);
    gate.trail = Some(Vec::new());
    let nat = Talk::open_to(&mut gate, (ALICE, 51000), (PRESS_3, port)).nat;
    let (client, asset) = (CLIENT_ISN.wrapping_add(1), ASSET_ISN + 1);
    let mut ends =
        Ends { gate, ports: (port, nat), client: (client, asset), asset: (asset, client) };
    if spliced {
        ends.denial();
    }
    (0..TRANSACTIONS).for_each(|number| ends.transaction(number));
    let steps = ends.gate.trail.take().unwrap_or_default();
    let crossing = |step: Step| Crossing { at: Time::EPOCH, port: step.port, bytes: step.came };
    let frames = steps.into_iter().map(crossing).collect();
    Scenario { name: name.to_owned(), frames, tables: plant.tables(1), captured: false }
}

impl Ends {
    /// A request and its answer, each acknowledging what came before. Both must leave as they are.
    fn transaction(&mut self, number: u16) {
        let (request, answer) = (modbus::read(number, 100, 10), modbus::values(number, &[7; 10]));
        self.client_says(&request);
        self.asset.1 = self.asset.1.wrapping_add(request.len() as u32);
        self.asset_says(&answer);
        self.client.1 = self.client.1.wrapping_add(answer.len() as u32);
    }

    /// A write that is denied: the asset never sees it, the client gets an answer that it acknowledges.
    fn denial(&mut self) {
        let (request, answer) = (modbus::write(9, 110, 7), modbus::exception(9, 6, 1));
        let segment = self.client_segment(&request);
        let own = self.gate.office(&segment).own;
        assert!(!own.is_empty(), "the gate answers");
        self.client.0 = self.client.0.wrapping_add(request.len() as u32);
        self.client.1 = self.client.1.wrapping_add(answer.len() as u32);
        let acknowledgement = self.client_segment(&[]);
        self.gate.office(&acknowledgement);
    }

    fn client_says(&mut self, payload: &[u8]) {
        let segment = self.client_segment(payload);
        assert!(self.gate.office(&segment).left.is_some(), "it leaves as it is");
        self.client.0 = self.client.0.wrapping_add(payload.len() as u32);
    }

    fn client_segment(&self, payload: &[u8]) -> Packet {
        Packet::tcp((ALICE, 51000), (PRESS_3, self.ports.0), self.client, ACK | PSH, payload)
    }

    fn asset_says(&mut self, payload: &[u8]) {
        let (from, to) = ((PRESS_3_UNDERLAY, self.ports.0), (NAT, self.ports.1));
        let segment = Packet::tcp(from, to, self.asset, ACK | PSH, payload);
        assert!(self.gate.line(&segment).left.is_some(), "it leaves as it is");
        self.asset.0 = self.asset.0.wrapping_add(payload.len() as u32);
    }
}
