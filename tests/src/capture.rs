//! The bundled captures through an engine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wicketgate_engine::tables::{AssetId, Side};
use wicketgate_engine::{Engine, Event, EventRing, Limits, Sessions, Tables, Verdict};
use wicketgate_packet::{FrameBuf, Outbox, PortId, Time};
use wicketgate_policy::{Factor, Login, parse};
use wicketgate_ports::tap::{Door, Plan};
use wicketgate_ports::{CapturePort, CaptureReader, Pool, Port, RingPort, Tap};

/// One folder of `pcaps/PROTOCOL`.
pub struct Case {
    /// Its name.
    pub name: String,
    /// Its policy, compiled.
    pub tables: Arc<Tables>,
    folder: PathBuf,
}

/// One frame at a port of the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// When.
    pub at: Time,
    /// Where.
    pub port: PortId,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// Everything that happened in one run.
#[derive(Debug, Default)]
pub struct Run {
    /// What came to the engine.
    pub entered: Vec<Crossing>,
    /// What left it.
    pub left: Vec<Crossing>,
    /// The verdicts, one for each frame that entered.
    pub verdicts: Vec<Verdict>,
    /// What the audit was told.
    pub events: Vec<Event>,
}

/// All cases, by name.
pub fn cases() -> Vec<Case> {
    folders().into_iter().map(Case::load).collect()
}

/// The case of that name, if there is one; the others are not read.
pub fn case(name: &str) -> Option<Case> {
    folders().into_iter().find(|folder| folder.ends_with(name)).map(Case::load)
}

/// The folders of all cases: by protocol, then by name.
fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps");
    let of_protocol = |protocol| {
        let mut folders: Vec<PathBuf> =
            fs::read_dir(root.join(protocol)).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders
    };
    ["modbus", "enip", "s7comm", "opcua"].into_iter().flat_map(of_protocol).collect()
}

impl Case {
    fn load(folder: PathBuf) -> Case {
        let file = folder.join("policy.toml");
        let text = fs::read_to_string(&file).unwrap();
        let policy = parse(&text, &file.display().to_string()).unwrap();
        let arguments = fs::read_to_string(folder.join("replay.args")).unwrap_or_default();
        let now = CaptureReader::open(folder.join("capture.pcapng"))
            .unwrap()
            .read(&mut Pool::new(1).take().unwrap())
            .unwrap()
            .unwrap()
            .time;
        let tables = policy.compile(&logins(&arguments), now, 1).unwrap().tables;
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        Case { name, tables: Arc::new(tables), folder }
    }

    fn reader(&self) -> CaptureReader<File> {
        CaptureReader::open(self.folder.join("capture.pcapng")).unwrap()
    }

    /// Through the capture port.
    pub fn through_file(&self) -> Run {
        let port: CapturePort<File> =
            CapturePort::new(self.reader(), None, Vec::new(), PortId(0), 4096);
        run(&mut Tap::new(port, plan(&self.tables)), self.tables.clone())
    }

    /// Through ring ports, fed with the same frames.
    pub fn through_rings(&self) -> Run {
        let mut ring = RingPort::new(1 << 14, 1 << 14);
        let (mut reader, mut frame) = (self.reader(), Pool::new(1).take().unwrap());
        while let Some(record) = reader.read(&mut frame).unwrap() {
            assert!(ring.feed(PortId(0), record.time, frame.bytes()));
        }
        ring.close();
        run(&mut Tap::new(ring, plan(&self.tables)), self.tables.clone())
    }
}

/// Where the gate of these tables stands in a wire that shows underlay addresses.
pub fn plan(tables: &Tables) -> Plan {
    let at = tables.ports().iter().position(|port| port.side == Side::Overlay).unwrap();
    let doors = tables.assets().iter().zip((0..).map(AssetId)).map(|(asset, id)| {
        let gate = tables.port(asset.port).unwrap();
        let mine = tables.endpoints().iter().filter(|door| door.asset == id);
        let door = Door {
            overlay: asset.overlay,
            underlay: asset.underlay,
            port: asset.port,
            vlan: asset.vlan,
            nat: gate.address,
            gate_mac: gate.mac,
            ports: mine.map(|door| door.port).collect(),
        };
        (asset.underlay, door)
    });
    Plan {
        overlay: PortId(at as u16),
        overlay_mac: tables.ports()[at].mac,
        doors: doors.collect(),
        ..Plan::default()
    }
}

/// `--login ADDRESS=USER:ROLE,...`, as `replay` takes it.
fn logins(arguments: &str) -> Vec<Login> {
    let values = arguments.split_whitespace().filter(|word| *word != "--login");
    let login = |word: &str| {
        let (address, who) = word.split_once('=').unwrap();
        let (user, roles) = who.split_once(':').unwrap_or((who, who));
        Login {
            address: address.parse().unwrap(),
            user: user.to_owned(),
            roles: roles.split(',').map(str::to_owned).collect(),
            factors: Factor::ALL.to_vec(),
            until: Time::NEVER,
        }
    };
    values.map(login).collect()
}

/// The loop of a worker, writing everything down.
pub fn run<P: Port>(port: &mut P, tables: Arc<Tables>) -> Run {
    let limits = Limits { flows: 1024, streams: 256, ..Limits::default() };
    let mut engine = Engine::new(limits, tables, Arc::new(Sessions::new(64)));
    engine.set_captured(true);
    let mut ring = EventRing::new(1 << 12);
    let (mut run, mut burst, mut now) = (Run::default(), Vec::new(), Time::EPOCH);
    while !port.is_finished() {
        port.receive(&mut burst, 32).unwrap();
        for mut received in burst.drain(..) {
            now = now.max(received.arrival);
            run.entered.push(crossing(now, received.port, &received.frame));
            let mut out = Own { run: &mut run, now };
            let frame = &mut received.frame;
            let verdict = engine.process(now, received.port, frame, &mut out, &mut ring);
            run.verdicts.push(verdict);
            match verdict {
                Verdict::Forward(egress) | Verdict::Answer(egress, _) => {
                    run.left.push(crossing(now, egress, &received.frame));
                    port.send(received, egress);
                }
                Verdict::Kept | Verdict::Deny(_) | Verdict::Drop(_) => {
                    port.recycle(received.frame);
                }
            }
        }
        engine.age(now, &mut ring);
        port.flush().unwrap();
        run.events.extend(std::iter::from_fn(|| ring.pop()));
    }
    engine.finish(now, &mut ring, |ring| run.events.extend(std::iter::from_fn(|| ring.pop())));
    assert_eq!(ring.lost(), 0);
    run
}

/// Writes down what the gate itself has to say.
struct Own<'a> {
    run: &'a mut Run,
    now: Time,
}

impl Outbox for Own<'_> {
    fn send(&mut self, egress: PortId, frame: &[u8]) -> bool {
        self.run.left.push(Crossing { at: self.now, port: egress, bytes: frame.to_vec() });
        true
    }
}

fn crossing(at: Time, port: PortId, frame: &impl FrameBuf) -> Crossing {
    Crossing { at, port, bytes: frame.bytes().to_vec() }
}
