//! Settings of the gate, its ports and its assets that are otherwise.

use crate::explain::{AssetPart, Explanation, PortLine, TunnelLine, explain};
use crate::model::Policy;

/// One line for each.
pub(super) fn settings(before: &Policy, after: &Policy) -> Vec<String> {
    let (old, new) = (explain(before), explain(after));
    let mut lines = Vec::new();
    if old.overlay != new.overlay {
        lines.push(format!("overlay: {} -> {}", old.overlay, new.overlay));
    }
    if old.room != new.room {
        lines.push(format!("{} -> {}", old.room, new.room));
    }
    ports(&old, &new, &mut lines);
    if old.tunnel != new.tunnel {
        let words = |line: Option<TunnelLine>| {
            line.map_or_else(|| "no tunnel".to_owned(), |line| line.to_string())
        };
        lines.push(format!("{} -> {}", words(old.tunnel.clone()), words(new.tunnel.clone())));
    }
    if old.metrics != new.metrics {
        let words = |line: &Option<String>| line.clone().unwrap_or_else(|| "no metrics".to_owned());
        lines.push(format!("{} -> {}", words(&old.metrics), words(&new.metrics)));
    }
    assets(&old, &new, &mut lines);
    lines
}

fn ports(old: &Explanation, new: &Explanation, lines: &mut Vec<String>) {
    let find = |ports: &[PortLine], name: &str| {
        ports.iter().find(|port| port.name == name).map(ToString::to_string)
    };
    for port in &new.ports {
        match find(&old.ports, &port.name) {
            None => lines.push(format!("{port} (new)")),
            Some(before) if before != port.to_string() => {
                lines.push(format!("{before} -> {port}"));
            }
            Some(_) => {}
        }
    }
    let gone = old.ports.iter().filter(|port| find(&new.ports, &port.name).is_none());
    lines.extend(gone.map(|port| format!("{port} (gone)")));
}

fn assets(old: &Explanation, new: &Explanation, lines: &mut Vec<String>) {
    let find =
        |assets: &[AssetPart], name: &str| assets.iter().position(|asset| asset.name == name);
    for asset in &new.assets {
        match find(&old.assets, &asset.name).and_then(|at| old.assets.get(at)) {
            None => lines.push(format!(
                "asset {} is new: {} -> {}",
                asset.name, asset.overlay, asset.underlay
            )),
            Some(before) => changed(before, asset, lines),
        }
    }
    let gone = old.assets.iter().filter(|asset| find(&new.assets, &asset.name).is_none());
    lines.extend(gone.map(|asset| format!("asset {} is gone", asset.name)));
}

fn changed(old: &AssetPart, new: &AssetPart, lines: &mut Vec<String>) {
    for ((key, before), (_, after)) in facts(old).into_iter().zip(facts(new)) {
        if before != after {
            lines.push(format!("asset {}: {key} {before} -> {after}", new.name));
        }
    }
}

/// What there is to know of an asset, besides who may do what. A new fact must be compared too:
/// whoever adds one is told here.
fn facts(asset: &AssetPart) -> Vec<(&'static str, String)> {
    let AssetPart {
        name: _,
        zone,
        port,
        vlan,
        overlay,
        underlay,
        mac,
        cycle,
        budget,
        doors,
        rights: _,
    } = asset;
    let some = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let mut doors = doors.clone();
    doors.sort();
    vec![
        ("zone", zone.clone()),
        ("port", port.clone()),
        ("vlan", some(&vlan.map(|vlan| vlan.to_string()))),
        ("overlay", overlay.clone()),
        ("underlay", underlay.clone()),
        ("mac", some(mac)),
        ("cycle", some(cycle)),
        ("budget", some(budget)),
        ("speaks", doors.join(", ")),
    ]
}
