//! Which worker owns which asset.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use wicketgate_engine::WorkerId;
use wicketgate_policy::Asset;

/// The owner of each asset, by its overlay address: it stays the same as long as the asset exists, also
/// where a policy is loaded anew, for its flows live there.
#[derive(Debug)]
pub(super) struct Owners {
    workers: u16,
    by_overlay: HashMap<Ipv4Addr, WorkerId>,
}

impl Owners {
    /// Nobody owns anything.
    pub(super) fn new(workers: u16) -> Owners {
        Owners { workers: workers.max(1), by_overlay: HashMap::new() }
    }

    /// Gives each of these assets an owner, and no others: one that is new to the worker with the fewest,
    /// the first of several.
    pub(super) fn assign(&mut self, assets: &[Asset]) {
        let exists = |overlay: &Ipv4Addr| assets.iter().any(|asset| asset.overlay == *overlay);
        self.by_overlay.retain(|overlay, _| exists(overlay));
        for asset in assets {
            if !self.by_overlay.contains_key(&asset.overlay) {
                self.by_overlay.insert(asset.overlay, self.least_loaded());
            }
        }
    }

    fn least_loaded(&self) -> WorkerId {
        let load = |worker: &WorkerId| self.by_overlay.values().filter(|at| *at == worker).count();
        (0..self.workers).map(WorkerId).min_by_key(load).unwrap_or_default()
    }

    /// The owner of the asset with that overlay address.
    pub(super) fn of(&self, overlay: Ipv4Addr) -> WorkerId {
        self.by_overlay.get(&overlay).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Assets with these last bytes of their overlay addresses.
    fn assets(last: &[u8]) -> Vec<Asset> {
        let mut text =
            "[[port]]\nname = \"line\"\nside = \"underlay\"\naddress = \"10.0.0.1/24\"\n"
                .to_owned();
        for n in last {
            text += &format!(
                "[[asset]]\nname = \"a{n}\"\nzone = \"z\"\nport = \"line\"\n\
                 overlay = \"100.64.0.{n}\"\nunderlay = \"10.0.0.{n}\"\nprotocols = [\"modbus\"]\n"
            );
        }
        wicketgate_policy::parse(&text, "test").unwrap().assets().to_vec()
    }

    fn owners(owners: &Owners, last: &[u8]) -> Vec<u16> {
        last.iter().map(|n| owners.of(Ipv4Addr::new(100, 64, 0, *n)).0).collect()
    }

    #[test]
    fn assets_are_spread_evenly() {
        let mut found = Owners::new(3);
        found.assign(&assets(&[11, 12, 13, 14, 15, 16]));
        let mut of: Vec<u16> = owners(&found, &[11, 12, 13, 14, 15, 16]);
        of.sort_unstable();
        assert_eq!(of, [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn an_asset_keeps_its_owner() {
        let mut found = Owners::new(2);
        found.assign(&assets(&[11, 12, 13]));
        let before = owners(&found, &[12, 13]);
        found.assign(&assets(&[30, 13, 12, 31]));
        assert_eq!(owners(&found, &[12, 13]), before, "in whatever order, beside whatever others");
        let mut all = owners(&found, &[12, 13, 30, 31]);
        all.sort_unstable();
        assert_eq!(all, [0, 0, 1, 1], "new ones go where there are fewest");
    }

    #[test]
    fn one_worker_owns_all() {
        let mut found = Owners::new(1);
        found.assign(&assets(&[11, 12]));
        assert_eq!(owners(&found, &[11, 12, 99]), [0, 0, 0]);
    }
}
