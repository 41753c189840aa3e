use super::hex;
use crate::opcua::node::{Name, NodeId};
use crate::opcua::variant::{Budget, MAX_DEPTH, MAX_VALUES, data_value, value};
use crate::opcua::{Reader, methods, services};
use crate::{Class, Scalar, Values};

fn node(bytes: &str) -> Option<String> {
    let bytes = hex(bytes);
    let mut reader = Reader::new(&bytes);
    let node = reader.node()?;
    assert!(reader.is_at_end(), "{bytes:?}");
    Some(node.to_string())
}

#[test]
fn nodes_in_all_encodings() {
    for (bytes, text) in [
        ("00 0d", "i=13"),
        ("01 00 0d00", "i=13"),
        ("02 0000 0d000000", "i=13"),
        ("01 03 e803", "ns=3;i=1000"),
        ("02 2c01 ffffffff", "ns=300;i=4294967295"),
        ("03 0200 05000000 4d6f746f72", "ns=2;s=Motor"),
        ("03 0200 ffffffff", "ns=2;s="),
        ("03 0200 03000000 41ff42", "ns=2;s=A\u{fffd}B"),
        (
            "04 0100 912b9672 75fa e64a 8d28 b404dc7daf63",
            "ns=1;g=72962b91-fa75-4ae6-8d28-b404dc7daf63",
        ),
        ("05 0100 03000000 0aff00", "ns=1;b=0aff00"),
    ] {
        assert_eq!(node(bytes).as_deref(), Some(text), "{bytes}");
    }
    for bytes in ["", "00", "01 00 0d", "03 0200 feffffff", "03 0200 02000000 41", "06 00", "40 0d"]
    {
        assert_eq!(node(bytes), None, "{bytes}");
    }
    let (short, long) = (hex("000d"), hex("02 0000 0d000000"));
    let one =
        |bytes: &[u8]| Reader::new(bytes).node().map(|node| (node.namespace, node.standard()));
    assert_eq!(one(&short), one(&long), "the same node");
    assert_eq!(NodeId { namespace: 1, name: Name::Number(13) }.standard(), None);
}

#[test]
fn expanded_nodes_may_name_a_namespace_and_a_server() {
    for (bytes, left) in [
        ("00 0d", 0),
        ("80 0d 03000000 75726e", 0),
        ("40 0d 01000000", 0),
        ("c0 0d 03000000 75726e 01000000", 0),
        ("41 00 0d00 01000000 ff", 1),
    ] {
        let bytes = hex(bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.expanded_node().map(|node| node.standard()), Some(Some(13)));
        assert_eq!(reader.rest().len(), left);
    }
}

fn held(bytes: &str) -> Option<(String, u32)> {
    let bytes = hex(bytes);
    let mut reader = Reader::new(&bytes);
    let (values, count) = value(&mut reader, &mut Budget::default())?;
    assert!(reader.is_at_end(), "{bytes:?}");
    Some(match values {
        Values::Scalars(scalar, bytes) => {
            (format!("{:?}", scalar.numbers(bytes).collect::<Vec<_>>()), count)
        }
        _ => (String::new(), count),
    })
}

#[test]
fn values_that_are_numbers() {
    for (bytes, numbers, count) in [
        ("01 01", "[1.0]", 1),
        ("02 ff", "[-1.0]", 1),
        ("03 ff", "[255.0]", 1),
        ("04 feff", "[-2.0]", 1),
        ("05 feff", "[65534.0]", 1),
        ("06 dc050000", "[1500.0]", 1),
        ("07 ffffffff", "[4294967295.0]", 1),
        ("0a 00004841", "[12.5]", 1),
        ("0b 0000000000002940", "[12.5]", 1),
        ("86 02000000 01000000 02000000", "[1.0, 2.0]", 2),
        ("c6 02000000 01000000 02000000 02000000 01000000 02000000", "[1.0, 2.0]", 2),
    ] {
        assert_eq!(held(bytes), Some((numbers.to_owned(), count)), "{bytes}");
    }
}

