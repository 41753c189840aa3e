//! The elements of an `allow` list, each read into entries of the engine's matcher.
//!
//! A word is a class or a preset. A table is a list of selectors, and a command must fit all of
//! them; see [`crate::selector`] for the selectors and [`crate::contradiction`] for those that
//! exclude each other.

use wicketgate_dissectors::{Class, ClassSet, Protocol, Space};
use wicketgate_engine::objects::ObjectRule;
use wicketgate_engine::tables::RuleId;
use wicketgate_engine::{CodeSet, Entry, RangeSet, SpaceSet, ValueRule};

use crate::catalog::{self, Function};
use crate::contradiction;
use crate::diagnostic::{Report, Span};
use crate::namespaces::Known;
use crate::nodes;
use crate::objects;
use crate::preset::Preset;
use crate::reader::Node;
use crate::selector::{Code, Selectors};
use crate::suggest;

/// What a list is read for.
pub(crate) struct Context {
    /// The protocol of the rule.
    pub(crate) protocol: Protocol,
    /// Its functions.
    pub(crate) functions: Vec<Function>,
    /// The rule.
    pub(crate) rule: RuleId,
    /// What its assets call their namespaces.
    pub(crate) namespaces: Known,
}

/// A class or preset, as written.
#[derive(Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) classes: ClassSet,
    pub(crate) span: Span,
}

impl Context {
    pub(crate) fn new(protocol: Protocol, rule: RuleId, namespaces: Known) -> Context {
        Context { protocol, functions: catalog::functions(protocol), rule, namespaces }
    }

    /// What the protocol calls a function.
    pub(crate) fn function(&self) -> &'static str {
        if matches!(self.protocol, Protocol::Enip | Protocol::Opcua) {
            "service"
        } else {
            "function"
        }
    }

    /// The functions that do something of one of these classes.
    pub(crate) fn of_class(&self, classes: ClassSet) -> Vec<Function> {
        let fits = |function: &&Function| classes.contains(function.class);
        self.functions.iter().filter(fits).copied().collect()
    }
}

/// Reads a whole list. Words join into one entry, the first: together they cost no more than one.
pub(crate) fn read(node: Node<'_>, context: &Context, report: &mut Report<'_>) -> Vec<Entry> {
    let mut words = ClassSet::EMPTY;
    let mut entries = Vec::new();
    for element in node.list(report).unwrap_or_default() {
        if element.is_table() {
            entries.extend(read_element(element, context, report).unwrap_or_default());
        } else if element.as_text().is_none() {
            let what = element.type_name();
            let message = format!("an element of `allow` is a string or a table, not {what}");
            report.error_with(&element.span(), message, "a code is written { function = 3 }");
        } else if let Some(word) = read_word(element, context, report) {
            words = words.union(word.classes);
        }
    }
    if !words.is_empty() {
        entries.insert(0, Entry::classes(context.rule, words));
    }
    warn_of_unlimited_writes(node, &entries, context, report);
    entries
}

/// Reads a class or preset that the protocol has commands of.
pub(crate) fn read_word(
    node: Node<'_>,
    context: &Context,
    report: &mut Report<'_>,
) -> Option<Word> {
    let text = node.text(report)?;
    let span = node.span();
    let Some(classes) = classes_named(text, context.protocol) else {
        report_no_class(text, &span, report);
        return None;
    };
    if context.of_class(classes).is_empty() {
        let message = format!("`{text}` never matches: {} has no such command", context.protocol);
        report.error_with(&span, message, format!("its classes are {}", classes_of(context)));
        return None;
    }
    Some(Word { text: text.to_owned(), classes, span })
}

/// What a preset or class of that name allows. The unknown is no class to name.
fn classes_named(text: &str, protocol: Protocol) -> Option<ClassSet> {
    let class = Class::from_name(text).filter(|class| *class != Class::Unknown);
    let preset = Preset::from_name(text).map(|preset| preset.classes_of(protocol));
    preset.or(class.map(|class| ClassSet::of(&[class])))
}

fn report_no_class(text: &str, at: &Span, report: &mut Report<'_>) {
    if text == Class::Unknown.name() {
        let help = "name its code instead: { function = 100 }";
        report.error_with(at, "what the gate does not know is never allowed as a class", help);
        return;
    }
    let presets = Preset::ALL.iter().map(|preset| preset.name());
    let classes = Class::ALL.iter().filter(|class| **class != Class::Unknown);
    let help = suggest::known(text, presets.chain(classes.map(|class| class.name())));
    report.error_with(at, format!("there is no class or preset `{text}`"), help);
}

/// The classes that the protocol has commands of.
fn classes_of(context: &Context) -> String {
    let union = |set: ClassSet, function: &Function| set.with(function.class);
    let all = context.functions.iter().fold(ClassSet::EMPTY, union);
    let named = all.iter().filter(|class| *class != Class::Unknown);
    named.map(Class::name).collect::<Vec<_>>().join(", ")
}

/// Reads one table into an entry, or several where the functions have sub-functions of their own.
fn read_element(node: Node<'_>, context: &Context, report: &mut Report<'_>) -> Option<Vec<Entry>> {
    let selectors = Selectors::read(node, context, report)?;
    contradiction::check(&selectors, context, report);
    Some(entries(&selectors, context))
}

