//! Policies that hold: defaults, doors, warnings, and the configs of the evasion cases.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use wicketgate_dissectors::{Class, Protocol, Transport};
use wicketgate_engine::tables::{AssetId, Cycle, Side};
use wicketgate_engine::{CodeSet, Grant, GrantId, RangeSet};
use wicketgate_packet::Time;

use super::{BASE, changed, good};
use crate::{Door, Factor, Gate, Login, Preset, parse};

fn warnings(text: &str) -> Vec<String> {
    let policy = good(text);
    let place = |w: &crate::Diagnostic| format!("{}:{}: {}", w.line, w.column, w.message);
    policy.warnings().iter().map(place).collect()
}

#[test]
fn the_base_policy_is_read_whole() {
    let policy = good(BASE);
    assert_eq!(policy.warnings(), []);
    assert_eq!(policy.gate(), &Gate::default());
    let line = &policy.ports()[1];
    assert_eq!((line.side, line.interface.as_deref()), (Side::Underlay, Some("ens1f1")));
    let [press, robot] = policy.assets() else { panic!("two assets") };
    assert_eq!(
        press.cycle,
        Some(Cycle { length: Duration::from_millis(10), budget: Duration::from_micros(100) })
    );
    assert_eq!(press.mac, Some([0, 0x1d, 0x9c, 0xaa, 0xbb, 0xcc]));
    assert_eq!((robot.vlan, robot.overlay), (Some(12), Ipv4Addr::new(100, 64, 10, 21)));
    let rule = &policy.rules()[0];
    assert_eq!(
        (rule.assets.as_slice(), rule.protocol),
        ([AssetId(0)].as_slice(), Protocol::Modbus)
    );
    assert_eq!(rule.factors, [Factor::Password, Factor::Totp]);
    assert!(rule.window.is_some());
    let conduit = &policy.conduits()[0];
    assert_eq!((conduit.allow.len(), conduit.allow[0].rule.0), (1, 1));
    assert_eq!(conduit.allow[0].functions, CodeSet::Codes([6].into()));
    assert_eq!(conduit.allow[0].addresses, RangeSet::of(vec![(0, 99)]));
}

#[test]
fn a_port_may_be_on_both_sides() {
    let policy = good(&changed("side = \"underlay\"", "side = \"both\""));
    assert_eq!(policy.ports()[1].side, Side::Both);
    assert!(crate::explain(&policy).to_string().contains("port line: both, 192.168.10.1/24"));
}

#[test]
fn an_empty_file_is_a_policy() {
    let policy = good("");
    assert!(policy.assets().is_empty() && policy.rules().is_empty());
    assert_eq!(policy.gate(), &Gate::default());
    assert_eq!(
        warnings(""),
        ["1:1: there is no [[port]]", "1:1: there is no [[rule]] and no [[conduit]]"]
    );
}

#[test]
fn modbus_is_tcp_unless_udp_is_named() {
    let doors = |protocols: &str| {
        let text = changed("protocols = [\"modbus\"]", &format!("protocols = {protocols}"));
        good(&text).assets()[0].doors.clone()
    };
    let modbus = |transport, port| Door { protocol: Protocol::Modbus, transport, port };
    let (tcp, udp) = (Transport::Tcp, Transport::Udp);
    assert_eq!(doors("[\"modbus\"]"), [modbus(tcp, 502)]);
    assert_eq!(doors("[\"modbus\", \"modbus/udp\"]"), [modbus(tcp, 502), modbus(udp, 502)]);
    assert_eq!(doors("{ modbus = [502, 1502] }"), [modbus(tcp, 502), modbus(tcp, 1502)]);
    assert_eq!(doors("{ \"modbus/udp\" = 1502 }"), [modbus(udp, 1502)]);
}

#[test]
fn what_may_not_be_meant_is_warned_of() {
    let unlimited = "49:9: this writes any value to any address";
    let element = "{ function = 6, address = \"0-99\" }";
    for (allow, expected) in [
        ("\"operate\"", unlimited),
        ("{ class = \"write\", unit = 1 }", unlimited),
        ("{ function = [3, 16] }", unlimited),
        ("{ function = 65 }", "49:23: the gate does not know what function 65 does"),
        ("{ function = 8, sub = 99 }", "49:23: the gate does not know what function 8/99 does"),
    ] {
        assert_eq!(warnings(&changed(element, allow)), [expected], "{allow}");
    }
    for allow in ["\"view\"", "{ class = \"write\", value = 1 }", "{ function = 8 }"] {
        assert_eq!(warnings(&changed(element, allow)), [""; 0], "{allow}");
    }
    let unused = warnings(&changed("asset = \"robot\"", "asset = \"press-3\""));
    assert_eq!(unused, ["27:8: no rule or conduit is about `robot`"]);
    let unread = warnings(&changed("tcp = [22, 443]", "tcp = 502"));
    assert_eq!(unread, ["33:43: tcp/502 is the port of modbus, whose commands pass unread"]);
}

