//! Neighbours, VLANs, one card, narrow links: what changes around a gate that runs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use wicketgate_lab::{Namespace, skip};

use crate::modbus::{device, programs, register};
use crate::plant::Plant;
use crate::shapes::{self, NARROW, VLAN};
use crate::{
    assert_whole, broken, commands, counter, retransmitted, rounds, run_hmi, transactions,
};

/// Device, HMI, and the relay.
fn tools() -> Result<(PathBuf, PathBuf, PathBuf), String> {
    wicketgate_lab::available()?;
    let (server, hmi) = programs()?;
    Ok((server, hmi, shapes::relay()?))
}

macro_rules! need {
    ($test:expr) => {
        match tools() {
            Ok(tools) => tools,
            Err(why) => return skip($test, &why),
        }
    };
}

/// Every transaction of an HMI succeeds, nothing is lost, and the audit has them all.
fn assert_unnoticed(plant: &Plant, server: &std::path::Path, hmi: &std::path::Path) {
    let _device = device(plant, server);
    let gate = plant.start("audit.jsonl");
    let rounds = rounds(500);
    run_hmi(plant, hmi, rounds);
    let report = gate.stop();
    // Stacks send again what was only late (RFC 8985 section 7): a busy machine, no loss.
    let again = (retransmitted(&plant.user), retransmitted(&plant.line));
    let (count, time) = (transactions(rounds), &report["latency"]);
    eprintln!("{count} transactions; {time}; sent again: {again:?}");
    assert_whole(&report);
    // The answer to the gate's own question is taken and goes nowhere.
    let dropped = report["frames"]["dropped"].as_array().unwrap();
    assert!(dropped.iter().all(|line| line["reason"] == "arp"), "{report:#}");
    assert_eq!((broken(&plant.user), broken(&plant.line)), (0, 0));
    let audit = plant.audit("audit.jsonl");
    assert_eq!(commands(&audit, "success").len(), transactions(rounds));
}

#[test]
fn a_device_in_a_vlan_is_served() {
    let (server, hmi, relay) = need!("a_device_in_a_vlan_is_served");
    assert_unnoticed(&shapes::in_vlan(&relay), &server, &hmi);
}

#[test]
fn one_card_is_enough() {
    let (server, hmi, relay) = need!("one_card_is_enough");
    for vlan in [None, Some(VLAN)] {
        assert_unnoticed(&shapes::one_armed(&relay, vlan), &server, &hmi);
    }
}

/// How many frames waited for a MAC address, and how many of them left.
fn waited(report: &Value) -> (&Value, &Value) {
    (&report["waited"]["total"], &report["waited"]["forwarded"])
}

#[test]
fn the_first_segment_to_a_vlan_waits_for_the_answer_to_arp() {
    let (server, _, relay) = need!("the_first_segment_to_a_vlan_waits_for_the_answer_to_arp");
    let plant = shapes::in_vlan(&relay);
    let _device = device(&plant, &server);
    // It does not answer while the gate starts.
    plant.line.ip("link set dev eth0 arp off").unwrap();
    let gate = plant.start("audit.jsonl");
    plant.line.ip("link set dev eth0 arp on").unwrap();
    let mut stream = plant.connect().unwrap();
    assert_eq!(register(&mut stream, 7), 70);
    drop(stream);
    let report = gate.stop();
    assert_whole(&report);
    // The segment, and those that the client sent again meanwhile.
    let (total, forwarded) = waited(&report);
    assert!(total.as_u64() >= Some(1) && total == forwarded, "{report:#}");
}

#[test]
fn the_first_segment_waits_for_a_device_that_comes_late() {
    let (server, ..) = need!("the_first_segment_waits_for_a_device_that_comes_late");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    plant.line.ip("link set dev eth0 arp off").unwrap();
    let gate = plant.try_start("audit.jsonl");
    assert!(gate.says("no device answers at 192.168.10.20"));
    assert!(gate.says("running"));
    plant.line.ip("link set dev eth0 arp on").unwrap();
    let mut stream = plant.connect().unwrap();
    assert_eq!(register(&mut stream, 7), 70);
    drop(stream);
    let report = gate.stop();
    assert_whole(&report);
    let (total, forwarded) = waited(&report);
    assert_eq!(total, forwarded, "{report:#}");
    assert!(report["frames"]["dropped"].as_array().unwrap().is_empty(), "{report:#}");
}

