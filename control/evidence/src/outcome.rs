//! What a check says.

use std::fmt;

use serde::Serialize;

use crate::facts::Looked;

/// How a requirement stands. Of several checks of one requirement the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing of it is the gate's: whose it is is told.
    Outside,
    /// What was seen is what is asked.
    Satisfied,
    /// It could not be looked at: why is told.
    NotLooked,
    /// Some of it.
    Partly,
    /// What was seen is not what is asked.
    NotSatisfied,
}

impl Outcome {
    /// All, in the order in which they are told.
    pub const ALL: [Outcome; 5] = [
        Outcome::Satisfied,
        Outcome::Partly,
        Outcome::NotSatisfied,
        Outcome::NotLooked,
        Outcome::Outside,
    ];

    /// The words for it.
    pub const fn words(self) -> &'static str {
        match self {
            Outcome::Outside => "outside the product",
            Outcome::Satisfied => "satisfied",
            Outcome::NotLooked => "not looked at",
            Outcome::Partly => "partly",
            Outcome::NotSatisfied => "not satisfied",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// How it stands.
    pub outcome: Outcome,
    /// What was looked at, with the values seen; or why it could not be.
    pub seen: String,
    /// What would make it so, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What a check says, before it has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) seen: String,
    pub(crate) remedy: Option<String>,
}

impl Verdict {
    pub(crate) fn satisfied(seen: impl Into<String>) -> Verdict {
        Verdict { outcome: Outcome::Satisfied, seen: seen.into(), remedy: None }
    }

    pub(crate) fn partly(seen: impl Into<String>, remedy: impl Into<String>) -> Verdict {
        Verdict { outcome: Outcome::Partly, seen: seen.into(), remedy: Some(remedy.into()) }
    }

    pub(crate) fn not(seen: impl Into<String>, remedy: impl Into<String>) -> Verdict {
        Verdict { outcome: Outcome::NotSatisfied, ..Verdict::partly(seen, remedy) }
    }

    /// All of them is satisfied, none of some is not, the rest is partly.
    pub(crate) fn counted(
        good: usize,
        all: usize,
        seen: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Verdict {
        match good {
            _ if good >= all => Verdict::satisfied(seen),
            0 => Verdict::not(seen, remedy),
            _ => Verdict::partly(seen, remedy),
        }
    }

    /// Judged by what was found; where nothing could be, that is said.
    pub(crate) fn of<T>(looked: &Looked<T>, judge: impl FnOnce(&T) -> Verdict) -> Verdict {
        match looked {
            Ok(found) => judge(found),
            Err(why) => Verdict { outcome: Outcome::NotLooked, seen: why.clone(), remedy: None },
        }
    }
}
