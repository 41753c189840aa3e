//! Commands against grants.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;

use wicketgate_dissectors::{Class, ClassSet, Space};
use wicketgate_engine::{CodeSet, Entry, RangeSet, Reason, SpaceSet, ValueRule, Verdict};
use wicketgate_tests::modbus::*;
use wicketgate_tests::plant::*;
use wicketgate_tests::{Gate, Outcome, Packet, Plant, Right, Talk};

const CLIENT: (Ipv4Addr, u16) = (ALICE, 51000);

/// Alice may do what these entries say, over TCP and UDP.
fn plant(entries: Vec<Entry>) -> Plant {
    let right = |door| Right::new(ALICE, door, entries.clone());
    Plant::with(vec![right(MODBUS), right(MODBUS_UDP)])
}

/// What a fresh gate says to one request over TCP.
fn verdict(entries: &[Entry], request: &[u8]) -> Option<Reason> {
    let mut gate = Gate::new(&plant(entries.to_vec()));
    let mut talk = Talk::open(&mut gate, CLIENT);
    let outcome = talk.send(&mut gate, request);
    let told = gate.last_command();
    assert_eq!(told.denied, outcome.reason(), "what is told is what happened");
    assert_eq!(gate.commands().len(), 1, "one command, one event");
    assert_eq!(told.payload, request);
    outcome.reason()
}

fn ranges(list: &[(u32, u32)]) -> RangeSet {
    RangeSet::of(list.to_vec())
}

/// `{ class = "write", address = "100-119", value = "0-1500" }` and reading.
fn speeds() -> Vec<Entry> {
    let writes = Entry {
        addresses: ranges(&[(100, 119)]),
        values: ValueRule::In(ranges(&[(0, 1500)])),
        ..entry(&[Class::Write])
    };
    vec![entry(&[Class::Read]), writes]
}

#[test]
fn single_and_multiple_writes_by_address_and_value() {
    let say = |request: &[u8]| verdict(&speeds(), request);
    assert_eq!(say(&write(1, 100, 1500)), None);
    assert_eq!(say(&write(1, 119, 0)), None);
    assert_eq!(say(&write(1, 99, 0)), Some(Reason::AddressDenied));
    assert_eq!(say(&write(1, 120, 0)), Some(Reason::AddressDenied));
    assert_eq!(say(&write(1, 100, 1501)), Some(Reason::ValueDenied));
    assert_eq!(say(&write_many(1, 110, &[1; 10])), None);
    assert_eq!(say(&write_many(1, 110, &[1; 11])), Some(Reason::AddressDenied));
    assert_eq!(say(&write_many(1, 110, &[1, 1501])), Some(Reason::ValueDenied));
}

#[test]
fn both_ranges_of_read_write_are_judged() {
    let say = |request: &[u8]| verdict(&speeds(), request);
    assert_eq!(say(&read_write(1, (0, 9), 100, &[5])), None);
    assert_eq!(say(&read_write(1, (0, 9), 99, &[5])), Some(Reason::AddressDenied));
    assert_eq!(say(&read_write(1, (0, 9), 100, &[1501])), Some(Reason::ValueDenied));
    let reads = Entry { addresses: ranges(&[(0, 9)]), ..entry(&[Class::Read]) };
    let both = [reads, speeds().remove(1)];
    assert_eq!(verdict(&both, &read_write(1, (0, 10), 100, &[5])), None);
    assert_eq!(verdict(&both, &read_write(1, (0, 11), 100, &[5])), Some(Reason::AddressDenied));
    let only_reads = [entry(&[Class::Read])];
    assert_eq!(
        verdict(&only_reads, &read_write(1, (0, 1), 100, &[5])),
        Some(Reason::CommandDenied)
    );
    let only_writes = [entry(&[Class::Write])];
    assert_eq!(
        verdict(&only_writes, &read_write(1, (0, 1), 100, &[5])),
        Some(Reason::CommandDenied)
    );
}

