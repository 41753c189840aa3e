//! Writes the fuzz targets' seeds from the bundled captures: `cargo run -p wicketgate-tests --example
//! seeds`.
//!
//! A seed that shows nothing new by its headers or function code is left out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a tool for the work tree")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use wicketgate_dissectors::{enip, opcua, s7comm};
use wicketgate_packet::{Headers, L4};
use wicketgate_tests::capture::cases;
use wicketgate_tests::enip::{
    connected, forward_close, forward_open, multiple, opened, read_tag, unconnected, write_tag,
};
use wicketgate_tests::{modbus, s7comm as s7};

type Seeds = BTreeMap<String, Vec<u8>>;

fn main() {
    let (mut packets, mut pdus, mut enips) = (Seeds::new(), Seeds::new(), cip());
    let mut s7comms = s7();
    let mut services = ua();
    for crossing in cases().iter().flat_map(|case| case.through_file().entered) {
        let Ok(headers) = Headers::parse(&crossing.bytes) else {
            packets.entry("not-ipv4".into()).or_insert(crossing.bytes);
            continue;
        };
        packets.entry(kind(&headers)).or_insert_with(|| crossing.bytes.clone());
        let payload = headers.payload(&crossing.bytes);
        let of = |port| [headers.ports().0, headers.ports().1].contains(&port);
        if of(opcua::PORT) {
            if payload.len() >= 28 {
                let kind = String::from_utf8_lossy(&payload[..3]).into_owned();
                let name = format!("{kind}-{:02x}{:02x}", payload[27], payload[26]);
                services.entry(name).or_insert_with(|| payload.to_vec());
            }
        } else if of(enip::PORT) {
            if payload.len() >= 24 {
                let last = payload.iter().skip(40).take(3).map(|byte| format!("-{byte:02x}"));
                let name = format!(
                    "port-{}-{:02x}{}",
                    crossing.port.0,
                    payload[0],
                    String::from_iter(last)
                );
                enips.entry(name).or_insert_with(|| payload.to_vec());
            }
        } else if [headers.ports().0, headers.ports().1].contains(&s7comm::PORT) {
            if payload.len() > 17 {
                let name =
                    format!("port-{}-{:02x}-{:02x}", crossing.port.0, payload[8], payload[17]);
                s7comms.entry(name).or_insert_with(|| payload.to_vec());
            }
        } else if payload.len() >= 8 && !matches!(headers.l4, L4::Icmp { .. }) {
            let name = format!("port-{}-code-{:02x}", crossing.port.0, payload[7]);
            pdus.entry(name).or_insert_with(|| payload.to_vec());
        }
    }
    write("packet", &packets);
    write("modbus", &pdus);
    write("enip", &enips);
    write("s7comm", &s7comms);
    write("opcua", &services);
    write("engine", &actions());
}

fn kind(headers: &Headers) -> String {
    match headers.l4 {
        L4::Tcp(segment) => format!("tcp-{:02x}-{}", segment.flags, headers.payload_len().min(1)),
        L4::Udp { .. } => "udp".into(),
        L4::Icmp { kind, code, .. } => format!("icmp-{kind}-{code}"),
    }
}

/// EtherNet/IP that the captures do not show: what hides services, and what must be refused.
fn cip() -> Seeds {
    let (read, write) = (read_tag("Tag"), write_tag("Program:Main.Motor", 1));
    let inner = multiple(&[&read, &write]);
    let deep = (0..5).fold(write.clone(), |message, _| multiple(&[&message]));
    let requestor = [0x4b, 2, 0x20, 0x67, 0x24, 1, 7, 0x4d, 0, 1, 2, 3, 4];
    let pccc = [&requestor[..], &[0x0f, 0, 1, 0, 0xaa, 2, 7, 0x89, 0, 0, 5, 0]].concat();
    let opening =
        [unconnected(&forward_open(7)), unconnected(&opened(9, 7)), connected(9, 1, &read)];
    let passthrough = [0x51, 2, 0x20, 0x44, 0x24, 1, 6, 0, 100, 0, 1];
    let io = [2, 0, 2, 0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0xb1, 0, 2, 0, 1, 0];
    Seeds::from([
        ("packet-in-packet".into(), unconnected(&multiple(&[&read, &inner]))),
        ("too-deep".into(), unconnected(&deep)),
        ("pccc".into(), unconnected(&pccc)),
        ("modbus".into(), unconnected(&passthrough)),
        ("opened".into(), opening.concat()),
        ("closed".into(), [opening.concat(), unconnected(&forward_close())].concat()),
        ("io".into(), io.to_vec()),
    ])
}

