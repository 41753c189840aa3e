//! The whole engine: two ends that do what the input's bytes say, and a model that puts together
//! what left for the asset: the commands told as allowed, in order, and nothing else; and no number ever with
//! two bytes. A datagram of implicit I/O leaves only where a Forward Open was told as allowed.
//!
//! The first byte says what is spoken: Modbus, EtherNet/IP or OPC UA. `Gate::raw` asserts that every frame gets
//! exactly one verdict.

#![no_main]

mod speech;

use libfuzzer_sys::fuzz_target;
use std::net::Ipv4Addr;
use std::time::Duration;
use wicketgate_dissectors::enip::IO_PORT;
use wicketgate_dissectors::{Class, Framed, Protocol};
use wicketgate_engine::event::{CommandEvent, PAYLOAD};
use wicketgate_engine::{CodeSet, Entry, EventKind, Limits, SessionId};
use wicketgate_tests::frame::{Seen, flag};
use wicketgate_tests::plant::*;
use wicketgate_tests::talk::{ASSET_ISN, CLIENT_ISN};
use wicketgate_tests::{Gate, Outcome, Packet, Plant, Right, Talk};

use speech::{Input, Speech, io_datagram};

/// Bytes of each stream that the model follows: two of the longest requests.
const LONGEST: usize = 1 << 17;
/// Room for little, so that it runs out; and that a run takes no time to clear it.
const LIMITS: Limits = Limits { flows: 64, streams: 4, long_requests: 1, io_connections: 4 };
const SESSIONS: usize = 16;
/// Service code of Forward Open (CIP volume 1, section 3-5.5).
const FORWARD_OPEN: u16 = 0x54;
/// TCP's protocol number.
const TCP: u8 = 6;

/// One connection: its ends, what the client has said in order, what it has yet to say, what left for
/// the asset, by offset, and how much of that without a gap.
struct Model {
    protocol: Protocol,
    talk: Talk,
    speech: Speech,
    waiting: Vec<u8>,
    first: u32,
    sent: Vec<u8>,
    left: Vec<Option<u8>>,
    heard: usize,
}

/// Press 3's door where this is spoken.
fn door(protocol: Protocol) -> (Ipv4Addr, u16) {
    (PRESS_3, if protocol == Protocol::Modbus { 502 } else { 80 })
}

/// The usual plant; where another protocol than Modbus is spoken, Alice reads there, and opens implicit I/O.
fn plant(protocol: Protocol) -> Plant {
    let mut plant = Plant::usual();
    if protocol != Protocol::Modbus {
        plant.web = protocol;
        let looks = [Class::Session, Class::Auth, Class::Discover, Class::Read];
        plant.rights.retain(|right| right.door != WEB);
        let opens = Entry { functions: CodeSet::Codes([FORWARD_OPEN].into()), ..entry(&[]) };
        plant.rights.push(Right::new(ALICE, WEB, vec![entry(&looks), opens]));
    }
    plant
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let spoken = [Protocol::Modbus, Protocol::Enip, Protocol::Opcua];
    let protocol = spoken[usize::from(input.byte() % 3)];
    let mut gate = Gate::with_limits(&plant(protocol), LIMITS, SESSIONS);
    let mut model = Model::open(&mut gate, protocol, 51000);
    while !input.0.is_empty() && model.sent.len() < LONGEST {
        act(&mut input, &mut gate, &mut model);
    }
    model.check(&gate);
});

fn act(input: &mut Input<'_>, gate: &mut Gate, model: &mut Model) {
    match input.byte() % 16 {
        0..=2 => model.waiting.extend(model.speech.request(input)),
        3 | 4 => model.client_next(gate, input.byte().into()),
        5 => model.again(gate, input),
        6 => {
            let at = model.sent.len() + usize::from(input.word());
            let len = usize::from(input.byte() % 40);
            let (flags, payload) = (input.byte(), input.bytes(len));
            model.client(gate, at.wrapping_sub(1 << 15), &payload, flags & (flag::FIN | flag::RST));
        }
        7 => {
            let len = usize::from(input.byte());
            model.asset(gate, &input.bytes(len));
        }
        8 => {
            let response = model.speech.response(input);
            model.asset(gate, &response);
        }
        9 => {
            let own = gate.pass(Duration::from_millis(u64::from(input.word()) * 100));
            let line = own.iter().filter(|(port, _)| *port == LINE);
            model.note(line.map(|(_, frame)| Seen::read(frame)).collect());
        }
        10 => any_frame(input, gate),
        11 => {
            model.check(gate);
            let port = model.talk.client.1.wrapping_add(1).max(1024);
            *model = Model::open(gate, model.protocol, port);
        }
        12 => other(input, gate, model),
        13 => (0..=input.byte() % 64).for_each(|_| model.client_next(gate, 1400)),
        14 => implicit(input, gate),
        _ => model.asset_says(gate, input),
    }
}

