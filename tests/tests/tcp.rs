//! TCP as a normaliser sees it: every byte judged once, none passed unjudged.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use wicketgate_engine::event::EndCause;
use wicketgate_engine::{Reason, Verdict};
use wicketgate_tests::frame::{Seen, flag};
use wicketgate_tests::modbus::{read, values, write};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Talk};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const DATA: u8 = flag::ACK | flag::PSH;

fn open() -> (Gate, Talk) {
    let mut gate = Gate::new(&Plant::usual());
    let talk = Talk::open(&mut gate, CLIENT);
    (gate, talk)
}

#[test]
fn a_request_passes_and_its_answer_comes_back() {
    let (mut gate, mut talk) = open();
    let there = talk.send(&mut gate, &read(1, 0, 2)).seen();
    assert_eq!(there.src, (NAT, 51000), "the client's own port is kept");
    assert_eq!(there.dst, (PRESS_3_UNDERLAY, 502));
    assert_eq!(there.payload, read(1, 0, 2));
    let back = talk.answer(&mut gate, &values(1, &[7, 8])).seen();
    assert_eq!((back.src, back.dst), ((PRESS_3, 502), CLIENT));
    assert_eq!(back.payload, values(1, &[7, 8]));
    assert_eq!(gate.commands().len(), 1);
}

/// RFC 7413: whoever sends data on a SYN sends it again if it was not acknowledged.
#[test]
fn a_syn_leaves_without_its_data() {
    let mut gate = Gate::new(&Plant::usual());
    let syn = Packet::tcp(CLIENT, (PRESS_3, 502), (100, 0), flag::SYN, &write(1, 0, 1));
    assert_eq!(gate.office(&syn).seen().payload, []);
    let (mut gate, talk) = open();
    let again = Packet { payload: write(1, 0, 1), ..talk.syn() };
    assert_eq!(gate.office(&again).seen().payload, []);
    let answer = Packet { payload: values(1, &[1]), ..talk.syn_ack() };
    gate.line(&answer).refused(Reason::SynData);
    assert_eq!(gate.commands().len(), 0);
}

#[test]
fn nothing_but_the_answer_comes_before_the_answer() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = open().1;
    gate.office(&talk.syn());
    talk.send(&mut gate, &read(1, 0, 1)).refused(Reason::BadSegment);
    let early = talk.answer(&mut gate, &values(1, &[1]));
    assert_eq!(early.verdict, Verdict::Answer(LINE, Reason::HalfOpen), "of no connection here");
}

#[test]
fn a_reset_must_be_exact() {
    let (mut gate, talk) = open();
    for off in [1u32, 100, 0xffff_ffff] {
        let seq = talk.client_next.wrapping_add(off);
        gate.office(&talk.from_client(seq, flag::RST, &[])).refused(Reason::BadSegment);
        let seq = talk.asset_next.wrapping_add(off);
        gate.line(&talk.from_asset(seq, flag::RST, &[])).refused(Reason::BadSegment);
    }
    let exact = gate.office(&talk.from_client(talk.client_next, flag::RST, &[]));
    assert_eq!(exact.seen_on(LINE)[0].flags & flag::RST, flag::RST);
}

#[test]
fn after_a_reset_nothing_passes_and_the_port_may_be_used_anew() {
    let (mut gate, mut talk) = open();
    assert!(gate.office(&talk.from_client(talk.client_next, flag::RST, &[])).left_by(LINE));
    let late = talk.send(&mut gate, &read(1, 0, 1));
    assert_eq!(late.verdict, Verdict::Answer(OFFICE, Reason::FlowDead));
    assert_eq!((late.seen().flags, late.seen().numbers.0), (flag::RST, talk.asset_next));
    assert_eq!(gate.commands().len(), 0);
    Talk::open(&mut gate, CLIENT);
    assert_eq!(gate.flow_ends(), [EndCause::Reset]);
    assert_eq!(gate.session_starts().len(), 1, "the same session");
}

