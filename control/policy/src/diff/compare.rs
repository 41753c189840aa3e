//! What one list of gifts gives and another does not.

use wicketgate_dissectors::Protocol;

use super::cell::{Cell, Possible, Times, Witness};
use super::kind::{Kind, kinds};
use super::side::Gift;
use super::year::Calendar;

/// Parts of one kind that are taken apart further; beyond, what is left is said as it is.
const MAX_PARTS: usize = 512;

/// A part that one side gives and the other does not.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) kind: Kind,
    pub(super) cell: Cell,
    /// A command that shows it; `None` where none was found and none ruled out.
    pub(super) witness: Option<Witness>,
}

/// What two lists give: `[only the first, only the second]`.
pub(super) fn compare(
    protocol: Protocol,
    sides: [&[Gift<'_>]; 2],
    calendar: &mut Calendar,
) -> [Vec<Part>; 2] {
    let entries = sides.iter().copied().flatten().flat_map(|gift| gift.allow);
    let kinds = kinds(protocol, entries);
    let [first, second] = sides.map(|gifts| Given::of(&kinds, gifts, calendar));
    [first.minus(&second, &kinds), second.minus(&first, &kinds)]
}

/// The cells of each kind, in the order of the kinds.
struct Given(Vec<Vec<Cell>>);

impl Given {
    fn of(kinds: &[Kind], gifts: &[Gift<'_>], calendar: &mut Calendar) -> Given {
        let timed = gifts.iter().map(|gift| (gift, Times::of(gift.window, calendar)));
        let timed: Vec<(&Gift<'_>, Times)> = timed.collect();
        let cells = |kind: &Kind| {
            let of_gift = |(gift, times): &(&Gift<'_>, Times)| -> Vec<Cell> {
                let allow = gift.allow.iter();
                allow.flat_map(|entry| Cell::of(kind, entry, gift.factors, times)).collect()
            };
            timed.iter().flat_map(of_gift).collect()
        };
        Given(kinds.iter().map(cells).collect())
    }

    fn minus(&self, other: &Given, kinds: &[Kind]) -> Vec<Part> {
        let lists = kinds.iter().zip(self.0.iter().zip(&other.0));
        let parts = lists.flat_map(|(kind, (mine, theirs))| {
            let cells = if mine == theirs { Vec::new() } else { left(kind, mine, theirs) };
            self.paired(kind, cells, kinds).into_iter().filter_map(|cell| part(kind, cell))
        });
        parts.collect()
    }

    /// Of a function with two halves a half alone is nothing: the parts beside the other half.
    fn paired(&self, kind: &Kind, cells: Vec<Cell>, kinds: &[Kind]) -> Vec<Cell> {
        let Some(at) = kinds.iter().position(|other| other.is_half_of(kind)) else { return cells };
        let partners = self.0.get(at).map_or(&[][..], Vec::as_slice);
        let beside = |cell: &Cell| -> Vec<Cell> {
            let beside: Vec<Cell> = partners.iter().map(|partner| cell.beside(partner)).collect();
            if beside.contains(cell) { vec![cell.clone()] } else { beside }
        };
        cells.iter().flat_map(beside).collect()
    }
}

/// What is left of the cells of one kind. What an earlier one gives is not said again.
fn left(kind: &Kind, mine: &[Cell], theirs: &[Cell]) -> Vec<Cell> {
    let mut left = Vec::new();
    for (cell, before) in mine.iter().zip(0..) {
        let earlier = mine.iter().take(before);
        let mut parts = vec![cell.clone()];
        for other in theirs.iter().chain(earlier) {
            if parts.len() > MAX_PARTS {
                break;
            }
            let of_part = |part: &Cell| part.minus(other);
            parts = parts.iter().flat_map(of_part).filter(|cell| is_possible(kind, cell)).collect();
        }
        left.append(&mut parts);
    }
    left
}

fn is_possible(kind: &Kind, cell: &Cell) -> bool {
    !matches!(cell.witness(kind), Possible::No)
}

fn part(kind: &Kind, cell: Cell) -> Option<Part> {
    let witness = match cell.witness(kind) {
        Possible::No => return None,
        Possible::Yes(witness) => Some(witness),
        Possible::Unknown => None,
    };
    Some(Part { kind: kind.clone(), cell, witness })
}
