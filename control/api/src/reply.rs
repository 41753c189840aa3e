//! What control answers.

use std::net::{IpAddr, Ipv4Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// The answer to a request; which to which, `Request` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each is of the type that it is named by")]
pub enum Reply {
    Done(Done),
    Login(Login),
    Logins(Vec<Login>),
    Tunnel(Tunnel),
    Grant(Grant),
    Grants(Vec<Grant>),
    Armed(Armed),
    BreakGlass(Vec<Armed>),
    User(User),
    Users(Vec<User>),
    Totp(Enrolment),
    RecoveryCodes(Vec<Secret>),
    Sessions(Vec<Session>),
    Assets(Vec<Asset>),
    Policy(Policy),
    Stats(Box<Stats>),
}

/// It is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// What was done, for people.
    pub done: String,
}

impl Reply {
    /// It is done.
    pub fn done(what: impl std::fmt::Display) -> Reply {
        Reply::Done(Done { done: what.to_string() })
    }
}

/// A login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Login {
    /// Its number.
    pub id: u64,
    /// Who, by the name logged in by.
    pub user: String,
    /// Roles of the policy.
    pub roles: Vec<String>,
    /// The address it stands for.
    pub source: Option<IpAddr>,
    /// Factors proven, with the seconds since.
    pub proven: Vec<Proven>,
    /// Seconds since it began.
    pub age: u64,
    /// Seconds since something of it was seen.
    pub idle: u64,
    /// Seconds until it ends at the latest.
    pub left: u64,
}

/// A login that has just begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedIn {
    /// The login.
    pub login: Login,
    /// Whoever shows it acts by this login: `Authorization: Bearer TOKEN`. Shown once.
    pub token: Secret,
}

/// A login by a tunnel that has just begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tunnel {
    /// The login.
    pub login: Login,
    /// The address that the tunnel's packets must have.
    pub address: Ipv4Addr,
    /// The overlay: its network, and the length of its prefix.
    pub overlay: (Ipv4Addr, u8),
    /// Assets that the login may use.
    pub assets: Vec<(String, Ipv4Addr)>,
}

/// A factor that was proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proven {
    /// `password`, `totp`, `certificate`, `passkey`.
    pub factor: String,
    /// Seconds since.
    pub age: u64,
}

/// A grant, or a request for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// Its number.
    pub id: u64,
    /// The login that has it.
    pub login: u64,
    /// Whose.
    pub user: String,
    /// The rule.
    pub rule: String,
    /// The asset.
    pub asset: String,
    /// How it stands.
    pub state: GrantState,
    /// Factors that must be proven first.
    pub lacking: Vec<String>,
    /// The reason that was given.
    pub reason: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// Whether it came of break-glass.
    pub break_glass: bool,
    /// Seconds since it was asked for.
    pub age: u64,
    /// Seconds until it ends; none for a request.
    pub left: Option<u64>,
}

/// How a grant stands (`docs/IDENTITY.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GrantState {
    /// Waits for approval.
    Requested,
    /// Waits for proof.
    Challenged,
    /// Holds.
    Granted,
    /// Over, but for an operation under way.
    Draining,
}

/// Break-glass that is armed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Armed {
    /// Its number.
    pub id: u64,
    /// The rule.
    pub rule: String,
    /// Which role may use it.
    pub role: String,
    /// Who armed it.
    pub by: String,
    /// Seconds that a grant by it lasts.
    pub duration: u64,
    /// Seconds that it stays armed.
    pub left: u64,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// The name to log in by.
    pub name: String,
    /// The full name.
    pub display_name: String,
    /// Whose account it is.
    pub person: String,
    /// Roles of the policy.
    pub roles: Vec<String>,
    /// Whether it may not log in.
    pub disabled: bool,
    /// Last time it was proven, in seconds since 1970.
    pub last_login: Option<u64>,
    /// Failed attempts since then.
    pub failures: u32,
    /// Factors enrolled.
    pub factors: Vec<String>,
    /// Recovery codes left.
    pub recovery_codes: u32,
}

/// What an authenticator app is to be told. Shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enrolment {
    /// The seed, in base 32, to be typed.
    pub secret: Secret,
    /// The same as an `otpauth:` URI.
    pub uri: Secret,
    /// The same as a QR code of text, for a dark terminal.
    pub qr: Secret,
}

/// A session that is live, or revoked and not yet ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Its number.
    pub id: u64,
    /// `user` or `conduit`.
    pub kind: SessionKind,
    /// The user's or the conduit's name; empty where its start was not told.
    pub name: String,
    /// The login, of a user's session.
    pub login: Option<u64>,
    /// The asset.
    pub asset: String,
    /// The address it comes from.
    pub source: Option<Ipv4Addr>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// Seconds since it began.
    pub age: u64,
    /// Frames that passed.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Commands that were judged.
    pub commands: u64,
    /// Those that were denied.
    pub denied: u64,
}

