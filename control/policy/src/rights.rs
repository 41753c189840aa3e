//! `[[rule]]` and `[[conduit]]`: who may do what.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use wicketgate_dissectors::{ClassSet, Protocol};
use wicketgate_engine::Entry;
use wicketgate_engine::tables::{AssetId, RuleId};

use crate::allow::{self, Context};
use crate::conditions;
use crate::denial;
use crate::diagnostic::{Report, Span};
use crate::doors;
use crate::model::{Conduit, Factor, Rule, Source};
use crate::namespaces::Known;
use crate::rate;
use crate::reader::{Node, Table};
use crate::suggest;
use crate::topology::{Names, Topology, read_name};
use crate::value;
use crate::window;

/// All rules and conduits.
pub(crate) struct Rights {
    pub(crate) rules: Vec<Rule>,
    pub(crate) conduits: Vec<Conduit>,
}

/// What reading the rights of one file needs and remembers.
struct Reader<'a, 'r, 't> {
    topology: &'a Topology,
    report: &'r mut Report<'t>,
    /// Of rules and conduits together: the audit tells them apart by name.
    names: Names,
    sources: HashMap<Ipv4Addr, Vec<(Source, Span)>>,
}

impl Rights {
    /// Reads all rules, then all conduits; `None` if one could not be read, which was reported.
    pub(crate) fn read(
        rules: Vec<Table<'_>>,
        conduits: Vec<Table<'_>>,
        topology: &Topology,
        report: &mut Report<'_>,
    ) -> Option<Rights> {
        let names = Names::default();
        let mut reader = Reader { topology, report, names, sources: HashMap::new() };
        let mut ids = (0..).map(RuleId);
        // Every one is read, whatever happened to those before it, so that every error is found.
        let rules: Vec<_> =
            rules.into_iter().zip(&mut ids).map(|(table, id)| reader.rule(table, id)).collect();
        let conduits: Vec<_> =
            conduits.into_iter().zip(ids).map(|(table, id)| reader.conduit(table, id)).collect();
        Some(Rights {
            rules: rules.into_iter().collect::<Option<_>>()?,
            conduits: conduits.into_iter().collect::<Option<_>>()?,
        })
    }
}

/// Whether some rule or conduit is about the asset.
pub(crate) fn reaches(rights: &Rights, asset: AssetId) -> bool {
    rights.rules.iter().any(|rule| rule.is_about(asset))
        || rights.conduits.iter().any(|conduit| conduit.is_about(asset))
}

/// Reads one factor.
pub(crate) fn factor(node: Node<'_>, report: &mut Report<'_>) -> Option<Factor> {
    let name = node.text(report)?;
    let found = Factor::from_name(name);
    if found.is_none() {
        let help = suggest::known(name, Factor::ALL.iter().map(|factor| factor.name()));
        report.error_with(&node.span(), format!("there is no factor `{name}`"), help);
    }
    found
}

