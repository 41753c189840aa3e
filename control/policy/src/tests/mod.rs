//! Whole policies: what is refused and where, what is granted and to whom.

mod assertions;
mod cip;
mod compile;
mod errors;
mod explain;
mod good;
mod opcua;
mod s7;

use crate::{Policy, parse};

/// A good policy; the tests of errors change one thing in it each.
const BASE: &str = r#"[gate]
overlay = "100.64.0.0/16"

[[port]]
name = "office"
side = "overlay"
address = "100.64.0.1/16"

[[port]]
name = "line"
side = "underlay"
interface = "ens1f1"
address = "192.168.10.1/24"
mac = "02:00:00:00:10:fe"

[[asset]]
name = "press-3"
zone = "press-line"
port = "line"
overlay = "100.64.10.20"
underlay = "192.168.10.20"
protocols = ["modbus"]
cycle = "10ms"
mac = "00:1d:9c:aa:bb:cc"

[[asset]]
name = "robot"
zone = "cell"
port = "line"
vlan = 12
overlay = "100.64.10.21"
underlay = "192.168.10.21"
protocols = { modbus = 1502, icmp = true, tcp = [22, 443], enip = 44818, s7comm = 102, opcua = 4840 }

[[rule]]
name = "maintenance"
roles = ["maintenance"]
assets = ["zone:press-line"]
protocol = "modbus"
allow = ["read", { class = "write", address = "100-119", value = "0-1500" }]
window = { days = "mon-fri", from = "06:00", to = "18:00", zone = "Europe/Paris" }
factors = ["password", "totp"]

[[conduit]]
name = "hmi-1"
from = { address = "192.168.20.5", mac = "00:1b:1b:aa:bb:cc", port = "office" }
asset = "robot"
protocol = "modbus"
allow = [{ function = 6, address = "0-99" }]
"#;

fn good(text: &str) -> Policy {
    match parse(text, "policy.toml") {
        Ok(policy) => policy,
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            panic!("{}", errors.join("\n"))
        }
    }
}

/// The base policy with one thing changed.
fn changed(old: &str, new: &str) -> String {
    assert!(BASE.contains(old), "not in the base policy: {old}");
    BASE.replacen(old, new, 1)
}
