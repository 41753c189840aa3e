//! Selectors of CIP: objects, tags and data files.

use wicketgate_dissectors::Space;
use wicketgate_dissectors::enip::pccc::DataFile;
use wicketgate_dissectors::enip::services::{FIRST_OF_CLASS, Of, object};
use wicketgate_engine::RangeSet;
use wicketgate_engine::objects::{FileRange, Glob, Instances, ObjectRule, Objects};

use crate::allow::Context;
use crate::catalog::Function;
use crate::diagnostic::{Report, Span};
use crate::reader::{Node, Table};
use crate::selector::{Code, Selector, ranges, select};
use crate::value;

/// Highest class, attribute and element.
const MAX_WORD: u32 = 0xffff;
/// Longest pattern of a tag name.
const MAX_PATTERN: usize = 200;

/// What an element says of objects. A selector that is not there selects everything.
#[derive(Default)]
pub(crate) struct ObjectSelectors {
    pub(crate) classes: Option<Selector<Vec<(u32, u32)>>>,
    pub(crate) instances: Option<Selector<Vec<(u32, u32)>>>,
    pub(crate) attributes: Option<Selector<Vec<(u32, u32)>>>,
    pub(crate) tags: Option<Selector<Vec<Glob>>>,
    pub(crate) files: Option<Selector<Vec<FileRange>>>,
}

impl ObjectSelectors {
    pub(crate) fn read(table: &mut Table<'_>, report: &mut Report<'_>) -> ObjectSelectors {
        let read = ObjectSelectors {
            classes: select(table, "object", report, |n, r| ranges(n, MAX_WORD, r)),
            instances: select(table, "instance", report, |n, r| ranges(n, u32::MAX, r)),
            attributes: select(table, "attribute", report, |n, r| ranges(n, MAX_WORD, r)),
            tags: select(table, "tag", report, tags),
            files: select(table, "file", report, files),
        };
        read.check_kinds(report);
        read
    }

    /// An object is a tag, an element of a data file or an object of a class, never two of them.
    fn check_kinds(&self, report: &mut Report<'_>) {
        let spans = [self.places(), self.tags.as_ref().map(at), self.files.as_ref().map(at)];
        let mut named = spans.into_iter().flatten();
        if let (Some((first, _)), Some((second, span))) = (named.next(), named.next()) {
            let message = format!("`{first}` and `{second}` exclude each other");
            let help = "write two elements: a command needs to fit only one of them";
            report.error_with(span, message, help);
        }
    }

    /// The first selector.
    pub(crate) fn first(&self) -> Option<(&'static str, &Span)> {
        let (tags, files) = (self.tags.as_ref().map(at), self.files.as_ref().map(at));
        self.places().or(tags).or(files)
    }

    /// The first selector of objects of a class.
    fn places(&self) -> Option<(&'static str, &Span)> {
        let all = [&self.classes, &self.instances, &self.attributes];
        all.into_iter().flatten().map(at).next()
    }

    /// What the selectors reach.
    pub(crate) fn rule(&self) -> ObjectRule {
        let set = |list: &Option<Selector<Vec<(u32, u32)>>>| {
            list.as_ref().map_or(RangeSet::Any, |list| RangeSet::of(list.value.clone()))
        };
        let instances = self.places().map(|_| Instances {
            classes: set(&self.classes),
            instances: set(&self.instances),
            attributes: set(&self.attributes),
        });
        let tags = self.tags.as_ref().map_or_else(Vec::new, |tags| tags.value.clone()).into();
        let files = self.files.as_ref().map_or_else(Vec::new, |files| files.value.clone()).into();
        let objects = Objects { instances, tags, files };
        if objects == Objects::default() { ObjectRule::Any } else { only(objects) }
    }

    /// Whether the element says what kind of object it means.
    fn names_kind(&self) -> bool {
        self.classes.is_some() || self.tags.is_some() || self.files.is_some()
    }
}

fn at<T>(selector: &Selector<T>) -> (&'static str, &Span) {
    (selector.key, &selector.span)
}

fn only(objects: Objects) -> ObjectRule {
    ObjectRule::Only(Box::new(objects))
}

