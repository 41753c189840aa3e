//! IEC 62443-3-3 (system) and 62443-4-2 (network device), as far as a gate in the network has to do with them.

use super::{Requirement, asks, outside, unseen};
use crate::checks::boundary::{DENY, INVENTORY, ISLAND, LEAST, ONE_DOOR, SEGMENTS};
use crate::checks::crypto::{HOP, KEYS};
use crate::checks::gate::{ALARMS, AUDIT_TAKES, LOGINS_NOW, RUNS, WATCHES};
use crate::checks::log::{
    ATTRIBUTED, COMPLETE, EVENTS, FIELDS, KEPT, OFF_BOX, SENT, SESSIONS, TIME, WHOLE,
};
use crate::checks::machines::{KNOWN, LISTED, RATES};
use crate::checks::people::{
    ACCOUNTS, CERTIFICATES, ENROLLED, LOCKOUT, LOGINS_END, PASSWORDS, TWO_FACTORS,
};
use crate::checks::rights::{
    APPROVAL, COMMANDS, CONCURRENT, DUTIES, OVERRIDE, ROLES, SENTENCES, SERIOUS_APPROVED,
};

/// Whose the machine under the gate is.
const MACHINE: &str = "the gate's machine: its operating system and firmware";

/// What is seen of typing.
const TYPED: &str = "no configuration shows it: nothing typed is shown, and every refusal says the same \
    (docs/IDENTITY.md)";

