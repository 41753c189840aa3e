//! What a machine notices of a large reload: it asks all the while, and the gate's own time for each frame is in the
//! report. Figures, no test: `cargo test --release -p wicketgate --test live -- --ignored --nocapture
//! a_large_reload_beside_a_machine`; `WICKETGATE_ROUNDS` (10) reloads.

use std::fmt::Write;

use rustix::process::Signal;
use wicketgate_worker::{Machine, Stopwatch};

use crate::people::Hmi;
use crate::plant::{CONDUIT, Plant};
use crate::{assert_whole, device};

/// Beside the device that there is.
const ASSETS: u32 = 200;
const RULES: u32 = 5_000;

/// Rights of a large plant; `turn` makes each file another.
fn rights(turn: u32) -> String {
    let mut text = CONDUIT.to_owned();
    for n in 0..ASSETS {
        let last = n + 21;
        write!(
            text,
            "[[asset]]\nname = \"a{n}\"\nzone = \"z\"\nport = \"press-line\"\noverlay = \"100.64.11.{last}\"\n\
             underlay = \"192.168.10.{last}\"\nprotocols = [\"modbus\"]\n"
        )
        .unwrap();
    }
    for n in 0..RULES {
        write!(
            text,
            "[[rule]]\nname = \"r{n}\"\nroles = [\"role{}\"]\nassets = [\"a{}\"]\nprotocol = \"modbus\"\n\
             allow = [\"read\", {{ class = \"write\", address = \"0-{}\" }}]\n",
            n / 10,
            n % ASSETS,
            turn + 1
        )
        .unwrap();
    }
    text
}

#[test]
#[ignore = "figures, no test"]
fn a_large_reload_beside_a_machine() {
    let (server, _) = need!("a_large_reload_beside_a_machine");
    let rounds = std::env::var("WICKETGATE_ROUNDS").map_or(10, |rounds| rounds.parse().unwrap());
    for reloads in [0, rounds] {
        let plant = Plant::new(1);
        let _device = device(&plant, &server);
        plant.write_policy(&rights(0));
        let gate = plant.start("audit.jsonl");
        let hmi = Hmi::start(&plant);
        for turn in 1..=reloads {
            plant.write_policy(&rights(turn));
            let start = Machine::start();
            gate.signal(Signal::HUP);
            assert!(gate.says("config read again"));
            eprintln!("reload {turn}: {:.0} ms", start.nanos() as f64 / 1e6);
        }
        hmi.stop();
        let report = gate.stop();
        assert_whole(&report);
        eprintln!("{reloads} reloads: {} of {}", report["latency"], report["frames"]["total"]);
    }
}
