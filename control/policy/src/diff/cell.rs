//! Parts of what a rule gives, and what is left of them where another rule gives something too.
//!
//! What an entry gives of one kind is a product: any of these units, every element inside these
//! addresses, every value one of these, at these times, with these proofs. Taking another product away
//! leaves products again, if a part may also say that *some* element or *some* value is of a set: what
//! is not all inside 0-9 touches something outside of it ([`super::numbers`]). A part that no command fits is thrown away,
//! so what is left in the end is a difference that some command shows.

use std::rc::Rc;

use wicketgate_dissectors::Space;
use wicketgate_engine::{Entry, RangeSet, ValueRule};

use super::kind::{Kind, MAX_WORD, Writes};
use super::numbers::{GivenUp, Numbers};
use super::place::{Place, Placed};
use super::rules::Rules;
use super::set::Set;
use super::year::Calendar;
use crate::model::Factor;
use crate::window::Weekly;

/// Highest unit.
pub(super) const MAX_UNIT: u32 = 0xff;

/// A part of what is given of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) units: Set,
    /// File numbers, or data files; 0 where the kind has none.
    pub(super) files: Set,
    /// Every element lies inside, and in one range.
    pub(super) addresses: Numbers,
    /// Least and most elements.
    pub(super) counts: (u32, u32),
    /// Every value lies inside.
    pub(super) values: Numbers,
    /// Of CIP: tags and objects.
    pub(super) place: Place,
    /// Of CIP: the values.
    pub(super) rules: Rules,
    /// Which proofs do: bit `n` is the set of factors whose bits are those of `n`.
    pub(super) proofs: Proofs,
    pub(super) times: Times,
}

/// What a login has proven.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Proofs {
    set: u16,
    /// All of these.
    pub(super) with: Vec<Factor>,
    /// Not all of these.
    pub(super) without: Vec<Vec<Factor>>,
}

/// When.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Times {
    /// Minutes of the year that is looked at.
    set: Rc<Set>,
    pub(super) inside: Vec<Weekly>,
    pub(super) outside: Vec<Weekly>,
}

/// A command's item that fits a cell, and who sends it when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Witness {
    pub(super) unit: u8,
    pub(super) file: u32,
    /// Of CIP: where it leads.
    pub(super) path: Vec<u8>,
    pub(super) start: u32,
    pub(super) count: u32,
    /// The values; of a mask that leaves bits alone the bits that it touches.
    pub(super) values: Vec<u32>,
    /// The same of a type that the command names; none: something else than numbers.
    pub(super) typed: Vec<f64>,
    pub(super) factors: Vec<Factor>,
    pub(super) minute: u32,
}

/// Whether some command fits a cell.
pub(super) enum Possible {
    Yes(Witness),
    No,
    /// The search was given up.
    Unknown,
}

impl Cell {
    /// What an entry gives of a kind, at these times.
    pub(super) fn of(kind: &Kind, entry: &Entry, factors: &[Factor], times: &Times) -> Vec<Cell> {
        let Some(whole) = Cell::whole(kind, entry, factors, times) else { return Vec::new() };
        let placed = |(place, file): Placed| match file {
            None => Cell { place, ..whole.clone() },
            Some((file, elements)) => Cell {
                place,
                files: Set::span(file, file),
                addresses: Numbers::all(elements),
                ..whole.clone()
            },
        };
        Place::of(kind, &entry.objects).into_iter().map(placed).collect()
    }

    /// The same wherever it may lie; `None` if that is nothing.
    fn whole(kind: &Kind, entry: &Entry, factors: &[Factor], times: &Times) -> Option<Cell> {
        let addressed = kind.most > 0;
        let placed = addressed || entry.addresses == RangeSet::Any;
        let filed = kind.is_file() || entry.files == RangeSet::Any;
        if !(placed && filed && kind.is_given_by(entry)) {
            return None;
        }
        let files = if kind.is_file() {
            Set::of_ranges(&entry.files, MAX_WORD).intersect(&Set::span(1, MAX_WORD))
        } else if matches!(kind.space, Space::DataFile { .. }) {
            kind.objects.clone()
        } else {
            Set::span(0, 0)
        };
        let most = entry.quantity.map_or(kind.most, |most| most.min(kind.most));
        Some(Cell {
            units: Set::of_ranges(&entry.units, MAX_UNIT),
            files,
            addresses: Numbers::all(Set::of_ranges(&entry.addresses, kind.most_address())),
            counts: (kind.most.min(1), most),
            values: Numbers::all(values(kind, &entry.values)?),
            place: Place::Nothing,
            rules: if kind.writes == Writes::Typed {
                Rules::of(&entry.values)
            } else {
                Rules::default()
            },
            proofs: Proofs::with(factors),
            times: times.clone(),
        })
    }