#[test]
fn after_both_fins_the_port_may_be_used_anew() {
    let (mut gate, mut talk) = open();
    talk.close(&mut gate);
    Talk::open(&mut gate, CLIENT);
    assert_eq!(gate.flow_ends(), [EndCause::Closed]);
}

#[test]
fn after_fin_there_are_no_new_bytes() {
    let (mut gate, mut talk) = open();
    let fin = talk.from_client(talk.client_next, flag::FIN | flag::ACK, &[]);
    assert!(gate.office(&fin).left_by(LINE));
    assert!(gate.office(&fin).left_by(LINE), "the same FIN again");
    talk.client_next = talk.client_next.wrapping_add(1);
    let more = talk.from_client(talk.client_next, DATA, &read(1, 0, 1));
    gate.office(&more).refused(Reason::BadSegment);
    assert!(talk.answer(&mut gate, &[]).left_by(OFFICE), "the other half is open");
}

/// A FIN below what was sent would end the stream for the asset before bytes that the gate counts.
#[test]
fn a_fin_in_the_middle_of_old_bytes_is_refused() {
    let (mut gate, mut talk) = open();
    let start = talk.client_next;
    talk.send(&mut gate, &read(1, 0, 1));
    talk.send(&mut gate, &read(2, 0, 1));
    let early = talk.from_client(start, DATA | flag::FIN, &read(1, 0, 1));
    gate.office(&early).refused(Reason::BadSegment);
}

#[test]
fn a_second_syn_is_the_first_one_or_refused() {
    let (mut gate, talk) = open();
    assert!(gate.office(&talk.syn()).left_by(LINE));
    assert!(gate.line(&talk.syn_ack()).left_by(OFFICE));
    let numbers = (1, talk.client_next);
    let other =
        Packet::tcp((PRESS_3_UNDERLAY, 502), (NAT, talk.nat), numbers, flag::SYN | flag::ACK, &[]);
    gate.line(&other).refused(Reason::BadSegment);
}

/// A client that was switched off and on again, with the port that it always uses.
#[test]
fn a_client_that_starts_anew_is_challenged_and_comes_again() {
    let (mut gate, mut talk) = open();
    let arrived = talk.client_next;
    assert!(talk.send(&mut gate, &read(1, 0, 1)).left_by(LINE));
    let anew = Packet::tcp(CLIENT, (PRESS_3, 502), (1, 0), flag::SYN, &[]);
    let challenge = gate.office(&anew);
    assert_eq!(challenge.verdict, Verdict::Answer(OFFICE, Reason::SynOnOpen));
    let seen = challenge.seen();
    assert_eq!((seen.src, seen.dst), ((PRESS_3, 502), CLIENT));
    assert_eq!((seen.numbers, seen.flags), ((talk.asset_next, arrived), flag::ACK));
    assert!(
        talk.send(&mut gate, &read(2, 0, 1)).left_by(LINE),
        "if it was forged, nothing changed"
    );
    let reset = Packet::tcp(CLIENT, (PRESS_3, 502), (arrived, 0), flag::RST, &[]);
    assert!(gate.office(&reset).left_by(LINE), "the client of RFC 9293 answers with this");
    assert!(gate.office(&anew).left_by(LINE));
}

/// A gate that was killed has forgotten the connection of a client with a fixed port; the asset has not, and asks
/// (RFC 5961 section 4). Without an answer it would go on asking until its keep-alive fails, two hours on Linux.
#[test]
fn an_asset_that_holds_an_older_connection_is_told_that_it_is_over() {
    let mut gate = Gate::new(&Plant::usual());
    let syn = Packet::tcp(CLIENT, (PRESS_3, 502), (1, 0), flag::SYN, &[]);
    assert!(gate.office(&syn).left_by(LINE));
    let of_old = |flags, ack, payload: &[u8]| {
        Packet::tcp((PRESS_3_UNDERLAY, 502), (NAT, 51000), (7000, ack), flags, payload)
    };
    for old in [of_old(flag::ACK, 9000, &[]), of_old(DATA, 9000, &values(1, &[7]))] {
        let answer = gate.line(&old);
        assert_eq!(answer.verdict, Verdict::Answer(LINE, Reason::HalfOpen));
        let seen = answer.seen();
        assert_eq!((seen.src, seen.dst), ((NAT, 51000), (PRESS_3_UNDERLAY, 502)));
        assert_eq!((seen.numbers.0, seen.flags), (9000, flag::RST), "as the client would");
        assert!(seen.payload.is_empty());
    }
    gate.line(&of_old(flag::RST | flag::ACK, 9000, &[])).refused(Reason::BadSegment);
    gate.line(&of_old(flag::ACK, 2, &[])).refused(Reason::BadSegment);
    assert!(gate.office(&syn).left_by(LINE), "the client's SYN comes again");
    assert!(gate.line(&of_old(flag::SYN | flag::ACK, 2, &[])).left_by(OFFICE));
}

