//! A small plant, and one event of each kind in it.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of this")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests assert by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use wicketgate_audit::{Act, Alarm, AuditLog, Budget, Deed, Summary};
use wicketgate_dissectors::{Class, Protocol, Space, Transport};
use wicketgate_engine::event::{CommandEvent, EndCause, IoEndCause, Label, PAYLOAD, Totals};
use wicketgate_engine::tables::{
    Asset, DenialStyle, ETHERNET_MTU, Endpoint, Grant, Port, Side, Subject,
};
use wicketgate_engine::{
    AssetId, EndpointId, Event, EventKind, GrantId, Matcher, Reason, RuleId, Tables, TablesBuilder,
};
use wicketgate_packet::{PortId, Time};

pub const GATE: &str = "gate-1";
/// 2020-06-27T11:50:49.419685000Z.
pub const START: Time = Time::from_nanos(1_593_258_649_419_685_000);
pub const ALICE: Option<GrantId> = Some(GrantId(0));
pub const HMI: Option<GrantId> = Some(GrantId(1));
pub const TOTALS: Totals = Totals { frames: 42, bytes: 3108, commands: 12, denied: 2 };
const OFFICE: Ipv4Addr = Ipv4Addr::new(192, 168, 20, 31);

/// An asset, a person and a machine, under these names.
pub fn tables(user: &str, asset: &str, rule: &str) -> Tables {
    tables_of(7, user, asset, rule)
}

/// The same of this epoch.
pub fn tables_of(epoch: u32, user: &str, asset: &str, rule: &str) -> Tables {
    let mut tables = TablesBuilder::default();
    let address = Ipv4Addr::new(192, 168, 10, 2);
    let mtu = ETHERNET_MTU;
    tables.add_port(Port { name: "line".into(), side: Side::Underlay, mac: [2; 6], address, mtu });
    let asset = tables.add_asset(Asset {
        name: asset.into(),
        zone: "press-line".into(),
        port: PortId(0),
        vlan: None,
        overlay: Ipv4Addr::new(100, 64, 10, 20),
        underlay: Ipv4Addr::new(192, 168, 10, 20),
        mac: None,
        pinned: false,
        cycle: None,
        owner: Default::default(),
    });
    let (protocol, transport) = (Protocol::Modbus, Transport::Tcp);
    let endpoint = tables.add_endpoint(Endpoint { asset, protocol, transport, port: 502 });
    for (name, essential) in [(user, false), ("hmi-1 runs press-3", true)] {
        let (address, port, mac) = (OFFICE, None, None);
        let subject =
            tables.add_subject(Subject { name: name.into(), essential, address, port, mac });
        let (matcher, until, observe) = (Matcher::default(), Time::NEVER, false);
        tables.add_grant(Grant {
            rate: None,
            subject,
            endpoint,
            matcher,
            until,
            right: 0,
            denial: DenialStyle::Reply,
            observe,
            record: false,
        });
    }
    tables.add_rule(rule.into());
    tables.add_rule("hmi-1 runs press-3".into());
    tables.build(epoch).unwrap()
}

pub fn plant() -> Tables {
    tables("alice", "press-3", "maintenance sets the speed")
}

/// Alice's event, `millis` after the start.
pub fn event(millis: u64, kind: EventKind) -> Event {
    let time = START + Duration::from_millis(millis);
    Event { time, session: 1, grant: ALICE, source: OFFICE, source_port: 51000, kind }
}

/// Writing 1500 to register 100, forwarded.
pub fn write_register() -> CommandEvent {
    command(&[0, 1, 0, 0, 0, 6, 1, 6, 0, 100, 5, 220])
}

fn command(pdu: &[u8]) -> CommandEvent {
    let mut payload = [0; PAYLOAD];
    payload[..pdu.len()].copy_from_slice(pdu);
    CommandEvent {
        endpoint: EndpointId(0),
        protocol: Protocol::Modbus,
        class: Class::Write,
        name: "write-single-register",
        function: 6,
        sub: None,
        unit: 1,
        object: (Space::HoldingRegisters, 100, 1),
        tag: Label::EMPTY,
        denied: None,
        observed: false,
        rule: Some(RuleId(0)),
        payload,
        payload_len: pdu.len() as u16,
    }
}

fn restart() -> CommandEvent {
    CommandEvent {
        class: Class::Mode,
        name: "restart-communications",
        function: 8,
        sub: Some(1),
        object: (Space::None, 0, 0),
        denied: Some(Reason::CommandDenied),
        rule: None,
        ..command(&[0, 2, 0, 0, 0, 6, 1, 8, 0, 1, 0, 0])
    }
}

fn read_file() -> CommandEvent {
    CommandEvent {
        class: Class::FileRead,
        name: "read-file-record",
        function: 20,
        object: (Space::File(4), 1, 2),
        denied: Some(Reason::AddressDenied),
        observed: true,
        ..command(&[0, 3, 0, 0, 0, 10, 1, 20, 7, 6, 0, 4, 0, 1, 0, 2])
    }
}

fn refused(asset: Option<AssetId>, destination: [u8; 4], port: u16, reason: Reason) -> EventKind {
    EventKind::Refused { subject: None, asset, destination: destination.into(), port, reason }
}

