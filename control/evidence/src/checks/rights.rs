//! What people are given.

use super::{Check, but, many, some};
use crate::facts::{Facts, Right, Rule};
use crate::outcome::Verdict;

/// Rights name commands.
pub const COMMANDS: Check = Check::new("commands", commands);
/// What people may do goes by roles that somebody has.
pub const ROLES: Check = Check::new("roles", roles);
/// Commands that change a device are few people's, and asked for.
pub const SERIOUS_LIMITED: Check = Check::new("serious-limited", serious_limited);
/// Commands that change a device take another's yes.
pub const SERIOUS_APPROVED: Check = Check::new("serious-approved", serious_approved);
/// Access is asked for and approved.
pub const APPROVAL: Check = Check::new("approval", approval);
/// How many grants a user holds at once.
pub const CONCURRENT: Check = Check::new("concurrent-sessions", concurrent);
/// There is a way past approval, which ends and is told.
pub const OVERRIDE: Check = Check::new("override", break_glass);
/// Who may change settings, who may only look.
pub const DUTIES: Check = Check::new("duties", duties);
/// The policy says of itself what must hold.
pub const SENTENCES: Check = Check::new("policy-tests", sentences);

/// The checks of this page.
pub const CHECKS: &[Check] = &[
    COMMANDS,
    ROLES,
    SERIOUS_LIMITED,
    SERIOUS_APPROVED,
    APPROVAL,
    CONCURRENT,
    OVERRIDE,
    DUTIES,
    SENTENCES,
];

/// The rules that give commands which change a device.
fn serious(facts: &Facts) -> Vec<&Rule> {
    facts.policy.rules.iter().filter(|rule| rule.right.is_serious()).collect()
}

/// The rules of `all` that are not so; and how many are.
fn split<'r>(all: &[&'r Rule], is: impl Fn(&Rule) -> bool) -> (usize, Vec<&'r str>) {
    let wrong = all.iter().filter(|rule| !is(rule)).map(|rule| rule.right.name.as_str());
    let wrong: Vec<&str> = wrong.collect();
    (all.len() - wrong.len(), wrong)
}

fn commands(facts: &Facts) -> Verdict {
    let rules = facts.policy.rules.iter().map(|rule| &rule.right);
    let rights: Vec<&Right> =
        rules.chain(facts.policy.conduits.iter().map(|conduit| &conduit.right)).collect();
    let wrong: Vec<&str> =
        rights.iter().filter(|right| !right.read).map(|right| right.name.as_str()).collect();
    let good = rights.len() - wrong.len();
    let seen = format!(
        "{good} of {} name the commands that pass, by class or function{}",
        many(rights.len(), "right"),
        but(&wrong)
    );
    let remedy = "bytes that nobody reads pass whole: give a protocol that the gate reads";
    Verdict::counted(good, rights.len(), seen, remedy)
}

fn roles(facts: &Facts) -> Verdict {
    let mut roles: Vec<&str> =
        facts.policy.rules.iter().flat_map(|rule| &rule.roles).map(String::as_str).collect();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        let seen = format!("no rule for people on {}", many(facts.policy.assets.len(), "asset"));
        return Verdict::not(seen, "write a [[rule]] for each role");
    }
    Verdict::of(&facts.people, |people| {
        let held =
            |role: &&&str| people.users.iter().any(|user| user.roles.iter().any(|r| r == **role));
        let good = roles.iter().filter(held).count();
        let seen = format!(
            "{} give {} ({}) what they may do; {good} of the roles are held by somebody",
            many(facts.policy.rules.len(), "rule"),
            many(roles.len(), "role"),
            some(&roles)
        );
        match good {
            0 => Verdict::not(seen, "wicketgate user roles NAME --role ROLE"),
            _ => {
                Verdict::counted(good, roles.len(), seen, "take rules of roles that nobody has out")
            }
        }
    })
}

