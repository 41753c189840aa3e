//! Selectors that exclude each other.
//!
//! An element names functions or classes. For each of them, some function of the protocol must be
//! left after every other selector; otherwise that part of the rule can never match, which is not
//! what whoever wrote it had in mind.

use std::collections::BTreeSet;

use wicketgate_dissectors::{Class, Protocol, Space};
use wicketgate_engine::ValueRule;

use crate::allow::{Context, Word};
use crate::catalog::Function;
use crate::diagnostic::{Report, Span};
use crate::objects;
use crate::selector::{Code, Selector, Selectors};

/// A function or class that an element names, and the functions that it stands for.
struct Subject {
    label: String,
    span: Span,
    functions: Vec<Function>,
}

/// A selector as a test of functions.
struct Test<'s> {
    span: &'s Span,
    key: &'static str,
    keeps: Box<dyn Fn(&Function) -> bool + 's>,
    /// What a function that fails does not do: "writes no value".
    lacks: &'static str,
}

/// Reports every part of an element that can never match.
pub(crate) fn check(selectors: &Selectors, context: &Context, report: &mut Report<'_>) {
    check_subs(selectors, report);
    let tests = tests(selectors);
    for subject in subjects(selectors, context) {
        check_one(&subject, &tests, report);
        warn_of_unknown(&subject, selectors, report);
    }
}

fn check_one(subject: &Subject, tests: &[Test<'_>], report: &mut Report<'_>) {
    let mut left = subject.functions.clone();
    for test in tests {
        left.retain(|function| (test.keeps)(function));
        if left.is_empty() {
            let message = format!("`{}` never matches: {} {}", test.key, subject.label, test.lacks);
            report.error(test.span, message);
            return;
        }
    }
}

/// A name such as `restart-communications` stands for a sub-function already.
fn check_subs(selectors: &Selectors, report: &mut Report<'_>) {
    let named = selectors.functions.iter().find(|function| function.sub.is_some());
    if let (Some(subs), Some(_)) = (&selectors.subs, named) {
        let help = "leave `sub` out, or give the function by its number";
        report.error_with(&subs.span, "the function's name stands for its `sub` already", help);
    }
}

fn warn_of_unknown(subject: &Subject, selectors: &Selectors, report: &mut Report<'_>) {
    let unknown = |function: &Function| function.class == Class::Unknown;
    // Whoever names a method knows what it does.
    let named = selectors.nodes.names_methods();
    if subject.functions.iter().any(unknown) && !named {
        let message = format!("the gate does not know what {} does", subject.label);
        report.warn(&subject.span, message, "it passes unread: make sure that it is meant");
    }
}

fn subjects(selectors: &Selectors, context: &Context) -> Vec<Subject> {
    if selectors.functions.is_empty() {
        return selectors.classes.iter().map(|word| of_class(word, context)).collect();
    }
    let subs: &[u16] = selectors.subs.as_ref().map_or(&[], |subs| &subs.value);
    selectors.functions.iter().flat_map(|code| of_code(code, subs, context)).collect()
}

fn of_class(word: &Word, context: &Context) -> Subject {
    Subject {
        label: format!("`{}`", word.text),
        span: word.span.clone(),
        functions: context.of_class(word.classes),
    }
}

/// One subject for each sub-function that is named, or one for the function as a whole.
fn of_code(code: &Code, subs: &[u16], context: &Context) -> Vec<Subject> {
    let subs: Vec<Option<u16>> = match code.sub {
        Some(sub) => vec![Some(sub)],
        None if subs.is_empty() => vec![None],
        None => subs.iter().copied().map(Some).collect(),
    };
    subs.into_iter().map(|sub| of_function(code, sub, context)).collect()
}

fn of_function(code: &Code, sub: Option<u16>, context: &Context) -> Subject {
    let same_code = context.functions.iter().filter(|function| function.code == code.code);
    let named = |function: &Function| code.name.is_none_or(|name| function.name == name);
    let is_meant = |function: &&Function| (sub.is_none() || function.sub == sub) && named(function);
    let mut functions: Vec<Function> = same_code.clone().filter(is_meant).copied().collect();
    if functions.is_empty() {
        // Only functions that have sub-functions can have one that the gate does not know.
        let sub = sub.filter(|_| same_code.clone().any(|function| function.sub.is_some()));
        functions.push(Function::unknown(code.code, sub));
    }
    let label = label(context, code.code, sub, &functions);
    Subject { label, span: code.span.clone(), functions }
}

fn label(context: &Context, code: u16, sub: Option<u16>, functions: &[Function]) -> String {
    let what = context.function();
    let code = match context.protocol {
        Protocol::Enip | Protocol::S7comm => format!("{code:#04x}"),
        _ => code.to_string(),
    };
    let number = sub.map_or(format!("{what} {code}"), |sub| format!("{what} {code}/{sub}"));
    // The two halves of one function have one name.
    let names: BTreeSet<&str> = functions.iter().map(|function| function.name).collect();
    match (names.first(), names.len()) {
        (Some(name), 1) if *name != Function::UNKNOWN => format!("{number} ({name})"),
        _ => number,
    }
}

/// The selectors as tests, in the order in which they are best explained.
fn tests(selectors: &Selectors) -> Vec<Test<'_>> {
    let class = (!selectors.functions.is_empty()).then(|| class_test(&selectors.classes)).flatten();
    let subs = selectors.subs.as_ref().map(|subs| sub_test(subs, selectors.functions.is_empty()));
    let spaces = selectors.spaces.as_ref().map(|spaces| {
        test(spaces, "does not touch this table", |f| {
            spaces.value.iter().any(|s| same(*s, f.space))
        })
    });
    let files = selectors.files.as_ref();
    let files = files.map(|s| test(s, "touches no file", |f| same(Space::File(0), f.space)));
    let addresses = selectors.addresses.as_ref();
    let addresses = addresses.map(|s| test(s, "touches no address", Function::has_address));
    let quantity = selectors.quantity.as_ref();
    let quantity = quantity.map(|s| test(s, "has no quantity", Function::has_address));
    let values = selectors.values.as_ref().map(value_test);
    let objects = selectors.objects.first().map(|(key, span)| Test {
        span,
        key,
        keeps: Box::new(|function| objects::fits(function, &selectors.objects)),
        lacks: "is not of such objects",
    });
    let operands = selectors.operands.first().map(|(key, span)| Test {
        span,
        key,
        keeps: Box::new(|function| selectors.operands.fits(function)),
        lacks: "is not of such objects",
    });
    let nodes = selectors.nodes.first().map(|(key, span)| Test {
        span,
        key,
        keeps: Box::new(|function| selectors.nodes.fit(function)),
        lacks: "touches nothing of that kind",
    });
    let tests = [class, subs, spaces, files, objects, operands, nodes, addresses, quantity, values];
    tests.into_iter().flatten().collect()
}

