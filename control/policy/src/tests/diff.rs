//! Differences in words, and random policies against the engine's own matcher.

use std::net::Ipv4Addr;

use proptest::prelude::*;
use wicketgate_dissectors::{Item, Items, Values};
use wicketgate_engine::Tables;
use wicketgate_packet::Time;

use super::cell::Witness;
use super::kind::{Kind, Writes};
use super::*;
use crate::model::Factor;
use crate::parse;
use crate::trial::{self, Answer, Asker, Request};

const PLANT: &str = r#"
[[port]]
name = "office"
side = "overlay"

[[port]]
name = "line"
side = "underlay"
address = "192.168.10.1/24"

[[asset]]
name = "press"
zone = "line"
port = "line"
overlay = "100.64.10.20"
underlay = "192.168.10.20"
protocols = { modbus = 502, tcp = 22, icmp = true }

[[asset]]
name = "robot"
zone = "cell"
port = "line"
overlay = "100.64.10.21"
underlay = "192.168.10.21"
protocols = ["modbus"]
"#;

fn policy(rules: &str) -> Policy {
    let errors = match parse(&format!("{PLANT}{rules}"), "p.toml") {
        Ok(policy) => return policy,
        Err(errors) => errors,
    };
    panic!("{rules}\n{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn rule(allow: &str, more: &str) -> String {
    format!(
        "\n[[rule]]\nname = \"r\"\nroles = [\"a\"]\nassets = [\"press\"]\nprotocol = \"modbus\"\n\
         allow = [{allow}]\n{more}\n"
    )
}

/// Gains and losses between two `allow` lists of one rule.
fn between(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let difference = diff(&policy(&rule(before, "")), &policy(&rule(after, "")));
    match difference.rights.as_slice() {
        [] => (Vec::new(), Vec::new()),
        [change] => {
            assert!(change.exact);
            assert_eq!(
                (change.kind, &*change.who, &*change.assets),
                ("role", "a", &["press".to_owned()][..])
            );
            (change.gains.clone(), change.loses.clone())
        }
        more => panic!("{more:#?}"),
    }
}

#[track_caller]
fn gains(before: &str, after: &str, lines: &[&str]) {
    assert_eq!(
        between(before, after),
        (lines.iter().map(|l| (*l).to_owned()).collect(), vec![]),
        "{before} -> {after}"
    );
    assert_eq!(between(after, before).0, [""; 0]);
}

#[track_caller]
fn same(before: &str, after: &str) {
    assert_eq!(between(before, after), (vec![], vec![]), "{before} -> {after}");
    assert_eq!(between(after, before), (vec![], vec![]), "{after} -> {before}");
}

#[test]
fn what_is_written_otherwise_is_no_difference() {
    same("\"read\", \"discover\"", "\"discover\", \"read\", \"read\"");
    same(
        "{ function = 6, address = \"0-9\" }",
        "{ function = \"write-single-register\", address = [\"5-9\", \"0-4\"] }",
    );
    same(
        "{ function = 6, address = \"0-9\" }",
        "{ function = 6, address = \"0-4\" }, { function = 6, address = \"5-9\" }",
    );
    same("{ function = 6, value = \"0-9\" }", "{ function = 6, value = \"0-9 step 1\" }");
    same("{ function = 6, value = \"0-7\" }", "{ function = 6, bits = 7 }");
    same(
        "\"read\"",
        "\"read\", { class = \"read\", address = \"0-9\" }, { function = 3, unit = 1 }",
    );
    same("{ function = [3, 4] }", "{ function = 3 }, { function = 4 }");
    same("{ function = 3, quantity = 125 }", "{ function = 3 }");
    same(
        "{ function = 16, quantity = 1, value = \"0-9\" }",
        "{ function = 16, quantity = 1, value = \"0-4\" }, { function = 16, quantity = 1, value = \"5-9\" }",
    );
    same("{ function = 3, unit = \"0-255\" }", "{ function = 3 }");
}

#[test]
fn one_range_gives_more_than_two_that_touch() {
    let two = "{ function = 3, address = \"0-4\" }, { function = 3, address = \"5-9\" }";
    gains(
        two,
        "{ function = 3, address = \"0-9\" }",
        &["read-holding-registers: address 5-9 with 0-4 (and others of 0-9)"],
    );
    let two = "{ function = 16, value = \"0-4\" }, { function = 16, value = \"5-9\" }";
    gains(
        two,
        "{ function = 16, value = \"0-9\" }",
        &["write-multiple-registers: value 5-9 with 0-4 (and others of 0-9)"],
    );
}

#[test]
fn gains_in_words() {
    let speed = "{ function = 6, address = \"100-119\", value = \"0-1500\" }";
    gains(
        speed,
        "{ function = 6, address = \"100-129\", value = \"0-1500\" }",
        &["write-single-register: address 120-129, value 0-1500"],
    );
    gains(
        speed,
        "{ function = 6, address = \"100-119\", value = \"0-1501\" }",
        &["write-single-register: address 100-119, value 1501"],
    );
    gains("\"read\"", "\"view\"", &["discover, diag"]);
    gains(
        "{ function = 3, unit = 1 }",
        "{ function = 3 }",
        &["read-holding-registers: unit 0 2-255"],
    );
    gains(
        "{ function = 3, quantity = 10 }",
        "{ function = 3 }",
        &["read-holding-registers: more than 10 at once"],
    );
    gains(
        "{ function = 3, quantity = 10 }",
        "{ function = 3, quantity = 20 }",
        &["read-holding-registers: 11 to 20 at once"],
    );
    gains(
        "{ function = 3, address = \"0-9\" }",
        "{ function = 3, address = \"0-19\" }",
        &["read-holding-registers: address 10-19 (and others of 0-19)"],
    );
    gains("\"read\"", "\"read\", { function = 100 }", &["function 100"]);
    gains("\"read\"", "\"read\", { function = 8, sub = 19 }", &["function 8/19"]);
    gains(
        "{ function = 8, sub = 19 }",
        "{ function = 8, sub = [18, 19] }",
        &["return-bus-character-overrun-count"],
    );
    gains(
        "{ function = 20, file = 4 }",
        "{ function = 20, file = \"4-5\" }",
        &["file-read: file 5"],
    );
    gains(
        "{ function = 22, bits = 3 }",
        "{ function = 22, bits = 7 }",
        &["mask-write-register: bit 2 (and others of 0-2)"],
    );
    gains(
        "{ function = 22, bits = 3 }",
        "{ function = 22, bits = 3 }, { function = 22, value = 7 }",
        &["mask-write-register: value 7"],
    );
    gains("{ function = 5, value = 0 }", "{ function = 5 }", &["write-single-coil: value 1"]);
}

/// Of function 23 both halves are needed: one alone gives nothing.
#[test]
fn half_of_a_command_is_nothing() {
    same("{ function = 3 }", "{ function = 3 }, { class = \"read\", function = 23 }");
    let (write, read) = (
        "{ class = \"write\", function = 23, unit = 1 }",
        "{ class = \"read\", function = 23, unit = [1, 2] }",
    );
    gains(write, &format!("{write}, {read}"), &["read-write-multiple-registers (read): unit 1"]);
}

fn change(before: &str, after: &str) -> String {
    diff(&policy(before), &policy(after)).to_string()
}

#[test]
fn windows_factors_and_people() {
    let read = |more: &str| rule("\"read\"", more);
    let shift = "window = { days = \"mon-fri\", from = \"06:00\", to = \"18:00\", zone = \"Europe/Paris\" }";
    let berlin = shift.replace("Paris", "Berlin");
    assert_eq!(change(&read(shift), &read(&berlin)), "");
    assert_eq!(
        change(&read(shift), &read(&shift.replace("mon-fri", "mon-sat"))),
        "role a on press (modbus)\n  gains  read: on mon,tue,wed,thu,fri,sat 06:00-18:00 Europe/Paris, \
         not on mon,tue,wed,thu,fri 06:00-18:00 Europe/Paris\n"
    );
    assert_eq!(
        change(&read(""), &read(shift)),
        "role a on press (modbus)\n  loses  read: not on mon,tue,wed,thu,fri 06:00-18:00 Europe/Paris\n"
    );
    let totp = "factors = [\"password\", \"totp\"]";
    assert_eq!(
        change(&read(totp), &read("factors = [\"password\"]")),
        "role a on press (modbus)\n  gains  read: with password, without totp\n"
    );
    let both = read("").replace("[\"press\"]", "[\"*\"]").replace("[\"a\"]", "[\"a\", \"b\"]");
    assert_eq!(
        change(&read(""), &both),
        "role a on robot (modbus)\n  gains  read\n\nrole b on press, robot (modbus)\n  gains  read\n"
    );
}

const CONDUIT: &str = "\n[[conduit]]\nname = \"hmi\"\nfrom = { address = \"192.168.20.5\", port = \"office\" }\n\
    asset = \"press\"\nprotocol = \"modbus\"\nallow = [\"read\"]\n";

#[test]
fn machines_and_what_is_not_read() {
    assert_eq!(change(CONDUIT, &CONDUIT.replace("\"hmi\"", "\"renamed\"")), "");
    assert_eq!(
        change("", CONDUIT),
        "machine 192.168.20.5, by office on press (modbus)\n  gains  read\n"
    );
    let pinned = CONDUIT.replace("port =", "mac = \"02:00:00:00:00:05\", port =");
    assert_eq!(
        change(CONDUIT, &pinned),
        "machine 192.168.20.5, by office on press (modbus)\n  loses  read\n\n\
         machine 192.168.20.5, MAC 02:00:00:00:00:05, by office on press (modbus)\n  gains  read\n"
    );
    let ssh = rule("", "").replace("allow = []", "opaque = true").replace("\"modbus\"", "\"tcp\"");
    assert_eq!(change("", &ssh), "role a on press (tcp)\n  gains  everything\n");
    let ping = rule("\"diag\"", "").replace("\"modbus\"", "\"icmp\"");
    assert_eq!(change(&ping, ""), "role a on press (icmp)\n  loses  diag\n");
}

#[test]
fn settings_of_assets_and_ports() {
    let old = policy("");
    let text = PLANT
        .replace("192.168.10.21", "192.168.10.22")
        .replace("modbus = 502, ", "modbus = 1502, ")
        .replace("name = \"office\"", "name = \"new\"");
    let text = format!(
        "{text}\n[[asset]]\nname = \"x\"\nzone = \"z\"\nport = \"line\"\noverlay = \"100.64.1.1\"\nunderlay = \"192.168.10.9\"\nprotocols = [\"modbus\"]\n"
    );
    let new = parse(&text, "p").unwrap();
    let lines = [
        "port new: overlay (new)",
        "port office: overlay (gone)",
        "asset press: speaks icmp, modbus on tcp/502, tcp/22 -> icmp, modbus on tcp/1502, tcp/22",
        "asset robot: underlay 192.168.10.21 -> 192.168.10.22",
        "asset x is new: 100.64.1.1 -> 192.168.10.9",
    ];
    assert_eq!(diff(&old, &new).settings, lines);
    assert_eq!(diff(&new, &old).settings.last().unwrap(), "asset x is gone");
}

#[test]
fn other_tables_are_a_setting_that_is_told() {
    let [old, new] = ["", "[gate]\nsessions = 30000\n"]
        .map(|gate| parse(&format!("{gate}{PLANT}"), "p").unwrap());
    let told = diff(&old, &new).settings;
    assert!(told[0].starts_with("tables: 4096 sessions; ") && told[0].contains("-> tables: 30000"));
    assert_eq!(told.len(), 1, "{told:?}");
}

// Random policies.

fn pick(options: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(options).prop_map(str::to_owned)
}

fn element() -> impl Strategy<Value = String> {
    let place = pick(&[
        "",
        ", address = \"0-3\"",
        ", address = \"2-5\"",
        ", address = [\"0-1\", \"4-6\"]",
        ", address = \"0-9\"",
    ]);
    let value = pick(&[
        "",
        "",
        ", value = \"0-3\"",
        ", value = \"2-9\"",
        ", value = \"0-8 step 2\"",
        ", bits = 5",
        ", value = [1, 4]",
    ]);
    let more =
        pick(&["", "", ", unit = 1", ", unit = \"0-1\"", ", quantity = 2", ", quantity = 1"]);
    let what = pick(&[
        "class = \"read\"",
        "class = \"write\"",
        "function = 3",
        "function = 6",
        "function = 16",
        "function = [6, 16]",
        "function = 22",
        "function = 23",
        "class = \"read\", function = 23",
        "class = \"write\", function = 23",
        "function = 15",
        "table = \"coils\", class = \"write\"",
    ]);
    let full = (what, place, value, more)
        .prop_map(|(what, place, value, more)| format!("{{ {what}{place}{value}{more} }}"));
    let odd = pick(&[
        "\"read\"",
        "\"view\"",
        "\"write\"",
        "{ function = 100 }",
        "{ function = 8 }",
        "{ function = 8, sub = 19 }",
        "{ class = \"diag\", function = 8 }",
        "{ function = 20, file = \"1-2\" }",
        "{ function = 21, file = 1, value = \"0-3\" }",
        "{ function = 43 }",
    ]);
    prop_oneof![4 => full, 1 => odd]
}

fn random_rule() -> impl Strategy<Value = String> {
    let window = pick(&[
        "",
        "",
        "window = { days = \"mon-fri\", from = \"06:00\", to = \"18:00\", zone = \"Europe/Paris\" }",
        "window = { days = \"mon-sun\", from = \"05:00\", to = \"12:00\", zone = \"UTC\" }",
        "window = { days = \"fri\", from = \"22:00\", to = \"06:00\", zone = \"America/New_York\" }",
    ]);
    let factors = pick(&[
        "",
        "",
        "factors = [\"password\"]",
        "factors = [\"password\", \"totp\"]",
        "factors = [\"certificate\"]",
    ]);
    let head = pick(&[
        "roles = [\"a\"]\nassets = [\"press\"]",
        "roles = [\"a\", \"b\"]\nassets = [\"*\"]",
        "roles = [\"b\"]\nassets = [\"robot\"]",
    ]);
    (head, prop::collection::vec(element(), 1..4), window, factors).prop_map(
        |(head, allow, window, factors)| {
            format!(
                "{head}\nprotocol = \"modbus\"\nallow = [{}]\n{window}\n{factors}\n",
                allow.join(", ")
            )
        },
    )
}

fn random_rules() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(random_rule(), 0..4)
}

