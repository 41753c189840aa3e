//! The text format of Prometheus (version 0.0.4), written plainly.
//!
//! A client library keeps counters of its own behind atomics, to be told of each thing that happens. Here workers
//! count already, and tell when they are asked; what is left is to write lines (ADR 0017).

use std::fmt::{self, Write};

/// The content type (Prometheus, Exposition formats).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family of metrics is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        }
    }
}

/// A label: its name and its value.
pub(crate) type Label<'l> = (&'static str, &'l str);

/// A page that is being written.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

/// One family: all its samples stand together (Exposition formats, "Grouping and sorting").
#[derive(Debug)]
pub(crate) struct Family<'p> {
    page: &'p mut String,
    name: &'static str,
}

impl Page {
    /// The page so far.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// Begins a family. Counters' names end in `_total`.
    pub(crate) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        // A String takes whatever is written to it.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {}\n", kind.word());
        Family { page: &mut self.0, name }
    }

    /// A family of one sample without labels.
    pub(crate) fn single(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &str,
        value: impl fmt::Display,
    ) {
        self.family(name, kind, help).sample(&[], value);
    }
}

impl Family<'_> {
    /// A sample.
    pub(crate) fn sample(&mut self, labels: &[Label<'_>], value: impl fmt::Display) {
        self.part("", labels, value);
    }

    /// A sample of a histogram or summary: `_bucket`, `_sum`, `_count`.
    pub(crate) fn part(&mut self, suffix: &str, labels: &[Label<'_>], value: impl fmt::Display) {
        let _ = write!(self.page, "{}{suffix}", self.name);
        for (at, (name, value)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(self.page, "{before}{name}=\"{}\"", Escaped(value));
        }
        let _ = writeln!(self.page, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

/// A label's value: backslash, quote and line feed are escaped.
struct Escaped<'v>(&'v str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '\\' => f.write_str(r"\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str(r"\n"),
            letter => f.write_char(letter),
        })
    }
}
