//! Each requirement of the list is told, once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test asserts by panicking")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use wicketgate_evidence::catalog::STANDARDS;
use wicketgate_evidence::{Outcome, Report, checks};

/// Identifiers of all standards, in their order.
const LIST: &str = include_str!("requirements.txt");

fn told() -> Vec<&'static str> {
    STANDARDS.iter().flat_map(|of| of.requirements).map(|of| of.id).collect()
}

#[test]
fn each_is_told_once_in_its_place() {
    assert_eq!(told(), LIST.lines().collect::<Vec<_>>());
    assert_eq!(told().iter().collect::<BTreeSet<_>>().len(), told().len());
}

#[test]
fn each_has_a_check_or_an_owner() {
    let names: Vec<&str> = checks::all().iter().map(|check| check.name).collect();
    for one in STANDARDS.iter().flat_map(|of| of.requirements) {
        assert!(!one.checks.is_empty() || one.rest.is_some(), "{}", one.id);
        assert!(one.checks.iter().all(|check| names.contains(&check.name)), "{}", one.id);
    }
    for name in names {
        let mut all = STANDARDS.iter().flat_map(|of| of.requirements);
        assert!(all.any(|of| of.checks.iter().any(|c| c.name == name)), "{name} answers nothing");
    }
}

/// Of several checks the one that is worst off decides.
#[test]
fn the_worst_decides() {
    let mut facts = common::good();
    facts.policy.trials.no_role = 1;
    facts.live = Err("no gate".to_owned());
    let report = Report::of(&facts);
    let outcome = |id: &str| report.requirements.iter().find(|line| line.id == id).unwrap().outcome;
    assert_eq!(outcome("SR 2.1"), Outcome::NotSatisfied);
    assert_eq!(outcome("SR 5.2 RE 3"), Outcome::NotLooked);
    assert_eq!(outcome("SR 1.12"), Outcome::Outside);
    assert!(report.has_gaps());
    let sum: usize = report.summary.iter().map(|count| count.requirements).sum();
    assert_eq!(sum, report.requirements.len());
}

/// The rows of the table below a heading of the page.
fn rows<'p>(page: &'p str, heading: &str) -> impl Iterator<Item = Vec<&'p str>> {
    let part = page.split("\n### ").find(|part| part.starts_with(heading)).unwrap();
    let rows = part.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|line| line.split('|').skip(1).map(str::trim).collect())
}

/// `SR 3.1 RE1, 3.8 RE1-3` -> `SR 3.1`, `SR 3.1 RE 1`, `SR 3.8`, ...
fn iec(cell: &str) -> Vec<String> {
    let plain = cell.replace('*', "").replace([',', '/', '·'], " ");
    let (mut family, mut base, mut ids) = ("", String::new(), Vec::new());
    for word in plain.split_whitespace() {
        match word.strip_prefix("RE").unwrap_or(word) {
            "SR" | "NDR" | "CR" => family = word,
            _ if family == "CR" => {}
            number if number.contains('.') => {
                base = format!("{family} {number}");
                ids.push(base.clone());
            }
            range => {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let numbers = first.parse::<u32>().unwrap()..=last.parse().unwrap();
                ids.extend(numbers.map(|number| format!("{base} RE {number}")));
            }
        }
    }
    ids
}

/// `AU 3.3.1–3.3.9` -> `3.3.1`, `3.3.2`, ...
fn nist(cell: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for word in cell.replace('*', "").split([',', ' ']) {
        let word = word.rsplit('-').next().unwrap();
        let (first, last) = word.split_once('–').unwrap_or((word, word));
        let Some((family, number)) = first.rsplit_once('.').filter(|_| first.starts_with("3."))
        else {
            continue;
        };
        let last: u32 = last.rsplit('.').next().unwrap().parse().unwrap();
        ids.extend((number.parse().unwrap()..=last).map(|number| format!("{family}.{number}")));
    }
    ids
}

#[test]
fn the_list_is_that_of_the_project() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/spec/standards.md");
    let Ok(page) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: the_list_is_that_of_the_project: no {}", path.display());
        return;
    };
    let mut listed: Vec<String> = rows(&page, "3a").flat_map(|row| iec(row[0])).collect();
    listed.extend(rows(&page, "3b").flat_map(|row| nist(row[0])));
    let nis2 = rows(&page, "3c").find(|row| row[0].starts_with("NIS2")).unwrap();
    let letters = nis2[1].split('(').filter(|part| part.get(1..2) == Some(")"));
    listed.extend(letters.map(|part| format!("21(2)({})", &part[..1])));
    assert!(listed.len() > 100, "{listed:?}");
    let told = told();
    let missing: Vec<_> = listed.iter().filter(|id| !told.contains(&id.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