#[test]
fn words_join_into_one_entry() {
    let policy = good(&changed(
        "[{ function = 6, address = \"0-99\" }]",
        "[\"discover\", { function = 6, address = 1 }, \"read\"]",
    ));
    let allow = &policy.conduits()[0].allow;
    assert_eq!(allow.len(), 2);
    assert!(allow[0].classes.contains(Class::Discover) && allow[0].classes.contains(Class::Read));
    assert!(allow[1].classes.is_empty());
}

#[test]
fn a_star_is_every_asset_that_speaks_the_protocol() {
    let text = changed("[\"zone:press-line\"]", "[\"*\", \"robot\"]");
    assert_eq!(good(&text).rules()[0].assets, [AssetId(0), AssetId(1)]);
    let icmp = text.replacen(
        "protocol = \"modbus\"\nallow = [\"read\", { class = \"write\", address = \"100-119\", value = \"0-1500\" }]",
        "protocol = \"icmp\"\nallow = [\"diag\"]",
        1,
    );
    assert_eq!(good(&icmp).rules()[0].assets, [AssetId(1)]);
}

/// The reference is what people copy from: it may not fall behind.
#[test]
fn the_reference_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/POLICY.md");
    let page = std::fs::read_to_string(path).unwrap();
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let example = example.unwrap();
    assert_eq!(good(example).warnings(), []);
    let slip = example.replace("address = \"0-99\"", "adress = \"0-99\"");
    let error = parse(&slip, "policy.toml").unwrap_err()[0].to_string();
    assert!(page.contains(&error), "{error}");
    for preset in Preset::ALL {
        let classes: Vec<&str> = preset.classes().iter().map(Class::name).collect();
        let row = format!("| `{}` | `{}` |", preset.name(), classes.join(" "));
        assert!(page.contains(&row), "{row}");
    }
    for known in ["coils", "fifo", "files", "certificate", "modbus/udp", "state_dir", "opaque"] {
        assert!(page.contains(known), "{known}");
    }
}

/// The sentences of the reference are true of its policy, and the one that is not says so.
#[test]
fn the_reference_of_tests_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/POLICY.md");
    let page = std::fs::read_to_string(path).unwrap();
    let block = |at: usize| {
        let rest = page.split("```toml\n").nth(at).unwrap();
        rest.split("```").next().unwrap().to_owned()
    };
    let text = format!("{}\n{}", block(1), block(2));
    let failures = |text: &str| {
        let policy = good(text);
        assert!(policy.assertions().len() >= 4);
        policy.assertions().failures(&policy).unwrap()
    };
    assert_eq!(failures(&text), []);
    let slip = failures(&text.replace("at mon 09:00; may not at sun", "at mon 09:00; may at sun"));
    let [failure] = slip.as_slice() else { panic!("{slip:#?}") };
    let told = failure.diagnostic.to_string();
    assert!(page.contains(&told), "{told}");
}

#[test]
fn configs_of_the_evasion_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/evasion/config");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    };
    let (mut read, mut refused) = (0, 0);
    for file in files {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        match parse(&text, &path.display().to_string()) {
            Ok(policy) => {
                assert_eq!(policy.rules().len(), 1);
                read += 1;
            }
            // Named after a protocol that the gate does not read yet: that, and nothing else.
            Err(errors) => {
                let unknown = |e: &crate::Diagnostic| {
                    e.message.starts_with("unknown protocol `")
                        && e.help.as_deref().is_some_and(|help| help.contains("modbus"))
                };
                assert!(errors.iter().all(unknown), "{errors:#?}");
                assert!(!path.file_name().unwrap().to_string_lossy().starts_with("modbus"));
                refused += 1;
            }
        }
    }
    assert!(read >= 2, "{read} read, {refused} refused");
}