/// A device's card is changed; it then speaks to the gate, as any device does sooner or later.
fn replace_card(line: &Namespace, mac: &str) {
    line.ip(&format!("link set dev eth0 address {mac}")).unwrap();
    line.ip("neighbour flush dev eth0").unwrap();
    let asset = line.enter(|| UdpSocket::bind("192.168.10.20:0").unwrap()).unwrap();
    asset.send_to(b"?", "192.168.10.2:9").unwrap();
}

#[test]
fn a_connection_follows_a_device_to_another_card() {
    let (server, _, relay) = need!("a_connection_follows_a_device_to_another_card");
    for plant in [Plant::new(1), shapes::in_vlan(&relay), shapes::one_armed(&relay, Some(VLAN))] {
        let _device = device(&plant, &server);
        let gate = plant.start("audit.jsonl");
        let mut stream = plant.connect().unwrap();
        assert_eq!(register(&mut stream, 1), 10);
        for number in 2..5_u8 {
            replace_card(&plant.line, &format!("02:00:00:00:11:{number:02x}"));
            assert!(gate.says("press-3 (192.168.10.20) has another MAC address"));
            assert_eq!(register(&mut stream, number), 10 * u16::from(number), "it lives on");
        }
        drop(stream);
        assert_whole(&gate.stop());
    }
}

#[test]
fn a_pinned_device_is_not_replaced_unseen() {
    let (server, _, relay) = need!("a_pinned_device_is_not_replaced_unseen");
    for plant in [Plant::new(1), shapes::in_vlan(&relay)] {
        let _device = device(&plant, &server);
        let policy = plant.file("policy.toml");
        let text = std::fs::read_to_string(&policy).unwrap();
        let pinned = text.replace("cycle = ", "mac = \"02:00:00:00:10:20\"\ncycle = ");
        std::fs::write(&policy, pinned).unwrap();
        let gate = plant.start("audit.jsonl");
        assert_eq!(register(&mut plant.connect().unwrap(), 1), 10);
        replace_card(&plant.line, "02:00:00:00:10:66");
        assert!(gate.says("alarm: 02:00:00:00:10:66 says to be press-3"));
        plant.line.ip("link set dev eth0 promisc on").unwrap();
        let _ = plant.connect();
        assert_whole(&gate.stop());
    }
}

#[test]
fn the_gates_own_cards_are_followed() {
    let (server, ..) = need!("the_gates_own_cards_are_followed");
    let plant = Plant::new(1);
    let _device = device(&plant, &server);
    let gate = plant.start("audit.jsonl");
    let mut stream = plant.connect().unwrap();
    assert_eq!(register(&mut stream, 1), 10);
    for (end, other, address) in
        [("office", &plant.user, "192.168.20.1"), ("line", &plant.line, "192.168.10.2")]
    {
        plant.gate.ip(&format!("link set dev {end} address 02:00:00:00:77:01")).unwrap();
        assert!(gate.says(&format!("{end} has another MAC address: 02:00:00:00:77:01")));
        other
            .ip(&format!("neighbour replace {address} lladdr 02:00:00:00:77:01 dev eth0"))
            .unwrap();
        assert_eq!(register(&mut stream, 2), 20, "the connection lives on");
    }
    plant.gate.ip("address del 192.168.10.2/24 dev line").unwrap();
    assert!(gate.says("alarm: line has lost the address 192.168.10.2/24"));
    plant.gate.ip("address add 192.168.10.2/24 dev line").unwrap();
    assert!(gate.says("line has the address 192.168.10.2/24 again"));
    plant.line.ip("link set dev eth0 down").unwrap();
    assert!(gate.says("line: the link is down"));
    plant.line.ip("link set dev eth0 up").unwrap();
    assert!(gate.says("line: the link is up again"));
    assert_eq!(register(&mut stream, 3), 30);
    drop(stream);
    let report = gate.stop();
    assert_eq!((&report["chunks"]["held"], &report["chunks"]["strays"]), (&json!(0), &json!(0)));
}

#[test]
fn an_interface_that_is_taken_away_is_alarmed() {
    let _ = need!("an_interface_that_is_taken_away_is_alarmed");
    let plant = Plant::new(1);
    let gate = plant.start("audit.jsonl");
    plant.gate.ip("link del dev line").unwrap();
    assert!(gate.says("alarm: the interface line is gone"));
}

/// Bytes that need many whole segments.
const MUCH: usize = 200_000;

/// A connection to the service of the asset, and its other end.
fn service(plant: &Plant) -> (TcpStream, TcpStream) {
    let listener = plant.line.enter(|| TcpListener::bind("0.0.0.0:5201").unwrap()).unwrap();
    let address: SocketAddr = "100.64.10.20:5201".parse().unwrap();
    let patience = Duration::from_secs(5);
    let client = plant.user.enter(|| TcpStream::connect_timeout(&address, patience)).unwrap();
    let (client, (server, _)) = (client.unwrap(), listener.accept().unwrap());
    for end in [&client, &server] {
        end.set_read_timeout(Some(patience)).unwrap();
        end.set_write_timeout(Some(patience)).unwrap();
    }
    (client, server)
}

fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let sent: Vec<u8> = (0..MUCH).map(|at| (at % 251) as u8).collect();
    let mut got = vec![0; MUCH];
    std::thread::scope(|scope| {
        scope.spawn(|| from.write_all(&sent).unwrap());
        to.read_exact(&mut got).unwrap();
    });
    assert!(sent == got, "what arrives is what was sent");
}

/// Bytes pass both ways.
fn assert_both_ways(plant: &Plant) {
    let (client, server) = service(plant);
    pass(&client, &server);
    pass(&server, &client);
}

#[test]
fn what_a_bad_cable_loses_is_sent_again() {
    let (.., relay) = need!("what_a_bad_cable_loses_is_sent_again");
    let plant = shapes::on_a_bad_cable(&relay);
    let gate = plant.start("audit.jsonl");
    // An ACK that is lost is not sent again: chance may have it that only those were.
    let bad = || retransmitted(&plant.user) > 0 && retransmitted(&plant.line) > 0;
    for _ in 0..20 {
        assert_both_ways(&plant);
        if bad() {
            break;
        }
    }
    assert!(bad(), "the cable loses frames both ways");
    assert_whole(&gate.stop());
}

/// "Fragmentation needed" and other ICMP errors that a namespace's hosts were told.
fn told(namespace: &Namespace) -> u64 {
    counter(namespace, "Icmp", "InDestUnreachs")
}

#[test]
fn a_narrow_link_of_the_gate_is_told_in_the_handshake() {
    let _ = need!("a_narrow_link_of_the_gate_is_told_in_the_handshake");
    for link in ["office", "line"] {
        let plant = shapes::straight();
        plant.gate.ip(&format!("link set dev {link} mtu {NARROW}")).unwrap();
        let gate = plant.start("audit.jsonl");
        assert_both_ways(&plant);
        assert_eq!(
            (told(&plant.user), told(&plant.line)),
            (0, 0),
            "segments fit from the first on"
        );
        let report = gate.stop();
        assert_whole(&report);
        assert_eq!(report["frames"]["dropped"], json!([]), "{report:#}");
        assert_eq!((broken(&plant.user), broken(&plant.line)), (0, 0));
    }
}

#[test]
fn who_sends_more_than_a_link_of_the_gate_carries_is_told() {
    let _ = need!("who_sends_more_than_a_link_of_the_gate_carries_is_told");
    for narrow in ["line", "office"] {
        let plant = shapes::straight();
        let gate = plant.start("audit.jsonl");
        let (client, server) = service(&plant);
        pass(&client, &server);
        // Segments are agreed upon when the link narrows. One way only: a cable of the laboratory takes
        // nothing in that is longer than what its end may send.
        plant.gate.ip(&format!("link set dev {narrow} mtu {NARROW}")).unwrap();
        assert!(gate.says(&format!("{narrow} has another MTU: {NARROW} bytes")));
        let (sender, from, to) = match narrow {
            "line" => (&plant.user, &client, &server),
            _ => (&plant.line, &server, &client),
        };
        pass(from, to);
        drop((client, server));
        let report = gate.stop();
        assert_whole(&report);
        assert!(told(sender) > 0, "the sender was told: {report:#}");
        let dropped = report["frames"]["dropped"].as_array().unwrap();
        let line = dropped.iter().find(|line| line["reason"] == "fragmentation-needed").unwrap();
        assert_eq!(line["frames"], told(sender), "{report:#}");
    }
}

#[test]
fn a_router_on_the_users_side_is_heard_by_the_device() {
    let _ = need!("a_router_on_the_users_side_is_heard_by_the_device");
    let plant = shapes::behind_a_router();
    let gate = plant.start("audit.jsonl");
    assert_both_ways(&plant);
    assert!(told(&plant.line) > 0, "the device was told of the narrow link");
    assert_whole(&gate.stop());
}

#[test]
fn a_router_in_the_plant_is_heard_by_the_user() {
    let _ = need!("a_router_in_the_plant_is_heard_by_the_user");
    let plant = shapes::device_behind_a_router();
    let gate = plant.start("audit.jsonl");
    assert_both_ways(&plant);
    assert!(told(&plant.user) > 0, "the user was told of the narrow link");
    assert_whole(&gate.stop());
}
