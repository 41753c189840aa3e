//! Directive (EU) 2022/2555, Article 21(2), as far as a gate in the network has to do with it.

use super::{Requirement, asks};
use crate::checks::boundary::{INVENTORY, ISLAND, LEAST, ONE_DOOR};
use crate::checks::crypto::{HOP, KEYS};
use crate::checks::gate::{ALARMS, LOGINS_NOW, RUNS};
use crate::checks::log::{ATTRIBUTED, COMPLETE, EVENTS, REFUSALS, WHOLE};
use crate::checks::people::{ACCOUNTS, ENROLLED, TWO_FACTORS};
use crate::checks::rights::{APPROVAL, COMMANDS, OVERRIDE, ROLES, SENTENCES};

pub(super) const REQUIREMENTS: &[Requirement] = &[
    asks("21(2)(a)", "Policies on risk and security", &[SENTENCES, COMMANDS])
        .but("the analysis of risks: the site"),
    asks("21(2)(b)", "Incidents are handled", &[EVENTS, WHOLE, ALARMS])
        .but("reports within 24 h, 72 h and a month: the site"),
    asks("21(2)(c)", "The business goes on", &[ISLAND, OVERRIDE])
        .but("backups and crisis management: the site"),
    asks("21(2)(d)", "Suppliers", &[APPROVAL, ATTRIBUTED]).but("contracts: the site"),
    asks("21(2)(e)", "Acquisition, maintenance, vulnerabilities", &[LEAST, COMMANDS])
        .but("finding and repairing them: the makers of assets, and the site"),
    asks("21(2)(f)", "Whether measures work is assessed", &[REFUSALS, COMPLETE, SENTENCES]),
    asks("21(2)(h)", "Cryptography", &[HOP, KEYS]),
    asks("21(2)(i)", "Access control, staff, assets", &[ACCOUNTS, ROLES, INVENTORY])
        .but("who is hired and who has left: the site"),
    asks(
        "21(2)(j)",
        "Several factors, secured communication",
        &[TWO_FACTORS, ENROLLED, ONE_DOOR, LOGINS_NOW, RUNS],
    )
    .but("voice and emergency communication: the site"),
];