/// Whose a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionKind {
    /// A person's.
    User,
    /// A machine's.
    Conduit,
    /// Not told yet: its start is still on its way from the worker.
    Unknown,
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asset {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// The port it is reached by.
    pub port: String,
    /// Its VLAN.
    pub vlan: Option<u16>,
    /// Its address towards users.
    pub overlay: Ipv4Addr,
    /// Its own address.
    pub underlay: Ipv4Addr,
    /// What is spoken where, as `modbus on tcp/502`.
    pub protocols: Vec<String>,
    /// Its MAC address, if the gate knows it now.
    pub mac: Option<String>,
}

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// The file it was read from.
    pub file: String,
    /// The generation of tables in force.
    pub epoch: u32,
    /// Who may do what: the document of `wicketgate policy show --json`.
    pub explanation: serde_json::Value,
    /// The same in words.
    pub words: String,
}

/// What the gate counts, from its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// The gate's version.
    pub version: String,
    /// Seconds since the gate started.
    pub uptime: f64,
    /// The generation of tables in force.
    pub epoch: u32,
    /// Frames that left the gate.
    pub forwarded: u64,
    /// Frames that the gate answered itself.
    pub answered: u64,
    /// Commands that were judged.
    pub commands: u64,
    /// Those that were denied.
    pub denied: u64,
    /// Frames refused, by reason (`docs/REASONS.md`); those that are zero are left out.
    pub reasons: std::collections::BTreeMap<String, u64>,
    /// Commands that were logged, by class.
    #[serde(default)]
    pub classes: std::collections::BTreeMap<String, Judged>,
    /// Sessions that are live.
    pub sessions: u64,
    /// Logins that are live.
    pub logins: u64,
    /// Alarms (`docs/AUDIT.md`), each with whether it is on.
    pub alarms: std::collections::BTreeMap<String, bool>,
    /// Tunnels of people; none where the gate has no `[tunnel]`, or lost it.
    pub tunnels: Option<Tunnels>,
    /// The audit log's way to the disk.
    #[serde(default)]
    pub log: AuditLog,
    /// The audit log's way to a syslog server; none where it has none.
    pub syslog: Option<Syslog>,
    /// What is missing from records of sessions; none where the gate records none.
    pub records: Option<Records>,
    /// Each worker.
    pub workers: Vec<Worker>,
    /// The gate's own time per frame, for each asset that has had frames.
    pub assets: Vec<AssetLatency>,
    /// What the kernel counts for each socket of AF_XDP.
    #[serde(default)]
    pub sockets: Vec<Socket>,
}

/// Commands by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// Those that passed.
    pub forwarded: u64,
    /// Those that did not.
    pub denied: u64,
}

/// What the kernel counts for a socket of AF_XDP (`XDP_STATISTICS`), since the start. All but `rx_dropped` should stay 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Socket {
    /// The port's name.
    pub port: String,
    /// The card's queue.
    pub queue: u32,
    /// Frames too long for a chunk, or for which there was no empty one.
    pub rx_dropped: u64,
    /// Frames for which the rx ring had no room.
    pub rx_ring_full: u64,
    /// Times that the kernel looked for an empty chunk and the fill ring had none.
    pub fill_ring_empty: u64,
    /// Addresses in the fill ring that make no sense.
    pub rx_invalid: u64,
    /// Entries in the tx ring that make no sense.
    pub tx_invalid: u64,
}

/// Tunnels, and packets of theirs that were lost since the start (`docs/TUNNEL.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tunnels {
    /// Logins that have one now.
    pub open: u64,
    /// Packets from an address that is not the tunnel's.
    pub spoofed: u64,
    /// No packets, or too long ones.
    pub unfit: u64,
    /// On their way to a user who takes them too slowly: the oldest.
    pub overtaken: u64,
    /// On their way into the gate, to rings that were full.
    pub inbound: u64,
    /// On their way out of it, likewise.
    pub outbound: u64,
    /// Whether the hop's cryptography is a FIPS 140-3 module in FIPS mode.
    #[serde(default)]
    pub fips: bool,
}

/// How far the audit log is behind what has happened (`docs/AUDIT.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditLog {
    /// Records, those included that are not on the disk yet.
    pub records: u64,
    /// Bytes of records that are not on the disk yet.
    pub waiting_bytes: u64,
    /// Seconds since the disk was given records that it has not acknowledged; 0 where it has all.
    pub waiting_seconds: f64,
}

/// How records of the audit log reach a syslog server (`docs/AUDIT.md`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Syslog {
    /// Whether there is a connection now.
    pub connected: bool,
    /// `seq` of the record that was sent last.
    pub sent: u64,
    /// Records behind it in the log.
    pub waiting: u64,
    /// Records that were deleted before they were sent, since the gate's start.
    pub dropped: u64,
    /// Lines of the log that are no records, and were not sent.
    pub damaged: u64,
    /// Connections since the gate's start.
    pub connections: u64,
    /// What is wrong.
    pub fault: Option<String>,
}

