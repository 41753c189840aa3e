//! Both ends of one TCP connection through the gate.

use std::net::Ipv4Addr;

use crate::frame::{Packet, flag};
use crate::gate::{Gate, Outcome};
use crate::plant::{LINE, NAT, OFFICE, PRESS_3, PRESS_3_UNDERLAY, PRESS_4, PRESS_4_UNDERLAY, VLAN};

/// A connection; each end holds the numbers that it would hold.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    /// Who asks.
    pub client: (Ipv4Addr, u16),
    /// Whom, as the office knows it.
    pub overlay: (Ipv4Addr, u16),
    /// The port that the gate chose.
    pub nat: u16,
    /// The client's next number.
    pub client_next: u32,
    /// The asset's next number.
    pub asset_next: u32,
    /// Bytes of the client's that the asset never saw: commands that were refused.
    pub withheld: u32,
    /// Bytes that the client got and the asset never sent: refusals.
    pub injected: u32,
}

/// Where the client's numbers begin: they wrap within a few dozen bytes.
pub const CLIENT_ISN: u32 = u32::MAX - 40;
/// Where the asset's numbers begin.
pub const ASSET_ISN: u32 = 7_000;

impl Talk {
    /// Opens Modbus on press 3.
    pub fn open(gate: &mut Gate, client: (Ipv4Addr, u16)) -> Talk {
        Talk::open_to(gate, client, (PRESS_3, 502))
    }

    /// Opens a connection; all three segments of the handshake must pass.
    pub fn open_to(gate: &mut Gate, client: (Ipv4Addr, u16), overlay: (Ipv4Addr, u16)) -> Talk {
        let mut talk = Talk {
            client,
            overlay,
            nat: 0,
            client_next: CLIENT_ISN.wrapping_add(1),
            asset_next: ASSET_ISN + 1,
            withheld: 0,
            injected: 0,
        };
        let syn = gate.office(&talk.syn());
        assert!(syn.left_by(LINE), "SYN: {:?}", syn.verdict);
        talk.nat = syn.seen().src.1;
        assert!(gate.line(&talk.syn_ack()).left_by(OFFICE));
        let ack = talk.from_client(talk.client_next, flag::ACK, &[]);
        assert!(gate.office(&ack).left_by(LINE));
        talk
    }

    /// The first segment.
    pub fn syn(&self) -> Packet {
        let numbers = (CLIENT_ISN, 0);
        Packet::tcp(self.client, self.overlay, numbers, flag::SYN, &[])
    }

    /// Its answer.
    pub fn syn_ack(&self) -> Packet {
        self.numbered_from_asset(ASSET_ISN, CLIENT_ISN.wrapping_add(1), flag::SYN | flag::ACK, &[])
    }

    /// A segment of the client's.
    pub fn from_client(&self, seq: u32, flags: u8, payload: &[u8]) -> Packet {
        let ack = self.asset_next.wrapping_add(self.injected);
        Packet::tcp(self.client, self.overlay, (seq, ack), flags, payload)
    }

    /// A segment of the asset's.
    pub fn from_asset(&self, seq: u32, flags: u8, payload: &[u8]) -> Packet {
        let ack = self.client_next.wrapping_sub(self.withheld);
        self.numbered_from_asset(seq, ack, flags, payload)
    }

    fn numbered_from_asset(&self, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Packet {
        let asset = match self.overlay.0 {
            PRESS_4 => PRESS_4_UNDERLAY,
            _ => PRESS_3_UNDERLAY,
        };
        let (from, to) = ((asset, self.overlay.1), (NAT, self.nat));
        let packet = Packet::tcp(from, to, (seq, ack), flags, payload);
        if self.overlay.0 == PRESS_4 { packet.tagged(VLAN) } else { packet }
    }

    /// The client sends its next bytes.
    pub fn send(&mut self, gate: &mut Gate, payload: &[u8]) -> Outcome {
        let segment = self.from_client(self.client_next, flag::ACK | flag::PSH, payload);
        self.client_next = self.client_next.wrapping_add(payload.len() as u32);
        gate.office(&segment)
    }

    /// The client sends a command that is refused, and hears so.
    pub fn send_in_vain(&mut self, gate: &mut Gate, payload: &[u8]) -> Outcome {
        self.withheld += payload.len() as u32;
        let outcome = self.send(gate, payload);
        self.injected += outcome.payload_on(OFFICE).len() as u32;
        outcome
    }

    /// The asset sends its next bytes.
    pub fn answer(&mut self, gate: &mut Gate, payload: &[u8]) -> Outcome {
        let segment = self.from_asset(self.asset_next, flag::ACK | flag::PSH, payload);
        self.asset_next = self.asset_next.wrapping_add(payload.len() as u32);
        gate.line(&segment)
    }

    /// Both ends say FIN and acknowledge.
    pub fn close(&mut self, gate: &mut Gate) {
        let fin = flag::FIN | flag::ACK;
        assert!(gate.office(&self.from_client(self.client_next, fin, &[])).left_by(LINE));
        self.client_next = self.client_next.wrapping_add(1);
        assert!(gate.line(&self.from_asset(self.asset_next, fin, &[])).left_by(OFFICE));
        self.asset_next = self.asset_next.wrapping_add(1);
        let ack = self.from_client(self.client_next, flag::ACK, &[]);
        assert!(gate.office(&ack).left_by(LINE));
    }
}
