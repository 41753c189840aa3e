//! Records of sessions: the inner traffic of each as a pcapng, with what was judged in comments (ADR 19).
//!
//! | file | what it holds |
//! |---|---|
//! | `keeper.rs` | the records that are open, by session |
//! | `file.rs` | one record, on its way to the disk |
//! | `comments.rs` | what its comments say |
//! | `retention.rs` | which records are kept |
//!
//! Whoever takes copies out of engines hands them to a [`Keeper`]: the thread of a running gate, or a replay.

mod comments;
mod file;
mod keeper;
pub(crate) mod retention;

pub(crate) use file::{FILE_TYPE, Missing};
pub(crate) use keeper::{Ending, Keeper};
