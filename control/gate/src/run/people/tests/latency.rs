//! From the call of a revocation to the last frame that passes. Not judged here: `cargo test -p wicketgate
//! --bin wicketgate -- --ignored --nocapture latency` prints it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::plant::{ASSETS, DESKS, OFFICE_MAC, policy, rules};
use super::*;

/// Revocations that are measured.
const ROUNDS: usize = 200;

/// When a frame passed last, while another thread takes back what lets it.
fn last_passed(bench: &mut Bench, frame: &[u8], done: &AtomicBool) -> Option<Instant> {
    let mut last = None;
    while !done.load(Ordering::Acquire) {
        // It has passed when it is given to its port, which is after the verdict.
        if bench.takes(PortId(0), frame) == Verdict::Forward(PortId(1)) {
            last = Some(now());
        }
    }
    last
}

#[allow(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}

#[test]
#[ignore = "it measures"]
fn from_the_call_to_the_last_frame() {
    let mut bench = Bench::new(&policy(&rules(0)));
    let frame = datagram(
        (plant::GATE_MAC[0], OFFICE_MAC),
        (DESKS[0], 50_000),
        (ASSETS[0], 502),
        &plant::What::Read.pdu(),
    );
    let mut spans: Vec<Duration> = (0..ROUNDS).map(|_| round(&mut bench, &frame)).collect();
    spans.sort_unstable();
    let at = |share: usize| spans[(ROUNDS - 1) * share / 100];
    println!("call to last frame: p50 {:?}, p99 {:?}, longest {:?}", at(50), at(99), at(100));
}

/// Logs in, lets frames pass, and takes the login back.
fn round(bench: &mut Bench, frame: &[u8]) -> Duration {
    let known = user(1, "anna", &["maintenance"]);
    let proven = Authenticated::unproven(known, factors(false), bench.at.now().monotonic);
    let Bench { people, policy, at, .. } = &mut *bench;
    let login = people.log_in(Some(DESKS[0].into()), &proven, policy, at.now()).unwrap();
    bench.mind();
    // The flow of the round before ends with its first frame.
    let _ = bench.takes(PortId(0), frame);
    assert_eq!(bench.takes(PortId(0), frame), Verdict::Forward(PortId(1)));
    bench.log();
    // Control has people, the worker has the engine; they share the sessions.
    let sessions = bench.people.sessions.clone();
    let other = People::open(&bench.policy, sessions);
    let mut control = std::mem::replace(&mut bench.people, other);
    let (done, now_both) = (AtomicBool::new(false), bench.at.now());
    let span = std::thread::scope(|scope| {
        let worker = scope.spawn(|| last_passed(bench, frame, &done));
        std::thread::sleep(Duration::from_millis(5));
        let call = now();
        control.access.revoke_login(login, None, now_both).unwrap();
        while let Some(step) = control.step() {
            if let Step::Tell(event, _) = step {
                control.told(&event);
            }
        }
        std::thread::sleep(Duration::from_millis(5));
        done.store(true, Ordering::Release);
        worker.join().unwrap().map_or(Duration::ZERO, |last| last.saturating_duration_since(call))
    });
    bench.people = control;
    bench.publish();
    span
}