/// A datagram of implicit I/O, either way: it leaves as it came, and only after a Forward Open.
fn implicit(input: &mut Input<'_>, gate: &mut Gate) {
    let to_device = input.byte() & 1 == 0;
    let data = io_datagram(to_device, input);
    let outcome = match to_device {
        true => gate.office(&Packet::udp((ALICE, IO_PORT), (PRESS_3, IO_PORT), &data)),
        false => gate.line(&Packet::udp((PRESS_3_UNDERLAY, IO_PORT), (NAT, IO_PORT), &data)),
    };
    if outcome.reason().is_none() {
        assert_eq!(outcome.seen().payload, data);
        let allowed = |command: &CommandEvent| command.denied.is_none();
        let mut told = gate.log.iter().filter_map(|event| match &event.kind {
            EventKind::Command(command) => Some(command),
            _ => None,
        });
        assert!(told.any(|it| it.name == "forward-open" && allowed(it)), "nobody opened it");
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
fn other(input: &mut Input<'_>, gate: &mut Gate, model: &mut Model) {
    match input.byte() % 6 {
        0 => {
            let request = model.speech.request(input);
            let packet = Packet::udp((ALICE, 9), (PRESS_3, 502), &request);
            let _ = gate.office(&packet);
        }
        1 => {
            let words = (input.word(), input.word());
            let _ = gate.office(&Packet::icmp(ALICE, PRESS_3, (8, 0), words, b"ping"));
        }
        2 => gate.age(),
        3 => gate.engine.install(plant(model.protocol).tables(u32::from(input.byte()))),
        4 => gate.engine.install(Plant::closed().tables(u32::from(input.byte()))),
        _ => {
            let _ = gate.sessions.revoke(SessionId(u64::from(input.byte())));
        }
    }
}

impl Model {
    /// Opens a connection, as far as the gate lets it.
    fn open(gate: &mut Gate, protocol: Protocol, port: u16) -> Model {
        let first = CLIENT_ISN.wrapping_add(1);
        let mut talk = Talk {
            client: (ALICE, port),
            overlay: door(protocol),
            nat: port,
            client_next: first,
            asset_next: ASSET_ISN + 1,
            withheld: 0,
            injected: 0,
        };
        let syn = gate.office(&talk.syn());
        if syn.left.is_some() {
            talk.nat = syn.seen().src.1;
            let _ = gate.line(&talk.syn_ack());
            let _ = gate.office(&talk.from_client(first, flag::ACK, &[]));
        }
        let (speech, waiting, sent) = (Speech::new(protocol), Vec::new(), Vec::new());
        let left = Vec::new();
        let mut model = Model { protocol, talk, speech, waiting, first, sent, left, heard: 0 };
        model.greet(gate);
        model
    }

    fn greet(&mut self, gate: &mut Gate) {
        for (request, response) in self.speech.greeting() {
            self.waiting.extend(request);
            self.client_next(gate, usize::MAX);
            self.asset(gate, &response);
        }
    }

    /// The client sends up to `len` bytes of what it has yet to say.
    fn client_next(&mut self, gate: &mut Gate, len: usize) {
        let len = len.min(self.waiting.len());
        let piece: Vec<u8> = self.waiting.drain(..len).collect();
        let at = self.sent.len();
        self.sent.extend(&piece);
        self.talk.client_next = self.talk.client_next.wrapping_add(len as u32);
        self.client(gate, at, &piece, 0);
    }

    /// The client sends `payload` as the bytes from `at` on; what left is noted.
    fn client(&mut self, gate: &mut Gate, at: usize, payload: &[u8], flags: u8) {
        let seq = self.first.wrapping_add(at as u32);
        let outcome = gate.office(&self.talk.from_client(seq, flag::ACK | flags, payload));
        self.note_both(&outcome);
    }

    /// The asset answers with these bytes.
    fn asset(&mut self, gate: &mut Gate, payload: &[u8]) {
        let outcome = self.talk.answer(gate, payload);
        self.note_both(&outcome);
    }

    /// The asset acknowledges: what it has heard, or anything; and perhaps it has no more to say.
    fn asset_says(&mut self, gate: &mut Gate, input: &mut Input<'_>) {
        let (what, mut talk) = (input.byte(), self.talk);
        if what & 1 == 1 {
            talk.withheld = talk.withheld.wrapping_add(input.word().into()).wrapping_sub(1 << 15);
        }
        let flags = flag::ACK | if what & 6 == 6 { flag::FIN } else { 0 };
        let outcome = gate.line(&talk.from_asset(talk.asset_next, flags, &[]));
        self.note_both(&outcome);
    }

    /// What left either way: each end acknowledges what it has got.
    fn note_both(&mut self, outcome: &Outcome) {
        self.note(outcome.seen_on(LINE));
        for seen in outcome.seen_on(OFFICE) {
            let end = seen.numbers.0.wrapping_add(seen.payload.len() as u32);
            let injected = end.wrapping_sub(self.talk.asset_next);
            let is_this = seen.protocol == TCP && seen.dst == self.talk.client;
            if is_this && injected < 1 << 16 {
                self.talk.injected = injected;
            }
        }
    }

    fn note(&mut self, left: Vec<Seen>) {
        // What the gate repeats of a connection before this one is none of it.
        let of_this = |seen: &&Seen| seen.dst.0 == PRESS_3_UNDERLAY && seen.src.1 == self.talk.nat;
        // The gate's own keep-alive is empty and has the number before the first.
        for seen in left.iter().filter(of_this).filter(|seen| !seen.payload.is_empty()) {
            let at = seen.numbers.0.wrapping_sub(self.first) as usize;
            let end = at + seen.payload.len();
            assert!(end <= 2 * LONGEST, "nobody sent what is at {at}");
            self.left.resize(end.max(self.left.len()), None);
            for (slot, byte) in self.left[at..].iter_mut().zip(&seen.payload) {
                let before = slot.replace(*byte);
                assert!(before.is_none_or(|before| before == *byte), "two bytes from {at} on");
            }
        }
        while let Some(Some(_)) = self.left.get(self.heard) {
            self.heard += 1;
        }
        self.talk.withheld = (self.sent.len() as u32).wrapping_sub(self.heard as u32);
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

    /// The commands of this connection that were told as allowed: their bytes, as far as they are told.
    fn allowed<'g>(&self, gate: &'g Gate) -> impl Iterator<Item = &'g [u8]> {
        let port = self.talk.client.1;
        gate.log.iter().filter(move |event| event.source_port == port).filter_map(|event| {
            let EventKind::Command(command) = &event.kind else { return None };
            let payload = &command.payload[..usize::from(command.payload_len)];
            command.denied.is_none().then_some(payload)
        })
    }

    /// What left is what was told as allowed.
    fn check(&self, gate: &Gate) {
        if self.protocol != Protocol::Modbus {
            return self.check_pdus(gate);
        }
        let allowed: Vec<u8> = self.allowed(gate).flatten().copied().collect();
        for (offset, byte) in self.left.iter().enumerate().filter(|(_, byte)| byte.is_some()) {
            assert_eq!(allowed.get(offset), byte.as_ref(), "at {offset}");
        }
    }

    /// The same where a PDU may be longer than what is told of it: each that left is the next command.
    fn check_pdus(&self, gate: &Gate) {
        let left: Vec<u8> = self.left.iter().map_while(|byte| *byte).collect();
        let mut allowed = self.allowed(gate);
        let mut rest = &left[..];
        while let Ok(Framed::Whole(len)) = self.protocol.frame(rest) {
            let (pdu, more) = rest.split_at(len.get());
            match self.protocol {
                Protocol::Opcua if pdu[3] == b'C' => {}
                Protocol::Opcua => assert_eq!(allowed.next().map(named), Some(named(pdu))),
                _ => assert_eq!(allowed.next(), Some(&pdu[..pdu.len().min(PAYLOAD)])),
            }
            rest = more;
        }
    }
}

/// What is told alike of a command of OPC UA and of its last chunk, which may have another number: its kind, and
/// which request's it is.
fn named(chunk: &[u8]) -> (&[u8], Option<&[u8]>) {
    let kind = &chunk[..3];
    (kind, chunk.get(20..24).filter(|_| kind == b"MSG"))
}
