//! For a document.

use std::fmt::Write;

use super::{FLOW, NOTE, columns, summary, why};
use crate::catalog::STANDARDS;
use crate::report::Report;

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut page = format!(
        "# Evidence of {}\n\nMade {} by wicketgate {}. {}.\n\n{NOTE}\n",
        cell(&report.config),
        report.made,
        report.version,
        summary(report)
    );
    for standard in STANDARDS {
        let _ = write!(page, "\n## {}\n\n", standard.name);
        row(&mut page, &["id", "requirement", "outcome", "checks"]);
        row(&mut page, &["---"; 4]);
        for line in report.of_standard(standard.name) {
            row(&mut page, &[line.id, line.title, line.outcome.words(), &why(line)]);
        }
    }
    findings(&mut page, report);
    ways(&mut page, report);
    page
}

fn findings(page: &mut String, report: &Report) {
    page.push_str("\n## What was seen\n\n");
    row(page, &["check", "outcome", "seen", "what would make it so"]);
    row(page, &["---"; 4]);
    for finding in &report.findings {
        let remedy = finding.remedy.as_deref().unwrap_or_default();
        row(page, &[finding.check, finding.outcome.words(), &finding.seen, remedy]);
    }
}

fn ways(page: &mut String, report: &Report) {
    page.push_str("\n## Information flows\n\n");
    row(page, &FLOW);
    row(page, &["---"; FLOW.len()]);
    for flow in &report.flows {
        row(page, &columns(flow).each_ref().map(String::as_str));
    }
    page.push_str("\n## For a security plan\n");
    for text in &report.paragraphs {
        let _ = write!(page, "\n{}\n", cell(text));
    }
}

fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

/// Names come from a file: none of them ends a cell, a row, or begins HTML.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => safe.extend(['\\', letter]),
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}
