//! The rules of the policy in force, as access asks for them.

use std::collections::HashMap;
use std::sync::Arc;

use wicketgate_engine::{AssetId, RuleId};
use wicketgate_identity::access::Scope;
use wicketgate_identity::{Factor, Role, Rules, Terms};
use wicketgate_packet::Time;
use wicketgate_policy::{Policy, Rule, Weekly};

/// What each rule asks, by its place in the file; rules by name and by role.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: Vec<Entry>,
    rules: HashMap<Arc<str>, RuleId>,
    assets: HashMap<Arc<str>, AssetId>,
    roles: HashMap<Role, Vec<RuleId>>,
}

/// A rule.
#[derive(Debug)]
struct Entry {
    name: Arc<str>,
    assets: Box<[AssetId]>,
    /// Without its window.
    terms: Terms,
    window: Option<Weekly>,
}

impl Book {
    /// The rules of `policy`.
    pub(super) fn of(policy: &Policy) -> Book {
        let mut book = Book::default();
        for (asset, id) in policy.assets().iter().zip((0..).map(AssetId)) {
            book.assets.insert(asset.name.as_str().into(), id);
        }
        for (rule, id) in policy.rules().iter().zip((0..).map(RuleId)) {
            let entry = Entry::of(rule);
            for role in &entry.terms.roles {
                book.roles.entry(role.clone()).or_default().push(id);
            }
            book.rules.insert(entry.name.clone(), id);
            book.entries.push(entry);
        }
        book
    }

    /// The rule's number, where there is one of that name.
    pub(super) fn rule(&self, name: &str) -> Option<RuleId> {
        self.rules.get(name).copied()
    }

    /// The asset's number, where there is one of that name.
    pub(super) fn asset(&self, name: &str) -> Option<AssetId> {
        self.assets.get(name).copied()
    }

    /// What is asked for by these names; those of the policy where it has them.
    pub(super) fn scope(&self, rule: &str, asset: &str) -> Scope {
        let rule =
            self.rules.get_key_value(rule).map_or_else(|| rule.into(), |(name, _)| name.clone());
        let asset =
            self.assets.get_key_value(asset).map_or_else(|| asset.into(), |(name, _)| name.clone());
        Scope { rule, asset }
    }

    /// The rules for someone with these roles that need not be asked for, each once, with their terms at
    /// `wall`.
    pub(super) fn standing(
        &self,
        roles: &[Role],
        wall: Time,
    ) -> impl Iterator<Item = (RuleId, Terms)> {
        self.of_roles(roles, wall).filter(|(_, terms)| !terms.on_request())
    }

    /// The rules for someone with these roles, each once, with their terms at `wall`.
    pub(super) fn of_roles(
        &self,
        roles: &[Role],
        wall: Time,
    ) -> impl Iterator<Item = (RuleId, Terms)> {
        let mut ids: Vec<RuleId> =
            roles.iter().filter_map(|role| self.roles.get(role)).flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().filter_map(move |id| Some((id, self.entries.get(id.0 as usize)?.at(wall))))
    }
}

impl Entry {
    fn of(rule: &Rule) -> Entry {
        let asked = &rule.conditions;
        let role = |name: &String| Role::new(name).ok();
        let approver = asked.approval.as_ref().map(role);
        // What nobody can approve, nobody has; nor does anybody have a role with such a name.
        let open = approver != Some(None);
        Entry {
            name: rule.name.as_str().into(),
            assets: rule.assets.as_slice().into(),
            terms: Terms {
                roles: rule.roles.iter().filter(|_| open).filter_map(role).collect(),
                factors: rule.factors.iter().filter_map(|f| Factor::from_name(f.name())).collect(),
                max_proof_age: asked.max_proof_age,
                window: None,
                reason: asked.reason,
                approver: approver.flatten(),
                max_duration: asked.max_duration,
                max_sessions: asked.max_sessions,
                operation: asked.operation.unwrap_or_default(),
                drain: asked.drain.unwrap_or_default(),
            },
            window: rule.window.clone(),
        }
    }

    fn at(&self, wall: Time) -> Terms {
        let window = self.window.as_ref().map(|weekly| weekly.stretch(wall));
        Terms { window, ..self.terms.clone() }
    }
}

impl Rules for Book {
    fn terms(&self, scope: &Scope, wall: Time) -> Option<Terms> {
        let entry = self.entries.get(self.rule(&scope.rule)?.0 as usize)?;
        let asset = self.asset(&scope.asset)?;
        entry.assets.binary_search(&asset).ok().map(|_| entry.at(wall))
    }
}
