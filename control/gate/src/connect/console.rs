//! Standard input while the tunnel is there: lines of somebody at a terminal, or of a program.

use std::thread;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::api::secret::Secret;
use crate::user::ask;

/// The lines of standard input, which a thread of its own reads: nobody waits for whoever types.
pub(super) struct Console(Receiver<Secret>);

impl Console {
    /// Reads from now on.
    pub(super) fn open() -> Console {
        // A line ahead at most: what is typed later may be what is not to be shown.
        let (sender, lines) = channel(1);
        // It ends with the process: a read cannot be given up.
        thread::spawn(move || read(&sender));
        Console(lines)
    }

    /// The next line, which may hold a secret; `None` once there are no more. May be given up on at any time.
    pub(super) async fn line(&mut self) -> Option<Secret> {
        self.0.recv().await
    }

    /// The next line, not shown while it is typed; `None` for an empty one, too.
    pub(super) async fn hidden(&mut self, asked: &str) -> Option<Secret> {
        // What was shown before this is dropped is shown again, however this ends.
        let quiet = ask::quiet();
        if quiet.is_some() {
            ask::say(asked);
        }
        let line = self.line().await;
        if quiet.is_some() {
            // The end of line was not shown either.
            ask::say("\n");
        }
        line.filter(|line| !line.expose().is_empty())
    }
}

fn read(lines: &Sender<Secret>) {
    while let Some(line) = ask::line() {
        if lines.blocking_send(line).is_err() {
            return;
        }
    }
}
