//! The desk between the API thread and control: a bounded queue of questions, one answer to each.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::sleep;
use std::time::Duration;

use tokio::sync::oneshot;

use super::model::{Actor, Fault, Request};
use super::refusals::{Refusals, Refused};
use super::reply::Reply;

/// Questions that wait at most: one for each client that may be connected, and one for those who scrape metrics.
pub const WAITING: usize = 17;

/// What comes of a request.
pub type Answer = Result<Reply, Fault>;

/// A request that waits for control.
#[derive(Debug)]
pub struct Ask {
    /// Who asks.
    pub actor: Actor,
    /// What; its secrets are wiped with it.
    pub request: Request,
    answer: oneshot::Sender<Answer>,
}

impl Ask {
    /// Answers. Who asked may be gone: that is their affair.
    pub fn answer(self, answer: Answer) {
        let _ = self.answer.send(answer);
    }
}

/// The API thread's end.
#[derive(Clone, Debug)]
pub struct Desk {
    asks: SyncSender<Ask>,
    /// What did not come as far as control.
    pub(crate) refusals: Refusals,
}

/// Control's end.
#[derive(Debug)]
pub struct Inbox {
    asks: Receiver<Ask>,
    refusals: Refusals,
}

impl Desk {
    /// A desk and its inbox.
    pub fn new() -> (Desk, Inbox) {
        let (sender, receiver) = sync_channel(WAITING);
        let refusals = Refusals::default();
        let inbox = Inbox { asks: receiver, refusals: refusals.clone() };
        (Desk { asks: sender, refusals }, inbox)
    }

    /// Asks control and waits for its answer.
    ///
    /// # Errors
    /// What control says, or that it does not answer.
    pub async fn ask(&self, actor: Actor, request: Request) -> Answer {
        let (answer, answered) = oneshot::channel();
        match self.asks.try_send(Ask { actor, request, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(Fault::unavailable("too many requests wait")),
            Err(TrySendError::Disconnected(_)) => return Err(stopping()),
        }
        answered.await.unwrap_or_else(|_| Err(stopping()))
    }
}

fn stopping() -> Fault {
    Fault::unavailable("the gate is stopping")
}

impl Inbox {
    /// Refusals that are to be told at `now` (since boot), and how often each happened.
    pub fn refusals(&self, now: Duration) -> Vec<(Refused, u64)> {
        self.refusals.due(now)
    }

    /// The next question, waiting for `most`; `None` when that is over.
    pub fn next(&self, most: Duration) -> Option<Ask> {
        match self.asks.recv_timeout(most) {
            Ok(ask) => Some(ask),
            Err(RecvTimeoutError::Timeout) => None,
            // There is no socket: nobody will ever ask.
            Err(RecvTimeoutError::Disconnected) => {
                sleep(most);
                None
            }
        }
    }
}
