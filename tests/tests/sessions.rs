//! Sessions, time, policy changes, and what happens when something runs out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use wicketgate_dissectors::{Class, Protocol};
use wicketgate_engine::event::EndCause;
use wicketgate_engine::tables::DenialStyle;
use wicketgate_engine::{EventKind, EventRing, Limits, Reason, SessionId, Verdict, Window};
use wicketgate_packet::Time;
use wicketgate_tests::frame::flag;
use wicketgate_tests::gate::START;
use wicketgate_tests::modbus::{read, values, write};
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Packet, Plant, Right, Talk};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);
const HMI_END: (Ipv4Addr, u16) = (HMI, 40000);
const HOUR: Duration = Duration::from_secs(3600);

fn syn(from: (Ipv4Addr, u16)) -> Packet {
    Packet::tcp(from, (PRESS_3, 502), (100, 0), flag::SYN, &[])
}

fn datagram(port: u16) -> Packet {
    Packet::udp((ALICE, port), (PRESS_3, 502), &read(port, 0, 1))
}

fn echo() -> Packet {
    Packet::icmp(ALICE, PRESS_3, (8, 0), (1, 1), b"ping")
}

#[test]
fn a_session_is_told_from_start_to_end() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open(&mut gate, CLIENT);
    talk.send(&mut gate, &read(1, 0, 1));
    talk.answer(&mut gate, &values(1, &[7]));
    talk.send(&mut gate, &write(2, 0, 1));
    let mut end = Vec::new();
    gate.engine.finish(gate.now, &mut gate.events, |ring| {
        end.extend(std::iter::from_fn(|| ring.pop()));
    });
    let EventKind::FlowEnd { cause, totals, .. } = end[0].kind else { panic!("{:?}", end[0]) };
    assert_eq!((cause, totals.commands, totals.denied), (EndCause::Shutdown, 2, 1));
    assert_eq!(totals.frames, 7, "handshake, request, answer, denial, acknowledgement");
    let EventKind::SessionEnd { totals: session, .. } = end[1].kind else { panic!() };
    assert_eq!(session, totals, "one flow, so the same");
    assert!(end.iter().all(|event| event.session == 1 && event.source == ALICE));
    assert_eq!((gate.engine.flow_count(), gate.sessions.list().count()), (0, 0));
}

#[test]
fn connections_of_one_tool_are_one_session() {
    let mut gate = Gate::new(&Plant::usual());
    for port in 51000..51010 {
        let mut talk = Talk::open(&mut gate, (ALICE, port));
        talk.close(&mut gate);
    }
    assert_eq!(gate.session_starts(), [1]);
    Talk::open(&mut gate, HMI_END);
    assert_eq!(gate.session_starts(), [1, 2], "another source is another session");
}

#[test]
fn revoking_refuses_the_very_next_frame() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open(&mut gate, CLIENT);
    assert!(gate.sessions.revoke(SessionId(1)));
    talk.send(&mut gate, &read(1, 0, 1)).refused(Reason::Revoked);
    assert_eq!(gate.flow_ends(), [EndCause::Revoked]);
    assert_eq!(talk.answer(&mut gate, &values(1, &[1])).reason(), Some(Reason::NoFlow));
}

/// The tool behind a revoked session tries again at once.
#[test]
fn a_revoked_session_opens_no_new_flow() {
    let mut gate = Gate::new(&Plant::usual());
    Talk::open(&mut gate, CLIENT);
    assert!(gate.sessions.revoke(SessionId(1)));
    for port in 51000..51010 {
        gate.office(&syn((ALICE, port))).refused(Reason::Revoked);
    }
    assert_eq!(gate.session_starts(), [1]);
    let mut gate = Gate::new(&Plant::usual());
    assert!(gate.office(&datagram(1)).left_by(LINE));
    assert!(gate.sessions.revoke(SessionId(1)));
    for port in [1, 1, 1, 2, 3] {
        gate.office(&datagram(port)).refused(Reason::Revoked);
    }
}

