//! Implicit I/O through the engine: datagrams pass for as long as what opened them may.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;
use wicketgate_dissectors::{Class, Protocol};
use wicketgate_engine::event::IoEndCause;
use wicketgate_engine::{Entry, Event, EventKind, Limits, Reason, SessionId, Window};
use wicketgate_packet::Time;
use wicketgate_tests::enip::*;
use wicketgate_tests::frame::{Packet, flag};
use wicketgate_tests::gate::START;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Outcome, Plant, Right, Talk};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const HMI_CLIENT: (Ipv4Addr, u16) = (HMI, 51000);
/// Press 3 speaks EtherNet/IP where it else has its web page.
const DOOR: (Ipv4Addr, u16) = (PRESS_3, 80);
const PORT: u16 = 2222;
/// What the device has its datagrams bear, and what the client has.
const TO_TARGET: u32 = 0x0011_2233;
const TO_ORIGINATOR: u32 = 0x7777_0001;

/// Alice and the HMI may open sessions, and write.
fn plant() -> Plant {
    let entries = vec![entry(&[Class::Session, Class::Read, Class::Write])];
    let rights = [ALICE, HMI].map(|who| Right::new(who, WEB, entries.clone()));
    Plant { web: Protocol::Enip, ..Plant::with(rights.into()) }
}

fn plant_of(entries: Vec<Entry>) -> Plant {
    Plant { web: Protocol::Enip, ..Plant::with(vec![Right::new(ALICE, WEB, entries)]) }
}

fn io() -> Io {
    Io::new(1, TO_ORIGINATOR)
}

/// Asks for a connection, and has the device open it.
fn open(gate: &mut Gate, talk: &mut Talk, io: &Io, to_target: u32) {
    let asked = talk.send(gate, &unconnected(&io.open()));
    assert!(asked.left_by(LINE), "{:?}", asked.verdict);
    assert!(talk.answer(gate, &unconnected(&io.opened(to_target))).left_by(OFFICE));
}

/// A gate through which Alice has opened one.
fn opened(plant: &Plant) -> (Gate, Talk) {
    let mut gate = Gate::new(plant);
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    open(&mut gate, &mut talk, &io(), TO_TARGET);
    (gate, talk)
}

/// What Alice's client does to end hers.
trait Closes {
    fn close_io_of(&mut self, gate: &mut Gate, io: &Io);

    fn close_io(&mut self, gate: &mut Gate) {
        self.close_io_of(gate, &io());
    }
}

impl Closes for Talk {
    fn close_io_of(&mut self, gate: &mut Gate, io: &Io) {
        self.send(gate, &unconnected(&io.close()));
        self.answer(gate, &unconnected(&io.closed()));
    }
}

/// What the audit was told of connections: beginnings are `None`.
fn told(gate: &Gate) -> Vec<Option<IoEndCause>> {
    let told = gate.log.iter().filter_map(|event| match event.kind {
        EventKind::IoStart { .. } => Some(None),
        EventKind::IoEnd { cause, .. } => Some(Some(cause)),
        _ => None,
    });
    told.collect()
}

/// A client's datagram, and one of the device's.
fn out(gate: &mut Gate, client: Ipv4Addr, id: u32, sequence: u32) -> Outcome {
    let data = io_data(id, sequence, &[7; 10]);
    gate.office(&Packet::udp((client, PORT), (PRESS_3, PORT), &data))
}

fn back(gate: &mut Gate, id: u32, sequence: u32) -> Outcome {
    let data = io_data(id, sequence, &[8; 6]);
    gate.line(&Packet::udp((PRESS_3_UNDERLAY, PORT), (NAT, PORT), &data))
}

/// Both ways pass, and neither.
fn passes(gate: &mut Gate, sequence: u32) {
    assert_eq!(out(gate, ALICE, TO_TARGET, sequence).reason(), None);
    assert_eq!(back(gate, TO_ORIGINATOR, sequence).reason(), None);
}

fn is_over(gate: &mut Gate, sequence: u32) {
    out(gate, ALICE, TO_TARGET, sequence).refused(Reason::IoNotOpen);
    back(gate, TO_ORIGINATOR, sequence).refused(Reason::IoNotOpen);
}

#[test]
fn data_pass_between_overlay_and_underlay_once_the_device_has_opened() {
    let mut gate = Gate::new(&plant());
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    is_over(&mut gate, 1);
    talk.send(&mut gate, &unconnected(&io().open()));
    is_over(&mut gate, 1);
    talk.answer(&mut gate, &unconnected(&io().opened(TO_TARGET)));

    let there = out(&mut gate, ALICE, TO_TARGET, 1);
    assert!(there.left_by(LINE), "{:?}", there.verdict);
    let seen = there.seen();
    assert_eq!((seen.src, seen.dst), ((NAT, PORT), (PRESS_3_UNDERLAY, PORT)));
    assert_eq!(seen.macs, (PRESS_MAC, GATE_MAC[1]));
    assert_eq!(seen.payload, io_data(TO_TARGET, 1, &[7; 10]));
    let here = back(&mut gate, TO_ORIGINATOR, 1);
    assert!(here.left_by(OFFICE), "{:?}", here.verdict);
    let seen = here.seen();
    assert_eq!((seen.src, seen.dst), ((PRESS_3, PORT), (ALICE, PORT)));
    assert_eq!(seen.macs, (OFFICE_MAC, GATE_MAC[0]));
    assert_eq!(seen.payload, io_data(TO_ORIGINATOR, 1, &[8; 6]));
}

