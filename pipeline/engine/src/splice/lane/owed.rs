//! What is tried again, and when it is given up.
//!
//! Invariant: from when owed bytes are put in or sent until they are acknowledged, a retry is armed.
//!
//! Invariant: nothing is tried for ever: neither what is owed nor a PDU that never ends.

use core::time::Duration;

use wicketgate_packet::Time;

use super::Lane;
use crate::splice::number::Offset;

/// How long the gate waits for an acknowledgement of what it owes, at first; it doubles each time.
pub(super) const RETRY_FIRST: Duration = Duration::from_millis(200);

/// How long the gate waits for the rest of a PDU before it acknowledges what it holds. A sender that
/// has more to send has sent it by then; one that waits for the acknowledgement (Nagle's algorithm, a
/// small window) waits less than for a receiver that delays its own (RFC 9293 section 3.8.6.3: up to
/// 500 ms). What was not acknowledged is still its sender's to send again, not the gate's.
pub(super) const ACK_DELAY: Duration = Duration::from_millis(10);

/// The longest it waits.
const RETRY_LONGEST: Duration = Duration::from_secs(1);

/// How often it tries again without a sign of life: on a link that loses one frame in five, both ways,
/// one in ten million deliveries fails all of them. Half as often as that would still be a connection a
/// day in a large plant.
const RETRIES: u32 = 15;

/// How long a PDU may stay incomplete when nothing of it is under way: its sender has stopped.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How long, when bytes of it were lost, or may have been because the link has lost some before: longer than
/// any honest sender tries. Stacks wait up to two minutes between two tries, and Linux gives up after 924
/// seconds (tcp_retries2).
pub const RECOVERY: Duration = Duration::from_secs(16 * 60);

/// Why the gate can no longer do what it owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp;

/// What a timer found to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// These bytes are to be sent again.
    pub resend: Option<(Offset, Offset)>,
    /// The sender is to be told again what has come: the rest of a PDU, or what fills a gap, is missing.
    pub nudge: bool,
    /// It is to be asked how far it has come.
    pub probe: bool,
}

impl Lane {
    /// When a PDU that is not complete is given up.
    fn end_of_patience(&self) -> Time {
        let lost = self.heard > self.next || self.acked < self.end || !self.ahead.is_empty();
        self.came + if lost || self.loses { RECOVERY } else { PATIENCE }
    }

    /// What is owed is sent again if nobody acknowledges it.
    pub(super) fn arm(&mut self, now: Time) {
        if self.owned > self.acked && self.retry.is_none() {
            self.retry = Some((now + RETRY_FIRST, 0));
        }
    }

    /// When something is due.
    pub fn deadline(&self) -> Option<Time> {
        let retry = self.retry.filter(|_| self.owned > self.acked).map(|(at, _)| at);
        let nudge = self.waits().then_some(self.nudge.0);
        let patience = self.holds().then(|| self.end_of_patience());
        let vouch = self.could_vouch().then_some(self.vouch_at);
        retry.into_iter().chain(nudge).chain(patience).chain(vouch).min()
    }

    /// Whether bytes are held that could be acknowledged, and are not.
    fn could_vouch(&self) -> bool {
        self.holds() && self.acked == self.end && !self.vouches
    }

    /// Whether the rest of a PDU, or what fills a gap, is missing.
    fn waits(&self) -> bool {
        self.holds() || !self.ahead.is_empty()
    }

    /// What is due by now.
    ///
    /// # Errors
    /// [`GivenUp`]: a PDU was never completed, or what is owed cannot be delivered.
    pub fn expire(&mut self, now: Time) -> Result<Due, GivenUp> {
        if self.holds() && now >= self.end_of_patience() {
            return Err(GivenUp);
        }
        let mut due = Due::default();
        if let Some((at, tries)) = self.retry
            && self.owned > self.acked
            && at <= now
        {
            if tries >= RETRIES {
                return Err(GivenUp);
            }
            self.retry = Some((now + wait_after(tries).min(RETRY_LONGEST), tries + 1));
            // A byte beyond the window makes the receiver say what it takes.
            due.resend = Some((self.acked, self.end.min(self.edge.max(self.acked + 1))));
        }
        if self.could_vouch() && self.vouch_at <= now {
            self.vouches = true;
            due.nudge = true;
        }
        if self.waits() && self.nudge.0 <= now {
            let (_, tries) = self.nudge;
            // Some stacks put their own tries off whenever they are spoken to.
            self.nudge = (now + wait_after(tries), tries + 1);
            due.nudge = true;
            due.probe = tries % 2 == 1;
        }
        Ok(due)
    }
}

/// How long to wait behind so many tries.
fn wait_after(tries: u32) -> Duration {
    RETRY_FIRST.saturating_mul(2 << tries.min(6))
}
