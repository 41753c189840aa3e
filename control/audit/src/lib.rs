//! The audit log: one JSON object a line, each line holding the hash of the one before.
//!
//! `docs/AUDIT.md` is the schema and the contract; this crate writes it and checks it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`writer`] | [`LogWriter`]: a log of many files; what goes into which, checkpoints, retention |
//! | [`commit`] | [`Committer`]: blocks to the disk, waited for and acknowledged |
//! | [`resume`] | [`find()`]: a log that is there already, and its torn end |
//! | [`files`] | [`Files`], all that is done to files; [`FileName`] |
//! | [`log`] | [`AuditLog`]: records to any writer |
//! | [`mark`] | what a log tells of itself |
//! | [`signature`] | [`Signer`], [`PublicKey`]: who vouches for it |
//! | [`alarm`] | [`Alarm`]: what is wrong with the gate itself |
//! | [`budget`] | [`Budget`]: an asset whose frames are held for too long |
//! | [`act`] | [`Act`]: what people did, and what was done about what they may do |
//! | `record` | the fields of a record, in their order |
//! | `words` | the words that events become: category, type, result, table |
//! | `fields` | a record as JSON, field by field |
//! | `ascii` | JSON in printable ASCII: why no name can forge a line |
//! | `chain_writer` | records as sealed lines in a buffer |
//! | [`chain`] | [`chain::Hash`]: how a line is sealed and opened |
//! | `flow_fields` | what is the same in all commands of a flow, written once |
//! | `stamp` | the time of a record as text |
//! | `decimal`, `hex` | numbers as digits; bytes as hex digits, and back |
//! | [`recorded`] | [`Recorded`]: a command read back from its record |
//! | [`view`] | [`View`]: any record read back |
//! | [`reading`] | [`Lines`]: a log read while it may be written; its last records |
//! | [`filter`] | [`Filter`]: which records somebody wants |
//! | [`export`] | [`Format`]: CSV, CEF, OCSF |
//! | [`syslog`] | [`Syslog`]: records as messages of RFC 5424 |
//! | [`verify`](mod@verify) | [`verify()`]: names the first line that is wrong |
//! | `check`, [`fault`], [`trust`] | a log that is being checked; what can be wrong; what is known from elsewhere |
//! | `links`, [`tampering`] | what ties records; what was done where it does not hold |
//!
//! Invariant: the same events give the same bytes. No clock, no random number, no host name.

pub mod act;
pub mod alarm;
mod ascii;
pub mod budget;
pub mod chain;
mod chain_writer;
mod check;
pub mod commit;
mod decimal;
pub mod export;
pub mod fault;
mod fields;
pub mod files;
pub mod filter;
mod flow_fields;
mod hex;
mod links;
pub mod log;
pub mod mark;
pub mod reading;
mod record;
pub mod recorded;
pub mod resume;
pub mod signature;
mod stamp;
pub mod syslog;
pub mod tampering;
pub mod trust;
pub mod verify;
pub mod view;
mod words;
pub mod writer;

use std::fmt;

pub use act::{Act, Deed};
pub use alarm::Alarm;
pub use budget::Budget;
pub use chain::Hash;
pub use commit::Committer;
pub use export::Format;
pub use fault::{Fault, VerifyError};
pub use files::{Disk, FileName, Files};
pub use filter::Filter;
pub use log::AuditLog;
pub use mark::{State, Sums, WorkerSums};
pub use reading::{Lines, Position};
pub use record::Origin;
pub use recorded::Recorded;
pub use resume::{Found, find};
pub use signature::{PublicKey, Signer};
pub use syslog::Syslog;
pub use tampering::Tampering;
pub use trust::{Checkpoints, Trust};
pub use verify::{Verified, verify, verify_each, verify_log};
pub use view::View;
pub use writer::{Block, Keeping, LogWriter};

/// Version of the record format, in the first record of each log. It changes when a reader of the
/// old format would misread a new log; a new field or type of record does not change it.
pub const FORMAT: u32 = 1;

/// Longest name in a record, in bytes of UTF-8; what a config says beyond is left out.
pub const MAX_NAME: usize = 256;

/// Longest line that [`verify()`] reads, in bytes. More than [`AuditLog`] can write: seven names and a text
/// of which each byte becomes six, and all other fields.
pub const MAX_LINE: usize = 32 * 1024;

/// What a log amounts to.
///
/// Where the summary of a writer is kept apart from its log, comparing it with the summary of
/// [`verify()`] shows records cut off at the end, which no chain can show by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The gate's name.
    pub source: Box<str>,
    /// How many records, the `log-start` included; also the last record's `seq`.
    pub records: u64,
    /// The last record's hash.
    pub last: Hash,
}

impl fmt::Display for Summary {
    /// Safe to print: the name, which a forged log chooses freely, is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { source, records, last } = self;
        write!(f, "{records} records of \"{}\", last hash {last}", source.escape_default())
    }
}
