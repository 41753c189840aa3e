//! What compiled tables grant, judged with commands made of bytes.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use wicketgate_dissectors::{Protocol, Transport};
use wicketgate_engine::Rate;
use wicketgate_engine::matcher::Denied;
use wicketgate_engine::tables::{AssetId, DenialStyle, EndpointId, Grant, RuleId, Tables};
use wicketgate_engine::verdict::Reason;
use wicketgate_packet::{PortId, Time};

use super::{BASE, changed, good};
use crate::{Clocks, Compiled, Factor, Held, Holder, Login, Policy};

const CLIENT: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 2);
const HMI: Ipv4Addr = Ipv4Addr::new(192, 168, 20, 5);
const HMI_MAC: [u8; 6] = [0, 0x1b, 0x1b, 0xaa, 0xbb, 0xcc];
const OFFICE: PortId = PortId(0);
/// A Monday, 09:00 in Paris.
const OPEN: &str = "2026-03-02T08:00:00Z";
/// The same Monday, 19:00 in Paris.
const CLOSED: &str = "2026-03-02T18:00:00Z";

fn at(text: &str) -> Time {
    let time: Timestamp = text.parse().unwrap();
    Time::from_nanos(time.as_nanosecond().try_into().unwrap())
}

fn login(role: &str, factors: &[Factor]) -> Login {
    let (user, roles) = ("ana".to_owned(), vec![role.to_owned()]);
    Login {
        address: CLIENT,
        user,
        roles,
        factors: factors.to_vec(),
        until: at("2027-01-01T00:00:00Z"),
    }
}

fn ana() -> Login {
    login("maintenance", Factor::ALL)
}

fn compile(text: &str, logins: &[Login], now: &str) -> Compiled {
    good(text).compile(logins, at(now), 7).unwrap()
}

fn modbus_of(tables: &Tables, asset: u32, port: u16) -> EndpointId {
    tables.door(AssetId(asset), Transport::Tcp, port).unwrap()
}

/// What `source` holds on the Modbus door of press-3.
fn on_press(tables: &Tables) -> Option<&Grant> {
    let id = tables.grant_for(OFFICE, [2; 6], CLIENT, modbus_of(tables, 0, 502))?;
    tables.grant(id)
}

/// A Modbus request: transaction 1, unit 1.
fn judge(grant: &Grant, pdu: &[u8], now: &str) -> Result<RuleId, Denied> {
    let length = u8::try_from(pdu.len() + 1).unwrap();
    let adu = [&[0, 1, 0, 0, 0, length, 1], pdu].concat();
    grant.matcher.judge(&Protocol::Modbus.command(&adu).unwrap(), at(now))
}

fn reason(grant: &Grant, pdu: &[u8], now: &str) -> Reason {
    judge(grant, pdu, now).unwrap_err().reason
}

/// Write Single Register.
fn write(address: u16, value: u16) -> Vec<u8> {
    [&[6], &address.to_be_bytes()[..], &value.to_be_bytes()[..]].concat()
}

/// Read Holding Registers.
const READ: &[u8] = &[3, 0, 0, 0, 10];

#[test]
fn no_rule_no_grant() {
    let bare = BASE.split("[[rule]]").next().unwrap();
    for text in ["", bare] {
        let compiled = compile(text, &[ana()], OPEN);
        assert!(compiled.tables.grants().is_empty());
        assert_eq!(compiled.next_change, None);
    }
    assert_eq!(compile(bare, &[], OPEN).tables.epoch(), 7);
}

#[test]
fn a_login_gets_what_its_role_and_factors_give() {
    let tables = compile(BASE, &[ana()], OPEN).tables;
    let grant = on_press(&tables).unwrap();
    assert_eq!((grant.until, grant.observe), (ana().until, false));
    assert_eq!(judge(grant, READ, OPEN), Ok(RuleId(0)));
    assert_eq!(judge(grant, &write(119, 1500), OPEN), Ok(RuleId(0)));
    assert_eq!(reason(grant, &write(120, 1500), OPEN), Reason::AddressDenied);
    assert_eq!(reason(grant, &write(119, 1501), OPEN), Reason::ValueDenied);
    assert_eq!(reason(grant, &[17], OPEN), Reason::CommandDenied);
    let denied = judge(grant, &write(119, 1501), OPEN).unwrap_err();
    assert_eq!(denied.nearest, Some(RuleId(0)));
    assert_eq!(&*tables.rules()[0], "maintenance");
}