fn serious_limited(facts: &Facts) -> Verdict {
    let rules = serious(facts);
    let limited = |rule: &Rule| {
        let bounds = [rule.max_duration.is_some(), rule.max_proof_age.is_some()];
        !rule.factors.is_empty()
            && (rule.window.is_some() || rule.approval.is_some() || bounds.contains(&true))
    };
    let (good, wrong) = split(&rules, limited);
    let seen = format!(
        "{good} of {} that can change a device (program, firmware, mode, parameters, or unread) ask \
         for factors and for a window, an approval, an end or fresh proofs{}",
        many(rules.len(), "rule"),
        but(&wrong)
    );
    let remedy = "write factors, and window, approval, max_duration or max_proof_age, into each";
    Verdict::counted(good, rules.len(), seen, remedy)
}

fn serious_approved(facts: &Facts) -> Verdict {
    let rules = serious(facts);
    let (good, wrong) = split(&rules, |rule| rule.approval.is_some());
    let seen = format!(
        "{good} of {} that can change a device need another person's approval{}",
        many(rules.len(), "rule"),
        but(&wrong)
    );
    Verdict::counted(good, rules.len(), seen, "write approval = \"ROLE\" into each")
}

fn approval(facts: &Facts) -> Verdict {
    let rules: Vec<&Rule> = facts.policy.rules.iter().collect();
    let (good, wrong) = split(&rules, |rule| rule.approval.is_some());
    let mut seen = format!("{good} of {} need approval{}", many(rules.len(), "rule"), but(&wrong));
    if let Ok(log) = &facts.log {
        let (asked, given) = (log.count("grant-requested"), log.count("grant-approved"));
        seen = format!("{seen}; the log has {asked} requests and {given} approvals");
    }
    let remedy = "write approval = \"ROLE\" into the rules of whoever comes from outside";
    Verdict::counted(good, rules.len(), seen, remedy)
}

fn concurrent(facts: &Facts) -> Verdict {
    let rules: Vec<&Rule> = facts.policy.rules.iter().collect();
    let (good, wrong) = split(&rules, |rule| rule.max_sessions.is_some());
    let tunnels =
        facts.policy.tunnel.as_ref().map(|tunnel| {
            format!("; {} at a time at most", many(usize::from(tunnel.most), "tunnel"))
        });
    let seen = format!(
        "{good} of {} say how many grants a user may hold on an asset at once{}{}",
        many(rules.len(), "rule"),
        but(&wrong),
        tunnels.unwrap_or_default()
    );
    Verdict::counted(good, rules.len(), seen, "write max_sessions = 1 into each rule")
}

fn break_glass(facts: &Facts) -> Verdict {
    let armed = facts.live.as_ref().map_or(0, |live| live.armed);
    Verdict::of(&facts.log, |log| {
        let (arms, uses) = (log.count("break-glass-armed"), log.count("break-glass-used"));
        let seen = format!(
            "break-glass: {armed} armed now; in the log armed {arms} and used {uses} times"
        );
        match arms {
            0 if armed == 0 => Verdict::partly(seen, "drill it: wicketgate break-glass arm"),
            _ => Verdict::satisfied(seen),
        }
    })
}

fn duties(facts: &Facts) -> Verdict {
    let control = &facts.policy.control;
    let has = |role: &str| control.iter().any(|(of, _)| of == role);
    let words: Vec<String> = control.iter().map(|(role, who)| format!("{role}: {who}")).collect();
    let seen = format!(
        "who may ask the control socket, beside root as admin: {}",
        match words.len() {
            0 => "nobody".to_owned(),
            _ => words.join("; "),
        }
    );
    let good = ["auditor", "operator"].iter().filter(|role| has(role)).count();
    let remedy = "write [[control]] with role = \"auditor\" and with role = \"operator\"";
    Verdict::counted(good, 2, seen, remedy)
}

fn sentences(facts: &Facts) -> Verdict {
    let (all, wrong) = facts.policy.sentences;
    let seen =
        format!("{} of {} in [tests] true", all.saturating_sub(wrong), many(all, "sentence"));
    match (all, wrong) {
        (0, _) => Verdict::partly(seen, "write sentences of what must never pass into [tests]"),
        (_, 0) => Verdict::satisfied(seen),
        _ => Verdict::not(seen, "wicketgate policy test FILE says which are not"),
    }
}
