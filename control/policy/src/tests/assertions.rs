//! Sentences: what is understood, what is not and where, and what is true of the base policy.

use super::{BASE, good};
use crate::{Diagnostic, Failure, parse};

/// The base policy with these sentences about alice, who maintains, and bob, who may nothing.
fn with(sentences: &[&str]) -> String {
    let quoted: Vec<String> = sentences.iter().map(|text| format!("  \"{text}\",\n")).collect();
    let people = "people = { alice = { roles = [\"maintenance\"] }, bob = {}, \
                  carol = { roles = [\"maintenance\"], factors = [\"password\"] } }";
    let tests = quoted.concat();
    format!("{BASE}[tests]\nzone = \"Europe/Paris\"\n{people}\nassert = [\n{tests}]\n")
}

fn failures(sentences: &[&str]) -> Vec<Failure> {
    let policy = good(&with(sentences));
    assert!(policy.assertions().len() >= sentences.len());
    policy.assertions().failures(&policy).unwrap()
}

#[track_caller]
fn all_true(sentences: &[&str]) {
    let failures = failures(sentences);
    let found: Vec<String> = failures.iter().map(|f| f.diagnostic.to_string()).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The failure of one sentence: column, message and help.
#[track_caller]
fn failure(sentence: &str) -> (usize, String, String) {
    let failures = failures(&[sentence]);
    let [Failure { diagnostic, .. }] = failures.as_slice() else { panic!("{failures:#?}") };
    let help = diagnostic.help.clone().unwrap_or_default();
    (diagnostic.column, diagnostic.message.clone(), help)
}

fn error(sentence: &str) -> (usize, String, String) {
    let errors = parse(&with(&[sentence]), "policy.toml").err().unwrap_or_default();
    let [Diagnostic { column, message, help, .. }] = errors.as_slice() else {
        panic!("{sentence}: {errors:#?}")
    };
    (*column, message.clone(), help.clone().unwrap_or_default())
}

#[test]
fn the_sentence_of_the_issue() {
    all_true(&["alice may write HR 105 = 900 on press-3 at Mon 09:00; may not at Sun"]);
}

#[test]
fn who_what_where_when() {
    all_true(&[
        "alice may read HR 0-9 on press-3 at mon-fri 06:00-18:00; may not at sat; may not at sun",
        "alice may read holding-registers 0-124 on press-3 at 2026-03-02 08:00 by maintenance",
        "alice may not write HR 105 = 1501 on press-3 at mon 09:00 because value-denied",
        "alice may not write HR 99-100 = 1 on press-3 at mon 09:00 because address-denied",
        "alice may write HR 118-119 = 1, 1500 on press-3 at mon 09:00",
        "alice may write coil 100 = 1 on press-3 at mon 09:00; may write coils 100-108 = 0",
        "alice may not write HR 105 = 900 on press-3 at mon 18:00 because outside-window",
        "alice may not write HR 105 = 900 on robot because no-grant",
        "alice may not connect tcp/22 on robot; may not ping; may not connect modbus",
        "alice may connect modbus on press-3 at tue 12:00",
        "bob may not read HR 0 on press-3 because no-grant",
        "carol may not read HR 0 on press-3",
        "hmi-1 may write HR 0 = 65535 on robot; may write HR 99 = 0; may not write HR 100 = 0",
        "hmi-1 may pdu 06 0063 ffff on robot unit 9; may write-single-register 7 = 1",
        "hmi-1 may not pdu 06 0063 ff on robot because malformed-command",
        "hmi-1 may not function 100 on robot; may not function 8/19; may not umas-stop",
        "alice may not restart-communications on press-3 at mon 09:00 because command-denied",
    ]);
}

/// Europe/Paris: 06:00 is 05:00Z in winter and 04:00Z in summer.
#[test]
fn a_day_of_the_week_is_every_such_day_in_winter_and_in_summer() {
    all_true(&["alice may read HR 0 on press-3 at mon 06:00; may not at mon 05:59"]);
    all_true(&["alice may read HR 0 on press-3 at mon 05:00-16:00 Etc/GMT"]);
    let (_, message, _) = failure("alice may read HR 0 on press-3 at mon 16:30 UTC");
    // In winter 16:30Z is 17:30 in Paris, in summer 18:30.
    assert_eq!(message, "the policy denies this at Mon 2026-07-06 16:30 UTC: outside-window");
}

#[test]
fn clock_changes() {
    // 2026-03-29: 02:00 becomes 03:00; 2026-10-25: 03:00 becomes 02:00. Sundays, so closed: the
    // Mondays after them open an hour earlier and later by UTC.
    all_true(&[
        "alice may not read HR 0 on press-3 at 2026-03-29 02:30",
        "alice may read HR 0 on press-3 at 2026-03-30 04:00 UTC; may not at 2026-03-27 04:59 UTC",
        "alice may not read HR 0 on press-3 at 2026-10-26 04:59 UTC; may at 2026-10-26 05:00 UTC",
    ]);
}

#[test]
fn without_a_time_it_is_about_any_time() {
    all_true(&[
        "alice may not write HR 105 = 1501 on press-3",
        "hmi-1 may write HR 9 = 1 on robot",
    ]);
    let (column, message, help) =
        failure("alice may read HR 0-9 on press-3 at mon 09:00; may at any time");
    assert_eq!(column, 51);
    assert_eq!(
        message,
        "the policy denies this at Mon 2026-01-05 00:00 Europe/Paris: outside-window"
    );
    let nearest = "nearest is \"maintenance\": read; write, address 100-119, value 0-1500 on \
                   mon,tue,wed,thu,fri 06:00-18:00 Europe/Paris";
    assert_eq!(help, nearest);
}

#[test]
fn a_window_that_opens_within_the_stretch_is_seen() {
    let (_, message, _) = failure("alice may not read HR 0 on press-3 at mon 00:00-12:00");
    assert_eq!(message, "the policy allows this at Mon 2026-01-05 06:00 Europe/Paris");
    all_true(&["alice may not read HR 0 on press-3 at mon 18:00-24:00"]);
}

#[test]
fn a_failure_names_what_came_nearest() {
    let (_, message, help) = failure("alice may write HR 105 = 1501 on press-3 at mon 09:00");
    assert_eq!(
        message,
        "the policy denies this at Mon 2026-01-05 09:00 Europe/Paris: value-denied"
    );
    assert!(help.starts_with("nearest is \"maintenance\""), "{help}");
    let (_, message, help) = failure("hmi-1 may not write HR 5 = 1 on robot");
    assert!(message.starts_with("the policy allows this"), "{message}");
    assert_eq!(
        help,
        "it is allowed by \"hmi-1\": function 6 (write-single-register), address 0-99"
    );
    let (_, message, _) = failure("hmi-1 may not write HR 100 = 1 on robot because unit-denied");
    assert!(message.ends_with("for another reason: address-denied"), "{message}");
    let (_, message, _) = failure("hmi-1 may write HR 1 = 1 on robot by maintenance");
    assert!(message.starts_with("another rule than that one allows this"), "{message}");
}

#[test]
fn what_is_not_understood_has_its_place_and_its_help() {
    for (sentence, column, message, help) in [
        (
            "alcie may read HR 0 on press-3",
            4,
            "`alcie` is neither one of `people` nor a conduit",
            "did you mean `alice`?",
        ),
        (
            "alice can read HR 0 on press-3",
            4,
            "this says neither `may` nor `may not`",
            "write it like: alice may",
        ),
        ("may read HR 0 on press-3", 4, "the sentence does not say who asks", "write it like"),
        ("alice may on press-3", 4, "the sentence does not say what is asked for", ""),
        ("alice may read HR 0", 4, "the sentence does not say on which asset: `on …`", ""),
        (
            "alice may raed HR 0 on press-3",
            14,
            "there is no command `raed`",
            "did you mean `read`?",
        ),
        ("alice may read HX 0 on press-3", 19, "there is no table `HX`", "did you mean `HR`?"),
        ("alice may read HR 9-0 on press-3", 22, "the range 9-0 is empty: write 0-9", "an address"),
        (
            "alice may read HR 0-125 on press-3",
            4,
            "no device takes this: quantity is outside the protocol's limits",
            "",
        ),
        ("alice may write IR 0 = 1 on press-3", 20, "this table is not written", "coils and"),
        ("alice may write HR 0 on press-3", 14, "`=` and a value is missing here", ""),
        ("alice may write HR 0 900 on press-3", 25, "`=` is missing before `900`", ""),
        (
            "alice may write HR 0 = 65536 on press-3",
            27,
            "`65536` is not a value",
            "a register is 0 to 65535",
        ),
        (
            "alice may write HR 0-2 = 1, 2 on press-3",
            27,
            "2 values for 3 elements",
            "write one value",
        ),
        ("alice may read HR 0 1 on press-3", 24, "`1` is not understood", ""),
        (
            "alice may read HR 0 on pres-3",
            27,
            "there is no asset `pres-3`",
            "did you mean `press-3`?",
        ),
        (
            "alice may ping on press-3",
            4,
            "`press-3` does not speak icmp",
            "it speaks modbus on tcp/502",
        ),
        ("alice may read HR 0 on press-3 on robot", 35, "`on` is there already", "a `;`"),
        (
            "alice may read HR 0 on press-3 at mittag",
            38,
            "this is not a time",
            "write `at mon 09:00`",
        ),
        ("alice may read HR 0 on press-3 at mon 25:00", 38, "this is not a time", ""),
        ("alice may read HR 0 on press-3 at mon 9:00 Europe/Pari", 38, "this is not a time", ""),
        (
            "alice may read HR 0 on press-3 at mon 09:00 Europe/Pari",
            48,
            "`Europe/Pari` is not a time zone of the IANA database",
            "did you mean `Europe/Paris`?",
        ),
        (
            "alice may read HR 0 on press-3 by maintenence",
            38,
            "there is no rule or conduit `maintenence`",
            "did you mean `maintenance`?",
        ),
        (
            "alice may read HR 0 on press-3 because no-grant",
            43,
            "`because` goes with `may not`",
            "",
        ),
        ("alice may not read HR 0 on press-3 by maintenance", 42, "`by` goes with `may`", ""),
        (
            "alice may not read HR 0 on press-3 because no-grnat",
            47,
            "there is no reason `no-grnat`",
            "did you mean `no-grant`?",
        ),
        ("alice may read HR 0 on press-3 unit 256", 40, "`256` is not a unit from 0 to 255", ""),
        (
            "alice may umas-stopp on press-3",
            14,
            "there is no command `umas-stopp`",
            "did you mean `umas-stop`?",
        ),
        (
            "alice may mask-write-register 5 on press-3",
            14,
            "`mask-write-register` takes more",
            "write it as a pdu: pdu 16 …",
        ),
        ("alice may pdu 6 on press-3", 14, "this is not a PDU in hex", ""),
        ("hmi 1 may read HR 0 on robot", 4, "one name stands before `may`", "'single quotes'"),
        ("'hmi may read HR 0 on robot", 4, "the quote is not closed", ""),
        (" ", 3, "`assert` is empty", ""),
        (";", 3, "the sentence says nothing", ""),
    ] {
        let (at, found, helps) = error(sentence);
        assert_eq!(
            (at, found.trim_start_matches("an element of ")),
            (column, message),
            "{sentence}"
        );
        assert!(helps.contains(help), "{sentence}: {helps}");
    }
}

#[test]
fn a_time_without_a_zone_is_refused() {
    let text = with(&["alice may read HR 0 on press-3 at mon 09:00"])
        .replace("zone = \"Europe/Paris\"\npeople", "people");
    let errors = parse(&text, "p.toml").unwrap_err();
    assert_eq!(errors[0].message, "the time has no time zone");
}

#[test]
fn the_table_is_checked_like_every_other() {
    for (old, new, message) in [
        (
            "zone = \"Europe/Paris\"\npeople",
            "zone = \"Europe/Pari\"\npeople",
            "`Europe/Pari` is not a time zone of the IANA database",
        ),
        ("bob = {}", "bob = { role = [\"x\"] }", "unknown key `role` in one of `people`"),
        ("bob = {}", "hmi-1 = {}", "`hmi-1` is a conduit"),
        ("[\"password\"] } }", "[\"pin\"] } }", "there is no factor `pin`"),
        ("assert = [", "asert = [", "[tests] has no `assert`"),
    ] {
        let text = with(&["alice may not read HR 0 on robot"]);
        assert!(text.contains(old));
        let errors = parse(&text.replacen(old, new, 1), "p.toml").unwrap_err();
        assert_eq!(errors[0].message, message);
    }
    let warned = with(&["alice may not read HR 0 on robot"])
        .replace("bob = {}", "bob = { roles = [\"maintenence\"] }");
    let policy = good(&warned);
    assert_eq!(policy.warnings()[0].message, "no rule is for a role `maintenence`");
}

#[test]
fn a_file_of_its_own_is_about_another_policy() {
    let policy = good(BASE);
    let text = "[tests]\nassert = ['hmi-1 may write HR 0 = 1 on robot; may write HR 100 = 1']\n";
    let assertions = crate::parse_assertions(text, "tests.toml", &policy).unwrap();
    let failures = assertions.failures(&policy).unwrap();
    assert_eq!((assertions.len(), failures.len()), (2, 1));
    let place = &failures[0].diagnostic;
    assert_eq!((place.file.as_str(), place.line, place.column), ("tests.toml", 2, 47));
    let wrong = crate::parse_assertions("[[rule]]\n", "tests.toml", &policy).unwrap_err();
    let messages: Vec<&str> = wrong.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        messages,
        ["a file of tests has no `tests`", "unknown key `rule` in a file of tests"]
    );
}

