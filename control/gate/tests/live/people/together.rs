//! Many who are given something in the same moment: one generation of tables for all of them.

use wicketgate_lab::skip;

use super::*;
use crate::hardening::{debug, debugger};
use crate::plant::Process;

/// Requests at a time: fewer than clients that the control socket takes.
const MANY: usize = 12;

/// The first register that is written: the HMI reads another.
const FIRST: usize = 20;

/// Times that it is tried: a busy machine may not bring all requests to the gate in the time that they are given.
const ROUNDS: usize = 5;

/// So many rules that give something on request, each another register.
fn rules() -> String {
    let rule = |number: usize| {
        format!(
            r#"
[[rule]]
name = "{}"
roles = ["maintenance"]
assets = ["press-3"]
protocol = "modbus"
allow = [{{ class = "write", function = 6, address = "{}" }}]
factors = ["password"]
reason = true
max_duration = "1h"
"#,
            name(number),
            FIRST + number,
        )
    };
    (0..MANY).map(rule).collect()
}

fn name(number: usize) -> String {
    format!("writes {number}")
}

fn epoch(office: &Office) -> u64 {
    let (_, stats) = office.ask("GET", "/v1/stats", None, &Value::Null);
    stats["epoch"].as_u64().unwrap()
}

/// Asks for a grant by this rule; its number.
fn granted(office: &Office, token: &str, number: usize) -> u64 {
    let (status, grant) = office.request(token, &name(number));
    assert_eq!((status, &grant["state"]), (200, &json!("granted")), "{grant}");
    grant["id"].as_u64().unwrap()
}

/// Asks for all while control is held: it finds many when it goes on.
fn ask_at_once(office: &Office, token: &str, held: Process) -> Vec<u64> {
    std::thread::scope(|scope| {
        let ask = |number| scope.spawn(move || granted(office, token, number));
        let asked: Vec<_> = (0..MANY).map(ask).collect();
        std::thread::sleep(Duration::from_secs(1));
        drop(held);
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    })
}

#[test]
fn many_at_once_are_compiled_once() {
    const TEST: &str = "many_at_once_are_compiled_once";
    let (server, _) = need!(TEST);
    let debugger = match debugger() {
        Ok(debugger) => debugger,
        Err(why) => return skip(TEST, &why),
    };
    let office = Office::new(&rules());
    office.add_plain("alice", &["maintenance"]);
    let _device = device(&office.plant, &server);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let token = office.enter("alice", Some(DESK));
    let take_back = |id: u64| {
        let (status, _) = office.ask("DELETE", &format!("/v1/grants/{id}"), None, &Value::Null);
        assert_eq!(status, 200);
    };
    let before = epoch(&office);
    let alone = granted(&office, &token, 0);
    assert!(epoch(&office) > before, "who is alone has tables when the answer comes");
    take_back(alone);
    let generations = (0..ROUNDS).map(|_| {
        let before = epoch(&office);
        let held = debug(&debugger, &["stop", &gate.id().to_string()]);
        let grants = ask_at_once(&office, &token, held);
        let made = epoch(&office) - before;
        let mut stream = office.connected();
        for register in FIRST..FIRST + MANY {
            let write = [6, 0, register as u8, 0, 7];
            within(|| (ask(&mut stream, &write).ok()? == write).then_some(()));
        }
        grants.into_iter().for_each(take_back);
        made
    });
    let generations: Vec<u64> = generations.collect();
    eprintln!("generations of tables for {MANY} grants at once: {generations:?}");
    assert_eq!(generations.iter().min(), Some(&1), "{generations:?}");
    hmi.stop();
    assert_whole(&gate.stop());
}
