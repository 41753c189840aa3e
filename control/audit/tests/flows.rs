//! What the commands of a flow have in common is written once: no record may have it of another flow, or of
//! other tables.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests assert by panicking")]

mod common;

use std::net::Ipv4Addr;

use common::{GATE, HMI, START, event, plant, tables, write_register};
use wicketgate_audit::{AuditLog, MAX_NAME};
use wicketgate_dissectors::Protocol;
use wicketgate_engine::event::CommandEvent;
use wicketgate_engine::{EndpointId, Event, EventKind, GrantId, Tables};

/// What the records tell of events, one after the other in one log: without what ties a record to its place.
fn told(events: &[(&Tables, Event)]) -> Vec<String> {
    let mut log = AuditLog::new(Vec::new(), GATE, 7, START).unwrap();
    events.iter().for_each(|(tables, event)| log.record(tables, event).unwrap());
    let lines = String::from_utf8(log.finish().unwrap().0).unwrap();
    let fields = |line: &str| {
        let (_, fields) = line.split_once("\"result\":").unwrap();
        fields.split_once(",\"prev\":").unwrap().0.to_owned()
    };
    lines.lines().skip(1).map(fields).collect()
}

fn alone(tables: &Tables, event: &Event) -> String {
    told(&[(tables, event.clone())]).remove(0)
}

/// A command, and each that differs from it in one thing that its flow has.
fn neighbours() -> Vec<Event> {
    let command = event(0, EventKind::Command(write_register()));
    let of = |command| event(0, EventKind::Command(command));
    vec![
        command.clone(),
        Event { session: 2, ..command.clone() },
        Event { grant: HMI, ..command.clone() },
        Event { grant: None, ..command.clone() },
        Event { grant: Some(GrantId(99)), ..command.clone() },
        Event { source: Ipv4Addr::new(192, 168, 20, 32), ..command.clone() },
        Event { source_port: 51001, ..command.clone() },
        of(CommandEvent { endpoint: EndpointId(9), ..write_register() }),
        of(CommandEvent { protocol: Protocol::Tcp, ..write_register() }),
    ]
}

#[test]
fn each_command_is_told_with_its_own_flow() {
    let plant = plant();
    let neighbours = neighbours();
    let apart: Vec<_> = neighbours.iter().map(|event| alone(&plant, event)).collect();
    let mut different = apart.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), neighbours.len());
    for (first, one) in neighbours.iter().zip(&apart) {
        for (second, other) in neighbours.iter().zip(&apart) {
            let events = [first, second, first, second].map(|event| (&plant, event.clone()));
            assert_eq!(told(&events), [one, other, one, other].map(String::as_str));
        }
    }
}

#[test]
fn more_flows_than_are_kept_have_each_its_own_fields() {
    let plant = plant();
    let command = event(0, EventKind::Command(write_register()));
    let of = |session: u64| Event { session, source_port: session as u16, ..command.clone() };
    let events: Vec<_> = (1..=5_000).chain(1..=5_000).map(|flow| (&plant, of(flow))).collect();
    for (line, (_, event)) in told(&events).iter().zip(&events) {
        let (session, port) = (event.session, event.source_port);
        let known = format!(
            "\"session\":{session},\"client\":\"192.168.20.31\",\"client_port\":{port},\"asset\""
        );
        assert!(line.contains(&known), "{line}");
    }
}

#[test]
fn another_epoch_has_its_own_names() {
    let command = event(0, EventKind::Command(write_register()));
    let (before, after) = (plant(), common::tables_of(8, "bob", "press-4", "bob sets the speed"));
    let told = told(&[&before, &after, &before].map(|tables| (tables, command.clone())));
    let named = |name: &str| told.iter().map(|line| line.contains(name)).collect::<Vec<_>>();
    assert_eq!(named("\"user\":\"alice\""), [true, false, true]);
    assert_eq!(named("\"user\":\"bob\""), [false, true, false]);
    assert_eq!(named("\"asset\":\"press-4\""), [false, true, false]);
    assert_eq!(named("\"rule\":\"bob sets the speed\",\"epoch\":8"), [false, true, false]);
}

#[test]
fn long_names_are_told_each_time() {
    for letter in ["x", "\u{1}"] {
        let name = letter.repeat(MAX_NAME);
        let tables = tables(&name, &name, &name);
        let command = event(0, EventKind::Command(write_register()));
        let first = alone(&tables, &command);
        let all = vec![(&tables, command); 3];
        assert_eq!(told(&all), [&*first; 3]);
        assert!(first.contains(&serde_json::to_string(&name).unwrap()));
    }
}