impl Reader<'_, '_, '_> {
    fn rule(&mut self, mut table: Table<'_>, id: RuleId) -> Option<Rule> {
        let name = read_name(&mut table, &mut self.names, self.report);
        let roles = table.required("roles", self.report).and_then(|node| self.roles(node));
        let protocol = self.protocol(&mut table);
        let assets = table.required("assets", self.report);
        let assets = assets.and_then(|node| self.assets(node, protocol));
        let allow = self.allow(&mut table, protocol, id, assets.as_deref());
        let window = table.optional("window");
        let window = window.map(|node| window::read(node, self.report));
        let factors = table.optional("factors").map(|node| self.factors(node));
        let conditions = conditions::read(&mut table, factors.is_some(), self.report);
        let deny = table.optional("deny");
        let deny = deny.and_then(|node| denial::read_for(node, protocol, self.report));
        table.close(self.report);
        Some(Rule {
            name: name?,
            roles: roles?,
            assets: assets?,
            protocol: protocol?,
            allow: allow?,
            // A window that is there but could not be read must not become "always".
            window: match window {
                None => None,
                Some(read) => Some(read?),
            },
            factors: match factors {
                None => Vec::new(),
                Some(read) => read?,
            },
            conditions: conditions?,
            deny,
        })
    }

    fn conduit(&mut self, mut table: Table<'_>, id: RuleId) -> Option<Conduit> {
        let name = read_name(&mut table, &mut self.names, self.report);
        let from = table.required("from", self.report).and_then(|node| self.source(node));
        let protocol = self.protocol(&mut table);
        let assets = self.conduit_assets(&mut table, protocol);
        let allow = self.allow(&mut table, protocol, id, assets.as_deref());
        let rate = table.optional("rate");
        let rate = rate.map(|node| rate::read(node, protocol, self.report));
        let deny = table.optional("deny");
        let deny = deny.and_then(|node| denial::read_for(node, protocol, self.report));
        self.refuse_window(&mut table);
        table.close(self.report);
        Some(Conduit {
            name: name?,
            from: from?,
            assets: assets?,
            protocol: protocol?,
            allow: allow?,
            // A rate that is there but could not be read must not become "any".
            rate: match rate {
                None => None,
                Some(read) => Some(read?),
            },
            deny,
        })
    }

    fn refuse_window(&mut self, table: &mut Table<'_>) {
        for key in ["window", "factors"].iter().chain(conditions::KEYS) {
            if let Some(node) = table.optional(key) {
                let help = "a conduit is an essential flow: it holds always, and no one logs in";
                self.report.error_with(&node.span(), format!("a conduit has no `{key}`"), help);
            }
        }
    }

    fn roles(&mut self, node: Node<'_>) -> Option<Vec<String>> {
        let nodes = node.list(self.report)?;
        nodes.into_iter().map(|node| Some(node.name(self.report)?.to_owned())).collect()
    }

    fn factors(&mut self, node: Node<'_>) -> Option<Vec<Factor>> {
        let nodes = node.list(self.report)?;
        nodes.into_iter().map(|node| factor(node, self.report)).collect()
    }

    fn protocol(&mut self, table: &mut Table<'_>) -> Option<Protocol> {
        let node = table.required("protocol", self.report)?;
        doors::protocol(node.text(self.report)?, &node.span(), self.report)
    }

    /// What is allowed. Protocols that are not read are granted whole, and say so: `opaque = true`.
    /// Their one entry gives no command; it carries the rule's id, and its window.
    fn allow(
        &mut self,
        table: &mut Table<'_>,
        protocol: Option<Protocol>,
        id: RuleId,
        assets: Option<&[AssetId]>,
    ) -> Option<Vec<Entry>> {
        let (opaque, allow) = (table.optional("opaque"), table.optional("allow"));
        match protocol? {
            Protocol::Tcp | Protocol::Udp => {
                self.check_opaque(table, opaque, allow);
                Some(vec![Entry::classes(id, ClassSet::EMPTY)])
            }
            protocol => {
                if let Some(node) = opaque {
                    let message = format!("{protocol} is read by the gate: nothing is opaque");
                    self.report.error_with(&node.span(), message, "say what you `allow`");
                }
                let node = table.required("allow", self.report)?;
                let context = Context::new(protocol, id, Known::of(assets, self.topology));
                Some(allow::read(node, &context, self.report))
            }
        }
    }

    fn check_opaque(
        &mut self,
        table: &Table<'_>,
        opaque: Option<Node<'_>>,
        allow: Option<Node<'_>>,
    ) {
        let help = "write opaque = true in place of `allow`: whoever may connect may do everything";
        if let Some(node) = allow {
            let message = "the gate does not read these bytes, so it cannot judge them";
            self.report.error_with(&node.span(), message, help);
        }
        let said = opaque.and_then(|node| node.flag(self.report)) == Some(true);
        if !said {
            let at = opaque.map_or(table.span().clone(), Node::span);
            self.report.error_with(
                &at,
                "plain `tcp` and `udp` pass unread: `opaque` is not true",
                help,
            );
        }
    }

    /// `asset` or `assets`.
    fn conduit_assets(
        &mut self,
        table: &mut Table<'_>,
        protocol: Option<Protocol>,
    ) -> Option<Vec<AssetId>> {
        let (one, many) = (table.optional("asset"), table.optional("assets"));
        match (one, many) {
            (Some(one), None) => self.all_named(vec![one], protocol),
            (None, Some(many)) => self.assets(many, protocol),
            (None, None) => {
                self.report.error(table.span(), "[[conduit]] has no `asset`");
                None
            }
            (Some(_), Some(many)) => {
                let help = "write one of them";
                self.report.error_with(&many.span(), "both `asset` and `assets` are there", help);
                None
            }
        }
    }

    fn assets(&mut self, node: Node<'_>, protocol: Option<Protocol>) -> Option<Vec<AssetId>> {
        let nodes = node.list(self.report)?;
        self.all_named(nodes, protocol)
    }

    /// The assets that are named and speak `protocol`, each once.
    fn all_named(
        &mut self,
        nodes: Vec<Node<'_>>,
        protocol: Option<Protocol>,
    ) -> Option<Vec<AssetId>> {
        let named: Vec<_> = nodes.into_iter().map(|node| self.named(node, protocol)).collect();
        let mut assets = named.into_iter().collect::<Option<Vec<_>>>()?.concat();
        assets.sort_unstable();
        assets.dedup();
        Some(assets)
    }

    /// The assets that one element names: `press-3`, `zone:press-line` or `*`.
    fn named(&mut self, node: Node<'_>, protocol: Option<Protocol>) -> Option<Vec<AssetId>> {
        let name = node.text(self.report)?;
        let named = match name.strip_prefix("zone:") {
            Some(zone) => self.zone(zone, node)?,
            None if name == "*" => self.topology.asset_places().map(|(id, ..)| id).collect(),
            None => vec![self.asset(name, node)?],
        };
        self.speakers(named, protocol?, node)
    }

    /// Those of the assets that speak the protocol; that none does is an error.
    fn speakers(
        &mut self,
        named: Vec<AssetId>,
        protocol: Protocol,
        node: Node<'_>,
    ) -> Option<Vec<AssetId>> {
        // An asset that could not be read may speak anything: its own error comes first.
        let speaks = |id: &AssetId| self.topology.asset(*id).is_none_or(|a| a.speaks(protocol));
        let speakers: Vec<AssetId> = named.into_iter().filter(speaks).collect();
        if speakers.is_empty() {
            let name = node.text(self.report)?;
            let help = format!("add \"{protocol}\" to the asset's `protocols`, if it does");
            let message = format!("the rule never matches: `{name}` does not speak {protocol}");
            self.report.error_with(&node.span(), message, help);
            return None;
        }
        Some(speakers)
    }

    fn zone(&mut self, zone: &str, node: Node<'_>) -> Option<Vec<AssetId>> {
        let found = self.topology.zones.get(zone);
        if found.is_none() {
            let mut zones: Vec<&str> = self.topology.zones.keys().map(String::as_str).collect();
            zones.sort_unstable();
            let message = format!("no asset is in a zone `{zone}`");
            self.report.error_with(&node.span(), message, suggest::known(zone, zones));
        }
        found.cloned()
    }

    fn asset(&mut self, name: &str, node: Node<'_>) -> Option<AssetId> {
        let found = self.topology.asset_names.get(name).map(AssetId);
        if found.is_none() {
            let help = if self.topology.zones.contains_key(name) {
                format!("it is a zone: write \"zone:{name}\"")
            } else {
                suggest::known(name, self.topology.asset_names.iter())
            };
            self.report.error_with(&node.span(), format!("there is no asset `{name}`"), help);
        }
        found
    }

    fn source(&mut self, node: Node<'_>) -> Option<Source> {
        let mut table = node.table("`from`", self.report)?;
        let address = table.required("address", self.report);
        let address = address.and_then(|node| self.source_address(node));
        let mac = table.optional("mac").and_then(|node| node.parse(self.report, value::mac));
        let port = table.optional("port").map(|node| self.topology.port_id(node, self.report));
        table.close(self.report);
        let port = match port {
            None => None,
            Some(read) => Some(read?),
        };
        let source = Source { address: address?, mac, port };
        self.check_same_machine(source, node);
        Some(source)
    }

    fn source_address(&mut self, node: Node<'_>) -> Option<Ipv4Addr> {
        let address = node.parse(self.report, value::host)?;
        self.topology.refuse_port_address(address, node, self.report);
        if self.topology.is_overlay_of_asset(address) {
            let help = "an asset asks from its underlay address";
            let message = format!("{address} is an asset's overlay address");
            self.report.error_with(&node.span(), message, help);
        }
        Some(address)
    }

    /// Two conduits from one address by one port are from one machine: they must agree on how it is
    /// recognized, or the weaker one would hold for both.
    fn check_same_machine(&mut self, source: Source, node: Node<'_>) {
        let others = self.sources.entry(source.address).or_default();
        let meets = |other: &Source| match (other.port, source.port) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        let differs = |(other, _): &&(Source, Span)| meets(other) && *other != source;
        if let Some((_, first)) = others.iter().find(differs) {
            let line = self.report.line(first);
            let message = format!("the conduit in line {line} is from this address, but otherwise");
            let help = "write the same `mac` and `port` in both";
            self.report.error_with(&node.span(), message, help);
        }
        others.push((source, node.span()));
    }
}
