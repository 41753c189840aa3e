//! What waits for new tables. Cuts are never among it: they are done when they are asked for.
//!
//! A generation of tables takes as long for one change as for many. So whoever changes something in the same
//! moment as others gets one with them; who is alone waits for nobody.

use super::control::Control;
use crate::api::desk::{Answer, Ask};

/// Answers that are given once new tables are in force, so that whoever is told of a right has it.
#[derive(Debug, Default)]
pub(super) struct Due {
    tables: bool,
    answers: Vec<(Ask, Answer)>,
}

impl Due {
    /// Tables have to be made.
    pub(super) fn want_tables(&mut self) {
        self.tables = true;
    }

    /// Tables are made of all that has happened so far.
    pub(super) fn have_tables(&mut self) {
        self.tables = false;
    }

    /// Answers at once, or, where tables are due, once they are there.
    pub(super) fn answer(&mut self, ask: Ask, answer: Answer) {
        if self.tables {
            self.answers.push((ask, answer));
        } else {
            ask.answer(answer);
        }
    }
}

impl Control {
    /// Makes the tables that are due, once for all who wait, and tells these.
    pub(super) fn conclude(&mut self) {
        if self.due.tables {
            self.try_publish();
            // Where they cannot be made that was said, and is no reason to try again at once.
            self.due.have_tables();
        }
        self.due.answers.drain(..).for_each(|(ask, answer)| ask.answer(answer));
        self.tunnels.iter_mut().for_each(|tunnels| tunnels.tell_news());
    }
}