#[test]
fn a_login_gets_nothing_without_role_factor_or_time() {
    let over = Login { until: at(OPEN), ..ana() };
    for (login, warns) in [
        (login("maintenance", &[Factor::Password]), false),
        (login("maintenance", &[]), false),
        (login("Maintenance", Factor::ALL), true),
        (over, false),
    ] {
        let compiled = compile(BASE, std::slice::from_ref(&login), OPEN);
        assert!(on_press(&compiled.tables).is_none(), "{login:?}");
        assert_eq!(!compiled.warnings.is_empty(), warns, "{login:?}");
    }
}

#[test]
fn a_window_opens_and_closes_by_itself_and_says_when() {
    let compiled = compile(BASE, &[ana()], OPEN);
    let grant = on_press(&compiled.tables).unwrap();
    assert_eq!(compiled.next_change, Some(at("2026-03-02T17:00:00Z")));
    assert_eq!(reason(grant, READ, "2026-03-02T17:00:00Z"), Reason::CommandOutsideWindow);
    assert_eq!(judge(grant, READ, "2026-03-02T16:59:59Z"), Ok(RuleId(0)));
    let compiled = compile(BASE, &[ana()], CLOSED);
    assert_eq!(compiled.next_change, Some(at("2026-03-03T05:00:00Z")));
    let grant = on_press(&compiled.tables).unwrap();
    assert!(judge(grant, READ, CLOSED).is_err());
    assert!(judge(grant, READ, "2026-03-03T05:00:00Z").is_ok());
    // Nobody holds the rule: its window changes nothing.
    assert_eq!(compile(BASE, &[], OPEN).next_change, None);
}

const SECOND_RULE: &str = r#"
[[rule]]
name = "identify"
roles = ["maintenance", "guest"]
assets = ["*"]
protocol = "modbus"
allow = ["discover"]

[[conduit]]
name = "hmi-1 reads"
from = { address = "192.168.20.5", mac = "00:1b:1b:aa:bb:cc", port = "office" }
assets = ["*"]
protocol = "modbus"
allow = ["read"]
"#;

#[test]
fn rules_of_one_login_on_one_endpoint_are_one_grant() {
    let text = format!("{BASE}{SECOND_RULE}");
    let tables = compile(&text, &[ana()], CLOSED).tables;
    let names: Vec<&str> = tables.rules().iter().map(|name| &**name).collect();
    assert_eq!(names, ["maintenance", "identify", "hmi-1", "hmi-1 reads"]);
    let grant = on_press(&tables).unwrap();
    assert_eq!(grant.matcher.entries().len(), 3);
    assert_eq!(judge(grant, &[17], CLOSED), Ok(RuleId(1)));
    let denied = judge(grant, READ, CLOSED).unwrap_err();
    assert_eq!((denied.reason, denied.nearest), (Reason::CommandOutsideWindow, Some(RuleId(0))));
}

#[test]
fn a_conduit_is_a_machine_that_is_never_cut() {
    let text = format!("{BASE}{SECOND_RULE}");
    // A login at the machine's address changes nothing for the machine.
    let intruder = Login { address: HMI, ..ana() };
    let tables = compile(&text, &[intruder], OPEN).tables;
    let robot = modbus_of(&tables, 1, 1502);
    let id = tables.grant_for(OFFICE, HMI_MAC, HMI, robot).unwrap();
    let grant = tables.grant(id).unwrap();
    let subject = tables.subject(grant.subject).unwrap();
    assert_eq!((&*subject.name, subject.essential, grant.until), ("hmi-1", true, Time::NEVER));
    // Both conduits of the machine, each under its own name.
    assert_eq!(judge(grant, &write(99, 1), OPEN), Ok(RuleId(2)));
    assert_eq!(judge(grant, READ, CLOSED), Ok(RuleId(3)));
    assert_eq!(reason(grant, &write(100, 1), OPEN), Reason::AddressDenied);
    // Where only the second holds, it has its own name.
    let press = modbus_of(&tables, 0, 502);
    let grant = tables.grant(tables.grant_for(OFFICE, HMI_MAC, HMI, press).unwrap()).unwrap();
    assert_eq!(&*tables.subject(grant.subject).unwrap().name, "hmi-1 reads");
}

