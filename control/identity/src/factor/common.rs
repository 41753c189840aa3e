//! Passwords that are guessed first.
//!
//! SP 800-63B-4 compares the whole password with a list of common ones. Entries of fifteen
//! characters and more are rare in such lists; what people do to reach a length is to repeat and to
//! append. So the list here is of parts, and a password is common when it is made of such parts
//! *and nothing else*. A passphrase may contain any of them.

use zeroize::Zeroizing;

/// Fewest different characters.
const MIN_DIFFERENT: usize = 5;

/// Share of characters that follow their neighbour in a run, of four, beyond which it is a pattern.
const RUN_QUARTERS: usize = 3;

/// Rows of keyboards; neighbours in them are neighbours for a run.
const ROWS: [&str; 6] =
    ["qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "1234567890"];

/// Parts of commonly used passwords, in small letters.
const WORDS: &str = "\
    abc abcd access account admin administrator alarm allen apple april asdf august automation \
    autumn azerty baseball batman bonjour bradley change changeme cisco computer control \
    controller december default demo dragon engineer engineering factory february firewall \
    football friday gate gateway guest hallo hello i iloveyou industrial is january july june \
    letmein line login love machine maintenance manager march master may michael monday monkey \
    motdepasse my network new november october omron operator our pass passw passwd password \
    passwords passwort plant plc please press princess private public qaz qwer qwert qwerty \
    qwertz robot rockwell root safety saturday scada schneider secret secure security september \
    server service shadow siemens simatic spring starwars summer sunday sunshine superman \
    supervisor support switch system technician temp test testing the this thursday toor trustno \
    tuesday user wednesday welcome whatever wicket wicketgate winter wsx xsw zaq";

/// Letters that stand for others where people think that it helps.
const LOOKALIKES: [(char, char); 8] = [
    ('0', 'o'),
    ('1', 'i'),
    ('3', 'e'),
    ('4', 'a'),
    ('5', 's'),
    ('7', 't'),
    ('@', 'a'),
    ('$', 's'),
];

/// Whether `text` repeats a few characters, or runs along the alphabet or the keyboard.
pub(super) fn is_pattern(text: &str) -> bool {
    let characters = characters(text);
    let mut different = characters.clone();
    different.sort_unstable();
    different.dedup();
    let pairs = || characters.windows(2).filter_map(|pair| <[char; 2]>::try_from(pair).ok());
    let runs = pairs().filter(|[one, next]| follows(*one, *next)).count();
    different.len() < MIN_DIFFERENT || 4 * runs >= RUN_QUARTERS * characters.len() || repeats(text)
}

/// Whether it is one short piece again and again.
fn repeats(text: &str) -> bool {
    let bytes = text.as_bytes();
    let again = |length: usize| bytes.chunks(length).all(|piece| bytes.starts_with(piece));
    (1..=bytes.len() / 3).any(again)
}

fn follows(one: char, next: char) -> bool {
    let step = u32::from(next).abs_diff(u32::from(one)) <= 1;
    let beside = |row: &str| match (row.find(one), row.find(next)) {
        (Some(at), Some(then)) => at.abs_diff(then) <= 1,
        _ => false,
    };
    one.is_alphanumeric() && step || ROWS.iter().any(|row| beside(row))
}

/// Whether `text` (in small letters) is made of nothing but `names`, common words and digits, also
/// where look-alikes stand for letters.
pub(super) fn is_common(text: &str, names: &[&str]) -> bool {
    let names: Vec<String> = names.iter().flat_map(|name| parts(name)).collect();
    let words = || WORDS.split(' ').chain(names.iter().map(String::as_str));
    let text = characters(text);
    // Walks over the text by the parts that fit, from each place that can be reached.
    let mut reached = vec![false; text.len() + 1];
    mark(&mut reached, 0);
    for (at, character) in text.iter().enumerate() {
        if reached.get(at) != Some(&true) {
            continue;
        }
        if !character.is_alphabetic() {
            mark(&mut reached, at + 1);
        }
        let rest = text.get(at..).unwrap_or_default();
        for length in words().filter_map(|word| spells(rest, word)) {
            mark(&mut reached, at + length);
        }
    }
    reached.last() == Some(&true)
}

/// The characters, wiped when dropped, in room that does not grow.
fn characters(text: &str) -> Zeroizing<Vec<char>> {
    let mut characters = Zeroizing::new(Vec::with_capacity(text.len()));
    characters.extend(text.chars());
    characters
}

fn mark(reached: &mut [bool], at: usize) {
    if let Some(place) = reached.get_mut(at) {
        *place = true;
    }
}

/// The length of `word` in characters, if `text` begins with it or with look-alikes of its letters.
fn spells(text: &[char], word: &str) -> Option<usize> {
    let length = word.chars().count();
    let same = |(is, want): (&char, char)| *is == want || letter(*is) == want;
    (text.len() >= length && text.iter().zip(word.chars()).all(same)).then_some(length)
}

/// The words of a name of three letters and more.
fn parts(name: &str) -> impl Iterator<Item = String> {
    let small = name.to_lowercase();
    let words = small.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| word.len() >= 3).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

fn letter(character: char) -> char {
    LOOKALIKES.iter().find(|(like, _)| *like == character).map_or(character, |(_, letter)| *letter)
}
