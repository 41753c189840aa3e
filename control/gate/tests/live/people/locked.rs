//! The kernel's network settings are locked (rtnl): who asks for them waits, and control does not.

use rustix::process::Signal;
use wicketgate_lab::skip;

use super::*;
use crate::hardening::{debug, debugger};

/// Sessions that are taken back while nothing answers.
const TIMES: usize = 5;

/// The thread that asks the kernel is held where the lock would hold it.
#[test]
fn what_is_taken_back_ends_at_once_while_the_kernel_does_not_answer() {
    const TEST: &str = "what_is_taken_back_ends_at_once_while_the_kernel_does_not_answer";
    let (server, _) = need!(TEST);
    let debugger = match debugger() {
        Ok(debugger) => debugger,
        Err(why) => return skip(TEST, &why),
    };
    let office = Office::new(&RULES.replace("\"password\", \"totp\"", "\"password\""));
    let _device = device(&office.plant, &server);
    office.add_plain("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    let held = debug(&debugger, &["stop", &gate.thread("netlink").to_string()]);
    for _ in 0..TIMES {
        let span = logins::last_answer_after_a_revocation(&office);
        eprintln!("last answer {:?} after the request", Duration::from_nanos(span));
    }
    // Five of control's seconds, which a busy machine makes longer.
    let alarm = "ALARM: the kernel's links and neighbours are not looked at";
    assert!((0..6).any(|_| gate.says(alarm)));
    // What the kernel tells by itself is followed all the same.
    office.plant.gate.ip("address del 192.168.10.2/24 dev line").unwrap();
    assert!(gate.says("alarm: line has lost the address"));
    office.plant.gate.ip("address add 192.168.10.2/24 dev line").unwrap();
    assert!(gate.says("line has the address 192.168.10.2/24 again"));
    gate.signal(Signal::HUP);
    assert!(gate.says("config read again"));
    hmi.goes_on();
    drop(held);
    assert!(gate.says("alarm is over: netlink-silent"));
    hmi.stop();
    drop(gate.stop());
    assert_eq!(office.audited("session-revoked").len(), TIMES);
    let told =
        |kind| office.audited(kind).iter().filter(|r| r["reason"] == "netlink-silent").count();
    assert_eq!((told("alarm"), told("alarm-end")), (1, 1));
}

#[test]
fn a_gate_stops_while_the_kernel_does_not_answer() {
    const TEST: &str = "a_gate_stops_while_the_kernel_does_not_answer";
    let _ = need!(TEST);
    let debugger = match debugger() {
        Ok(debugger) => debugger,
        Err(why) => return skip(TEST, &why),
    };
    let plant = Plant::new(1);
    let gate = plant.start("audit.jsonl");
    let _held = debug(&debugger, &["stop", &gate.thread("netlink").to_string()]);
    assert_whole(&gate.stop());
}
