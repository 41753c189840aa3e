//! What is wrong, where, and what to do about it.

use std::fmt;
use std::ops::Range;

/// Where something stands in the file, in bytes.
pub(crate) type Span = Range<usize>;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy holds, but may not be what was meant.
    Warning,
}

/// One finding in a policy file.
///
/// Prints as `FILE:LINE:COLUMN: message`, then the line itself with the place marked, then what
/// helps, if that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file's name, as given to [`parse`](crate::parse).
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// Whether the policy is refused for it.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The text of the line.
    pub source: String,
    /// How many characters of the line are meant, at least 1.
    pub width: usize,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warning = if self.severity == Severity::Warning { "warning: " } else { "" };
        writeln!(f, "{}:{}:{}: {warning}{}", self.file, self.line, self.column, self.message)?;
        // A tab stays a tab, so that the caret stands below its character however wide a tab is.
        let before = self.source.chars().take(self.column - 1);
        let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        writeln!(f, "{:5} | {}", self.line, self.source)?;
        write!(f, "      | {indent}{}", "^".repeat(self.width))?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Collects the findings on one file.
pub(crate) struct Report<'t> {
    file: &'t str,
    text: &'t str,
    findings: Vec<Finding>,
}

struct Finding {
    at: Span,
    severity: Severity,
    message: String,
    help: Option<String>,
}

impl<'t> Report<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Report<'t> {
        Report { file, text, findings: Vec::new() }
    }

    /// An error at `at`.
    pub(crate) fn error(&mut self, at: &Span, message: impl Into<String>) {
        self.add(at, Severity::Error, message.into(), None);
    }

    /// An error, and what to do.
    pub(crate) fn error_with(
        &mut self,
        at: &Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(at, Severity::Error, message.into(), Some(help.into()));
    }

    /// Something that holds but should be seen.
    pub(crate) fn warn(&mut self, at: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.add(at, Severity::Warning, message.into(), Some(help.into()));
    }

    /// The line, from 1, in which `at` begins.
    pub(crate) fn line(&self, at: &Span) -> usize {
        let before = self.text.get(..at.start).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    /// Where `inner` stands, which a string at `outer` holds: all of `outer` where escapes hide it.
    pub(crate) fn within(&self, outer: &Span, text: &str, inner: Span) -> Span {
        let raw = self.text.get(outer.clone()).unwrap_or_default();
        match raw.find(text).filter(|_| !text.is_empty()) {
            Some(lead) => outer.start + lead + inner.start..outer.start + lead + inner.end,
            None => outer.clone(),
        }
    }

    /// A finding by itself, outside the report.
    pub(crate) fn diagnostic(
        &self,
        at: &Span,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Diagnostic {
        let (at, message) = (at.clone(), message.into());
        self.locate(Finding { at, severity: Severity::Error, message, help })
    }

    fn add(&mut self, at: &Span, severity: Severity, message: String, help: Option<String>) {
        self.findings.push(Finding { at: at.clone(), severity, message, help });
    }

    /// The warnings, or all errors; in the order of the file.
    pub(crate) fn finish(mut self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        self.findings.sort_by_key(|finding| finding.at.start);
        let findings = std::mem::take(&mut self.findings);
        let (errors, warnings): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| finding.severity == Severity::Error);
        let locate = |list: Vec<Finding>| list.into_iter().map(|f| self.locate(f)).collect();
        if errors.is_empty() { Ok(locate(warnings)) } else { Err(locate(errors)) }
    }

    fn locate(&self, finding: Finding) -> Diagnostic {
        let start = finding.at.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_text = self.text.get(line_start..).and_then(|rest| rest.lines().next());
        let source = line_text.unwrap_or_default();
        let column = chars(before.get(line_start..)) + 1;
        let meant = chars(self.text.get(start..finding.at.end));
        Diagnostic {
            file: self.file.to_owned(),
            line: self.line(&finding.at),
            column,
            severity: finding.severity,
            message: finding.message,
            help: finding.help,
            source: source.to_owned(),
            // What spans several lines is marked to the end of its first.
            width: meant.min((chars(Some(source)) + 1).saturating_sub(column)).max(1),
        }
    }
}

fn chars(text: Option<&str>) -> usize {
    text.unwrap_or_default().chars().count()
}