#[test]
fn a_syn_that_was_never_answered_may_come_with_other_numbers() {
    let mut gate = Gate::new(&Plant::usual());
    let syn = |seq| Packet::tcp(CLIENT, (PRESS_3, 502), (seq, 0), flag::SYN, &[]);
    assert!(gate.office(&syn(1)).left_by(LINE));
    assert!(gate.office(&syn(900)).left_by(LINE));
    let answer = |ack| {
        let numbers = (7, ack);
        Packet::tcp((PRESS_3_UNDERLAY, 502), (NAT, 51000), numbers, flag::SYN | flag::ACK, &[])
    };
    gate.line(&answer(2)).refused(Reason::BadSegment);
    assert!(gate.line(&answer(901)).left_by(OFFICE));
}

#[test]
fn acknowledging_the_unsent_is_refused() {
    let (mut gate, mut talk) = open();
    talk.asset_next += 1;
    talk.send(&mut gate, &read(1, 0, 1)).refused(Reason::BadSegment);
    talk.asset_next -= 1;
    talk.client_next = talk.client_next.wrapping_sub(read(1, 0, 1).len() as u32);
    assert!(talk.send(&mut gate, &read(1, 0, 1)).left_by(LINE));
}

#[test]
fn a_segment_ahead_waits_for_the_one_before() {
    let (mut gate, mut talk) = open();
    let first = talk.from_client(talk.client_next, DATA, &read(1, 0, 1));
    let start = talk.client_next;
    talk.client_next = talk.client_next.wrapping_add(12);
    let ahead = talk.send(&mut gate, &read(2, 0, 1));
    assert_eq!((ahead.verdict, ahead.seen_on(OFFICE)[0].numbers.1), (Verdict::Kept, start));
    assert_eq!(ahead.payload_on(LINE), []);
    let both = [read(1, 0, 1), read(2, 0, 1)].concat();
    assert_eq!(gate.office(&first).payload_on(LINE), both);
    assert_eq!(gate.commands().len(), 2);
}

#[test]
fn the_same_bytes_again_pass_and_are_told_once() {
    let (mut gate, mut talk) = open();
    let segment = talk.from_client(talk.client_next, DATA, &read(1, 0, 1));
    talk.send(&mut gate, &read(1, 0, 1));
    let again = gate.office(&segment);
    assert_eq!(again.payload_on(LINE), read(1, 0, 1));
    assert_eq!(gate.commands().len(), 1);
    let answer = talk.from_asset(talk.asset_next, DATA, &values(1, &[1]));
    assert!(gate.line(&answer).left_by(OFFICE) && gate.line(&answer).left_by(OFFICE));
}

#[test]
fn other_bytes_in_their_place_do_not_pass() {
    let (mut gate, mut talk) = open();
    let start = talk.client_next;
    talk.send(&mut gate, &read(1, 0, 1));
    gate.office(&talk.from_client(start, DATA, &read(1, 0, 2))).refused(Reason::Ambiguous);
    gate.office(&talk.from_client(start, DATA, &write(1, 0, 1))).refused(Reason::Ambiguous);
    let longer = [write(1, 0, 1), read(2, 0, 1)].concat();
    gate.office(&talk.from_client(start, DATA, &longer)).refused(Reason::Ambiguous);
    assert_eq!(gate.commands().len(), 1);
}

