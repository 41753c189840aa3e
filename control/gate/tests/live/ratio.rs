//! What inspection costs that is seen from outside: the same requests on three connections of one gate, bytes that
//! nobody reads, bytes that are judged, and bytes that are judged behind a denial. Rounds take turns, so that a
//! disturbance of the machine hits all alike. Figures, no test: `cargo test --release -p wicketgate --test live --
//! --ignored --nocapture beside_an_opaque_flow`; `WICKETGATE_ROUNDS` (200) rounds.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use wicketgate_worker::{Machine, Stopwatch};

use crate::modbus::ask;
use crate::plant::{DOOR, Plant, Process};
use crate::{commands, shapes};

const RIGHTS: &str = r#"
[[conduit]]
name = "the HMI runs press-3"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "modbus"
allow = ["read"]

[[conduit]]
name = "nobody reads what the HMI says"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "tcp"
opaque = true
"#;

/// Of each flow in each round: requests one after the other, and requests with [`AHEAD`] under way.
const ONE_BY_ONE: usize = 50;
const TOGETHER: usize = 200;
const AHEAD: usize = 8;

/// Ten registers, as an HMI asks, and its answer's length.
const REQUEST: [u8; 12] = [0x12, 0x34, 0, 0, 0, 6, 1, 3, 0, 100, 0, 10];
const ANSWER: usize = 29;

fn transaction(stream: &mut TcpStream) -> f64 {
    let start = Machine::start();
    stream.write_all(&REQUEST).unwrap();
    stream.read_exact(&mut [0; ANSWER]).unwrap();
    start.nanos() as f64
}

/// Nanoseconds of each request, with several under way.
fn stretch(stream: &mut TcpStream) -> f64 {
    let start = Machine::start();
    (0..AHEAD).for_each(|_| stream.write_all(&REQUEST).unwrap());
    for number in 0..TOGETHER {
        stream.read_exact(&mut [0; ANSWER]).unwrap();
        if number + AHEAD < TOGETHER {
            stream.write_all(&REQUEST).unwrap();
        }
    }
    start.nanos() as f64 / TOGETHER as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn open(plant: &Plant, door: &str) -> TcpStream {
    let door: SocketAddr = door.parse().unwrap();
    let stream = plant.user.enter(|| TcpStream::connect(door).unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

#[test]
#[ignore = "figures, no test"]
fn an_inspected_flow_beside_an_opaque_flow() {
    let (server, _) = need!("an_inspected_flow_beside_an_opaque_flow");
    let plant = shapes::straight();
    plant.write_policy(RIGHTS);
    let devices = ["502", "5201"].map(|port| Process::start(plant.line.command(&server).arg(port)));
    let gate = plant.start("audit.jsonl");
    let mut flows = [("opaque", "100.64.10.20:5201"), ("inspected", DOOR), ("spliced", DOOR)]
        .map(|(name, door)| (name, open(&plant, door), Vec::new(), Vec::new()));
    assert_eq!(ask(&mut flows[2].1, &[6, 0, 50, 0, 7]).unwrap()[0], 0x86, "it is denied");
    let rounds = std::env::var("WICKETGATE_ROUNDS").map_or(200, |rounds| rounds.parse().unwrap());
    for _ in 0..rounds {
        for (_, stream, trips, stretches) in &mut flows {
            trips.push(median((0..ONE_BY_ONE).map(|_| transaction(stream)).collect()));
            stretches.push(stretch(stream));
        }
    }
    let [opaque, ..] = &flows;
    for (name, _, trips, stretches) in &flows {
        let ratio = |mine: &[f64], theirs: &[f64]| {
            median(mine.iter().zip(theirs).map(|(mine, theirs)| mine / theirs).collect())
        };
        eprintln!(
            "{name:10} round trip p50 {:6.1} us, {:.3} of opaque; {:8.0} requests/s, {:.3} of opaque",
            median(trips.clone()) / 1e3,
            ratio(trips, &opaque.2),
            1e9 / median(stretches.clone()),
            1.0 / ratio(stretches, &opaque.3),
        );
    }
    let report = gate.stop();
    drop(devices);
    eprintln!("{}", report["latency"]);
    let asked = 2 * rounds * (ONE_BY_ONE + TOGETHER);
    assert_eq!(commands(&plant.audit("audit.jsonl"), "success").len(), asked);
}
