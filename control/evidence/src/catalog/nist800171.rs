//! NIST SP 800-171 r2, and with it CMMC level 2, as far as a gate in the network has to do with it.

use super::{Requirement, asks, outside, unseen};
use crate::checks::boundary::{DENY, LEAST, ONE_DOOR, SEGMENTS};
use crate::checks::crypto::{FIPS, HOP, KEYS};
use crate::checks::gate::{ALARMS, AUDIT_TAKES, LOGINS_NOW, RUNS, WATCHES};
use crate::checks::log::{
    ATTRIBUTED, CHANGES, COMPLETE, EVENTS, FIELDS, KEPT, OFF_BOX, REFUSALS, SENT, SESSIONS, WHOLE,
};
use crate::checks::machines::{KNOWN, LISTED};
use crate::checks::people::{
    ACCOUNTS, ENROLLED, LOCKOUT, LOGINS_END, PASSWORDS, REPLAY, TWO_FACTORS,
};
use crate::checks::rights::{
    APPROVAL, COMMANDS, DUTIES, ROLES, SENTENCES, SERIOUS_APPROVED, SERIOUS_LIMITED,
};

/// Who reads the log.
const READERS: &str = "people who read it, and the site's collector";

pub(super) const REQUIREMENTS: &[Requirement] = &[
    asks("3.1.1", "Access is for those who may", &[DENY, ACCOUNTS, KNOWN]),
    asks("3.1.2", "Access is to the functions that they may use", &[COMMANDS, LISTED]),
    asks("3.1.3", "Information flows as it may", &[SEGMENTS, COMMANDS]),
    asks("3.1.4", "Duties are separated", &[DUTIES, SERIOUS_APPROVED]),
    asks("3.1.5", "Least privilege", &[ROLES, SERIOUS_LIMITED]),
    asks("3.1.6", "Usual work is done without privileges", &[SERIOUS_LIMITED, DUTIES])
        .but("which account a person uses: the site"),
    asks(
        "3.1.7",
        "Privileged functions are kept from others, and recorded",
        &[SERIOUS_LIMITED, CHANGES],
    ),
    asks("3.1.8", "Failed logins are limited", &[LOCKOUT]),
    outside("3.1.9", "Notices on privacy and security", "the workstation's log-on, by the site"),
    asks("3.1.10", "Sessions are locked when unused", &[LOGINS_END])
        .but("the screen's lock: the workstation"),
    asks("3.1.11", "Sessions end by themselves", &[LOGINS_END, SESSIONS]),
    asks("3.1.12", "Remote sessions are watched and controlled", &[ONE_DOOR, WATCHES, ATTRIBUTED]),
    asks("3.1.13", "Remote sessions are encrypted", &[HOP]),
    asks("3.1.14", "Remote access is by managed points", &[ONE_DOOR]),
    asks("3.1.15", "Remote privileged commands are authorised", &[SERIOUS_APPROVED, CHANGES]),
    asks("3.3.1", "Records are made and kept", &[EVENTS, WHOLE, KEPT]),
    asks("3.3.2", "Actions lead to a person", &[ATTRIBUTED]),
    outside("3.3.3", "Which events are recorded is reviewed", READERS),
    asks("3.3.4", "Failing records alarm", &[AUDIT_TAKES]),
    asks("3.3.5", "Records of several systems are brought together", &[FIELDS, SENT]).but(READERS),
    asks("3.3.6", "Records can be reduced to reports", &[FIELDS, WHOLE]),
    outside("3.3.7", "Clocks follow an authoritative one", "NTP or PTP of the gate's machine"),
    asks("3.3.8", "Records are protected", &[WHOLE, OFF_BOX, SENT, KEYS]),
    asks("3.3.9", "Few manage the records", &[DUTIES]),
    asks("3.4.2", "Settings are enforced", &[RUNS, SENTENCES]),
    asks("3.4.5", "Changes of systems are restricted", &[SERIOUS_LIMITED, CHANGES])
        .but("changes made at the device itself: the plant"),
    asks("3.4.6", "Only what is needed works", &[LEAST, COMMANDS]),
    asks("3.4.7", "Ports, protocols and functions not needed are closed", &[LEAST, DENY]),
    asks("3.5.1", "People and machines are identified", &[ACCOUNTS, KNOWN]),
    asks("3.5.2", "They are authenticated first", &[DENY, TWO_FACTORS]),
    asks("3.5.3", "Several factors", &[TWO_FACTORS, ENROLLED, LOGINS_NOW]),
    asks("3.5.4", "What was overheard cannot be used again", &[REPLAY, HOP]),
    asks("3.5.7", "Passwords are complex", &[PASSWORDS]),
    unseen("3.5.8", "Passwords are not used again", "the store keeps no password from before"),
    outside(
        "3.5.9",
        "First passwords are replaced at once",
        "the site: the user types it when it is enrolled",
    ),
    asks("3.5.10", "Passwords are kept and sent encrypted", &[PASSWORDS, HOP]),
    unseen(
        "3.5.11",
        "What is typed is not shown",
        "no configuration shows it: nothing typed is shown",
    ),
    asks(
        "3.7.5",
        "Remote maintenance: several factors, and an end",
        &[TWO_FACTORS, LOGINS_END, SESSIONS],
    ),
    asks("3.7.6", "Maintenance people are supervised", &[APPROVAL, ATTRIBUTED]),
    asks("3.13.1", "Boundaries are watched and protected", &[DENY, WATCHES, ALARMS]),
    asks("3.13.5", "What is public is a network of its own", &[SEGMENTS, DENY]),
    asks("3.13.6", "Denied by default, allowed by exception", &[DENY]),
    asks("3.13.7", "No second network beside the tunnel", &[ONE_DOOR])
        .but("routes of the workstation: the site (the gate sets one, to the overlay)"),
    asks("3.13.8", "Encrypted on its way", &[HOP])
        .but("between gate and asset: the plant's cabling, and the asset's protocol"),
    asks("3.13.9", "Connections end with the session", &[LOGINS_END, SESSIONS]),
    asks("3.13.10", "Keys are managed", &[KEYS]),
    asks("3.13.11", "Validated cryptography", &[FIPS]),
    asks("3.13.15", "Sessions are authentic", &[HOP]),
    asks("3.14.6", "Traffic is watched for attacks", &[WATCHES, REFUSALS]),
    asks("3.14.7", "Use that is not allowed is found", &[REFUSALS, COMPLETE]),
];
