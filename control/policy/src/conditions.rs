//! What a rule asks besides roles, factors and a window.

use std::time::Duration;

use crate::diagnostic::Report;
use crate::reader::{Node, Table};
use crate::value;

/// The keys of a `[[rule]]` that are read here.
pub(crate) const KEYS: &[&str] =
    &["max_proof_age", "reason", "approval", "max_duration", "max_sessions", "operation", "drain"];

/// Most grants of one user on one asset that a rule can say.
const MAX_SESSIONS: u32 = 1000;

/// What a rule asks besides roles, factors and a window. A rule that asks for more than fresh proofs must
/// be asked for: a grant of its own, with a beginning and an end.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conditions {
    /// How old each proof of its factors may be, at the start and all the while.
    pub max_proof_age: Option<Duration>,
    /// Whether a reason must be given.
    pub reason: bool,
    /// The role of whoever must approve; never the one who asked.
    pub approval: Option<String>,
    /// How long a grant lasts at most.
    pub max_duration: Option<Duration>,
    /// How many grants a user may hold on an asset at once.
    pub max_sessions: Option<u32>,
    /// How long an operation of several steps takes; it does not begin where less is left.
    pub operation: Option<Duration>,
    /// How long an operation that has begun may go on when its grant ends by itself.
    pub drain: Option<Duration>,
}

impl Conditions {
    /// Whether nothing is asked.
    pub fn is_default(&self) -> bool {
        *self == Conditions::default()
    }

    /// Each in words.
    pub fn words(&self) -> Vec<String> {
        let Conditions {
            max_proof_age,
            reason,
            approval,
            max_duration,
            max_sessions,
            operation,
            drain,
        } = self;
        let span = |what: &str, span: &Option<Duration>| {
            span.map(|span| format!("{what} {} s", span.as_secs()))
        };
        let words = [
            span("proofs not older than", max_proof_age),
            reason.then(|| "a reason".to_owned()),
            approval.as_ref().map(|role| format!("approval by {role}")),
            span("for at most", max_duration),
            max_sessions.map(|most| format!("at most {most} at once on an asset")),
            span("to begin an operation with at least", operation),
            span("to finish it within", drain),
        ];
        words.into_iter().flatten().collect()
    }
}

/// Reads them; `None` where one could not be read, which was reported.
pub(crate) fn read(
    table: &mut Table<'_>,
    has_factors: bool,
    report: &mut Report<'_>,
) -> Option<Conditions> {
    let max_proof_age = table.optional("max_proof_age");
    if let Some(node) = max_proof_age.filter(|_| !has_factors) {
        let help = "write `factors` beside it: what must be proven";
        report.error_with(&node.span(), "`max_proof_age` without `factors` asks nothing", help);
    }
    let max_proof_age = each(max_proof_age, |node| node.parse(report, value::span));
    let reason = each(table.optional("reason"), |node| node.flag(report));
    let approval = each(table.optional("approval"), |node| node.name(report));
    let max_duration = each(table.optional("max_duration"), |node| node.parse(report, value::span));
    let max_sessions =
        each(table.optional("max_sessions"), |node| node.number(1..=MAX_SESSIONS, report));
    let operation = each(table.optional("operation"), |node| node.parse(report, value::span));
    let drain = each(table.optional("drain"), |node| node.parse(report, value::span));
    Some(Conditions {
        max_proof_age: max_proof_age?,
        reason: reason?.unwrap_or(false),
        approval: approval?.map(str::to_owned),
        max_duration: max_duration?,
        max_sessions: max_sessions?,
        operation: operation?,
        drain: drain?,
    })
}

/// What is not there is none; what is there but could not be read must not become none.
fn each<'t, T>(
    node: Option<Node<'t>>,
    read: impl FnOnce(Node<'t>) -> Option<T>,
) -> Option<Option<T>> {
    match node {
        None => Some(None),
        Some(node) => read(node).map(Some),
    }
}
