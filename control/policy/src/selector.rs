//! The selectors of one element of `allow`, each with its place in the file.

use wicketgate_dissectors::{Protocol, Space, s7comm};
use wicketgate_engine::{RangeSet, ValueRule};

use crate::allow::{self, Context, SPACES, Word};
use crate::catalog::{self, Function};
use crate::diagnostic::{Report, Span};
use crate::nodes::NodeSelectors;
use crate::objects::{self, ObjectSelectors};
use crate::operands::OperandSelectors;
use crate::reader::{Node, Table};
use crate::suggest;
use crate::value;

/// Highest address and value of a register, and the highest sub-function.
const MAX_WORD: u32 = 0xffff;
/// Highest unit identifier (Modbus Messaging on TCP/IP 4.4.2.1).
const MAX_UNIT: u32 = 0xff;

/// What one element says. A selector that is not there selects everything.
#[derive(Default)]
pub(crate) struct Selectors {
    pub(crate) classes: Vec<Word>,
    pub(crate) functions: Vec<Code>,
    pub(crate) subs: Option<Selector<Vec<u16>>>,
    pub(crate) units: Option<Selector<Vec<(u32, u32)>>>,
    pub(crate) spaces: Option<Selector<Vec<Space>>>,
    pub(crate) files: Option<Selector<Vec<(u32, u32)>>>,
    pub(crate) objects: ObjectSelectors,
    pub(crate) operands: OperandSelectors,
    pub(crate) nodes: NodeSelectors,
    pub(crate) addresses: Option<Selector<Vec<(u32, u32)>>>,
    pub(crate) quantity: Option<Selector<u32>>,
    pub(crate) values: Option<Selector<ValueRule>>,
}

/// One selector: its key, its value, and where the value stands.
pub(crate) struct Selector<T> {
    pub(crate) key: &'static str,
    pub(crate) span: Span,
    pub(crate) value: T,
}

/// A function, named by code or by name.
pub(crate) struct Code {
    pub(crate) code: u16,
    /// The name, where it was named by that.
    pub(crate) name: Option<&'static str>,
    /// The sub-function that the name stands for.
    pub(crate) sub: Option<u16>,
    pub(crate) span: Span,
}

impl Selectors {
    /// Reads one element. `None` if it selects nothing at all, which was reported.
    pub(crate) fn read(
        node: Node<'_>,
        context: &Context,
        report: &mut Report<'_>,
    ) -> Option<Selectors> {
        let mut table = node.table("`allow`", report)?;
        let (selectors, naming) = match context.protocol {
            Protocol::Modbus => {
                (Selectors::modbus(&mut table, context, report), ["class", "function"].as_slice())
            }
            Protocol::Enip => {
                (Selectors::enip(&mut table, context, report), ["class", "service"].as_slice())
            }
            Protocol::S7comm => (
                Selectors::s7comm(&mut table, context, report),
                ["class", "function", "opaque"].as_slice(),
            ),
            Protocol::Opcua => (
                Selectors::opcua(&mut table, context, report),
                ["class", "service", "opaque"].as_slice(),
            ),
            _ => (Selectors::by_class(&mut table, context, report), ["class"].as_slice()),
        };
        let named = naming.iter().any(|key| table.optional(key).is_some());
        if !named {
            let help = format!("write {{ {} = … }}", naming.join(" = … } or { "));
            report.error_with(table.span(), "this names no command", help);
        }
        table.close(report);
        named.then_some(selectors)
    }

    fn modbus(table: &mut Table<'_>, context: &Context, report: &mut Report<'_>) -> Selectors {
        Selectors {
            classes: classes(table, context, report).unwrap_or_default(),
            functions: functions(table, "function", context, report).unwrap_or_default(),
            subs: select(table, "sub", report, subs),
            units: select(table, "unit", report, |n, r| ranges(n, MAX_UNIT, r)),
            spaces: select(table, "table", report, spaces),
            files: select(table, "file", report, |n, r| ranges(n, MAX_WORD, r)),
            addresses: select(table, "address", report, |n, r| ranges(n, MAX_WORD, r)),
            quantity: select(table, "quantity", report, |n, r| n.number(1..=MAX_WORD, r)),
            values: values(table, MAX_WORD, report),
            ..Selectors::default()
        }
    }

    fn enip(table: &mut Table<'_>, context: &Context, report: &mut Report<'_>) -> Selectors {
        let selectors = Selectors {
            classes: classes(table, context, report).unwrap_or_default(),
            functions: functions(table, "service", context, report).unwrap_or_default(),
            subs: select(table, "sub", report, subs),
            objects: ObjectSelectors::read(table, report),
            quantity: select(table, "quantity", report, |n, r| n.number(1..=MAX_WORD, r)),
            values: values(table, u32::MAX, report),
            ..Selectors::default()
        };
        objects::check_numbers(&selectors.functions, &selectors.objects, context, report);
        selectors
    }

    fn s7comm(table: &mut Table<'_>, context: &Context, report: &mut Report<'_>) -> Selectors {
        let mut selectors = Selectors {
            classes: classes(table, context, report).unwrap_or_default(),
            functions: functions(table, "function", context, report).unwrap_or_default(),
            subs: select(table, "sub", report, subs),
            operands: OperandSelectors::read(table, report),
            values: values(table, u32::MAX, report),
            ..Selectors::default()
        };
        selectors.functions.extend(opaque(table, report));
        let values = selectors.values.as_ref().map(|values| &values.span);
        selectors.operands.check_values(values, report);
        selectors
    }

    fn opcua(table: &mut Table<'_>, context: &Context, report: &mut Report<'_>) -> Selectors {
        let selectors = Selectors {
            classes: classes(table, context, report).unwrap_or_default(),
            functions: functions(table, "service", context, report).unwrap_or_default(),
            nodes: NodeSelectors::read(table, context, report),
            values: values(table, u32::MAX, report),
            ..Selectors::default()
        };
        selectors.nodes.check(&selectors, report);
        selectors
    }