fn test<'s, T>(
    selector: &'s Selector<T>,
    lacks: &'static str,
    keeps: impl Fn(&Function) -> bool + 's,
) -> Test<'s> {
    Test { span: &selector.span, key: selector.key, keeps: Box::new(keeps), lacks }
}

fn class_test(words: &[Word]) -> Option<Test<'_>> {
    let first = words.first()?;
    let keeps =
        |function: &Function| words.iter().any(|word| word.classes.contains(function.class));
    let lacks = "is not of this class";
    Some(Test { span: &first.span, key: "class", keeps: Box::new(keeps), lacks })
}

/// Where functions are named, `sub` was part of finding them.
fn sub_test(subs: &Selector<Vec<u16>>, by_class: bool) -> Test<'_> {
    test(subs, "has no such sub-function", move |function| match function.sub {
        Some(sub) => !by_class || subs.value.contains(&sub),
        None => false,
    })
}

fn value_test(values: &Selector<ValueRule>) -> Test<'_> {
    match values.value {
        ValueRule::Bits(_) => test(values, "writes no register", Function::writes_registers),
        _ => test(values, "writes no value", |function| function.writes),
    }
}

/// Whether two spaces are the same table; files are, whatever their number.
fn same(a: Space, b: Space) -> bool {
    matches!((a, b), (Space::File(_), Space::File(_))) || a == b
}
