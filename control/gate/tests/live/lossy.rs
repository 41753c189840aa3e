//! One connection over bad cables on both sides of the gate, a third of its commands denied: each allowed one is
//! executed once and in order, each denied one is answered and never seen by the device, and neither end has to
//! connect twice.
//!
//! `WICKETGATE_COMMANDS` (1,000) are asked by each client; of a thousand frames in each direction of either cable
//! `WICKETGATE_LOST` (10), `WICKETGATE_DOUBLED` (10) and `WICKETGATE_LATE` (20) are that, by `WICKETGATE_SEED` (1).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Stdio};
use std::time::Duration;

use wicketgate_lab::skip;
use wicketgate_worker::{Machine, Stopwatch};

use crate::modbus::{compile, programs};
use crate::plant::{Plant, Process};
use crate::shapes::{self, Cable};
use crate::stacks::{STACKS, python};
use crate::{assert_whole, commands, counter, retransmitted};

/// Reads and writes registers 0 to 99; the device has 200.
const RIGHTS: &str = r#"
[[conduit]]
name = "the HMI runs press-3"
from = { address = "192.168.20.5", port = "office" }
asset = "press-3"
protocol = "modbus"
allow = [{ class = "read", address = "0-99" }, { class = "write", address = "0-99" }]
"#;

const GRANTED: u64 = 100;
const REGISTERS: u64 = 200;

/// Requests without an answer that the client without a library has at most.
const AHEAD: usize = 8;

/// How long an answer may take: a sender whose segments are lost again and again waits twice as long each time.
const PATIENCE: Duration = Duration::from_secs(120);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

fn cable() -> Cable {
    Cable {
        lost: setting("WICKETGATE_LOST", 10),
        doubled: setting("WICKETGATE_DOUBLED", 10),
        late: setting("WICKETGATE_LATE", 20),
        seed: setting("WICKETGATE_SEED", 1),
    }
}

/// Function 3, 6 or 16 on `count` registers, each of which gets `value`.
#[derive(Clone, Copy, Debug)]
struct Command {
    function: u8,
    address: u16,
    count: u16,
    value: u16,
}

impl Command {
    fn is_granted(self) -> bool {
        u64::from(self.address + self.count) <= GRANTED
    }

    fn pdu(self) -> Vec<u8> {
        let words = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let Command { function, address, count, value } = self;
        let body: Vec<u8> = match function {
            3 => words(&[address, count]),
            6 => words(&[address, value]),
            _ => {
                let values = words(&vec![value; usize::from(count)]);
                [words(&[address, count]), vec![(2 * count) as u8], values].concat()
            }
        };
        [vec![function], body].concat()
    }
}

/// Commands by chance, of which a third is denied; the value of each tells it from the others.
fn plan(count: u64) -> Vec<Command> {
    let mut state = setting("WICKETGATE_SEED", 1);
    // splitmix64
    let mut below = move |most: u64| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    };
    let command = |n: u64| {
        let function = [3, 6, 16][below(3) as usize];
        let count = if function == 6 { 1 } else { 1 + below(30) };
        // Beyond what is granted, or across its end.
        let (first, places) = match below(3) {
            0 => (GRANTED + 1 - count, REGISTERS - GRANTED),
            _ => (0, GRANTED + 1 - count),
        };
        let address = (first + below(places)) as u16;
        Command { function, address, count: count as u16, value: n as u16 }
    };
    (0..count).map(command).collect()
}

/// What the device has to answer to those that are granted; the others get an exception.
fn answers(plan: &[Command]) -> Vec<Option<Vec<u16>>> {
    let mut registers: Vec<u16> = (0..REGISTERS as u16).map(|number| 10 * number).collect();
    let answer = |command: &Command| {
        let from = usize::from(command.address);
        let words = &mut registers[from..from + usize::from(command.count)];
        if command.is_granted() && command.function != 3 {
            words.fill(command.value);
        }
        let read = if command.function == 3 { words.to_vec() } else { Vec::new() };
        command.is_granted().then_some(read)
    };
    plan.iter().map(answer).collect()
}

/// What a client of `pcaps/stacks` says of an answer.
fn said(line: &str) -> Option<Vec<u16>> {
    let mut words = line.split(' ');
    let kind = words.next().unwrap();
    let numbers = words.map(|word| word.parse().unwrap()).collect();
    assert!(["ok", "exception"].contains(&kind), "{line}");
    (kind == "ok").then_some(numbers)
}

/// Has a client of `pcaps/stacks` do what is planned.
fn run(client: &mut Program, plan: &[Command]) -> Vec<Option<Vec<u16>>> {
    let mut child = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut script = String::new();
    for Command { function, address, count, value } in plan {
        writeln!(script, "{function} {address} {count} {value}").unwrap();
    }
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(said).collect()
}

/// Does what is planned without a library, and without waiting for one answer before the next request.
fn run_ahead(plant: &Plant, plan: &[Command]) -> Vec<Option<Vec<u16>>> {
    let mut stream = plant.connect().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answers = HashMap::new();
    for (number, command) in (0_u16..).zip(plan) {
        let pdu = command.pdu();
        let [transaction, length] = [number, pdu.len() as u16 + 1].map(u16::to_be_bytes);
        stream.write_all(&[&transaction[..], &[0, 0], &length, &[1], &pdu].concat()).unwrap();
        if usize::from(number) + 1 - answers.len() >= AHEAD {
            take(&mut stream, &mut answers);
        }
    }
    while answers.len() < plan.len() {
        take(&mut stream, &mut answers);
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "no more than answers");
    (0..plan.len() as u16).map(|number| answers.remove(&number).unwrap()).collect()
}

