//! What an engine counts: plain numbers, one writer.

use crate::event::Totals;
use crate::verdict::{Reason, Verdict};

/// Frames by verdict and reason, commands by outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Frames that left.
    pub forwarded: u64,
    /// Frames turned into answers.
    pub answered: u64,
    /// Frames whose bytes the gate keeps, and sends on by itself.
    pub kept: u64,
    /// Frames of the gate's own: judged bytes, denials, acknowledgements, resets.
    pub own: u64,
    /// Commands judged.
    pub commands: u64,
    /// Commands refused.
    pub denied: u64,
    reasons: [u64; Reason::COUNT],
}

impl Default for Counters {
    fn default() -> Counters {
        Counters {
            forwarded: 0,
            answered: 0,
            kept: 0,
            own: 0,
            commands: 0,
            denied: 0,
            reasons: [0; Reason::COUNT],
        }
    }
}

impl Counters {
    /// Counts one frame.
    #[inline]
    pub fn count(&mut self, verdict: Verdict) {
        let reason = match verdict {
            Verdict::Forward(_) => {
                self.forwarded += 1;
                return;
            }
            Verdict::Kept => {
                self.kept += 1;
                return;
            }
            Verdict::Answer(_, reason) => {
                self.answered += 1;
                reason
            }
            Verdict::Deny(reason) | Verdict::Drop(reason) => reason,
        };
        if let Some(counter) = self.reasons.get_mut(reason as usize) {
            *counter += 1;
        }
    }

    /// Adds what another engine counted.
    pub fn add(&mut self, other: &Counters) {
        // All of them by name: one that is new is not forgotten here.
        let Counters { forwarded, answered, kept, own, commands, denied, reasons } = other;
        self.forwarded += forwarded;
        self.answered += answered;
        self.kept += kept;
        self.own += own;
        self.commands += commands;
        self.denied += denied;
        for (mine, theirs) in self.reasons.iter_mut().zip(reasons) {
            *mine += theirs;
        }
    }

    /// Counts the commands of one frame.
    pub(crate) fn count_commands(&mut self, done: Totals) {
        self.commands += done.commands;
        self.denied += done.denied;
    }

    /// Frames that did not pass for this reason.
    pub fn of(&self, reason: Reason) -> u64 {
        self.reasons.get(reason as usize).copied().unwrap_or(0)
    }

    /// The reasons that occurred, with their counts, in the order of the data path.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.iter().map(|reason| (*reason, self.of(*reason))).filter(|(_, count)| *count > 0)
    }

    /// Frames in all that came in.
    pub fn frames(&self) -> u64 {
        self.forwarded + self.kept + self.reasons.iter().sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wicketgate_packet::PortId;

    /// Found by two workers on a busy machine: the report's total lacked the frames that were kept.
    #[test]
    fn what_is_added_is_all_that_was_counted() {
        let mut one = Counters { own: 5, commands: 6, denied: 7, ..Counters::default() };
        let port = PortId(0);
        one.count(Verdict::Forward(port));
        (0..2).for_each(|_| one.count(Verdict::Kept));
        (0..3).for_each(|_| one.count(Verdict::Answer(port, Reason::NoFlow)));
        one.count(Verdict::Drop(Reason::Arp));
        let mut sum = Counters::default();
        sum.add(&one);
        assert_eq!(sum, one);
        sum.add(&one);
        assert_eq!(sum.frames(), 2 * one.frames());
        assert_eq!((sum.kept, sum.own, sum.of(Reason::NoFlow)), (4, 10, 6));
    }
}