pub(super) const REQUIREMENTS: &[Requirement] = &[
    asks("4.2", "Essential functions do not depend on people's access", &[ISLAND, RUNS]),
    asks("SR 1.1", "People are identified", &[ACCOUNTS, ATTRIBUTED]),
    asks("SR 1.1 RE 1", "Each person by an identity of their own", &[ACCOUNTS, ATTRIBUTED]),
    asks(
        "SR 1.1 RE 2",
        "Several factors from untrusted networks",
        &[TWO_FACTORS, ENROLLED, ONE_DOOR],
    ),
    asks("SR 1.1 RE 3", "Several factors from every network", &[TWO_FACTORS, ENROLLED, LOGINS_NOW]),
    asks("SR 1.2", "Machines and programs are identified", &[KNOWN]),
    asks("SR 1.2 RE 1", "Each of them by an identity of its own", &[KNOWN])
        .but("a certificate for a machine: the machine's maker"),
    asks("SR 1.3", "Accounts are managed", &[ACCOUNTS, DUTIES]),
    asks("SR 1.4", "Identifiers are managed", &[ACCOUNTS, ROLES]),
    asks("SR 1.5", "Authenticators are managed", &[ENROLLED, PASSWORDS, KEYS]),
    asks("SR 1.7", "Passwords are strong", &[PASSWORDS]),
    asks("SR 1.8", "Certificates come of a managed authority", &[CERTIFICATES]),
    asks("SR 1.9", "Public keys prove who one is", &[CERTIFICATES, KEYS]),
    unseen("SR 1.10", "What is shown while logging in helps nobody guess", TYPED),
    asks("SR 1.11", "Failed logins have an end", &[LOCKOUT]),
    outside("SR 1.12", "A notice before the login", "the workstation's log-on, by the site"),
    asks("SR 1.13", "Access through untrusted networks is controlled", &[ONE_DOOR, TWO_FACTORS]),
    asks("SR 1.13 RE 1", "Such access is approved, each time", &[APPROVAL]),
    asks(
        "NDR 1.13",
        "The device controls access through untrusted networks",
        &[ONE_DOOR, TWO_FACTORS],
    ),
    asks("NDR 1.13 RE 1", "The device has such access approved", &[APPROVAL]),
    asks("SR 2.1", "Rights are enforced", &[DENY, COMMANDS, ROLES]),
    asks("SR 2.1 RE 1", "For people, programs and machines alike", &[COMMANDS, LISTED]),
    asks("SR 2.1 RE 2", "Rights come of roles", &[ROLES, COMMANDS]),
    asks("SR 2.1 RE 3", "A supervisor can override, for a time", &[OVERRIDE]),
    asks("SR 2.1 RE 4", "Two people for what can do great harm", &[SERIOUS_APPROVED])
        .but("two people for each single command: the site's procedure"),
    asks("SR 2.5", "Sessions are locked when unused", &[LOGINS_END])
        .but("the screen's lock: the workstation"),
    asks("SR 2.6", "Remote sessions can be ended", &[LOGINS_END, SESSIONS]),
    asks("SR 2.7", "Sessions at once are limited", &[CONCURRENT]),
    asks("SR 2.8", "Events are recorded, with the fields asked for", &[FIELDS, EVENTS]),
    asks("SR 2.8 RE 1", "In one trail for the whole system", &[WHOLE, EVENTS])
        .but("trails of other systems: the site's collector"),
    asks("SR 2.9", "There is room for the records", &[KEPT, COMPLETE]),
    outside(
        "SR 2.9 RE 1",
        "A warning before the room is full",
        "the monitoring of the gate's machine",
    ),
    asks("SR 2.10", "Failing records are told, and the process goes on", &[AUDIT_TAKES, ISLAND]),
    asks("SR 2.11", "Records have times", &[FIELDS, TIME]),
    outside("SR 2.11 RE 1", "Clocks are synchronised", "NTP or PTP of the gate's machine"),
    outside("SR 2.11 RE 2", "The source of time is protected", "the site's time servers"),
    asks("SR 2.12", "Who did it cannot be denied", &[ATTRIBUTED, WHOLE]),
    asks("SR 2.12 RE 1", "For every user", &[ATTRIBUTED, WHOLE, OFF_BOX]),
    asks("SR 3.1", "What is sent is not changed on its way", &[HOP])
        .but("between gate and asset: the plant's cabling, and the asset's protocol"),
    asks("SR 3.1 RE 1", "By cryptography", &[HOP])
        .but("between gate and asset: the plant's cabling, and the asset's protocol"),
    asks("SR 3.5", "Input is validated", &[COMMANDS, WATCHES])
        .but("what the asset does with valid input: the asset's maker"),
    asks("SR 3.8", "Sessions are not taken over", &[HOP, SESSIONS]),
    asks("SR 3.8 RE 1", "A session is void once it has ended", &[LOGINS_END, SESSIONS]),
    asks("SR 3.8 RE 2", "Each session is one of its own", &[HOP, SESSIONS]),
    asks("SR 3.8 RE 3", "Sessions cannot be guessed", &[HOP]),
    asks("SR 3.9", "Records are protected", &[WHOLE, KEYS]),
    asks("SR 3.9 RE 1", "Records are kept where they cannot be changed", &[OFF_BOX, SENT]),
    asks("SR 4.1", "What is sent is kept secret", &[HOP])
        .but("between gate and asset: the plant's cabling, and the asset's protocol"),
    asks("SR 4.1 RE 1", "At rest, and through untrusted networks", &[HOP, KEYS])
        .but("the log on the disk: the disk encryption of the gate's machine"),
    asks("SR 4.1 RE 2", "Across the boundaries of zones", &[HOP, SEGMENTS])
        .but("between gate and asset: the plant's cabling, and the asset's protocol"),
    asks("SR 4.3", "Cryptography is of recognised kinds", &[HOP]),
    asks("SR 5.1", "Networks are segmented", &[SEGMENTS, DENY]),
    asks("SR 5.2", "Boundaries of zones are protected", &[DENY, SEGMENTS]),
    asks("SR 5.2 RE 1", "Denied by default, allowed by exception", &[DENY]),
    asks("SR 5.2 RE 2", "A zone can be an island", &[ISLAND, SEGMENTS])
        .but("cutting a zone's cables or conduits: the operator, by another policy"),
    asks("SR 5.2 RE 3", "What fails is closed", &[RUNS, ALARMS])
        .but("the kernel forwards nothing by itself: the gate's machine (packaging/)"),
    asks("NDR 5.2", "The device protects the boundary", &[DENY, SEGMENTS]),
    asks("NDR 5.2 RE 1", "The device denies by default", &[DENY]),
    asks("NDR 5.2 RE 2", "The device makes an island", &[ISLAND, SEGMENTS])
        .but("cutting a zone's cables or conduits: the operator, by another policy"),
    asks("NDR 5.2 RE 3", "The device fails closed", &[RUNS, ALARMS])
        .but("the kernel forwards nothing by itself: the gate's machine (packaging/)"),
    asks("SR 5.3", "Messages from person to person do not pass", &[DENY, COMMANDS]),
    asks("SR 5.4", "Applications are partitioned", &[SEGMENTS, LEAST]),
    asks("SR 6.1", "Records can be read by those who may", &[WHOLE, DUTIES]),
    asks("SR 6.1 RE 1", "And by programs", &[FIELDS, WHOLE]),
    asks("SR 6.2", "The system is watched all the time", &[WATCHES, ALARMS, SENT])
        .but("who looks at it: the site's operations"),
    asks("SR 7.1", "Floods do not stop the process", &[RATES, ISLAND]),
    asks("SR 7.1 RE 1", "Load is managed", &[RATES, CONCURRENT]),
    asks("SR 7.1 RE 2", "Floods do not spread to other systems", &[RATES, SEGMENTS]),
    asks("SR 7.2", "Resources are bounded", &[AUDIT_TAKES, CONCURRENT]),
    outside("SR 7.3", "Backups", "the site: policy file and state_dir (docs/IDENTITY.md)"),
    outside("SR 7.4", "Recovery to a known state", "the site: backups, and packaging/"),
    asks("SR 7.6", "Settings are those that were decided", &[RUNS, SENTENCES]),
    asks("SR 7.6 RE 1", "Settings can be read by programs", &[SENTENCES]),
    asks("SR 7.7", "Only what is needed is open", &[LEAST, COMMANDS]),
    asks("SR 7.8", "Components are listed", &[INVENTORY])
        .but("components of the gate itself: Cargo.lock of its release"),
    outside("NDR 3.10", "Updates", "the package system of the gate's machine"),
    outside("NDR 3.11", "Tampering with the device shows", MACHINE),
    outside("NDR 3.12", "Roots of trust of its maker", MACHINE),
    outside("NDR 3.13", "Roots of trust of its owner", MACHINE),
    outside("NDR 3.14", "The boot is checked", MACHINE),
];
