//! The command line (DESIGN 4).

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::audit::arguments as audit;
use crate::bench::arguments::Bench;
use crate::client::arguments as client;
use crate::connect::arguments::Connect;
use crate::decode_as::DecodeAs;
use crate::policy::user::UserArgument;
use crate::replay::login::LoginArgument;

/// Agent-free Zero Trust gate for industrial plants.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put captures through the gate, command by command
    Replay(Replay),
    /// The gate itself: forward and judge a plant's traffic
    Run(Run),
    /// Validate and explain a config
    Check(Check),
    /// Ask a policy: test it, compare it, replay what was recorded
    Policy {
        #[command(subcommand)]
        command: Policy,
    },
    /// Users: add, list, disable, reset, with or without a gate that runs
    User {
        #[command(subcommand)]
        command: User,
    },
    /// The user's end of a tunnel: log in at a gate from afar
    Connect(Connect),
    /// Log in at a running gate, or prove factors anew
    Login(client::Login),
    /// Log out
    Logout(client::Logout),
    /// Who uses the gate now: list, show, revoke
    Session {
        #[command(subcommand)]
        command: client::Session,
    },
    /// Grants: ask, approve, deny, take back
    Grant {
        #[command(subcommand)]
        command: client::Grant,
    },
    /// A way past approval and window, armed beforehand
    BreakGlass {
        #[command(subcommand)]
        command: client::BreakGlass,
    },
    /// Assets of a running gate
    Asset {
        #[command(subcommand)]
        command: client::Asset,
    },
    /// Counters, rates and latency of a running gate, every second
    Stats(client::Stats),
    /// Figures of this machine: the engine, its jitter, the audit log
    Bench(Bench),
    /// What a shell completes, for its configuration
    Completions(client::Completions),
    /// Decode every industrial PDU of captures
    Dissect(Dissect),
    /// Audit logs: check, read, count, export
    Audit {
        #[command(subcommand)]
        command: Audit,
    },
    /// What configuration, gate and log show of IEC 62443, NIST SP 800-171 and NIS2
    Evidence(Evidence),
    /// Write the manual pages
    #[command(hide = true)]
    Man(Man),
}

/// `wicketgate dissect`
#[derive(Debug, Args)]
#[command(after_help = "\
PDUs go to standard output, the summary of each capture to standard error.

Exit status: 0 all well; 1 a capture is cut or damaged (what comes before was read); 2 bad usage or
input.")]
pub(crate) struct Dissect {
    /// Captures: pcap or pcapng
    #[arg(required = true, value_name = "CAPTURE")]
    pub(crate) captures: Vec<PathBuf>,
    /// One JSON object a PDU, in the form of the truth files
    #[arg(long)]
    pub(crate) json: bool,
    /// What is spoken on a port that is not the protocol's own
    #[arg(long, value_name = "PORT=PROTOCOL")]
    pub(crate) decode_as: Vec<DecodeAs>,
}

/// `wicketgate replay`
#[derive(Debug, Args)]
#[command(after_help = "\
Without --config every server in the captures becomes an asset, everything is forwarded, and observed.

A pcapng whose interface names are the config's port names is taken as it is, frame by frame.
Any other capture is a tap on the plant's wire: the gate is put in its middle.

