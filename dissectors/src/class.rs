//! Command classes: the words that policy speaks.

use core::fmt;

macro_rules! classes {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal ),+ $(,)?) => {
        /// What kind of thing a command does; every command of every protocol is in exactly one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Class { $( $(#[$doc])* $variant ),+ }

        impl Class {
            /// All classes, in the order of DESIGN 2.
            pub const ALL: &[Class] = &[ $( Class::$variant ),+ ];

            /// The word used in policy files, audit events and reports.
            pub const fn name(self) -> &'static str {
                match self { $( Class::$variant => $name ),+ }
            }
        }
    };
}

classes! {
    /// Identity, lists, browsing.
    Discover = "discover",
    /// Open, close, keep alive.
    Session = "session",
    /// Login, password, privilege.
    Auth = "auth",
    /// Read process values.
    Read = "read",
    /// Have values sent on change or in cycles.
    Subscribe = "subscribe",
    /// Write process values.
    Write = "write",
    /// Force inputs or outputs, override.
    Force = "force",
    /// Device or network parameters.
    Config = "config",
    /// Set the clock.
    Time = "time",
    /// Start, stop, reset, restart.
    Mode = "mode",
    /// Program upload, out of the device.
    ProgramRead = "program-read",
    /// Program download, online edit, delete.
    ProgramWrite = "program-write",
    /// Firmware.
    Firmware = "firmware",
    /// Read files and records.
    FileRead = "file-read",
    /// Write, rename, delete files and records.
    FileWrite = "file-write",
    /// Acknowledge, enable, disable alarms.
    Alarm = "alarm",
    /// Diagnostics without effect on the process.
    Diag = "diag",
    /// Not known to the dissector: denied unless a rule names the raw code.
    Unknown = "unknown",
}

impl Class {
    /// The class of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Class> {
        Class::ALL.iter().copied().find(|class| class.name() == name)
    }
}

impl Class {
    /// How much a command of this class can do to a plant: of several, the greatest decides what a
    /// command is called. The unknown could be anything.
    pub fn weight(self) -> usize {
        const RISING: [Class; 18] = [
            Class::Discover,
            Class::Session,
            Class::Diag,
            Class::Read,
            Class::Subscribe,
            Class::FileRead,
            Class::ProgramRead,
            Class::Auth,
            Class::Alarm,
            Class::Time,
            Class::Write,
            Class::FileWrite,
            Class::Config,
            Class::Force,
            Class::Mode,
            Class::ProgramWrite,
            Class::Firmware,
            Class::Unknown,
        ];
        RISING.iter().position(|class| *class == self).unwrap_or(RISING.len())
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of classes as one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClassSet(u32);

impl ClassSet {
    /// No class at all.
    pub const EMPTY: ClassSet = ClassSet(0);
    /// Every class, unknown ones too.
    pub const ALL: ClassSet = ClassSet::of(Class::ALL);

    /// The set of these classes.
    pub const fn of(classes: &[Class]) -> ClassSet {
        let mut set = 0;
        let mut rest = classes;
        while let [first, tail @ ..] = rest {
            set |= 1 << *first as u32;
            rest = tail;
        }
        ClassSet(set)
    }

    /// Whether `class` is in the set.
    pub const fn contains(self, class: Class) -> bool {
        self.0 & (1 << class as u32) != 0
    }

    /// The set with `class` added.
    #[must_use]
    pub const fn with(self, class: Class) -> ClassSet {
        ClassSet(self.0 | 1 << class as u32)
    }

    /// All classes of either set.
    #[must_use]
    pub const fn union(self, other: ClassSet) -> ClassSet {
        ClassSet(self.0 | other.0)
    }

    /// Whether no class is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The classes of the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.iter().copied().filter(move |class| self.contains(*class))
    }
}
