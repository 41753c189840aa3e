//! One command refused, the connection lives on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use wicketgate_engine::event::EndCause;
use wicketgate_engine::tables::DenialStyle;
use wicketgate_engine::{Reason, Verdict};
use wicketgate_packet::PortId;
use wicketgate_tests::frame::{Seen, flag};
use wicketgate_tests::modbus::{exception, read, values, write};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Outcome, Packet, Plant, Talk};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const DATA: u8 = flag::ACK | flag::PSH;

fn open() -> (Gate, Talk) {
    let mut gate = Gate::new(&Plant::usual());
    let talk = Talk::open(&mut gate, CLIENT);
    (gate, talk)
}

/// The asset sends with these numbers, its own.
fn from_asset(gate: &mut Gate, talk: &Talk, numbers: (u32, u32), payload: &[u8]) -> Outcome {
    let (from, to) = ((PRESS_3_UNDERLAY, 502), (NAT, talk.nat));
    gate.line(&Packet::tcp(from, to, numbers, DATA, payload))
}

/// The client does.
fn from_client(gate: &mut Gate, talk: &Talk, numbers: (u32, u32), payload: &[u8]) -> Outcome {
    gate.office(&Packet::tcp(talk.client, talk.overlay, numbers, DATA, payload))
}

fn seen(frames: &[(PortId, Vec<u8>)], port: PortId) -> Vec<Seen> {
    frames.iter().filter(|(by, _)| *by == port).map(|(_, frame)| Seen::read(frame)).collect()
}

#[test]
fn a_denied_command_is_answered_and_the_next_one_passes() {
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    let denied = from_client(&mut gate, &talk, (client, asset), &write(1, 5, 5));
    assert_eq!(denied.verdict, Verdict::Deny(Reason::CommandDenied));
    let denial = &denied.seen_on(OFFICE)[0];
    assert_eq!(denial.payload, exception(1, 6, 1));
    assert_eq!(denial.numbers, (asset, client.wrapping_add(12)), "and acknowledged");
    // The client is 9 bytes ahead in the asset's numbers, the asset 12 behind in the client's.
    let numbers = (client.wrapping_add(12), asset + 9);
    let next = from_client(&mut gate, &talk, numbers, &read(2, 0, 1)).seen();
    assert_eq!((next.numbers, next.payload), ((client, asset), read(2, 0, 1)));
    let answer = from_asset(&mut gate, &talk, (asset, client.wrapping_add(12)), &values(2, &[7]));
    let numbers = answer.seen().numbers;
    assert_eq!(numbers, (asset + 9, client.wrapping_add(24)), "in the frame that came");
    assert_eq!(gate.flow_ends(), []);
}

/// S-01: nobody but the gate can.
#[test]
fn a_lost_denial_is_sent_again_until_it_is_acknowledged() {
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    from_client(&mut gate, &talk, (client, asset), &write(1, 5, 5));
    let again = seen(&gate.pass(Duration::from_secs(2)), OFFICE);
    assert!((2..6).contains(&again.len()), "{}", again.len());
    assert!(again.iter().all(|seen| seen.payload == exception(1, 6, 1)));
    from_client(&mut gate, &talk, (client.wrapping_add(12), asset + 9), &[]);
    assert_eq!(gate.pass(Duration::from_secs(60)), []);
}

#[test]
fn a_client_that_is_gone_is_given_up() {
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    from_client(&mut gate, &talk, (client, asset), &write(1, 5, 5));
    let sent = gate.pass(Duration::from_secs(60));
    for port in [OFFICE, LINE] {
        assert!(seen(&sent, port).last().is_some_and(|seen| seen.flags & flag::RST != 0));
    }
    assert_eq!(gate.pass(Duration::from_secs(600)), [], "no timer is left");
    gate.age();
    assert_eq!(gate.flow_ends(), [EndCause::Stalled]);
}

/// S-03: what was forwarded is acknowledged by the asset alone.
#[test]
fn the_gate_does_not_acknowledge_what_it_forwarded() {
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    let both = [read(1, 0, 1), write(2, 5, 5)].concat();
    let outcome = from_client(&mut gate, &talk, (client, asset), &both);
    assert!(outcome.seen_on(OFFICE).iter().all(|seen| seen.numbers.1 == client));
    let acked = from_asset(&mut gate, &talk, (asset, client.wrapping_add(12)), &[]);
    assert_eq!(acked.seen_on(OFFICE)[0].numbers.1, client.wrapping_add(24));
}

