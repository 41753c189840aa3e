//! The table `[tests]`.

use jiff::tz::TimeZone;

use super::sentence::Grammar;
use super::{Assertions, Person};
use crate::diagnostic::{Report, Span};
use crate::model::{Factor, Policy};
use crate::reader::Node;
use crate::{rights, suggest, window};

/// Reads `[tests]` about `policy`; `None` if something was wrong with it, which was reported.
pub(crate) fn read(node: Node<'_>, policy: &Policy, report: &mut Report<'_>) -> Option<Assertions> {
    if node.is_array() {
        let help = "all sentences stand in its one `assert`";
        report.error_with(&node.span(), "there is one table of tests: write [tests]", help);
        return None;
    }
    let mut table = node.table("[tests]", report)?;
    let zone = table.optional("zone").map(|node| zone(node, report));
    let people = table.optional("people").map(|node| people(node, policy, report));
    let sentences = table.required("assert", report).and_then(|node| node.list(report));
    table.close(report);
    // A person that could not be read would be unknown in every sentence: one error is enough.
    let (zone, people) = (read_or(zone, None)?, read_or(people, Vec::new())?);
    let grammar = Grammar { policy, people: &people, zone };
    let sentences = sentences?.into_iter().map(|node| grammar.sentence(node, report));
    // Every one is read, so that every error is found.
    let read: Vec<Option<_>> = sentences.collect();
    let list = read.into_iter().collect::<Option<Vec<_>>>()?.concat();
    Some(Assertions { people, list, warnings: Vec::new() })
}

/// What was read, `missing` where nothing was there, or nothing at all where it was wrong.
fn read_or<T>(read: Option<Option<T>>, missing: T) -> Option<T> {
    read.unwrap_or(Some(missing))
}

fn zone(node: Node<'_>, report: &mut Report<'_>) -> Option<Option<TimeZone>> {
    window::zone_named(node.name(report)?, &node.span(), report).map(Some)
}

fn people(node: Node<'_>, policy: &Policy, report: &mut Report<'_>) -> Option<Vec<Person>> {
    let table = node.table("`people`", report)?;
    let people: Vec<_> =
        table.entries().map(|(name, at, node)| person(name, &at, node, policy, report)).collect();
    people.into_iter().collect()
}

fn person(
    name: &str,
    at: &Span,
    node: Node<'_>,
    policy: &Policy,
    report: &mut Report<'_>,
) -> Option<Person> {
    if policy.conduits().iter().any(|conduit| conduit.name == name) {
        report.error_with(at, format!("`{name}` is a conduit"), "leave it out: it is known");
        return None;
    }
    let mut table = node.under("people").table("one of `people`", report)?;
    let roles = table.optional("roles").map(|node| roles(node, policy, report));
    let factors = table.optional("factors").map(|node| factors(node, report));
    table.close(report);
    let factors = read_or(factors, Factor::ALL.to_vec())?;
    Some(Person { name: name.to_owned(), roles: read_or(roles, Vec::new())?, factors })
}

fn roles(node: Node<'_>, policy: &Policy, report: &mut Report<'_>) -> Option<Vec<String>> {
    let nodes = node.list(report)?;
    let names: Vec<_> = nodes.into_iter().map(|node| role(node, policy, report)).collect();
    names.into_iter().collect()
}

/// A role that no rule is for gives nothing, which may be the very thing that is tested.
fn role(node: Node<'_>, policy: &Policy, report: &mut Report<'_>) -> Option<String> {
    let name = node.name(report)?;
    let mut known: Vec<&str> =
        policy.rules().iter().flat_map(|rule| &rule.roles).map(String::as_str).collect();
    known.sort_unstable();
    if !known.contains(&name) {
        let help = suggest::known(name, known);
        report.warn(&node.span(), format!("no rule is for a role `{name}`"), help);
    }
    Some(name.to_owned())
}

/// As in rules; a list that is empty is one who proved nothing.
fn factors(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<Factor>> {
    if node.is_empty_array() {
        return Some(Vec::new());
    }
    let nodes = node.list(report)?;
    let factors: Vec<_> = nodes.into_iter().map(|node| rights::factor(node, report)).collect();
    factors.into_iter().collect()
}
