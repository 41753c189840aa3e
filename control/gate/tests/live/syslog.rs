//! Records to a syslog server that somebody else wrote (`openssl s_server`), from inside the fences.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use wicketgate_lab::skip;

use super::*;
use crate::log::{lines, plant_with_state};
use crate::modbus::{device, register};
use crate::people::within;

const SERVER: &str = "127.0.0.1:6514";

/// An authority's certificate, and one of it for the server with its key, as files of the plant.
fn certificates(plant: &Plant) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["siem.plant".to_owned()]).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    fs::write(plant.file("siem-ca.pem"), authority.pem()).unwrap();
    fs::write(plant.file("siem.pem"), server.pem()).unwrap();
    fs::write(plant.file("siem.key"), key.serialize_pem()).unwrap();
}

/// A server; it is killed with this.
struct Siem(Child);

impl Drop for Siem {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A server that writes what it gets to this file.
fn siem(plant: &Plant, into: &str) -> Siem {
    let mut command = plant.gate.command("openssl");
    command.args(["s_server", "-accept", SERVER, "-tls1_3", "-quiet"]);
    command.arg("-cert").arg(plant.file("siem.pem")).arg("-key").arg(plant.file("siem.key"));
    let into = File::create(plant.file(into)).unwrap();
    Siem(command.stdin(Stdio::piped()).stdout(into).stderr(Stdio::null()).spawn().unwrap())
}

/// The numbers of the records that a server has got whole, and what each of them says.
fn received(plant: &Plant, from: &str) -> Vec<String> {
    let bytes = fs::read(plant.file(from)).unwrap_or_default();
    let (mut rest, mut records) = (&bytes[..], Vec::new());
    while let Some(blank) = rest.iter().position(|byte| *byte == b' ') {
        // A connection that was broken off leaves a part of a message, and the next begins behind it.
        let count =
            str::from_utf8(&rest[..blank]).ok().and_then(|count| count.parse::<usize>().ok());
        let Some(message) = count.and_then(|count| rest.get(blank + 1..blank + 1 + count)) else {
            break;
        };
        let text = String::from_utf8(message.to_vec()).unwrap();
        records.push(text[text.find("] {").unwrap() + 2..].to_owned());
        rest = &rest[blank + 1 + message.len()..];
    }
    records
}

fn seqs(records: &[String]) -> BTreeSet<u64> {
    let seq = |record: &String| serde_json::from_str::<Value>(record).unwrap()["seq"].as_u64();
    records.iter().map(|record| seq(record).unwrap()).collect()
}

#[test]
fn a_siem_has_every_record_whoever_is_killed() {
    let (server, _) = need!("a_siem_has_every_record_whoever_is_killed");
    if Command::new("openssl").arg("version").output().is_err() {
        return skip("a_siem_has_every_record_whoever_is_killed", "no openssl");
    }
    let plant = plant_with_state("");
    certificates(&plant);
    let ca = plant.file("siem-ca.pem");
    let state = plant.file("state");
    plant.write_policy(&format!(
        "{CONDUIT}[gate]\nstate_dir = {state:?}\n[audit.syslog]\nserver = \"{SERVER}\"\n\
         name = \"siem.plant\"\nca = {ca:?}\n"
    ));
    let _device = device(&plant, &server);
    let folder = plant.file("state/audit");
    let all_in = |name: &str| {
        let written = lines(&folder).len() as u64;
        let has = || seqs(&received(&plant, name)).last().is_some_and(|last| *last >= written);
        within(|| has().then_some(()));
    };
    let read = |count: u32| {
        let mut stream = plant.connect().unwrap();
        for _ in 0..count {
            register(&mut stream, 1);
        }
    };
    // The server comes after the gate, is killed with connections open, and comes back.
    let gate = started(&plant);
    read(50);
    let first = siem(&plant, "first");
    all_in("first");
    drop(first);
    read(50);
    let second = siem(&plant, "second");
    all_in("second");
    // The gate is killed, and goes on with what may not have arrived.
    read(50);
    gate.kill();
    drop(second);
    let third = siem(&plant, "third");
    let gate = started(&plant);
    read(50);
    all_in("third");
    gate.stop();
    drop(third);
    let log = lines(&folder);
    let got: Vec<_> =
        ["first", "second", "third"].iter().flat_map(|name| received(&plant, name)).collect();
    let got: BTreeSet<&String> = got.iter().collect();
    assert!(log.len() > 150, "{}", log.len());
    for line in &log {
        assert!(got.contains(line), "{line}");
    }
    assert!(log.last().unwrap().contains("\"type\":\"log-end\""));
}

fn started(plant: &Plant) -> Gate {
    let gate = plant.try_start_with(&[]);
    assert!(gate.says("running"));
    gate
}