/// A denial does not overtake the answers to earlier requests; and does not wait for ever.
#[test]
fn a_denial_comes_behind_earlier_answers() {
    let both = [read(1, 0, 1), write(2, 5, 5)].concat();
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    assert_eq!(from_client(&mut gate, &talk, (client, asset), &both).payload_on(OFFICE), []);
    let answer = from_asset(&mut gate, &talk, (asset, client.wrapping_add(12)), &values(1, &[7]));
    assert_eq!(answer.payload_on(OFFICE), [values(1, &[7]), exception(2, 6, 1)].concat());

    let (mut gate, talk) = open();
    from_client(&mut gate, &talk, (client, asset), &both);
    let late = seen(&gate.pass(Duration::from_millis(300)), OFFICE);
    assert_eq!(late[0].payload, exception(2, 6, 1));
}

/// A client that matches answers by their order must find the denial where its request was.
#[test]
fn a_denial_comes_between_two_answers_of_one_segment() {
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    let three = [read(1, 0, 1), write(2, 5, 5), read(3, 0, 1)].concat();
    assert_eq!(from_client(&mut gate, &talk, (client, asset), &three).payload_on(OFFICE), []);
    let answers = [values(1, &[7]), values(3, &[8])].concat();
    let both = from_asset(&mut gate, &talk, (asset, client.wrapping_add(24)), &answers);
    let due = [values(1, &[7]), exception(2, 6, 1), values(3, &[8])].concat();
    assert_eq!(both.payload_on(OFFICE), due);
}

/// A stack that has lost its retransmission timer still asks whether the other end lives. If nobody
/// answered it would never learn what is missing (simulation, seed 62933).
#[test]
fn a_keep_alive_is_answered_though_the_last_byte_is_under_way() {
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    from_client(&mut gate, &talk, (client, asset), &read(1, 0, 1));
    let next = client.wrapping_add(12);
    from_asset(&mut gate, &talk, (asset, next), &values(1, &[7]));
    let asked = from_asset(&mut gate, &talk, (asset + 10, next), &[0xaa]);
    assert_eq!(asked.payload_on(OFFICE), [], "garbage does not leave");
    let probe = &asked.seen_on(OFFICE)[0];
    assert_eq!(probe.numbers, (asset + 10, next), "the client is asked how far it has come");
    assert_eq!(asked.seen_on(LINE)[0].numbers, (next, asset), "and the asset told");
}

/// The client has acknowledged answer and denial, and the asset has not heard of it: it sends its answer
/// again, from before an edit that is forgotten (simulation, seed 1001340).
#[test]
fn an_answer_from_before_a_forgotten_denial_is_acknowledged_again() {
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    let both = [read(1, 0, 1), write(2, 5, 5)].concat();
    from_client(&mut gate, &talk, (client, asset), &both);
    let (next, answer) = (client.wrapping_add(12), values(1, &[7]));
    from_asset(&mut gate, &talk, (asset, next), &answer);
    from_client(&mut gate, &talk, (client.wrapping_add(24), asset + 11 + 9), &[]);
    let again = from_asset(&mut gate, &talk, (asset, next), &answer);
    assert_eq!(again.seen_on(LINE)[0].numbers, (next, asset + 11));
}

/// The rest of a PDU was lost, and each try to send it again as well: its sender is not gone, and waits for
/// minutes between two tries (simulation, seed 8875).
#[test]
fn the_lost_rest_of_a_pdu_is_waited_for() {
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    from_client(&mut gate, &talk, (client, asset), &read(1, 0, 1)[..7]);
    from_client(&mut gate, &talk, (client.wrapping_add(12), asset), &[]);
    assert!(!seen(&gate.pass(Duration::from_secs(925)), LINE).iter().any(is_reset));
    let rest = (client.wrapping_add(7), asset);
    let whole = from_client(&mut gate, &talk, rest, &read(1, 0, 1)[7..]);
    assert_eq!(whole.payload_on(LINE), read(1, 0, 1));
}