#[test]
fn a_revoked_session_ends_as_revoked() {
    let mut gate = Gate::new(&Plant::usual());
    Talk::open(&mut gate, CLIENT);
    gate.sessions.revoke(SessionId(1));
    gate.office(&syn(CLIENT)).refused(Reason::Revoked);
    gate.wait(Duration::from_secs(61));
    gate.age();
    assert_eq!(gate.session_ends(), [(1, EndCause::Revoked)]);
}

#[test]
fn a_revoked_session_gets_no_icmp_errors() {
    let mut gate = Gate::new(&Plant::usual());
    let request = gate.office(&datagram(1)).left.unwrap();
    gate.sessions.revoke(SessionId(1));
    let error = Packet::icmp(PRESS_3_UNDERLAY, NAT, (3, 3), (0, 0), &request[14..]);
    assert!(gate.line(&error).left.is_none());
}

#[test]
fn a_grant_expires_in_the_middle_of_a_flow() {
    let mut plant = Plant::usual();
    plant.rights[0].until = START + HOUR;
    let mut gate = Gate::new(&plant);
    let mut talk = Talk::open(&mut gate, CLIENT);
    gate.wait(HOUR - Duration::from_nanos(1));
    assert!(talk.send(&mut gate, &read(1, 0, 1)).left_by(LINE));
    gate.wait(Duration::from_nanos(1));
    talk.send(&mut gate, &read(2, 0, 1)).refused(Reason::Expired);
    assert_eq!(gate.flow_ends(), [EndCause::Expired]);
    gate.office(&syn(CLIENT)).refused(Reason::Expired);
}

fn windowed(plant: &mut Plant) {
    let window = Window { from: START + HOUR, until: START + 2 * HOUR };
    for right in &mut plant.rights {
        right.entries.iter_mut().for_each(|entry| entry.window = Some(window));
    }
}

#[test]
fn a_window_opens_and_closes() {
    let mut plant = Plant::usual();
    windowed(&mut plant);
    let mut gate = Gate::new(&plant);
    gate.office(&syn(CLIENT)).refused(Reason::OutsideWindow);
    gate.wait(HOUR);
    let mut talk = Talk::open(&mut gate, CLIENT);
    let mut web = Talk::open_to(&mut gate, CLIENT, (PRESS_3, 80));
    assert!(talk.send(&mut gate, &read(1, 0, 1)).left_by(LINE));
    assert!(web.send(&mut gate, b"GET /").left_by(LINE));
    gate.wait(HOUR);
    talk.send(&mut gate, &read(2, 0, 1)).refused(Reason::CommandOutsideWindow);
    web.send(&mut gate, b"GET /").refused(Reason::OutsideWindow);
    gate.office(&syn((ALICE, 9))).refused(Reason::OutsideWindow);
}

#[test]
fn a_window_closes_on_pings_that_go_on() {
    let mut plant = Plant::usual();
    windowed(&mut plant);
    let mut gate = Gate::new(&plant);
    gate.wait(2 * HOUR - Duration::from_secs(30));
    assert!(gate.office(&echo()).left_by(LINE));
    gate.wait(Duration::from_secs(30));
    assert!(gate.office(&echo()).left.is_none());
}

#[test]
fn a_flow_that_the_new_policy_still_gives_goes_on() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open(&mut gate, CLIENT);
    let mut plant = Plant::usual();
    plant.rights[0].entries = vec![entry(&[Class::Write])];
    plant.rights.rotate_left(3);
    gate.engine.install(plant.tables(2));
    talk.send(&mut gate, &read(1, 0, 1)).refused(Reason::CommandDenied);
    assert!(talk.send(&mut gate, &write(2, 0, 1)).left_by(LINE));
    assert_eq!((gate.session_starts().len(), gate.flow_ends().len()), (1, 0));
}

#[test]
fn a_flow_that_the_new_policy_takes_away_ends() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open(&mut gate, CLIENT);
    gate.engine.install(Plant::closed().tables(2));
    talk.answer(&mut gate, &[]).refused(Reason::Revoked);
    assert_eq!(gate.flow_ends(), [EndCause::PolicyChanged]);
    talk.send(&mut gate, &read(1, 0, 1)).refused(Reason::NoFlow);
}

