//! iperf3 through the gate: as much as it takes, for `WICKETGATE_SECONDS` (2) each way.

use std::path::Path;

use serde_json::{Value, json};
use wicketgate_lab::skip;

use crate::plant::{Plant, Process};
use crate::{broken, shapes};

fn available() -> Result<(), String> {
    wicketgate_lab::available()?;
    let found =
        ["/usr/bin/iperf3", "/usr/local/bin/iperf3"].iter().any(|at| Path::new(at).is_file());
    if found { Ok(()) } else { Err("there is no iperf3 (Debian: iperf3)".to_owned()) }
}

/// What iperf3 reports of one run.
fn iperf(plant: &Plant, arguments: &[&str]) -> Value {
    let server = &["-s", "-1", "--forceflush"];
    let _server = Process::when(plant.line.command("iperf3").args(server), "Server listening");
    let seconds = std::env::var("WICKETGATE_SECONDS").unwrap_or_else(|_| "2".to_owned());
    let mut client = plant.user.command("iperf3");
    client.args(["-c", "100.64.10.20", "--json", "-i", "0.5", "-t", &seconds]).args(arguments);
    let output = client.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Bits a second of each half second.
fn rates(result: &Value) -> Vec<f64> {
    let intervals = result["intervals"].as_array().unwrap_or_else(|| panic!("{result:#}"));
    intervals.iter().map(|one| one["sum"]["bits_per_second"].as_f64().unwrap()).collect()
}

#[test]
fn iperf3_finds_no_stall_and_no_leak() {
    if let Err(why) = available() {
        return skip("iperf3_finds_no_stall_and_no_leak", &why);
    }
    let udp = ["-u", "-b", "100M", "-l", "1400"];
    for arguments in [&[][..], &["-R"], &udp, &[&udp[..], &["-R"]].concat()] {
        let plant = shapes::straight();
        let gate = plant.start("audit.jsonl");
        let result = iperf(&plant, arguments);
        let rates = rates(&result);
        let report = gate.stop();
        let megabits: Vec<u64> = rates.iter().map(|rate| (rate / 1e6) as u64).collect();
        eprintln!("{arguments:?}: {megabits:?} Mbit/s; dropped {}", report["frames"]["dropped"]);
        assert!(rates.len() >= 2 && rates.iter().all(|rate| *rate > 0.0), "a stall: {rates:?}");
        // Its end resets connections while segments are on their way; a few resets are late themselves.
        let dropped = report["frames"]["dropped"].as_array().unwrap();
        let harmless =
            |line: &Value| line["reason"] == "after-reset" || line["frames"].as_u64() <= Some(10);
        assert!(dropped.iter().all(harmless), "{report:#}");
        let chunks = &report["chunks"];
        assert_eq!((&chunks["held"], &chunks["strays"]), (&json!(0), &json!(0)), "{report:#}");
        let places = ["free", "filling", "sending", "held"];
        let found: u64 = places.iter().map(|place| chunks[place].as_u64().unwrap()).sum();
        assert_eq!(chunks["total"], json!(found), "every chunk is somewhere");
        assert_eq!((broken(&plant.user), broken(&plant.line)), (0, 0), "checksums are right");
    }
}
