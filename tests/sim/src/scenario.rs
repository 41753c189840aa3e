//! Everything that a seed decides.

use std::time::Duration;

use wicketgate_tests::plant::{HMI, NAT, PRESS_3, PRESS_3_UNDERLAY};

use crate::chance::Chance;
use crate::link::Impairment;
use crate::program::Manner;
use crate::stack::Setup;

/// Commands of a run.
pub const COMMANDS: u16 = 200;

/// Share of denied commands, in a thousand.
pub const DENIED: u32 = 333;

/// Most that is in flight, bytes.
const IN_FLIGHT: u64 = 2000;

/// Highest shares of what links do, in a thousand.
const LOSS: u64 = 200;
const OTHERS: u64 = 100;

/// The client's port; the gate keeps it towards the device.
pub const CLIENT_PORT: u16 = 40_000;
/// The device's port.
pub const PORT: u16 = 502;

/// Who closes the connection when all is answered; the other follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closer {
    /// Who asked.
    Client,
    /// Who answered.
    Server,
    /// Both at once.
    Both,
}

/// One run, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What it is drawn from.
    pub seed: u64,
    /// How many commands there are.
    pub commands: u16,
    /// Share of denied ones, in a thousand.
    pub denied: u32,
    /// The links between client and gate: to the gate, from it.
    pub office: [Impairment; 2],
    /// The links between server and gate: to the gate, from it.
    pub line: [Impairment; 2],
    /// The client's stack.
    pub client: Setup,
    /// The server's stack.
    pub server: Setup,
    /// The client's program.
    pub asking: Manner,
    /// The server's program.
    pub serving: Manner,
    /// How often the gate has a turn when nothing arrives.
    pub tick: Duration,
    /// Who closes.
    pub closer: Closer,
    /// So long nothing passes any link once both FINs have left the gate; no seed draws it.
    pub outage: Duration,
}

impl Scenario {
    /// The scenario of a seed.
    pub fn new(seed: u64) -> Scenario {
        let mut chance = Chance::new(seed);
        // A third of the runs have good links: there the programs and windows make the difference.
        let harsh = chance.pick(&[0, 1, 1]);
        Scenario {
            seed,
            commands: COMMANDS,
            denied: DENIED,
            office: [impairment(&mut chance, harsh), impairment(&mut chance, harsh)],
            line: [impairment(&mut chance, harsh), impairment(&mut chance, harsh)],
            client: Setup {
                port: CLIENT_PORT,
                peer: Some((PRESS_3, PORT)),
                ..setup(&mut chance, HMI)
            },
            server: Setup { port: PORT, ..setup(&mut chance, PRESS_3_UNDERLAY) },
            asking: manner(&mut chance),
            serving: manner(&mut chance),
            tick: Duration::from_millis(chance.within(1..=10)),
            closer: chance.pick(&[Closer::Client, Closer::Client, Closer::Server, Closer::Both]),
            outage: Duration::ZERO,
        }
    }

    /// The gate's address and the port that the client wears towards the device.
    pub fn nat() -> (std::net::Ipv4Addr, u16) {
        (NAT, CLIENT_PORT)
    }

    /// A generator for a part of the run.
    pub fn chance(&self, part: Part) -> Chance {
        Chance::new(self.seed).part(part as u64 + 1)
    }
}

/// Parts of a run that draw for themselves.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// Commands.
    Plan,
    /// The client's program.
    Client,
    /// The server's program.
    Server,
    /// The first of the four links.
    Links,
}

fn impairment(chance: &mut Chance, harsh: u32) -> Impairment {
    let mut share = |most: u64| chance.within(0..=most) as u32 * harsh;
    Impairment {
        loss: share(LOSS),
        duplicate: share(OTHERS),
        reorder: share(OTHERS),
        corrupt: share(OTHERS / 4),
        cut: share(OTHERS * 2),
        join: share(OTHERS * 2),
        delay: chance.pick(&[50, 500, 5_000]),
    }
}

fn setup(chance: &mut Chance, address: std::net::Ipv4Addr) -> Setup {
    let near_wrap = u32::MAX - chance.below(20_000) as u32;
    let anywhere = chance.bits() as u32;
    Setup {
        address,
        port: 0,
        peer: None,
        sequence: chance.pick(&[near_wrap, anywhere]),
        segment: chance.pick(&[40, 64, 128, 256, 536, 1200, 1460]),
        receive: chance.pick(&[200, 500, 1000, 2000, 8000, 65_535, 200_000]),
        send: chance.size(300..=IN_FLIGHT),
        nagle: chance.happens(500),
        delayed_ack: chance.pick(&[None, Some(Duration::from_millis(10)), Some(DELAYED)]),
        keep_alive: chance.pick(&[None, None, Some(Duration::from_millis(700))]),
        timestamps: chance.happens(500),
    }
}

/// The longest that an acknowledgement may wait is 500 ms (RFC 1122 section 4.2.3.2); Linux waits 40 to 200.
const DELAYED: Duration = Duration::from_millis(200);

fn manner(chance: &mut Chance) -> Manner {
    let patient = chance.pick(&[0, 0, 1]);
    Manner {
        in_flight: chance.pick(&[1, 1, 2, 4, 16]),
        pieces: chance.pick(&[0, 100, 1000]),
        late: chance.pick(&[0, 300]) * patient,
        pause: chance.pick(&[1_000, 50_000, 400_000]),
        deaf: chance.pick(&[0, 100]) * patient,
    }
}
