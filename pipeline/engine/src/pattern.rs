//! Patterns of names.

/// Stands in a name for an index that only `*` fits.
pub(crate) const ANY_INDEX: u8 = 0;

/// A pattern of names: `*` stands for any letters, `?` for one byte of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<[u8]>,
    /// Letters in front of the first wildcard: compared at once, they refuse most names.
    literal: usize,
}

impl Pattern {
    /// The pattern `text`.
    pub fn new(text: impl Into<Box<[u8]>>) -> Pattern {
        let text = text.into();
        let literal = text.iter().take_while(|letter| !is_wildcard(**letter)).count();
        Pattern { text, literal }
    }

    /// The pattern as it was written.
    pub const fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether only one name fits.
    pub const fn is_literal(&self) -> bool {
        self.literal == self.text.len()
    }

    /// Whether `name` fits. The cost is at most the product of both lengths.
    #[inline]
    pub fn fits(&self, name: &[u8]) -> bool {
        if self.is_literal() {
            return *self.text == *name;
        }
        let Some((letters, wild)) = self.text.split_at_checked(self.literal) else { return false };
        let Some((front, rest)) = name.split_at_checked(self.literal) else { return false };
        // Names of one plant begin alike: their last letters refuse most, without a call.
        if front.last_chunk::<8>() != letters.last_chunk() || front != letters {
            return false;
        }
        wild == b"*" || fits(wild, rest)
    }
}

impl From<&[u8]> for Pattern {
    fn from(text: &[u8]) -> Pattern {
        Pattern::new(text)
    }
}

const fn is_wildcard(letter: u8) -> bool {
    matches!(letter, b'*' | b'?')
}

/// Whether `name` fits `pattern`: in one pass that goes back to the last `*` only.
#[inline(never)]
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut letter) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(read) = name.get(letter) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, letter));
                at += 1;
            }
            Some(wanted) if wanted == read || (*wanted == b'?' && *read != ANY_INDEX) => {
                at += 1;
                letter += 1;
            }
            _ => {
                let Some((behind, taken)) = star else { return false };
                star = Some((behind, taken + 1));
                (at, letter) = (behind, taken + 1);
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the words of [`Pattern`] say, letter by letter.
    fn plainly(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], name) => name.is_empty(),
            ([b'*', behind @ ..], name) => {
                (0..=name.len()).any(|taken| plainly(behind, &name[taken..]))
            }
            ([b'?', behind @ ..], [letter, rest @ ..]) => {
                *letter != ANY_INDEX && plainly(behind, rest)
            }
            ([wanted, behind @ ..], [letter, rest @ ..]) => {
                wanted == letter && plainly(behind, rest)
            }
            (_, []) => false,
        }
    }

    /// So few letters that many names fit.
    fn letters(of: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(of), 0..9)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn a_pattern_fits_what_its_words_say(pattern in letters(b"ab*?"), name in letters(b"ab\0")) {
            let fits = Pattern::new(pattern.clone()).fits(&name);
            prop_assert_eq!(fits, plainly(&pattern, &name));
        }
    }

    #[test]
    fn a_literal_pattern_is_one_name() {
        for (text, literal) in [("Motor", true), ("", true), ("Mot?r", false), ("Motor*", false)] {
            assert_eq!(Pattern::new(text.as_bytes()).is_literal(), literal, "{text}");
        }
    }

    #[test]
    fn a_star_in_a_name_is_a_letter() {
        assert!(Pattern::new(*b"a*").fits(b"a*"));
        assert!(!Pattern::new(*b"ab").fits(b"a*"));
    }
}
