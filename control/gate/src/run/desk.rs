//! What the control socket asks, executed between control's other work.

use std::time::Duration;

use super::clock;
use super::control::Control;

impl Control {
    /// Answers what is asked, for as long as a tick lasts: in place of a sleep, so that an answer takes
    /// no tick. Who asks without end has no more of control than the ticks are long.
    pub(super) fn serve(&mut self, tick: Duration) {
        let until = clock::since_boot().saturating_add(tick);
        loop {
            let left = until.saturating_sub(clock::since_boot());
            let Some(ask) = self.inbox.next(left) else { return };
            self.answer(ask);
            if left.is_zero() {
                return;
            }
        }
    }
}
