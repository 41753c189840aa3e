//! Which checks answer which requirement. Titles are ours: the standards' own words are the standards'.

mod iec62443;
mod nis2;
mod nist800171;

use crate::checks::Check;

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
    /// What is asked of the facts; none where nothing of it is the gate's.
    pub checks: &'static [Check],
    /// What of it is not the gate's, and whose it is.
    pub rest: Option<&'static str>,
}

/// All standards.
pub const STANDARDS: [Standard; 3] = [
    Standard { name: "IEC 62443-3-3 and 62443-4-2", requirements: iec62443::REQUIREMENTS },
    Standard { name: "NIST SP 800-171 r2, CMMC level 2", requirements: nist800171::REQUIREMENTS },
    Standard { name: "NIS2, Article 21(2)", requirements: nis2::REQUIREMENTS },
];

/// A requirement that checks answer.
const fn asks(
    id: &'static str,
    title: &'static str,
    checks: &'static [Check],
) -> Requirement {
    Requirement { id, title, checks, rest: None }
}

/// A requirement of which nothing is the gate's.
const fn outside(id: &'static str, title: &'static str, whose: &'static str) -> Requirement {
    Requirement { id, title, checks: &[], rest: Some(whose) }
}

impl Requirement {
    /// Part of which is somebody else's.
    const fn but(self, rest: &'static str) -> Requirement {
        Requirement { rest: Some(rest), ..self }
    }
}
