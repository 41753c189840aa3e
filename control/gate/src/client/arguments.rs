//! The commands that ask a running gate.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where the gate is asked, and how it is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct At {
    /// The control socket; without it $WICKETGATE_SOCKET, /run/wicketgate/control.sock or
    /// /var/lib/wicketgate/control.sock
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wicketgate login`
#[derive(Debug, Args)]
#[command(after_help = "\
Password and code are asked at the terminal and not shown, or are the first two lines of standard input.
Neither ever stands on a command line. The login's token is kept in $XDG_RUNTIME_DIR, or for root in
/run/wicketgate-login, readable for you alone; `wicketgate logout` removes it.

Exit status: 0 logged in; 1 refused; 2 no gate, or bad usage.")]
pub(crate) struct Login {
    /// The name to log in by
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    /// The address whose frames this login stands for, on a port that allows logins in clear; without it
    /// the login asks, approves and arms only
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) source: Option<IpAddr>,
    /// Prove the factors of the login that is there anew (step-up)
    #[arg(long, conflicts_with = "source")]
    pub(crate) again: bool,
    #[command(flatten)]
    pub(crate) at: At,
}

/// `wicketgate logout`
#[derive(Debug, Args)]
pub(crate) struct Logout {
    #[command(flatten)]
    pub(crate) at: At,
}

/// `wicketgate session`
#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// Sessions that are live
    List(At),
    /// One session: a live one, or out of the audit log with all that it did
    Show(Shown),
    /// One session out of the audit log, into files: its record (pcapng) and its transcript
    Export(Exported),
    /// Take a session back: its next frame is refused
    Revoke(Numbered),
    /// Who is logged in
    Logins(At),
    /// Take a login back: all its sessions end at once
    RevokeLogin(Numbered),
}

/// A thing by its number.
#[derive(Debug, Args)]
pub(crate) struct Numbered {
    /// Its number
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    #[command(flatten)]
    pub(crate) at: At,
}

/// Where what is over is told.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Past {
    /// The policy file of the gate: its audit log and its records
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The audit log: a file, or the folder of a log in many files
    #[arg(long, value_name = "LOG")]
    pub(crate) log: Option<PathBuf>,
    /// The folder of records: what a write replaced is looked up there
    #[arg(long, value_name = "FOLDER")]
    pub(crate) records: Option<PathBuf>,
}

impl Past {
    /// Whether an audit log is named.
    pub(crate) fn is_asked(&self) -> bool {
        self.config.is_some() || self.log.is_some()
    }
}

/// `wicketgate session show`
#[derive(Debug, Args)]
#[command(after_help = "\
Without --config or --log the gate at the control socket is asked, which knows live sessions only. Gates count
sessions anew at each start: of several with one number in a log the last is told. Whether the log is whole,
`wicketgate audit verify` says.

`(before 850)` is what the object written to was last seen to hold in this session's record: read from the device,
or written and not refused; numbers in Modbus, EtherNet/IP tags, S7 and OPC UA. Where none was seen, or there is no record, nothing is said.

Exit status: 0 all well; 1 there is no such session; 2 bad usage.")]
pub(crate) struct Shown {
    /// Its number
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    #[command(flatten)]
    pub(crate) past: Past,
    #[command(flatten)]
    pub(crate) at: At,
}

/// `wicketgate session export`
#[derive(Debug, Args)]
#[command(after_help = "\
The record opens in Wireshark: who, what and each verdict are comments in it.

Exit status: 0 all well; 1 there is no such session or no record of it; 2 bad usage.")]
pub(crate) struct Exported {
    /// Its number
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    #[command(flatten)]
    pub(crate) past: Past,
    /// Write its record here (pcapng)
    #[arg(short, long, value_name = "FILE", required_unless_present = "transcript")]
    pub(crate) output: Option<PathBuf>,
    /// Write its transcript here: one row a command
    #[arg(long, value_name = "FILE")]
    pub(crate) transcript: Option<PathBuf>,
}

/// `wicketgate grant`
#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// Grants and requests
    List(At),
    /// Ask for a grant, by the login that is there
    Request(Wanted),
    /// Say yes to another's request
    Approve(Numbered),
    /// Say no to another's request
    Deny(Denied),
    /// Give an own grant back
    GiveBack(Numbered),
    /// Take a grant back: its sessions end at once
    Revoke(Numbered),
}

/// `wicketgate grant request`, `wicketgate break-glass use`
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The rule's name
    #[arg(value_name = "RULE")]
    pub(crate) rule: String,
    /// The asset's name
    #[arg(value_name = "ASSET")]
    pub(crate) asset: String,
    /// What for
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) at: At,
}

/// `wicketgate grant deny`
#[derive(Debug, Args)]
pub(crate) struct Denied {
    /// The request's number
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) at: At,
}

/// `wicketgate break-glass`
#[derive(Debug, Subcommand)]
pub(crate) enum BreakGlass {
    /// What is armed
    List(At),
    /// Arm it for a rule and a role: expires by itself
    Arm(Arm),
    /// Break the glass: a grant at once, and an alarm
    Use(Wanted),
    /// Disarm it: grants by it end at once
    Disarm(Numbered),
}

/// `wicketgate break-glass arm`
#[derive(Debug, Args)]
pub(crate) struct Arm {
    /// The rule's name
    #[arg(value_name = "RULE")]
    pub(crate) rule: String,
    /// Which role of people may use it
    #[arg(value_name = "ROLE")]
    pub(crate) role: String,
    /// Hours that it stays armed, 168 at most
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    pub(crate) lifetime: u32,
    /// Minutes that a grant by it lasts, 480 at most
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub(crate) duration: u32,
    #[command(flatten)]
    pub(crate) at: At,
}

/// `wicketgate asset`
#[derive(Debug, Subcommand)]
pub(crate) enum Asset {
    /// Assets of the policy in force, with their MAC addresses as far as known
    List(At),
}

/// `wicketgate stats`
#[derive(Debug, Args)]
#[command(after_help = "\
Counters are from the gate's start; rates are over the last second. Latency is the gate's own time per
frame since the start, and is given per worker and per asset, beside the machine's own floor: a loop
without a gate, sampled on each worker's core while it has no frame. Assets with a `cycle` are held
against their budgets (docs/POLICY.md); in --json those without against cycles of 1 to 100 ms.")]
pub(crate) struct Stats {
    /// Once, and not every second
    #[arg(long)]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) at: At,
}

/// `wicketgate completions`
#[derive(Debug, Args)]
#[command(after_help = "\
bash: wicketgate completions bash > /usr/share/bash-completion/completions/wicketgate
zsh:  wicketgate completions zsh > /usr/local/share/zsh/site-functions/_wicketgate
fish: wicketgate completions fish > ~/.config/fish/completions/wicketgate.fish")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// A shell that completes commands.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}