/// Alice logs out, Bob logs in where she sat.
#[test]
fn another_user_at_the_same_address_is_another_session() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open(&mut gate, CLIENT);
    let mut plant = Plant::usual();
    plant.rights.iter_mut().for_each(|right| right.name.insert_str(0, "another "));
    gate.engine.install(plant.tables(2));
    talk.send(&mut gate, &read(1, 0, 1)).refused(Reason::Revoked);
    Talk::open(&mut gate, CLIENT);
    assert_eq!(gate.session_starts(), [1, 2]);
}

/// Grants are numbered anew in each epoch; the audit names by number.
#[test]
fn an_end_after_a_policy_change_names_nobody_else() {
    let mut rotated = Plant::usual();
    rotated.rights.rotate_left(5);
    for plant in [rotated, Plant::with(vec![Right::classes(HMI, MODBUS, &[Class::Read])])] {
        let mut gate = Gate::new(&Plant::usual());
        Talk::open(&mut gate, CLIENT);
        let tables = plant.tables(2);
        gate.engine.install(tables.clone());
        let mut ends = Vec::new();
        gate.engine.finish(gate.now, &mut gate.events, |ring| {
            ends.extend(std::iter::from_fn(|| ring.pop()));
        });
        assert_eq!(ends.len(), 2);
        for end in ends {
            let subject = end.grant.and_then(|id| tables.subject(tables.grant(id)?.subject));
            assert!(subject.is_none_or(|subject| subject.address == ALICE), "{end:?}");
        }
    }
}

/// Bytes that nobody read so far cannot be read from the middle on.
#[test]
fn a_door_that_is_read_from_now_on_ends_its_unread_flows() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open_to(&mut gate, CLIENT, (PRESS_3, 80));
    let plant = Plant { web: Protocol::Modbus, ..Plant::usual() };
    gate.engine.install(plant.tables(2));
    talk.send(&mut gate, &write(1, 0, 1)).refused(Reason::Revoked);
    assert_eq!(gate.flow_ends(), [EndCause::PolicyChanged]);
}

#[test]
fn an_asset_with_another_neighbour_is_not_spoken_to_at_the_old_one() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open(&mut gate, CLIENT);
    let press_3_mac = Some([2, 7, 7, 7, 7, 7]);
    gate.engine.install(Plant { press_3_mac, ..Plant::usual() }.tables(2));
    let outcome = talk.send(&mut gate, &read(1, 0, 1));
    let old = outcome.left.map(|frame| frame[..6].to_vec());
    assert_ne!(old, Some(PRESS_MAC.to_vec()));
}

#[test]
fn pings_end_with_the_policy_that_gave_them() {
    let mut gate = Gate::new(&Plant::usual());
    assert!(gate.office(&echo()).left_by(LINE));
    let mut plant = Plant::usual();
    plant.rights[2].entries = vec![entry(&[Class::Read])];
    gate.engine.install(plant.tables(2));
    assert!(gate.office(&echo()).left.is_none());
}

#[test]
fn full_tables_refuse_and_forget_nothing() {
    let limits = Limits { flows: 4, streams: 64, ..Limits::default() };
    let mut gate = Gate::with_limits(&Plant::usual(), limits, 64);
    let mut talks: Vec<Talk> =
        (0..4).filter_map(|n| open_if_room(&mut gate, (HMI, 51000 + n))).collect();
    let flows = talks.len();
    gate.office(&syn((HMI, 9))).refused(Reason::FlowTableFull);
    talks.iter_mut().for_each(|talk| assert!(talk.send(&mut gate, &read(1, 0, 1)).left_by(LINE)));
    talks[0].close(&mut gate);
    gate.wait(Duration::from_secs(241));
    gate.age();
    assert_eq!(gate.engine.flow_count(), flows - 1);
    Talk::open(&mut gate, (HMI, 9));
}

#[test]
fn the_last_places_are_the_machines() {
    for (limits, sessions, reason) in [
        (Limits { flows: 32, streams: 256, ..Limits::default() }, 256, Reason::FlowTableFull),
        (Limits { flows: 256, streams: 32, ..Limits::default() }, 256, Reason::StreamsUsedUp),
    ] {
        let mut gate = Gate::with_limits(&Plant::usual(), limits, sessions);
        for port in 0..30 {
            Talk::open(&mut gate, (ALICE, 51000 + port));
        }
        gate.office(&syn((ALICE, 9))).refused(reason);
        Talk::open(&mut gate, (HMI, 1));
        Talk::open(&mut gate, (HMI, 2));
        gate.office(&syn((HMI, 3))).refused(reason);
    }
}

