//! Asking at the terminal: what is typed is not shown, and never stands on a command line.

use std::io::{self, BufRead, IsTerminal, Write, stderr, stdin};
use std::thread::sleep;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use zeroize::Zeroizing;

use crate::api::secret::Secret;

/// Longest line that is taken, in bytes.
const LINE: usize = 4096;

/// Between two looks whose a terminal is.
const WHILE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Whether somebody sits there; else lines are read as they come.
pub(crate) fn is_terminal() -> bool {
    stdin().is_terminal()
}

/// What somebody at the terminal answers; `None` where nobody sits there.
pub(crate) fn question(prompt: &str) -> Option<String> {
    let answer = is_terminal().then(|| shown(prompt).ok()).flatten()?;
    Some(answer.expose().trim().to_owned())
}

/// A line, not shown while it is typed.
pub(crate) fn hidden(prompt: &str) -> Result<Secret, String> {
    let quiet = if is_terminal() { Some(Quiet::begin().map_err(said)?) } else { None };
    let line = shown(prompt);
    if quiet.is_some() {
        // The end of line was not shown either.
        let _ = writeln!(stderr());
    }
    line
}

/// Has a terminal not show what is typed, until this is dropped; `None` where there is none.
pub(crate) fn quiet() -> Option<Quiet> {
    is_terminal().then(Quiet::begin)?.ok()
}

/// The next line, be it empty; `None` where there is no more.
pub(crate) fn line() -> Option<Secret> {
    while is_terminal() && !has_line() {}
    next().ok().flatten()
}

/// Whether somebody has typed a line for this program, within a while. A terminal that is another's just now
/// would stop whoever reads from it (termios(3), "Job control").
fn has_line() -> bool {
    let input = stdin();
    let mut wait = [PollFd::new(&input, PollFlags::IN)];
    let typed = poll(&mut wait, Some(&WHILE)).is_ok_and(|ready| ready > 0);
    let ours = tcgetpgrp(&input).is_ok_and(|group| group == getpgrp());
    if typed && !ours {
        sleep(Duration::from_secs(1));
    }
    typed && ours
}

/// A line.
pub(super) fn shown(prompt: &str) -> Result<Secret, String> {
    if is_terminal() {
        say(prompt);
    }
    read().map_err(said)
}

/// Says something, without an end of line.
pub(crate) fn say(what: &str) {
    let _ = write!(stderr(), "{what}");
    let _ = stderr().flush();
}

fn read() -> io::Result<Secret> {
    let line = next()?.filter(|line| !line.expose().is_empty());
    line.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "nothing was typed"))
}

/// The next line; `None` where there is no more.
fn next() -> io::Result<Option<Secret>> {
    // Room for all: text that grows would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LINE));
    let mut input = stdin().lock();
    io::Read::take(&mut input, LINE as u64).read_until(b'\n', &mut line)?;
    let text = str::from_utf8(&line).map_err(io::Error::other)?;
    let line = text.trim_end_matches(['\r', '\n']);
    Ok((!text.is_empty()).then(|| Secret::new(line.to_owned())))
}

fn said(error: io::Error) -> String {
    format!("standard input: {error}")
}

/// A terminal that does not show what is typed, until this is dropped.
pub(crate) struct Quiet(Termios);

impl Quiet {
    fn begin() -> io::Result<Quiet> {
        let before = tcgetattr(stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Quiet(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.0);
    }
}
