use crate::Class;
use crate::enip::services::{Of, find, services};

#[test]
fn services_are_in_the_order_of_their_codes() {
    assert!(services().is_sorted_by_key(|service| service.code));
    for (at, service) in services().iter().enumerate() {
        let hidden = services()[..at].iter().any(|earlier| {
            earlier.code == service.code && (earlier.of == service.of || earlier.of == Of::Any)
        });
        assert!(!hidden, "{service:?} is never found");
    }
}

#[test]
fn a_code_means_what_its_object_makes_of_it() {
    let class = |code, class| find(code, Some(class), false).class;
    for (code, object, expected) in [
        (0x01, 0x01, Class::Discover),
        (0x0e, 0x04, Class::Read),
        (0x10, 0x04, Class::Write),
        (0x10, 0xf5, Class::Config),
        (0x10, 0xf6, Class::Config),
        (0x04, 0x8b, Class::Time),
        (0x05, 0x01, Class::Mode),
        (0x07, 0x8e, Class::Mode),
        (0x08, 0x68, Class::ProgramWrite),
        (0x04, 0x68, Class::ProgramWrite),
        (0x02, 0x300, Class::ProgramWrite),
        (0x02, 0x2ff, Class::Config),
        (0x4c, 0x6b, Class::Read),
        (0x4d, 0x6b, Class::Write),
        (0x4c, 0x68, Class::ProgramRead),
        (0x4c, 0x37, Class::ProgramWrite),
        (0x4b, 0x37, Class::FileRead),
        (0x4c, 0x44, Class::Read),
        (0x50, 0x44, Class::Write),
        (0x4c, 0xf3, Class::Config),
        (0x4b, 0xa1, Class::Firmware),
        (0x4d, 0xa1, Class::Firmware),
        (0x55, 0x6b, Class::Discover),
        (0x4e, 0x06, Class::Session),
        (0x4c, 0x72, Class::ProgramWrite),
        (0x4c, 0x04, Class::Unknown),
        (0x7f, 0x04, Class::Unknown),
    ] {
        assert_eq!(class(code, object), expected, "service {code:#x} of {object:#x}");
    }
}

#[test]
fn tags_have_their_own() {
    for (code, expected) in [
        (0x4c, Class::Read),
        (0x4d, Class::Write),
        (0x4e, Class::Write),
        (0x52, Class::Read),
        (0x53, Class::Write),
        (0x54, Class::Unknown),
    ] {
        assert_eq!(find(code, None, true).class, expected, "{code:#x}");
    }
    assert_eq!(find(0x0e, None, false).class, Class::Unknown, "of nothing at all");
}

#[test]
fn every_code_is_looked_up() {
    for service in services() {
        let (class, is_tag) = match service.of {
            Of::Any => (Some(0x2ff), false),
            Of::Tag => (None, true),
            Of::Class(class) | Of::Classes(class, _) => (Some(class), false),
            Of::Vendor => (Some(0x4ff), false),
        };
        assert_eq!(find(service.code, class, is_tag).name, service.name);
    }
}