#[test]
fn the_last_sessions_are_the_machines() {
    let mut plant = Plant::usual();
    let people = (0..16).map(|n| Ipv4Addr::new(10, 0, 0, n + 1));
    plant.rights.extend(people.clone().map(|who| Right::classes(who, MODBUS, &[Class::Read])));
    let mut gate =
        Gate::with_limits(&plant, Limits { flows: 256, streams: 256, ..Limits::default() }, 16);
    let reasons: Vec<_> = people.map(|who| gate.office(&syn((who, 9))).reason()).collect();
    assert_eq!(reasons[14..], [None, Some(Reason::SessionTableFull)]);
    Talk::open(&mut gate, HMI_END);
}

fn open_if_room(gate: &mut Gate, from: (Ipv4Addr, u16)) -> Option<Talk> {
    (gate.engine.flow_count() < 4).then(|| Talk::open(gate, from))
}

#[test]
fn a_full_session_table_refuses() {
    let mut gate = Gate::with_limits(
        &Plant::usual(),
        Limits { flows: 64, streams: 64, ..Limits::default() },
        1,
    );
    Talk::open(&mut gate, HMI_END);
    gate.office(&syn(CLIENT)).refused(Reason::SessionTableFull);
    Talk::open(&mut gate, (HMI, 40001));
}

#[test]
fn used_up_streams_refuse_and_come_back() {
    let mut gate = Gate::with_limits(
        &Plant::usual(),
        Limits { flows: 64, streams: 2, ..Limits::default() },
        64,
    );
    let first = Talk::open(&mut gate, (HMI, 1));
    Talk::open(&mut gate, (HMI, 2));
    gate.office(&syn((HMI, 3))).refused(Reason::StreamsUsedUp);
    assert!(gate.office(&first.from_client(first.client_next, flag::RST, &[])).left_by(LINE));
    gate.wait(Duration::from_secs(11));
    gate.age();
    Talk::open(&mut gate, (HMI, 3));
}

#[test]
fn when_the_audit_is_full_people_go_first_then_writes_then_reads() {
    let mut plant = Plant::usual();
    plant.rights.iter_mut().for_each(|right| right.denial = DenialStyle::Drop);
    let mut gate = Gate::new(&plant);
    gate.events = EventRing::new(0);
    let mut alice = Talk::open(&mut gate, CLIENT);
    let mut hmi = Talk::open(&mut gate, HMI_END);
    gate.holds_events = true;
    let refused = |outcome: wicketgate_tests::Outcome| outcome.reason() == Some(Reason::AuditFull);
    let mut order = Vec::new();
    // The asset acknowledges, as if there were no gate.
    gate.engine.set_captured(true);
    for n in 0..400 {
        let _ = gate.line(&hmi.from_asset(hmi.asset_next, flag::ACK, &[]));
        for (who, full) in [
            ("people", refused(alice.send(&mut gate, &read(n, 0, 1)))),
            ("machine writes", refused(hmi.send(&mut gate, &write(n, 0, 1)))),
            ("machine reads", refused(hmi.send(&mut gate, &read(n, 0, 1)))),
        ] {
            if full && !order.contains(&who) {
                order.push(who);
            }
        }
    }
    assert_eq!(order, ["people", "machine writes", "machine reads"]);
    gate.office(&syn((ALICE, 7))).refused(Reason::AuditFull);
    gate.holds_events = false;
    gate.read_events();
    let told = gate.commands().len() as u64;
    assert_eq!(told, 128, "every slot tells of a command, none was overwritten");
    assert!(hmi.send(&mut gate, &read(999, 0, 1)).left_by(LINE), "room again");
}

