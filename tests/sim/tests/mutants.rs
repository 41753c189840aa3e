//! The oracle can fail: each wrong relay in the middle is caught, and for what it does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test asserts by panicking"
)]

use wicketgate_packet::{PortId, Time};
use wicketgate_sim::gate::{Gate, compile};
use wicketgate_sim::knobs::Trouble;
use wicketgate_sim::protocol::Protocol;
use wicketgate_sim::proxy::{Flaw, Proxy};
use wicketgate_sim::relay::Relay;
use wicketgate_sim::runner::run_with;
use wicketgate_sim::segment::{complete, cut};
use wicketgate_sim::{Knobs, Modbus, Scenario, Violation};
use wicketgate_tests::frame::{Packet, flag};
use wicketgate_tests::gate::START;
use wicketgate_tests::plant::{GATE_MAC, HMI, LINE, OFFICE, OFFICE_MAC, PRESS_3};

/// Commands of a run: a flaw shows at the fifth.
const COMMANDS: u16 = 60;

fn scenario(seed: u64, denied: u32, without: &[Trouble]) -> Scenario {
    let without = without.to_vec();
    Knobs { commands: Some(COMMANDS), denied: Some(denied), without }.scenario(seed)
}

/// What the oracle says of a proxy with this flaw, pipelined or not, on good links and bad ones.
fn found(flaw: Flaw) -> Vec<Violation> {
    let caught = |seed: u64| {
        let scenario = scenario(seed, 333, &[]);
        let result = run_with::<Modbus, _>(&scenario, Proxy::<Modbus>::new(&scenario, Some(flaw)));
        result.err().unwrap_or_else(|| panic!("{flaw:?} is not seen at seed {seed}"))
    };
    [1, 2, 3, 8].map(caught).to_vec()
}

fn is_at_the_device(violation: &Violation) -> bool {
    matches!(violation, Violation::Executed { .. } | Violation::Stream { port: 1, .. })
}

fn is_at_the_client(violation: &Violation) -> bool {
    matches!(violation, Violation::Answered { .. } | Violation::Stream { port: 0, .. })
}

fn is_stalled(violation: &Violation) -> bool {
    matches!(violation, Violation::Stalled { .. })
}

fn is_told_wrong(violation: &Violation) -> bool {
    matches!(violation, Violation::Audit { .. })
}

#[test]
fn a_right_proxy_passes_with_a_third_denied() {
    for seed in 0..12 {
        let scenario = scenario(seed, 333, &[]);
        let result = run_with::<Modbus, _>(&scenario, Proxy::<Modbus>::new(&scenario, None));
        assert!(result.is_ok(), "seed {seed}: {}", result.unwrap_err());
    }
}

#[test]
fn requests_that_are_wrong_at_the_device() {
    let flaws = [
        Flaw::AlteredRequest,
        Flaw::LostRequest,
        Flaw::RepeatedRequest,
        Flaw::SwappedRequests,
        Flaw::Leak,
        Flaw::PartLeak,
    ];
    for flaw in flaws {
        for violation in found(flaw) {
            let waits = matches!(flaw, Flaw::LostRequest | Flaw::SwappedRequests);
            let right = is_at_the_device(&violation) || waits && is_stalled(&violation);
            assert!(right, "{flaw:?}: {violation}");
        }
    }
}

#[test]
fn answers_that_are_wrong_at_the_client() {
    let flaws = [Flaw::AlteredAnswer, Flaw::LostAnswer, Flaw::RepeatedAnswer, Flaw::NoDenial];
    for flaw in flaws {
        for violation in found(flaw) {
            let waits = matches!(flaw, Flaw::LostAnswer | Flaw::NoDenial);
            let right = is_at_the_client(&violation) || waits && is_stalled(&violation);
            assert!(right, "{flaw:?}: {violation}");
        }
    }
}

/// Only with several requests under way is a denial ever too early.
#[test]
fn denials_that_overtake() {
    let mut scenario = scenario(1, 333, &[]);
    scenario.asking.in_flight = 16;
    let proxy = Proxy::<Modbus>::new(&scenario, Some(Flaw::HastyDenial));
    let violation = run_with::<Modbus, _>(&scenario, proxy).unwrap_err();
    assert!(is_at_the_client(&violation), "{violation}");
}

#[test]
fn audits_that_are_wrong() {
    for flaw in [Flaw::Untold, Flaw::ToldTwice, Flaw::ToldWrong] {
        for violation in found(flaw) {
            assert!(is_told_wrong(&violation), "{flaw:?}: {violation}");
        }
    }
}

#[test]
fn a_connection_that_ends_too_early() {
    for violation in found(Flaw::EarlyClose) {
        assert!(matches!(violation, Violation::Stream { port: 1, .. }), "{violation}");
    }
}

