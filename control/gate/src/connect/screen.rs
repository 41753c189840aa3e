//! What the user is told.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wicketgate_audit::export::printable;
use wicketgate_tunnel::client::{ANSWER, By, Gate};
use wicketgate_tunnel::end::{Code, End};
use wicketgate_tunnel::message::{Admitted, Denied, Grant, GrantState, ToUser};
use wicketgate_tunnel::tls::Fingerprint;

use crate::client::span;
use crate::exit::complain;

/// With so much left the user is told, in seconds.
const WARNINGS: [u64; 3] = [15 * 60, 5 * 60, 60];

/// What carries the tunnel.
pub(super) fn connected(gate: &Gate, by: By) {
    let address = gate.address;
    match (by, gate.tcp) {
        (By::Tcp, Some(port)) => complain(format_args!(
            "no answer by UDP from {address} within {} s: this network lets none pass, it seems; connected by \
             TLS, TCP port {port}",
            ANSWER.as_secs()
        )),
        _ => complain(format_args!("connected by QUIC, UDP port {}", address.port())),
    }
}

/// Somebody is in.
pub(super) fn admitted(admitted: &Admitted) {
    let Admitted { user, login, address, mtu, left, proven, .. } = admitted;
    let proven = proven.join(" and ");
    complain(plain(&format!(
        "{user} is logged in as login {login} with address {address}: {proven} proven, {} left, packets of \
         {mtu} bytes",
        span(*left)
    )));
}

/// The overlay's prefix.
pub(super) fn overlay(admitted: &Admitted) -> String {
    let (network, length) = admitted.overlay;
    format!("{network}/{length}")
}

/// What the gate says while the tunnel is there.
pub(super) fn heard(what: &ToUser) {
    lines(what).into_iter().for_each(complain);
}

fn lines(what: &ToUser) -> Vec<String> {
    let said = match what {
        ToUser::Denied(refused) => [denied(refused)].into_iter().chain(remedies(refused)).collect(),
        ToUser::SteppedUp { proven } => vec![format!("proven by now: {}", proven.join(" and "))],
        ToUser::Grant(told) => vec![grant(told)],
        ToUser::NotDone(refused) => vec![format!("not done: {}", refused.what)],
        ToUser::Hello { .. } | ToUser::Admitted(_) | ToUser::Refused(_) => Vec::new(),
    };
    said.iter().map(|line| plain(line)).collect()
}

/// One line, whatever is in it that others wrote: it ends none, and says nothing to the terminal.
pub(super) fn plain(text: &str) -> String {
    printable(text).collect()
}

/// Something that was asked for was refused.
fn denied(denied: &Denied) -> String {
    let Denied { asset, asked, reason, meaning, rule, roles, .. } = denied;
    let by = rule.as_ref().map(|rule| format!(" by rule \"{rule}\"")).unwrap_or_default();
    let ask = match roles.as_slice() {
        [] => String::new(),
        roles => format!("; roles that may do such things there: {}", roles.join(", ")),
    };
    format!("refused{by}: {asked} on {asset}: {reason}: {meaning}{ask}")
}

/// What the user can type to be allowed it.
fn remedies(denied: &Denied) -> impl Iterator<Item = String> {
    let Denied { asset, prove, ask, .. } = denied;
    let proofs =
        (!prove.is_empty()).then(|| format!("a fresh proof may open it; {}", proofs(prove)));
    let ask = ask.iter().map(move |rule| {
        format!("it may be asked for; type: ask {} \"{rule}\" REASON", quoted(asset))
    });
    proofs.into_iter().chain(ask)
}

fn quoted(name: &str) -> String {
    let plain = !name.contains(char::is_whitespace);
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}

/// How factors are proven here.
fn proofs(factors: &[String]) -> String {
    let how = |factor: &String| match factor.as_str() {
        "totp" => "type: code".to_owned(),
        "password" => "type: password".to_owned(),
        other => format!("connect again with the {other}"),
    };
    factors.iter().map(how).collect::<Vec<_>>().join("; ")
}

/// How something stands that was asked for.
fn grant(grant: &Grant) -> String {
    let Grant { id, rule, asset, lacking, approver, by, why, left, .. } = grant;
    let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let stands = match grant.state {
        GrantState::Challenged => format!("waits for a fresh proof; {}", proofs(lacking)),
        GrantState::Requested => {
            let role = approver.as_ref().map(|role| format!(" with role {role}"));
            format!("waits for the yes of somebody else{}", role.unwrap_or_default())
        }
        GrantState::Granted => {
            let left = left.map(|left| format!(", {} left", span(left))).unwrap_or_default();
            let approved = if by.is_empty() { by } else { format!(", approved{by}") };
            format!("granted{approved}{left}")
        }
        GrantState::Draining => "over, but for the operation under way".to_owned(),
        GrantState::Over if why.as_deref() == Some("denied") => format!("refused{by}"),
        GrantState::Over => format!("over{by}: {}", why.as_deref().unwrap_or("ended")),
    };
    format!("request {id}, \"{rule}\" on {asset}: {stands}")
}

/// How a tunnel ended.
pub(super) fn end(end: &End) -> String {
    let why = match (end.code, end.why.as_str()) {
        (Code::Over, "revoked") => "somebody has taken the login back",
        (Code::Over, "expired") => "the login's time is over: log in again",
        (Code::Over, "idle") => "the login was not used for too long: log in again",
        (Code::Over, "disabled") => "the user was disabled, or a factor reset",
        (Code::Over, "superseded") => "another login has taken its place",
        _ => return format!("the tunnel has ended: {}", plain(&end.why)),
    };
    format!("the tunnel has ended ({}): {why}", end.why)
}