/// They were acknowledged: the asset has them, and their sender is told so.
#[test]
fn bytes_that_have_arrived_do_not_pass_again() {
    let (mut gate, mut talk) = open();
    let start = talk.client_next;
    for n in 0..400 {
        talk.send(&mut gate, &read(n, 0, 1));
        assert!(talk.answer(&mut gate, &values(n, &[1])).left_by(OFFICE));
    }
    for bytes in [read(0, 0, 1), write(0, 0, 1)] {
        let again = gate.office(&talk.from_client(start, DATA, &bytes));
        assert_eq!(again.payload_on(LINE), []);
    }
}

#[test]
fn a_keep_alive_leaves_without_its_garbage_byte() {
    let (mut gate, mut talk) = open();
    talk.send(&mut gate, &read(1, 0, 9));
    assert!(talk.answer(&mut gate, &values(1, &[1; 9])).left_by(OFFICE));
    let last = talk.client_next.wrapping_sub(1);
    for payload in [&[0xee][..], &[9], &[]] {
        let alive = gate.office(&talk.from_client(last, flag::ACK, payload));
        let seen = &alive.seen_on(LINE)[0];
        assert_eq!((&seen.payload[..], seen.numbers.0), (&[][..], last));
    }
}

#[test]
fn a_keep_alive_may_come_before_the_first_byte() {
    let (mut gate, talk) = open();
    let last = talk.client_next.wrapping_sub(1);
    for payload in [&[][..], &[0]] {
        let alive = gate.office(&talk.from_client(last, flag::ACK, payload));
        assert_eq!(alive.payload_on(LINE), []);
        assert_eq!(alive.seen_on(LINE).len(), 1);
    }
}

/// Seed 963181 of the simulation: the probe's garbage was taken for the stream's byte, and the true one was
/// "other bytes" for ever.
#[test]
fn a_keep_alive_behind_what_was_lost_is_no_byte_of_the_stream() {
    let (mut gate, mut talk) = open();
    talk.send(&mut gate, &read(1, 0, 9));
    let answer = values(1, &[1; 9]);
    let last = talk.asset_next.wrapping_add(answer.len() as u32 - 1);
    let probe = gate.line(&talk.from_asset(last, flag::ACK, &[0xee]));
    assert_eq!(probe.payload_on(OFFICE), []);
    assert_eq!(talk.answer(&mut gate, &answer).payload_on(OFFICE), answer);
}

#[test]
fn a_denied_command_stays_behind_however_it_comes_again() {
    let (mut gate, mut talk) = open();
    let start = talk.client_next;
    let denied = talk.send(&mut gate, &write(1, 5, 5));
    assert_eq!(denied.reason(), Some(Reason::CommandDenied));
    let whole = talk.from_client(start, DATA, &write(1, 5, 5));
    let tail = talk.from_client(start.wrapping_add(4), DATA, &write(1, 5, 5)[4..]);
    for again in [gate.office(&whole), gate.office(&tail)] {
        assert_eq!(again.payload_on(LINE), []);
        assert_eq!(again.seen_on(OFFICE)[0].numbers.1, talk.client_next, "told that it came");
    }
    assert_eq!(gate.commands().len(), 1);
}

#[test]
fn a_denied_command_does_not_ride_again_before_new_bytes() {
    let (mut gate, mut talk) = open();
    let start = talk.client_next;
    talk.send(&mut gate, &write(1, 5, 5));
    let joined = [write(1, 5, 5), read(2, 0, 1)].concat();
    let outcome = gate.office(&talk.from_client(start, DATA, &joined));
    assert_eq!(outcome.payload_on(LINE), read(2, 0, 1), "the new bytes alone");
    assert_eq!(outcome.seen_on(LINE)[0].numbers.0, start, "where the denied ones were");
}

