//! What is copied of a recorded session: all that its client sent and got, and what was judged in it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use wicketgate_dissectors::Direction;
use wicketgate_engine::{Copied, Copies, EventKind, Reason};
use wicketgate_packet::PortId;
use wicketgate_tests::frame::{Packet, flag};
use wicketgate_tests::gate::Step;
use wicketgate_tests::modbus::{adu, read, values, write};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Plant, Talk};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);

/// The usual plant, where what this client does is recorded.
fn recorded(client: Ipv4Addr, room: usize) -> (Gate, Arc<Copies>) {
    let mut plant = Plant::usual();
    plant.rights.iter_mut().for_each(|right| right.record = right.source == client);
    let (mut gate, copies) = (Gate::new(&plant), Arc::new(Copies::new(room)));
    gate.engine.set_copies(copies.clone());
    gate.trail = Some(Vec::new());
    (gate, copies)
}

fn all(copies: &Copies) -> Vec<Copied> {
    let mut all = Vec::new();
    while copies.take(|copied| all.push(copied.clone())) {}
    all
}

/// Reads, is refused a write in the same segment as a read, and closes. What the gate sends meanwhile by itself.
fn work(gate: &mut Gate) -> Vec<(PortId, Vec<u8>)> {
    let mut talk = Talk::open(gate, CLIENT);
    talk.send(gate, &read(1, 0, 1));
    talk.answer(gate, &values(1, &[7]));
    talk.send_in_vain(gate, &write(2, 5, 5));
    // Nobody has acknowledged the refusal: it comes again.
    let own = gate.pass(Duration::from_secs(2));
    talk.send(gate, &[read(3, 0, 1), read(4, 1, 1)].concat());
    talk.send(gate, &adu(5, &[16, 0, 0, 0, 2, 2, 0, 1]));
    own
}

/// What was seen of a trail on the side of the client, in order.
fn client_side(trail: &[Step]) -> Vec<(Direction, Vec<u8>)> {
    let mut seen = Vec::new();
    for step in trail {
        if step.port == OFFICE {
            seen.push((Direction::ToServer, step.came.clone()));
        }
        let own = step.outcome.own.iter().filter(|(port, _)| *port == OFFICE);
        seen.extend(own.map(|(_, frame)| (Direction::ToClient, frame.clone())));
        if step.port == LINE && step.outcome.left_by(OFFICE) {
            seen.extend(step.outcome.left.iter().map(|frame| (Direction::ToClient, frame.clone())));
        }
    }
    seen
}

#[test]
fn a_record_is_what_the_client_sent_and_got_byte_by_byte() {
    let (mut gate, copies) = recorded(ALICE, 256);
    let own = work(&mut gate);
    let copied = all(&copies);
    let mut seen = client_side(&gate.trail.take().unwrap());
    let by_itself = own.iter().filter(|(port, _)| *port == OFFICE).count();
    assert!(by_itself >= 2);
    // What it sent by itself is no frame's; it came between the write and the next read.
    let found: Vec<_> = copied.iter().map(|c| (c.direction, c.bytes().to_vec())).collect();
    let at = found.windows(2).position(|pair| pair[1].1 == own[0].1).unwrap() + 1;
    let again = own.into_iter().filter(|(port, _)| *port == OFFICE);
    seen.splice(at..at, again.map(|(_, frame)| (Direction::ToClient, frame)));
    assert_eq!(found, seen);
    assert!(copied.iter().all(|c| c.whose.session == 1 && c.whose.client == CLIENT));
    assert_eq!((copies.lost(), copies.made()), (0, copied.len() as u64));
}

#[test]
fn a_verdict_goes_with_the_frame_that_completes_its_command() {
    let (mut gate, copies) = recorded(ALICE, 256);
    work(&mut gate);
    let mut told = Vec::new();
    for copied in all(&copies) {
        let commands = copied.verdicts.iter().filter_map(|event| match &event.kind {
            EventKind::Command(command) => Some((command.name, command.denied)),
            _ => None,
        });
        let commands: Vec<_> = commands.collect();
        assert!(commands.is_empty() || copied.direction == Direction::ToServer);
        told.extend((!commands.is_empty()).then_some(commands));
    }
    let (read, denied) = ("read-holding-registers", Some(Reason::CommandDenied));
    assert_eq!(told[0], [(read, None)]);
    assert_eq!(told[1], [("write-single-register", denied)]);
    assert_eq!(told[2], [(read, None), (read, None)]);
    assert_eq!(told[3].len(), 1);
    assert_eq!(told.concat().len(), gate.commands().len(), "each is with one frame");
}

#[test]
fn a_frame_that_was_dropped_says_why() {
    let (mut gate, copies) = recorded(ALICE, 256);
    let talk = Talk::open(&mut gate, CLIENT);
    let far = talk.client_next.wrapping_add(1 << 20);
    let verdict = gate.office(&talk.from_client(far, flag::ACK, b"far ahead"));
    assert_eq!(all(&copies).last().unwrap().dropped, verdict.reason());
}

#[test]
fn an_answer_to_a_datagram_is_in_the_record() {
    let (mut gate, copies) = recorded(ALICE, 256);
    let denied = gate.office(&Packet::udp(CLIENT, (PRESS_3, 502), &write(1, 5, 5)));
    let [asked, said] = &all(&copies)[..] else { panic!("two frames") };
    assert_eq!((asked.direction, said.direction), (Direction::ToServer, Direction::ToClient));
    assert_eq!(said.bytes(), denied.left.unwrap());
}

#[test]
fn who_is_not_recorded_leaves_no_copy() {
    let (mut gate, copies) = recorded(HMI, 256);
    work(&mut gate);
    assert_eq!((copies.made(), copies.lost()), (0, 0));
}

#[test]
fn to_be_recorded_changes_nothing() {
    let outcomes = |client, room| {
        let (mut gate, _copies) = recorded(client, room);
        let own = work(&mut gate);
        let trail = gate.trail.take().unwrap();
        let steps = trail.iter().map(|step| (step.outcome.verdict, step.outcome.left.clone()));
        (steps.collect::<Vec<_>>(), own, gate.commands())
    };
    let unrecorded = outcomes(HMI, 256);
    assert_eq!(outcomes(ALICE, 256), unrecorded);
    assert_eq!(outcomes(ALICE, 2), unrecorded, "nor where there is no room");
}

#[test]
fn what_found_no_room_is_counted_and_goes_its_way() {
    let (mut gate, copies) = recorded(ALICE, 3);
    work(&mut gate);
    assert_eq!((copies.made(), all(&copies).len()), (3, 3));
    assert!(copies.lost() > 5, "{}", copies.lost());
    Talk::open(&mut gate, (ALICE, 51001));
    assert_eq!(all(&copies).len(), 3, "there is room again");
}