#[test]
fn only_what_belongs_to_it_passes() {
    let (mut gate, _talk) = opened(&plant());
    let refused = [
        out(&mut gate, ALICE, TO_TARGET + 1, 1),
        out(&mut gate, ALICE, TO_ORIGINATOR, 1),
        out(&mut gate, HMI, TO_TARGET, 1),
        out(&mut gate, STRANGER, TO_TARGET, 1),
        back(&mut gate, TO_TARGET, 1),
    ];
    refused.iter().for_each(|outcome| outcome.refused(Reason::IoNotOpen));
    let long = io_data(TO_TARGET, 1, &[7; 11]);
    let long = gate.office(&Packet::udp((ALICE, PORT), (PRESS_3, PORT), &long));
    long.refused(Reason::IoNotOpen);
    let data = io_data(TO_TARGET, 1, &[7; 10]);
    let other = gate.office(&Packet::udp((ALICE, PORT), (PRESS_4, PORT), &data));
    other.refused(Reason::IoNotOpen);
    let port = gate.office(&Packet::udp((ALICE, PORT), (PRESS_3, PORT + 1), &data));
    port.refused(Reason::IoNotOpen);
    let from = (PRESS_4_UNDERLAY, PORT);
    let other = Packet::udp(from, (NAT, PORT), &io_data(TO_ORIGINATOR, 1, &[8; 6])).tagged(VLAN);
    gate.line(&other).refused(Reason::IoNotOpen);
    passes(&mut gate, 1);
}

/// A datagram is forged by whoever knows an identifier; where the config pins its client, not from elsewhere.
#[test]
fn a_pinned_clients_data_come_from_its_mac_address() {
    let mut plant = plant();
    plant.rights[0].mac = Some(OFFICE_MAC);
    let (mut gate, _talk) = opened(&plant);
    let data = io_data(TO_TARGET, 1, &[7; 10]);
    let forged = Packet::udp((ALICE, PORT), (PRESS_3, PORT), &data);
    let macs = (GATE_MAC[0], PRESS_4_MAC);
    gate.raw(OFFICE, &Packet { macs, ..forged }.bytes()).refused(Reason::IoNotOpen);
    passes(&mut gate, 1);
}

/// Bytes behind the data, or another item: not what a device would read.
#[test]
fn what_is_no_datagram_of_io_does_not_pass() {
    let (mut gate, _talk) = opened(&plant());
    let whole = io_data(TO_TARGET, 1, &[7; 4]);
    let more = [&whole[..], &[0]].concat();
    let other = [&whole[..14], &[0xb2, 0], &whole[16..]].concat();
    for data in [&more, &other, &whole[..17].to_vec()] {
        let outcome = gate.office(&Packet::udp((ALICE, PORT), (PRESS_3, PORT), data));
        outcome.refused(Reason::NoEndpoint);
    }
}

#[test]
fn what_came_before_does_not_come_again() {
    let (mut gate, _talk) = opened(&plant());
    passes(&mut gate, u32::MAX - 1);
    for old in [u32::MAX - 1, u32::MAX - 2, 0x8000_0000] {
        out(&mut gate, ALICE, TO_TARGET, old).refused(Reason::IoReplayed);
        back(&mut gate, TO_ORIGINATOR, old).refused(Reason::IoReplayed);
    }
    passes(&mut gate, 3);
    assert_eq!(gate.refusals(), [], "links double frames: not for the audit");
}

#[test]
fn a_failed_opening_opens_nothing() {
    let mut gate = Gate::new(&plant());
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    talk.send(&mut gate, &unconnected(&io().open()));
    talk.answer(&mut gate, &unconnected(&io().failed()));
    is_over(&mut gate, 1);
    // Nobody asks for what is answered now.
    talk.answer(&mut gate, &unconnected(&io().opened(TO_TARGET)));
    is_over(&mut gate, 1);
}

#[test]
fn a_refused_opening_opens_nothing() {
    let mut gate = Gate::new(&plant_of(vec![entry(&[Class::Session, Class::Read])]));
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    talk.send(&mut gate, &unconnected(&io().open()));
    assert_eq!(gate.last_command().denied, Some(Reason::CommandDenied));
    talk.answer(&mut gate, &unconnected(&io().opened(TO_TARGET)));
    is_over(&mut gate, 1);
}

