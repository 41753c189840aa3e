//! Sets of command classes for the usual kinds of work.

use wicketgate_dissectors::{Class, ClassSet, Protocol};

/// A named set of command classes; each holds the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Look, change nothing: `discover session read subscribe diag`.
    View,
    /// Run the process: `view` and `write alarm`.
    Operate,
    /// Keep the machine running: `operate` and `auth force time file-read program-read`. Nothing
    /// that stops the device or changes what it is.
    Maintain,
    /// Everything that the gate knows, `mode`, `config`, `program-write`, `firmware` and
    /// `file-write` included; never `unknown`.
    Engineer,
}

impl Preset {
    /// All presets, the smallest first.
    pub const ALL: &[Preset] = &[Preset::View, Preset::Operate, Preset::Maintain, Preset::Engineer];

    /// The word used in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            Preset::View => "view",
            Preset::Operate => "operate",
            Preset::Maintain => "maintain",
            Preset::Engineer => "engineer",
        }
    }

    /// The preset of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Preset> {
        Preset::ALL.iter().copied().find(|preset| preset.name() == name)
    }

    /// What it allows of `protocol`. Every client of OPC UA says who its user is before it may look at
    /// anything, and that is all that is `auth` there.
    pub fn classes_of(self, protocol: Protocol) -> ClassSet {
        match protocol {
            Protocol::Opcua => self.classes().with(Class::Auth),
            _ => self.classes(),
        }
    }

    /// What it allows of any protocol.
    pub fn classes(self) -> ClassSet {
        use Class::{
            Alarm, Auth, Diag, Discover, FileRead, Force, ProgramRead, Read, Session, Subscribe,
            Time, Unknown, Write,
        };
        match self {
            Preset::View => ClassSet::of(&[Discover, Session, Read, Subscribe, Diag]),
            Preset::Operate => Preset::View.classes().with(Write).with(Alarm),
            Preset::Maintain => {
                let more = ClassSet::of(&[Auth, Force, Time, FileRead, ProgramRead]);
                Preset::Operate.classes().union(more)
            }
            Preset::Engineer => {
                let known = Class::ALL.iter().filter(|class| **class != Unknown);
                known.fold(ClassSet::EMPTY, |set, class| set.with(*class))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_holds_the_one_before() {
        for pair in Preset::ALL.windows(2) {
            let (less, more) = (pair[0].classes(), pair[1].classes());
            assert!(less.iter().all(|class| more.contains(class)), "{pair:?}");
            assert_ne!(less, more);
        }
    }

    /// No service of OPC UA is `auth` but the one that every session begins with.
    #[test]
    fn whoever_may_look_may_open_a_session_of_opcua() {
        use wicketgate_dissectors::opcua;
        let auth = opcua::services().iter().filter(|service| service.class == Class::Auth);
        assert_eq!(auth.map(|service| service.name).collect::<Vec<_>>(), ["activate-session"]);
        assert!(Preset::View.classes_of(Protocol::Opcua).contains(Class::Auth));
        assert!(!Preset::Operate.classes_of(Protocol::S7comm).contains(Class::Auth));
    }

    #[test]
    fn no_preset_allows_the_unknown() {
        for preset in Preset::ALL {
            assert!(!preset.classes().contains(Class::Unknown), "{preset:?}");
        }
        assert_eq!(Preset::Engineer.classes().iter().count(), Class::ALL.len() - 1);
    }

    #[test]
    fn nobody_below_an_engineer_stops_or_changes_a_device() {
        let classes = Preset::Maintain.classes();
        for class in
            [Class::Mode, Class::Config, Class::ProgramWrite, Class::Firmware, Class::FileWrite]
        {
            assert!(!classes.contains(class), "{class}");
        }
    }
}
