//! What the control socket asks, executed between control's other work.

use std::time::Duration;

use super::clock;
use super::control::Control;
use crate::api::desk::{Answer, Ask};
use crate::api::model::{Actor, Fault, Request};
use crate::api::reply::Reply;

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

    fn answer(&mut self, ask: Ask) {
        let answer = self.execute(&ask.actor, &ask.request);
        ask.answer(answer);
    }

    fn execute(&mut self, _actor: &Actor, request: &Request) -> Answer {
        match request {
            Request::Reload => self.reload_for_desk(),
            _ => Err(Fault::unavailable("the gate does not do this yet")),
        }
    }

    fn reload_for_desk(&mut self) -> Answer {
        match self.reload() {
            Ok(()) => Ok(Reply::done(format_args!(
                "config read again, epoch {}",
                self.generations.epoch()
            ))),
            Err(what) => Err(Fault::conflict("config-not-taken", what)),
        }
    }
}
