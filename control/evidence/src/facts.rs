//! What is looked at: plain data, gathered by whoever has the files and the gate. No secret is part of it.

use std::collections::{BTreeMap, BTreeSet};

/// What was found; or why it could not be looked at, in words.
pub type Looked<T> = Result<T, String>;

/// All that is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// When, in RFC 3339, UTC.
    pub made: String,
    /// The policy file.
    pub config: String,
    /// What the policy says, and what its compiled tables answer.
    pub policy: Policy,
    /// Who may log in.
    pub people: Looked<People>,
    /// The gate that runs.
    pub live: Looked<Live>,
    /// The audit log.
    pub log: Looked<Log>,
    /// Private keys in the gate's `state_dir`.
    pub keys: Looked<Vec<KeyFile>>,
    /// The program itself.
    pub program: Program,
}

/// What the policy says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The devices.
    pub assets: Vec<Asset>,
    /// What people may do.
    pub rules: Vec<Rule>,
    /// What machines may do.
    pub conduits: Vec<Conduit>,
    /// Ports by which people may log in from a bare address.
    pub cleartext_ports: Vec<String>,
    /// Where people log in from afar.
    pub tunnel: Option<Tunnel>,
    /// Sentences of its `[tests]`, and how many of them are not true.
    pub sentences: (usize, usize),
    /// Who may ask the control socket: the role, and users or groups of the machine.
    pub control: Vec<(String, String)>,
    /// How the log is kept.
    pub keeping: Keeping,
    /// What its compiled tables answered.
    pub trials: Trials,
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asset {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// What it speaks where.
    pub doors: Vec<String>,
}

/// What rules and conduits give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Right {
    /// The name of the rule or conduit.
    pub name: String,
    /// Names of the assets.
    pub assets: Vec<String>,
    /// The protocol.
    pub protocol: String,
    /// Whether the gate reads the commands of that protocol.
    pub read: bool,
    /// Command classes that are given.
    pub classes: BTreeSet<&'static str>,
    /// Whether some element names codes alone, without a class.
    pub by_code: bool,
    /// Each element in words.
    pub allow: Vec<String>,
}

/// `[[rule]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// What it gives.
    pub right: Right,
    /// Whom it is for.
    pub roles: Vec<String>,
    /// What a login must have proven.
    pub factors: Vec<String>,
    /// When it holds; always, if there is none.
    pub window: Option<String>,
    /// The role of whoever must approve.
    pub approval: Option<String>,
    /// Seconds that a grant lasts at most.
    pub max_duration: Option<u64>,
    /// Seconds that proofs may be old.
    pub max_proof_age: Option<u64>,
    /// Grants of a user on an asset at once.
    pub max_sessions: Option<u32>,
}

/// `[[conduit]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conduit {
    /// What it gives.
    pub right: Right,
    /// The machine, in words.
    pub from: String,
    /// Whether the machine must have one MAC address.
    pub has_mac: bool,
    /// Whether it must come in by one port.
    pub has_port: bool,
    /// How much passes.
    pub rate: Option<String>,
}

/// `[tunnel]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tunnel {
    /// Seconds that a login lasts at most.
    pub lifetime: u64,
    /// Whether its certificate is one of the site's, and not of the gate's own authority.
    pub site_certificate: bool,
    /// Whether certificates of users are asked for.
    pub asks_certificates: bool,
    /// Tunnels at a time.
    pub most: u16,
}

/// `[audit]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// Bytes of all files together, beyond which the oldest are deleted.
    pub size: Option<u64>,
    /// Seconds that a file is kept.
    pub span: Option<u64>,
    /// Seconds between two checkpoints.
    pub checkpoint: u64,
    /// The file off the box that checkpoints are put into too.
    pub off_box: Option<String>,
    /// The syslog server that records are sent to.
    pub syslog: Option<Collector>,
}

/// `[audit.syslog]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collector {
    /// The server, as `HOST:PORT`.
    pub server: String,
    /// Whether it is spoken to by TLS, and so known to be that server.
    pub by_tls: bool,
}

/// What the compiled tables answered when they were asked for a door: whether anything is granted there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trials {
    /// Doors of all assets.
    pub doors: usize,
    /// Doors open to an address that nobody knows.
    pub stranger: usize,
    /// Doors open to a login without a role.
    pub no_role: usize,
    /// Doors open to a login with every role that has proven everything.
    pub proven: usize,
    /// Of these, those open where it has proven a password alone.
    pub password_alone: usize,
    /// Doors that nobody is given anything on.
    pub unused: Vec<String>,
    /// Ways from an asset to a door of another.
    pub ways: usize,
    /// Those that are open, by a conduit.
    pub open_ways: Vec<String>,
    /// Those that are open though no conduit says so.
    pub stray_ways: Vec<String>,
    /// Doors that conduits give.
    pub essential: usize,
    /// Of these, those open while nobody is logged in.
    pub essential_open: usize,
}

