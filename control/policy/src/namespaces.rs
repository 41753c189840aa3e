//! An asset's `namespaces`: where its OPC UA server has which namespace (OPC 10000-3 8.2.2).
//!
//! A NodeId names its namespace by the index in the server's NamespaceArray. Rules may name it by its URI
//! instead; the table says which index that is. It is the policy's own: what a server answers to a Read could
//! come from anybody who can answer in its place, and would change what a rule means while it is in force.

use wicketgate_engine::tables::AssetId;

use crate::diagnostic::Report;
use crate::reader::Node;
use crate::suggest;
use crate::topology::Topology;

/// URI of the specification's own namespace: 0 on every server.
const STANDARD: &str = "http://opcfoundation.org/UA/";
/// Highest index.
const MAX_INDEX: u32 = 0xffff;

/// Namespaces of one asset: URI and index.
pub type Namespaces = Vec<(String, u16)>;

/// Reads `{ "urn:example:press" = 2 }`; `None` if something there could not be read, which was reported.
pub(crate) fn read(node: Node<'_>, report: &mut Report<'_>) -> Option<Namespaces> {
    let table = node.table("`namespaces`", report)?;
    let mut read = Namespaces::new();
    let mut all = true;
    for (uri, span, node) in table.entries() {
        let index = node.under("index of a namespace").number(1..=MAX_INDEX, report);
        let index = index.and_then(|index| u16::try_from(index).ok());
        if uri == STANDARD || uri.trim().is_empty() {
            let message = format!("`{uri}` is no namespace of a server's own");
            report.error_with(&span, message, format!("{STANDARD} is 0 everywhere"));
        }
        if let Some((first, index)) = read.iter().find(|known| Some(known.1) == index) {
            report.error(&node.span(), format!("{index} is the index of `{first}`"));
        }
        all &= index.is_some();
        read.extend(index.map(|index| (uri.to_owned(), index)));
    }
    all.then_some(read)
}

/// What the elements of one rule may call a namespace: what it is called by all assets of the rule.
#[derive(Default)]
pub(crate) struct Known {
    /// Each asset's name, and its namespaces. `None`: they could not be read, which was reported.
    assets: Option<Vec<(String, Namespaces)>>,
}

impl Known {
    /// Those of a rule about these assets.
    pub(crate) fn of(assets: Option<&[AssetId]>, topology: &Topology) -> Known {
        let named = |id: &AssetId| {
            let asset = topology.asset(*id)?;
            Some((asset.name.clone(), asset.namespaces.clone()))
        };
        Known { assets: assets.and_then(|assets| assets.iter().map(named).collect()) }
    }

    /// The index of the namespace `uri`, the same on every asset.
    ///
    /// # Errors
    /// Some asset does not say, or two do not say the same.
    pub(crate) fn index(&self, uri: &str) -> Result<u16, String> {
        let Some([first, others @ ..]) = self.assets.as_deref().filter(|_| uri != STANDARD) else {
            return Ok(0);
        };
        let index = index_on(first, uri)?;
        for other in others {
            let there = index_on(other, uri)?;
            if there != index {
                return Err(format!(
                    "`{uri}` is namespace {index} of {}, and {there} of {}: write a rule for each",
                    first.0, other.0
                ));
            }
        }
        Ok(index)
    }
}

fn index_on((asset, namespaces): &(String, Namespaces), uri: &str) -> Result<u16, String> {
    let found = namespaces.iter().find(|(known, _)| known == uri).map(|(_, index)| *index);
    found.ok_or_else(|| match namespaces.is_empty() {
        true => {
            format!("the asset `{asset}` has no `namespaces`, so nobody knows where `{uri}` is")
        }
        false => {
            let known = suggest::known(uri, namespaces.iter().map(|(known, _)| known.as_str()));
            format!("`{uri}` is no namespace of the asset `{asset}`: {known}")
        }
    })
}