#[test]
fn nothing_of_a_split_command_leaves_before_its_verdict() {
    for (pdu, leaves) in [(write(1, 5, 5), false), (read(1, 5, 5), true)] {
        let (mut gate, mut talk) = open();
        for byte in &pdu[..pdu.len() - 1] {
            let held = talk.send(&mut gate, &[*byte]);
            assert_eq!((held.verdict, held.payload_on(LINE)), (Verdict::Kept, vec![]));
        }
        let told = gate.pass(Duration::from_millis(20));
        assert!(told.iter().all(|(port, _)| *port == OFFICE), "nothing to the asset");
        let told = Seen::read(&told[0].1);
        assert_eq!(told.numbers.1, talk.client_next, "who waits for it goes on (RFC 896)");
        let last = talk.send(&mut gate, &pdu[pdu.len() - 1..]);
        assert_eq!(last.payload_on(LINE), if leaves { pdu.clone() } else { vec![] });
        assert_eq!(gate.last_command().payload, pdu);
    }
}

#[test]
fn what_is_around_a_denied_command_leaves_without_it() {
    let (mut gate, mut talk) = open();
    let joined = [read(1, 0, 1), write(2, 5, 5), read(3, 0, 1)].concat();
    let outcome = talk.send(&mut gate, &joined);
    assert_eq!(outcome.payload_on(LINE), [read(1, 0, 1), read(3, 0, 1)].concat());
    let denied: Vec<_> = gate.commands().iter().map(|told| told.denied).collect();
    assert_eq!(denied, [None, Some(Reason::CommandDenied), None]);
}

#[test]
fn a_fin_behind_a_denied_command_leaves_alone() {
    let (mut gate, talk) = open();
    let joined = [read(1, 0, 1), write(2, 5, 5)].concat();
    let last = talk.from_client(talk.client_next, DATA | flag::FIN, &joined);
    let outcome = gate.office(&last);
    assert_eq!(outcome.payload_on(LINE), read(1, 0, 1));
    assert_eq!(outcome.seen_on(LINE).last().unwrap().flags & flag::FIN, flag::FIN);
}

/// Its rest will never come.
#[test]
fn a_fin_in_the_middle_of_a_command_leaves_without_its_beginning() {
    let (mut gate, mut talk) = open();
    talk.send(&mut gate, &read(1, 0, 1)[..5]);
    let fin = gate.office(&talk.from_client(talk.client_next, flag::ACK | flag::FIN, &[]));
    let seen = &fin.seen_on(LINE)[0];
    assert_eq!((&seen.payload[..], seen.flags & flag::FIN), (&[][..], flag::FIN));
    assert_eq!(seen.numbers.0, talk.client_next.wrapping_sub(5));
}