/// Who may log in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// The users.
    pub users: Vec<User>,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name to log in by.
    pub name: String,
    /// Roles of the policy.
    pub roles: Vec<String>,
    /// Whether it may not log in.
    pub disabled: bool,
    /// Factors enrolled.
    pub factors: Vec<String>,
    /// Failed attempts in a row.
    pub failures: u32,
    /// Days since it was proven last; none where it never was.
    pub idle_days: Option<u64>,
}

/// The gate that runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// Its version.
    pub version: String,
    /// Seconds since it started.
    pub uptime: u64,
    /// The generation of tables in force.
    pub epoch: u32,
    /// Whether the policy in force gives what the file gives.
    pub is_of_the_file: bool,
    /// Alarms, each with whether it is on.
    pub alarms: BTreeMap<String, bool>,
    /// Logins: the user, and the factors proven.
    pub logins: Vec<(String, Vec<String>)>,
    /// Sessions of people.
    pub sessions: usize,
    /// Sessions of machines.
    pub essential_sessions: usize,
    /// Break-glass that is armed.
    pub armed: usize,
    /// Commands judged since the start.
    pub commands: u64,
    /// Of these, denied.
    pub denied: u64,
    /// Events that wait for the log, and how many can.
    pub waiting: (u64, u64),
    /// How records reach the syslog server; none where it has none.
    pub sending: Option<Sending>,
}

/// How records of the log reach the syslog server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sending {
    /// Whether there is a connection.
    pub connected: bool,
    /// Records that were not sent yet.
    pub waiting: u64,
    /// Records never sent, since the gate's start.
    pub lost: u64,
}

/// The audit log, as it was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// How many files.
    pub files: usize,
    /// Records that hold.
    pub records: u64,
    /// The first record that is wrong.
    pub fault: Option<String>,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Checkpoints signed by the gate's key; none where the public key was not there.
    pub signed: Option<u64>,
    /// Checkpoints kept off the box that are in the log; none where there is no such file to be read.
    pub matched: Option<u64>,
    /// Seconds since the last checkpoint.
    pub checkpoint_age: Option<u64>,
    /// Records behind the last checkpoint.
    pub tail: u64,
    /// Events that found no room.
    pub lost: u64,
    /// Records that begin with the fields of IEC 62443-3-3 SR 2.8.
    pub headed: u64,
    /// Records more than a second earlier than the one before.
    pub steps_back: u64,
    /// Records by category.
    pub categories: BTreeMap<String, u64>,
    /// Records by type.
    pub types: BTreeMap<String, u64>,
    /// Commands that say who asked: a user or a conduit.
    pub attributed: u64,
    /// Commands refused.
    pub denied: u64,
    /// Commands and accesses refused that say why.
    pub reasoned: u64,
    /// Alarms that records do not reach the syslog server.
    pub syslog_alarms: u64,
    /// Whether the last of them has not ended.
    pub syslog_fails: bool,
    /// Commands of classes that change what a device is ([`SERIOUS`](crate::checks::SERIOUS)).
    pub serious: u64,
}

impl Log {
    /// Records of this type.
    pub fn count(&self, kind: &str) -> u64 {
        self.types.get(kind).copied().unwrap_or(0)
    }
}

/// A private key on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFile {
    /// Its place.
    pub path: String,
    /// Its mode.
    pub mode: u32,
}

/// The program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Its version.
    pub version: String,
    /// Whether its cryptography is a FIPS 140-3 module.
    pub fips: bool,
    /// Versions of TLS that it speaks.
    pub tls: Vec<String>,
    /// Cipher suites of its tunnels.
    pub suites: Vec<String>,
    /// Its limits on logins.
    pub limits: Limits,
}

/// Limits on logins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Failures in a row that lock a user.
    pub lock: u32,
    /// Failures in a row from which on a user is delayed.
    pub delayed_from: u32,
    /// Seconds of the first delay, and of the longest.
    pub delay: (u64, u64),
    /// Characters of a password at least.
    pub password: usize,
    /// Memory in KiB and passes that a guess at a password costs (argon2id).
    pub hash: (u32, u32),
    /// Seconds for which a code of TOTP may be shown.
    pub code: u64,
    /// Seconds without a frame after which a login ends.
    pub idle: u64,
    /// Seconds after which a login ends.
    pub login: u64,
}
