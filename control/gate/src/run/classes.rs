//! Commands by class, counted where they are logged: workers tell each of them anyway.

use std::collections::BTreeMap;

use wicketgate_dissectors::Class;
use wicketgate_engine::EventKind;

use crate::api::reply::Judged;

/// How many there were of each class since the start.
pub(super) struct Classes(BTreeMap<&'static str, Judged>);

impl Classes {
    /// None of any: a counter that is there from the start shows its first step.
    pub(super) fn new() -> Classes {
        Classes(Class::ALL.iter().map(|class| (class.name(), Judged::default())).collect())
    }

    /// Counts an event, if it is a command. Who observes is not denied.
    pub(super) fn count(&mut self, event: &EventKind) {
        let EventKind::Command(command) = event else { return };
        let judged = self.0.entry(command.class.name()).or_default();
        match command.denied {
            Some(_) if !command.observed => judged.denied += 1,
            _ => judged.forwarded += 1,
        }
    }

    /// All of them, by the class's name.
    pub(super) fn told(&self) -> BTreeMap<String, Judged> {
        self.0.iter().map(|(class, judged)| ((*class).to_owned(), *judged)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_there_before_it_is_seen() {
        let told = Classes::new().told();
        assert_eq!(told.len(), Class::ALL.len());
        assert_eq!(told["write"], Judged::default());
    }
}