#[test]
fn what_is_not_the_protocol_resets_both_ends() {
    let (mut gate, mut talk) = open();
    let (first, asset) = (talk.client_next, talk.asset_next);
    let outcome = talk.send(&mut gate, b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(outcome.verdict, Verdict::Deny(Reason::NotTheProtocol));
    let [there, back] = [&outcome.seen_on(LINE)[0], &outcome.seen_on(OFFICE)[0]];
    assert_eq!((there.flags & flag::RST, there.numbers.0), (flag::RST, first));
    assert_eq!((back.flags & flag::RST, back.numbers.0), (flag::RST, asset));
    assert_eq!(talk.send(&mut gate, &read(1, 0, 1)).reason(), Some(Reason::FlowDead));
    assert_eq!(talk.answer(&mut gate, &values(1, &[1])).reason(), Some(Reason::FlowDead));
    assert_eq!(gate.commands().len(), 0);
    Talk::open(&mut gate, CLIENT);
    assert_eq!(gate.flow_ends(), [EndCause::NotTheProtocol]);
}

/// What is judged is told and counted, whatever comes behind it.
#[test]
fn a_command_in_front_of_garbage_is_told() {
    for (command, denied) in [(read(1, 0, 1), 0), (write(1, 0, 1), 1)] {
        let (mut gate, mut talk) = open();
        let joined = [&command[..], b"GET / HTTP/1.0"].concat();
        assert_eq!(talk.send(&mut gate, &joined).seen_on(LINE)[0].flags & flag::RST, flag::RST);
        let counters = gate.engine.counters();
        assert_eq!((counters.commands, counters.denied), (1, denied));
        assert_eq!(talk.send(&mut gate, &read(2, 0, 1)).reason(), Some(Reason::FlowDead));
    }
}

#[test]
fn responses_must_answer_and_be_whole() {
    let mut lying = values(1, &[1]);
    lying[8] = 4;
    let cases = [
        (None, values(1, &[1]), Reason::Unsolicited),
        (Some(read(1, 0, 1)), lying, Reason::MalformedResponse),
        (Some(write(1, 5, 5)), write(1, 5, 5), Reason::Unsolicited),
    ];
    for (request, response, reason) in cases {
        let (mut gate, mut talk) = open();
        // This asset obeys what it never got.
        gate.engine.set_captured(true);
        if let Some(request) = request {
            talk.send(&mut gate, &request);
        }
        let outcome = talk.answer(&mut gate, &response);
        assert_eq!((outcome.reason(), outcome.payload_on(OFFICE)), (Some(reason), vec![]));
    }
}

#[test]
fn bytes_that_nobody_reads_pass_both_ways() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open_to(&mut gate, CLIENT, (PRESS_3, 80));
    assert_eq!(talk.send(&mut gate, b"GET /").seen().payload, b"GET /");
    assert_eq!(talk.answer(&mut gate, b"<html>").seen().payload, b"<html>");
    assert_eq!(gate.commands().len(), 0);
}

fn open_unread() -> (Gate, Talk) {
    let mut gate = Gate::new(&Plant::usual());
    let talk = Talk::open_to(&mut gate, CLIENT, (PRESS_3, 80));
    (gate, talk)
}

#[test]
fn a_reset_must_fit_where_nobody_reads_too() {
    let (mut gate, talk) = open_unread();
    for off in [1u32, 100, 0xffff_ffff] {
        let seq = talk.client_next.wrapping_add(off);
        gate.office(&talk.from_client(seq, flag::RST, &[])).refused(Reason::BadSegment);
        let seq = talk.asset_next.wrapping_add(off);
        gate.line(&talk.from_asset(seq, flag::RST, &[])).refused(Reason::BadSegment);
    }
    assert!(gate.line(&talk.from_asset(talk.asset_next, flag::RST, &[])).left_by(OFFICE));
}

/// The asset closes while bytes are on their way to it, and resets once for each of them. Its FIN has
/// come and was acknowledged meanwhile.
#[test]
fn resets_that_have_crossed_the_fin_pass_and_end_nothing() {
    let (mut gate, mut talk) = open_unread();
    let fin = talk.asset_next;
    assert!(gate.line(&talk.from_asset(fin, flag::ACK | flag::FIN, &[])).left_by(OFFICE));
    talk.asset_next += 1;
    assert!(talk.send(&mut gate, b"late").left_by(LINE), "the FIN is acknowledged");
    for _ in 0..3 {
        let crossed = gate.line(&talk.from_asset(fin, flag::RST, &[])).seen();
        assert_eq!((crossed.flags, crossed.numbers.0), (flag::RST, fin), "as it came");
        assert!(talk.send(&mut gate, b"more").left_by(LINE), "its receiver decides");
    }
    gate.line(&talk.from_asset(fin - 1, flag::RST, &[])).refused(Reason::BadSegment);
    assert!(gate.line(&talk.from_asset(fin + 1, flag::RST, &[])).left_by(OFFICE));
    let over = talk.send(&mut gate, b"more");
    assert_eq!(over.verdict, Verdict::Answer(OFFICE, Reason::AfterReset));
}

