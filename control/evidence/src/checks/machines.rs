//! What machines are given.

use super::{Check, but, many};
use crate::facts::{Conduit, Facts};
use crate::outcome::Verdict;

/// Machines are known by more than an address.
pub const KNOWN: Check = Check::new("machines-known", known);
/// Machines have a list of commands, as people have.
pub const LISTED: Check = Check::new("machines-listed", listed);
/// What machines ask is limited in number.
pub const RATES: Check = Check::new("rates", rates);

/// The checks of this page.
pub const CHECKS: &[Check] = &[KNOWN, LISTED, RATES];

/// How it stands with conduits of which each should be so.
fn each(facts: &Facts, what: &str, remedy: &str, is: impl Fn(&Conduit) -> bool) -> Verdict {
    let conduits = &facts.policy.conduits;
    let wrong: Vec<&str> =
        conduits.iter().filter(|of| !is(of)).map(|of| of.right.name.as_str()).collect();
    let good = conduits.len() - wrong.len();
    let seen = format!("{good} of {} {what}{}", many(conduits.len(), "conduit"), but(&wrong));
    Verdict::counted(good, conduits.len(), seen, remedy)
}

fn known(facts: &Facts) -> Verdict {
    let remedy = "write mac and port into `from` of each conduit";
    let is = |conduit: &Conduit| conduit.has_mac && conduit.has_port;
    each(facts, "know their machine by address, MAC address and port", remedy, is)
}

fn listed(facts: &Facts) -> Verdict {
    let remedy = "give a protocol that the gate reads, with the commands that the machine needs";
    each(facts, "list the commands of their machine", remedy, |conduit| conduit.right.read)
}

fn rates(facts: &Facts) -> Verdict {
    let remedy = "write rate = { commands = 100 } into each conduit";
    each(facts, "limit how much their machine asks", remedy, |conduit| conduit.rate.is_some())
}
