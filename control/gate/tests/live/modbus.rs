//! Modbus: third-party programs, and requests by hand for what they would not ask.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::plant::{Plant, Process};

/// Compiles a program of `pcaps/stacks` on libmodbus; says why where it cannot be.
pub(crate) fn compile(name: &str) -> Result<PathBuf, String> {
    compile_with(&format!("pcaps/stacks/{name}"), &["-I/usr/include/modbus", "-lmodbus"])
}

/// Compiles a program of the repository, once a run: tests run beside each other, and a program that one of them
/// runs must not be written again by another.
pub(crate) fn compile_with(source: &str, flags: &[&str]) -> Result<PathBuf, String> {
    static COMPILED: Mutex<BTreeMap<String, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap();
    compiled.entry(source.to_owned()).or_insert_with(|| compiled_by_gcc(source, flags)).clone()
}

fn compiled_by_gcc(name: &str, flags: &[&str]) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(std::process::id().to_string());
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let program = folder.join(source.file_stem().unwrap());
    let output = Command::new("gcc")
        .args(["-O2", "-o"])
        .arg(&program)
        .arg(&source)
        .args(flags)
        .output()
        .map_err(|error| format!("no gcc: {error}"))?;
    if output.status.success() {
        return Ok(program);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} does not compile (Debian: libmodbus-dev): {}", said.trim()))
}

/// The device and the HMI.
pub(crate) fn programs() -> Result<(PathBuf, PathBuf), String> {
    Ok((compile("libmodbus_server.c")?, compile("libmodbus_poll.c")?))
}

/// The device on libmodbus, on the line: register `n` holds 10 n.
pub(crate) fn device(plant: &Plant, program: &Path) -> Process {
    Process::start(plant.line.command(program).arg("502"))
}

/// One transaction: the response's PDU.
pub(crate) fn ask(stream: &mut TcpStream, pdu: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(pdu.len() + 1).unwrap().to_be_bytes();
    let mut request = vec![0x12, 0x34, 0, 0, length[0], length[1], 1];
    request.extend_from_slice(pdu);
    stream.write_all(&request)?;
    let mut header = [0; 7];
    stream.read_exact(&mut header)?;
    let mut response = vec![0; usize::from(u16::from_be_bytes([header[4], header[5]])) - 1];
    stream.read_exact(&mut response)?;
    assert_eq!((&header[..4], header[6]), (&[0x12, 0x34, 0, 0][..], 1));
    Ok(response)
}

/// What a register holds.
pub(crate) fn register(stream: &mut TcpStream, number: u8) -> u16 {
    let response = ask(stream, &[3, 0, number, 0, 1]).unwrap();
    assert_eq!(response[..2], [3, 2]);
    u16::from_be_bytes([response[2], response[3]])
}