#[test]
fn a_conduit_is_not_for_another_mac_or_port() {
    let tables = compile(BASE, &[], OPEN).tables;
    let robot = modbus_of(&tables, 1, 1502);
    assert!(tables.grant_for(OFFICE, HMI_MAC, HMI, robot).is_some());
    assert!(tables.grant_for(OFFICE, [2; 6], HMI, robot).is_none());
    assert!(tables.grant_for(PortId(1), HMI_MAC, HMI, robot).is_none());
    assert!(tables.grant_for(OFFICE, HMI_MAC, HMI, modbus_of(&tables, 0, 502)).is_none());
}

#[test]
fn ports_and_doors() {
    let tables = compile(BASE, &[], OPEN).tables;
    let [office, line] = tables.ports() else { panic!("two ports") };
    assert_eq!((office.mac, office.address), ([2, 0, 0, 0, 0, 1], Ipv4Addr::new(100, 64, 0, 1)));
    assert_eq!(line.mac, [2, 0, 0, 0, 0x10, 0xfe]);
    assert_eq!(tables.asset_by_overlay(Ipv4Addr::new(100, 64, 10, 21)), Some(AssetId(1)));
    assert!(tables.door(AssetId(0), Transport::Udp, 502).is_none());
    for (transport, port) in [(Transport::Icmp, 0), (Transport::Tcp, 22), (Transport::Tcp, 443)] {
        assert!(tables.door(AssetId(1), transport, port).is_some(), "{transport:?} {port}");
    }
}

#[test]
fn what_is_not_read_is_granted_whole_within_its_window() {
    let rule = "assets = [\"robot\"]\nprotocol = \"tcp\"\nopaque = true\n";
    let (head, rest) = BASE.split_once("assets = [\"zone:press-line\"]").unwrap();
    let (_, tail) = rest.split_once("\nwindow").unwrap();
    let tables = compile(&format!("{head}{rule}window{tail}"), &[ana()], OPEN).tables;
    let grants: Vec<&Grant> =
        tables.grants().iter().filter(|grant| grant.until != Time::NEVER).collect();
    assert_eq!(grants.len(), 2, "ports 22 and 443");
    for grant in grants {
        assert_eq!(tables.endpoint(grant.endpoint).unwrap().protocol, Protocol::Tcp);
        assert!(grant.matcher.is_open(at(OPEN)) && !grant.matcher.is_open(at(CLOSED)));
    }
}

#[test]
fn presets_judge_as_they_are_named() {
    let read_id: &[u8] = &[43, 14, 1, 0];
    let (write, restart, unknown) = (write(7, 1), [8, 0, 1, 0, 0], [65, 1]);
    for (preset, allowed) in [
        ("view", [true, true, false, false, false]),
        ("operate", [true, true, true, false, false]),
        ("maintain", [true, true, true, false, false]),
        ("engineer", [true, true, true, true, false]),
    ] {
        let list = format!("allow = [\"{preset}\"]");
        let old =
            "allow = [\"read\", { class = \"write\", address = \"100-119\", value = \"0-1500\" }]";
        let tables = compile(&changed(old, &list), &[ana()], OPEN).tables;
        let grant = on_press(&tables).unwrap();
        let commands: [&[u8]; 5] = [READ, read_id, &write, &restart, &unknown];
        assert_eq!(commands.map(|pdu| judge(grant, pdu, OPEN).is_ok()), allowed, "{preset}");
    }
}