/// Whatever is cut out of the middle of a sentence, it is understood or refused with a reason.
#[test]
fn no_loss_is_refused_without_a_reason() {
    let sentence = "alice may write HR 105-106 = 900, 1 on press-3 unit 1 at mon 09:00 UTC by 'x y'; may not at sun because no-grant";
    for from in 0..sentence.len() {
        for length in [1, 3, 9] {
            let to = (from + length).min(sentence.len());
            let text = format!("{}{}", &sentence[..from], &sentence[to..]);
            let refused = parse(&with(&[&text]), "p.toml").err();
            assert!(refused.is_none_or(|errors| !errors.is_empty()), "{text}");
        }
    }
}

/// Every function that a sentence can name becomes the request of just that function.
#[test]
fn every_name_is_the_request_of_its_function() {
    let mut said = 0;
    for function in wicketgate_dissectors::modbus::functions() {
        let space = wicketgate_dissectors::Space::None;
        let write = function.class == wicketgate_dissectors::Class::Write;
        let rest = match (function.space == space, write) {
            (true, _) => "",
            (false, false) => " 7",
            (false, true) => " 7 = 1",
        };
        let text = with(&[&format!("hmi-1 may not {}{rest} on robot unit 3", function.name)]);
        let Ok(policy) = parse(&text, "p.toml") else { continue };
        let crate::trial::Request::Pdu(pdu) = &policy.assertions().list[0].request else {
            panic!()
        };
        let command = wicketgate_dissectors::Protocol::Modbus.command(pdu).unwrap();
        assert_eq!((command.name, command.unit), (function.name, 3));
        said += 1;
    }
    // All but mask write, read/write and the two of file records.
    assert_eq!(said, wicketgate_dissectors::modbus::functions().len() - 4);
}