    /// What of it is not in `other`, which says nothing about *some*.
    pub(super) fn minus(&self, other: &Cell) -> Vec<Cell> {
        let mut rest = self.clone();
        let mut parts = Vec::new();
        let units = rest.units.minus(&other.units);
        parts.push(Cell { units, ..rest.clone() });
        rest.units = rest.units.intersect(&other.units);

        let files = rest.files.minus(&other.files);
        parts.push(Cell { files, ..rest.clone() });
        rest.files = rest.files.intersect(&other.files);

        parts.push(Cell {
            addresses: rest.addresses.touching(&other.addresses.all),
            ..rest.clone()
        });
        rest.addresses.all = rest.addresses.all.intersect(&other.addresses.all);

        let (least, most) = rest.counts;
        parts.push(Cell { counts: (least.max(other.counts.1 + 1), most), ..rest.clone() });
        rest.counts = (least, most.min(other.counts.1));

        parts.push(Cell { values: rest.values.touching(&other.values.all), ..rest.clone() });
        rest.values.all = rest.values.all.intersect(&other.values.all);

        let places = rest.place.minus(&other.place);
        parts.extend(places.into_iter().map(|place| Cell { place, ..rest.clone() }));
        rest.place = rest.place.intersect(&other.place);

        let rules = rest.rules.minus(&other.rules);
        parts.extend(rules.map(|rules| Cell { rules, ..rest.clone() }));
        rest.rules = rest.rules.intersect(&other.rules);

        parts.push(Cell { proofs: rest.proofs.minus(&other.proofs), ..rest.clone() });
        rest.proofs = rest.proofs.intersect(&other.proofs);

        let times = rest.times.minus(&other.times);
        parts.push(Cell { times, ..rest });
        parts
    }

    /// The part that a command with `partner` as its other half can be in: unit, proofs and times are
    /// the same for both.
    pub(super) fn beside(&self, partner: &Cell) -> Cell {
        Cell {
            units: self.units.intersect(&partner.units),
            proofs: self.proofs.intersect(&partner.proofs),
            times: self.times.intersect(&partner.times),
            ..self.clone()
        }
    }

    /// A command's item that fits.
    pub(super) fn witness(&self, kind: &Kind) -> Possible {
        let Some((start, count)) = self.run(kind) else { return Possible::No };
        let most = match kind.writes {
            Writes::Nothing | Writes::Typed => 0,
            Writes::Numbers => count,
            Writes::Whole => 1,
            // All sixteen would be the whole register.
            Writes::Bits => 15,
        };
        let values = match self.values.hit(most, kind.writes) {
            Ok(Some(values)) => values,
            Ok(None) => return Possible::No,
            Err(GivenUp) => return Possible::Unknown,
        };
        let found = || {
            Some(Witness {
                unit: u8::try_from(self.units.first()?).ok()?,
                file: self.files.first()?,
                path: Vec::new(),
                start,
                count,
                values,
                typed: Vec::new(),
                factors: self.proofs.first()?,
                minute: self.times.set.first()?,
            })
        };
        found().map_or(Possible::No, |found| self.lead(kind, found))
    }

    /// Completes a witness by what it has of CIP.
    fn lead(&self, kind: &Kind, found: Witness) -> Possible {
        if !self.place.is_possible(kind) || !self.rules.is_possible() {
            return Possible::No;
        }
        // Numbers of a data file are of the type of the file: these fit all.
        let of_file = |number: &f64| number.fract() == 0.0 && (0.0..=32767.0).contains(number);
        let any_file = !matches!(kind.space, Space::DataFile { .. });
        let typed = self.rules.numbers(found.count);
        let typed = typed.filter(|numbers| any_file || numbers.iter().all(of_file));
        match self.place.path(kind).zip(typed) {
            Some((path, typed)) => {
                // Tags and objects: no more elements than it needs.
                let least = self.counts.0.max(u32::try_from(typed.len()).unwrap_or(u32::MAX));
                let count = if path.is_empty() { found.count } else { least };
                Possible::Yes(Witness { path, typed, count, ..found })
            }
            None => Possible::Unknown,
        }
    }

