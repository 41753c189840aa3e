//! What a run can show that must not be.

use std::fmt;

use crate::stack::State;

/// The first thing that was wrong in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The device got a request that is not the next allowed one: denied, altered, out of order, again.
    Executed {
        /// How many it had executed before.
        after: usize,
        /// What it got.
        got: Vec<u8>,
        /// What it should have got.
        due: Option<Vec<u8>>,
    },
    /// The client got an answer that is not that of its next request.
    Answered {
        /// How many it had got before.
        after: usize,
        /// What it got.
        got: Vec<u8>,
        /// What it should have got.
        due: Option<Vec<u8>>,
    },
    /// A frame left that is not canonical, or not between these two ends.
    NotCanonical {
        /// The port of the gate it left by.
        port: u16,
        /// What is wrong with it.
        why: &'static str,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Bytes left that do not belong where they stand in the stream: altered, denied, never sent.
    Stream {
        /// The port of the gate they left by.
        port: u16,
        /// What is wrong with them.
        why: &'static str,
        /// The place in the stream, counted from its first byte.
        at: i64,
    },
    /// Bytes were acknowledged that the other end had not.
    EarlyAck {
        /// The port of the gate it left by.
        port: u16,
        /// How far the acknowledgement reaches into the sender's stream.
        at: usize,
    },
    /// The connection was reset, or ended before its time.
    Ended {
        /// Which end says so.
        end: &'static str,
        /// How.
        how: &'static str,
    },
    /// Nothing more happened.
    Stalled {
        /// Answers that the client had got.
        answered: usize,
        /// Requests that the device had executed.
        executed: usize,
        /// Where client and server stand.
        ends: [State; 2],
    },
    /// The audit was told something else.
    Audit {
        /// How many commands it was told rightly.
        after: usize,
        /// What was told of the next, and whether it was denied.
        told: Option<(Vec<u8>, bool)>,
        /// What should have been.
        due: Option<(Vec<u8>, bool)>,
    },
    /// Something is left in the gate after everything is over.
    Left(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Executed { after, got, due } => {
                write!(f, "after {after} requests the device got {}, {}", Hex(got), Due(due))
            }
            Violation::Answered { after, got, due } => {
                write!(f, "after {after} answers the client got {}, {}", Hex(got), Due(due))
            }
            Violation::NotCanonical { port, why, frame } => {
                write!(f, "a frame left by port {port}: {why}: {}", Hex(frame))
            }
            Violation::Stream { port, why, at } => {
                write!(f, "by port {port} left at byte {at} of the stream: {why}")
            }
            Violation::EarlyAck { port, at } => {
                write!(f, "by port {port} byte {at} was acknowledged, which the other end had not")
            }
            Violation::Ended { end, how } => write!(f, "the {end}'s connection: {how}"),
            Violation::Stalled { answered, executed, ends: [client, server] } => {
                write!(f, "stalled with {executed} requests executed, {answered} answered, ")?;
                write!(f, "the client {client:?}, the server {server:?}")
            }
            Violation::Audit { after, told, due } => {
                write!(f, "after {after} commands the audit was told ")?;
                Told(told).fmt(f)?;
                f.write_str(", due was ")?;
                Told(due).fmt(f)
            }
            Violation::Left(what) => write!(f, "left in the gate: {what}"),
        }
    }
}

struct Hex<'a>(&'a [u8]);
struct Due<'a>(&'a Option<Vec<u8>>);
struct Told<'a>(&'a Option<(Vec<u8>, bool)>);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Due<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bytes) => write!(f, "due was {}", Hex(bytes)),
            None => f.write_str("nothing more was due"),
        }
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((pdu, denied)) => {
                write!(f, "{} {}", if *denied { "denied" } else { "forwarded" }, Hex(pdu))
            }
            None => f.write_str("nothing"),
        }
    }
}
