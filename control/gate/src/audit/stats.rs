//! `wicketgate audit stats`: what is in a log, counted.

use std::collections::BTreeMap;

use serde::Serialize;
use wicketgate_audit::View;
use wicketgate_audit::export::printable;

use super::arguments::Stats;
use super::records::{Read, each};
use crate::exit::Exit;
use crate::output::{self, text};
use crate::run::clock;
use crate::table::Table;

/// Names that are counted each for itself, of each kind; what comes after them is counted together.
const NAMES: usize = 10_000;
/// Rows of a table that a person reads; all are in the JSON document.
const SHOWN: usize = 20;

pub(super) fn run(arguments: &Stats) -> Result<Exit, String> {
    let path = arguments.log.path()?;
    let filter = arguments.only.filter(clock::wall());
    let mut counted = Counted::default();
    let read = each(&path, &filter, |line, view| {
        counted.add(line, view);
        Ok(())
    })?;
    if arguments.json {
        output::json(&counted);
    } else {
        print(&counted, &read);
    }
    Ok(read.exit(&path))
}

/// How often each name stands in records.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
struct Names(BTreeMap<String, u64>);

impl Names {
    fn add(&mut self, name: Option<&str>) {
        let Some(name) = name else { return };
        if let Some(count) = self.0.get_mut(name) {
            *count += 1;
            return;
        }
        let name = if self.0.len() < NAMES { name } else { "(others)" };
        *self.0.entry(name.to_owned()).or_default() += 1;
    }

    /// The most frequent first.
    fn table(&self, title: &'static str, head: &'static str) -> Table {
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let mut table = Table::new(title, &[head, ">records"]);
        for (name, count) in rows.iter().take(SHOWN) {
            table.row([printable(name).collect(), count.to_string()]);
        }
        table.more(rows.len().saturating_sub(SHOWN) as u64);
        table
    }
}

/// What is in a log.
#[derive(Debug, Default, Serialize)]
struct Counted {
    records: u64,
    bytes: u64,
    first: Option<String>,
    last: Option<String>,
    types: Names,
    results: Names,
    users: Names,
    assets: Names,
    classes: Names,
    reasons: Names,
}

impl Counted {
    fn add(&mut self, line: &[u8], view: &View<'_>) {
        self.records += 1;
        self.bytes += line.len() as u64 + 1;
        let time = view.time();
        if self.first.as_deref().is_none_or(|first| time < first) {
            self.first = Some(time.to_owned());
        }
        if self.last.as_deref().is_none_or(|last| time > last) {
            self.last = Some(time.to_owned());
        }
        self.types.add(Some(view.kind()));
        self.results.add(Some(view.result()));
        self.users.add(view.text("user"));
        self.assets.add(view.text("asset"));
        self.classes.add(view.text("class"));
        self.reasons.add(view.text("reason"));
    }
}

fn print(counted: &Counted, read: &Read) {
    let Counted { records, bytes, first, last, .. } = counted;
    text(format_args!("{records} records, {bytes} bytes; {} files", read.files));
    if let Some((first, last)) = first.as_deref().zip(last.as_deref()) {
        let (first, last): (String, String) =
            (printable(first).collect(), printable(last).collect());
        text(format_args!("from {first} to {last}"));
    }
    counted.types.table("Types", "type").print();
    counted.results.table("Results", "result").print();
    counted.users.table("Users and conduits", "user").print();
    counted.assets.table("Assets", "asset").print();
    counted.classes.table("Classes of commands", "class").print();
    counted.reasons.table("Reasons", "reason").print();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_counted_all() {
        let mut names = Names::default();
        (0..NAMES + 5).for_each(|number| names.add(Some(&number.to_string())));
        names.add(Some("3"));
        assert_eq!(names.0.len(), NAMES + 1);
        assert_eq!((names.0["(others)"], names.0["3"]), (5, 2));
    }
}
