//! Values of a type that the command names: negative ones and fractions too, so no sets of whole numbers.
//!
//! A part says which rules all values fit, and which not all of them fit. It is thrown away only where one
//! rule gives all that another gives, so no difference is missed.

use wicketgate_engine::{RangeSet, ValueRule};

/// Numbers of a rule with steps or bits that are looked at one by one; of more, it counts as another's
/// part only where it is the same.
const MAX_LISTED: u32 = 1 << 16;

/// Numbers of one rule that are tried as witnesses.
const TRIED: usize = 64;

/// What all values fit, and what not all of them do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rules {
    pub(super) within: Vec<ValueRule>,
    pub(super) without: Vec<ValueRule>,
}

impl Rules {
    pub(super) fn of(rule: &ValueRule) -> Rules {
        Rules::default().within(rule)
    }

    /// What does not fit `other`, which says nothing about *not all*; `None` where everything fits.
    pub(super) fn minus(&self, other: &Rules) -> Option<Rules> {
        let mut left = self.clone();
        left.without.push(other.within.first()?.clone());
        Some(left)
    }

    pub(super) fn intersect(&self, other: &Rules) -> Rules {
        other.within.iter().fold(self.clone(), Rules::within)
    }

    fn within(mut self, rule: &ValueRule) -> Rules {
        if *rule != ValueRule::Any && !self.within.iter().any(|known| covers(rule, known)) {
            self.within.retain(|known| !covers(known, rule));
            self.within.push(rule.clone());
        }
        self
    }

    /// Whether some values may fit. What is said to be impossible is.
    pub(super) fn is_possible(&self) -> bool {
        let covered = |rule| self.without.iter().any(|without| covers(without, rule));
        !self.within.iter().any(covered)
    }

    /// At most `most` numbers that fit, none where something else than numbers does; `None` where none
    /// were found.
    pub(super) fn numbers(&self, most: u32) -> Option<Vec<f64>> {
        if self.within.is_empty() {
            return Some(Vec::new());
        }
        let rules = self.within.iter().chain(&self.without);
        let mut inside: Vec<f64> = rules.flat_map(tried).collect();
        inside.retain(|number| self.within.iter().all(|rule| fits(rule, *number)));
        let outside = |number: &&f64| !self.without.iter().any(|rule| fits(rule, **number));
        if let Some(number) = inside.iter().find(outside) {
            return Some(vec![*number]);
        }
        let missed = |rule| inside.iter().find(|number| !fits(rule, **number)).copied();
        let numbers: Option<Vec<f64>> = self.without.iter().map(missed).collect();
        numbers.filter(|numbers| numbers.len() <= most as usize)
    }
}

/// Whether each number that fits `narrow` fits `wide`; where in doubt not.
fn covers(wide: &ValueRule, narrow: &ValueRule) -> bool {
    match (wide, narrow) {
        (ValueRule::Any, _) => true,
        (_, ValueRule::Any) => false,
        _ if wide == narrow => true,
        (ValueRule::In(wide), ValueRule::In(RangeSet::Ranges(narrow))) => {
            let whole = |(low, high): &(u32, u32)| *low == 0 && *high == u32::MAX;
            // As many numbers as 32 bits have are one too many to count.
            let inside = |range: &(u32, u32)| match whole(range) {
                true => *wide == RangeSet::Any || *wide == RangeSet::of(vec![*range]),
                false => wide.covers(range.0, range.1 - range.0 + 1),
            };
            narrow.iter().all(inside)
        }
        (_, ValueRule::In(_)) => false,
        (_, narrow) => listed(narrow).is_some_and(|mut all| all.all(|n| fits(wide, f64::from(n)))),
    }
}

/// The numbers of a rule that gives single ones; `None` if they are too many.
fn listed(rule: &ValueRule) -> Option<Box<dyn Iterator<Item = u32> + '_>> {
    match rule {
        ValueRule::Any | ValueRule::In(_) => None,
        ValueRule::Steps { from, to, step } => {
            let step = (*step).max(1);
            let few = to.saturating_sub(*from) / step <= MAX_LISTED;
            few.then(|| Box::new((*from..=*to).step_by(step as usize)) as Box<_>)
        }
        ValueRule::Bits(bits) => {
            let outside = !u32::from(*bits);
            Some(Box::new((0..=u32::from(u16::MAX)).filter(move |n| n & outside == 0)))
        }
    }
}

/// Whether a number fits: as the engine judges it.
fn fits(rule: &ValueRule, number: f64) -> bool {
    rule.fits_scalar(number)
}

/// Numbers at the edges of a rule.
fn tried(rule: &ValueRule) -> Vec<f64> {
    let beside =
        |n: u32| [f64::from(n) - 1.0, f64::from(n), f64::from(n) + 0.5, f64::from(n) + 1.0];
    match rule {
        ValueRule::Any | ValueRule::In(RangeSet::Any) => vec![0.0, 0.5],
        ValueRule::In(RangeSet::Ranges(ranges)) => {
            ranges.iter().flat_map(|(low, high)| [*low, *high]).flat_map(beside).collect()
        }
        ValueRule::Steps { from, to, step } => {
            let steps = (*from..=*to).step_by((*step).max(1) as usize).take(TRIED);
            steps.flat_map(beside).collect()
        }
        ValueRule::Bits(bits) => {
            let single = (0..16).map(|bit| bits & 1 << bit).chain([*bits]);
            single.map(f64::from).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: u32, high: u32) -> ValueRule {
        ValueRule::In(RangeSet::of(vec![(low, high)]))
    }

    #[test]
    fn rules_cover_what_they_give() {
        let steps = ValueRule::Steps { from: 0, to: 8, step: 2 };
        assert!(covers(&range(0, 9), &range(3, 9)) && !covers(&range(0, 9), &range(3, 10)));
        assert!(covers(&range(0, 9), &steps) && !covers(&steps, &range(0, 0)));
        assert!(covers(&ValueRule::Bits(14), &steps) && !covers(&ValueRule::Bits(6), &steps));
        assert!(covers(&range(0, u32::MAX), &range(5, u32::MAX)));
        assert!(covers(&range(0, u32::MAX), &range(0, u32::MAX)));
        assert!(!covers(&range(1, u32::MAX), &range(0, u32::MAX)));
        assert!(!covers(&range(0, u32::MAX), &ValueRule::Any), "negative numbers");
    }
}
