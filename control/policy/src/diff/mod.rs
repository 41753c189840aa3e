//! Who gains and who loses what between two policies.
//!
//! What is compared is what policies give, not how they are written: per role and machine, asset and
//! protocol everything that the rules give is laid out into products (`cell`) for each kind of thing
//! that a command can do (`kind`), and what the other policy gives is taken away. Each part that is
//! left is one that some command shows, so no difference is said that is none.
//!
//! Roles are compared one by one. That is enough for people with several: what they may do is what any
//! of their roles gives, item by item.
//!
//! | module | what it holds |
//! |---|---|
//! | `side` | who may do what, from one policy |
//! | `kind` | kinds of things that commands do |
//! | `cell` | what an entry gives of a kind, and taking away |
//! | `numbers` | addresses and values, of which a command has several |
//! | `services` | kinds of things that EtherNet/IP commands do |
//! | `operands` | kinds of things that S7 commands do, and where |
//! | `place`, `rules` | objects, tags and values of CIP |
//! | `compare` | what is left of a list of entries |
//! | `set`, `year` | numbers, and minutes |
//! | `settings` | addresses and other settings of assets and ports |
//! | `words` | all of it in words |

mod cell;
mod compare;
mod kind;
mod numbers;
mod operands;
mod place;
mod rules;
mod services;
mod set;
mod settings;
mod side;
mod words;
mod year;

#[cfg(test)]
#[path = "../tests/diff.rs"]
mod tests;

#[cfg(test)]
#[path = "../tests/diff_enip.rs"]
mod tests_of_enip;

#[cfg(test)]
#[path = "../tests/diff_opcua.rs"]
mod tests_of_opcua;

use std::fmt;

use serde::Serialize;
use wicketgate_dissectors::Protocol;

use crate::explain;
use crate::model::Policy;
use crate::rate;
use compare::{Part, compare};
use side::{Gift, Key, Subject, side};
use year::Calendar;

/// The difference of two policies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What roles and machines gain and lose.
    pub rights: Vec<Change>,
    /// What is otherwise about ports and assets.
    pub settings: Vec<String>,
}

/// What somebody gains and loses on some assets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `role`, or `machine`: a conduit's.
    pub kind: &'static str,
    /// The role, or the machine's address with the MAC address and port that it must have.
    pub who: String,
    /// The assets on which it is so.
    pub assets: Vec<String>,
    /// The protocol.
    pub protocol: &'static str,
    /// What was not given before.
    pub gains: Vec<String>,
    /// What is given no longer.
    pub loses: Vec<String>,
    /// Whether each of it was proven by a command; else a search was given up, and it may be less.
    pub exact: bool,
}

impl Difference {
    /// Whether both give the same.
    pub fn is_empty(&self) -> bool {
        self.rights.is_empty() && self.settings.is_empty()
    }
}

/// What `after` gives otherwise than `before`. Windows are compared over the year 2026.
pub fn diff(before: &Policy, after: &Policy) -> Difference {
    let (old, new) = (side(before), side(after));
    let mut groups: Vec<Group<'_>> = Vec::new();
    let gone = old.keys().filter(|key| !new.contains_key(key));
    let mut keys: Vec<&Key> = new.keys().chain(gone).collect();
    keys.sort();
    for key in keys {
        let gifts = [&old, &new].map(|side| side.get(key).map_or(&[][..], Vec::as_slice));
        add(&mut groups, key, gifts);
    }
    let mut calendar = Calendar::default();
    let rights = groups.iter().filter_map(|group| group.change(&mut calendar)).collect();
    Difference { rights, settings: settings::settings(before, after) }
}

/// Assets on which a subject has the same gifts before and after: compared once.
struct Group<'s> {
    subject: &'s Subject,
    protocol: Protocol,
    assets: Vec<String>,
    gifts: [&'s [Gift<'s>]; 2],
}

fn add<'s>(groups: &mut Vec<Group<'s>>, key: &'s Key, gifts: [&'s [Gift<'s>]; 2]) {
    let (subject, asset, protocol) = key;
    let [old, new] = gifts;
    if old == new {
        return;
    }
    // The keys are sorted by subject: another one's groups need not be looked at.
    let of_subject = groups.iter_mut().rev().take_while(|group| group.subject == subject);
    let mut same = of_subject.filter(|group| group.protocol == *protocol && group.gifts == gifts);
    match same.next() {
        Some(group) => group.assets.push(asset.clone()),
        None => {
            let (assets, protocol) = (vec![asset.clone()], *protocol);
            groups.push(Group { subject, protocol, assets, gifts });
        }
    }
}

impl Group<'_> {
    fn change(&self, calendar: &mut Calendar) -> Option<Change> {
        let [loses, gains] = compare(self.protocol, self.gifts, calendar);
        let exact = gains.iter().chain(&loses).all(|part: &Part| part.witness.is_some());
        let (gains, loses) = (words::lines(&gains), words::lines(&loses));
        let (kind, who) = match self.subject {
            Subject::Role(role, conditions) if conditions.is_default() => ("role", role.clone()),
            Subject::Role(role, conditions) => {
                ("role", format!("{role}, asking {}", conditions.words().join(", ")))
            }
            Subject::Machine(address, mac, port, rate) => {
                let mac = mac.map(|mac| format!(", MAC {}", explain::mac(mac)));
                let port = port.as_ref().map(|port| format!(", by {port}"));
                let (mac, port) = (mac.unwrap_or_default(), port.unwrap_or_default());
                let rate = rate.map(|rate| format!(", {}", rate::words(rate, self.protocol)));
                ("machine", format!("{address}{mac}{port}{}", rate.unwrap_or_default()))
            }
        };
        let (assets, protocol) = (self.assets.clone(), self.protocol.name());
        let change = Change { kind, who, assets, protocol, gains, loses, exact };
        (!change.gains.is_empty() || !change.loses.is_empty()).then_some(change)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (change, at) in self.rights.iter().zip(0..) {
            let lead = if at == 0 { "" } else { "\n" };
            write!(f, "{lead}{change}")?;
        }
        if !self.settings.is_empty() && !self.rights.is_empty() {
            writeln!(f)?;
        }
        self.settings.iter().try_for_each(|setting| writeln!(f, "{setting}"))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { kind, who, assets, protocol, .. } = self;
        writeln!(f, "{kind} {who} on {} ({protocol})", assets.join(", "))?;
        self.gains.iter().try_for_each(|what| writeln!(f, "  gains  {what}"))?;
        self.loses.iter().try_for_each(|what| writeln!(f, "  loses  {what}"))?;
        if !self.exact {
            writeln!(f, "  not exactly decided: it may be less than that")?;
        }
        Ok(())
    }
}