#[test]
fn what_a_rule_asks() {
    let all = "factors = [\"password\"]\nmax_proof_age = \"15min\"\nreason = true\n\
               approval = \"shift-lead\"\nmax_duration = \"8h\"\nmax_sessions = 2\n\
               operation = \"90s\"\ndrain = \"2min\"\n";
    let policy = good(&changed("factors = [\"password\", \"totp\"]\n", all));
    let seconds = |seconds| Some(std::time::Duration::from_secs(seconds));
    let asked = crate::Conditions {
        max_proof_age: seconds(900),
        reason: true,
        approval: Some("shift-lead".to_owned()),
        max_duration: seconds(28800),
        max_sessions: Some(2),
        operation: seconds(90),
        drain: seconds(120),
    };
    assert_eq!(policy.rules[0].conditions, asked);
    let page = crate::explain(&policy).to_string();
    for words in ["asks  a reason", "approval by shift-lead", "for at most 28800 s"] {
        assert!(page.contains(words), "{page}");
    }
    assert!(good(BASE).rules[0].conditions.is_default());
    let difference = crate::diff(&good(BASE), &policy).to_string();
    assert!(difference.contains("approval by shift-lead"), "{difference}");
}

const TUNNEL: &str =
    "\n[tunnel]\nlisten = \"192.168.20.1:4433\"\naddresses = \"100.64.255.0/30\"\n";

fn with_tunnel(rest: &str) -> String {
    let state = "overlay = \"100.64.0.0/16\"\nstate_dir = \"state\"";
    let text = changed("overlay = \"100.64.0.0/16\"", state);
    format!("{text}{TUNNEL}{rest}")
}

#[test]
fn a_tunnel_is_one_more_port() {
    let policy = good(&with_tunnel(""));
    let tunnel = policy.tunnel().unwrap();
    assert_eq!((tunnel.mtu, tunnel.most), (1280, 3));
    assert_eq!(tunnel.listen_tcp(), Some("192.168.20.1:443".parse().unwrap()));
    let hosts: Vec<String> = tunnel.hosts().map(|host| host.to_string()).collect();
    assert_eq!(hosts, ["100.64.255.1", "100.64.255.2"]);
    let id = policy.tunnel_port().unwrap();
    let tables = policy.compile(&[], Time::EPOCH, 1).unwrap().tables;
    let port = tables.port(id).unwrap();
    assert_eq!((&*port.name, port.mtu), ("tunnel", 1280));
    assert_eq!(good(BASE).tunnel_port(), None);
}

#[test]
fn a_tunnel_over_tcp_has_a_port_of_its_own_or_none() {
    let port = |rest| good(&with_tunnel(rest)).tunnel().unwrap().listen_tcp();
    assert_eq!(port("tcp_port = 8443"), Some("192.168.20.1:8443".parse().unwrap()));
    assert_eq!(port("tcp_port = 0"), None);
    let lifetime = |rest| good(&with_tunnel(rest)).tunnel().unwrap().lifetime.as_secs();
    assert_eq!((lifetime(""), lifetime("lifetime = \"90min\"")), (12 * 3600, 90 * 60));
}

#[test]
fn nobody_logs_in_with_the_address_of_a_machine() {
    let text = with_tunnel("").replace("192.168.20.5", "100.64.255.1");
    let errors = parse(&text, "policy.toml").unwrap_err();
    assert!(errors[0].message.contains("conduit `hmi-1`"), "{}", errors[0]);
}

#[test]
fn metrics_are_for_this_machine_unless_the_file_says_otherwise() {
    let with = |gate: &str, keys: &str| {
        format!("{}\n[metrics]\n{keys}", changed("[gate]", &format!("[gate]\n{gate}")))
    };
    let socket = "control_socket = \"/run/w.sock\"";
    let far = "listen = \"0.0.0.0:9464\"";
    assert_eq!(good(&changed("", "")).metrics(), None);
    let near = good(&with(socket, "listen = \"127.0.0.1:9464\""));
    assert_eq!(near.metrics().unwrap().to_string(), "metrics: 127.0.0.1:9464");
    let remote = good(&with(socket, &format!("{far}\nremote = true")));
    assert!(remote.metrics().unwrap().to_string().ends_with("for other machines too"));
    let refused =
        |gate, keys| parse(&with(gate, keys), "policy.toml").unwrap_err().remove(0).message;
    assert!(refused(socket, far).contains("can be reached from other machines"));
    assert!(refused("", "listen = \"127.0.0.1:9464\"").contains("without a control socket"));
    assert!(refused(socket, "").contains("no `listen`"));
}