/// Whoever is refused has no room of the machines' to fill.
#[test]
fn strangers_do_not_fill_the_audit() {
    let mut gate = Gate::new(&Plant::usual());
    gate.events = EventRing::new(0);
    let mut hmi = Talk::open(&mut gate, HMI_END);
    gate.holds_events = true;
    for port in 0..1000 {
        gate.office(&syn((STRANGER, port))).refused(Reason::NoGrant);
    }
    assert!(hmi.send(&mut gate, &write(1, 0, 1)).left_by(LINE));
    assert!(gate.events.lost() > 0, "what was not told is counted");
}

#[test]
fn a_machine_session_starts_only_where_both_its_events_fit() {
    let mut gate = Gate::new(&Plant::usual());
    gate.events = EventRing::new(0);
    let mut hmi = Talk::open(&mut gate, HMI_END);
    gate.holds_events = true;
    for n in 0..127 {
        hmi.send(&mut gate, &read(n, 0, 1));
    }
    let mut plant = Plant::usual();
    plant.rights.push(Right::classes(HMI, WEB, &[Class::Session]));
    gate.engine.install(plant.tables(2));
    let web = Packet::tcp((HMI, 40002), (PRESS_3, 80), (100, 0), flag::SYN, &[]);
    gate.office(&web).refused(Reason::AuditFull);
}

#[test]
fn idle_flows_end_by_the_clock_that_is_handed_in() {
    let mut gate = Gate::new(&Plant::usual());
    Talk::open(&mut gate, CLIENT);
    gate.office(&datagram(1));
    gate.office(&echo());
    gate.office(&syn((ALICE, 9)));
    let mut left = Vec::new();
    for seconds in [61, 241, 301, 2 * 3600 + 4 * 60 + 1] {
        gate.now = START + Duration::from_secs(seconds);
        gate.age();
        left.push(gate.engine.flow_count());
    }
    assert_eq!(left, [3, 2, 1, 0], "echo, half open, UDP, established");
    assert_eq!(gate.flow_ends(), [EndCause::Idle; 4]);
}

/// Ageing leaves a flow alone for a while once it has looked at it.
#[test]
fn what_is_reset_right_after_ageing_looked_at_it_ends_as_soon() {
    let mut gate = Gate::new(&Plant::usual());
    let talk = Talk::open(&mut gate, CLIENT);
    gate.wait(Duration::from_secs(20));
    gate.age();
    gate.office(&talk.from_client(talk.client_next, flag::RST, &[]));
    gate.wait(Duration::from_secs(11));
    gate.age();
    assert_eq!(gate.flow_ends(), [EndCause::Reset]);
}

#[test]
fn an_idle_flow_is_refused_before_ageing_comes_to_it() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open(&mut gate, CLIENT);
    gate.wait(Duration::from_secs(2 * 3600 + 4 * 60 + 1));
    assert_eq!(talk.send(&mut gate, &read(1, 0, 1)).reason(), Some(Reason::NoFlow));
    assert_eq!(gate.flow_ends(), [EndCause::Idle]);
}

#[test]
fn a_session_lingers_for_a_tool_that_reconnects() {
    let mut gate = Gate::new(&Plant::usual());
    let talk = Talk::open(&mut gate, CLIENT);
    gate.office(&talk.from_client(talk.client_next, flag::RST, &[]));
    gate.wait(Duration::from_secs(11));
    gate.age();
    assert_eq!(gate.flow_ends(), [EndCause::Reset]);
    gate.wait(Duration::from_secs(30));
    gate.age();
    Talk::open(&mut gate, CLIENT);
    assert_eq!((gate.session_starts(), gate.session_ends()), (vec![1], vec![]));
    let talk = Talk::open(&mut gate, (ALICE, 51001));
    gate.now = START + HOUR * 3;
    gate.age();
    gate.wait(Duration::from_secs(61));
    gate.age();
    assert_eq!(gate.session_ends(), [(1, EndCause::Idle)]);
    gate.office(&talk.syn());
    assert_eq!(gate.session_starts(), [1, 2]);
}

#[test]
fn a_clock_that_steps_back_ends_nothing() {
    let mut gate = Gate::new(&Plant::usual());
    let mut talk = Talk::open(&mut gate, CLIENT);
    gate.now = Time::EPOCH;
    gate.age();
    let outcome = talk.send(&mut gate, &read(1, 0, 1));
    assert!(matches!(outcome.verdict, Verdict::Forward(_)));
}
