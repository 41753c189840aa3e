//! Alarms that are on, and when they are to be told.

use std::collections::BTreeMap;

use wicketgate_audit::Alarm;

/// Looks between two times that the same alarm is told: a minute of seconds.
const REMIND: u32 = 60;

/// What is to be told after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tell {
    /// It has just begun.
    Begins,
    /// It goes on, and was told a while ago.
    GoesOn,
    /// It is over.
    Ends,
}

/// For each alarm, for how many looks it has been on; 0 is off.
#[derive(Debug, Default)]
pub(super) struct Alarms([u32; Alarm::ALL.len()]);

impl Alarms {
    /// All of them by their codes, each with whether it is on.
    pub(super) fn told(&self) -> BTreeMap<String, bool> {
        let told = Alarm::ALL
            .iter()
            .zip(self.0)
            .map(|(alarm, looks)| (alarm.code().to_owned(), looks > 0));
        told.collect()
    }

    /// Notes whether an alarm is on; what there is to tell of it.
    pub(super) fn look(&mut self, alarm: Alarm, on: bool) -> Option<Tell> {
        let looks = self.0.get_mut(alarm.place())?;
        let before = *looks;
        *looks = if on { before.saturating_add(1) } else { 0 };
        match (before, on) {
            (0, true) => Some(Tell::Begins),
            (0, false) => None,
            (_, false) => Some(Tell::Ends),
            (before, true) => before.is_multiple_of(REMIND).then_some(Tell::GoesOn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_told_at_its_begin_each_minute_and_at_its_end() {
        let mut alarms = Alarms::default();
        let mut look = |on| alarms.look(Alarm::KernelForwards, on);
        assert_eq!([look(false), look(true), look(true)], [None, Some(Tell::Begins), None]);
        let told = (2..=2 * REMIND).filter(|_| look(true) == Some(Tell::GoesOn)).count();
        assert_eq!(told, 2);
        assert_eq!([look(false), look(false)], [Some(Tell::Ends), None]);
        assert_eq!(look(true), Some(Tell::Begins), "again");
    }

    #[test]
    fn all_alarms_are_told_and_which_are_on() {
        let mut alarms = Alarms::default();
        let _ = alarms.look(Alarm::AuditFails, true);
        let told = alarms.told();
        assert_eq!(told.len(), Alarm::ALL.len());
        let on: Vec<_> = told.iter().filter(|(_, on)| **on).map(|(code, _)| &**code).collect();
        assert_eq!(on, ["audit-fails"]);
    }

    #[test]
    fn alarms_do_not_know_each_other() {
        let mut alarms = Alarms::default();
        for alarm in Alarm::ALL {
            assert_eq!(alarms.look(alarm, true), Some(Tell::Begins));
        }
    }
}