/// The policy, if none of its elements contradicts itself.
fn read(rules: &[String]) -> Option<Policy> {
    let numbered =
        rules.iter().zip(0..).map(|(rule, n)| format!("\n[[rule]]\nname = \"r{n}\"\n{rule}"));
    parse(&format!("{PLANT}{}", numbered.collect::<String>()), "p.toml").ok()
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let word = |n: u16| n.to_be_bytes();
    let values = prop::collection::vec(0u16..11, 1..5);
    let registers =
        |values: &[u16]| -> Vec<u8> { values.iter().flat_map(|v| v.to_be_bytes()).collect() };
    (0..11u8, 0u16..9, 1u16..6, values, 0u16..32).prop_map(
        move |(form, at, count, values, bits)| {
            let (at_b, count_b, n) = (word(at), word(count), values.len() as u16);
            let data = registers(&values);
            let long = |head: Vec<u8>| {
                [head, word(n).to_vec(), vec![data.len() as u8], data.clone()].concat()
            };
            match form {
                0 | 1 => [&[3][..], &at_b, &count_b].concat(),
                2 => [&[1][..], &at_b, &count_b].concat(),
                3 => [&[6][..], &at_b, &word(values[0])].concat(),
                4 | 5 => long([&[16][..], &at_b].concat()),
                6 => [&[22][..], &at_b, &word(!bits), &word(0)].concat(),
                7 => [&[22][..], &at_b, &word(0), &word(values[0])].concat(),
                8 => long([&[23][..], &word(bits % 7), &count_b, &at_b].concat()),
                9 => [&[15][..], &at_b, &count_b, &[1, bits as u8 & ((1 << count) - 1)]].concat(),
                _ => [
                    vec![8, 0, 19, 0, 0],
                    vec![100],
                    vec![43, 14, 1, 0],
                    vec![20, 7, 6, 0, 1, 0, at as u8, 0, 1],
                ][usize::from(bits % 4)]
                .clone(),
            }
        },
    )
}

