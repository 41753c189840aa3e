//! For a terminal.

use std::fmt::Write;

use super::{NOTE, summary, why};
use crate::catalog::STANDARDS;
use crate::outcome::{Finding, Outcome};
use crate::report::{Line, Report};

/// Wide enough for every outcome.
const OUTCOME: usize = 20;

/// The report as text.
pub fn text(report: &Report) -> String {
    let mut page = format!(
        "Evidence of {} at {}, wicketgate {}\n{}\n{NOTE}\n",
        report.config,
        report.made,
        report.version,
        summary(report)
    );
    for standard in STANDARDS {
        let lines: Vec<&Line> = report.of_standard(standard.name).collect();
        requirements(&mut page, standard.name, &lines);
    }
    page.push_str("\nWhat was seen\n");
    report.findings.iter().for_each(|finding| seen(&mut page, finding));
    ways(&mut page, report);
    page
}

fn requirements(page: &mut String, name: &str, lines: &[&Line]) {
    let width = |of: fn(&Line) -> &'static str| {
        lines.iter().map(|line| of(line).chars().count()).max().unwrap_or(0)
    };
    let (id, title) = (width(|line| line.id), width(|line| line.title));
    let _ = writeln!(page, "\n{name}");
    for line in lines {
        let (outcome, why) = (line.outcome, why(line));
        let _ =
            writeln!(page, "  {outcome:OUTCOME$} {:id$}  {:title$}  {why}", line.id, line.title);
    }
}

fn seen(page: &mut String, finding: &Finding) {
    let Finding { check, outcome, seen, remedy } = finding;
    let _ = writeln!(page, "  {outcome:OUTCOME$} {check}: {seen}");
    if let Some(remedy) = remedy.as_ref().filter(|_| *outcome != Outcome::Satisfied) {
        let _ = writeln!(page, "  {:OUTCOME$} -> {remedy}", "");
    }
}

fn ways(page: &mut String, report: &Report) {
    page.push_str("\nInformation flows\n");
    for flow in &report.flows {
        let _ = writeln!(
            page,
            "  {} -> {} ({}): {}: {}; {}; by \"{}\"",
            flow.who, flow.asset, flow.zone, flow.protocol, flow.classes, flow.needs, flow.right
        );
    }
    page.push_str("\nFor a security plan\n");
    for text in &report.paragraphs {
        let _ = writeln!(page, "  {text}");
    }
}
