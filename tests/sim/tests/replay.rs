//! What is left of a failed seed replays: the same frames leave at the same virtual times.

#![allow(clippy::unwrap_used, reason = "a test asserts by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use wicketgate_packet::{FrameBuf, PortId};
use wicketgate_ports::{CaptureReader, Pool};
use wicketgate_sim::gate::compile;
use wicketgate_sim::knobs::Trouble;
use wicketgate_sim::protocol::Protocol;
use wicketgate_sim::report::Report;
use wicketgate_sim::runner::record;
use wicketgate_sim::world::Crossing;
use wicketgate_sim::{Knobs, Modbus};

/// The program, if the workspace was built: beside the folder of this test.
fn program() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2)?.join("wicketgate");
    program.is_file().then_some(program)
}

fn read(path: &Path) -> Vec<Crossing> {
    let mut reader = CaptureReader::open(path).unwrap();
    let mut frame = Pool::new(1).take().unwrap();
    let mut crossings = Vec::new();
    while let Some(record) = reader.read(&mut frame).unwrap() {
        let port = PortId(record.interface as u16);
        crossings.push((record.time, port, frame.bytes().to_vec()));
    }
    crossings
}

/// Where no frame is lost or damaged nothing depends on when the gate has a turn.
#[test]
fn a_seed_replays_frame_by_frame() {
    let Some(program) = program() else {
        eprintln!("skipped: no wicketgate beside this test; build the workspace");
        return;
    };
    let folder = std::env::temp_dir().join(format!("wicketgate-sim-{}", std::process::id()));
    let without = vec![Trouble::Loss, Trouble::Corrupt];
    let knobs = Knobs { commands: Some(30), without, ..Knobs::default() };
    let (result, record) = record::<Modbus>(&knobs.scenario(4), &compile(Modbus::POLICY));
    let report = Report::write(&folder, 4, Modbus::POLICY, &record.entered).unwrap();
    let out = folder.join("out.pcapng");
    let status = Command::new(program)
        .arg("replay")
        .arg(&report.capture)
        .arg("--config")
        .arg(&report.policy)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    let (entered, left) = (read(&report.capture), read(&out));
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(result.is_ok(), "{result:?}");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    assert!(entered == record.entered, "the capture holds what entered");
    assert!(left.len() > 60 && left == record.left, "what left is what left in the run");
}