/// To listen is to read; more than a heartbeat does not pass then.
#[test]
fn who_may_read_may_listen() {
    let mut gate = Gate::new(&plant_of(vec![entry(&[Class::Session, Class::Read])]));
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    open(&mut gate, &mut talk, &Io { size: 2, ..io() }, TO_TARGET);
    assert_eq!(back(&mut gate, TO_ORIGINATOR, 1).reason(), None);
    out(&mut gate, ALICE, TO_TARGET, 1).refused(Reason::IoNotOpen);
    let heartbeat = io_data(TO_TARGET, 1, &[1, 0]);
    let heartbeat = gate.office(&Packet::udp((ALICE, PORT), (PRESS_3, PORT), &heartbeat));
    assert_eq!(heartbeat.reason(), None);
}

#[test]
fn ends_with_the_success_of_its_forward_close() {
    let (mut gate, mut talk) = opened(&plant());
    passes(&mut gate, 1);
    let other = Io { serial: 9, ..io() };
    talk.send(&mut gate, &unconnected(&other.close()));
    talk.answer(&mut gate, &unconnected(&other.closed()));
    passes(&mut gate, 2);
    talk.send(&mut gate, &unconnected(&io().close()));
    passes(&mut gate, 3);
    assert!(talk.answer(&mut gate, &unconnected(&io().closed())).left_by(OFFICE));
    is_over(&mut gate, 4);
    assert_eq!(told(&gate), [None, Some(IoEndCause::Closed)]);
}

/// A device that does not close it goes on with it, and so does the gate: else its outputs would fall.
#[test]
fn goes_on_where_its_forward_close_fails_or_is_not_answered() {
    let (mut gate, mut talk) = opened(&plant());
    talk.send(&mut gate, &unconnected(&io().close()));
    talk.answer(&mut gate, &unconnected(&io().not_closed()));
    passes(&mut gate, 1);
    talk.send(&mut gate, &unconnected(&io().close()));
    for sequence in 2..400 {
        gate.wait(Duration::from_millis(30));
        gate.age();
        passes(&mut gate, sequence);
    }
    // What comes now, eleven seconds later, is for nobody.
    talk.answer(&mut gate, &unconnected(&io().closed()));
    passes(&mut gate, 400);
    talk.close_io(&mut gate);
    is_over(&mut gate, 401);
    assert_eq!(told(&gate), [None, Some(IoEndCause::Closed)]);
}

/// What is closed before it is open is both, one after the other.
#[test]
fn ends_with_the_success_of_a_close_that_came_early() {
    let mut gate = Gate::new(&plant());
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    talk.send(&mut gate, &unconnected(&io().open()));
    talk.send(&mut gate, &unconnected(&io().close()));
    talk.answer(&mut gate, &unconnected(&io().opened(TO_TARGET)));
    passes(&mut gate, 1);
    talk.answer(&mut gate, &unconnected(&io().closed()));
    is_over(&mut gate, 2);
}

/// What ends Alice's connection.
type Ending = fn(&mut Gate, &mut Talk);

/// Each beginning has its end, under the name of who opened it.
#[test]
fn each_beginning_and_end_is_told() {
    let (gate, _talk) = opened(&plant());
    let told_of = |event: &&Event| matches!(event.kind, EventKind::IoStart { .. });
    let start = gate.log.iter().find(told_of).unwrap();
    assert_eq!((start.session, start.source, start.source_port), (1, CLIENT.0, CLIENT.1));
    let EventKind::IoStart { ids } = start.kind else { panic!() };
    assert_eq!(ids, [TO_TARGET, TO_ORIGINATOR]);
    let endings: [(Ending, IoEndCause); 6] = [
        (|gate, talk| talk.close_io(gate), IoEndCause::Closed),
        (|gate, _| gate.wait(Duration::from_secs(11)), IoEndCause::Silent),
        (|gate, _| assert!(gate.sessions.revoke(SessionId(1))), IoEndCause::Revoked),
        (|gate, _| gate.engine.install(plant_of(vec![]).tables(2)), IoEndCause::Revoked),
        (
            |gate, talk| drop(gate.line(&talk.from_asset(talk.asset_next, flag::RST, &[]))),
            IoEndCause::FlowEnded,
        ),
        (
            |gate, _| {
                let mut hmi = Talk::open_to(gate, HMI_CLIENT, DOOR);
                open(gate, &mut hmi, &Io::new(1, TO_ORIGINATOR + 1), TO_TARGET);
                hmi.close_io_of(gate, &Io::new(1, TO_ORIGINATOR + 1));
            },
            IoEndCause::Replaced,
        ),
    ];
    for (end, cause) in endings {
        let (mut gate, mut talk) = opened(&plant());
        end(&mut gate, &mut talk);
        out(&mut gate, ALICE, TO_TARGET, 1);
        (0..1000).for_each(|_| gate.age());
        let ends: Vec<_> = told(&gate).into_iter().flatten().collect();
        assert!(
            ends[0] == cause && ends.iter().filter(|it| **it == cause).count() == 1,
            "{ends:?}"
        );
        let told_of = |event: &&Event| matches!(event.kind, EventKind::IoEnd { ids, .. } if ids == [TO_TARGET, TO_ORIGINATOR]);
        let end = gate.log.iter().find(told_of).unwrap();
        assert_eq!((end.session, end.source), (1, ALICE), "{cause:?}");
    }
}