/// An acknowledgement that was overtaken names bytes of before an edit that is forgotten; it leaves as one
/// of now (simulation, seed 1000031).
#[test]
fn an_acknowledgement_overtaken_by_an_edit_names_no_other_byte() {
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    from_client(&mut gate, &talk, (client, asset), &write(1, 5, 5));
    let (next, behind) = (client.wrapping_add(12), asset + 9);
    from_client(&mut gate, &talk, (next, behind), &[]);
    let late = from_client(&mut gate, &talk, (client, asset), &[]);
    assert_eq!(late.seen_on(LINE)[0].numbers.0, client, "the asset's next byte");
}

/// RFC 5382 REQ-5: a stack waits 64 seconds before it says its sixth SYN or answers it again.
#[test]
fn a_handshake_may_take_four_minutes() {
    let mut gate = Gate::new(&Plant::usual());
    let syn = Packet::tcp(CLIENT, (PRESS_3, 502), (100, 0), flag::SYN, &[]);
    let seen = gate.office(&syn).seen();
    gate.pass(Duration::from_secs(230));
    gate.age();
    let answer = Packet::tcp(seen.dst, seen.src, (900, 101), flag::SYN | flag::ACK, &[]);
    assert_eq!(gate.line(&answer).seen().dst, CLIENT);
    gate.pass(Duration::from_secs(230));
    gate.age();
    let last = Packet::tcp(CLIENT, (PRESS_3, 502), (101, 901), flag::ACK, &[]);
    assert_eq!(gate.office(&last).seen().numbers, (101, 901));
}

/// S-04: an answer that is not whole yet comes behind it.
#[test]
fn a_denial_does_not_cut_an_answer() {
    let (mut gate, talk) = open();
    let (client, asset) = (talk.client_next, talk.asset_next);
    from_client(&mut gate, &talk, (client, asset), &read(1, 0, 1));
    let (client, answer) = (client.wrapping_add(12), values(1, &[7]));
    let held = from_asset(&mut gate, &talk, (asset, client), &answer[..4]);
    assert_eq!(held.payload_on(OFFICE), []);
    from_client(&mut gate, &talk, (client, asset), &write(2, 5, 5));
    let rest = from_asset(&mut gate, &talk, (asset + 4, client), &answer[4..]);
    assert_eq!(rest.payload_on(OFFICE), [answer, exception(2, 6, 1)].concat());
}

/// S-06.
#[test]
fn twenty_denials_in_one_segment_are_answered_in_order() {
    let (mut gate, talk) = open();
    let numbers = (talk.client_next, talk.asset_next);
    let writes: Vec<u8> = (0..20).flat_map(|n| write(n, 5, 5)).collect();
    let outcome = from_client(&mut gate, &talk, numbers, &writes);
    let answers: Vec<u8> = (0..20).flat_map(|n| exception(n, 6, 1)).collect();
    assert_eq!((outcome.payload_on(OFFICE), outcome.payload_on(LINE)), (answers, vec![]));
}

/// S-05, and the other way round.
#[test]
fn a_sender_that_stops_in_the_middle_of_a_pdu_is_given_up() {
    for asset_stops in [true, false] {
        let (mut gate, mut talk) = open();
        talk.send(&mut gate, &read(1, 0, 1)[..12 - 5 * usize::from(!asset_stops)]);
        if asset_stops {
            talk.answer(&mut gate, &values(1, &[7])[..5]);
            // The client has all that left.
            from_client(&mut gate, &talk, (talk.client_next, talk.asset_next - 5), &[]);
        }
        assert!(!seen(&gate.pass(Duration::from_secs(29)), LINE).iter().any(is_reset));
        assert!(seen(&gate.pass(Duration::from_secs(2)), LINE).iter().any(is_reset));
    }
}

fn is_reset(seen: &Seen) -> bool {
    seen.flags & flag::RST != 0
}

/// S-15, S-24: behind the asset's FIN nothing can be said.
/// A gap with no held PDU before it: fuzzing found a timer that then came up a hundred times a second, for hours.
#[test]
fn a_gap_that_is_never_filled_wakes_nobody_for_nothing() {
    let (mut gate, talk) = open();
    let behind_a_gap = talk.client_next.wrapping_add(12);
    from_client(&mut gate, &talk, (behind_a_gap, talk.asset_next), &read(2, 0, 1));
    let end = gate.now + Duration::from_secs(3600);
    let mut for_nothing = 0;
    while gate.engine.next_deadline() <= end {
        let own = gate.pass(gate.engine.next_deadline().since(gate.now));
        for_nothing += u32::from(own.is_empty());
    }
    // Once each 2.56 s the timers' wheel has turned.
    assert!(for_nothing < 1500, "{for_nothing} times in an hour");
    let both = [read(1, 0, 1), read(2, 0, 1)].concat();
    let outcome = from_client(&mut gate, &talk, (talk.client_next, talk.asset_next), &both);
    assert_eq!(outcome.payload_on(LINE), both, "and it may still be filled");
}

