//! One bad policy for each kind of error, with the exact place: `errors.txt`.

use super::{BASE, changed};
use crate::{Diagnostic, parse};

/// The lines of one case.
struct Case {
    old: String,
    new: String,
    expected: Vec<String>,
}

impl Case {
    fn read(block: &str) -> Case {
        let lines = |sign: char| -> String {
            let marked = block.lines().filter_map(|line| line.strip_prefix(sign));
            marked.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
        };
        let unmarked = block.lines().filter(|line| !line.starts_with(['-', '+']));
        let expected = unmarked.map(str::to_owned).collect();
        Case { old: lines('-'), new: lines('+'), expected }
    }
}

fn cases() -> Vec<Case> {
    let blocks = include_str!("errors.txt").split("\n\n");
    blocks.filter(|block| block.starts_with('-')).map(Case::read).collect()
}

fn lines(error: &Diagnostic) -> Vec<String> {
    let place = format!("{}:{}: {}", error.line, error.column, error.message);
    let help = error.help.as_ref().map(|help| format!("  help: {help}"));
    [place].into_iter().chain(help).collect()
}

#[test]
fn every_error_has_its_place_and_its_help() {
    let cases = cases();
    for Case { old, new, expected } in &cases {
        let errors = parse(&changed(old, new), "policy.toml").err().unwrap_or_default();
        let found: Vec<String> = errors.iter().flat_map(lines).collect();
        assert_eq!(&found, expected, "\n{old}became\n{new}");
    }
    assert!(cases.len() > 108, "{} cases", cases.len());
}

#[test]
fn all_errors_are_reported_at_once_in_the_order_of_the_file() {
    let text = BASE
        .replace("vlan = 12", "vlan = 0")
        .replace("\"read\"", "\"raed\"")
        .replace("cycle", "cycel")
        .replace("100-119", "119-100");
    let errors = parse(&text, "policy.toml").unwrap_err();
    let places: Vec<_> = errors.iter().map(|error| (error.line, error.column)).collect();
    assert_eq!(places, [(23, 1), (30, 8), (40, 10), (40, 47)]);
}

#[test]
fn an_error_prints_like_a_compilers() {
    let errors = parse(&changed("zone = \"cell\"", "zone =\t\"cell\"\nzoom = \"é\""), "p.toml");
    let errors: Vec<String> = errors.unwrap_err().iter().map(ToString::to_string).collect();
    let expected = "p.toml:29:1: unknown key `zoom` in [[asset]]\n   29 | zoom = \"é\"\n      | ^^^^\
        \n  help: did you mean `zone`?";
    assert_eq!(errors, [expected]);
}

#[test]
fn lines_may_end_as_on_windows() {
    let text = changed("zone = \"cell\"", "zone = 3").replace('\n', "\r\n");
    let errors = parse(&text, "p.toml").unwrap_err();
    assert_eq!((errors[0].line, errors[0].column, &*errors[0].source), (28, 8, "zone = 3"));
}

/// Whatever is lost of a policy, what is left is read or refused with a reason.
#[test]
fn no_loss_is_refused_without_a_reason() {
    let refused_well = |text: &str| parse(text, "p.toml").err().is_none_or(|all| !all.is_empty());
    for (at, lost) in BASE.char_indices() {
        let (before, after) = (&BASE[..at], &BASE[at + lost.len_utf8()..]);
        assert!(refused_well(before), "cut at {at}");
        assert!(refused_well(&format!("{before}{after}")), "without {lost:?} at {at}");
    }
    for line in BASE.lines() {
        assert!(refused_well(&BASE.replacen(line, "", 1)), "without {line}");
    }
}