Exit status: 0 all well; 1 a capture is cut or damaged, or Ctrl-C came (what comes before was
replayed); 2 bad usage, input or config.")]
pub(crate) struct Replay {
    /// Captures, one after the other: pcap or pcapng
    #[arg(required = true, value_name = "CAPTURE")]
    pub(crate) captures: Vec<PathBuf>,
    /// The policy file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Who a source address is; without roles, the user has the role of the same name
    #[arg(long = "login", value_name = "ADDRESS=USER[:ROLE,...]", requires = "config")]
    pub(crate) logins: Vec<LoginArgument>,
    /// The report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the audit log: one JSON object a line, chained
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// Write one plain line for each thing that happened; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) transcript: Option<PathBuf>,
    /// Write the frames that left the gate, each on the port it left by (pcapng)
    #[arg(long, value_name = "PCAP")]
    pub(crate) out: Option<PathBuf>,
    /// Write a record of each session into this folder: of those that the config has recorded; without a
    /// config, of all
    #[arg(long, value_name = "FOLDER")]
    pub(crate) record: Option<PathBuf>,
    /// Work out wrong checksums anew instead of dropping these frames, as without a config: for
    /// captures whose addresses were made anonymous
    #[arg(long)]
    pub(crate) complete_checksums: bool,
    /// What is spoken on a port, when there is no config to say so
    #[arg(long, value_name = "PORT=PROTOCOL", conflicts_with = "config")]
    pub(crate) decode_as: Vec<DecodeAs>,
    /// Connections read at a time, 26 KiB of memory each, instead of what the config's `inspected` says (4096 where
    /// it says nothing); more are refused, as by a worker of a running gate
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub(crate) inspected: Option<u32>,
}

impl Replay {
    /// One capture without a config, and nothing written; wrong checksums are the capture's.
    pub(crate) fn observing(capture: &Path) -> Replay {
        Replay {
            captures: vec![capture.to_owned()],
            config: None,
            logins: Vec::new(),
            json: false,
            audit: None,
            transcript: None,
            out: None,
            record: None,
            complete_checksums: true,
            decode_as: Vec::new(),
            inspected: None,
        }
    }
}

/// `wicketgate run`
#[derive(Debug, Args)]
#[command(after_help = "\
Needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF; gives up what it does not need once all is open.
Under systemd it says when it is ready and that it lives.

SIGTERM and Ctrl-C stop the gate; what it did is then reported. SIGHUP reads the config again: a bad one
changes nothing.

Exit status: 0 all well; 1 the gate had to stop by itself, or its audit log broke off; 2 bad usage,
config or interface.")]
pub(crate) struct Run {
    /// The policy file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Where the audit log goes, a new file; without it, on with the log in the config's state_dir
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// The report at the end as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// Run each worker on its core of these, and on no other, and all else elsewhere; instead of the config's `cores`
    #[arg(long, value_name = "NUMBER,...", value_delimiter = ',')]
    pub(crate) core: Vec<usize>,
    /// Never sleep: for cores that are the workers' alone
    #[arg(long)]
    pub(crate) spin: bool,
    /// Go on as this user once all is open, with the capabilities that a running gate needs
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Fence neither files nor system calls: to look for a fault
    #[arg(long)]
    pub(crate) no_sandbox: bool,
}

/// `wicketgate check`
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 all well; 1 an assertion of its [tests] does not hold; 2 bad usage or config.")]
pub(crate) struct Check {
    /// The policy file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The explanation as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wicketgate policy`
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Judge the assertions that stand beside a policy
    Test(PolicyTest),
    /// Who gains and who loses what from one policy to another
    Diff(PolicyDiff),
    /// Which recorded commands a policy would judge otherwise
    Replay(PolicyReplay),
    /// Who may do what on each asset
    Show(PolicyShow),
    /// Have a running gate read its policy again; a bad one changes nothing
    Reload(client::At),
}

/// `wicketgate policy test`
#[derive(Debug, Args)]
#[command(after_help = "\
An assertion is a sentence in the table [tests] of a policy, or of a file of its own:

  alice may write HR 105 = 900 on press-3 at mon 09:00; may not at sun

docs/POLICY.md has the grammar. `check`, the start of `run` and each reload judge a policy's own.

