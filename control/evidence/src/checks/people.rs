//! Who people are, and how they prove it.

use super::{Check, but, many, number, some};
use crate::facts::{Facts, People, Rule, User};
use crate::outcome::Verdict;

/// Users that log in by names of their own, and still do.
pub const ACCOUNTS: Check = Check::new("accounts", accounts);
/// Users have the factors that their rules ask for.
pub const ENROLLED: Check = Check::new("factors-enrolled", enrolled);
/// What people are given takes two kinds of factors.
pub const TWO_FACTORS: Check = Check::new("two-factors", two_factors);
/// One of the factors is good once.
pub const REPLAY: Check = Check::new("replay-resistant", replay);
/// Guessing is delayed and ends.
pub const LOCKOUT: Check = Check::new("lockout", lockout);
/// Passwords are long.
pub const PASSWORDS: Check = Check::new("passwords", passwords);
/// Logins end.
pub const LOGINS_END: Check = Check::new("logins-end", logins_end);
/// People are known to tunnels by certificates of an authority of the site's.
pub const CERTIFICATES: Check = Check::new("certificates", certificates);

/// The checks of this page.
pub const CHECKS: &[Check] =
    &[ACCOUNTS, ENROLLED, TWO_FACTORS, REPLAY, LOCKOUT, PASSWORDS, LOGINS_END, CERTIFICATES];

/// A user who has not logged in for longer is worth a question.
const DORMANT_DAYS: u64 = 90;
/// Failures in a row at most (NIST SP 800-63B-4, 3.2.2).
const MOST_FAILURES: u32 = 100;
/// Characters of a password that may be the only factor (NIST SP 800-63B-4, 3.1.1.2).
const PASSWORD: usize = 15;
/// Memory in KiB and passes of argon2id (OWASP Password Storage Cheat Sheet).
const GUESS: (u32, u32) = (19 * 1024, 2);
/// Seconds for which a one-time code may hold: one step, and one before and after it (RFC 6238, 5.2).
const CODE: u64 = 90;
/// Longest that a login may last unused, and at all, in seconds.
const IDLE: u64 = 30 * 60;
const SHIFT: u64 = 12 * 3600;

impl People {
    /// Those who may log in.
    fn active(&self) -> Vec<&User> {
        self.users.iter().filter(|user| !user.disabled).collect()
    }
}

fn accounts(facts: &Facts) -> Verdict {
    Verdict::of(&facts.people, |people| {
        let (all, active) = (people.users.len(), people.active());
        let seen =
            format!("{} in the identity store, {} may log in", many(all, "user"), active.len());
        if active.is_empty() {
            return Verdict::not(seen, "add each person: wicketgate user add NAME");
        }
        let dormant = |user: &&&User| user.idle_days.is_none_or(|days| days > DORMANT_DAYS);
        let dormant: Vec<&str> = active.iter().filter(dormant).map(|u| u.name.as_str()).collect();
        if dormant.is_empty() {
            return Verdict::satisfied(format!(
                "{seen}, all of them did within {DORMANT_DAYS} days"
            ));
        }
        let seen =
            format!("{seen}; {} not within {DORMANT_DAYS} days: {}", dormant.len(), some(&dormant));
        Verdict::partly(seen, "wicketgate user disable NAME, or have them log in")
    })
}

fn enrolled(facts: &Facts) -> Verdict {
    Verdict::of(&facts.people, |people| {
        let active = people.active();
        let lacks = |user: &&&User| !lacking(user, &facts.policy.rules).is_empty();
        let lacking: Vec<&str> = active.iter().filter(lacks).map(|u| u.name.as_str()).collect();
        let good = active.len() - lacking.len();
        let seen = format!(
            "{good} of {} who may log in have every factor that their rules ask for{}",
            many(active.len(), "user"),
            but(&lacking)
        );
        Verdict::counted(good, active.len(), seen, "wicketgate user enrol-totp NAME")
    })
}

/// Factors that rules ask of this user, and that it has not.
fn lacking<'r>(user: &User, rules: &'r [Rule]) -> Vec<&'r str> {
    let is_for = |rule: &&Rule| rule.roles.iter().any(|role| user.roles.contains(role));
    let asked = rules.iter().filter(is_for).flat_map(|rule| &rule.factors);
    asked.filter(|factor| !user.factors.contains(factor)).map(String::as_str).collect()
}

/// Something known, and something that one has: a passkey is both.
fn is_two(rule: &Rule) -> bool {
    let has = |name: &str| rule.factors.iter().any(|factor| factor == name);
    has("passkey") || has("password") && (has("totp") || has("certificate"))
}