/// A connection that is no more.
pub(super) fn lost(why: &str) -> String {
    let why = plain(why);
    format!(
        "the connection is lost, and the login with it: {why}. What went through it is cut. As soon as the \
         gate is heard of again, you log in anew, with all factors"
    )
}

/// A gate that is not the one that is known.
pub(super) fn changed(name: &str, known: Fingerprint, shown: Fingerprint) -> String {
    format!(
        "{name} is NOT the gate that is known, or its authority was made anew. Nothing was said to it.\n  \
         known: {known}\n  shown: {shown}\nAsk whoever runs the gate before you trust it; then take its \
         line out of the known gates."
    )
}

/// A gate that is not known yet.
pub(super) fn compare(name: &str, shown: Fingerprint) {
    complain(format_args!(
        "{name} is not known yet. It shows this fingerprint; compare it with the one that the gate printed \
         at its start:\n  {shown}"
    ));
}

/// How long the login still lasts.
pub(super) struct Countdown {
    until: Duration,
    told: u64,
}

impl Countdown {
    pub(super) fn start(left: u64) -> Countdown {
        Countdown { until: now() + Duration::from_secs(left), told: left }
    }

    /// Tells the user where it is time for that.
    pub(super) fn look(&mut self) {
        let left = self.until.saturating_sub(now()).as_secs();
        if let Some(left) = self.due(left) {
            complain(format_args!("{} left", span(left)));
        }
    }

    /// Tells the user.
    pub(super) fn tell(&self) {
        let left = self.until.saturating_sub(now()).as_secs();
        complain(format_args!("{} left", span(left)));
    }

    fn due(&mut self, left: u64) -> Option<u64> {
        let passed = WARNINGS.iter().any(|warning| left <= *warning && self.told > *warning);
        if passed {
            self.told = left;
        }
        passed.then_some(left)
    }
}

/// A laptop that sleeps ages.
fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use wicketgate_tunnel::message::Refused;

    use super::*;

    #[test]
    fn each_warning_comes_once() {
        let mut clock = Countdown { until: Duration::ZERO, told: 1000 };
        let told: Vec<u64> = (0..=1000).rev().filter_map(|left| clock.due(left)).collect();
        assert_eq!(told, [900, 300, 60]);
    }

    #[test]
    fn a_request_is_told_as_it_stands() {
        let told = |state, by: Option<&str>, why: Option<&str>| {
            let [by, why] = [by, why].map(|text| text.map(str::to_owned));
            let (rule, asset) = ("writes".to_owned(), "press-3".to_owned());
            let (lacking, approver) = (vec!["totp".to_owned()], Some("shift-lead".to_owned()));
            let left = Some(3600);
            grant(&Grant { id: 7, rule, asset, state, lacking, approver, by, why, left })
        };
        let begins = "request 7, \"writes\" on press-3: ";
        for (state, by, why, ends) in [
            (GrantState::Challenged, None, None, "waits for a fresh proof; type: code"),
            (
                GrantState::Requested,
                None,
                None,
                "waits for the yes of somebody else with role shift-lead",
            ),
            (GrantState::Granted, Some("bob"), None, "granted, approved by bob, 1 h 00 min left"),
            (GrantState::Granted, None, None, "granted, 1 h 00 min left"),
            (GrantState::Over, Some("bob"), Some("denied"), "refused by bob"),
            (GrantState::Over, None, Some("expired"), "over: expired"),
        ] {
            assert_eq!(told(state, by, why), format!("{begins}{ends}"));
        }
    }

    /// A tag can be any text, a gate's names too, and whoever is on the way writes the words of an end.
    #[test]
    fn nothing_that_the_other_end_says_speaks_to_the_terminal() {
        let hostile = "\u{1b}]0;owned\u{7}\nwicketgate: granted\u{202e}";
        let refused = Denied {
            asset: hostile.to_owned(),
            asked: hostile.to_owned(),
            reason: hostile.to_owned(),
            meaning: hostile.to_owned(),
            rule: Some(hostile.to_owned()),
            roles: vec![hostile.to_owned()],
            prove: vec![hostile.to_owned()],
            ask: vec![hostile.to_owned()],
        };
        let no = Refused { what: hostile.to_owned(), wait: None };
        let mut said: Vec<String> = lines(&ToUser::Denied(refused));
        said.extend(lines(&ToUser::SteppedUp { proven: vec![hostile.to_owned()] }));
        said.extend(lines(&ToUser::NotDone(no)));
        said.push(end(&End::new(Code::Over, hostile)));
        said.push(lost(hostile));
        assert_eq!(said.len(), 7);
        for line in said {
            assert!(!line.chars().any(char::is_control) && !line.contains('\u{202e}'), "{line:?}");
        }
    }

    #[test]
    fn a_denial_names_rule_and_roles() {
        let refused = Denied {
            asset: "press-3".to_owned(),
            asked: "write-single-register holding-registers 100".to_owned(),
            reason: "address".to_owned(),
            meaning: "not that one".to_owned(),
            rule: Some("reads".to_owned()),
            roles: vec!["expert".to_owned()],
            prove: vec!["password".to_owned(), "totp".to_owned()],
            ask: vec!["when asked".to_owned()],
        };
        let said: Vec<_> = remedies(&refused).collect();
        assert_eq!(
            said,
            [
                "a fresh proof may open it; type: password; type: code",
                "it may be asked for; type: ask press-3 \"when asked\" REASON"
            ]
        );
        assert_eq!(
            denied(&refused),
            "refused by rule \"reads\": write-single-register holding-registers 100 on press-3: address: \
             not that one; roles that may do such things there: expert"
        );
    }
}