#[test]
fn selectors_judge_as_they_are_written() {
    let [mask_low, mask_high] = [[22, 0, 7, 0xff, 0xf0, 0, 0], [22, 0, 7, 0xff, 0x0f, 0, 0]];
    let both: &[u8] = &[23, 0, 0, 0, 1, 0, 7, 0, 1, 2, 0, 5];
    let file: &[u8] = &[20, 7, 6, 0, 4, 0, 1, 0, 2];
    let cases: &[(&str, &[u8], bool)] = &[
        ("{ function = 6, value = \"0-100 step 5\" }", &write(7, 15), true),
        ("{ function = 6, value = \"0-100 step 5\" }", &write(7, 16), false),
        ("{ function = 6, value = [1, \"5-9\"] }", &write(7, 9), true),
        ("{ function = 6, address = \"0x7\" }", &write(7, 1), true),
        ("{ function = \"write-single-register\", unit = \"2-9\" }", &write(7, 1), false),
        ("{ class = \"write\", table = \"coils\" }", &write(7, 1), false),
        ("{ class = \"write\", bits = 0x0F }", &mask_low, true),
        ("{ class = \"write\", bits = 0x0F }", &mask_high, false),
        ("{ class = \"read\", quantity = 9 }", READ, false),
        ("{ class = \"read\", quantity = 10 }", READ, true),
        ("{ function = 8, sub = [0, 2] }", &[8, 0, 2, 0, 0], true),
        ("{ function = 8, sub = [0, 2] }", &[8, 0, 1, 0, 0], false),
        ("{ function = [\"restart-communications\", 3] }", &[8, 0, 1, 0, 0], true),
        ("{ function = [\"restart-communications\", 3] }", &[8, 0, 4, 0, 0], false),
        ("{ function = [\"restart-communications\", 3] }", READ, true),
        ("{ function = 23, address = \"0-7\" }", both, true),
        ("{ function = 23, address = 7 }", both, false),
        ("{ class = \"write\", address = 7 }, \"read\"", both, true),
        ("{ class = \"write\", address = 7 }", both, false),
        ("{ class = \"file-read\", file = 4 }", file, true),
        ("{ class = \"file-read\", file = 4, address = \"1-2\" }", file, true),
        ("{ class = \"file-read\", file = \"5-9\" }", file, false),
        ("{ function = 65 }", &[65, 1], true),
    ];
    for (allow, pdu, allowed) in cases {
        let old =
            "allow = [\"read\", { class = \"write\", address = \"100-119\", value = \"0-1500\" }]";
        let tables = compile(&changed(old, &format!("allow = [{allow}]")), &[ana()], OPEN).tables;
        let verdict = judge(on_press(&tables).unwrap(), pdu, OPEN);
        assert_eq!(verdict.is_ok(), *allowed, "{allow}: {pdu:02x?} {verdict:?}");
    }
}

#[test]
fn the_cost_is_logins_times_endpoints() {
    let asset = |n: u32| {
        format!(
            "[[asset]]\nname = \"a{n}\"\nzone = \"z\"\nport = \"line\"\noverlay = \"100.64.1.{n}\"\n\
             underlay = \"192.168.10.{}\"\nprotocols = [\"modbus\"]\n",
            n + 100
        )
    };
    let assets: String = (1..=50).map(asset).collect();
    let text = BASE.replace("zone:press-line", "*") + &assets;
    let logins: Vec<Login> = (0..40).map(|n| Login { user: format!("u{n}"), ..ana() }).collect();
    let tables = compile(&text, &logins, OPEN).tables;
    assert_eq!(tables.grants().len(), 40 * 52 + 1);
    assert!(tables.grants().iter().all(|grant| grant.matcher.entries().len() <= 2));
}

/// What control gives a login: the one rule, on all its assets, in its window.
fn held(policy: &Policy, now: &str) -> Held {
    let window = policy.rules[0].window.as_ref().map(|weekly| weekly.stretch(at(now)));
    Held { rule: RuleId(0), asset: None, window, until: Time::NEVER, operations: None }
}

fn holder(held: Vec<Held>) -> Holder {
    Holder {
        address: CLIENT,
        port: None,
        mac: None,
        user: "ana".to_owned(),
        until: Time::NEVER,
        held,
        right: 7,
        renewed: std::collections::BTreeMap::new(),
    }
}

fn live(policy: &Policy, holder: &Holder, clocks: Clocks) -> Tables {
    policy.compile_live(std::slice::from_ref(holder), clocks, 1).unwrap().tables
}

fn person_grant(tables: &Tables) -> Option<&Grant> {
    tables.grants().iter().find(|grant| grant.right != 0)
}