#[test]
fn the_audit_log_is_kept_as_the_file_says() {
    assert_eq!(*good(&changed("", "")).log(), crate::Log::default());
    let keys = "file_mib = 1\nkeep_mib = 2\nkeep_for = \"48h\"\ncommit = \"100ms\"\n\
                checkpoint = \"1min\"\ncheckpoints = \"/mnt/gate.jsonl\"\npayload = 16\n";
    let policy = good(&format!("{}\n[audit]\n{keys}", changed("", "")));
    let seconds = std::time::Duration::from_secs;
    let expected = crate::Log {
        file_size: 1 << 20,
        keep_size: Some(2 << 20),
        keep_for: Some(seconds(48 * 3600)),
        commit: std::time::Duration::from_millis(100),
        checkpoint: seconds(60),
        payload: 16,
        checkpoints: Some("/mnt/gate.jsonl".into()),
        syslog: None,
    };
    assert_eq!(*policy.log(), expected);
}

#[test]
fn records_are_sent_as_the_file_says_by_tls_unless_it_asks_for_less() {
    use crate::syslog::{Format, Syslog, Tls, Transport};
    let with =
        |keys: &str| format!("{}\n[audit.syslog]\nserver = \"siem:6514\"\n{keys}", changed("", ""));
    let sent = |keys: &str| good(&with(keys)).log().syslog.clone().unwrap();
    let tls = Tls { name: "siem".to_owned(), ca: "ca.pem".into(), certificate: None };
    let expected = Syslog {
        host: "siem".to_owned(),
        port: 6514,
        transport: Transport::Tls(tls),
        facility: 13,
        format: Format::Json,
        alarm_after: Syslog::ALARM_AFTER,
    };
    assert_eq!(sent("ca = \"ca.pem\""), expected);
    let keys = "ca = \"ca.pem\"\nname = \"log.plant\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n\
                facility = \"local3\"\nformat = \"cef\"\nalarm_after = \"5min\"";
    let all = sent(keys);
    let certificate = Some(("c.pem".into(), "k.pem".into()));
    let tls = Tls { name: "log.plant".to_owned(), ca: "ca.pem".into(), certificate };
    assert_eq!((all.transport, all.facility, all.format), (Transport::Tls(tls), 19, Format::Cef));
    assert_eq!(sent("transport = \"udp\"").transport, Transport::Udp);
    let refused = |keys: &str| parse(&with(keys), "policy.toml").unwrap_err().remove(0).message;
    assert!(refused("").contains("no `ca`"), "TLS is what there is without a word");
    assert!(refused("ca = \"a\"\nkey = \"k\"").contains("go together"));
    assert!(refused("transport = \"smtp\"").contains("cannot be `smtp`"));
    assert!(
        refused("transport = \"tcp\"\nca = \"a\"").contains("ca"),
        "nobody is to think it is checked"
    );
}

/// Whether each person's and each machine's sessions are recorded.
fn recorded(record: &str) -> (Vec<bool>, Vec<bool>) {
    let policy = good(&format!("{BASE}\n[record]\nfolder = \"/records\"\n{record}"));
    let login = Login {
        address: [192, 168, 20, 7].into(),
        user: "alice".to_owned(),
        roles: vec!["maintenance".to_owned()],
        factors: Factor::ALL.to_vec(),
        until: Time::NEVER,
    };
    let tables = policy.compile(&[login], Time::EPOCH, 1).unwrap().tables;
    let grants = |essential: bool| {
        let is_of = |grant: &&Grant| tables.subject(grant.subject).unwrap().essential == essential;
        (0..)
            .map_while(|id| tables.grant(GrantId(id)))
            .filter(is_of)
            .map(|grant| grant.record)
            .collect()
    };
    (grants(false), grants(true))
}

#[test]
fn people_are_recorded_and_machines_where_they_are_named() {
    let all = |of: &[bool]| !of.is_empty() && of.iter().all(|yes| *yes);
    let none = |of: &[bool]| !of.is_empty() && of.iter().all(|yes| !*yes);
    let (people, machines) = recorded("");
    assert!(all(&people) && none(&machines), "{people:?} {machines:?}");
    let (people, _) = recorded("roles = [\"maintenance\"]\nassets = [\"zone:press-line\"]");
    assert!(all(&people), "{people:?}");
    let (people, _) = recorded("assets = [\"zone:cell\"]");
    assert!(none(&people), "she is on none of these: {people:?}");
    let name = good(BASE).conduits()[0].name.clone();
    let (people, machines) = recorded(&format!("conduits = [{name:?}]"));
    assert!(all(&people) && all(&machines), "{people:?} {machines:?}");
}
