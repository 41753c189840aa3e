//! `[tests]`: sentences that a policy must make true.
//!
//! ```toml
//! [tests]
//! zone   = "Europe/Paris"
//! people = { alice = { roles = ["maintenance"], factors = ["password", "totp"] } }
//! assert = [
//!   "alice may write HR 105 = 900 on press-3 at mon 09:00; may not at sun",
//!   "alice may not write HR 105 = 1501 on press-3 at mon 09:00 because value-denied",
//! ]
//! ```
//!
//! A sentence becomes the bytes of a request, as a device would get them, and is judged by
//! [`crate::trial::ask`] on tables compiled for that time.
//!
//! | module | what it holds |
//! |---|---|
//! | `read` | the table `[tests]` |
//! | `words` | a sentence as words, each with its place |
//! | `sentence` | the grammar |
//! | `command` | the part of it that says what is asked for |
//! | `request` | a command as the bytes of its request |
//! | `when` | times of a sentence |
//! | [`hold`] | [`Assertions::failures`]: which sentences are not true |

mod command;
pub mod hold;
pub(crate) mod read;
mod request;
mod sentence;
mod when;
mod words;

use jiff::tz::TimeZone;
use wicketgate_dissectors::Protocol;
use wicketgate_engine::Reason;
use wicketgate_engine::tables::{AssetId, RuleId, Window};

use crate::diagnostic::Diagnostic;
use crate::model::Factor;
use crate::trial::Request;

pub use hold::Failure;
pub(crate) use read::read;

/// What a policy must make true.
#[derive(Clone, Debug, Default)]
pub struct Assertions {
    pub(crate) people: Vec<Person>,
    pub(crate) list: Vec<Assertion>,
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Assertions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What holds, but may not be what was meant; of `[tests]` in a policy, the policy tells it.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

/// One of `people`.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) factors: Vec<Factor>,
}

/// One sentence, or one part of it between semicolons.
#[derive(Clone, Debug)]
pub(crate) struct Assertion {
    pub(crate) who: Who,
    pub(crate) asset: AssetId,
    pub(crate) protocol: Protocol,
    /// The door's port, where the sentence names it.
    pub(crate) port: Option<u16>,
    pub(crate) request: Request,
    pub(crate) when: Vec<Window>,
    /// In whose words failures tell the time.
    pub(crate) zone: TimeZone,
    pub(crate) expected: Expected,
    /// Its place, to which a failure adds what is wrong.
    pub(crate) place: Diagnostic,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Index into `people`.
    Person(usize),
    /// Index into the policy's conduits.
    Machine(usize),
}

/// What the sentence says that the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Yes, if a rule is named by that one.
    May(Option<RuleId>),
    /// No, if a reason is named for that one.
    MayNot(Option<Reason>),
}