    /// Where classes are all there is to select by.
    fn by_class(table: &mut Table<'_>, context: &Context, report: &mut Report<'_>) -> Selectors {
        Selectors {
            classes: classes(table, context, report).unwrap_or_default(),
            ..Selectors::default()
        }
    }
}

pub(crate) fn select<T>(
    table: &mut Table<'_>,
    key: &'static str,
    report: &mut Report<'_>,
    read: impl FnOnce(Node<'_>, &mut Report<'_>) -> Option<T>,
) -> Option<Selector<T>> {
    let node = table.optional(key)?;
    Some(Selector { key, span: node.span(), value: read(node, report)? })
}

fn classes(table: &mut Table<'_>, context: &Context, report: &mut Report<'_>) -> Option<Vec<Word>> {
    let nodes = table.optional("class")?.one_or_more(report)?;
    Some(nodes.into_iter().filter_map(|node| allow::read_word(node, context, report)).collect())
}

fn functions(
    table: &mut Table<'_>,
    key: &'static str,
    context: &Context,
    report: &mut Report<'_>,
) -> Option<Vec<Code>> {
    let nodes = table.optional(key)?.one_or_more(report)?;
    Some(nodes.into_iter().filter_map(|node| function(node, context, report)).collect())
}

fn function(node: Node<'_>, context: &Context, report: &mut Report<'_>) -> Option<Code> {
    let span = node.span();
    if node.is_integer() {
        let code = node.number(catalog::codes(context.protocol), report)?;
        return Some(Code { code: u16::try_from(code).ok()?, name: None, sub: None, span });
    }
    let name = node.text(report)?;
    let found = context.functions.iter().find(|function| function.name == name);
    if found.is_none() {
        let help = suggest::known(name, context.functions.iter().map(|function| function.name));
        let message = format!("{} has no {} `{name}`", context.protocol, context.function());
        report.error_with(&span, message, help);
    }
    let code = |function: &Function| {
        let Function { code, sub, name, .. } = *function;
        Code { code, name: Some(name), sub, span }
    };
    found.map(code)
}

/// `opaque = true`: what cannot be read passes, too.
fn opaque(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Code> {
    let node = table.optional("opaque")?;
    if node.flag(report)? {
        let (code, name) = (s7comm::functions::OPAQUE, Some(catalog::S7_OPAQUE.name));
        return Some(Code { code, name, sub: None, span: node.span() });
    }
    report.error_with(&node.span(), "`opaque = false` says nothing", "leave it out");
    None
}

fn subs(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<u16>> {
    let nodes = node.one_or_more(report)?;
    let code = |node: Node<'_>| u16::try_from(node.number(0..=MAX_WORD, report)?).ok();
    nodes.into_iter().map(code).collect()
}

fn spaces(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<Space>> {
    let nodes = node.one_or_more(report)?;
    nodes.into_iter().map(|node| space(node, report)).collect()
}

fn space(node: Node<'_>, report: &mut Report<'_>) -> Option<Space> {
    let name = node.text(report)?;
    let found = SPACES.iter().find(|(known, _)| *known == name).map(|(_, space)| *space);
    if found.is_none() {
        let help = suggest::known(name, SPACES.iter().map(|(known, _)| *known));
        report.error_with(&node.span(), format!("there is no table `{name}`"), help);
    }
    found
}

/// Numbers and ranges, `100` or `"100-119"`, one or several.
pub(crate) fn ranges(
    node: Node<'_>,
    most: u32,
    report: &mut Report<'_>,
) -> Option<Vec<(u32, u32)>> {
    let nodes = node.one_or_more(report)?;
    nodes.into_iter().map(|node| range(node, most, report)).collect()
}

fn range(node: Node<'_>, most: u32, report: &mut Report<'_>) -> Option<(u32, u32)> {
    if node.is_integer() {
        return node.number(0..=most, report).map(|number| (number, number));
    }
    node.parse(report, |text| value::range(text, most))
}

/// `value` or `bits`; both at once would be a question of order.
fn values(
    table: &mut Table<'_>,
    most: u32,
    report: &mut Report<'_>,
) -> Option<Selector<ValueRule>> {
    let value = select(table, "value", report, |node, report| value_rule(node, most, report));
    let bits = select(table, "bits", report, |node, report| {
        u16::try_from(node.number(1..=MAX_WORD, report)?).ok().map(ValueRule::Bits)
    });
    if let (Some(_), Some(bits)) = (&value, &bits) {
        let help = "write two elements: a command needs to fit only one of them";
        report.error_with(&bits.span, "`value` and `bits` exclude each other", help);
    }
    value.or(bits)
}

fn value_rule(node: Node<'_>, most: u32, report: &mut Report<'_>) -> Option<ValueRule> {
    let nodes = node.one_or_more(report)?;
    let is_stepped = |node: &&Node<'_>| node.as_text().is_some_and(|text| text.contains("step"));
    match (nodes.iter().find(is_stepped), nodes.len()) {
        (None, _) => ranges(node, most, report).map(|list| ValueRule::In(RangeSet::of(list))),
        (Some(one), 1) => steps(*one, most, report),
        (Some(one), _) => {
            let help = "write one element of `allow` for each";
            report.error_with(&one.span(), "a range with steps stands alone", help);
            None
        }
    }
}

fn steps(node: Node<'_>, most: u32, report: &mut Report<'_>) -> Option<ValueRule> {
    let (from, to, step) = node.parse(report, |text| value::stepped(text, most))?;
    Some(ValueRule::Steps { from, to, step })
}
