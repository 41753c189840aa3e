//! What both ends say on the first stream of a connection.
//!
//! A message is its length in two bytes, big-endian, and so many bytes of JSON. Fields may be added within a
//! version: who does not know one leaves it alone.

use std::fmt;
use std::net::Ipv4Addr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The version of what is said here, and of the form of packets ([`packet`](crate::packet)).
pub const VERSION: u16 = 2;

/// Longest message, in bytes of JSON.
pub const LONGEST: usize = 8192;

/// What a user's end says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToGate {
    /// The first message.
    Hello {
        /// The version that the user's end speaks.
        version: u16,
        /// What it is, for the gate's records.
        program: String,
    },
    /// The user proves who they are.
    LogIn(Credentials),
    /// Whoever is logged in proves factors anew, or further ones.
    StepUp(Proof),
    /// Whoever is logged in asks for what a rule gives on request only.
    Ask(Wanted),
    /// The user logs out.
    Bye,
}

/// What a user shows to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The name to log in by.
    pub user: String,
    /// The password.
    pub password: Option<Secret>,
    /// A TOTP code or a recovery code.
    pub code: Option<Secret>,
}

/// What a user shows to prove more: no name, for the gate knows whose tunnel it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The password.
    pub password: Option<Secret>,
    /// A TOTP code or a recovery code.
    pub code: Option<Secret>,
}

/// What a user asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The rule's name.
    pub rule: String,
    /// The asset's name.
    pub asset: String,
    /// What for.
    pub reason: Option<String>,
}

/// What the gate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToUser {
    /// The answer to the first message: the gate speaks this version, too.
    Hello {
        /// The version that the gate speaks.
        version: u16,
    },
    /// The login is good: packets may flow.
    Admitted(Admitted),
    /// It is not.
    Refused(Refused),
    /// Something that was asked for in the tunnel was refused.
    Denied(Denied),
    /// The step-up is good: all factors that the login has proven, however long ago.
    SteppedUp {
        /// Their names.
        proven: Vec<String>,
    },
    /// How what the user asked for stands: the answer to that, and said again whenever it changes.
    Grant(Grant),
    /// A step-up or a request is refused.
    NotDone(Refused),
}

/// A login, and what its tunnel is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admitted {
    /// The login's number at the gate.
    pub login: u64,
    /// The user's name.
    pub user: String,
    /// The only address that packets from the user may have.
    pub address: Ipv4Addr,
    /// The overlay: its network address, and the length of its prefix in bits.
    pub overlay: (Ipv4Addr, u8),
    /// Longest IP packet that fits, in bytes.
    pub mtu: u16,
    /// Seconds until the login ends at the latest.
    pub left: u64,
    /// Factors that were proven.
    pub proven: Vec<String>,
    /// Assets that the login may use, with their addresses in the overlay: not all, where they are many.
    #[serde(default)]
    pub assets: Vec<(String, Ipv4Addr)>,
}

/// A request or a grant of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its number at the gate.
    pub id: u64,
    /// The rule.
    pub rule: String,
    /// The asset.
    pub asset: String,
    /// How it stands.
    pub state: GrantState,
    /// Factors that must be proven first.
    #[serde(default)]
    pub lacking: Vec<String>,
    /// The role of whoever may approve it, where it waits for that.
    pub approver: Option<String>,
    /// Who approved or refused it.
    pub by: Option<String>,
    /// Why it is over: `denied`, `expired`, `revoked`, as in the audit log.
    pub why: Option<String>,
    /// Seconds until it ends, where it holds.
    pub left: Option<u64>,
}

/// How a grant stands (docs/IDENTITY.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantState {
    /// Waits for proof.
    Challenged,
    /// Waits for approval.
    Requested,
    /// Holds.
    Granted,
    /// Over, but for an operation under way.
    Draining,
    /// Over.
    Over,
}

/// Why there is no login. To a wrong name, password or code the gate says the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// For people.
    pub what: String,
    /// Seconds to wait, where another attempt before is of no use.
    pub wait: Option<u64>,
}

/// A command or a connection that was refused: once, however often it is asked for within a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// The asset, or the address where it is none.
    pub asset: String,
    /// What was asked: `write-single-register 100`, `connect to tcp/502`.
    pub asked: String,
    /// The reason's name, as in the audit log.
    pub reason: String,
    /// What it means and what to do.
    pub meaning: String,
    /// The rule that came nearest.
    pub rule: Option<String>,
    /// Roles for which some rule would allow commands of this kind there.
    pub roles: Vec<String>,
    /// Factors by which, proven now, the login would have a rule for this.
    #[serde(default)]
    pub prove: Vec<String>,
    /// Rules for this that the user may ask for.
    #[serde(default)]
    pub ask: Vec<String>,
}

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Longer than [`LONGEST`], or empty.
    Length(usize),
    /// Not JSON, or of a form that is not known.
    Form,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Length(length) => {
                write!(f, "a message of {length} bytes: from 1 to {LONGEST} are taken")
            }
            Malformed::Form => f.write_str("a message that is not understood"),
        }
    }
}

impl std::error::Error for Malformed {}

