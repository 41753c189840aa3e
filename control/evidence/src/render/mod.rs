//! The report for people: a page of text, of Markdown, of HTML.

mod drawing;
mod html;
mod markdown;
mod text;

pub use html::html;
pub use markdown::markdown;
pub use text::text;

use crate::flows::Flow;
use crate::report::{Line, Report};

/// What the report is, and what it is not: on every page.
const NOTE: &str = "Each outcome comes of a check of this configuration, the gate that ran and its log, at the \
    time above. It says what these show, and is no certificate: docs/EVIDENCE.md.";

/// The columns of the information flows.
const FLOW: [&str; 8] =
    ["who", "asset", "zone", "protocol", "commands", "in detail", "needs", "by"];

/// One of them, by these columns.
fn columns(flow: &Flow) -> [String; 8] {
    let Flow { who, right, zone, asset, protocol, classes, allow, needs } = flow;
    let detail = allow.join("; ");
    let [who, asset, zone, protocol] = [who, asset, zone, protocol].map(Clone::clone);
    [who, asset, zone, protocol, classes.clone(), detail, needs.clone(), right.clone()]
}

/// `57 satisfied, 21 partly, ...`; what there is none of is left out.
fn summary(report: &Report) -> String {
    let counts = report.summary.iter().filter(|count| count.requirements > 0);
    let words: Vec<String> =
        counts.map(|count| format!("{} {}", count.requirements, count.outcome)).collect();
    format!("{} requirements: {}", report.requirements.len(), words.join(", "))
}

/// Where it was looked for: checks, and whose the rest is; or why nowhere.
fn why(line: &Line) -> String {
    let checks = line.checks.join(", ");
    match (line.rest, line.checks.is_empty()) {
        (None, _) => checks,
        (Some(rest), true) => rest.to_owned(),
        (Some(rest), false) => format!("{checks}; outside: {rest}"),
    }
}