#[test]
fn acknowledgements_of_what_the_device_does_not_have() {
    for violation in found(Flaw::EarlyAck) {
        assert!(matches!(violation, Violation::EarlyAck { .. }), "{violation}");
    }
}

/// A change of one frame.
type Spoil = fn(&[u8]) -> Vec<Vec<u8>>;

/// The gate, with the twentieth frame with data that leaves towards the device spoilt.
struct Spoilt {
    gate: Gate,
    spoil: Spoil,
    data: u32,
}

impl Relay for Spoilt {
    fn arrive(&mut self, now: Time, port: PortId, frame: &[u8]) -> Result<(), Violation> {
        self.gate.arrive(now, port, frame)
    }

    fn turn(&mut self, now: Time, left: &mut Vec<(PortId, Vec<u8>)>) {
        let mut honest = Vec::new();
        self.gate.turn(now, &mut honest);
        for (port, frame) in honest {
            self.data += u32::from(port == LINE && frame.len() > 66);
            if self.data == 20 && port == LINE {
                self.data += 1;
                left.extend((self.spoil)(&frame).into_iter().map(|frame| (port, frame)));
            } else {
                left.push((port, frame));
            }
        }
    }

    fn due(&mut self, now: Time) -> Time {
        self.gate.due(now)
    }

    fn told(&self) -> Option<&[(Vec<u8>, bool)]> {
        self.gate.told()
    }

    fn settle(&mut self, now: Time) -> Result<(), Violation> {
        self.gate.settle(now)
    }
}

fn changed(frame: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut frame = frame.to_vec();
    change(&mut frame);
    frame
}

fn spoilt(spoil: Spoil) -> Violation {
    let without = [Trouble::Loss, Trouble::Corrupt, Trouble::Cut, Trouble::Windows];
    let scenario = scenario(4, 0, &without);
    let gate = Gate::new(compile(Modbus::POLICY), scenario.tick);
    run_with::<Modbus, _>(&scenario, Spoilt { gate, spoil, data: 0 }).unwrap_err()
}

/// A device may take either copy of bytes that come twice: both must be the same.
#[test]
fn bytes_that_come_again_as_others() {
    let spoil: Spoil = |frame| {
        let other = changed(frame, |frame| {
            *frame.last_mut().unwrap() ^= 1;
            complete(frame);
        });
        vec![frame.to_vec(), other]
    };
    assert!(matches!(spoilt(spoil), Violation::Stream { port: 1, .. }));
    // Ahead of its turn as well: the piece behind a gap that is filled later.
    let spoil: Spoil = |frame| {
        let [first, second] = cut(frame, 4).unwrap();
        let second = changed(&second, |frame| {
            *frame.last_mut().unwrap() ^= 1;
            complete(frame);
        });
        vec![second, first]
    };
    assert!(matches!(spoilt(spoil), Violation::Stream { port: 1, .. }));
}

#[test]
fn frames_that_are_not_canonical() {
    let spoils: [(&str, Spoil); 6] = [
        ("TCP checksum", |frame| vec![changed(frame, |frame| frame[50] ^= 1)]),
        ("IPv4 checksum", |frame| vec![changed(frame, |frame| frame[24] ^= 1)]),
        ("IPv4 length", |frame| vec![changed(frame, |frame| frame.push(0))]),
        ("MAC addresses", |frame| vec![changed(frame, |frame| frame[11] ^= 1)]),
        ("reset", |frame| {
            vec![changed(frame, |frame| {
                frame[47] = flag::RST | flag::ACK;
                complete(frame);
            })]
        }),
        ("urgent, ECN or reserved flags", |frame| {
            vec![changed(frame, |frame| {
                frame[47] |= flag::URG;
                complete(frame);
            })]
        }),
    ];
    for (due, spoil) in spoils {
        match spoilt(spoil) {
            Violation::NotCanonical { port: 1, why, .. } => assert_eq!(why, due),
            other => panic!("{due}: {other}"),
        }
    }
}

#[test]
fn what_is_left_in_the_gate() {
    let mut gate = Gate::new(compile(Modbus::POLICY), std::time::Duration::from_millis(1));
    assert_eq!(gate.settle(START), Ok(()), "nothing yet");
    let syn = Packet::tcp((HMI, 40_000), (PRESS_3, 502), (1, 0), flag::SYN, &[]);
    let syn = Packet { macs: (GATE_MAC[0], OFFICE_MAC), ..syn };
    let end = START + std::time::Duration::from_secs(3600);
    gate.arrive(end, OFFICE, &syn.bytes()).unwrap();
    // The SYN leaves in the turn that ends the run: a frame for a connection that is over.
    assert!(matches!(gate.settle(end), Err(Violation::Left(_))));
}
