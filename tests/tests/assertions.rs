//! What a sentence says of a command is what the engine does with its frame.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

use std::net::Ipv4Addr;
use std::sync::Arc;

use wicketgate_dissectors::{Protocol, Transport};
use wicketgate_engine::{AssetId, Engine, Limits, Reason, Sessions, Verdict};
use wicketgate_packet::Time;
use wicketgate_policy::trial::{self, Asker, Request};
use wicketgate_policy::{Factor, Login, Policy};
use wicketgate_tests::plant::{ALICE, HMI, OFFICE, OFFICE_MAC, PRESS_3};
use wicketgate_tests::{Gate, Packet, Plant, modbus};

const POLICY: &str = r#"
[[port]]
name = "office"
side = "overlay"
mac = "02:00:00:00:20:fe"

[[port]]
name = "line"
side = "underlay"
address = "192.168.10.2/24"
mac = "02:00:00:00:10:fe"

[[asset]]
name = "press-3"
zone = "line"
port = "line"
overlay = "100.64.10.20"
underlay = "192.168.10.20"
mac = "02:1d:9c:00:00:20"
protocols = ["modbus/udp"]

[[rule]]
name = "by day"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = ["read", { class = "write", address = "100-119", value = "0-1500", unit = 1 }, { function = 16, quantity = 2 }]
window = { days = "mon-fri", from = "06:00", to = "18:00", zone = "Europe/Paris" }
factors = ["password", "totp"]

[[rule]]
name = "in the morning"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = ["discover"]
window = { days = "mon-sun", from = "05:00", to = "12:00", zone = "UTC" }

[[conduit]]
name = "hmi"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "modbus"
allow = ["read", { function = 6, address = "0-99" }]
"#;

/// Edges of the windows, and both clock changes.
const MOMENTS: &[&str] = &[
    "2026-03-02T04:59:59Z",
    "2026-03-02T05:00:00Z",
    "2026-03-02T11:59:59Z",
    "2026-03-02T12:00:00Z",
    "2026-03-02T16:59:59Z",
    "2026-03-02T17:00:00Z",
    "2026-03-29T05:30:00Z",
    "2026-03-30T03:59:59Z",
    "2026-03-30T04:00:00Z",
    "2026-10-26T04:59:59Z",
    "2026-10-26T05:00:00Z",
];

fn commands() -> Vec<Vec<u8>> {
    let bare = |pdu: &[u8]| modbus::adu(1, pdu);
    vec![
        modbus::read(1, 0, 10),
        modbus::write(1, 99, 1),
        modbus::write(1, 100, 1500),
        modbus::write(1, 119, 1501),
        modbus::write(1, 120, 0),
        modbus::adu_of(1, 2, &[6, 0, 100, 0, 1]),
        modbus::write_many(1, 119, &[1]),
        modbus::write_many(1, 119, &[1, 2]),
        modbus::write_many(1, 119, &[1, 2, 3]),
        modbus::mask(1, 100, 0, 7),
        modbus::mask(1, 100, 0xff00, 7),
        modbus::read_write(1, (0, 2), 100, &[1, 1500]),
        modbus::read_write(1, (0, 2), 99, &[1, 1500]),
        bare(&[17]),
        bare(&[8, 0, 1, 0, 0]),
        bare(&[100]),
        bare(&[6, 0, 100, 0]),
    ]
}

/// Why the engine refuses the datagram, if it does.
fn by_engine(
    policy: &Policy,
    logins: &[Login],
    from: Ipv4Addr,
    adu: &[u8],
    now: Time,
) -> Option<Reason> {
    let tables = Arc::new(policy.compile(logins, now, 1).unwrap().tables);
    let mut gate = Gate::new(&Plant::closed());
    gate.sessions = Arc::new(Sessions::new(4));
    gate.engine = Engine::new(
        Limits { flows: 16, streams: 4, ..Limits::default() },
        tables,
        gate.sessions.clone(),
    );
    gate.now = now;
    match gate.office(&Packet::udp((from, 40000), (PRESS_3, 502), adu)).verdict {
        Verdict::Forward(_) | Verdict::Kept => None,
        Verdict::Answer(_, reason) | Verdict::Deny(reason) | Verdict::Drop(reason) => Some(reason),
    }
}