#[test]
fn ends_with_its_openers_connection() {
    let (mut gate, mut talk) = opened(&plant());
    talk.close(&mut gate);
    is_over(&mut gate, 1);

    let (mut gate, talk) = opened(&plant());
    gate.office(&talk.from_client(talk.client_next, flag::FIN | flag::ACK, &[]));
    is_over(&mut gate, 1);

    let (mut gate, talk) = opened(&plant());
    gate.line(&talk.from_asset(talk.asset_next, flag::RST | flag::ACK, &[]));
    is_over(&mut gate, 1);
}

#[test]
fn ends_when_its_session_is_revoked_or_over() {
    let (mut gate, _talk) = opened(&plant());
    passes(&mut gate, 1);
    assert!(gate.sessions.revoke(SessionId(1)));
    back(&mut gate, TO_ORIGINATOR, 2).refused(Reason::Revoked);
    is_over(&mut gate, 3);

    let (mut gate, _talk) = opened(&plant());
    assert!(gate.sessions.drain(SessionId(1)));
    back(&mut gate, TO_ORIGINATOR, 2).refused(Reason::Draining);
    is_over(&mut gate, 3);

    let mut plant = plant();
    plant.rights[0].until = START + Duration::from_millis(5);
    let (mut gate, _talk) = opened(&plant);
    passes(&mut gate, 1);
    gate.wait(Duration::from_millis(5));
    out(&mut gate, ALICE, TO_TARGET, 2).refused(Reason::Expired);
    is_over(&mut gate, 3);
}

/// The flow may go on by other tables, and what they do not give any more ends.
#[test]
fn ends_when_no_rule_gives_its_opening_any_more() {
    let (mut gate, mut talk) = opened(&plant());
    gate.engine.install(plant().tables(2));
    passes(&mut gate, 1);
    let reads = plant_of(vec![entry(&[Class::Session, Class::Read])]);
    gate.engine.install(reads.tables(3));
    out(&mut gate, ALICE, TO_TARGET, 2).refused(Reason::CommandDenied);
    is_over(&mut gate, 3);
    let read = talk.send(&mut gate, &unconnected(&read_tag("Level")));
    assert!(read.left_by(LINE), "the flow lives on");

    let (mut gate, _talk) = opened(&plant());
    gate.engine.install(Plant { web: Protocol::Enip, ..Plant::closed() }.tables(2));
    back(&mut gate, TO_ORIGINATOR, 2).refused(Reason::Revoked);
    is_over(&mut gate, 3);
}

#[test]
fn ends_when_its_rules_window_closes() {
    let until = START + Duration::from_millis(5);
    let window = Some(Window { from: Time::EPOCH, until });
    let writes = Entry { window, ..entry(&[Class::Write]) };
    let (mut gate, _talk) = opened(&plant_of(vec![entry(&[Class::Session]), writes]));
    passes(&mut gate, 1);
    gate.wait(Duration::from_millis(5));
    out(&mut gate, ALICE, TO_TARGET, 2).refused(Reason::CommandOutsideWindow);
    is_over(&mut gate, 3);
}

/// Four intervals of 10 ms, and what clocks may differ by; ten seconds before the first datagram.
#[test]
fn ends_by_silence_either_way() {
    let (mut gate, _talk) = opened(&plant());
    gate.wait(Duration::from_secs(9));
    passes(&mut gate, 1);
    for sequence in 2..100 {
        gate.wait(Duration::from_millis(40));
        passes(&mut gate, sequence);
    }
    for sequence in 100..103 {
        gate.wait(Duration::from_millis(40));
        assert_eq!(out(&mut gate, ALICE, TO_TARGET, sequence).reason(), None);
    }
    gate.wait(Duration::from_millis(40));
    is_over(&mut gate, 103);

    let (mut gate, _talk) = opened(&plant());
    gate.wait(Duration::from_millis(10_001));
    is_over(&mut gate, 1);
}

/// TCP is silent as long as nobody has anything to ask; data are a use of the flow.
#[test]
fn data_keep_their_flow_alive() {
    let mut gate = Gate::new(&plant());
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    open(&mut gate, &mut talk, &Io { interval: 1_000_000, ..io() }, TO_TARGET);
    for step in 0..3 * 3600 / 4 {
        gate.wait(Duration::from_secs(4));
        passes(&mut gate, 1 + step);
    }
    gate.age();
    let read = talk.send(&mut gate, &unconnected(&read_tag("Level")));
    assert!(read.left_by(LINE), "{:?}", read.verdict);
}

