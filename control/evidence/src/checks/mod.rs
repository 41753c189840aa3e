//! The checks: functions over the facts.

pub mod boundary;
pub mod crypto;
pub mod gate;
pub mod log;
pub mod machines;
pub mod people;
pub mod rights;

use crate::facts::{Facts, Right};
use crate::outcome::{Finding, Verdict};

/// Command classes that change what a device is or does, rather than its process values.
pub const SERIOUS: [&str; 6] =
    ["config", "file-write", "firmware", "force", "mode", "program-write"];

/// Names shown of a list; the rest is counted.
const SHOWN: usize = 3;

/// A question to the facts.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name, by which requirements and readers know it.
    pub name: &'static str,
    run: fn(&Facts) -> Verdict,
}

impl Check {
    const fn new(name: &'static str, run: fn(&Facts) -> Verdict) -> Check {
        Check { name, run }
    }

    /// Asks.
    pub fn ask(&self, facts: &Facts) -> Finding {
        let Verdict { outcome, seen, remedy } = (self.run)(facts);
        Finding { check: self.name, outcome, seen, remedy }
    }
}

impl Right {
    /// Whether it may give commands that change what a device is: what is not read may be anything.
    fn is_serious(&self) -> bool {
        let named = SERIOUS.iter().any(|class| self.classes.contains(class));
        named || self.by_code || !self.read
    }
}

/// All checks, each once.
pub fn all() -> Vec<Check> {
    let groups: [&[Check]; 7] = [
        people::CHECKS,
        rights::CHECKS,
        boundary::CHECKS,
        machines::CHECKS,
        log::CHECKS,
        gate::CHECKS,
        crypto::CHECKS,
    ];
    groups.concat()
}

/// `a, b, c and 4 more`.
fn some<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `; not: a, b`, or nothing.
fn but<T: AsRef<str>>(wrong: &[T]) -> String {
    if wrong.is_empty() { String::new() } else { format!("; not: {}", some(wrong)) }
}

/// `1 rule`, `17 rules`.
fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// `1,204,331`.
fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