fn by_trial(
    policy: &Policy,
    logins: &[Login],
    from: Ipv4Addr,
    adu: &[u8],
    now: Time,
) -> Option<Reason> {
    let tables = policy.compile(logins, now, 1).unwrap().tables;
    let asker = Asker { port: OFFICE, mac: OFFICE_MAC, address: from };
    let door = trial::door(&tables, AssetId(0), Protocol::Modbus, None).unwrap();
    assert_eq!(tables.endpoint(door).unwrap().transport, Transport::Udp);
    trial::ask(&tables, asker, door, &Request::Pdu(adu.into()), now).reason()
}

/// The sentence that is true if the engine is right.
fn sentence(who: &str, reason: Option<Reason>, adu: &[u8], moment: &str) -> String {
    let hex: String = adu[7..].iter().map(|byte| format!("{byte:02x}")).collect();
    let (not, because) = match reason {
        Some(reason) => (" not", format!(" because {reason}")),
        None => ("", String::new()),
    };
    // Sentences speak of minutes: those of the moments' last seconds are the same windows'.
    let (day, time) = (&moment[..10], &moment[11..16]);
    format!("{who} may{not} pdu {hex} on press-3 unit {} at {day} {time} UTC{because}", adu[6])
}

#[test]
fn a_sentence_is_true_exactly_if_the_engine_does_so() {
    let policy = wicketgate_policy::parse(POLICY, "p.toml").unwrap();
    let (mut sentences, mut passed, mut reasons) = (Vec::new(), 0, Vec::new());
    let people: [(&str, &[Factor]); 4] = [
        ("alice", Factor::ALL),
        ("bob", &[Factor::Password]),
        ("mallory", Factor::ALL),
        ("hmi", &[]),
    ];
    for (name, factors) in people {
        let login = Login {
            address: ALICE,
            user: name.to_owned(),
            roles: vec![if name == "mallory" { "guest" } else { "maintenance" }.to_owned()],
            factors: factors.to_vec(),
            until: Time::NEVER,
        };
        let (logins, from) = if name == "hmi" { (vec![], HMI) } else { (vec![login], ALICE) };
        for moment in MOMENTS {
            let now = time(moment);
            for adu in commands() {
                let engine = by_engine(&policy, &logins, from, &adu, now);
                assert_eq!(
                    by_trial(&policy, &logins, from, &adu, now),
                    engine,
                    "{moment} {adu:02x?}"
                );
                sentences.push(sentence(name, engine, &adu, moment));
                passed += usize::from(engine.is_none());
                reasons.extend(engine);
            }
        }
    }
    reasons.sort_unstable();
    reasons.dedup();
    assert!(passed > 50 && reasons.len() >= 9, "{passed} passed, refused for {reasons:?}");

    let quoted: String = sentences.iter().map(|text| format!("  \"{text}\",\n")).collect();
    let people = "people = { alice = { roles = [\"maintenance\"] }, mallory = {}, \
                  bob = { roles = [\"maintenance\"], factors = [\"password\"] } }";
    let text = format!("{POLICY}[tests]\n{people}\nassert = [\n{quoted}]\n");
    let policy = wicketgate_policy::parse(&text, "p.toml").unwrap();
    let failures = policy.assertions().failures(&policy).unwrap();
    assert_eq!(policy.assertions().len(), sentences.len());
    let words: Vec<String> = failures.iter().map(|f| f.diagnostic.to_string()).collect();
    assert!(words.is_empty(), "{}", words.join("\n"));

    let turned = text
        .replace(" may pdu", " MAY pdu")
        .replace(" may not pdu", " may pdu")
        .replace(" MAY pdu", " may not pdu");
    let turned: String = turned
        .split(" because ")
        .enumerate()
        .map(|(at, part)| match at {
            0 => part.to_owned(),
            _ => part.split_once('"').map_or(String::new(), |(_, rest)| format!("\"{rest}")),
        })
        .collect();
    let policy = wicketgate_policy::parse(&turned, "p.toml").unwrap();
    let failures = policy.assertions().failures(&policy).unwrap();
    assert_eq!(failures.len(), sentences.len(), "turned round, none is true");
}

fn time(moment: &str) -> Time {
    let number = |range: std::ops::Range<usize>| moment[range].parse::<u64>().unwrap();
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let days = before[number(5..7) as usize - 1] + number(8..10) - 1;
    let seconds = ((days * 24 + number(11..13)) * 60 + number(14..16)) * 60 + number(17..19);
    // 2026-01-01T00:00:00Z.
    Time::from_nanos((1_767_225_600 + seconds) * 1_000_000_000)
}