#[test]
fn a_write_is_told_by_what_it_writes() {
    let mut gate = Gate::new(&plant(speeds()));
    let mut talk = Talk::open(&mut gate, CLIENT);
    talk.send(&mut gate, &read_write(1, (0, 9), 100, &[5, 6]));
    assert_eq!(gate.last_command().object, (Space::HoldingRegisters, 100, 2));
}

#[test]
fn units_spaces_quantities_and_functions() {
    let unit = [Entry { units: ranges(&[(2, 4)]), ..entry(&[Class::Read]) }];
    let read_of = |unit| adu_of(1, unit, &[3, 0, 0, 0, 1]);
    assert_eq!(verdict(&unit, &read_of(3)), None);
    assert_eq!(verdict(&unit, &read_of(1)), Some(Reason::UnitDenied));
    let few = [Entry { quantity: Some(10), ..entry(&[Class::Read]) }];
    assert_eq!(verdict(&few, &read(1, 0, 10)), None);
    assert_eq!(verdict(&few, &read(1, 0, 11)), Some(Reason::QuantityDenied));
    let spaces = SpaceSet::of(&[Space::Coils]);
    let coils = [Entry { spaces, ..entry(&[Class::Read]) }];
    assert_eq!(verdict(&coils, &adu(1, &[1, 0, 0, 0, 1])), None);
    assert_eq!(verdict(&coils, &read(1, 0, 1)), Some(Reason::AddressDenied));
    let six = [Entry { functions: CodeSet::Codes([6].into()), ..entry(&[Class::Write]) }];
    assert_eq!(verdict(&six, &write(1, 0, 1)), None);
    assert_eq!(verdict(&six, &write_many(1, 0, &[1])), Some(Reason::CommandDenied));
}

#[test]
fn a_mask_write_passes_by_its_bits() {
    let bits = [Entry { values: ValueRule::Bits(0x000f), ..entry(&[Class::Write]) }];
    assert_eq!(verdict(&bits, &mask(1, 0, 0xfff0, 0x0005)), None);
    assert_eq!(verdict(&bits, &mask(1, 0, 0xffe0, 0x0005)), Some(Reason::ValueDenied));
    assert_eq!(verdict(&speeds(), &mask(1, 100, 0, 1500)), None, "sets the whole register");
    assert_eq!(verdict(&speeds(), &mask(1, 100, 0, 1501)), Some(Reason::ValueDenied));
    assert_eq!(verdict(&speeds(), &mask(1, 100, 1, 0)), Some(Reason::ValueDenied), "unknown");
    assert_eq!(verdict(&speeds(), &mask(1, 99, 0, 0)), Some(Reason::AddressDenied));
}

#[test]
fn an_unknown_function_passes_by_its_code_alone() {
    let vendor = adu(1, &[100, 1, 2, 3]);
    let every_class: Vec<Class> =
        Class::ALL.iter().copied().filter(|class| *class != Class::Unknown).collect();
    assert_eq!(verdict(&[entry(&every_class)], &vendor), Some(Reason::CommandDenied));
    let functions = CodeSet::Codes([100].into());
    let by_code = [Entry { functions, classes: ClassSet::EMPTY, ..entry(&[]) }];
    assert_eq!(verdict(&by_code, &vendor), None);
    assert_eq!(verdict(&by_code, &adu(1, &[101, 1, 2, 3])), Some(Reason::CommandDenied));
    assert_eq!(verdict(&by_code, &read(1, 0, 1)), Some(Reason::CommandDenied));
}

#[test]
fn what_contradicts_itself_is_denied_and_the_next_is_judged() {
    let everything = vec![entry(Class::ALL)];
    let count_lies = adu(1, &[16, 0, 0, 0, 2, 2, 0, 1]);
    let too_many = read(1, 0, 126);
    let over_the_end = read(1, 0xffff, 2);
    let code_zero = adu(1, &[0, 1]);
    let exception = adu(1, &[0x83, 2]);
    for bad in [count_lies, too_many, over_the_end, code_zero, exception] {
        assert_eq!(verdict(&everything, &bad), Some(Reason::MalformedCommand), "{bad:?}");
        let mut gate = Gate::new(&plant(everything.clone()));
        let mut talk = Talk::open(&mut gate, CLIENT);
        talk.send(&mut gate, &[&bad[..], &read(2, 0, 1)].concat());
        let denied: Vec<_> = gate.commands().iter().map(|told| told.denied).collect();
        assert_eq!(denied, [Some(Reason::MalformedCommand), None]);
    }
}

