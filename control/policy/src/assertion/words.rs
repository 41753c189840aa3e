//! A sentence as words.

use crate::diagnostic::{Report, Span};

/// A word of a sentence.
#[derive(Clone, Debug)]
pub(super) struct Word<'t> {
    pub(super) text: &'t str,
    /// Whether it stood in single quotes, and is a name for sure.
    pub(super) quoted: bool,
    /// Where it stands in the file.
    pub(super) at: Span,
}

impl Word<'_> {
    /// Whether it is this word of the grammar, whatever the case.
    pub(super) fn is(&self, word: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(word)
    }
}

/// The words of a sentence that the string at `outer` holds, cut at its semicolons. `=` and `,` are
/// words by themselves.
pub(super) fn parts<'t>(
    text: &'t str,
    outer: &Span,
    report: &mut Report<'_>,
) -> Option<Vec<Vec<Word<'t>>>> {
    let mut parts = vec![Vec::new()];
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(length) = word_length(rest) else {
            let at = report.within(outer, text, at..text.len());
            report.error_with(&at, "the quote is not closed", "a name stands in 'two quotes'");
            return None;
        };
        let raw = rest.get(..length).unwrap_or_default();
        let place = report.within(outer, text, at..at + length);
        match raw {
            ";" => parts.push(Vec::new()),
            _ if raw.trim().is_empty() => {}
            _ => parts.last_mut()?.push(word(raw, place)),
        }
        at += length;
    }
    // A semicolon may end the sentence.
    parts.retain(|part| !part.is_empty());
    Some(parts)
}

fn word(raw: &str, at: Span) -> Word<'_> {
    match raw.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(text) => Word { text, quoted: true, at },
        None => Word { text: raw, quoted: false, at },
    }
}

/// How many bytes the word or white space at the front takes; `None` for a quote that is not closed.
fn word_length(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    let ends = |c: char| c.is_whitespace() || matches!(c, '=' | ',' | ';');
    match first {
        '\'' => rest.get(1..)?.find('\'').map(|inner| inner + 2),
        '=' | ',' | ';' => Some(1),
        _ if first.is_whitespace() => {
            Some(rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()))
        }
        _ => Some(rest.find(ends).unwrap_or(rest.len())),
    }
}
