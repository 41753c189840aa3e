//! All of it: each requirement with what was found.

use serde::Serialize;

use crate::catalog::{Requirement, STANDARDS};
use crate::checks::{self, Check};
use crate::facts::Facts;
use crate::flows::{Flow, flows, paragraphs};
use crate::outcome::{Finding, Outcome};

/// Version of the JSON form. It changes when a reader of the old form would misread the new one.
pub const FORMAT: u32 = 1;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The program's version.
    pub version: String,
    /// When, in RFC 3339, UTC.
    pub made: String,
    /// The policy file.
    pub config: String,
    /// How many requirements stand how.
    pub summary: Vec<Count>,
    /// Each requirement, in the order of its standard.
    pub requirements: Vec<Line>,
    /// What each check found, once.
    pub findings: Vec<Finding>,
    /// Who reaches which asset with what.
    pub flows: Vec<Flow>,
    /// Paragraphs for a system security plan.
    pub paragraphs: Vec<String>,
}

/// How many requirements stand so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// How.
    pub outcome: Outcome,
    /// How many.
    pub requirements: usize,
}

/// A requirement, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The standard.
    pub standard: &'static str,
    /// What the standard calls it.
    pub id: &'static str,
    /// What it is about, in our words.
    pub title: &'static str,
    /// How it stands.
    pub outcome: Outcome,
    /// The checks that say so: names of findings.
    pub checks: Vec<&'static str>,
    /// What of it is not the gate's, and whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<&'static str>,
}

impl Report {
    /// Asks everything.
    pub fn of(facts: &Facts) -> Report {
        let findings: Vec<Finding> = checks::all().iter().map(|check| check.ask(facts)).collect();
        let requirements: Vec<Line> = STANDARDS
            .iter()
            .flat_map(|of| of.requirements.iter().map(|one| line(of.name, one, &findings)))
            .collect();
        let flows = flows(facts);
        Report {
            format: FORMAT,
            version: facts.program.version.clone(),
            made: facts.made.clone(),
            config: facts.config.clone(),
            summary: Outcome::ALL.map(|outcome| count(&requirements, outcome)).to_vec(),
            paragraphs: paragraphs(facts, &flows),
            requirements,
            findings,
            flows,
        }
    }

    /// Whether some requirement is not satisfied.
    pub fn has_gaps(&self) -> bool {
        self.requirements.iter().any(|line| line.outcome == Outcome::NotSatisfied)
    }

    /// The requirements of one standard.
    pub fn of_standard(&self, name: &str) -> impl Iterator<Item = &Line> {
        self.requirements.iter().filter(move |line| line.standard == name)
    }
}

fn line(standard: &'static str, asked: &Requirement, findings: &[Finding]) -> Line {
    let checks: Vec<&'static str> = asked.checks.iter().map(|check: &Check| check.name).collect();
    let found = findings.iter().filter(|finding| checks.contains(&finding.check));
    let outcome = found.map(|finding| finding.outcome).max().unwrap_or(asked.unasked);
    Line { standard, id: asked.id, title: asked.title, outcome, checks, rest: asked.rest }
}

fn count(lines: &[Line], outcome: Outcome) -> Count {
    let requirements = lines.iter().filter(|line| line.outcome == outcome).count();
    Count { outcome, requirements }
}