/// All of the plant's devices send to one address and port of the gate.
#[test]
fn two_clients_of_one_asset_are_told_apart() {
    let (mut gate, _alice) = opened(&plant());
    let mut hmi = Talk::open_to(&mut gate, HMI_CLIENT, DOOR);
    open(&mut gate, &mut hmi, &Io::new(1, TO_ORIGINATOR + 1), TO_TARGET + 1);
    assert_eq!(back(&mut gate, TO_ORIGINATOR, 1).seen().dst, (ALICE, PORT));
    assert_eq!(back(&mut gate, TO_ORIGINATOR + 1, 1).seen().dst, (HMI, PORT));
    assert_eq!(out(&mut gate, HMI, TO_TARGET + 1, 1).reason(), None);
    out(&mut gate, ALICE, TO_TARGET + 1, 1).refused(Reason::IoNotOpen);
    passes(&mut gate, 2);
}

#[test]
fn an_identifier_that_another_has_is_refused_until_that_is_over() {
    let (mut gate, mut alice) = opened(&plant());
    let mut hmi = Talk::open_to(&mut gate, HMI_CLIENT, DOOR);
    let heard = hmi.send_in_vain(&mut gate, &unconnected(&io().open())).payload_on(OFFICE);
    assert_eq!(gate.last_command().denied, Some(Reason::IoIdInUse));
    let words = [&reply(0x54, 2)[..], &io().failed()[4..]].concat();
    assert_eq!(heard, unconnected(&words));
    passes(&mut gate, 1);
    alice.close_io(&mut gate);
    open(&mut gate, &mut hmi, &io(), TO_TARGET);
    assert_eq!(back(&mut gate, TO_ORIGINATOR, 1).seen().dst, (HMI, PORT));
    is_over_for_alice(&mut gate);
}

fn is_over_for_alice(gate: &mut Gate) {
    out(gate, ALICE, TO_TARGET, 5).refused(Reason::IoNotOpen);
}

/// A client that was switched off and on asks for the same again; its old flow lingers.
#[test]
fn a_silent_connection_gives_way() {
    let (mut gate, _old) = opened(&plant());
    passes(&mut gate, 1);
    gate.wait(Duration::from_millis(200));
    let mut new = Talk::open_to(&mut gate, (ALICE, 51001), DOOR);
    open(&mut gate, &mut new, &io(), TO_TARGET);
    passes(&mut gate, 1);
}

#[test]
fn multicast_is_refused_in_cips_words() {
    for (kinds, way) in [([2, 1], [0x24, 1]), ([1, 2], [0x23, 1])] {
        let mut gate = Gate::new(&plant());
        let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
        let many = Io { kinds, ..io() };
        let heard = talk.send_in_vain(&mut gate, &unconnected(&many.open())).payload_on(OFFICE);
        assert_eq!(gate.last_command().denied, Some(Reason::IoMulticast));
        let words = [&[0xd4, 0, 1, 1][..], &way, &io().failed()[4..]].concat();
        assert_eq!(heard, unconnected(&words));
        open(&mut gate, &mut talk, &io(), TO_TARGET);
    }
}

/// What is packed with others would be neither checked nor noted: its data could bear somebody else's identifier.
#[test]
fn an_opening_among_other_services_is_refused() {
    let (mut gate, _alice) = opened(&plant());
    let mut hmi = Talk::open_to(&mut gate, HMI_CLIENT, DOOR);
    let [open, close] = [io().open(), io().close()];
    for hidden in [multiple(&[&read_tag("Level"), &open]), multiple(&[&close])] {
        let asked = hmi.send_in_vain(&mut gate, &unconnected(&hidden));
        assert!(!asked.left_by(LINE), "{hidden:02x?}");
        assert_eq!(gate.last_command().denied, Some(Reason::MalformedCommand));
    }
    passes(&mut gate, 1);
}

#[test]
fn the_table_is_bounded_and_keeps_a_share_for_machines() {
    let limits = Limits { flows: 64, streams: 64, io_connections: 32, ..Limits::default() };
    let mut gate = Gate::with_limits(&plant(), limits, 64);
    let mut alice = Talk::open_to(&mut gate, CLIENT, DOOR);
    let mut hmi = Talk::open_to(&mut gate, HMI_CLIENT, DOOR);
    let opened = |gate: &mut Gate, talk: &mut Talk, from: u32| {
        let more = (from..from + 40).take_while(|serial| {
            let io = Io::new(*serial as u16, *serial);
            talk.send_in_vain(gate, &unconnected(&io.open()));
            let denied = gate.last_command().denied;
            assert!(matches!(denied, None | Some(Reason::IoTableFull)), "{denied:?}");
            denied.is_none()
        });
        more.count()
    };
    gate.engine.set_captured(true);
    assert_eq!(opened(&mut gate, &mut alice, 1), 30, "a sixteenth is kept back");
    assert_eq!(opened(&mut gate, &mut hmi, 100), 2);
    gate.wait(Duration::from_secs(11));
    gate.age();
    assert_eq!(opened(&mut gate, &mut hmi, 200), 32, "unanswered, they are forgotten");
}

