//! Frames that wait until it is known where they go.
//!
//! A frame for an asset whose MAC address is not known waits here while control finds it out, as it would in
//! the queue of a router (RFC 1122 section 2.3.2.2): so the first segment of a connection is not lost and the
//! client does not wait a second for its next try. Nothing of it was decided or counted, and it ends in one
//! verdict like any other.
//!
//! Invariant: it is few frames and for a short time, whatever comes in: rings keep theirs.

use std::collections::VecDeque;
use std::time::Duration;

use wicketgate_engine::{NextHop, Tables};
use wicketgate_packet::Time;
use wicketgate_ports::Received;

/// Frames held, over all assets.
pub const FRAMES: usize = 32;
/// Frames held for one asset (RFC 1122: at least one).
pub const FRAMES_OF_ASSET: usize = 4;
/// How long at most: the kernel asks three times, a second apart.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// What became of frames that waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldCounters {
    /// Frames that waited.
    pub held: u64,
    /// Of these, forwarded in the end.
    pub forwarded: u64,
    /// Frames that found no room to wait.
    pub refused: u64,
}

struct Held<F> {
    received: Received<F>,
    hop: NextHop,
    until: Time,
}

/// The frames that wait, oldest first.
pub(crate) struct Hold<F> {
    held: VecDeque<Held<F>>,
    pub(crate) counters: HoldCounters,
}

impl<F> Hold<F> {
    /// Room for all there may be. The only allocation.
    pub(crate) fn new() -> Hold<F> {
        Hold { held: VecDeque::with_capacity(FRAMES), counters: HoldCounters::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// Lets a frame wait for `hop`; the frame back where there is no room. `Ok(true)` is the first for it.
    pub(crate) fn put(
        &mut self,
        received: Received<F>,
        hop: NextHop,
        now: Time,
    ) -> Result<bool, Received<F>> {
        let others = self.held.iter().filter(|held| held.hop == hop).count();
        if self.held.len() >= FRAMES || others >= FRAMES_OF_ASSET {
            self.counters.refused += 1;
            return Err(received);
        }
        self.counters.held += 1;
        self.held.push_back(Held { received, hop, until: now + PATIENCE });
        Ok(others == 0)
    }

    /// Takes out the oldest frame that need not wait any longer: it has waited long enough, or it is known
    /// where it goes, or that it goes nowhere.
    pub(crate) fn take_due(&mut self, now: Time, tables: &Tables) -> Option<Received<F>> {
        let known = |hop| tables.asset_at(hop).is_none_or(|asset| asset.mac.is_some());
        let due = |held: &Held<F>| held.until <= now || known(held.hop);
        let at = self.held.iter().position(due)?;
        self.held.remove(at).map(|held| held.received)
    }

    /// Takes out the oldest frame.
    pub(crate) fn take(&mut self) -> Option<Received<F>> {
        self.held.pop_front().map(|held| held.received)
    }
}
