//! What the user is told.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wicketgate_tunnel::client::{ANSWER, By, Gate};
use wicketgate_tunnel::end::{Code, End};
use wicketgate_tunnel::message::{Admitted, Denied};
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
    complain(format_args!(
        "{user} is logged in as login {login} with address {address}: {proven} proven, {} left, packets of \
         {mtu} bytes",
        span(*left)
    ));
}

/// The overlay's prefix.
pub(super) fn overlay(admitted: &Admitted) -> String {
    let (network, length) = admitted.overlay;
    format!("{network}/{length}")
}

/// Something that was asked for was refused.
pub(super) fn denied(denied: &Denied) -> String {
    let Denied { asset, asked, reason, meaning, rule, roles } = denied;
    let by = rule.as_ref().map(|rule| format!(" by rule \"{rule}\"")).unwrap_or_default();
    let ask = match roles.as_slice() {
        [] => String::new(),
        roles => format!("; roles that may do such things there: {}", roles.join(", ")),
    };
    format!("refused{by}: {asked} on {asset}: {reason}: {meaning}{ask}")
}

/// How a tunnel ended.
pub(super) fn end(end: &End) -> String {
    let why = match (end.code, end.why.as_str()) {
        (Code::Over, "revoked") => "somebody has taken the login back",
        (Code::Over, "expired") => "the login's time is over: log in again",
        (Code::Over, "idle") => "the login was not used for too long: log in again",
        (Code::Over, "disabled") => "the user was disabled, or a factor reset",
        (Code::Over, "superseded") => "another login has taken its place",
        _ => return format!("the tunnel has ended: {end}"),
    };
    format!("the tunnel has ended ({}): {why}", end.why)
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
    use super::*;

    #[test]
    fn each_warning_comes_once() {
        let mut clock = Countdown { until: Duration::ZERO, told: 1000 };
        let told: Vec<u64> = (0..=1000).rev().filter_map(|left| clock.due(left)).collect();
        assert_eq!(told, [900, 300, 60]);
    }

    #[test]
    fn a_denial_names_rule_and_roles() {
        let what = denied(&Denied {
            asset: "press-3".to_owned(),
            asked: "write-single-register holding-registers 100".to_owned(),
            reason: "address".to_owned(),
            meaning: "not that one".to_owned(),
            rule: Some("reads".to_owned()),
            roles: vec!["expert".to_owned()],
        });
        assert_eq!(
            what,
            "refused by rule \"reads\": write-single-register holding-registers 100 on press-3: address: \
             not that one; roles that may do such things there: expert"
        );
    }
}