/// What the datagrams of an I/O connection bear.
const IO: [u32; 2] = [0x0011_2233, 0x7777_0001];

/// One event of each kind, and of each way a record can look.
pub fn events() -> Vec<Event> {
    let nobody = |event| Event { session: 0, grant: None, ..event };
    let cause = EndCause::Closed;
    let no_grant = refused(Some(AssetId(0)), [100, 64, 10, 20], 502, Reason::NoGrant);
    let no_asset = refused(None, [100, 64, 99, 99], 0, Reason::NoAsset);
    vec![
        event(0, EventKind::SessionStart),
        event(0, EventKind::FlowStart { endpoint: EndpointId(0), nat_port: 51000 }),
        event(3, EventKind::Command(write_register())),
        event(4, EventKind::Command(restart())),
        event(5, EventKind::Command(read_file())),
        nobody(event(6, no_grant)),
        nobody(Event { source_port: 0, ..event(7, no_asset) }),
        event(8, EventKind::FlowEnd { endpoint: EndpointId(0), cause, totals: TOTALS }),
        event(9, EventKind::SessionEnd { cause: EndCause::Expired, totals: TOTALS }),
        Event { session: 2, grant: HMI, ..event(10, EventKind::SessionStart) },
        Event { session: 2, grant: HMI, ..event(11, EventKind::IoStart { ids: IO }) },
        Event {
            session: 2,
            grant: HMI,
            ..event(12, EventKind::IoEnd { ids: IO, cause: IoEndCause::Closed })
        },
    ]
}

/// The log of these events.
pub fn log_of(tables: &Tables, events: &[Event]) -> (Vec<u8>, Summary) {
    let mut log = AuditLog::new(Vec::new(), GATE, tables.epoch(), START).unwrap();
    for event in events {
        log.record(tables, event).unwrap();
    }
    log.finish().unwrap()
}

/// What people did: a login and a grant from request to end, what is refused, who does it.
pub fn acts() -> Vec<Act<'static>> {
    let person = Act {
        user: Some("alice"),
        login: Some(4),
        client: Some([192, 168, 20, 31].into()),
        ..Act::new(Deed::Login)
    };
    let grant = Act {
        grant: Some(5),
        asset: Some("press-3"),
        rule: Some("maintenance sets the speed"),
        ..person
    };
    let actor = Some("root (uid 0)");
    vec![
        Act {
            refused: true,
            login: None,
            actor,
            what: Some("password totp"),
            reason: Some("reused-code"),
            ..Act { deed: Deed::LoginRefused, ..person }
        },
        Act { actor, what: Some("password totp"), ..person },
        Act { deed: Deed::GrantRequested, text: Some("new tool, order 4711"), ..grant },
        Act { deed: Deed::GrantApproved, actor: Some("bob"), ..grant },
        Act { deed: Deed::GrantBegun, ..grant },
        Act { deed: Deed::GrantRevoked, actor, reason: Some("revoked"), ..grant },
        Act { deed: Deed::Logout, reason: Some("given-back"), ..person },
        Act { user: Some("mallory"), actor, ..Act::new(Deed::UserDisabled) },
        Act { refused: true, actor: Some("signal"), ..Act::new(Deed::PolicyReload) },
        Act {
            refused: true,
            actor: Some("otto (uid 1007)"),
            what: Some("DELETE /v1/sessions/{id}"),
            times: Some(314),
            reason: Some("forbidden"),
            ..Act::new(Deed::RequestRefused)
        },
    ]
}

/// A budget that is breached in one window, and kept in the next.
pub fn budgets() -> [Budget<'static>; 2] {
    let [window, cycle] = [60_000, 10].map(std::time::Duration::from_millis);
    let (asset, floor, cycle) = ("press-3", Some(1_850), Some((cycle, cycle / 100)));
    let breached = Budget { asset, worker: 0, frames: 12_000, over: 314, window, cycle, floor };
    [breached, Budget { frames: 11_998, over: 0, ..breached }]
}

/// The log of [`events`], of an alarm, of [`acts`], and of [`budgets`].
pub fn log() -> (Vec<u8>, Summary) {
    let tables = plant();
    let mut log = AuditLog::new(Vec::new(), GATE, tables.epoch(), START).unwrap();
    for event in events() {
        log.record(&tables, &event).unwrap();
    }
    for (seconds, on) in [(1, true), (61, false)] {
        let time = START + std::time::Duration::from_secs(seconds);
        log.alarm(time, tables.epoch(), Alarm::KernelForwards, on).unwrap();
    }
    for (act, seconds) in acts().iter().zip(62..) {
        let time = START + std::time::Duration::from_secs(seconds);
        log.act(time, tables.epoch(), act).unwrap();
    }
    for (budget, breached) in budgets().iter().zip([true, false]) {
        let time = START + std::time::Duration::from_secs(if breached { 120 } else { 180 });
        log.budget(time, tables.epoch(), budget, breached).unwrap();
    }
    log.finish().unwrap()
}

/// Its lines, each with its newline.
pub fn lines(log: &[u8]) -> Vec<&[u8]> {
    log.split_inclusive(|byte| *byte == b'\n').collect()
}
