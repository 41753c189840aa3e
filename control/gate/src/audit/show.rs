//! `wicketgate audit show`: one record, field by field.

use std::io;
use std::path::{Path, PathBuf};

use wicketgate_audit::export::{printable, printable_json};
use wicketgate_audit::{Disk, Lines, Position, View, chain, files};

use super::arguments::Show;
use super::records::unreadable;
use crate::exit::{Exit, complain};
use crate::output::text;
use crate::reasons;
use crate::table::Table;

pub(super) fn run(arguments: &Show) -> Result<Exit, String> {
    let path = arguments.log.path()?;
    let seq = seq(&arguments.record)?;
    let is_it = |view: &View<'_>| match arguments.record.contains('-') {
        true => view.text("id") == Some(&*arguments.record),
        false => view.seq() == seq,
    };
    let Some(record) = find(&path, seq, is_it).map_err(unreadable(&path))? else {
        complain(format_args!("{}: there is no record {}", path.display(), arguments.record));
        return Ok(Exit::Finding);
    };
    let holds = chain::is_sealed(&record);
    if arguments.json {
        text(format_args!("{}", printable_json(&String::from_utf8_lossy(&record))));
    } else if let Some(view) = View::read(&record) {
        print(&view);
    }
    if !holds {
        complain("the record is not what was hashed: it was changed");
    }
    Ok(if holds { Exit::Success } else { Exit::Finding })
}

/// The number in `4`, or in `161c644cd9fa9c88-4`.
fn seq(record: &str) -> Result<u64, String> {
    let number = record.rsplit_once('-').map_or(record, |(_, number)| number);
    number.parse().map_err(|_| format!("`{record}` is neither the number nor the id of a record"))
}

/// The record, from the last file on whose first record is not behind it.
fn find(path: &Path, seq: u64, is_it: impl Fn(&View<'_>) -> bool) -> io::Result<Option<Vec<u8>>> {
    let mut lines = Lines::open_at(path, begin(path, seq)?)?;
    while let Some(line) = lines.read()? {
        if View::read(line).is_some_and(|view| is_it(&view)) {
            return Ok(Some(line.to_vec()));
        }
    }
    Ok(None)
}

fn begin(path: &Path, seq: u64) -> io::Result<Position> {
    let names = if path.is_dir() { files::of_log(&mut Disk::new(path))? } else { Vec::new() };
    let mut from = None;
    for name in names {
        let file: PathBuf = path.join(name.to_string());
        let first = Lines::open(&file)?.read()?.and_then(View::read).map(|view| view.seq());
        if first.is_some_and(|first| first > seq) {
            break;
        }
        from = Some(name);
    }
    Ok(Position { file: from, offset: 0 })
}

fn print(view: &View<'_>) {
    let mut table = Table::new("", &["field", "value"]);
    for (key, value) in view.fields() {
        table.row([key.to_owned(), printable(&value.to_string()).collect()]);
    }
    table.print();
    reasons::print_legend(view.text("reason").into_iter());
}
