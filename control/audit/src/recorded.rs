//! Reading a command back from its record.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::Deserialize;
use wicketgate_packet::Time;

/// A command as a log tells it: the fields of `docs/AUDIT.md` that say who asked what of whom, and
/// what was said.
#[derive(Debug, Deserialize)]
pub struct Recorded<'a> {
    #[serde(borrow, rename = "time")]
    stamp: Cow<'a, str>,
    /// The user, or the conduit.
    #[serde(borrow)]
    pub user: Option<Cow<'a, str>>,
    /// Whether a machine with a conduit asked.
    #[serde(default)]
    pub essential: bool,
    /// The address that asked.
    pub client: Ipv4Addr,
    /// The asset.
    #[serde(borrow)]
    pub asset: Option<Cow<'a, str>>,
    /// The protocol's word.
    #[serde(borrow)]
    pub protocol: Cow<'a, str>,
    /// `success`, `denied` or `observed`.
    #[serde(borrow)]
    pub result: Cow<'a, str>,
    /// Why not.
    #[serde(borrow)]
    pub reason: Option<Cow<'a, str>>,
    /// The rule or conduit that allowed it or came nearest.
    #[serde(borrow)]
    pub rule: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// What tells a command from the other records.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

impl Recorded<'_> {
    /// The command in a line of a log; `None` in every other record.
    pub fn read(line: &[u8]) -> Option<Recorded<'_>> {
        let kind: Kind<'_> = serde_json::from_slice(line).ok()?;
        if kind.kind != "command" {
            return None;
        }
        serde_json::from_slice(line).ok()
    }

    /// When the frame that completed it came.
    pub fn time(&self) -> Option<Time> {
        let stamp: Timestamp = self.stamp.parse().ok()?;
        u64::try_from(stamp.as_nanosecond()).ok().map(Time::from_nanos)
    }

    /// The request PDU.
    pub fn pdu(&self) -> Option<Vec<u8>> {
        let digits = self.payload.as_bytes();
        let (pairs, rest) = digits.as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
        rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_command_and_nothing_else() {
        let examples = include_str!("../tests/examples.jsonl");
        let commands = examples.lines().filter_map(|line| Recorded::read(line.as_bytes()));
        let mut count = 0;
        for command in commands {
            count += 1;
            assert!(command.user.is_some() && command.time().is_some(), "{command:?}");
            assert!(command.pdu().is_some_and(|pdu| pdu.len() >= 8), "{command:?}");
        }
        assert_eq!(count, examples.matches("\"type\":\"command\"").count());
        assert!(count >= 2);
    }
}
