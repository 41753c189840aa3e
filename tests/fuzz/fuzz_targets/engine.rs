//! The whole engine: two ends that do what the input's bytes say, and a model that puts together
//! what left for the asset: the commands told as allowed, in order, and nothing else; and no number ever with
//! two bytes.
//!
//! `Gate::raw` asserts that every frame gets exactly one verdict.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use std::time::Duration;
use wicketgate_engine::{EventKind, SessionId};
use wicketgate_tests::frame::{Seen, flag};
use wicketgate_tests::plant::{
    ALICE, GATE_MAC, LINE, OFFICE, PRESS_3, PRESS_3_UNDERLAY, PRESS_MAC,
};
use wicketgate_tests::talk::CLIENT_ISN;
use wicketgate_tests::{Gate, Packet, Plant, Talk, modbus};

/// Bytes of each stream that the model follows.
const LONGEST: usize = 1 << 14;

/// One connection: its ends, what the client has said in order, what it has yet to say, and what left for
/// the asset, by offset.
struct Model {
    talk: Talk,
    waiting: Vec<u8>,
    first: u32,
    sent: Vec<u8>,
    left: BTreeMap<u32, u8>,
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len.min(self.0.len())).map(|_| self.byte()).collect()
    }
}

/// A request made of the input: mostly well-formed, so that the judge gets work.
fn request(input: &mut Input<'_>) -> Vec<u8> {
    let (kind, transaction, address) = (input.byte() % 6, input.word(), input.word());
    match kind {
        0 | 1 => modbus::read(transaction, address, u16::from(input.byte())),
        2 => modbus::write(transaction, address, input.word()),
        3 => modbus::write_many(transaction, address, &[input.word(), 7]),
        4 => modbus::read_write(transaction, (address, 1), address, &[input.word()]),
        _ => {
            let len = usize::from(input.byte());
            modbus::adu(transaction, &[&[input.byte()][..], &input.bytes(len)].concat())
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let mut gate = Gate::new(&Plant::usual());
    let mut model = Model::open(&mut gate, 51000);
    while !input.0.is_empty() && model.sent.len() < LONGEST {
        act(&mut input, &mut gate, &mut model);
    }
    model.check(&gate);
});

fn act(input: &mut Input<'_>, gate: &mut Gate, model: &mut Model) {
    match input.byte() % 13 {
        0..=2 => model.waiting.extend(request(input)),
        3 | 4 => {
            let len = usize::from(input.byte()).min(model.waiting.len());
            let piece: Vec<u8> = model.waiting.drain(..len).collect();
            let at = model.sent.len();
            model.sent.extend(&piece);
            model.talk.client_next = model.talk.client_next.wrapping_add(len as u32);
            model.client(gate, at, &piece, 0);
        }
        5 => model.again(gate, input),
        6 => {
            let at = model.sent.len() + usize::from(input.word());
            let len = usize::from(input.byte() % 40);
            let (flags, payload) = (input.byte(), input.bytes(len));
            model.client(gate, at.wrapping_sub(1 << 15), &payload, flags & (flag::FIN | flag::RST));
        }
        7 => {
            let len = usize::from(input.byte());
            let _ = model.talk.answer(gate, &input.bytes(len));
        }
        8 => {
            let _ = model.talk.answer(gate, &modbus::values(input.word(), &[1, 2]));
        }
        9 => {
            let own = gate.pass(Duration::from_millis(u64::from(input.word()) * 100));
            let line = own.iter().filter(|(port, _)| *port == LINE);
            model.note(line.map(|(_, frame)| Seen::read(frame)).collect());
        }
        10 => any_frame(input, gate),
        11 => {
            model.check(gate);
            *model = Model::open(gate, model.talk.client.1.wrapping_add(1).max(1024));
        }
        _ => other(input, gate),
    }
}

/// Bytes of no particular form, addressed to the gate.
fn any_frame(input: &mut Input<'_>, gate: &mut Gate) {
    let port = if input.byte() & 1 == 0 { OFFICE } else { LINE };
    let len = usize::from(input.byte());
    let mut frame = [GATE_MAC[usize::from(port.0)], PRESS_MAC].concat();
    frame.extend(input.bytes(len));
    let _ = gate.raw(port, &frame);
}

/// Datagrams, pings, policies, revocations, ageing.
fn other(input: &mut Input<'_>, gate: &mut Gate) {
    match input.byte() % 5 {
        0 => {
            let packet = Packet::udp((ALICE, 9), (PRESS_3, 502), &request(input));
            let _ = gate.office(&packet);
        }
        1 => {
            let words = (input.word(), input.word());
            let _ = gate.office(&Packet::icmp(ALICE, PRESS_3, (8, 0), words, b"ping"));
        }
        2 => gate.age(),
        3 => gate.engine.install(Plant::usual().tables(u32::from(input.byte()))),
        _ => {
            let _ = gate.sessions.revoke(SessionId(u64::from(input.byte())));
        }
    }
}

impl Model {
    /// Opens a connection, as far as the gate lets it.
    fn open(gate: &mut Gate, port: u16) -> Model {
        let first = CLIENT_ISN.wrapping_add(1);
        let mut talk = Talk {
            client: (ALICE, port),
            overlay: (PRESS_3, 502),
            nat: port,
            client_next: first,
            asset_next: wicketgate_tests::talk::ASSET_ISN + 1,
            withheld: 0,
            injected: 0,
        };
        let syn = gate.office(&talk.syn());
        if syn.left.is_some() {
            talk.nat = syn.seen().src.1;
            let _ = gate.line(&talk.syn_ack());
            let _ = gate.office(&talk.from_client(first, flag::ACK, &[]));
        }
        Model { talk, waiting: Vec::new(), first, sent: Vec::new(), left: BTreeMap::new() }
    }

    /// The client sends `payload` as the bytes from `at` on; what left is noted.
    fn client(&mut self, gate: &mut Gate, at: usize, payload: &[u8], flags: u8) {
        let seq = self.first.wrapping_add(at as u32);
        let outcome = gate.office(&self.talk.from_client(seq, flag::ACK | flags, payload));
        self.note(outcome.seen_on(LINE));
    }

    fn note(&mut self, left: Vec<Seen>) {
        // What the gate repeats of a connection before this one is none of it.
        let of_this = |seen: &&Seen| seen.dst.0 == PRESS_3_UNDERLAY && seen.src.1 == self.talk.nat;
        for seen in left.iter().filter(of_this) {
            let at = seen.numbers.0.wrapping_sub(self.first);
            // The gate's own keep-alive is empty and has the number before the first.
            for (nth, byte) in (0..).zip(&seen.payload) {
                let offset = at.wrapping_add(nth);
                let before = self.left.insert(offset, *byte);
                assert!(before.is_none_or(|before| before == *byte), "two bytes at {offset}");
            }
        }
    }

    /// Bytes sent before, joined with some that were not.
    fn again(&mut self, gate: &mut Gate, input: &mut Input<'_>) {
        let back = usize::from(input.word() % 600);
        let from = self.sent.len().saturating_sub(back);
        let len = usize::from(input.byte());
        let mut piece = self.sent[from..].to_vec();
        piece.extend(self.waiting.iter().take(usize::from(input.byte() % 32)));
        piece.truncate(len);
        self.client(gate, from, &piece, 0);
    }

    /// The commands of this connection: payload, and whether it was denied.
    fn commands<'g>(&self, gate: &'g Gate) -> impl Iterator<Item = (&'g [u8], bool)> {
        let port = self.talk.client.1;
        gate.log.iter().filter(move |event| event.source_port == port).filter_map(|event| {
            let EventKind::Command(command) = &event.kind else { return None };
            let payload = &command.payload[..usize::from(command.payload_len)];
            Some((payload, command.denied.is_some()))
        })
    }

    /// What left is what was told as allowed.
    fn check(&self, gate: &Gate) {
        let allowed = self.commands(gate).filter(|(_, denied)| !denied);
        let allowed: Vec<u8> = allowed.flat_map(|(payload, _)| payload).copied().collect();
        for (offset, byte) in &self.left {
            assert_eq!(allowed.get(*offset as usize), Some(byte), "at {offset}");
        }
    }
}