#[test]
fn live_a_login_has_what_it_holds_and_nothing_else() {
    let policy = good(BASE);
    let clocks = Clocks::same(at(OPEN));
    let nothing = live(&policy, &holder(Vec::new()), clocks);
    assert!(person_grant(&nothing).is_none(), "roles give nothing here");
    let tables = live(&policy, &holder(vec![held(&policy, OPEN)]), clocks);
    assert_eq!(person_grant(&tables).unwrap().right, 7);
    let elsewhere = Held { asset: Some(AssetId(1)), ..held(&policy, OPEN) };
    let tables = live(&policy, &holder(vec![elsewhere]), clocks);
    assert!(person_grant(&tables).is_none(), "the rule is not about that asset");
    let mut renewed = holder(vec![held(&policy, OPEN)]);
    renewed.renewed.insert(AssetId(0), 8);
    assert_eq!(person_grant(&live(&policy, &renewed, clocks)).unwrap().right, 8);
}

#[test]
fn live_a_window_is_laid_out_by_the_wall_clock_and_held_against_the_engines() {
    let policy = good(BASE);
    let hour = Duration::from_secs(3600);
    let open = at(OPEN);
    for engine in [open, open - hour * 48, open + hour * 48] {
        let clocks = Clocks { wall: open, engine };
        let tables = live(&policy, &holder(vec![held(&policy, OPEN)]), clocks);
        let matcher = &person_grant(&tables).unwrap().matcher;
        assert!(matcher.is_open(engine), "whatever the engine's clock calls this time");
        assert!(!matcher.is_open(engine + hour * 24), "and closed when the window is over");
    }
}

#[test]
fn live_what_is_held_ends_by_the_engines_clock() {
    let policy = good(BASE);
    let engine = at("2020-01-01T00:00:00Z");
    let until = engine + Duration::from_secs(60);
    for window in [None, held(&policy, OPEN).window] {
        let held = Held { until, window, ..held(&policy, OPEN) };
        let tables = live(&policy, &holder(vec![held]), Clocks { wall: at(OPEN), engine });
        let matcher = &person_grant(&tables).unwrap().matcher;
        assert!(matcher.is_open(engine) && !matcher.is_open(until));
    }
}

/// Of the rules that give a door, the strictest says how the rest is refused.
#[test]
fn the_strictest_style_of_a_door_counts() {
    let style = |text: &str| {
        let tables = compile(text, &[ana()], OPEN).tables;
        on_press(&tables).unwrap().denial
    };
    let gate = changed("overlay = \"100.64.0.0/16\"", "deny = \"drop\"");
    let rule = |deny: &str| {
        let factors = "factors = [\"password\", \"totp\"]";
        gate.replacen(factors, &format!("{factors}\ndeny = \"{deny}\""), 1)
    };
    assert_eq!(style(BASE), DenialStyle::Reply, "where nobody says anything");
    assert_eq!(style(&gate), DenialStyle::Drop);
    assert_eq!(style(&rule("reset")), DenialStyle::Reset);
}

/// Of several conduits of one machine at one door the strictest counts for all.
#[test]
fn a_conduit_has_a_rate() {
    let rated = |rate: &str| {
        let more = format!(
            "allow = [{{ function = 6, address = \"0-99\" }}]\nrate = {{ commands = 50, burst = 7 }}\n\n\
             [[conduit]]\nname = \"hmi-1 reads\"\nfrom = {{ address = \"192.168.20.5\", \
             mac = \"00:1b:1b:aa:bb:cc\", port = \"office\" }}\nasset = \"robot\"\n\
             protocol = \"modbus\"\nallow = [\"read\"]\n{rate}"
        );
        let policy = good(&changed("allow = [{ function = 6, address = \"0-99\" }]", &more));
        let tables = policy.compile(&[], at(OPEN), 1).unwrap().tables;
        let rates: Vec<_> = tables.grants().iter().map(|grant| grant.rate).collect();
        rates
    };
    let rate = |per_second, burst| Some(Rate { per_second, burst });
    assert_eq!(rated(""), [rate(50, 7)]);
    assert_eq!(rated("rate = { commands = 20 }"), [rate(20, 7)]);
    assert_eq!(rated("rate = { commands = 90, burst = 3 }"), [rate(50, 3)]);
}
