//! The file's top level, in the order in which names are needed.

use toml::de::DeTable;

use crate::assertion::{self, Assertions};
use crate::control::{self, Control};
use crate::diagnostic::{Diagnostic, Report, Span};
use crate::log;
use crate::metrics;
use crate::model::Policy;
use crate::reader::{Node, Table};
use crate::record;
use crate::rights::{self, Rights};
use crate::topology::{self, Topology};
use crate::tunnel;

/// What most often is not TOML.
const TOML_HELP: &str = "text stands in quotes (\"100-119\"), and each key once in its table";

/// Reads the policy file `text`; `file` is what diagnostics call it.
///
/// # Errors
/// Everything that is wrong, in the order of the file. If it is not TOML, only that: what else is
/// wrong can be told once it is.
pub fn parse(text: &str, file: &str) -> Result<Policy, Vec<Diagnostic>> {
    let mut report = Report::new(file, text);
    let document = toml(text, &mut report, read);
    let warnings = report.finish()?;
    // Whatever could not be read was reported above.
    document.map(|policy| Policy { warnings, ..policy }).ok_or_else(Vec::new)
}

/// What `read` makes of the text, if it is TOML.
fn toml<T>(
    text: &str,
    report: &mut Report<'_>,
    read: impl FnOnce(&DeTable<'_>, &mut Report<'_>) -> Option<T>,
) -> Option<T> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().unwrap_or(text.len()..text.len());
        report.error_with(&at, format!("not TOML: {}", error.message()), TOML_HELP);
    }
    if errors.is_empty() { read(root.get_ref(), report) } else { None }
}

fn read(root: &DeTable<'_>, report: &mut Report<'_>) -> Option<Policy> {
    let mut root = Table::new("the policy", 0..0, root);
    let mut topology = Topology::default();
    if let Some(node) = root.optional("gate") {
        topology.gate = topology::read_gate(node, report);
    }
    let log = root.optional("audit").map(|node| log::read(node, report)).unwrap_or_default();
    for table in tables(&mut root, "port", "[[port]]", report) {
        topology.read_port(table, report);
    }
    for table in tables(&mut root, "asset", "[[asset]]", report) {
        topology.read_asset(table, report);
    }
    let tunnel_node = root.optional("tunnel");
    let tunnel = tunnel_node.and_then(|node| tunnel::read(node, &topology, report));
    let metrics = root.optional("metrics").map(|node| metrics::read(node, &topology, report));
    let rules = tables(&mut root, "rule", "[[rule]]", report);
    let conduits = tables(&mut root, "conduit", "[[conduit]]", report);
    let rights = Rights::read(rules, conduits, &topology, report);
    let control = tables(&mut root, "control", "[[control]]", report);
    let control = control.into_iter().map(|table| control::read(table, report)).collect();
    let record_node = root.optional("record");
    let record = rights.as_ref().zip(record_node);
    let record = record.and_then(|(rights, node)| record::read(node, &topology, rights, report));
    let tests = root.optional("tests");
    root.close(report);
    warn_of_idle(&topology, rights.as_ref()?, report);
    let mut policy = assemble(topology, rights?, control)?;
    // One that could not be read was reported.
    if let Some(metrics) = metrics {
        policy.metrics = Some(metrics?);
    }
    policy.log = log;
    if record_node.is_some() {
        policy.record = Some(record?);
    }
    if let Some(node) = tunnel_node {
        tunnel::refuse_machines(node, tunnel.as_ref(), &policy.conduits, report);
        // One that could not be read was reported.
        policy.tunnel = Some(tunnel?);
    }
    // What a policy with errors in it gives, nobody can say: its own errors come first.
    if let Some(node) = tests {
        policy.assertions = assertion::read(node, &policy, report)?;
    }
    Some(policy)
}

/// Reads a file that holds nothing but `[tests]`, about `policy`.
///
/// # Errors
/// As [`parse`].
pub fn parse_assertions(
    text: &str,
    file: &str,
    policy: &Policy,
) -> Result<Assertions, Vec<Diagnostic>> {
    let mut report = Report::new(file, text);
    let found = toml(text, &mut report, |root, report| {
        let mut root = Table::new("a file of tests", 0..0, root);
        let tests = root.required("tests", report);
        root.close(report);
        assertion::read(tests?, policy, report)
    });
    let warnings = report.finish()?;
    found.map(|found| Assertions { warnings, ..found }).ok_or_else(Vec::new)
}

/// The tables of one kind.
fn tables<'t>(
    root: &mut Table<'t>,
    key: &'static str,
    what: &'static str,
    report: &mut Report<'_>,
) -> Vec<Table<'t>> {
    let Some(node) = root.optional(key) else { return Vec::new() };
    if node.is_table() {
        let message = format!("there can be several: write {what}, with two brackets");
        report.error(&node.span(), message);
        return Vec::new();
    }
    let nodes: Vec<Node<'t>> = node.list(report).unwrap_or_default();
    nodes.into_iter().filter_map(|node| node.table(what, report)).collect()
}

fn assemble(topology: Topology, rights: Rights, control: Vec<Option<Control>>) -> Option<Policy> {
    Some(Policy {
        gate: topology.gate,
        ports: topology.ports.into_iter().collect::<Option<_>>()?,
        tunnel: None,
        metrics: None,
        log: log::Log::default(),
        record: None,
        assets: topology.assets.into_iter().collect::<Option<_>>()?,
        rules: rights.rules,
        conduits: rights.conduits,
        control: control.into_iter().collect::<Option<_>>()?,
        assertions: Assertions::default(),
        warnings: Vec::new(),
    })
}

/// Warns of what nobody can enter by or reach.
fn warn_of_idle(topology: &Topology, rights: &Rights, report: &mut Report<'_>) {
    const START: Span = 0..0;
    if topology.ports.is_empty() {
        report.warn(&START, "there is no [[port]]", "nothing can enter the gate");
    }
    if rights.rules.is_empty() && rights.conduits.is_empty() {
        report.warn(&START, "there is no [[rule]] and no [[conduit]]", "everything is denied");
        return;
    }
    for (asset, name, span) in topology.asset_places() {
        if !rights::reaches(rights, asset) {
            let help = "whatever is sent to it is denied";
            report.warn(span, format!("no rule or conduit is about `{name}`"), help);
        }
    }
}
