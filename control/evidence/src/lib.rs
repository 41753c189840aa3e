//! What a configuration, a running gate and its log show of the requirements of standards.
//!
//! Pure: facts in, report out. Nothing here opens a file, asks a gate or reads a clock, and no outcome is a
//! constant: each comes of a check, a function over the facts, that says which values it has seen.
//!
//! ```text
//! Facts -> checks -> findings -\
//!            catalog: requirement -> checks -> Report -> text, Markdown, HTML (JSON: serde)
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`facts`] | [`Facts`]: what is looked at |
//! | [`outcome`] | [`Outcome`], [`Finding`]: what a check says |
//! | [`checks`] | [`Check`]: people, rights, boundary, machines, log, gate, cryptography |
//! | [`catalog`] | [`Requirement`]: which checks answer which requirement |
//! | [`flows`] | who reaches what: the table, and the paragraph for a security plan |
//! | [`report`] | [`Report`]: all of it |
//! | [`render`] | the report for people |
//!
//! `docs/EVIDENCE.md` says how a report is read and what it does not prove.

pub mod catalog;
pub mod checks;
pub mod facts;
pub mod flows;
pub mod outcome;
pub mod render;
pub mod report;

pub use catalog::{Requirement, Standard};
pub use checks::Check;
pub use facts::Facts;
pub use outcome::{Finding, Outcome};
pub use report::Report;
