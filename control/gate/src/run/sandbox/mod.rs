//! What a running gate gives up (docs/HARDENING.md).
//!
//! ```text
//!   sockets open, program attached
//!        -> privileges   capabilities, user, no new ones
//!        -> files        Landlock: read the config, nothing else
//!        -> calls        seccomp: the system calls of the loop, nothing else
//!   threads are made, frames flow
//! ```
//!
//! Each step binds the thread that takes it and those that it makes, so it is taken while there is one.

mod calls;
mod files;
mod privileges;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

pub(super) use privileges::User;

use super::audit::Place;
use super::syslog::Syslog;
use crate::cli;
use crate::config;
use crate::exit::complain;

/// The threads of this process (proc_pid_task(5)).
const THREADS: &str = "/proc/self/task";

/// A fence that the kernel may not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fence {
    Up,
    /// An older kernel: up as far as that knows it.
    Partly,
    Absent,
}

/// Gives up whatever a gate that runs does not need; besides its config it will read the files `again`, and
/// it goes on writing the log, and connecting to the syslog server where there is one.
/// There is no way back.
///
/// # Errors
/// Some of it could not be given up, or the gate could not read its config again.
pub(super) fn enter(
    arguments: &cli::Run,
    user: Option<&User>,
    again: &[PathBuf],
    log: &[Place],
    syslog: Option<&Syslog>,
) -> Result<(), String> {
    check_alone()?;
    give_up(arguments, user, again, log, syslog)
}

fn give_up(
    arguments: &cli::Run,
    user: Option<&User>,
    again: &[PathBuf],
    log: &[Place],
    syslog: Option<&Syslog>,
) -> Result<(), String> {
    let kept = privileges::drop_to(user)?;
    complain(format_args!("privileges given up but for {kept}"));
    if arguments.no_sandbox {
        complain("NO SANDBOX, as asked: files and system calls are not fenced");
    } else {
        fence(&arguments.config, again, log, syslog)?;
    }
    check_reload(&arguments.config)
}

/// A thread that runs already would keep all that this one gives up.
fn check_alone() -> Result<(), String> {
    match fs::read_dir(THREADS).map(Iterator::count) {
        Ok(1) => Ok(()),
        Ok(count) => Err(format!("{count} threads run before privileges are given up")),
        Err(error) => Err(format!("{THREADS}: {error}; is /proc there?")),
    }
}

fn fence(
    config: &Path,
    again: &[PathBuf],
    log: &[Place],
    syslog: Option<&Syslog>,
) -> Result<(), String> {
    let port = syslog.and_then(Syslog::tcp_port);
    let files =
        files::fence(config, again, log, port).map_err(|error| format!("Landlock: {error}"))?;
    let calls = calls::fence(syslog.is_some()).map_err(|error| format!("seccomp: {error}"))?;
    say(
        files,
        "files are fenced by Landlock",
        "files are NOT fenced: it has no Landlock (Linux 5.13)",
    );
    say(
        calls,
        "system calls are fenced by seccomp",
        "system calls are NOT fenced: it has no seccomp",
    );
    Ok(())
}

fn say(fence: Fence, up: &str, absent: &str) {
    match fence {
        Fence::Up => complain(up),
        Fence::Partly => complain(format_args!("{up}, as far as this kernel can")),
        Fence::Absent => complain(format_args!("this kernel is old: {absent}")),
    }
}

/// A gate that cannot read its config any more would find out at the next reload: say it now.
fn check_reload(path: &Path) -> Result<(), String> {
    config::load(path).map(drop).map_err(|what| {
        format!("without its privileges the gate could not read the config again:\n{what}")
    })
}