fn two_factors(facts: &Facts) -> Verdict {
    let (rules, trials) = (&facts.policy.rules, &facts.policy.trials);
    let (good, wrong): (Vec<&Rule>, Vec<&Rule>) = rules.iter().partition(|rule| is_two(rule));
    let names: Vec<&str> = wrong.iter().map(|rule| rule.right.name.as_str()).collect();
    let seen = format!(
        "{} of {} that people have need two kinds of factors; with a password alone {} of {} that \
         people can have {} open{}",
        good.len(),
        many(rules.len(), "rule"),
        trials.password_alone,
        many(trials.proven, "door"),
        if trials.password_alone == 1 { "is" } else { "are" },
        but(&names),
    );
    if wrong.is_empty() && trials.password_alone == 0 {
        return Verdict::satisfied(seen);
    }
    let remedy = "write factors = [\"password\", \"totp\"] into each rule";
    Verdict::not(seen, remedy)
}

fn replay(facts: &Facts) -> Verdict {
    let once = ["totp", "certificate", "passkey"];
    let is_once = |rule: &&Rule| rule.factors.iter().any(|factor| once.contains(&factor.as_str()));
    let (rules, code) = (&facts.policy.rules, facts.program.limits.code);
    let good = rules.iter().filter(is_once).count();
    let seen = format!(
        "{good} of {} need a factor that is good once; a code holds for {code} s at most",
        many(rules.len(), "rule")
    );
    if code > CODE {
        return Verdict::not(seen, format!("codes must hold for {CODE} s at most"));
    }
    Verdict::counted(good, rules.len(), seen, "add \"totp\" to the factors of each rule")
}

fn lockout(facts: &Facts) -> Verdict {
    let limits = &facts.program.limits;
    let (first, longest) = limits.delay;
    let mut seen = format!(
        "from failure {} in a row a user waits {first} s to {longest} s, at {} an admin must unlock",
        limits.delayed_from, limits.lock
    );
    if let Ok(people) = &facts.people {
        let delayed = people.users.iter().filter(|user| user.failures >= limits.delayed_from);
        seen = format!("{seen}; {} so now", delayed.count());
    }
    let bounded = limits.lock > 0 && limits.lock <= MOST_FAILURES;
    if bounded && first > 0 && limits.delayed_from <= 10 {
        return Verdict::satisfied(seen);
    }
    Verdict::not(seen, format!("a user must be locked after {MOST_FAILURES} failures at most"))
}

fn passwords(facts: &Facts) -> Verdict {
    let (least, (memory, passes)) = (facts.program.limits.password, facts.program.limits.hash);
    let seen = format!(
        "a password has {least} characters at least; a guess at one in the store costs {memory} KiB and \
         {passes} passes of argon2id"
    );
    if least >= PASSWORD && memory >= GUESS.0 && passes >= GUESS.1 {
        return Verdict::satisfied(seen);
    }
    let remedy = format!("ask for {PASSWORD} characters, {} KiB and {} passes", GUESS.0, GUESS.1);
    Verdict::not(seen, remedy)
}

fn logins_end(facts: &Facts) -> Verdict {
    let limits = &facts.program.limits;
    let tunnel = facts.policy.tunnel.as_ref().map_or(limits.login, |tunnel| tunnel.lifetime);
    let longest = limits.login.min(tunnel.max(1));
    let mut seen = format!(
        "a login ends after {} min unused, and {} min at all",
        limits.idle / 60,
        longest / 60
    );
    if let Ok(log) = &facts.log {
        let (logins, ends) = (log.count("login"), log.count("logout"));
        seen = format!("{seen}; the log has {} logins and {} ends", number(logins), number(ends));
    }
    let within = |span: u64, most: u64| span > 0 && span <= most;
    if within(limits.idle, IDLE) && within(limits.login, SHIFT) {
        return Verdict::satisfied(seen);
    }
    Verdict::not(seen, "a login must end within 30 min unused and 12 h at all")
}

fn certificates(facts: &Facts) -> Verdict {
    let Some(tunnel) = &facts.policy.tunnel else {
        return Verdict::satisfied("there is no [tunnel]: no certificate is used");
    };
    let holders = |people: &People| {
        let has = |user: &&User| user.factors.iter().any(|factor| factor == "certificate");
        people.users.iter().filter(has).count()
    };
    let holders = facts.people.as_ref().map_or(0, holders);
    let seen = format!(
        "the gate's certificate is of {}; users {} asked for one, {} of them have one",
        if tunnel.site_certificate { "the site's authority" } else { "the gate's own authority" },
        if tunnel.asks_certificates { "are" } else { "are not" },
        holders,
    );
    match tunnel.site_certificate && tunnel.asks_certificates {
        true => Verdict::satisfied(seen),
        false => Verdict::partly(seen, "write certificate, key and clients into [tunnel]"),
    }
}
