//! Tables on a terminal.

use crate::output::text;

/// A table: a title, columns as wide as they need to be.
pub(crate) struct Table {
    title: &'static str,
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    more: u64,
}

struct Column {
    head: &'static str,
    right: bool,
}

impl Table {
    /// A table with these columns; a leading `>` sets one to the right.
    pub(crate) fn new(title: &'static str, heads: &[&'static str]) -> Table {
        let column = |head: &&'static str| match head.strip_prefix('>') {
            Some(head) => Column { head, right: true },
            None => Column { head, right: false },
        };
        let columns = heads.iter().map(column).collect();
        Table { title, columns, rows: Vec::new(), more: 0 }
    }

    /// Adds a row.
    pub(crate) fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(|cell| cell.as_ref().to_owned()).collect());
    }

    /// Says that this many rows are not shown.
    pub(crate) fn more(&mut self, rows: u64) {
        self.more = rows;
    }

    /// Prints it; nothing where it has no rows.
    pub(crate) fn print(&self) {
        if self.rows.is_empty() {
            return;
        }
        text(format_args!("\n{}", self.title));
        let heads: Vec<String> = self.columns.iter().map(|column| column.head.to_owned()).collect();
        let widths = self.widths(&heads);
        for row in std::iter::once(&heads).chain(&self.rows) {
            text(format_args!("  {}", self.line(row, &widths).trim_end()));
        }
        if self.more > 0 {
            text(format_args!("  ... and {} more", self.more));
        }
    }

    fn widths(&self, heads: &[String]) -> Vec<usize> {
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at)).chain(heads.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..heads.len()).map(width).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells = row.iter().zip(widths).zip(&self.columns).map(|((cell, width), column)| {
            if column.right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        cells.collect::<Vec<_>>().join("  ")
    }
}