fn entries(selectors: &Selectors, context: &Context) -> Vec<Entry> {
    let union = |set: ClassSet, word: &Word| set.union(word.classes);
    let classes = selectors.classes.iter().fold(ClassSet::EMPTY, union);
    let base = Entry {
        units: ranges(selectors.units.as_ref().map(|s| &s.value)),
        spaces: selectors.spaces.as_ref().map_or(SpaceSet::ANY, |s| SpaceSet::of(&s.value)),
        files: ranges(selectors.files.as_ref().map(|s| &s.value)),
        addresses: ranges(selectors.addresses.as_ref().map(|s| &s.value)),
        quantity: selectors.quantity.as_ref().map(|s| s.value),
        values: selectors.values.as_ref().map_or(ValueRule::Any, |s| s.value.clone()),
        objects: objects(selectors, context.protocol),
        ..Entry::classes(context.rule, classes)
    };
    if context.protocol == Protocol::Opcua {
        return nodes::entries(selectors, base);
    }
    if context.protocol == Protocol::Enip && !selectors.functions.is_empty() {
        return services(selectors, &base, context);
    }
    let codes = codes(selectors);
    if codes.is_empty() {
        let subs = code_set(selectors.subs.iter().flat_map(|s| s.value.iter().copied()).collect());
        return vec![Entry { subs, ..base }];
    }
    let entry =
        |(codes, subs)| Entry { functions: code_set(codes), subs: code_set(subs), ..base.clone() };
    codes.into_iter().map(entry).collect()
}

/// What is reached: each protocol has objects of its own.
fn objects(selectors: &Selectors, protocol: Protocol) -> ObjectRule {
    match protocol {
        Protocol::S7comm => selectors.operands.rule(),
        Protocol::Opcua => selectors.nodes.rule(),
        _ => selectors.objects.rule(),
    }
}

/// An entry for each service: what objects it is meant for is not the same for all.
fn services(selectors: &Selectors, base: &Entry, context: &Context) -> Vec<Entry> {
    let subs = selectors.subs.as_ref().map_or(Vec::new(), |subs| subs.value.clone());
    let entry = |code: &Code| Entry {
        functions: code_set(vec![code.code]),
        subs: code.sub.map_or_else(|| code_set(subs.clone()), |sub| code_set(vec![sub])),
        objects: objects::meant(code, &selectors.objects, context),
        ..base.clone()
    };
    selectors.functions.iter().map(entry).collect()
}

/// The function codes, each list with the sub-codes that go with it: codes that were named without
/// a sub-function share one list, the others have one each.
fn codes(selectors: &Selectors) -> Vec<(Vec<u16>, Vec<u16>)> {
    let subs = selectors.subs.as_ref().map_or(Vec::new(), |subs| subs.value.clone());
    let whole = |code: &&Code| code.sub.is_none();
    let plain: Vec<u16> = selectors.functions.iter().filter(whole).map(|code| code.code).collect();
    let mut lists = if plain.is_empty() { Vec::new() } else { vec![(plain, subs)] };
    for Code { code, sub, .. } in &selectors.functions {
        let Some(sub) = *sub else { continue };
        match lists.iter_mut().find(|(codes, subs)| *codes == [*code] && !subs.is_empty()) {
            Some((_, subs)) => subs.push(sub),
            None => lists.push((vec![*code], vec![sub])),
        }
    }
    lists
}

fn code_set(codes: Vec<u16>) -> CodeSet {
    if codes.is_empty() { CodeSet::Any } else { CodeSet::Codes(codes.into()) }
}

fn ranges(list: Option<&Vec<(u32, u32)>>) -> RangeSet {
    list.map_or(RangeSet::Any, |list| RangeSet::of(list.clone()))
}

fn warn_of_unlimited_writes(
    node: Node<'_>,
    entries: &[Entry],
    context: &Context,
    report: &mut Report<'_>,
) {
    let anywhere = |function: &Function| {
        let writes = function.writes && function.class == Class::Write;
        writes && entries.iter().any(|entry| gives_whole(entry, function))
    };
    if context.functions.iter().any(anywhere) {
        let (what, help) = match context.protocol {
            Protocol::Enip => (
                "this writes any value to any tag",
                "limit it: { class = \"write\", tag = \"Setpoint_*\", value = \"0-1500\" }",
            ),
            Protocol::S7comm => (
                "this writes any value to any address",
                "limit it: { class = \"write\", address = \"DB10.DBW0\", value = \"0-1500\" }",
            ),
            Protocol::Opcua => (
                "this writes any value to any node",
                "limit it: { class = \"write\", node = \"ns=2;s=Setpoint*\", value = \"0-1500\" }",
            ),
            _ => (
                "this writes any value to any address",
                "limit it: { class = \"write\", address = \"100-119\", value = \"0-1500\" }",
            ),
        };
        report.warn(&node.span(), what, help);
    }
}

/// Whether the entry gives the writing of this function without limit on address and value.
fn gives_whole(entry: &Entry, function: &Function) -> bool {
    let by_class = entry.classes.contains(Class::Write);
    let by_code = match &entry.functions {
        CodeSet::Any => by_class,
        CodeSet::Codes(codes) => {
            codes.contains(&function.code) && (by_class || entry.classes.is_empty())
        }
    };
    by_code
        && entry.addresses == RangeSet::Any
        && entry.values == ValueRule::Any
        && entry.files == RangeSet::Any
        && entry.objects == ObjectRule::Any
        && entry.spaces.contains(function.space)
}

/// The tables that policy can name.
pub(crate) const SPACES: &[(&str, Space)] = &[
    ("coils", Space::Coils),
    ("discrete-inputs", Space::DiscreteInputs),
    ("input-registers", Space::InputRegisters),
    ("holding-registers", Space::HoldingRegisters),
    ("fifo", Space::Fifo),
    ("files", Space::File(0)),
];