/// Reads one answer; a request has only one.
fn take(stream: &mut TcpStream, answers: &mut HashMap<u16, Option<Vec<u16>>>) {
    let mut header = [0; 7];
    stream.read_exact(&mut header).unwrap();
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let mut pdu = vec![0; usize::from(word(4)) - 1];
    stream.read_exact(&mut pdu).unwrap();
    let words = if pdu[0] == 3 { &pdu[2..] } else { &[] };
    let words = words.chunks(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect();
    let answer = (pdu[0] < 0x80).then_some(words);
    assert_eq!(answers.insert(word(0), answer), None, "one answer to {}", word(0));
}

/// The PDUs that the device has executed, and how many clients it has accepted.
fn executed(journal: &Path) -> (Vec<Vec<u8>>, usize) {
    let text = std::fs::read_to_string(journal).unwrap();
    let byte = |at: usize, line: &str| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
    // Behind the header of seven bytes.
    let pdu = |line: &str| (14..line.len()).step_by(2).map(|at| byte(at, line)).collect();
    let (accepts, requests): (Vec<_>, Vec<_>) = text.lines().partition(|line| *line == "accept");
    (requests.into_iter().map(pdu).collect(), accepts.len())
}

/// Both kernels have known one connection, and nobody has given it up.
fn assert_one_connection(plant: &Plant) {
    let counters = [(&plant.user, "ActiveOpens"), (&plant.line, "PassiveOpens")];
    assert_eq!(counters.map(|(at, name)| counter(at, "Tcp", name)), [1, 1]);
    for name in ["AttemptFails", "EstabResets"] {
        let both = [&plant.user, &plant.line].map(|at| counter(at, "Tcp", name));
        assert_eq!(both, [0, 0], "{name}");
    }
}

/// Has `client` do what is planned over bad cables, and holds all that is known against the plan.
fn assert_done(
    (server, relay): (&Path, &Path),
    client: impl Fn(&Plant, &[Command]) -> Vec<Option<Vec<u16>>>,
) {
    let (plant, cables) = shapes::on_bad_cables(relay, cable());
    plant.write_policy(RIGHTS);
    let journal = plant.file("journal");
    let mut device = plant.line.command(server);
    let device = Process::start(device.arg("502").arg(&journal));
    let gate = plant.start("audit.jsonl");
    let plan = plan(setting("WICKETGATE_COMMANDS", 1000));
    let start = Machine::start();
    let answered = client(&plant, &plan);
    let took = Duration::from_nanos(start.nanos());
    let report = gate.stop();
    drop(device);
    let granted: Vec<_> = plan.iter().filter(|command| command.is_granted()).collect();
    let again = [&plant.user, &plant.line].map(retransmitted);
    eprintln!(
        "{} commands, {} denied, {took:.1?}; cables: {:?}; sent again by the hosts: {again:?}; own frames of the gate: {}",
        plan.len(),
        plan.len() - granted.len(),
        cables.map(Process::stop),
        report["frames"]["own"]
    );
    assert!(answered == answers(&plan), "each request has its own answer");
    let (executed, accepts) = executed(&journal);
    let asked: Vec<_> = granted.iter().map(|command| command.pdu()).collect();
    assert!(executed == asked, "all that is granted, once and in order, and nothing else");
    assert_eq!(accepts, 1);
    assert_one_connection(&plant);
    assert!(again.iter().sum::<u64>() > 0, "the cables were bad");
    assert_whole(&report);
    let own = report["frames"]["own"].as_u64().unwrap() as usize;
    assert!(own >= plan.len() - granted.len(), "the gate says each denial itself");
    let audit = plant.audit("audit.jsonl");
    let told = ["success", "denied"].map(|result| commands(&audit, result).len());
    assert_eq!(told, [granted.len(), plan.len() - granted.len()]);
}

/// The device and the relay, and what else a test needs.
fn tools<T>(more: impl FnOnce() -> Result<T, String>) -> Result<(PathBuf, PathBuf, T), String> {
    wicketgate_lab::available()?;
    Ok((programs()?.0, shapes::relay()?, more()?))
}

macro_rules! need {
    ($test:expr, $more:expr) => {
        match tools($more) {
            Ok(tools) => tools,
            Err(why) => return skip($test, &why),
        }
    };
}

#[test]
fn libmodbus_keeps_its_connection_over_bad_cables() {
    let compiled = || compile("libmodbus_commands.c");
    let (server, relay, client) = need!("libmodbus_keeps_its_connection_over_bad_cables", compiled);
    assert_done((&server, &relay), |plant, plan| {
        run(plant.user.command(&client).args(["100.64.10.20", "40001"]), plan)
    });
}

#[test]
fn pymodbus_keeps_its_connection_over_bad_cables() {
    let (server, relay, python) = need!("pymodbus_keeps_its_connection_over_bad_cables", python);
    let script = format!("{STACKS}/pymodbus_commands.py");
    assert_done((&server, &relay), |plant, plan| {
        run(plant.user.command(&python).args([&script, "100.64.10.20", "502"]), plan)
    });
}

#[test]
fn who_does_not_wait_keeps_its_connection_over_bad_cables() {
    let test = "who_does_not_wait_keeps_its_connection_over_bad_cables";
    let (server, relay, ()) = need!(test, || Ok(()));
    assert_done((&server, &relay), run_ahead);
}
