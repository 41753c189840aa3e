//! Rules in one list: the policy file and the model are made of it.

use std::fmt::Write;

use super::*;

/// Long enough for windows and durations to end first.
pub(super) const IDLE: Duration = Duration::from_secs(5 * 3600);

/// The gate's MAC address by port, everybody's in the office, and the first asset's.
pub(super) const GATE_MAC: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
pub(super) const OFFICE_MAC: [u8; 6] = [2, 0x1b, 0, 0, 0, 1];
pub(super) const PRESS_MAC: [u8; 6] = [2, 0, 0, 0, 0x10, 0x20];

/// Both assets, as the office knows them.
pub(super) const ASSETS: [Ipv4Addr; 2] =
    [Ipv4Addr::new(100, 64, 10, 20), Ipv4Addr::new(100, 64, 10, 21)];

/// Where people sit, and a machine with a conduit.
pub(super) const DESKS: [Ipv4Addr; 2] =
    [Ipv4Addr::new(192, 168, 20, 7), Ipv4Addr::new(192, 168, 20, 8)];
pub(super) const HMI: Ipv4Addr = Ipv4Addr::new(192, 168, 20, 5);

/// What is asked of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Read,
    /// Register 10 times this.
    Write(u8),
}

pub(super) const ASKED: [What; 5] =
    [What::Read, What::Write(0), What::Write(1), What::Write(2), What::Write(3)];

impl What {
    pub(super) fn pdu(self) -> [u8; 5] {
        match self {
            What::Read => [3, 0, 0, 0, 1],
            What::Write(ten) => [6, 0, ten * 10, 0, 7],
        }
    }

    fn element(self) -> String {
        match self {
            What::Read => "\"read\"".to_owned(),
            What::Write(ten) => {
                format!("{{ class = \"write\", address = \"{}-{}\" }}", ten * 10, ten * 10 + 9)
            }
        }
    }
}

/// A rule. Times are in minutes, hours in UTC.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) asset: usize,
    pub(super) gives: What,
    pub(super) totp: bool,
    pub(super) age: Option<u64>,
    pub(super) hours: Option<(u64, u64)>,
    pub(super) reason: bool,
    pub(super) approval: bool,
    pub(super) minutes: Option<u64>,
    pub(super) most: Option<u32>,
}

impl Rule {
    const fn new(name: &'static str, asset: usize, gives: What) -> Rule {
        Rule {
            name,
            asset,
            gives,
            totp: false,
            age: None,
            hours: None,
            reason: false,
            approval: false,
            minutes: None,
            most: None,
        }
    }

    pub(super) fn on_request(&self) -> bool {
        self.reason || self.approval || self.minutes.is_some() || self.most.is_some()
    }

    fn write(&self, text: &mut String) {
        let Rule { name, asset, age, minutes, most, .. } = self;
        let gives = self.gives.element();
        let factors = if self.totp { "\"password\", \"totp\"" } else { "\"password\"" };
        writeln!(
            text,
            "[[rule]]\nname = \"{name}\"\nroles = [\"maintenance\"]\nassets = [\"a{asset}\"]\n\
             protocol = \"modbus\"\nallow = [{gives}]\nfactors = [{factors}]"
        )
        .unwrap();
        let mut line = |key: &str, value: Option<String>| {
            value.into_iter().for_each(|value| writeln!(text, "{key} = {value}").unwrap());
        };
        line("max_proof_age", age.map(|age| format!("\"{age}min\"")));
        line("max_duration", minutes.map(|minutes| format!("\"{minutes}min\"")));
        line("max_sessions", most.map(|most| most.to_string()));
        line("reason", self.reason.then(|| "true".to_owned()));
        line("approval", self.approval.then(|| "\"lead\"".to_owned()));
        let hours = |(from, to)| {
            format!(
                "{{ days = \"mon-sun\", from = \"{from:02}:00\", to = \"{to:02}:00\", zone = \"UTC\" }}"
            )
        };
        line("window", self.hours.map(hours));
    }
}

/// Policies that are in force one after the other.
pub(super) const VARIANTS: usize = 6;

/// The rules of a variant. Their order is another in each, and so are their numbers.
pub(super) fn rules(variant: usize) -> Vec<Rule> {
    let narrow = variant == 1;
    let hours = Some(if narrow { (10, 12) } else { (8, 11) });
    let mut rules = vec![
        Rule { totp: variant == 2, ..Rule::new("looks", 0, What::Read) },
        Rule { totp: true, age: Some(20), ..Rule::new("fresh", 1, What::Read) },
        Rule { hours, ..Rule::new("hours", 1, What::Write(0)) },
        Rule {
            minutes: Some(if narrow { 10 } else { 25 }),
            age: Some(40),
            ..Rule::new("timed", 0, What::Write(0))
        },
        Rule { hours, reason: true, ..Rule::new("windowed", 0, What::Write(1)) },
        Rule { hours, reason: true, minutes: Some(45), ..Rule::new("both", 1, What::Write(2)) },
        Rule {
            hours: hours.filter(|_| variant != 5),
            approval: true,
            most: Some(1),
            ..Rule::new("eyes", 1, What::Write(1))
        },
    ];
    rules.retain(|rule| match variant {
        3 => rule.name != "looks",
        4 => rule.name != "windowed",
        _ => true,
    });
    let first = variant % rules.len();
    rules.rotate_left(first);
    rules
}

/// The policy file of these rules, and of a machine that may read and write the first registers of both
/// assets.
pub(super) fn policy(rules: &[Rule]) -> String {
    let mut text = String::from(
        "[[port]]\nname = \"office\"\nside = \"overlay\"\naddress = \"192.168.20.1/24\"\n\
         cleartext_logins = true\n\
         [[port]]\nname = \"line\"\nside = \"underlay\"\naddress = \"192.168.10.2/24\"\n",
    );
    for asset in 0..ASSETS.len() {
        let number = 20 + asset;
        writeln!(
            text,
            "[[asset]]\nname = \"a{asset}\"\nzone = \"z\"\nport = \"line\"\n\
             overlay = \"100.64.10.{number}\"\nunderlay = \"192.168.10.{number}\"\n\
             mac = \"02:00:00:00:10:{number}\"\nprotocols = [\"modbus/udp\"]"
        )
        .unwrap();
    }
    rules.iter().for_each(|rule| rule.write(&mut text));
    text + "[[conduit]]\nname = \"hmi\"\nfrom = { address = \"192.168.20.5\" }\n\
            assets = [\"a0\", \"a1\"]\nprotocol = \"modbus\"\n\
            allow = [\"read\", { class = \"write\", address = \"0-9\" }]\n"
}
