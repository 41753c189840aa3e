//! Requests that were refused, counted until control has told them.
//!
//! Whoever is refused may ask again without end. So refusals are not queued but counted by kind: who asked for
//! what, and why not. Of a kind that goes on, one record a minute says how often; beyond [`KINDS`] kinds, all
//! that are new count as one. So a flood of any sort is [`KINDS`] + 1 records a minute at most.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use crate::model::{Actor, Fault};
use crate::routes::Route;

/// Kinds that are told apart at a time.
pub const KINDS: usize = 64;

/// A kind that was told is told again after this at the earliest.
pub const QUIET: Duration = Duration::from_secs(60);

/// The code of all kinds for which there was no room.
pub const OTHERS: &str = "others";

/// A kind of refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who asked; `None` for [`OTHERS`].
    pub actor: Option<String>,
    /// For what, as `DELETE /v1/sessions/{id}`; `None` where that was not read.
    pub asked: Option<String>,
    /// Why not: the fault's code.
    pub code: String,
}

#[derive(Debug)]
struct Kind {
    refused: Refused,
    /// How often since it was told.
    untold: u64,
    /// When it was told last, in time since boot.
    told: Option<Duration>,
}

/// The refusals that are to be told; one end counts, the other tells.
#[derive(Clone, Debug, Default)]
pub struct Refusals(Arc<Mutex<Vec<Kind>>>);

impl Refusals {
    /// Counts it, if it is one: what concerns rights, proofs and limits. An attempt to log in that was refused
    /// is told by control, which knows more of it.
    pub(crate) fn note(&self, actor: &Actor, route: Option<&Route>, fault: &Fault) {
        let told = matches!(fault.code.as_str(), "refused" | "wait");
        if told || !matches!(fault.status, 401 | 403 | 413 | 429 | 503) {
            return;
        }
        let asked = route.map(ToString::to_string);
        let actor = Some(actor.to_string());
        self.count(Refused { actor, asked, code: fault.code.clone() });
    }

    fn count(&self, refused: Refused) {
        // Whoever panicked with it in hand had changed one number at most.
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = kinds.len() >= KINDS && !kinds.iter().any(|kind| kind.refused == refused);
        let refused = if full { Refused::others() } else { refused };
        match kinds.iter_mut().find(|kind| kind.refused == refused) {
            Some(kind) => kind.untold += 1,
            None => kinds.push(Kind { refused, untold: 1, told: None }),
        }
    }

    /// What is to be told at `now` (since boot), and how often it happened; those who count are not waited for.
    pub fn due(&self, now: Duration) -> Vec<(Refused, u64)> {
        let mut kinds = match self.0.try_lock() {
            Ok(kinds) => kinds,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Vec::new(),
        };
        let quiet = |kind: &Kind| kind.told.is_some_and(|at| now.saturating_sub(at) < QUIET);
        kinds.retain(|kind| kind.untold > 0 || quiet(kind));
        let due = kinds.iter_mut().filter(|kind| kind.untold > 0 && !quiet(kind));
        due.map(|kind| {
            kind.told = Some(now);
            (kind.refused.clone(), std::mem::take(&mut kind.untold))
        })
        .collect()
    }
}

impl Refused {
    fn others() -> Refused {
        Refused { actor: None, asked: None, code: OTHERS.to_owned() }
    }
}

/// `DELETE /v1/sessions/{id}`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.word(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(number: usize) -> Refused {
        Refused { actor: Some(format!("uid {number}")), asked: None, code: "forbidden".to_owned() }
    }

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn a_flood_is_told_at_once_and_then_once_a_minute() {
        let refusals = Refusals::default();
        refusals.count(kind(1));
        assert_eq!(refusals.due(seconds(1)), [(kind(1), 1)]);
        let mut told = 0;
        for second in 2..=121 {
            (0..100).for_each(|_| refusals.count(kind(1)));
            let due = refusals.due(seconds(second));
            assert_eq!(due.is_empty(), second != 61 && second != 121, "{second}");
            told += due.iter().map(|(_, times)| times).sum::<u64>();
        }
        assert_eq!(told, 120 * 100, "none is lost");
        assert_eq!(refusals.due(seconds(181)), []);
        refusals.count(kind(1));
        assert_eq!(refusals.due(seconds(182)), [(kind(1), 1)], "a new one after a pause, at once");
    }

    #[test]
    fn kinds_are_bounded_and_those_without_room_count_as_one() {
        let refusals = Refusals::default();
        for number in 0..10 * KINDS {
            refusals.count(kind(number));
            refusals.count(kind(0));
        }
        let due = refusals.due(seconds(1));
        assert_eq!(due.len(), KINDS + 1);
        assert_eq!(due[0], (kind(0), 10 * KINDS as u64 + 1));
        assert_eq!(due[KINDS], (Refused::others(), 9 * KINDS as u64));
        // Room is made again.
        assert_eq!(refusals.due(seconds(61)), []);
        refusals.count(kind(4711));
        assert_eq!(refusals.due(seconds(62)), [(kind(4711), 1)]);
    }
}
