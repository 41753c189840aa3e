//! Which checks answer which requirement. Titles are ours: the standards' own words are the standards'.

mod iec62443;
mod nis2;
mod nist800171;

use crate::checks::Check;
use crate::outcome::Outcome;

/// A standard.
#[derive(Clone, Copy, Debug)]
pub struct Standard {
    /// Its name.
    pub name: &'static str,
    /// Its requirements that a gate in the network can have to do with.
    pub requirements: &'static [Requirement],
}

/// A requirement.
#[derive(Clone, Copy, Debug)]
pub struct Requirement {
    /// What the standard calls it.
    pub id: &'static str,
    /// What it is about, in our words.
    pub title: &'static str,
    /// What is asked of the facts.
    pub checks: &'static [Check],
    /// How it stands where nothing is asked: outside the product, or not looked at.
    pub unasked: Outcome,
    /// What of it is not the gate's, and whose it is; or why nothing is asked.
    pub rest: Option<&'static str>,
}

/// All standards.
pub const STANDARDS: [Standard; 3] = [
    Standard { name: "IEC 62443-3-3 and 62443-4-2", requirements: iec62443::REQUIREMENTS },
    Standard { name: "NIST SP 800-171 r2, CMMC level 2", requirements: nist800171::REQUIREMENTS },
    Standard { name: "NIS2, Article 21(2)", requirements: nis2::REQUIREMENTS },
];

/// A requirement that checks answer.
const fn asks(id: &'static str, title: &'static str, checks: &'static [Check]) -> Requirement {
    Requirement { id, title, checks, unasked: Outcome::NotLooked, rest: None }
}

/// A requirement of which nothing is the gate's.
const fn outside(id: &'static str, title: &'static str, whose: &'static str) -> Requirement {
    Requirement { id, title, checks: &[], unasked: Outcome::Outside, rest: Some(whose) }
}

/// A requirement of which a configuration, a gate and a log show nothing.
const fn unseen(id: &'static str, title: &'static str, why: &'static str) -> Requirement {
    Requirement { unasked: Outcome::NotLooked, ..outside(id, title, why) }
}

impl Requirement {
    /// Part of which is somebody else's.
    const fn but(self, rest: &'static str) -> Requirement {
        Requirement { rest: Some(rest), ..self }
    }
}