Exit status: 0 all hold; 1 one does not; 2 bad usage, policy or sentence.")]
pub(crate) struct PolicyTest {
    /// The policy file; with --config, a file that holds nothing but its table of tests
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The policy that FILE is about
    #[arg(long, value_name = "POLICY")]
    pub(crate) config: Option<PathBuf>,
    /// The outcome as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wicketgate policy diff`
#[derive(Debug, Args)]
#[command(after_help = "\
What a policy gives is compared, not how it is written: order, names of rules and ranges written
another way make no difference. Windows are compared over the year 2026.

Exit status: 0 both give the same; 1 they differ; 2 bad usage or policy.")]
pub(crate) struct PolicyDiff {
    /// The policy before
    #[arg(value_name = "A")]
    pub(crate) before: PathBuf,
    /// The policy after
    #[arg(value_name = "B")]
    pub(crate) after: PathBuf,
    /// The difference as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wicketgate policy replay`
#[derive(Debug, Args)]
#[command(after_help = "\
An audit log says how each command was judged: the policy is held against that, or against --against.
Its chain is verified on the way, and what stands behind a break is not believed. A capture says
nothing of verdicts, so it needs --against.

Exit status: 0 nothing would be judged otherwise; 1 something would, or the log or capture is damaged;
2 bad usage, input or policy.")]
pub(crate) struct PolicyReplay {
    /// The policy that is asked
    #[arg(value_name = "POLICY")]
    pub(crate) policy: PathBuf,
    /// What was recorded: an audit log (a file, or the folder of a log in many files), or a capture
    /// (pcap or pcapng)
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    /// Compare with what this policy says, and not with what was recorded
    #[arg(long, value_name = "POLICY")]
    pub(crate) against: Option<PathBuf>,
    /// The roles of a user of the audit log; without, a user has the role of the same name
    #[arg(long = "user", value_name = "USER:ROLE[,...]")]
    pub(crate) users: Vec<UserArgument>,
    /// Who a source address of the capture is; without roles, the user has the role of the same name
    #[arg(long = "login", value_name = "ADDRESS=USER[:ROLE,...]")]
    pub(crate) logins: Vec<LoginArgument>,
    /// What changes as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wicketgate policy show`
#[derive(Debug, Args)]
pub(crate) struct PolicyShow {
    /// The policy file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only this asset
    #[arg(long, value_name = "NAME")]
    pub(crate) asset: Option<String>,
    /// Only what this role gives
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wicketgate user`
///
/// Asks the gate that runs, as one who has the role admin at its socket; where none runs, changes the store
/// itself, as root or as whoever owns it.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Add a user with a password and TOTP
    Add(UserAdd),
    /// All users
    List(UserList),
    /// Let a user log in no more; what the user has now ends
    Disable(Who),
    /// Let a user log in again
    Enable(Who),
    /// Forget a user's failures: the way out of a lockout
    Unlock(Who),
    /// Remove a user with all factors
    Remove(Who),
    /// Give a user these roles instead of those before
    Roles(UserRoles),
    /// Take a factor from a user, to be enrolled anew
    Reset(UserReset),
    /// Give a user the first password, or the first after a reset
    Password(Who),
    /// Give a user TOTP: shows a QR code and asks for the first code
    EnrolTotp(Who),
    /// Ten new recovery codes, shown once
    RecoveryCodes(Who),
    /// Give a user a client certificate, to be shown by `connect`
    Certificate(UserCertificate),
}

impl User {
    pub(crate) fn place(&self) -> &Place {
        match self {
            User::Add(UserAdd { who, .. })
            | User::Certificate(UserCertificate { who, .. })
            | User::Roles(UserRoles { who, .. })
            | User::Reset(UserReset { who, .. })
            | User::Disable(who)
            | User::Enable(who)
            | User::Unlock(who)
            | User::Remove(who)
            | User::Password(who)
            | User::EnrolTotp(who)
            | User::RecoveryCodes(who) => &who.place,
            User::List(list) => &list.place,
        }
    }
}

/// Whose users.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Place {
    /// The gate of this policy file; where it does not run, the users in its state_dir
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The gate that keeps its state in this folder; where it does not run, the users in it
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state_dir: Option<PathBuf>,
    /// The gate at this control socket, which must run; without all three $WICKETGATE_SOCKET,
    /// /run/wicketgate/control.sock or /var/lib/wicketgate/control.sock
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

/// Which user.
#[derive(Debug, Args)]
pub(crate) struct Who {
    /// The name to log in by: a-z, 0-9 and . _ - @
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `wicketgate user add`
#[derive(Debug, Args)]
#[command(after_help = "\
The password is asked at the terminal and not shown, or is the first line of standard input; the code of
the authenticator app is asked after it. Neither ever stands on a command line.")]
pub(crate) struct UserAdd {
    #[command(flatten)]
    pub(crate) who: Who,
    /// The user administers users and arms break-glass
    #[arg(long)]
    pub(crate) admin: bool,
    /// A role of the policy
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// The full name
    #[arg(long, value_name = "TEXT")]
    pub(crate) full_name: Option<String>,
    /// Whose account it is, where a person has several
    #[arg(long, value_name = "TEXT")]
    pub(crate) person: Option<String>,
    /// No TOTP for now
    #[arg(long)]
    pub(crate) no_totp: bool,
}

/// `wicketgate user list`
#[derive(Debug, Args)]
pub(crate) struct UserList {
    #[command(flatten)]
    pub(crate) place: Place,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wicketgate user roles`
#[derive(Debug, Args)]
pub(crate) struct UserRoles {
    #[command(flatten)]
    pub(crate) who: Who,
    /// A role of the policy; none leaves the user without
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
}

/// `wicketgate user certificate`
#[derive(Debug, Args)]
pub(crate) struct UserCertificate {
    #[command(flatten)]
    pub(crate) who: Who,
    /// The certificate in PEM; of several in the file the first. Its authority must be one of
    /// those that `clients` of the policy's tunnel names
    #[arg(value_name = "FILE")]
    pub(crate) certificate: PathBuf,
    /// What it is called in lists
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) label: String,
}

/// `wicketgate user reset`
#[derive(Debug, Args)]
pub(crate) struct UserReset {
    #[command(flatten)]
    pub(crate) who: Who,
    /// password, totp (with the recovery codes) or certificate (all of them)
    #[arg(long, value_name = "FACTOR")]
    pub(crate) factor: String,
}

/// `wicketgate audit`
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check that no record of a log was changed, removed, inserted or moved
    Verify(AuditVerify),
    /// The last records, and those that follow
    Tail(audit::Tail),
    /// One record, field by field
    Show(audit::Show),
    /// What is in a log, counted
    Stats(audit::Stats),
    /// Records as CSV, CEF, OCSF or JSON
    Export(audit::Export),
    /// Send one test record to the syslog server of a policy
    TestSyslog(audit::TestSyslog),
}

/// `wicketgate audit verify`
#[derive(Debug, Args)]
#[command(after_help = "\
Records cut off at the end leave a log that is whole: compare it with checkpoints, or a last hash, kept
elsewhere. A log that a gate is writing may end in the middle of a record.

Exit status: 0 each log is whole; 1 a log is not, and the first wrong record is named; 2 a file cannot
be opened.")]
pub(crate) struct AuditVerify {
    /// Logs, each by itself: a file, or the folder of a log in many files
    #[arg(required = true, value_name = "LOG")]
    pub(crate) logs: Vec<PathBuf>,
    /// The gate's public key (audit.pub): each checkpoint must be signed by it
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Checkpoints that were kept elsewhere: each must be in the log
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoints: Option<PathBuf>,
}

/// `wicketgate evidence`
#[derive(Debug, Args)]
#[command(after_help = "\
Looks at the policy file and what its compiled tables answer, the users, the gate that runs, its audit log
with every record, and the program. What cannot be looked at is said, with why. No secret is shown.
docs/EVIDENCE.md says how to read it, and what it does not prove.

Exit status: 0 nothing is \"not satisfied\"; 1 something is; 2 bad usage or config.")]
pub(crate) struct Evidence {
    /// The policy file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The audit log, a file or the folder of a log in many files; without it, the one in the config's
    /// state_dir
    #[arg(long, value_name = "LOG")]
    pub(crate) audit: Option<PathBuf>,
    /// What is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: EvidenceFormat,
    /// Where; standard output without it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// How evidence is written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum EvidenceFormat {
    /// For a terminal.
    Text,
    /// Markdown.
    Md,
    /// One HTML file that needs no other, and prints.
    Html,
    /// One JSON document.
    Json,
}

/// `wicketgate man`
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Where the pages go
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}
