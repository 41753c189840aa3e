//! For a browser, and for paper: one file that asks for no other.

use std::fmt::Write;

use super::drawing::drawing;
use super::{FLOW, NOTE, columns, summary, why};
use crate::catalog::STANDARDS;
use crate::outcome::Outcome;
use crate::report::Report;

/// How it looks. Colours are beside words, not instead of them; a row is not cut by the end of a page.
const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;\
color:#1a1a1a;background:#fff}table{border-collapse:collapse;width:100%;margin:1em 0}\
th,td{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}\
th{border-bottom:2px solid #666}tr{break-inside:avoid}thead{display:table-header-group}\
.satisfied{color:#175c2c}.partly{color:#7a5200}.not-satisfied{color:#a01515;font-weight:600}\
.not-looked,.outside{color:#555}.note{color:#444}\
svg{max-width:100%;font-size:13px;break-inside:avoid}svg rect{fill:#f4f4f4;stroke:#888}\
svg .gate{fill:#dfe8f5}svg line{stroke:#567}@page{margin:15mm}\
@media print{body{font-size:10px;margin:0;max-width:none}a{color:inherit;text-decoration:none}}";

/// The report as HTML.
pub fn html(report: &Report) -> String {
    let title = format!("Evidence of {}", safe(&report.config));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n\
         <p>Made {} by wicketgate {}. {}.</p>\n<p class=\"note\">{NOTE}</p>\n",
        safe(&report.made),
        safe(&report.version),
        summary(report)
    );
    requirements(&mut page, report);
    findings(&mut page, report);
    ways(&mut page, report);
    page.push_str("</body></html>\n");
    page
}

fn requirements(page: &mut String, report: &Report) {
    for standard in STANDARDS {
        begin(page, standard.name, &["id", "requirement", "outcome", "checks"]);
        for line in report.of_standard(standard.name) {
            row(page, &[line.id, line.title], Some(line.outcome), &[&why(line)]);
        }
        page.push_str("</tbody></table>\n");
    }
}

fn findings(page: &mut String, report: &Report) {
    begin(page, "What was seen", &["check", "outcome", "seen", "what would make it so"]);
    for finding in &report.findings {
        let remedy = finding.remedy.as_deref().unwrap_or_default();
        row(page, &[finding.check], Some(finding.outcome), &[&finding.seen, remedy]);
    }
    page.push_str("</tbody></table>\n");
}

fn ways(page: &mut String, report: &Report) {
    begin(page, "Information flows", &FLOW);
    for flow in &report.flows {
        row(page, &columns(flow).each_ref().map(String::as_str), None, &[]);
    }
    page.push_str("</tbody></table>\n");
    page.push_str(&drawing(&report.flows));
    page.push_str("<h2>For a security plan</h2>\n");
    for text in &report.paragraphs {
        let _ = writeln!(page, "<p>{}</p>", safe(text));
    }
}

fn begin(page: &mut String, title: &str, heads: &[&str]) {
    let heads: String = heads.iter().map(|head| format!("<th>{head}</th>")).collect();
    let title = safe(title);
    let _ = writeln!(page, "<h2>{title}</h2>\n<table><thead><tr>{heads}</tr></thead><tbody>");
}

fn row(page: &mut String, before: &[&str], outcome: Option<Outcome>, behind: &[&str]) {
    let cell = |text: &&str| format!("<td>{}</td>", safe(text));
    let outcome = outcome.map(|of| format!("<td class=\"{}\">{of}</td>", class(of)));
    let before: String = before.iter().map(cell).collect();
    let behind: String = behind.iter().map(cell).collect();
    let _ = writeln!(page, "<tr>{before}{}{behind}</tr>", outcome.unwrap_or_default());
}

/// Its class in [`STYLE`].
const fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Outside => "outside",
        Outcome::Satisfied => "satisfied",
        Outcome::NotLooked => "not-looked",
        Outcome::Partly => "partly",
        Outcome::NotSatisfied => "not-satisfied",
    }
}

/// Names come from a file, and may be anything.
pub(super) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}