#[test]
fn a_denial_behind_the_assets_fin_resets() {
    let (mut gate, talk) = open();
    let fin = talk.from_asset(talk.asset_next, flag::ACK | flag::FIN, &[]);
    assert!(gate.line(&fin).left_by(OFFICE));
    let numbers = (talk.client_next, talk.asset_next + 1);
    let outcome = from_client(&mut gate, &talk, numbers, &write(1, 5, 5));
    assert!(is_reset(&outcome.seen_on(OFFICE)[0]) && is_reset(&outcome.seen_on(LINE)[0]));
}

/// S-21: 100,000 denials on one connection, acknowledged as they come.
#[test]
fn denials_leave_nothing_behind() {
    let (mut gate, talk) = open();
    let (mut client, mut asset) = (talk.client_next, talk.asset_next);
    for n in 0..100_000u32 {
        let outcome = from_client(&mut gate, &talk, (client, asset), &write(n as u16, 5, 5));
        assert_eq!(outcome.payload_on(OFFICE), exception(n as u16, 6, 1));
        (client, asset) = (client.wrapping_add(12), asset.wrapping_add(9));
    }
    let last = from_client(&mut gate, &talk, (client, asset), &read(1, 0, 1));
    assert_eq!(last.seen().numbers.0, talk.client_next, "nothing has reached the asset before");
    gate.log.clear();
}

#[test]
fn styles_of_refusing() {
    for (denial, answers, resets) in [
        (DenialStyle::Reply, 9, false),
        (DenialStyle::Drop, 0, false),
        (DenialStyle::Reset, 0, true),
    ] {
        let mut plant = Plant::usual();
        plant.rights.iter_mut().for_each(|right| right.denial = denial);
        let mut gate = Gate::new(&plant);
        let mut talk = Talk::open(&mut gate, CLIENT);
        let outcome = talk.send(&mut gate, &write(1, 5, 5));
        assert_eq!(outcome.payload_on(LINE), []);
        assert_eq!(outcome.payload_on(OFFICE).len(), answers, "{denial:?}");
        let reset = |port| outcome.seen_on(port).iter().any(is_reset);
        assert_eq!((reset(OFFICE), reset(LINE)), (resets, resets), "{denial:?}");
    }
}

/// A connection whose ends take segments of 1,460 bytes.
fn open_wide() -> (Gate, Talk) {
    let (mut gate, mut talk) = open();
    talk.client.1 += 1;
    let wide = |packet| Packet { tcp_options: vec![2, 4, 5, 180], ..packet };
    talk.nat = gate.office(&wide(talk.syn())).seen().src.1;
    assert!(gate.line(&wide(talk.syn_ack())).left_by(OFFICE));
    let ack = talk.from_client(talk.client_next, flag::ACK, &[]);
    assert!(gate.office(&ack).left_by(LINE));
    (gate, talk)
}

/// Three answers in one segment of the asset's, and a denial behind them, which the gate sends itself: all it
/// owes until the client has acknowledged it. What left towards the client, whole.
fn owe_much(gate: &mut Gate, talk: &Talk) -> (Vec<u8>, Outcome) {
    let (client, asset) = (talk.client_next, talk.asset_next);
    let requests = [1, 2, 3].map(|n| read(n, 0, 120)).concat();
    let next = client.wrapping_add(requests.len() as u32 + 12);
    from_client(gate, talk, (client, asset), &[requests, write(4, 5, 5)].concat());
    let answers = [1, 2, 3].map(|n| values(n, &[n; 120])).concat();
    let outcome = from_asset(gate, talk, (asset, next.wrapping_sub(12)), &answers);
    let due = [answers, exception(4, 6, 1)].concat();
    assert_eq!(outcome.payload_on(OFFICE), due);
    (due, outcome)
}

