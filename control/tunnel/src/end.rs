//! Why a tunnel ends, as the other end is told.

use std::fmt;

use crate::transport::IDLE;

/// The kind of end: the application error code of QUIC (RFC 9000 section 20.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The user logged out.
    Bye,
    /// The login is over: the words say why.
    Over,
    /// Nobody logged in, however often they tried.
    Refused,
    /// Another version is spoken.
    Version,
    /// What came was not understood, or not at its time.
    Protocol,
    /// Nobody logged in, in the time there is for it.
    Slow,
    /// The gate has as many tunnels as it takes.
    Full,
    /// The gate stops.
    Stopping,
    /// The other end was not heard of for too long.
    Silent,
}

impl Code {
    const ALL: [Code; 9] = [
        Code::Bye,
        Code::Over,
        Code::Refused,
        Code::Version,
        Code::Protocol,
        Code::Slow,
        Code::Full,
        Code::Stopping,
        Code::Silent,
    ];

    /// Its number on the wire.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The code of that number.
    pub fn from_number(number: u64) -> Option<Code> {
        Code::ALL.into_iter().find(|code| u64::from(code.number()) == number)
    }
}

/// How a tunnel ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Its kind.
    pub code: Code,
    /// In words: `revoked`, `expired`.
    pub why: String,
}

impl End {
    /// An end of this kind.
    pub fn new(code: Code, why: impl Into<String>) -> End {
        End { code, why: why.into() }
    }

    /// The other end is not heard of any more.
    pub fn silent() -> End {
        let seconds = IDLE.as_secs();
        End::new(Code::Silent, format!("nothing was heard of the other end for {seconds} s"))
    }

    /// What came was not understood.
    pub fn protocol(why: impl fmt::Display) -> End {
        End::new(Code::Protocol, why.to_string())
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back_from_their_numbers() {
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number().into()), Some(code));
        }
        assert_eq!(Code::from_number(99), None);
    }
}
