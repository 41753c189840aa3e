//! Names that cannot be misread: in a log, on a screen, on a command line.

use std::fmt;

/// Longest name of a user or role, in bytes.
pub const MAX_NAME: usize = 64;

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadName {
    /// Nothing, or more than [`MAX_NAME`] bytes.
    Length,
    /// Something but `a-z 0-9 . _ - @`, or no letter or digit at the beginning.
    Character,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadName::Length => write!(f, "a name has 1 to {MAX_NAME} characters"),
            BadName::Character => f.write_str(
                "a name is made of a-z, 0-9 and . _ - @, and begins with a letter or digit",
            ),
        }
    }
}

impl std::error::Error for BadName {}

fn check(text: &str) -> Result<(), BadName> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if text.len() > MAX_NAME {
        return Err(BadName::Length);
    }
    let first = *text.as_bytes().first().ok_or(BadName::Length)?;
    let whole = text.bytes().all(|byte| plain(byte) || b"._-@".contains(&byte));
    if plain(first) && whole { Ok(()) } else { Err(BadName::Character) }
}

/// Whether text for people has nothing that moves a cursor, hides, or turns the direction of writing.
pub(crate) fn is_printable(text: &str) -> bool {
    let hides = |character| {
        matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    !text.chars().any(|character| character.is_control() || hides(character))
}

macro_rules! name {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// A name as it is typed; ASCII capitals are made small.
            ///
            /// # Errors
            /// [`BadName`].
            pub fn new(text: &str) -> Result<$name, BadName> {
                let small = text.to_ascii_lowercase();
                check(&small)?;
                Ok($name(small.into()))
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A user's name: `alice`, `j.doe@plant-2`. Two that differ only in capitals are one.
    UserName
}
name! {
    /// A role's name, as rules have it.
    Role
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_typed() {
        assert_eq!(UserName::new("Alice").unwrap(), UserName::new("alice").unwrap());
        assert!(UserName::new("j.doe@plant-2").is_ok());
        assert_eq!(UserName::new(""), Err(BadName::Length));
        assert_eq!(UserName::new(&"a".repeat(MAX_NAME + 1)), Err(BadName::Length));
        for bad in ["-rf", "a b", "a\n", "аlice", "a/b", ".a", "a\u{202e}b", "a\0"] {
            assert_eq!(UserName::new(bad), Err(BadName::Character), "{bad:?}");
        }
    }
}
