//! The policy file: read, checked, explained, and compiled into the engine's tables.
//!
//! What is not written is not allowed: a policy without rules compiles, and grants nothing. What is
//! written but cannot mean anything (an unknown name, an empty range, a rule that can never match)
//! is an error with its place in the file, and all errors are reported at once.
//!
//! ```text
//! text -> document -> topology, rights -> Policy -> compile(logins, now) -> engine Tables
//!                                              \-> explain() -> what `wicketgate check` prints
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`model`] | [`Policy`]: the file with every name resolved |
//! | [`compile`] | [`Policy::compile`]: policy and logins into tables of one epoch |
//! | [`conditions`] | [`Conditions`]: what a rule asks besides roles, factors and a window |
//! | [`mod@explain`] | [`explain()`]: who may do what on each asset |
//! | [`assertion`] | [`Assertions`]: sentences about the policy, read and judged |
//! | [`mod@diff`] | [`diff()`]: who gains and who loses what between two policies |
//! | [`trial`] | [`trial::ask`]: what the gate would say to one command |
//! | [`window`] | [`Weekly`]: opening hours in a time zone, laid out to stretches of time |
//! | [`preset`] | [`Preset`]: `view`, `operate`, `maintain`, `engineer` |
//! | [`diagnostic`] | [`Diagnostic`]: what is wrong, where, and what to do |
//! | [`control`] | [`Control`]: who may ask what of the control socket |
//! | [`tuning`] | [`Tuning`]: how the live gate uses the machine |
//! | [`syslog`] | [`Syslog`]: where records of the audit log are sent to |
//! | [`value`] | addresses, MACs, ranges, durations as they are written |
//! | `document` | the file's top level, in the order in which names are needed |
//! | `topology` | `[gate]`, `[[port]]`, `[[asset]]` |
//! | `cycle` | an asset's `cycle` and `budget` |
//! | `doors` | an asset's `protocols` |
//! | `rights` | `[[rule]]`, `[[conduit]]` |
//! | `allow` | the elements of an `allow` list |
//! | `selector` | the selectors of one element |
//! | `contradiction` | selectors that exclude each other |
//! | `catalog` | the functions of a protocol, to tell what an element can match |
//! | `denial` | `deny`: how a command is refused |
//! | [`record`] | `[record]`: whose sessions are recorded |
//! | `reader` | typed access to TOML that remembers which keys were asked for |
//! | `wording` | a matcher's entries in words |
//! | `suggest` | "did you mean" |
//!
//! The reference for whoever writes a policy is `docs/POLICY.md`.

mod allow;
pub mod assertion;
mod catalog;
pub mod compile;
pub mod conditions;
mod contradiction;
pub mod control;
mod cycle;
mod denial;
pub mod diagnostic;
pub mod diff;
mod document;
mod doors;
pub mod explain;
pub mod log;
pub mod metrics;
pub mod model;
mod namespaces;
mod nodes;
mod objects;
mod operands;
pub mod preset;
mod rate;
mod reader;
pub mod record;
mod rights;
mod selector;
mod suggest;
pub mod syslog;
mod topology;
pub mod trial;
pub mod tuning;
pub mod tunnel;
pub mod value;
pub mod window;
mod wording;

#[cfg(test)]
mod tests;

pub use assertion::{Assertions, Failure};
pub use compile::{Clocks, Compiled, Held, Holder, Login};
pub use conditions::Conditions;
pub use control::{Account, Control, ControlRole};
pub use diagnostic::{Diagnostic, Severity};
pub use diff::{Difference, diff};
pub use document::{parse, parse_assertions};
pub use explain::{Explanation, explain};
pub use log::Log;
pub use metrics::Metrics;
pub use model::{Asset, Conduit, Door, Factor, Gate, Policy, Port, Rule, Source};
pub use preset::Preset;
pub use record::Record;
pub use syslog::Syslog;
pub use tuning::{PortTuning, Queues, Room, Tuning};
pub use tunnel::Tunnel;
pub use value::Prefix;
pub use window::Weekly;
