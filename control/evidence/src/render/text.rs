//! For a terminal.

use std::fmt;

use super::{NOTE, summary, why};
use crate::catalog::STANDARDS;
use crate::flows::Flow;
use crate::outcome::Finding;
use crate::report::{Line, Report};

/// Wide enough for every outcome.
const OUTCOME: usize = 20;

/// The report as text.
pub fn text(report: &Report) -> String {
    let mut page = String::new();
    let Report { config, made, version, .. } = report;
    line(&mut page, format_args!("Evidence of {config} at {made}, wicketgate {version}"));
    line(&mut page, format_args!("{}", summary(report)));
    line(&mut page, format_args!("{NOTE}"));
    for standard in STANDARDS {
        head(&mut page, standard.name);
        let lines: Vec<&Line> = report.of_standard(standard.name).collect();
        requirements(&mut page, &lines);
    }
    head(&mut page, "What was seen");
    report.findings.iter().for_each(|finding| seen(&mut page, finding));
    head(&mut page, "Information flows");
    report.flows.iter().for_each(|flow| way(&mut page, flow));
    head(&mut page, "For a security plan");
    report.paragraphs.iter().for_each(|text| line(&mut page, format_args!("  {text}")));
    page
}

/// One line, whatever is in a policy's names: none of them ends it, or says anything to the terminal.
fn line(page: &mut String, what: fmt::Arguments<'_>) {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    page.extend(what.to_string().chars().map(plain));
    page.push('\n');
}

fn head(page: &mut String, title: &str) {
    page.push('\n');
    line(page, format_args!("{title}"));
}

fn requirements(page: &mut String, lines: &[&Line]) {
    let width = |of: fn(&Line) -> &'static str| {
        lines.iter().map(|line| of(line).chars().count()).max().unwrap_or(0)
    };
    let (ids, titles) = (width(|line| line.id), width(|line| line.title));
    for of in lines {
        let Line { id, title, outcome, .. } = of;
        let why = why(of);
        line(page, format_args!("  {outcome:OUTCOME$} {id:ids$}  {title:titles$}  {why}"));
    }
}

fn seen(page: &mut String, finding: &Finding) {
    let Finding { check, outcome, seen, remedy } = finding;
    line(page, format_args!("  {outcome:OUTCOME$} {check}: {seen}"));
    if let Some(remedy) = remedy {
        line(page, format_args!("  {:OUTCOME$} -> {remedy}", ""));
    }
}

fn way(page: &mut String, flow: &Flow) {
    let Flow { who, right, zone, asset, protocol, classes, needs, .. } = flow;
    let way =
        format_args!("  {who} -> {asset} ({zone}): {protocol}: {classes}; {needs}; by \"{right}\"");
    line(page, way);
}
