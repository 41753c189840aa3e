//! `[record]`: whose sessions are recorded, where, and for how long that is kept.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wicketgate_engine::tables::AssetId;

use crate::diagnostic::Report;
use crate::log::size;
use crate::model::{Conduit, Rule};
use crate::reader::{Node, Table};
use crate::rights::Rights;
use crate::suggest;
use crate::topology::Topology;
use crate::value;

/// Bytes of one session's record beyond which it goes on without its frames, where nobody says how many.
const SESSION_SIZE: u64 = 64 << 20;

/// `[record]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where records are.
    pub folder: PathBuf,
    /// Bytes of one session's record, at most.
    pub session_size: u64,
    /// Bytes of all records together, beyond which the oldest are deleted; `None`: none ever is.
    pub keep_size: Option<u64>,
    /// How long a record is kept after its last frame; `None`: for ever.
    pub keep_for: Option<Duration>,
    /// People's commands are refused as long as records cannot be written.
    pub required: bool,
    /// Of people only those to whom a rule for one of these roles gives it; `None`: of all.
    roles: Option<BTreeSet<String>>,
    /// Of people only what they do on these; `None`: on all.
    assets: Option<BTreeSet<AssetId>>,
    /// Conduits, by name: none but these.
    conduits: BTreeSet<String>,
}

impl Record {
    /// Of all people and of these conduits, in no folder.
    pub(crate) fn all(conduits: BTreeSet<String>) -> Record {
        Record {
            folder: PathBuf::new(),
            session_size: u64::MAX,
            keep_size: None,
            keep_for: None,
            required: false,
            roles: None,
            assets: None,
            conduits,
        }
    }

    /// Whether what the rule gives people on the asset is recorded.
    pub(crate) fn has_people(&self, rule: &Rule, asset: AssetId) -> bool {
        let role = |roles: &BTreeSet<String>| rule.roles.iter().any(|role| roles.contains(role));
        self.roles.as_ref().is_none_or(role)
            && self.assets.as_ref().is_none_or(|assets| assets.contains(&asset))
    }

    /// Whether what the conduit's machine does is recorded.
    pub(crate) fn has_machine(&self, conduit: &Conduit) -> bool {
        self.conduits.contains(&conduit.name)
    }
}

/// `record: /var/lib/wicketgate/records, people of 1 role, on all assets; 0 conduits`, as explanations have it.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = self.roles.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
        let people =
            if roles.is_empty() { "all people".to_owned() } else { format!("people by {roles}") };
        let assets = self
            .assets
            .as_ref()
            .map_or("all assets".to_owned(), |assets| format!("{} of the assets", assets.len()));
        write!(f, "record: {}: {people} on {assets}", self.folder.display())?;
        let conduits = self.conduits.iter().map(|name| format!("; conduit {name}"));
        conduits.into_iter().try_for_each(|conduit| f.write_str(&conduit))?;
        f.write_str(if self.required { "; required" } else { "" })
    }
}

/// Reads `[record]`; `None` if it cannot be read, which was reported.
pub(crate) fn read(
    node: Node<'_>,
    topology: &Topology,
    rights: &Rights,
    report: &mut Report<'_>,
) -> Option<Record> {
    let mut table = node.table("[record]", report)?;
    let folder = table.required("folder", report).and_then(|node| folder(node, report));
    let session_size = size(&mut table, "session_mib", 1..=65_536, report);
    let keep_size = size(&mut table, "keep_mib", 1..=u32::MAX, report);
    let keep_for = table.optional("keep_for").and_then(|node| node.parse(report, value::span));
    let required = table.optional("required").and_then(|node| node.flag(report));
    let known = rights.rules.iter().flat_map(|rule| rule.roles.iter().map(String::as_str));
    let roles = names(&mut table, "roles", "no rule is for role", known, report);
    let assets = assets(&mut table, topology, report);
    let known = rights.conduits.iter().map(|conduit| conduit.name.as_str());
    let conduits = names(&mut table, "conduits", "there is no conduit", known, report);
    table.close(report);
    Some(Record {
        folder: folder?,
        session_size: session_size.unwrap_or(SESSION_SIZE),
        keep_size,
        keep_for,
        required: required.unwrap_or(false),
        // A list that is there but could not be read must not become "all".
        roles: roles?,
        assets: assets?,
        conduits: conduits?.unwrap_or_default(),
    })
}

fn folder(node: Node<'_>, report: &mut Report<'_>) -> Option<PathBuf> {
    let folder = Path::new(node.name(report)?);
    if folder.is_relative() {
        let help = "write the whole path, like /var/lib/wicketgate/records";
        report.error_with(&node.span(), "`folder` of [record] is not an absolute path", help);
        return None;
    }
    Some(folder.to_owned())
}

/// A list of names that must be `known`: `Some(None)` where it is left out.
fn names<'k>(
    table: &mut Table<'_>,
    key: &'static str,
    unknown: &str,
    known: impl Iterator<Item = &'k str> + Clone,
    report: &mut Report<'_>,
) -> Option<Option<BTreeSet<String>>> {
    let Some(node) = table.optional(key) else { return Some(None) };
    let mut names = BTreeSet::new();
    for node in node.list(report)? {
        let name = node.name(report)?;
        if !known.clone().any(|known| known == name) {
            let help = suggest::known(name, known.clone());
            report.error_with(&node.span(), format!("{unknown} `{name}`"), help);
            return None;
        }
        names.insert(name.to_owned());
    }
    Some(Some(names))
}

/// Assets by name or `zone:NAME`.
fn assets(
    table: &mut Table<'_>,
    topology: &Topology,
    report: &mut Report<'_>,
) -> Option<Option<BTreeSet<AssetId>>> {
    let Some(node) = table.optional("assets") else { return Some(None) };
    let mut assets = BTreeSet::new();
    for node in node.list(report)? {
        let name = node.text(report)?;
        let found = match name.strip_prefix("zone:") {
            Some(zone) => topology.zones.get(zone).cloned(),
            None => topology.asset_names.get(name).map(|id| vec![AssetId(id)]),
        };
        let Some(found) = found else {
            let help = suggest::known(name, topology.asset_names.iter());
            report.error_with(&node.span(), format!("there is no asset or zone `{name}`"), help);
            return None;
        };
        assets.extend(found);
    }
    Some(Some(assets))
}
