//! `wicketgate audit tail`: the last records, and those that follow.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use wicketgate_audit::export::printable_json;
use wicketgate_audit::{Filter, Lines, Position, View, reading};

use super::arguments::Tail;
use super::line::line;
use super::records::{Read, unreadable};
use crate::exit::Exit;
use crate::output::{self, text};
use crate::run::clock;

/// Between two looks for more: so late, at most, is a record shown once it is written.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn run(arguments: &Tail) -> Result<Exit, String> {
    let path = arguments.log.path()?;
    let filter = arguments.only.filter(clock::wall());
    let wanted = |line: &[u8]| View::read(line).is_none_or(|view| filter.wants(&view));
    let last = reading::last(&path, arguments.lines as usize, wanted);
    let (found, end) = last.map_err(unreadable(&path))?;
    let mut read = Read::default();
    found.iter().for_each(|line| show(line, arguments.json, &filter, &mut read));
    if arguments.follow {
        follow(&path, end, |line| show(line, arguments.json, &filter, &mut read))?;
    }
    Ok(read.exit(&path))
}

fn show(record: &[u8], json: bool, filter: &Filter, read: &mut Read) {
    match View::read(record) {
        Some(view) if !filter.wants(&view) => {}
        Some(_) if json => {
            text(format_args!("{}", printable_json(&String::from_utf8_lossy(record))))
        }
        Some(view) => text(format_args!("{}", line(&view))),
        None => read.damaged += 1,
    }
}

/// Shows what is written from now on, until nobody reads it.
fn follow(path: &Path, from: Position, mut show: impl FnMut(&[u8])) -> Result<(), String> {
    let error = unreadable(path);
    let mut lines = Lines::open_at(path, from).map_err(&error)?;
    while !output::has_failed() {
        match lines.read().map_err(&error)? {
            Some(line) => show(line),
            None => sleep(LOOK),
        }
    }
    Ok(())
}