/// S7 that the captures do not show: fragments, S7comm-plus, TLS.
fn s7() -> Seeds {
    let write = s7::write(1, 10, 0, &[0, 1]);
    let (front, rest) = write[7..].split_at(11);
    let cut = [s7::fragment(front, false), s7::fragment(rest, true)].concat();
    let state =
        [0x31, 0, 0, 4, 0xf2, 0, 0, 0, 7, 0x70, 0, 14, 0x4d, 0x34, 0, 0, 0, 0x34, 1, 0x90, 0x77];
    let plus = [&[0x72, 1, 0, 21][..], &state, &[0x72, 1, 0, 0]].concat();
    Seeds::from([
        ("connect".into(), s7::connect()),
        ("fragments".into(), cut),
        ("stop".into(), s7::stop(1)),
        ("plus-operating-state".into(), s7::fragment(&plus, true)),
        ("tls".into(), s7::fragment(&[0x16, 3, 1, 0, 1, 0], true)),
    ])
}

/// OPC UA that the captures do not show: channels with security, chunks, a whole conversation.
fn ua() -> Seeds {
    use wicketgate_tests::opcua::*;
    let opening = [hello(), open("None", 0, 1), open("None", 5, 51)].concat();
    let talk = [opening, read(2, "A"), write(3, "B", 7), call(4, "C"), fault(52, 2)].concat();
    let sealed = message("MSGF", 9, 9, &[0x9a; 64]);
    let nested = [
        &[1, 0, 0, 0, 0, 85, 13, 0, 0, 0, 255, 255, 255, 255, 1][..],
        &[0x98, 1, 0, 0, 0].repeat(6),
    ];
    Seeds::from([
        ("talk".into(), talk),
        ("sealed".into(), [hello(), open("Basic256Sha256", 0, 1), sealed].concat()),
        (
            "chunks".into(),
            [message("MSGC", 2, 2, &[7; 40]), message("MSGA", 3, 2, &[7; 40])].concat(),
        ),
        ("nested".into(), service(2, 673, &nested.concat())),
        ("error".into(), chunk("ERRF", &[0, 0, 0x55, 0x80, 0xff, 0xff, 0xff, 0xff])),
    ])
}

/// Sequences of actions, in the language of `fuzz_targets/engine.rs`.
fn actions() -> Seeds {
    let read = [0, 0, 0, 1, 0, 0, 5];
    let write = [0, 2, 0, 2, 0, 5, 0, 5];
    let send = [3, 255];
    let again = [5, 0, 40, 255, 20];
    let answer = [8, 0, 1];
    let join = |parts: &[&[u8]]| parts.concat();
    let garbage = modbus::adu(1, &[3, 0, 0, 0, 1]);
    Seeds::from([
        ("poll".into(), join(&[&read, &send, &answer, &read, &send, &answer])),
        ("denied-and-again".into(), join(&[&write, &send, &read, &again, &again, &send])),
        ("split".into(), join(&[&write, &[3, 3], &[3, 3], &[3, 3], &again, &send])),
        (
            "reset-and-reopen".into(),
            join(&[&read, &send, &[6, 0x80, 0, 0, 4], &[11], &read, &send]),
        ),
        ("revoke".into(), join(&[&read, &send, &[12, 4, 1], &read, &send, &[11], &send])),
        ("policy-and-age".into(), join(&[&read, &[12, 3, 2], &send, &[9, 255, 255, 12, 2], &send])),
        ("datagrams".into(), join(&[&[12, 0], &write, &[12, 0], &read, &[12, 1, 0, 7, 0, 1]])),
        ("garbage".into(), join(&[&[7, 12], &garbage, &[10, 0, 20], &garbage])),
    ])
}

fn write(target: &str, seeds: &Seeds) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in seeds {
        fs::write(folder.join(name), bytes).unwrap();
    }
    println!("{target}: {} seeds", seeds.len());
}
