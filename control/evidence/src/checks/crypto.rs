//! Cryptography.

use super::{Check, but, many, some};
use crate::facts::{Facts, KeyFile};
use crate::outcome::Verdict;

/// The users' hop is TLS 1.3, and nothing else.
pub const HOP: Check = Check::new("hop-encrypted", hop);
/// The module is one that was validated.
pub const FIPS: Check = Check::new("fips", fips);
/// Private keys are their owner's alone.
pub const KEYS: Check = Check::new("keys", keys);

/// The checks of this page.
pub const CHECKS: &[Check] = &[HOP, FIPS, KEYS];

/// What is read or written by others.
const OTHERS: u32 = 0o077;

fn hop(facts: &Facts) -> Verdict {
    let (tls, suites) = (&facts.program.tls, &facts.program.suites);
    let used = if facts.policy.tunnel.is_some() {
        ""
    } else {
        "; there is no [tunnel], so nobody uses one"
    };
    let seen = format!("tunnels speak {} with {}{used}", some(tls), some(suites));
    if tls.iter().any(|version| version != "TLS 1.3") || suites.is_empty() {
        return Verdict::not(seen, "tunnels must speak TLS 1.3 alone");
    }
    match facts.policy.cleartext_ports.as_slice() {
        [] => Verdict::satisfied(seen),
        ports => {
            let seen = format!("{seen}; but people log in in clear on port {}", some(ports));
            Verdict::not(seen, "write [tunnel], and take cleartext_logins out")
        }
    }
}

fn fips(facts: &Facts) -> Verdict {
    match facts.program.fips {
        true => Verdict::satisfied("TLS is by aws-lc's FIPS 140-3 module"),
        false => {
            let seen = "TLS is by aws-lc, not by its FIPS 140-3 module";
            Verdict::not(seen, "install a build with --features fips")
        }
    }
}

fn keys(facts: &Facts) -> Verdict {
    Verdict::of(&facts.keys, |keys| {
        let open = |key: &&KeyFile| key.mode & OTHERS != 0;
        let wrong: Vec<&str> = keys.iter().filter(open).map(|key| key.path.as_str()).collect();
        let good = keys.len() - wrong.len();
        let all = many(keys.len(), "private key");
        let seen = format!("{good} of {all} in state_dir are their owner's alone{}", but(&wrong));
        match wrong.as_slice() {
            [] => Verdict::satisfied(seen),
            _ => Verdict::not(seen, "chmod 600, and make new ones"),
        }
    })
}
