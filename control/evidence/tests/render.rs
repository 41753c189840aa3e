//! The report for people and machines: whole, and safe whatever is in a policy's names.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

mod common;

use serde_json::Value;
use wicketgate_evidence::render::{html, markdown, text};
use wicketgate_evidence::{Facts, Report};

/// Names that would like to be more than names.
fn hostile() -> Facts {
    let mut facts = common::good();
    let name = "<script>alert('x')</script> | [a](b)\n# head\u{1b}[2J & \"q\"";
    facts.policy.rules[0].right.name = name.to_owned();
    facts.policy.rules[0].roles = vec![name.to_owned()];
    facts.policy.rules[0].approval = None;
    facts.config = name.to_owned();
    facts
}

#[test]
fn each_page_has_each_requirement_and_check() {
    let report = Report::of(&common::good());
    for page in [text(&report), markdown(&report), html(&report)] {
        for line in &report.requirements {
            assert!(page.contains(line.id) && page.contains(line.outcome.words()), "{}", line.id);
        }
        for finding in &report.findings {
            assert!(page.contains(finding.check), "{}", finding.check);
        }
        assert!(page.contains("Zone press-line holds press-3. It is reached by "), "{page}");
    }
}

#[test]
fn no_name_becomes_html() {
    let page = html(&Report::of(&hostile()));
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
    assert!(page.contains("&#39;x&#39;") && page.contains("&amp; &quot;q&quot;"));
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(outside), "one file that asks for no other: {outside}");
    }
    assert!(page.contains("@media print"));
}

#[test]
fn no_name_speaks_to_the_terminal_or_forges_a_line() {
    let page = text(&Report::of(&hostile()));
    assert!(!page.contains('\u{1b}') && page.contains("# head [2J"), "{page}");
    assert!(!page.lines().any(|line| line.starts_with("# head")), "{page}");
}

/// Each element that is opened is closed, in order.
#[test]
fn the_html_is_well_formed() {
    let page = html(&Report::of(&hostile()));
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1).map(|part| part.split('>').next().unwrap()) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.starts_with('!') || tag.starts_with("meta") => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn no_name_leaves_its_cell_in_markdown() {
    let page = markdown(&Report::of(&hostile()));
    let bars = |line: &str| line.matches('|').count() - line.matches("\\|").count();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        assert!([5, 9].contains(&bars(line)), "{line}");
    }
    assert!(!page.contains("<script") && !page.lines().any(|line| line.starts_with("# head")));
    assert!(!page.contains("[a](b)"), "{page}");
}

/// One line for each pair that a flow joins, a box for each end, and the gate.
#[test]
fn the_drawing_has_each_flow_once() {
    let mut facts = common::good();
    let second = facts.policy.rules[0].clone();
    facts.policy.rules.push(second);
    let page = html(&Report::of(&facts));
    let svg = page.split("<svg").nth(1).unwrap().split("</svg>").next().unwrap();
    assert_eq!((svg.matches("<line ").count(), svg.matches("<rect ").count()), (2, 4), "{svg}");
    for name in ["role engineer", "machine 192.168.20.5", "press-line: press-3"] {
        assert!(svg.contains(&format!(">{name}</text>")), "{name}: {svg}");
    }
    facts.policy.rules.clear();
    facts.policy.conduits.clear();
    assert!(!html(&Report::of(&facts)).contains("<svg"));
}

#[test]
fn machines_are_told_the_version_of_the_form() {
    let report = Report::of(&common::good());
    let json: Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!(json["requirements"].as_array().unwrap().len(), report.requirements.len());
    assert_eq!(json["requirements"][1]["id"], "SR 1.1");
    assert_eq!(json["requirements"][1]["outcome"], "satisfied");
    assert_eq!(json["requirements"][1]["checks"][0], "accounts");
    assert_eq!(json["flows"][0]["who"], "role engineer");
    assert_eq!(json["flows"][1]["who"], "machine 192.168.20.5");
}

#[test]
fn a_zone_that_nobody_reaches_says_so() {
    let mut facts = common::good();
    facts.policy.rules.clear();
    facts.policy.conduits.clear();
    let report = Report::of(&facts);
    assert!(report.flows.is_empty());
    assert!(report.paragraphs[1].ends_with("Nobody reaches it."), "{:?}", report.paragraphs);
}

#[test]
fn the_paragraph_says_who_comes_with_what() {
    let report = Report::of(&common::good());
    assert_eq!(
        report.paragraphs[1],
        "Zone press-line holds press-3. It is reached by role engineer with modbus (program-write \
         read; password and totp, approval by shift-lead, mon 06:00-18:00 UTC); by machine \
         192.168.20.5 with modbus (read write; always, at most 100 commands a second). By nobody else."
    );
}
