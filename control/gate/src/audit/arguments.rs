//! The command line of `wicketgate audit tail`, `show`, `stats`, `export` and `test-syslog`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wicketgate_audit::{Filter, Format};
use wicketgate_packet::Time;

use super::when::When;

/// Which log.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The log: a file, or the folder of one in many files
    #[arg(value_name = "LOG", conflicts_with = "config")]
    pub(super) log: Option<PathBuf>,
    /// The log of the gate of this policy file; without both /var/lib/wicketgate/audit
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// Which records. An option that is given twice asks for one or the other.
#[derive(Debug, Args)]
pub(crate) struct Only {
    /// Of this user or conduit
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,
    /// About this asset
    #[arg(long = "asset", value_name = "NAME")]
    assets: Vec<String>,
    /// Of this session
    #[arg(long = "session", value_name = "ID")]
    sessions: Vec<u64>,
    /// Commands of this class: read, write, mode, ...
    #[arg(long = "class", value_name = "CLASS")]
    classes: Vec<String>,
    /// That ended so
    #[arg(long = "verdict", value_name = "VERDICT")]
    verdicts: Vec<Verdict>,
    /// For this reason (docs/REASONS.md)
    #[arg(long = "reason", value_name = "REASON")]
    reasons: Vec<String>,
    /// Of this category: command, session, access, login, grant, user, policy, system, audit
    #[arg(long = "category", value_name = "CATEGORY")]
    categories: Vec<String>,
    /// Of this type: command, login-refused, alarm, ... (docs/AUDIT.md)
    #[arg(long = "type", value_name = "TYPE")]
    kinds: Vec<String>,
    /// Not before: 2026-11-23T06:00:00Z, 2026-11-23, today (UTC), or so long ago: 90s, 15m, 2h, 7d
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    /// Before, written likewise
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
}

/// How it ended, `result` of a record.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Verdict {
    /// success: allowed, or done
    Allowed,
    /// denied
    Denied,
    /// observed: against the policy, and let by
    Observed,
    /// failure of the gate itself
    Failed,
}

impl Only {
    /// The filter, at this time.
    pub(super) fn filter(&self, now: Time) -> Filter {
        let result = |verdict: &Verdict| match verdict {
            Verdict::Allowed => "success".to_owned(),
            Verdict::Denied => "denied".to_owned(),
            Verdict::Observed => "observed".to_owned(),
            Verdict::Failed => "failure".to_owned(),
        };
        let stamp = |when: Option<When>| when.map(|when| when.stamp(now));
        Filter {
            users: self.users.clone(),
            assets: self.assets.clone(),
            sessions: self.sessions.clone(),
            classes: self.classes.clone(),
            results: self.verdicts.iter().map(result).collect(),
            reasons: self.reasons.clone(),
            categories: self.categories.clone(),
            kinds: self.kinds.clone(),
            since: stamp(self.since),
            until: stamp(self.until),
        }
    }
}

/// `wicketgate audit tail`
#[derive(Debug, Args)]
#[command(after_help = "\
Reads the log's files, needs no gate, and disturbs none that is writing them. Of a record that is being
written nothing is shown before it is whole. The chain is not verified: `audit verify` does that.

Exit status: 0 all well; 1 a line was no record; 2 bad usage, or a log that cannot be read.")]
pub(crate) struct Tail {
    #[command(flatten)]
    pub(super) log: Log,
    /// Go on with what is written from now on, over files, until Ctrl-C
    #[arg(short, long)]
    pub(super) follow: bool,
    /// How many records
    #[arg(short = 'n', long = "lines", value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(super) lines: u32,
    #[command(flatten)]
    pub(super) only: Only,
    /// The records as they are: one JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

/// `wicketgate audit show`
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 it is there, and is what was hashed; 1 it is not there, or was changed; 2 bad usage, or a
log that cannot be read.")]
pub(crate) struct Show {
    /// The record: its number (`seq`) or its `id`
    #[arg(value_name = "SEQ|ID")]
    pub(super) record: String,
    #[command(flatten)]
    pub(super) log: Log,
    /// The record as it is
    #[arg(long)]
    pub(super) json: bool,
}

/// `wicketgate audit stats`
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 all well; 1 a line was no record; 2 bad usage, or a log that cannot be read.")]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(super) log: Log,
    #[command(flatten)]
    pub(super) only: Only,
    /// The figures as one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// `wicketgate audit export`
#[derive(Debug, Args)]
#[command(after_help = "\
docs/AUDIT.md says which field becomes what. Cells of CSV are never formulas.

Exit status: 0 all well; 1 a line was no record; 2 bad usage, or a log or FILE that cannot be read or
written.")]
pub(crate) struct Export {
    #[command(flatten)]
    pub(super) log: Log,
    /// The form of the records
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Form,
    /// Where they go, a new file; without, standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) only: Only,
}

/// `wicketgate audit test-syslog`
#[derive(Debug, Args)]
#[command(after_help = "\
Says what it sees step by step: addresses, connection, TLS and certificate, and that the record was sent and the
connection ended. Syslog has no acknowledgement: look for the record at the server. Needs no gate.

Exit status: 0 it was sent; 1 a step failed; 2 bad usage or config.")]
pub(crate) struct TestSyslog {
    /// The policy file, which has [audit.syslog]
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
}

/// A form.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Form {
    /// RFC 4180, one column a field
    Csv,
    /// Common Event Format
    Cef,
    /// Open Cybersecurity Schema Framework 1.3.0, one JSON object a line
    Ocsf,
    /// As they are
    Json,
}

impl From<Form> for Format {
    fn from(form: Form) -> Format {
        match form {
            Form::Csv => Format::Csv,
            Form::Cef => Format::Cef,
            Form::Ocsf => Format::Ocsf,
            Form::Json => Format::Json,
        }
    }
}