/// The bytes of a message; they are wiped when they have been sent, as some hold a password.
///
/// # Errors
/// It is too long.
pub fn encode(message: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 + LONGEST));
    bytes.extend_from_slice(&[0, 0]);
    serde_json::to_writer(&mut *bytes, message).map_err(|_| Malformed::Form)?;
    let length = bytes.len() - 2;
    let short = u16::try_from(length).ok().filter(|_| length <= LONGEST);
    let short = short.ok_or(Malformed::Length(length))?;
    if let Some(head) = bytes.first_chunk_mut() {
        *head = short.to_be_bytes();
    }
    Ok(bytes)
}

/// Bytes of a stream, of which whole messages are taken. Holds one message at most, and what came with it.
#[derive(Debug, Default)]
pub struct Inbox(Zeroizing<Vec<u8>>);

impl Inbox {
    /// Adds what has come.
    pub fn add(&mut self, bytes: &[u8]) {
        let length = self.0.len() + bytes.len();
        if length > self.0.capacity() {
            // Room for a whole message: bytes that grow would leave copies of a password behind.
            let mut room = Zeroizing::new(Vec::with_capacity(length.max(2 + LONGEST)));
            room.extend_from_slice(&self.0);
            self.0 = room;
        }
        self.0.extend_from_slice(bytes);
    }

    /// The next whole message.
    ///
    /// # Errors
    /// What comes is none, and nothing behind it can be trusted to be one.
    pub fn take<M: DeserializeOwned>(&mut self) -> Result<Option<M>, Malformed> {
        let Some(head) = self.0.first_chunk::<2>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes(*head));
        if length == 0 || length > LONGEST {
            return Err(Malformed::Length(length));
        }
        let Some(body) = self.0.get(2..2 + length) else { return Ok(None) };
        let message = serde_json::from_slice(body).map_err(|_| Malformed::Form)?;
        // What was read is wiped now, and not when the tunnel ends.
        self.0 = Zeroizing::new(self.0.split_off(2 + length));
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> ToGate {
        ToGate::Hello { version: VERSION, program: "test".to_owned() }
    }

    fn log_in() -> ToGate {
        let secret = |text: &str| Some(Secret::new(text.to_owned()));
        let (password, code) = (secret("correct horse"), secret("123456"));
        ToGate::LogIn(Credentials { user: "anna".to_owned(), password, code })
    }

    fn step_up() -> ToGate {
        let code = Some(Secret::new("654321".to_owned()));
        ToGate::StepUp(Proof { password: None, code })
    }

    fn wanted() -> ToGate {
        let (rule, asset) = ("writes".to_owned(), "press-3".to_owned());
        ToGate::Ask(Wanted { rule, asset, reason: Some("order 4711".to_owned()) })
    }

    #[test]
    fn messages_cross_however_they_are_cut() {
        let messages = [hello(), log_in(), step_up(), wanted(), ToGate::Bye];
        let bytes: Vec<u8> =
            messages.iter().flat_map(|message| encode(message).unwrap().to_vec()).collect();
        for piece in 1..bytes.len() {
            let mut inbox = Inbox::default();
            let mut heard = Vec::new();
            for part in bytes.chunks(piece) {
                inbox.add(part);
                while let Some(message) = inbox.take::<ToGate>().unwrap() {
                    heard.push(message);
                }
            }
            assert_eq!(heard, messages, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_before_it_is_there() {
        let refused = |bytes: &[u8]| {
            let mut inbox = Inbox::default();
            inbox.add(bytes);
            inbox.take::<ToGate>().unwrap_err()
        };
        assert_eq!(refused(&[0, 0]), Malformed::Length(0));
        assert_eq!(refused(&[0xff, 0xff]), Malformed::Length(65535));
        assert_eq!(refused(b"\0\x02{}"), Malformed::Form);
        assert_eq!(refused(b"\0\x10{\"type\":\"hullo\"}"), Malformed::Form);
    }

    /// Text that grows or is moved leaves copies behind; what is dropped is wiped.
    #[test]
    fn the_buffer_of_a_message_is_made_once_and_goes_with_it() {
        let bytes = encode(&log_in()).unwrap();
        let (mut inbox, mut room) = (Inbox::default(), None);
        for piece in bytes.chunks(5) {
            inbox.add(piece);
            assert_eq!(*room.get_or_insert(inbox.0.capacity()), inbox.0.capacity());
        }
        assert_eq!(inbox.take(), Ok(Some(log_in())));
        assert_eq!(inbox.0.capacity(), 0);
    }

    #[test]
    fn a_field_that_is_not_known_does_no_harm() {
        let text = br#"{"type":"bye","why":"lunch"}"#;
        let mut inbox = Inbox::default();
        inbox.add(&[0, text.len() as u8]);
        inbox.add(text);
        assert_eq!(inbox.take::<ToGate>(), Ok(Some(ToGate::Bye)));
    }

    #[test]
    fn what_is_too_long_is_not_sent() {
        let long = ToGate::Hello { version: 1, program: "x".repeat(LONGEST) };
        assert!(matches!(encode(&long), Err(Malformed::Length(_))));
    }

    #[test]
    fn secrets_are_not_printed() {
        let printed = format!("{:?} {:?}", log_in(), step_up());
        assert!(printed.contains("anna"), "{printed}");
        for secret in ["horse", "123456", "654321"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