/// Nothing that a rule about numbers could hold.
#[test]
fn values_that_are_none() {
    for bytes in [
        "00",
        "08 0100000000000000",
        "0c 03000000 616263",
        "0d 0011223344556677",
        "0f ffffffff",
        "11 00 0d",
        "13 00001f80",
        "14 0000 01000000 41",
        "15 03 02000000 656e 01000000 41",
        "16 00 00 00",
        "16 01 00 4101 01 02000000 ffff",
        "17 01 06 01000000",
        "19 00",
        "19 7f 00000000 00000000 00000000 00000000 01000000 41 00000000 00",
        "86 00000000",
        "86 ffffffff",
        "98 01000000 06 01000000",
    ] {
        assert_eq!(held(bytes).map(|(numbers, _)| numbers), Some(String::new()), "{bytes}");
    }
}

#[test]
fn values_that_cannot_be() {
    for bytes in [
        "",
        "06 0000",
        "46 01000000",
        "86 feffffff",
        "86 02000000 01000000",
        "86 ffffff7f 01000000",
        "c6 01000000 01000000 ffffff7f",
        "0c 05000000 61",
        "15 04",
        "16 00 00 03",
        "17 40",
    ] {
        assert_eq!(held(bytes), None, "{bytes}");
    }
}

/// CVE-2018-12086: stacks overflowed on values in values.
#[test]
fn values_in_values_have_a_depth() {
    let nested = |depth: usize| format!("{}06 01000000", "98 01000000 ".repeat(depth - 1));
    assert!(held(&nested(MAX_DEPTH)).is_some());
    assert!(held(&nested(MAX_DEPTH + 1)).is_none());
    let diagnostics = |depth: usize| format!("19 {} 00", "40".repeat(depth));
    assert!(held(&diagnostics(MAX_DEPTH - 1)).is_some() && held(&diagnostics(9)).is_none());
}

#[test]
fn what_stands_behind_a_value() {
    let whole = hex("3f 06 01000000 00000000 0011223344556677 0100 0011223344556677 0100");
    let mut reader = Reader::new(&whole);
    let (values, _) = data_value(&mut reader, &mut Budget::default()).unwrap();
    assert!(matches!(values, Values::Scalars(Scalar::Dint, [1, 0, 0, 0])));
    assert!(reader.is_at_end());
    assert_eq!(
        data_value(&mut Reader::new(&hex("02 00001f80")), &mut Budget::default()),
        Some((Values::None, 1))
    );
    assert_eq!(data_value(&mut Reader::new(&[0x40]), &mut Budget::default()), None);
}

#[test]
fn tables_are_in_order() {
    let services: Vec<u16> = services::services().iter().map(|service| service.request).collect();
    assert!(services.is_sorted() && services.len() == 39);
    for service in services::services() {
        assert_eq!(services::find(service.request), Some(service));
        assert_eq!(services::of_response(service.response), Some(service));
    }
    assert_eq!(services::find(631).map(|service| service.response), Some(634));
    assert_eq!(services::find(12211).map(|service| service.response), Some(12212));
    for (method, class) in [(9111, Class::Alarm), (12886, Class::Mode), (11588, Class::FileWrite)] {
        assert_eq!(methods::class(&NodeId::number(method)), class);
    }
    let own = NodeId { namespace: 1, name: Name::Number(9111) };
    assert_eq!(methods::class(&own), Class::Unknown, "another namespace");
    assert!(methods::is_sorted());
}

#[test]
fn a_request_has_so_many_values_and_no_more() {
    // An array of variants that are null, one byte each; numbers of fixed length are not walked, nor counted.
    let array = |kind: u8, count: usize| {
        [&[0x80 | kind][..], &(count as u32).to_le_bytes(), &vec![0; count]].concat()
    };
    let read = |bytes: &[u8], budget: &mut Budget| value(&mut Reader::new(bytes), budget).is_some();
    let mut budget = Budget::default();
    assert!(read(&array(24, MAX_VALUES - 1), &mut budget));
    assert!(read(&array(3, 60_000), &mut budget));
    assert!(read(&array(24, 1), &mut budget) && !budget.is_spent());
    assert!(!read(&array(24, 1), &mut budget) && budget.is_spent());
}
