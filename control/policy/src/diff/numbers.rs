//! Numbers that a command has several of: the addresses of its elements, the values it writes.

use super::kind::Writes;
use super::set::Set;

/// Steps of the search for values that hit all of several sets; beyond, it is said to be undecided.
const MAX_STEPS: u32 = 10_000;

/// All of some numbers lie in a set, and at least one in each of others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Numbers {
    pub(super) all: Set,
    pub(super) some: Vec<Set>,
}

impl Numbers {
    pub(super) fn all(all: Set) -> Numbers {
        Numbers { all, some: Vec::new() }
    }

    /// Those of which one is not in `other`.
    pub(super) fn touching(&self, other: &Set) -> Numbers {
        let mut touching = self.clone();
        touching.some.push(self.all.minus(other));
        touching
    }

    /// At most `most` numbers that fit: each inside, each of the other sets hit.
    pub(super) fn hit(&self, most: u32, writes: Writes) -> Result<Option<Vec<u32>>, GivenUp> {
        if matches!(writes, Writes::Nothing | Writes::Typed) {
            return Ok(self.some.is_empty().then(Vec::new));
        }
        let mut search = Search { groups: Vec::new(), most: most as usize, steps: MAX_STEPS };
        let sets: Vec<Set> = self.some.iter().map(|some| some.intersect(&self.all)).collect();
        if !search.place(&sets)? {
            return Ok(None);
        }
        let mut numbers: Vec<u32> = search.groups.iter().filter_map(Set::first).collect();
        // Of bits none need be touched; of numbers there is at least one.
        if numbers.is_empty() && writes != Writes::Bits {
            let Some(first) = self.all.first() else { return Ok(None) };
            numbers.push(first);
        }
        Ok(Some(numbers))
    }
}

/// The search for numbers that hit all of several sets.
struct Search {
    /// What the numbers chosen so far may still be.
    groups: Vec<Set>,
    most: usize,
    steps: u32,
}

/// The search took more than [`MAX_STEPS`].
pub(super) struct GivenUp;

impl Search {
    /// Hits these sets too, each by a number that hits others already or by one more.
    fn place(&mut self, sets: &[Set]) -> Result<bool, GivenUp> {
        let Some((set, rest)) = sets.split_first() else { return Ok(true) };
        self.steps = self.steps.checked_sub(1).ok_or(GivenUp)?;
        if self.groups.len() < self.most && !set.is_empty() {
            self.groups.push(set.clone());
            if self.place(rest)? {
                return Ok(true);
            }
            self.groups.pop();
        }
        for at in 0..self.groups.len() {
            let Some(group) = self.groups.get(at).cloned() else { continue };
            let both = group.intersect(set);
            if both.is_empty() {
                continue;
            }
            self.put(at, both);
            if self.place(rest)? {
                return Ok(true);
            }
            self.put(at, group);
        }
        Ok(false)
    }

    fn put(&mut self, at: usize, set: Set) {
        if let Some(group) = self.groups.get_mut(at) {
            *group = set;
        }
    }
}