fn login(factors: &[Factor], role: &str) -> crate::Login {
    Asker::person(0).login("u", &[role.to_owned()], factors)
}

fn tables(policy: &Policy, role: &str, factors: &[Factor], now: Time) -> Tables {
    policy.compile(&[login(factors, role)], now, 1).unwrap().tables
}

fn asked(
    policy: &Policy,
    role: &str,
    factors: &[Factor],
    asset: u32,
    adu: &[u8],
    now: Time,
) -> Answer {
    let tables = tables(policy, role, factors, now);
    let asset = wicketgate_engine::AssetId(asset);
    let door = trial::door(&tables, asset, Protocol::Modbus, None).unwrap();
    trial::ask(&tables, Asker::person(0), door, &Request::Pdu(adu.into()), now)
}

/// Whether the policy lets the witness of a part pass.
fn lets_pass(policy: &Policy, role: &str, asset: &str, kind: &Kind, witness: &Witness) -> bool {
    let now = year::time(witness.minute);
    let tables = tables(policy, role, &witness.factors, now);
    let asset = policy.assets().iter().position(|a| a.name == asset).unwrap();
    let door =
        trial::door(&tables, wicketgate_engine::AssetId(asset as u32), Protocol::Modbus, None)
            .unwrap();
    let grant =
        tables.grant_for(wicketgate_packet::PortId(0), [0; 6], Ipv4Addr::new(127, 0, 0, 1), door);
    let Some(grant) = grant.and_then(|id| tables.grant(id)) else { return false };
    let mut numbers = witness.values.clone();
    numbers.resize(witness.count.max(1) as usize, *witness.values.first().unwrap_or(&0));
    let words: Vec<u8> = numbers.iter().flat_map(|n| (*n as u16).to_be_bytes()).collect();
    let coils: Vec<u8> = numbers
        .chunks(8)
        .map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | *bit as u8))
        .collect();
    let touched = witness.values.iter().fold(0, |bits, bit| bits | 1u16 << (bit & 15));
    let values = match (kind.writes, kind.space) {
        (Writes::Nothing | Writes::Typed, _) => Values::None,
        (Writes::Numbers, wicketgate_dissectors::Space::Coils) => Values::Coils(&coils),
        (Writes::Numbers, _) => Values::Registers(&words),
        (Writes::Whole, _) => Values::Mask { and: 0, or: numbers[0] as u16 },
        (Writes::Bits, _) => Values::Mask { and: !touched, or: 0 },
    };
    let space = if kind.is_file() {
        wicketgate_dissectors::Space::File(witness.file as u16)
    } else {
        kind.space
    };
    let item = Item {
        space,
        start: witness.start,
        count: witness.count,
        values,
        ..Item::bare(kind.class)
    };
    let command =
        wicketgate_dissectors::Command { unit: witness.unit, ..kind.command(Items::one(item)) };
    grant.matcher.judge(&command, now).is_ok()
}