    /// The first and longest run of elements that fits: start and count. The longer it is the more it
    /// touches and the more values it has.
    fn run(&self, kind: &Kind) -> Option<(u32, u32)> {
        let (least, most) = self.counts;
        if kind.most == 0 {
            return Some((0, 0)).filter(|_| self.addresses.some.is_empty() && least <= most);
        }
        self.addresses.all.ranges().iter().find_map(|(low, high)| {
            let count = most.min(high - low + 1);
            let starts = Set::span(*low, high + 1 - count.max(1));
            let touching = |starts: Set, set: &Set| {
                let reach = |(a, b): &(u32, u32)| ((a + 1).saturating_sub(count), *b);
                starts.intersect(&Set::of(set.ranges().iter().map(reach).collect()))
            };
            let starts = self.addresses.some.iter().fold(starts, touching);
            starts.first().filter(|_| count >= least.max(1)).map(|start| (start, count))
        })
    }
}

/// What may be written of a kind; `None` where the rule does not let it pass.
fn values(kind: &Kind, rule: &ValueRule) -> Option<Set> {
    let all = Set::span(0, kind.most_value());
    match (kind.writes, rule) {
        (_, ValueRule::Any) => Some(all),
        (Writes::Typed, _) => Some(all),
        (Writes::Nothing, _) => None,
        (Writes::Bits, ValueRule::Bits(bits)) => {
            let touched = (0..16).filter(|bit| bits >> bit & 1 == 1);
            Some(Set::of(touched.map(|bit| (bit, bit)).collect()))
        }
        (Writes::Bits, _) => None,
        (Writes::Whole, ValueRule::Bits(bits)) => (*bits == u16::MAX).then_some(all),
        (_, ValueRule::In(ranges)) => Some(Set::of_ranges(ranges, kind.most_value())),
        (_, ValueRule::Steps { from, to, step }) => {
            let steps = (*from..=*to).step_by(usize::try_from((*step).max(1)).ok()?);
            Some(Set::of(steps.map(|number| (number, number)).collect()).intersect(&all))
        }
        (_, ValueRule::Bits(bits)) => {
            let outside = !u32::from(*bits);
            let fits = (0..=kind.most_value()).filter(|number| number & outside == 0);
            Some(Set::of(fits.map(|number| (number, number)).collect()))
        }
    }
}

impl Proofs {
    fn with(factors: &[Factor]) -> Proofs {
        let needed = bits(factors);
        let fits = (0..1u16 << Factor::ALL.len()).filter(|proven| proven & needed == needed);
        let set = fits.fold(0, |set, proven| set | 1 << proven);
        let mut with = factors.to_vec();
        with.sort_unstable();
        with.dedup();
        Proofs { set, with, without: Vec::new() }
    }

    fn minus(&self, other: &Proofs) -> Proofs {
        let mut left = self.clone();
        left.set &= !other.set;
        left.without.push(other.with.clone());
        left
    }

    fn intersect(&self, other: &Proofs) -> Proofs {
        let mut both = self.clone();
        both.set &= other.set;
        both.with.extend(&other.with);
        both.with.sort_unstable();
        both.with.dedup();
        both.without.extend(other.without.iter().cloned());
        both
    }

    /// The fewest factors that fit.
    fn first(&self) -> Option<Vec<Factor>> {
        let fits = (0..16u16).filter(|proven| self.set >> proven & 1 == 1);
        let proven = fits.min_by_key(|proven| proven.count_ones())?;
        let has = |factor: &&Factor| bits(&[**factor]) & proven != 0;
        Some(Factor::ALL.iter().filter(has).copied().collect())
    }
}

fn bits(factors: &[Factor]) -> u16 {
    let bit = |factor: &Factor| Factor::ALL.iter().position(|known| known == factor);
    factors.iter().filter_map(bit).fold(0, |set, bit| set | 1 << bit)
}

impl Times {
    /// The hours of a window, or always.
    pub(super) fn of(window: Option<&Weekly>, calendar: &mut Calendar) -> Times {
        let set = calendar.minutes(window);
        Times { set, inside: window.cloned().into_iter().collect(), outside: Vec::new() }
    }

    fn minus(&self, other: &Times) -> Times {
        let mut left = self.clone();
        left.set = Rc::new(self.set.minus(&other.set));
        // A window that was not open anyway need not be said.
        if !self.set.intersect(&other.set).is_empty() {
            left.outside.extend(other.inside.iter().cloned());
        }
        left
    }

    fn intersect(&self, other: &Times) -> Times {
        if self.set.is_within(&other.set) {
            return self.clone();
        }
        let mut both = self.clone();
        both.set = Rc::new(self.set.intersect(&other.set));
        both.inside.extend(other.inside.iter().cloned());
        both.outside.extend(other.outside.iter().cloned());
        both
    }
}