#[test]
fn strays_are_counted_each_and_told_once() {
    let (mut gate, mut talk) = opened(&plant());
    passes(&mut gate, 1);
    talk.close_io(&mut gate);
    let before = gate.engine.counters().of(Reason::IoNotOpen);
    for sequence in 2..102 {
        gate.wait(Duration::from_millis(10));
        is_over(&mut gate, sequence);
    }
    assert_eq!(gate.engine.counters().of(Reason::IoNotOpen) - before, 200);
    assert_eq!(gate.refusals(), [Reason::IoNotOpen; 2], "once each way");
    gate.wait(Duration::from_secs(61));
    is_over(&mut gate, 200);
    assert_eq!(gate.refusals(), [Reason::IoNotOpen; 4]);
}

/// Where socket address items say other ports, data are sent to these, and to no other.
#[test]
fn ports_are_those_that_were_agreed_on() {
    let mut gate = Gate::new(&plant());
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    let open = with_sockets(&io().open(), &[(0x8001, [0; 4], 3001)]);
    talk.send(&mut gate, &open);
    let opened = with_sockets(&io().opened(TO_TARGET), &[(0x8000, [0; 4], 3000)]);
    talk.answer(&mut gate, &opened);
    let data = io_data(TO_TARGET, 1, &[7; 10]);
    let there = gate.office(&Packet::udp((ALICE, 4000), (PRESS_3, 3000), &data));
    assert_eq!((there.seen().src, there.seen().dst), ((NAT, 3001), (PRESS_3_UNDERLAY, 3000)));
    let data = io_data(TO_ORIGINATOR, 1, &[8; 6]);
    let here = gate.line(&Packet::udp((PRESS_3_UNDERLAY, 4000), (NAT, 3001), &data));
    assert_eq!((here.seen().src, here.seen().dst), ((PRESS_3, 3000), (ALICE, 3001)));
    is_over(&mut gate, 2);
}

/// To the device all clients are one: the older connection's data would be taken for the younger's.
#[test]
fn an_identifier_that_the_device_gives_again_is_only_the_last_ones() {
    let (mut gate, _alice) = opened(&plant());
    passes(&mut gate, 1);
    let mut hmi = Talk::open_to(&mut gate, HMI_CLIENT, DOOR);
    open(&mut gate, &mut hmi, &Io::new(1, TO_ORIGINATOR + 1), TO_TARGET);
    is_over(&mut gate, 2);
    assert_eq!(out(&mut gate, HMI, TO_TARGET, 1).reason(), None);
    assert_eq!(back(&mut gate, TO_ORIGINATOR + 1, 1).reason(), None);
}

/// Which of two the device's success is for cannot be told: the second would be judged for what the first does.
#[test]
fn an_opening_is_answered_before_its_name_opens_something_else() {
    let mut gate = Gate::new(&plant());
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    let listens = Io { size: 2, ..io() };
    talk.send(&mut gate, &unconnected(&listens.open()));
    assert!(talk.send(&mut gate, &unconnected(&listens.open())).left_by(LINE), "it asks again");
    talk.send_in_vain(&mut gate, &unconnected(&io().open()));
    assert_eq!(gate.last_command().denied, Some(Reason::IoIdInUse));
    assert!(talk.answer(&mut gate, &unconnected(&listens.opened(TO_TARGET))).left_by(OFFICE));
    out(&mut gate, ALICE, TO_TARGET, 1).refused(Reason::IoNotOpen);
    assert_eq!(back(&mut gate, TO_ORIGINATOR, 1).reason(), None);
}

/// A device may refuse to close what is named otherwise wrong (CIP 3-5.5.3): the name stays taken until it answers.
#[test]
fn an_opening_that_is_withdrawn_opens_nothing_else() {
    let mut gate = Gate::new(&plant());
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    let other = Io { size: 2, ..io() };
    talk.send(&mut gate, &unconnected(&other.open()));
    talk.send(&mut gate, &unconnected(&other.close()));
    talk.send_in_vain(&mut gate, &unconnected(&io().open()));
    assert_eq!(gate.last_command().denied, Some(Reason::IoIdInUse));
    talk.answer(&mut gate, &unconnected(&other.opened(TO_TARGET)));
    out(&mut gate, ALICE, TO_TARGET, 1).refused(Reason::IoNotOpen);
    talk.answer(&mut gate, &unconnected(&other.closed()));
    is_over(&mut gate, 1);
    let mut again = Talk::open_to(&mut gate, (ALICE, 51001), DOOR);
    open(&mut gate, &mut again, &io(), TO_TARGET);
    passes(&mut gate, 1);
}

/// What passes only because nothing is refused takes neither identifier nor place of who may have it.
#[test]
fn who_is_observed_takes_nothing_from_others() {
    let limits = Limits { flows: 64, streams: 64, io_connections: 32, ..Limits::default() };
    let mut plant = plant();
    plant.rights[0].observe = true;
    let mut gate = Gate::with_limits(&plant, limits, 64);
    let mut hmi = Talk::open_to(&mut gate, HMI_CLIENT, DOOR);
    open(&mut gate, &mut hmi, &io(), TO_TARGET);
    let mut alice = Talk::open_to(&mut gate, CLIENT, DOOR);
    for id in TO_ORIGINATOR..TO_ORIGINATOR + 40 {
        let asked = alice.send(&mut gate, &unconnected(&Io::new(id as u16, id).open()));
        assert!(asked.left_by(LINE), "{:?}", asked.verdict);
    }
    assert_eq!(back(&mut gate, TO_ORIGINATOR, 1).seen().dst, (HMI, PORT));
    open(&mut gate, &mut hmi, &Io::new(2, 1), TO_TARGET + 1);
    assert_eq!(back(&mut gate, 1, 1).seen().dst, (HMI, PORT));
}

