use std::collections::BTreeSet;

use crate::Class;
use crate::modbus::functions::{UNKNOWN, find, functions};

#[test]
fn ordered_by_code_and_sub_code_each_once() {
    let codes: Vec<_> = functions().iter().map(|f| (f.code, f.sub)).collect();
    assert!(codes.is_sorted_by(|a, b| a < b), "binary search needs it");
    assert!(codes.iter().all(|(code, _)| (1..=127).contains(code)));
}

#[test]
fn names_are_unique_kebab_case() {
    let names: BTreeSet<_> = functions().iter().map(|f| f.name).collect();
    assert_eq!(names.len(), functions().len());
    assert!(!names.contains(UNKNOWN.name));
    for name in names {
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(kebab) && !name.starts_with('-'), "{name}");
    }
}

#[test]
fn every_function_is_found_and_nothing_else() {
    for function in functions() {
        assert_eq!(find(function.code, function.sub), function);
    }
    let known = (0..=u8::MAX)
        .flat_map(|code| [None].into_iter().chain((0..300).map(Some)).map(move |sub| (code, sub)))
        .filter(|(code, sub)| find(*code, *sub) != &UNKNOWN)
        .count();
    assert_eq!(known, functions().len());
}

#[test]
fn a_function_has_either_sub_codes_or_none() {
    for function in functions().iter().filter(|function| function.sub.is_some()) {
        assert_eq!(find(function.code, None), &UNKNOWN, "{}", function.name);
    }
}

/// Protocol notes 4.1, row by row.
#[test]
fn classes() {
    let table: &[(Class, &[u8])] = &[
        (Class::Read, &[1, 2, 3, 4, 7, 11, 12, 24]),
        (Class::FileRead, &[20]),
        (Class::Write, &[5, 6, 15, 16, 22, 23]),
        (Class::FileWrite, &[21]),
        (Class::Discover, &[17]),
        (Class::ProgramWrite, &[40, 42, 125, 126]),
        (Class::Unknown, &[8, 9, 10, 13, 14, 18, 19, 25, 41, 43, 65, 72, 90, 100, 110, 127]),
    ];
    for (class, codes) in table {
        for code in *codes {
            assert_eq!(find(*code, None).class, *class, "code {code}");
        }
    }
}

#[test]
fn classes_of_sub_codes() {
    let table: &[(u8, Class, &[u16])] = &[
        (8, Class::Diag, &[0, 2, 11, 12, 13, 14, 15, 16, 17, 18]),
        (8, Class::Mode, &[1, 4]),
        (8, Class::Config, &[3, 10, 20]),
        (8, Class::Unknown, &[5, 9, 19, 21, 0xffff]),
        (43, Class::Discover, &[14]),
        (43, Class::Config, &[13]),
        (43, Class::Unknown, &[0, 12, 15, 255]),
        (90, Class::Discover, &[0x01, 0x02, 0x03, 0x04, 0x06, 0x0a, 0x12, 0x58]),
        (90, Class::Read, &[0x20, 0x22, 0x24, 0x39, 0x50, 0x70, 0x73]),
        (90, Class::Auth, &[0x10, 0x11]),
        (90, Class::Write, &[0x23, 0x25, 0x71]),
        (90, Class::ProgramRead, &[0x30, 0x31, 0x32]),
        (90, Class::ProgramWrite, &[0x33, 0x34, 0x35]),
        (90, Class::Mode, &[0x40, 0x41]),
        (90, Class::Unknown, &[0x00, 0x21, 0x36, 0x42, 0xff]),
    ];
    for (code, class, subs) in table {
        for sub in *subs {
            assert_eq!(find(*code, Some(*sub)).class, *class, "{code}/{sub:#x}");
        }
    }
}
