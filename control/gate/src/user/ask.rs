//! Asking at the terminal: what is typed is not shown, and never stands on a command line.

use std::io::{self, BufRead, IsTerminal, Write, stderr, stdin};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::api::secret::Secret;

/// Longest line that is taken, in bytes.
const LINE: usize = 4096;

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

/// A line.
pub(super) fn shown(prompt: &str) -> Result<Secret, String> {
    if is_terminal() {
        let _ = write!(stderr(), "{prompt}");
        let _ = stderr().flush();
    }
    read().map_err(said)
}

fn read() -> io::Result<Secret> {
    // Room for all: text that grows would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LINE));
    let mut input = stdin().lock();
    io::Read::take(&mut input, LINE as u64).read_until(b'\n', &mut line)?;
    let text = str::from_utf8(&line).map_err(io::Error::other)?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "nothing was typed")),
        text => Ok(Secret::new(text.to_owned())),
    }
}

fn said(error: io::Error) -> String {
    format!("standard input: {error}")
}

/// A terminal that does not show what is typed, until this is dropped.
struct Quiet(Termios);

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
