//! Typed access to TOML that remembers which keys were asked for.
//!
//! What was asked for is what is known: [`Table::close`] reports every other key, so that no list
//! of keys can fall behind the code.

use std::fmt;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use crate::diagnostic::{Report, Span};
use crate::suggest;

/// A table that is being read.
pub(crate) struct Table<'t> {
    /// How the file names it: `[[rule]]`.
    what: &'static str,
    span: Span,
    keys: &'t DeTable<'t>,
    asked: Vec<&'static str>,
}

/// A value that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Node<'t> {
    /// The key it stands under.
    pub(crate) key: &'static str,
    value: &'t Spanned<DeValue<'t>>,
    /// Whether it is one of several there.
    is_element: bool,
}

impl fmt::Display for Node<'_> {
    /// What messages call it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lead = if self.is_element { "an element of " } else { "" };
        write!(f, "{lead}`{}`", self.key)
    }
}

impl<'t> Table<'t> {
    pub(crate) fn new(what: &'static str, span: Span, keys: &'t DeTable<'t>) -> Table<'t> {
        Table { what, span, keys, asked: Vec::new() }
    }

    /// Where its header or its opening brace stands.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The value of `key`, if it is there.
    pub(crate) fn optional(&mut self, key: &'static str) -> Option<Node<'t>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.keys.get(key).map(|value| Node { key, value, is_element: false })
    }

    /// The value of `key`; reported if it is missing.
    pub(crate) fn required(
        &mut self,
        key: &'static str,
        report: &mut Report<'_>,
    ) -> Option<Node<'t>> {
        let node = self.optional(key);
        if node.is_none() {
            report.error(&self.span, format!("{} has no `{key}`", self.what));
        }
        node
    }

    /// All keys and values, whatever they are called.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'t str, Span, Node<'t>)> + use<'t> {
        let keys = self.keys;
        keys.iter().map(|(key, value)| {
            (key.get_ref().as_ref(), key.span(), Node { key: "", value, is_element: false })
        })
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn close(self, report: &mut Report<'_>) {
        for key in self.keys.keys() {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(&name) {
                let message = format!("unknown key `{name}` in {}", self.what);
                report.error_with(&key.span(), message, suggest::known(name, self.asked.clone()));
            }
        }
    }
}

impl<'t> Node<'t> {
    /// The same value, called `key` in messages.
    pub(crate) fn under(self, key: &'static str) -> Node<'t> {
        Node { key, ..self }
    }

    pub(crate) fn span(self) -> Span {
        self.value.span()
    }

    /// The string.
    pub(crate) fn text(self, report: &mut Report<'_>) -> Option<&'t str> {
        let text = self.value.get_ref().as_str();
        self.expect("a string", text, report)
    }

    /// The string, if it is not blank: a name.
    pub(crate) fn name(self, report: &mut Report<'_>) -> Option<&'t str> {
        let name = self.text(report)?;
        if name.trim().is_empty() {
            report.error(&self.span(), format!("{self} is empty"));
            return None;
        }
        Some(name)
    }

    /// The string, turned into something by `read`, which says what is wrong otherwise.
    pub(crate) fn parse<T>(
        self,
        report: &mut Report<'_>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let outcome = read(self.text(report)?);
        outcome.map_err(|wrong| report.error(&self.span(), format!("{self}: {wrong}"))).ok()
    }

    /// The integer, if it lies in `range`.
    pub(crate) fn number(self, range: RangeInclusive<u32>, report: &mut Report<'_>) -> Option<u32> {
        let integer = self.value.get_ref().as_integer();
        let number = integer_value(self.expect("an integer", integer, report)?);
        let found = number.and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n));
        if found.is_none() {
            let (low, high) = range.into_inner();
            let message = format!("{self} must be from {low} to {high}");
            report.error(&self.span(), message);
        }
        found
    }

    /// `true` or `false`.
    pub(crate) fn flag(self, report: &mut Report<'_>) -> Option<bool> {
        let flag = self.value.get_ref().as_bool();
        self.expect("true or false", flag, report)
    }

    /// The elements of an array; empty arrays are reported.
    pub(crate) fn list(self, report: &mut Report<'_>) -> Option<Vec<Node<'t>>> {
        let array = self.value.get_ref().as_array();
        if let (None, Some(text)) = (array, self.as_text()) {
            let message = format!("`{}` must be an array, not a string", self.key);
            report.error_with(&self.span(), message, format!("write {} = [\"{text}\"]", self.key));
            return None;
        }
        let array: &'t DeArray<'t> = self.expect("an array", array, report)?;
        if array.is_empty() {
            report.error(&self.span(), format!("{self} is empty"));
            return None;
        }
        Some(array.iter().map(|value| Node { value, is_element: true, ..self }).collect())
    }

    /// The elements of an array, or the one value that stands for an array of one.
    pub(crate) fn one_or_more(self, report: &mut Report<'_>) -> Option<Vec<Node<'t>>> {
        if self.is_array() { self.list(report) } else { Some(vec![self]) }
    }

    /// The table; `what` names it in messages.
    pub(crate) fn table(self, what: &'static str, report: &mut Report<'_>) -> Option<Table<'t>> {
        let keys = self.value.get_ref().as_table();
        let keys = self.expect("a table", keys, report)?;
        Some(Table::new(what, self.span(), keys))
    }

    pub(crate) fn is_array(self) -> bool {
        self.value.get_ref().is_array()
    }

    pub(crate) fn is_empty_array(self) -> bool {
        self.value.get_ref().as_array().is_some_and(|array| array.is_empty())
    }

    pub(crate) fn is_table(self) -> bool {
        self.value.get_ref().is_table()
    }

    /// The string, if it is one; nothing is reported.
    pub(crate) fn as_text(self) -> Option<&'t str> {
        self.value.get_ref().as_str()
    }

    pub(crate) fn is_integer(self) -> bool {
        self.value.get_ref().is_integer()
    }

    /// Reports that the value is not `wanted`, if it is not.
    fn expect<T>(self, wanted: &str, found: Option<T>, report: &mut Report<'_>) -> Option<T> {
        if found.is_none() {
            let message = format!("{self} must be {wanted}, not {}", self.type_name());
            report.error(&self.span(), message);
        }
        found
    }

    /// The type of the value, with its article.
    pub(crate) fn type_name(self) -> &'static str {
        match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        }
    }
}

/// The number, if it fits.
fn integer_value(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
