//! What is open, and from where.

use super::{Check, but, many, some};
use crate::facts::Facts;
use crate::outcome::Verdict;

/// What nobody was given is denied.
pub const DENY: Check = Check::new("deny-by-default", deny);
/// No way leads from an asset to another unless a conduit says so.
pub const SEGMENTS: Check = Check::new("segments", segments);
/// People come in by one door, and in no other way.
pub const ONE_DOOR: Check = Check::new("one-door", one_door);
/// Machines go on when no person can come in.
pub const ISLAND: Check = Check::new("island", island);
/// Only what is used is open.
pub const LEAST: Check = Check::new("least-functions", least);
/// The assets are listed.
pub const INVENTORY: Check = Check::new("inventory", inventory);

/// The checks of this page.
pub const CHECKS: &[Check] = &[DENY, SEGMENTS, ONE_DOOR, ISLAND, LEAST, INVENTORY];

fn deny(facts: &Facts) -> Verdict {
    let trials = &facts.policy.trials;
    let seen = format!(
        "of {} open to an address that nobody knows: {}, to a login without a role: {}",
        many(trials.doors, "door"),
        trials.stranger,
        trials.no_role
    );
    match trials.stranger + trials.no_role {
        0 => Verdict::satisfied(seen),
        _ => Verdict::not(seen, "find the rule or conduit: wicketgate policy show FILE"),
    }
}

fn segments(facts: &Facts) -> Verdict {
    let trials = &facts.policy.trials;
    let (open, stray) = (&trials.open_ways, &trials.stray_ways);
    let mut seen = format!(
        "{} from an asset to a door of another, {} open by a conduit",
        many(trials.ways, "way"),
        open.len()
    );
    if !open.is_empty() {
        seen = format!("{seen} ({})", some(open));
    }
    if stray.is_empty() {
        return Verdict::satisfied(seen);
    }
    let remedy = "no conduit says so: take the address out of what gives it";
    Verdict::not(format!("{seen}; and without one: {}", some(stray)), remedy)
}

fn one_door(facts: &Facts) -> Verdict {
    let (tunnel, clear) = (&facts.policy.tunnel, &facts.policy.cleartext_ports);
    let seen = match (tunnel, clear.as_slice()) {
        (Some(_), []) => "people come in by [tunnel] alone".to_owned(),
        (None, []) => "people cannot come in from afar: there is no [tunnel]".to_owned(),
        (_, ports) => format!("people log in from bare addresses on port {}", some(ports)),
    };
    match clear.as_slice() {
        [] => Verdict::satisfied(seen),
        _ => Verdict::not(seen, "write [tunnel], and take cleartext_logins out"),
    }
}

fn island(facts: &Facts) -> Verdict {
    let trials = &facts.policy.trials;
    let (open, all) = (trials.essential_open, trials.essential);
    let seen = format!(
        "with nobody logged in {open} of {} that conduits give are open, and no other",
        many(all, "door")
    );
    if trials.stranger > 0 || open < all {
        return Verdict::not(
            seen,
            "conduits must not depend on people: wicketgate policy show FILE",
        );
    }
    Verdict::satisfied(seen)
}

fn least(facts: &Facts) -> Verdict {
    let trials = &facts.policy.trials;
    let good = trials.doors.saturating_sub(trials.unused.len());
    let seen = format!(
        "{good} of {} are used by a rule or conduit{}",
        many(trials.doors, "door"),
        but(&trials.unused)
    );
    match trials.unused.is_empty() {
        true => Verdict::satisfied(seen),
        false => Verdict::partly(seen, "take what nobody may use out of `protocols` of the asset"),
    }
}

fn inventory(facts: &Facts) -> Verdict {
    let assets = &facts.policy.assets;
    let mut zones: Vec<&str> = assets.iter().map(|asset| asset.zone.as_str()).collect();
    zones.sort_unstable();
    zones.dedup();
    let doors: usize = assets.iter().map(|asset| asset.doors.len()).sum();
    let seen = format!(
        "{} in {}, {} with address and protocol",
        many(assets.len(), "asset"),
        many(zones.len(), "zone"),
        many(doors, "door")
    );
    if assets.is_empty() {
        return Verdict::not(seen, "write an [[asset]] for each device");
    }
    Verdict::satisfied(seen)
}