/// A Forward Open by which nothing travels configures or asks; it is no connection (CIP 3-5.5.1.1).
#[test]
fn what_carries_nothing_takes_no_place() {
    let limits = Limits { flows: 64, streams: 64, io_connections: 32, ..Limits::default() };
    let mut gate = Gate::with_limits(&plant(), limits, 64);
    let mut talk = Talk::open_to(&mut gate, CLIENT, DOOR);
    for serial in 1..41 {
        let nothing = Io { kinds: [0, 0], ..Io::new(serial, serial.into()) };
        open(&mut gate, &mut talk, &nothing, TO_TARGET);
    }
    open(&mut gate, &mut talk, &io(), TO_TARGET);
    passes(&mut gate, 1);
    open(&mut gate, &mut talk, &Io { kinds: [0, 0], ..io() }, TO_TARGET);
    passes(&mut gate, 2);
}

#[test]
fn a_machines_silent_place_is_no_persons() {
    let limits = Limits { flows: 64, streams: 64, io_connections: 32, ..Limits::default() };
    let mut gate = Gate::with_limits(&plant(), limits, 64);
    let mut alice = Talk::open_to(&mut gate, CLIENT, DOOR);
    let mut hmi = Talk::open_to(&mut gate, HMI_CLIENT, DOOR);
    let ask = |gate: &mut Gate, talk: &mut Talk, id: u32| {
        talk.send_in_vain(gate, &unconnected(&Io::new(id as u16, id).open()));
        gate.last_command().denied
    };
    gate.engine.set_captured(true);
    assert!((1..31).all(|id| ask(&mut gate, &mut alice, id).is_none()));
    assert!((100..102).all(|id| ask(&mut gate, &mut hmi, id).is_none()));
    gate.wait(Duration::from_secs(11));
    assert!((1..31).all(|id| ask(&mut gate, &mut alice, id).is_none()), "her own");
    assert_eq!(ask(&mut gate, &mut alice, 100), Some(Reason::IoTableFull));
    assert_eq!(ask(&mut gate, &mut hmi, 100), None);
}

#[test]
fn ends_when_its_door_speaks_something_else() {
    let (mut gate, _talk) = opened(&plant());
    passes(&mut gate, 1);
    gate.engine.install(Plant { web: Protocol::Modbus, ..plant() }.tables(2));
    back(&mut gate, TO_ORIGINATOR, 2).refused(Reason::IoNotOpen);
    is_over(&mut gate, 3);
}

/// Who goes on with what is over is still heard of when something else of theirs is refused.
#[test]
fn strays_do_not_hide_what_ends_a_connection() {
    let (mut gate, _talk) = opened(&plant());
    out(&mut gate, ALICE, TO_TARGET + 1, 1).refused(Reason::IoNotOpen);
    let reads = plant_of(vec![entry(&[Class::Session, Class::Read])]);
    gate.engine.install(reads.tables(2));
    out(&mut gate, ALICE, TO_TARGET, 1).refused(Reason::CommandDenied);
    assert_eq!(gate.refusals(), [Reason::IoNotOpen, Reason::CommandDenied]);
}

#[test]
fn its_frames_count_for_the_openers_session() {
    let (mut gate, _talk) = opened(&plant());
    let before = gate.sessions.list().next().unwrap().2;
    passes(&mut gate, 1);
    out(&mut gate, ALICE, TO_TARGET, 1).refused(Reason::IoReplayed);
    let after = gate.sessions.list().next().unwrap().2;
    let bytes = 2 * (14 + 20 + 8 + 18) + 10 + 6;
    assert_eq!((after.frames - before.frames, after.bytes - before.bytes), (2, bytes));
}

/// What a client or device may do in a random plant day.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask { who: usize, io: u16 },
    Answer { who: usize, io: u16, success: bool },
    Close { who: usize, io: u16 },
    Closed { who: usize, io: u16, success: bool },
    Out { who: usize, io: u16 },
    Back { who: usize, io: u16 },
    End { who: usize },
    Silence,
}

fn step() -> impl Strategy<Value = Step> {
    let (who, io) = (0usize..2, 0u16..3);
    prop_oneof![
        3 => (who.clone(), io.clone()).prop_map(|(who, io)| Step::Ask { who, io }),
        3 => (who.clone(), io.clone(), prop::bool::weighted(0.8))
            .prop_map(|(who, io, success)| Step::Answer { who, io, success }),
        1 => (who.clone(), io.clone()).prop_map(|(who, io)| Step::Close { who, io }),
        1 => (who.clone(), io.clone(), any::<bool>())
            .prop_map(|(who, io, success)| Step::Closed { who, io, success }),
        4 => (who.clone(), io.clone()).prop_map(|(who, io)| Step::Out { who, io }),
        4 => (who.clone(), io).prop_map(|(who, io)| Step::Back { who, io }),
        1 => who.prop_map(|who| Step::End { who }),
        1 => Just(Step::Silence),
    ]
}

