//! Connections of real captures, cut otherwise: what is told of them must not change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wicketgate_dissectors::{Direction, Framed, Protocol};
use wicketgate_packet::{FrameBuf, Headers, L4};
use wicketgate_ports::{CaptureReader, Pool};

use crate::{Gate, Talk};

/// PDUs of one connection, in the order of a capture.
pub type Pdus = Vec<(Direction, Vec<u8>)>;

/// The connections of a capture to this port; of each the first few hundred PDUs, retransmissions and
/// what comes behind a hole left out.
pub fn connections(path: &Path, protocol: Protocol, port: u16) -> Vec<Pdus> {
    const MOST: usize = 300;
    let mut reader = CaptureReader::open(path).unwrap();
    let mut frame = Pool::new(1).take().unwrap();
    let mut halves: BTreeMap<_, (Option<u32>, Vec<u8>)> = BTreeMap::new();
    let mut found: BTreeMap<_, Pdus> = BTreeMap::new();
    while let Ok(Some(_)) = reader.read(&mut frame) {
        // Some are of ::1, which the gate does not carry.
        let Ok(headers) = Headers::parse(frame.bytes()) else { continue };
        let (L4::Tcp(segment), (from, to)) = (&headers.l4, headers.ports()) else { continue };
        let (direction, flow) = match (from, to) {
            (_, to) if to == port => (Direction::ToServer, (headers.src, from, headers.dst)),
            (from, _) if from == port => (Direction::ToClient, (headers.dst, to, headers.src)),
            _ => continue,
        };
        let data = headers.payload(frame.bytes());
        let (next, held) = halves.entry((flow, direction)).or_default();
        if data.is_empty() || next.is_some_and(|next| next != segment.seq) {
            continue;
        }
        *next = Some(segment.seq.wrapping_add(data.len() as u32));
        held.extend(data);
        let pdus = found.entry(flow).or_default();
        while let Ok(Framed::Whole(end)) = protocol.frame(held) {
            let pdu: Vec<u8> = held.drain(..end.get()).collect();
            if pdus.len() < MOST {
                pdus.push((direction, pdu));
            }
        }
    }
    found.into_values().filter(|pdus| !pdus.is_empty()).collect()
}

/// How the bytes of one direction are cut.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// One segment a PDU.
    Whole,
    /// One segment a byte.
    Bytes,
    /// As many PDUs in a segment as come one behind the other.
    Merged,
    /// One segment a PDU, each sent twice.
    Twice,
}

/// Says them, cut like that.
pub fn play(gate: &mut Gate, talk: &mut Talk, pdus: &Pdus, cut: Cut) {
    let mut runs: Pdus = Vec::new();
    for (direction, pdu) in pdus {
        match runs.last_mut() {
            Some((last, run)) if matches!(cut, Cut::Merged) && last == direction => {
                if run.len() + pdu.len() <= 1400 {
                    run.extend(pdu);
                    continue;
                }
                runs.push((*direction, pdu.clone()));
            }
            _ => runs.push((*direction, pdu.clone())),
        }
    }
    for (direction, run) in &runs {
        let size = if matches!(cut, Cut::Bytes) { 1 } else { 1400 };
        for piece in run.chunks(size) {
            let before = *talk;
            say(gate, talk, *direction, piece);
            if matches!(cut, Cut::Twice) {
                let after = std::mem::replace(talk, before);
                say(gate, talk, *direction, piece);
                *talk = after;
            }
        }
    }
}

fn say(gate: &mut Gate, talk: &mut Talk, direction: Direction, piece: &[u8]) {
    match direction {
        Direction::ToServer => talk.send(gate, piece),
        Direction::ToClient => talk.answer(gate, piece),
    };
}

/// The bundled captures and, where they lie beside the project, those that tools made of real plants.
pub fn captures(protocol: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = |path: PathBuf| {
        let entries = std::fs::read_dir(path).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let mut all: Vec<PathBuf> = folders(root.join("pcaps").join(protocol))
        .into_iter()
        .map(|case| case.join("capture.pcapng"))
        .filter(|capture| capture.exists())
        .collect();
    let given = folders(root.join("../shared/pcaps/given").join(protocol));
    if given.is_empty() {
        eprintln!("skipped: no ../shared/pcaps/given/{protocol}");
    }
    all.extend(given);
    all.sort();
    all
}
