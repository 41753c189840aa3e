//! What control answers.

use std::net::{IpAddr, Ipv4Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// The answer to a request; which to which, `Request` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    Done(Done),
    Login(Login),
    Logins(Vec<Login>),
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
    Stats(Stats),
}

/// It is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Done {
    /// What was done, for people.
    pub(crate) done: String,
}

impl Reply {
    /// It is done.
    pub(crate) fn done(what: impl std::fmt::Display) -> Reply {
        Reply::Done(Done { done: what.to_string() })
    }
}

/// A login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Login {
    /// Its number.
    pub(crate) id: u64,
    /// Who, by the name logged in by.
    pub(crate) user: String,
    /// Roles of the policy.
    pub(crate) roles: Vec<String>,
    /// The address it stands for.
    pub(crate) source: Option<IpAddr>,
    /// Factors proven, with the seconds since.
    pub(crate) proven: Vec<Proven>,
    /// Seconds since it began.
    pub(crate) age: u64,
    /// Seconds since something of it was seen.
    pub(crate) idle: u64,
    /// Seconds until it ends at the latest.
    pub(crate) left: u64,
}

/// A factor that was proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Proven {
    /// `password`, `totp`, `certificate`, `passkey`.
    pub(crate) factor: String,
    /// Seconds since.
    pub(crate) age: u64,
}

/// A grant, or a request for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Grant {
    /// Its number.
    pub(crate) id: u64,
    /// The login that has it.
    pub(crate) login: u64,
    /// Whose.
    pub(crate) user: String,
    /// The rule.
    pub(crate) rule: String,
    /// The asset.
    pub(crate) asset: String,
    /// How it stands.
    pub(crate) state: GrantState,
    /// Factors that must be proven first.
    pub(crate) lacking: Vec<String>,
    /// The reason that was given.
    pub(crate) reason: Option<String>,
    /// Who approved it.
    pub(crate) approved_by: Option<String>,
    /// Whether it came of break-glass.
    pub(crate) break_glass: bool,
    /// Seconds since it was asked for.
    pub(crate) age: u64,
    /// Seconds until it ends; none for a request.
    pub(crate) left: Option<u64>,
}

/// How a grant stands (`docs/IDENTITY.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GrantState {
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
pub(crate) struct Armed {
    /// Its number.
    pub(crate) id: u64,
    /// The rule.
    pub(crate) rule: String,
    /// Which role may use it.
    pub(crate) role: String,
    /// Who armed it.
    pub(crate) by: String,
    /// Seconds that a grant by it lasts.
    pub(crate) duration: u64,
    /// Seconds that it stays armed.
    pub(crate) left: u64,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct User {
    /// The name to log in by.
    pub(crate) name: String,
    /// The full name.
    pub(crate) display_name: String,
    /// Whose account it is.
    pub(crate) person: String,
    /// Roles of the policy.
    pub(crate) roles: Vec<String>,
    /// Whether it may not log in.
    pub(crate) disabled: bool,
    /// Last time it was proven, in seconds since 1970.
    pub(crate) last_login: Option<u64>,
    /// Failed attempts since then.
    pub(crate) failures: u32,
    /// Factors enrolled.
    pub(crate) factors: Vec<String>,
    /// Recovery codes left.
    pub(crate) recovery_codes: u32,
}

/// What an authenticator app is to be told. Shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Enrolment {
    /// The seed, in base 32, to be typed.
    pub(crate) secret: Secret,
    /// The same as an `otpauth:` URI.
    pub(crate) uri: Secret,
    /// The same as a QR code of text, for a dark terminal.
    pub(crate) qr: Secret,
}

/// A session that is live, or revoked and not yet ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Session {
    /// Its number.
    pub(crate) id: u64,
    /// `user` or `conduit`.
    pub(crate) kind: SessionKind,
    /// The user's or the conduit's name; empty where its start was not told.
    pub(crate) name: String,
    /// The login, of a user's session.
    pub(crate) login: Option<u64>,
    /// The asset.
    pub(crate) asset: String,
    /// The address it comes from.
    pub(crate) source: Option<Ipv4Addr>,
    /// Whether it was revoked.
    pub(crate) revoked: bool,
    /// Seconds since it began.
    pub(crate) age: u64,
    /// Frames that passed.
    pub(crate) frames: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Commands that were judged.
    pub(crate) commands: u64,
    /// Those that were denied.
    pub(crate) denied: u64,
}

/// Whose a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SessionKind {
    /// A person's.
    User,
    /// A machine's.
    Conduit,
    /// Not told yet: its start is still on its way from the worker.
    Unknown,
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Asset {
    /// Its name.
    pub(crate) name: String,
    /// Its zone.
    pub(crate) zone: String,
    /// The port it is reached by.
    pub(crate) port: String,
    /// Its VLAN.
    pub(crate) vlan: Option<u16>,
    /// Its address towards users.
    pub(crate) overlay: Ipv4Addr,
    /// Its own address.
    pub(crate) underlay: Ipv4Addr,
    /// What is spoken where, as `modbus on tcp/502`.
    pub(crate) protocols: Vec<String>,
    /// Its MAC address, if the gate knows it now.
    pub(crate) mac: Option<String>,
}

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Policy {
    /// The file it was read from.
    pub(crate) file: String,
    /// The generation of tables in force.
    pub(crate) epoch: u32,
    /// Who may do what: the document of `wicketgate policy show --json`.
    pub(crate) explanation: serde_json::Value,
    /// The same in words.
    pub(crate) words: String,
}

/// What the gate counts, from its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Stats {
    /// Seconds since the gate started.
    pub(crate) uptime: f64,
    /// The generation of tables in force.
    pub(crate) epoch: u32,
    /// Frames that left the gate.
    pub(crate) forwarded: u64,
    /// Frames that the gate answered itself.
    pub(crate) answered: u64,
    /// Commands that were judged.
    pub(crate) commands: u64,
    /// Those that were denied.
    pub(crate) denied: u64,
    /// Frames refused, by reason (`docs/REASONS.md`); those that are zero are left out.
    pub(crate) reasons: std::collections::BTreeMap<String, u64>,
    /// Sessions that are live.
    pub(crate) sessions: u64,
    /// Workers that have counted; each does once a second, if it is asked.
    pub(crate) workers: u32,
    /// The gate's own time per frame.
    pub(crate) latency: Percentiles,
    /// The same for each asset that has had frames.
    pub(crate) assets: Vec<AssetLatency>,
}

/// Nanoseconds per frame, from arrival to the tx ring, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Percentiles {
    /// Frames measured.
    pub(crate) frames: u64,
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

/// The gate's own time on the frames of one asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AssetLatency {
    /// The asset.
    pub(crate) asset: String,
    /// Per frame.
    pub(crate) latency: Percentiles,
    /// Which share of the asset's cycle p99.9 is, if it has one: 0.01 is one per cent.
    pub(crate) share_of_cycle: Option<f64>,
}