/// How far a connection of the model has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Asked,
    Withdrawn,
    Open,
    Closing,
}

/// A gate beside a model that knows which connections are asked for, to be closed before their answer, open, and to be
/// closed.
struct Day {
    gate: Gate,
    talks: [Talk; 2],
    known: BTreeMap<(usize, u16), Known>,
    sequence: u32,
    ports: u16,
}

const CLIENTS: [Ipv4Addr; 2] = [ALICE, HMI];

impl Day {
    fn new() -> Day {
        let mut gate = Gate::new(&plant());
        let talks = CLIENTS.map(|client| Talk::open_to(&mut gate, (client, 51000), DOOR));
        Day { gate, talks, known: BTreeMap::new(), sequence: 0, ports: 51000 }
    }

    fn of(who: usize, io: u16) -> (Io, u32) {
        let id = 0x100 * (who as u32 + 1) + u32::from(io);
        (Io { interval: 1_000_000, ..Io::new(io, id) }, 0x9000 + id)
    }

    fn take(&mut self, step: Step) {
        self.sequence += 1;
        match step {
            Step::Ask { who, io } => {
                self.talks[who]
                    .send_in_vain(&mut self.gate, &unconnected(&Day::of(who, io).0.open()));
                let taken = self.known.get(&(who, io)).is_some_and(|known| *known != Known::Asked);
                let expected = taken.then_some(Reason::IoIdInUse);
                assert_eq!(self.gate.last_command().denied, expected, "{step:?}");
                self.known.entry((who, io)).or_insert(Known::Asked);
            }
            Step::Answer { who, io, success } => {
                let (it, to_target) = Day::of(who, io);
                let reply = if success { it.opened(to_target) } else { it.failed() };
                let answers = self.talks[who].answer(&mut self.gate, &unconnected(&reply));
                match self.known.get(&(who, io)) {
                    _ if answers.reason().is_some() => {}
                    Some(Known::Asked) if success => {
                        self.known.insert((who, io), Known::Open);
                    }
                    Some(Known::Withdrawn) if success => {
                        self.known.insert((who, io), Known::Closing);
                    }
                    Some(Known::Asked | Known::Withdrawn) => {
                        self.known.remove(&(who, io));
                    }
                    Some(Known::Open | Known::Closing) | None => {}
                }
            }
            Step::Close { who, io } => {
                self.talks[who]
                    .send_in_vain(&mut self.gate, &unconnected(&Day::of(who, io).0.close()));
                let known = self.known.get_mut(&(who, io));
                known.into_iter().for_each(|known| match known {
                    Known::Asked | Known::Withdrawn => *known = Known::Withdrawn,
                    Known::Open | Known::Closing => *known = Known::Closing,
                });
            }
            Step::Closed { who, io, success } => {
                let (it, _) = Day::of(who, io);
                let reply = if success { it.closed() } else { it.not_closed() };
                let answers = self.talks[who].answer(&mut self.gate, &unconnected(&reply));
                let closes = success && answers.reason().is_none();
                if closes && self.known.get(&(who, io)) == Some(&Known::Closing) {
                    self.known.remove(&(who, io));
                }
            }
            Step::Out { who, io } => {
                let (_, id) = Day::of(who, io);
                let came = out(&mut self.gate, CLIENTS[who], id, self.sequence);
                self.judge(step, came.reason(), who, io);
            }
            Step::Back { who, io } => {
                let (it, _) = Day::of(who, io);
                let came = back(&mut self.gate, it.to_originator, self.sequence);
                self.judge(step, came.reason(), who, io);
            }
            Step::End { who } => {
                let talk = &self.talks[who];
                self.gate.office(&talk.from_client(talk.client_next, flag::RST, &[]));
                self.known.retain(|(whose, _), _| *whose != who);
                self.ports += 1;
                self.talks[who] = Talk::open_to(&mut self.gate, (CLIENTS[who], self.ports), DOOR);
            }
            Step::Silence => {
                self.gate.wait(Duration::from_secs(60));
                self.gate.age();
                self.known.clear();
            }
        }
    }

    fn judge(&self, step: Step, reason: Option<Reason>, who: usize, io: u16) {
        let open = matches!(self.known.get(&(who, io)), Some(Known::Open | Known::Closing));
        assert_eq!(reason, (!open).then_some(Reason::IoNotOpen), "{step:?}");
    }
}

proptest! {
    /// Nothing passes but what a model says is open, whatever is asked, answered, closed, cut or silent.
    #[test]
    fn passes_what_is_open_and_nothing_else(steps in prop::collection::vec(step(), 1..120)) {
        let mut day = Day::new();
        day.gate.engine.set_captured(true);
        steps.into_iter().for_each(|step| day.take(step));
    }
}