/// Frames of recorded sessions that are missing from their records, since the gate's start (`docs/RECORDS.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Records {
    /// Their copies found no room on the way to the record thread.
    pub ring_full: u64,
    /// The disk took nothing for too long.
    pub unwritten: u64,
    /// Their record was as long as `session_mib` lets it be.
    pub beyond: u64,
    /// Their record was deleted while it was written.
    pub deleted: u64,
}

/// What one worker counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Worker {
    /// Whether it has told all; one that has much to do tells later.
    pub whole: bool,
    /// Frames it decided on.
    pub frames: u64,
    /// Those that left the gate.
    pub forwarded: u64,
    /// Those whose bytes the gate kept, and sent on by itself.
    pub kept: u64,
    /// Those that were turned into an answer.
    pub answered: u64,
    /// Those that were refused without an answer.
    pub refused: u64,
    /// Commands that were judged.
    pub commands: u64,
    /// Those that were denied.
    pub denied: u64,
    /// Events that wait in the worker's queue for control to log them.
    pub events_waiting: u64,
    /// Events that the queue takes. Where it is full, and the engine's own ring behind it, commands are refused.
    pub events_room: u64,
    /// Nanoseconds since the start in which it had frames in hand; the rest it slept, or looked for some.
    pub busy: u64,
    /// The gate's own time per frame.
    pub latency: Percentiles,
    /// The machine's own floor: a loop without a gate, about as long as a frame takes, sampled on the worker's core
    /// while it has no frame. `frames` are samples.
    pub floor: Percentiles,
}

/// Upper bounds of the classes into which frames are counted by their time, in nanoseconds. Frames above all of
/// them are in no class.
pub const BOUNDS: [u64; 15] = [
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    100_000_000,
];

/// Nanoseconds per frame, from arrival to the tx ring, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Percentiles {
    /// Frames measured.
    pub frames: u64,
    /// Half of the frames took at most this.
    pub p50: u64,
    /// 90 % did.
    pub p90: u64,
    /// 99 % did.
    pub p99: u64,
    /// 99.9 % did.
    pub p999: u64,
    /// 99.99 % did.
    pub p9999: u64,
    /// All did.
    pub max: u64,
    /// The time of all together, exact to one per cent.
    pub sum: u64,
    /// Frames that took at most 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500 us, 1, 2, 5, 10, 100 ms ([`BOUNDS`]):
    /// each class includes those before it. A time within one per cent of a bound may count on its other side.
    pub classes: [u64; BOUNDS.len()],
}

/// The gate's own time on the frames of one asset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssetLatency {
    /// The asset.
    pub asset: String,
    /// Per frame.
    pub latency: Percentiles,
    /// Which share of the asset's cycle p99.9 is, if it has one: 0.01 is one per cent.
    pub share_of_cycle: Option<f64>,
    /// The worker that has it, whose `floor` stands beside it.
    pub worker: u32,
    /// Its cycle in nanoseconds, if it has one.
    pub cycle: Option<u64>,
    /// For how many nanoseconds of it the gate may hold a frame.
    pub budget: Option<u64>,
    /// Frames since the start that were held for longer; of another budget after a reload.
    pub over_budget: u64,
    /// Whether too many were in the last window (`docs/POLICY.md`, `budget`).
    pub budget_breached: bool,
    /// What share of its cycle a frame takes; of 1, 2, 4, 10 and 100 ms where it has none.
    pub shares: Vec<CycleShares>,
}

/// Cycles that controllers have, in nanoseconds: those that an asset without one is held against.
pub const CYCLES: [u64; 5] = [1_000_000, 2_000_000, 4_000_000, 10_000_000, 100_000_000];

/// What share of a cycle a frame spends in the gate: 0.01 is one per cent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CycleShares {
    /// The cycle, in nanoseconds.
    pub cycle: u64,
    /// 99 % of the frames take at most this.
    pub p99: f64,
    /// 99.9 % do.
    pub p999: f64,
    /// 99.99 % do.
    pub p9999: f64,
    /// All do.
    pub max: f64,
}

impl Percentiles {
    /// The shares of this cycle, or of each of [`CYCLES`].
    pub fn shares(&self, cycle: Option<u64>) -> Vec<CycleShares> {
        let cycles = cycle.map_or(CYCLES.to_vec(), |cycle| vec![cycle]);
        cycles.into_iter().map(|cycle| self.shares_of(cycle)).collect()
    }

    fn shares_of(&self, cycle: u64) -> CycleShares {
        let [p99, p999, p9999, max] =
            [self.p99, self.p999, self.p9999, self.max].map(|nanos| nanos as f64 / cycle as f64);
        CycleShares { cycle, p99, p999, p9999, max }
    }
}
