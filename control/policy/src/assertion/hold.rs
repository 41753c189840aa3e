//! Which sentences are not true of the policy.

use std::collections::BTreeMap;

use wicketgate_engine::Reason;
use wicketgate_engine::tables::{RuleId, Tables, TablesError};
use wicketgate_packet::Time;

use super::{Assertion, Assertions, Expected, Who, when};
use crate::compile::{Compiled, Login};
use crate::diagnostic::Diagnostic;
use crate::model::Policy;
use crate::trial::{self, Answer, Asker};
use crate::wording;

/// Generations of tables kept at a time, one for each moment that sentences speak of.
const GENERATIONS: usize = 64;

/// A sentence that is not true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which, where, what the gate says instead, and the rule that says so or comes nearest.
    pub diagnostic: Diagnostic,
    /// Why the gate refuses, where it does.
    pub reason: Option<Reason>,
    /// The rule or conduit that allows it or comes nearest.
    pub rule: Option<String>,
}

impl Assertions {
    /// The sentences that are not true of `policy`, the one that they were read with; in their order.
    ///
    /// A sentence about a stretch of time is true if it is at each moment of it: windows are the only
    /// thing that time changes, so the stretch's first moment is judged and each edge of a window.
    ///
    /// # Errors
    /// As [`Policy::compile`].
    pub fn failures(&self, policy: &Policy) -> Result<Vec<Failure>, TablesError> {
        let mut bench = Bench { policy, logins: self.logins(), compiled: BTreeMap::new() };
        let mut failures = Vec::new();
        for assertion in &self.list {
            failures.extend(bench.failure(assertion)?);
        }
        Ok(failures)
    }

    fn logins(&self) -> Vec<Login> {
        let people = self.people.iter().zip(0..);
        let login = |(person, index): (&super::Person, u32)| {
            Asker::person(index).login(&person.name, &person.roles, &person.factors)
        };
        people.map(login).collect()
    }
}

/// The policy compiled for all people, at each moment that was asked for.
struct Bench<'p> {
    policy: &'p Policy,
    logins: Vec<Login>,
    compiled: BTreeMap<Time, Compiled>,
}

impl Bench<'_> {
    fn failure(&mut self, assertion: &Assertion) -> Result<Option<Failure>, TablesError> {
        for stretch in &assertion.when {
            let mut next = Some(stretch.from);
            while let Some(now) = next.filter(|now| *now < stretch.until) {
                let answer = self.answer(assertion, now)?;
                if !is_expected(assertion.expected, answer) {
                    return Ok(Some(self.describe(assertion, answer, now)));
                }
                next = self.at(now)?.next_change;
            }
        }
        Ok(None)
    }

    fn at(&mut self, now: Time) -> Result<&Compiled, TablesError> {
        if self.compiled.len() >= GENERATIONS && !self.compiled.contains_key(&now) {
            self.compiled.clear();
        }
        Ok(match self.compiled.entry(now) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(self.policy.compile(&self.logins, now, 1)?)
            }
        })
    }

    fn answer(&mut self, assertion: &Assertion, now: Time) -> Result<Answer, TablesError> {
        let asker = self.asker(assertion.who);
        let tables = &self.at(now)?.tables;
        let nobody = Answer::Denied { reason: Reason::NoGrant, nearest: None };
        Ok(asker.and_then(|asker| ask(tables, asker, assertion, now)).unwrap_or(nobody))
    }

    fn asker(&self, who: Who) -> Option<Asker> {
        match who {
            Who::Person(index) => u32::try_from(index).ok().map(Asker::person),
            Who::Machine(index) => self.policy.conduits().get(index).map(Asker::machine),
        }
    }

    fn describe(&self, assertion: &Assertion, answer: Answer, now: Time) -> Failure {
        let moment = when::words(now, &assertion.zone);
        let message = match (assertion.expected, answer) {
            (Expected::May(None), Answer::Denied { reason, .. })
            | (Expected::May(Some(_)), Answer::Denied { reason, .. }) => {
                format!("the policy denies this at {moment}: {reason}")
            }
            (Expected::May(_), Answer::Allowed(_)) => {
                format!("another rule than that one allows this at {moment}")
            }
            (Expected::MayNot(_), Answer::Allowed(_)) => {
                format!("the policy allows this at {moment}")
            }
            (Expected::MayNot(_), Answer::Denied { reason, .. }) => {
                format!("the policy denies this at {moment} for another reason: {reason}")
            }
        };
        let help = answer.rule().map(|rule| self.help(rule, answer.is_allowed()));
        let rule =
            answer.rule().and_then(|rule| self.policy.right(rule)).map(|r| r.name.to_owned());
        let diagnostic = Diagnostic { message, help, ..assertion.place.clone() };
        Failure { diagnostic, reason: answer.reason(), rule }
    }

    fn help(&self, rule: RuleId, allowed: bool) -> String {
        let Some(right) = self.policy.right(rule) else { return String::new() };
        let lead = if allowed { "it is allowed by" } else { "nearest is" };
        let allow = wording::allow(right.allow, right.protocol).join("; ");
        let window = right.window.map_or_else(String::new, |window| format!(" on {window}"));
        format!("{lead} \"{}\": {allow}{window}", right.name)
    }
}

fn ask(tables: &Tables, asker: Asker, assertion: &Assertion, now: Time) -> Option<Answer> {
    let door = trial::door(tables, assertion.asset, assertion.protocol, assertion.port)?;
    Some(trial::ask(tables, asker, door, &assertion.request, now))
}

fn is_expected(expected: Expected, answer: Answer) -> bool {
    match (expected, answer) {
        (Expected::May(by), Answer::Allowed(rule)) => by.is_none_or(|by| by == rule),
        (Expected::MayNot(why), Answer::Denied { reason, .. }) => why.is_none_or(|w| w == reason),
        _ => false,
    }
}