/// What leaves for a reset that ends a connection has the number of the byte after all that has left.
#[test]
fn a_reset_that_has_crossed_an_acknowledged_fin_ends_no_connection_that_is_read() {
    for acknowledged in [false, true] {
        let (mut gate, mut talk) = open();
        let fin = talk.asset_next;
        assert!(gate.line(&talk.from_asset(fin, flag::ACK | flag::FIN, &[])).left_by(OFFICE));
        if acknowledged {
            talk.asset_next += 1;
            assert!(talk.send(&mut gate, &read(1, 0, 1)).left_by(LINE));
            gate.line(&talk.from_asset(fin, flag::RST, &[])).refused(Reason::BadSegment);
            assert!(talk.send(&mut gate, &read(2, 0, 1)).left_by(LINE), "it answers with another");
        }
        let last = gate.line(&talk.from_asset(talk.asset_next, flag::RST, &[]));
        let seen = &last.seen_on(OFFICE)[0];
        assert_eq!((seen.flags & flag::RST, seen.numbers.0), (flag::RST, fin + 1));
        assert_eq!(talk.send(&mut gate, &read(3, 0, 1)).reason(), Some(Reason::FlowDead));
    }
}

/// Its program was killed while it sent; its host resets with the number that it is told.
#[test]
fn a_reset_at_the_first_byte_under_way_ends_what_nobody_reads() {
    let (mut gate, mut talk) = open_unread();
    let arrived = talk.asset_next;
    assert!(talk.answer(&mut gate, b"lost on its way").left_by(OFFICE));
    let reset = gate.line(&talk.from_asset(arrived, flag::RST, &[])).seen();
    assert_eq!((reset.flags, reset.numbers.0), (flag::RST, arrived), "exact for its receiver");
    talk.send(&mut gate, b"?");
    Talk::open_to(&mut gate, CLIENT, (PRESS_3, 80));
    assert_eq!(gate.flow_ends(), [EndCause::Reset]);
}

/// Whoever has not got all bytes does not take the reset for exact and asks (RFC 5961 section 3).
#[test]
fn who_asks_after_a_reset_is_told_again() {
    let (mut gate, mut talk) = open_unread();
    let arrived = talk.asset_next;
    assert!(talk.answer(&mut gate, b"lost on its way").left_by(OFFICE));
    assert!(gate.line(&talk.from_asset(talk.asset_next, flag::RST, &[])).left_by(OFFICE));
    talk.asset_next = arrived;
    let asks = talk.from_client(talk.client_next, flag::ACK, &[]);
    let told = gate.office(&asks);
    assert_eq!(told.verdict, Verdict::Answer(OFFICE, Reason::AfterReset));
    assert_eq!((told.seen().flags, told.seen().numbers.0), (flag::RST, arrived));
    let reset = talk.from_client(talk.client_next, flag::RST | flag::ACK, &[]);
    gate.office(&reset).refused(Reason::AfterReset);
}

/// A SYN of somebody else's must not make a client forget bytes that the asset does not have.
#[test]
fn a_challenge_acknowledges_no_byte_that_has_not_arrived() {
    let (mut gate, mut talk) = open_unread();
    let arrived = talk.client_next;
    assert!(talk.send(&mut gate, b"GET /").left_by(LINE));
    let anew = Packet::tcp(CLIENT, (PRESS_3, 80), (1, 0), flag::SYN, &[]);
    assert_eq!(gate.office(&anew).seen().numbers, (talk.asset_next, arrived));
    let reset = Packet::tcp(CLIENT, (PRESS_3, 80), (arrived, 0), flag::RST, &[]);
    assert!(gate.office(&reset).left_by(LINE), "if it was meant");
    assert!(gate.office(&anew).left_by(LINE));
}

#[test]
fn who_only_observes_refuses_no_command() {
    let mut plant = Plant::usual();
    plant.rights[0].observe = true;
    let mut gate = Gate::new(&plant);
    let mut talk = Talk::open(&mut gate, CLIENT);
    let outcome = talk.send(&mut gate, &write(1, 5, 5));
    assert!(matches!(outcome.verdict, Verdict::Forward(_)));
    assert_eq!(gate.last_command().denied, Some(Reason::CommandDenied), "what a policy would say");
    assert!(talk.answer(&mut gate, &write(1, 5, 5)).left_by(OFFICE));
    assert!(talk.send(&mut gate, b"no modbus at all").left_by(LINE));
}