#[test]
fn the_rule_that_decided_is_told() {
    let mut gate = Gate::new(&plant(speeds()));
    let mut talk = Talk::open(&mut gate, CLIENT);
    talk.send(&mut gate, &read(1, 0, 1));
    assert_eq!(gate.last_command().rule, Some(0));
    talk.send(&mut gate, &write(2, 5, 5));
    assert_eq!(gate.last_command().rule, Some(0), "the nearest one");
    talk.send(&mut gate, &adu(3, &[8, 0, 0, 0, 0]));
    assert_eq!(gate.last_command().rule, None);
}

fn ask(gate: &mut Gate, request: &[u8]) -> Outcome {
    gate.office(&Packet::udp(CLIENT, (PRESS_3, 502), request))
}

#[test]
fn a_denied_datagram_is_answered_in_modbus() {
    let mut gate = Gate::new(&plant(speeds()));
    for (request, code) in [
        (write(7, 5, 5), 2),
        (write(8, 100, 9999), 3),
        (adu(9, &[8, 0, 1, 0, 0]), 1),
        (read(10, 0, 126), 3),
    ] {
        let outcome = ask(&mut gate, &request);
        assert!(matches!(outcome.verdict, Verdict::Answer(OFFICE, _)), "{:?}", outcome.verdict);
        let seen = outcome.seen();
        assert_eq!((seen.src, seen.dst), ((PRESS_3, 502), CLIENT));
        assert_eq!(seen.macs, (OFFICE_MAC, GATE_MAC[0]));
        assert_eq!(seen.ttl, 64);
        let transaction = u16::from_be_bytes([request[0], request[1]]);
        assert_eq!(seen.payload, exception(transaction, request[7], code));
    }
    assert_eq!(gate.engine.counters().answered, 4);
}

#[test]
fn a_denied_datagram_in_a_vlan_is_answered_there() {
    let mut gate = Gate::new(&plant(speeds()));
    let request = Packet::udp(CLIENT, (PRESS_3, 502), &write(1, 5, 5)).tagged(0x6000 | 77);
    assert_eq!(gate.office(&request).seen().tag.map(|tag| tag & 0xfff), Some(77));
}

#[test]
fn datagrams_pass_one_by_one() {
    let mut gate = Gate::new(&plant(speeds()));
    assert_eq!(ask(&mut gate, &read(1, 0, 1)).seen().payload, read(1, 0, 1));
    let from = (PRESS_3_UNDERLAY, 502);
    let answer = Packet::udp(from, (NAT, 51000), &values(1, &[7]));
    assert_eq!(gate.line(&answer).seen().payload, values(1, &[7]));
    gate.line(&answer).refused(Reason::Unsolicited);
    let two = [read(1, 0, 1), read(2, 0, 1)].concat();
    ask(&mut gate, &two).refused(Reason::NotTheProtocol);
    ask(&mut gate, &read(3, 0, 1)[..11]).refused(Reason::NotTheProtocol);
    ask(&mut gate, b"").refused(Reason::NotTheProtocol);
    ask(&mut gate, b"not modbus").refused(Reason::NotTheProtocol);
    assert!(ask(&mut gate, &read(4, 0, 1)).left_by(LINE), "a stray datagram ends nothing");
}

#[test]
fn what_a_server_obeys_in_silence_is_refused_aloud() {
    let mut gate = Gate::new(&plant(speeds()));
    let refused = ask(&mut gate, &adu(1, &[8, 0, 4, 0, 0]));
    assert_eq!(refused.seen().payload, exception(1, 8, 1));
}