/// A router between gate and client: the packet that it quotes is longer than `mtu`.
fn too_big(talk: &Talk, quoted: &[u8], mtu: u16) -> Packet {
    let router = Ipv4Addr::new(192, 168, 77, 1);
    Packet::icmp(router, talk.overlay.0, (3, 4), (0, mtu), &quoted[14..14 + 28])
}

/// Lengths of the IPv4 packets that a frame's port got.
fn lengths(frames: &[(PortId, Vec<u8>)], port: PortId) -> Vec<usize> {
    let of = |frame: &[u8]| usize::from(u16::from_be_bytes([frame[16], frame[17]]));
    frames.iter().filter(|(by, _)| *by == port).map(|(_, frame)| of(frame)).collect()
}

/// RFC 1191 section 3: what the gate owes, nobody else can send in shorter segments.
#[test]
fn a_path_mtu_shortens_what_the_gate_sends_again() {
    let (mut gate, talk) = open_wide();
    let (due, outcome) = owe_much(&mut gate, &talk);
    let (_, long) = outcome.own.iter().find(|(port, _)| *port == OFFICE).unwrap();
    assert!(gate.office(&too_big(&talk, long, 600)).left_by(LINE), "the asset is told, too");
    let again = gate.pass(Duration::from_millis(300));
    assert!(lengths(&again, OFFICE).iter().all(|length| *length <= 600), "{again:?}");
    let payload: Vec<u8> = seen(&again, OFFICE).into_iter().flat_map(|seen| seen.payload).collect();
    assert_eq!(payload, due);
    // The asset sends its own again, in segments of its own choice.
    let next = talk.client_next.wrapping_add(36);
    let answers = &due[..due.len() - 9];
    let again = from_asset(&mut gate, &talk, (talk.asset_next, next), answers);
    assert!(lengths(&again.own, OFFICE).iter().all(|length| *length <= 600));
    assert_eq!(again.payload_on(OFFICE), answers);
}

/// RFC 5927: only an error about what is under way counts, only one that no attacker makes dust with, and none
/// that says more than is taken anyway.
#[test]
fn a_path_mtu_that_cannot_be_meant_shortens_nothing() {
    let (mut gate, talk) = open_wide();
    let (_, outcome) = owe_much(&mut gate, &talk);
    let (_, long) = outcome.own.iter().find(|(port, _)| *port == OFFICE).unwrap();
    let mut far = long.clone();
    far[38] ^= 0x40;
    gate.office(&too_big(&talk, &far, 600)).refused(Reason::IcmpUnrelated);
    gate.office(&too_big(&talk, long, 551)).refused(Reason::IcmpUnrelated);
    gate.office(&too_big(&talk, long, 9000));
    let again = gate.pass(Duration::from_millis(300));
    let most = lengths(&outcome.own, OFFICE).into_iter().max();
    assert_eq!(lengths(&again, OFFICE).into_iter().max(), most);
    assert!(most.unwrap() > 600);
}

/// Timestamps as stacks write them (RFC 7323 appendix A).
fn stamped(packet: Packet, value: u32, echo: u32) -> Packet {
    let tcp_options = [&[1, 1, 8, 10][..], &value.to_be_bytes(), &echo.to_be_bytes()].concat();
    Packet { tcp_options, ..packet }
}

/// The asset has answered the SYN twice, the second time by a later clock. The client knows that clock from
/// then on, and refuses whatever has an earlier one (RFC 7323 section 5): a denial that had the first answer's
/// never arrived (laboratory, seed 11).
#[test]
fn a_denial_is_not_older_than_a_repeated_answer_to_the_syn() {
    let (mut gate, mut talk) = open();
    talk.client.1 += 1;
    talk.nat = gate.office(&stamped(talk.syn(), 100, 0)).seen().src.1;
    for clock in [7_000, 8_001, 7_000] {
        let answer = stamped(talk.syn_ack(), clock, 100);
        assert!(gate.line(&answer).left_by(OFFICE));
    }
    let denied = talk.from_client(talk.client_next, DATA, &write(1, 5, 5));
    let denied = gate.office(&stamped(denied, 200, 8_001));
    let denial = &denied.seen_on(OFFICE)[0];
    assert_eq!(denial.payload, exception(1, 6, 1));
    let clock = u32::from_be_bytes(denial.options[4..8].try_into().unwrap());
    assert_eq!(clock, 8_001, "neither older nor of the gate's own making");
}