/// Moments in and out of the windows, at both edges of some.
fn moment() -> impl Strategy<Value = Time> {
    (0u32..365 * 24 * 4).prop_map(|quarter| year::time(quarter * 15))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever is judged differently is said, and on the right side.
    #[test]
    fn every_command_that_is_judged_differently_is_said(
        (before, after) in (random_rules(), random_rules()),
        requests in prop::collection::vec((request(), 0u8..3, moment(), 0usize..16), 24),
    ) {
        let (Some(before), Some(after)) = (read(&before), read(&after)) else { return Ok(()) };
        let difference = diff(&before, &after);
        for (pdu, unit, now, proven) in requests {
            let adu = [&[0, 1, 0, 0, 0, pdu.len() as u8 + 1, unit][..], &pdu].concat();
            let factors: Vec<Factor> = Factor::ALL.iter().enumerate().filter(|(at, _)| proven >> at & 1 == 1).map(|(_, f)| *f).collect();
            for (role, (asset, name)) in [("a", (0, "press")), ("a", (1, "robot")), ("b", (0, "press")), ("b", (1, "robot"))] {
                let old = asked(&before, role, &factors, asset, &adu, now).is_allowed();
                let new = asked(&after, role, &factors, asset, &adu, now).is_allowed();
                if old == new {
                    continue;
                }
                let said = difference.rights.iter().find(|change| {
                    change.who == role && change.assets.iter().any(|asset| asset == name)
                });
                let lines = said.map_or(&[][..], |change| if new { &change.gains } else { &change.loses });
                prop_assert!(!lines.is_empty(), "{pdu:02x?} for {role} on {name}: {old} -> {new}, but {difference}");
            }
        }
    }

    /// Whatever is said is shown by a command that is judged differently.
    #[test]
    fn everything_that_is_said_is_shown((before, after) in (random_rules(), random_rules())) {
        let (Some(before), Some(after)) = (read(&before), read(&after)) else { return Ok(()) };
        let (old, new) = (side(&before), side(&after));
        for key in old.keys().chain(new.keys()) {
            let gifts = [&old, &new].map(|side| side.get(key).map_or(&[][..], Vec::as_slice));
            let (Subject::Role(role, _), asset, protocol) = key else { continue };
            let [lost, gained] = compare(*protocol, gifts, &mut Calendar::default());
            for (parts, has, has_not) in [(lost, &before, &after), (gained, &after, &before)] {
                for part in parts {
                    let witness = part.witness.as_ref().expect("small sets are decided");
                    prop_assert!(lets_pass(has, role, asset, &part.kind, witness), "{part:?}");
                    prop_assert!(!lets_pass(has_not, role, asset, &part.kind, witness), "{part:?}");
                }
            }
        }
    }

    #[test]
    fn a_policy_is_the_same_as_itself_in_any_order(rules in random_rules()) {
        let Some(policy) = read(&rules) else { return Ok(()) };
        prop_assert!(diff(&policy, &policy).is_empty());
        let turned: Vec<String> = rules.iter().rev().cloned().collect();
        prop_assert_eq!(diff(&policy, &read(&turned).unwrap()), Difference::default());
    }
}
