//! An operation of several steps, which must not be cut in half: it stands in its flow's stream from the
//! command that begins it to the answer to the one that ends it.

use wicketgate_dissectors::{Key, Step};

use crate::matcher::Operations;

/// An operation that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The grant that it began by, by control's number.
    pub grant: u64,
    /// The request that ends it, which waits for its answer.
    last: Option<Key>,
}

impl Operation {
    /// Takes note of a command that was let through; true where an operation began with it.
    pub(crate) fn step(
        this: &mut Option<Operation>,
        step: Step,
        said: Option<Operations>,
        key: Option<Key>,
    ) -> bool {
        match (this, step) {
            (this @ None, Step::Begins) => {
                *this = said.map(|said| Operation { grant: said.grant, last: None });
                this.is_some()
            }
            (Some(operation), Step::Ends) => {
                operation.last = key;
                false
            }
            _ => false,
        }
    }

    /// Whether this answer is the last word of it.
    pub(crate) fn is_ended_by(&self, answer: Key) -> bool {
        self.last.is_some_and(|last| {
            (last.transaction, last.function) == (answer.transaction, answer.function)
        })
    }
}
