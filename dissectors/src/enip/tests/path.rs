use super::hex;
use crate::enip::{Segment, Target};

fn read(path: &str) -> Option<Vec<String>> {
    let bytes = hex(path);
    let target = Target::read(&bytes).ok()?;
    Some(target.path.segments().map(|segment| format!("{segment:?}")).collect())
}

#[test]
fn every_kind_of_segment() {
    for (bytes, segments) in [
        ("20 04", &["Class(4)"][..]),
        ("21 00 6b 00", &["Class(107)"]),
        (
            "24 64 2c 65 30 03 28 02",
            &["Instance(100)", "ConnectionPoint(101)", "Attribute(3)", "Member(2)"],
        ),
        ("25 00 3412 26 00 78563412", &["Instance(4660)", "Instance(305419896)"]),
        ("34 04 0100 0c00 4100 02 04", &["Key([1, 0, 12, 0, 65, 0, 2, 4])"]),
        ("01 00", &["Port(1, [0])"]),
        ("12 05 31302e3030 00", &["Port(2, [49, 48, 46, 48, 48])"]),
        ("0f 1234 05", &["Port(13330, [5])"]),
        ("43 03 51 01 0102", &["Network(3, [3])", "Network(17, [1, 2])"]),
        ("63 414243", &["Symbol([65, 66, 67])"]),
        ("91 03 414243 00", &["Symbol([65, 66, 67])"]),
        ("80 01 0102", &["Data([1, 2])"]),
        ("", &[]),
    ] {
        assert_eq!(read(bytes).as_deref(), Some(segments.map_to_owned().as_slice()), "{bytes}");
    }
}

trait Owned {
    fn map_to_owned(&self) -> Vec<String>;
}

impl Owned for &[&str] {
    fn map_to_owned(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

#[test]
fn what_is_cut_short_or_unknown_is_no_path() {
    for bytes in [
        "20",
        "21 00 6b",
        "21 01 6b 00",
        "22 00 00000000",
        "23 00",
        "32 00 01000000",
        "34 05 00",
        "00 00",
        "12 05 3130",
        "91 03 41",
        "91 03 414243",
        "91 03 414243 41",
        "91 00",
        "60",
        "61 07",
        "80 02 0102",
        "a0 01",
        "c1 00",
        "e0 00",
        "3c 00",
        "51 02 0102",
    ] {
        assert_eq!(read(bytes), None, "{bytes}");
    }
    assert!(Target::read(&hex(&"24 01".repeat(32))).is_ok());
    assert!(Target::read(&hex(&"24 01".repeat(33))).is_err());
}

#[test]
fn the_last_object_is_the_target() {
    let bytes = hex("20 68 24 01 20 6d 24 05 30 02");
    let target = Target::read(&bytes).unwrap();
    assert_eq!((target.class, target.instance, target.attribute), (Some(0x6d), Some(5), Some(2)));
    assert!(!target.is_tag);
}

#[test]
fn tags_are_spelled() {
    let main = hex("91 0c 50726f6772616d3a4d61696e 91 05 4d6f746f72 00 28 03 91 05 5370656564 00");
    let target = Target::read(&main).unwrap();
    assert!(target.is_tag);
    assert_eq!(target.path.tag().to_string(), "Program:Main.Motor[3].Speed");
    let matrix = hex("91 01 4d 00 28 01 29 00 0200");
    let target = Target::read(&matrix).unwrap();
    assert_eq!((target.path.tag().to_string(), target.index), ("M[1][2]".to_owned(), Some(2)));
    let scoped = hex("91 0c 50726f6772616d3a4d61696e 20 6b 24 00");
    assert!(!Target::read(&scoped).unwrap().is_tag, "the symbols of a program");
    assert!(matches!(Segment::take(&mut &main[..]), Some(Segment::Symbol(b"Program:Main"))));
}
