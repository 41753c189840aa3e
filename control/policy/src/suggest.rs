//! "Did you mean": the nearest known word.

/// What to say about an unknown `word`: the known one that was probably meant, or all of them.
pub(crate) fn known<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    /// A longer list helps nobody.
    const MAX_LISTED: usize = 24;
    let mut words: Vec<&str> = words.into_iter().collect();
    words.dedup();
    match nearest(word, &words) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if words.is_empty() => "there is none".to_owned(),
        None if words.len() > MAX_LISTED => format!("there are {}, none of them near", words.len()),
        None => format!("known: {}", words.join(", ")),
    }
}

/// The word nearest to `word`, if it is near enough to be a slip of the hand: one wrong letter in
/// three.
fn nearest<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    let limit = word.chars().count().div_ceil(3);
    let distances = words.iter().map(|known| (distance(word, known), *known));
    distances.filter(|(far, _)| *far <= limit).min_by_key(|(far, _)| *far).map(|(_, known)| known)
}

/// How many letters to insert, delete or replace to turn `a` into `b` (Levenshtein), whatever the
/// case.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, letter) in a.chars().enumerate() {
        row = next_row(&row, i + 1, letter, &b);
    }
    row.last().copied().unwrap_or_default()
}

/// One row of the table of distances between each beginning of the two words.
fn next_row(above: &[usize], first: usize, letter: char, b: &str) -> Vec<usize> {
    let mut row = vec![first];
    let mut left = first;
    for (pair, other) in above.windows(2).zip(b.chars()) {
        let &[diagonal, up] = pair else { continue };
        left = (diagonal + usize::from(letter != other)).min(up + 1).min(left + 1);
        row.push(left);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, far) in
            [("", "", 0), ("", "abc", 3), ("adress", "address", 1), ("Read", "read", 0)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (far, far), "{a} {b}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        assert_eq!(known("wirte", ["read", "write"]), "did you mean `write`?");
        assert_eq!(known("xyz", ["read", "write"]), "known: read, write");
        assert_eq!(known("xyz", []), "there is none");
    }
}