/// The objects that a service without a selector of objects is meant for: from 0x4b on a code means
/// something else on each, so a name means those that it names, a number what it means on tags.
pub(crate) fn meant(code: &Code, selectors: &ObjectSelectors, context: &Context) -> ObjectRule {
    let is_common = code.code < u16::from(FIRST_OF_CLASS) || code.code > u16::from(u8::MAX);
    if is_common || selectors.names_kind() {
        return selectors.rule();
    }
    let is_meant = |function: &&Function| match code.name {
        Some(name) => function.name == name,
        None => function.code == code.code && is_of_tags(function),
    };
    let mut tags = Vec::new();
    let mut classes = Vec::new();
    for function in context.functions.iter().filter(is_meant) {
        match function.of {
            Some(Of::Tag) => tags.push(Glob::new("*")),
            Some(Of::Class(class)) => classes.push((u32::from(class), u32::from(class))),
            _ => {}
        }
    }
    // PCCC and Modbus carry commands of which the item is not the object that carries them.
    if code.sub.is_some() {
        return selectors.rule();
    }
    let instances = Some(Instances { classes: RangeSet::of(classes), ..Instances::default() });
    only(Objects { instances, tags: tags.into(), files: [].into() })
}

/// Whether the function is one of tags, named or numbered.
fn is_of_tags(function: &Function) -> bool {
    matches!(function.of, Some(Of::Tag | Of::Class(object::SYMBOL)))
}

/// Reports a number that means nothing without an object.
pub(crate) fn check_numbers(
    codes: &[Code],
    selectors: &ObjectSelectors,
    context: &Context,
    report: &mut Report<'_>,
) {
    for code in codes.iter().filter(|code| code.name.is_none()) {
        let of_class = code.code >= u16::from(FIRST_OF_CLASS);
        let meant = context.functions.iter().any(|f| f.code == code.code && is_of_tags(f));
        if of_class && !meant && selectors.classes.is_none() {
            let message = format!("service {:#04x} is another one on each object", code.code);
            let help =
                "name the class, { service = 0x54, object = 0x06 }, or the service by its name";
            report.error_with(&code.span, message, help);
        }
    }
}

/// Whether a function can be of the objects that are selected.
pub(crate) fn fits(function: &Function, selectors: &ObjectSelectors) -> bool {
    let Some(of) = function.of else { return selectors.rule() == ObjectRule::Any };
    let class = selectors
        .classes
        .as_ref()
        .is_none_or(|classes| classes.value.iter().any(|range| touches(of, *range)));
    let numbered = of != Of::Tag;
    let places = selectors.places().is_none() || numbered && class;
    let tags = selectors.tags.is_none() || matches!(of, Of::Tag | Of::Any);
    let files = selectors.files.is_none() || matches!(function.space, Space::DataFile { .. });
    places && tags && files
}

/// Whether some class of the range is one that has the service.
fn touches(of: Of, (first, last): (u32, u32)) -> bool {
    let mut classes = (first..=last).filter_map(|class| u16::try_from(class).ok());
    classes.any(|class| of.holds(Some(class), false))
}

fn tags(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<Glob>> {
    let nodes = node.one_or_more(report)?;
    nodes.into_iter().map(|node| node.parse(report, tag)).collect()
}

/// `Program:Main.Motor[*].Speed`.
fn tag(text: &str) -> Result<Glob, String> {
    let printable = text.bytes().all(|letter| (0x21..0x7f).contains(&letter));
    if text.is_empty() || text.len() > MAX_PATTERN || !printable {
        return Err(format!(
            "`{text}` is not a tag like Program:Main.Motor[3].Speed or Setpoint_*"
        ));
    }
    Ok(Glob::new(text))
}

fn files(node: Node<'_>, report: &mut Report<'_>) -> Option<Vec<FileRange>> {
    let nodes = node.one_or_more(report)?;
    nodes.into_iter().map(|node| node.parse(report, file)).collect()
}

/// `N7`, `N7:0-99`.
fn file(text: &str) -> Result<FileRange, String> {
    let (name, elements) = text.split_once(':').map_or((text, None), |(n, e)| (n, Some(e)));
    let file = DataFile::from_name(name)
        .ok_or_else(|| format!("`{text}` is not a data file like N7 or N7:0-99"))?;
    let elements = elements.map_or(Ok((0, MAX_WORD)), |range| value::range(range, MAX_WORD))?;
    Ok(FileRange { kind: file.kind, number: file.number, elements })
}
