use super::{FORWARD_OPEN, OPENED, READ_TAG, WRITE_TAG, hex, multiple, ucmm, unconnected, wrapped};
use crate::enip::fields;
use crate::{Direction, Field, FieldSink, Shape};

/// Fields as text: lists in brackets, objects in braces.
#[derive(Default)]
struct Text(String, Vec<Shape>);

impl FieldSink for Text {
    fn field(&mut self, name: &'static str, value: Field<'_>) {
        let value = match value {
            Field::Number(number) => number.to_string(),
            Field::Flag(flag) => flag.to_string(),
            Field::Text(text) => text.to_owned(),
            other => format!("{other:?}"),
        };
        self.0 += &if name.is_empty() { format!("{value} ") } else { format!("{name}={value} ") };
    }

    fn open(&mut self, name: &'static str, shape: Shape) {
        self.0 += name;
        self.0.push(if shape == Shape::List { '[' } else { '{' });
        self.1.push(shape);
    }

    fn close(&mut self) {
        self.0.push(if self.1.pop() == Some(Shape::List) { ']' } else { '}' });
    }
}

/// What is said of the message in a packet.
fn cip(pdu: &[u8]) -> String {
    let mut text = Text::default();
    fields(pdu, Direction::ToServer, &mut text);
    assert!(text.1.is_empty(), "all is closed");
    text.0.split_once("cip").map(|(_, cip)| cip.to_owned()).unwrap_or_default()
}

#[test]
fn a_request_in_words() {
    let tag = "[{service=76 response=false path[[data_segment 17 ][symbol Tag ]]}]";
    assert_eq!(cip(&ucmm(READ_TAG)), tag);
    let object = "[{service=14 response=false path[[class 1 ][instance 1 ][attribute 7 ]]}]";
    assert_eq!(cip(&ucmm("0e 03 2001 2401 3007")), object);
}

#[test]
fn what_is_nested_is_embedded() {
    let (read, write) = (hex(READ_TAG), hex(WRITE_TAG));
    let text = cip(&unconnected(&wrapped(&multiple(&[&read, &write]))));
    let (outer, inner) = text.split_once("embedded").unwrap();
    assert!(outer.ends_with("route_path[[port 1 ][link 0 ]]"), "{outer}");
    assert!(inner.starts_with("[{service=10 "), "{inner}");
    assert_eq!(inner.matches("symbol Tag").count(), 2);
}

#[test]
fn replies_and_connections() {
    let text = cip(&ucmm(FORWARD_OPEN));
    assert!(text.contains("to_connid=2004287489 conn_serial=16962 "), "{text}");
    assert!(cip(&ucmm(OPENED)).contains("status=0 ot_connid=4096 to_connid=2004287489"));
    assert!(cip(&ucmm("cc 00 05 01 0a00")).contains("status=5 ext_status[10 ]"));
    let pccc = cip(&ucmm("4b 02 2067 2401 07 4d00 01020304 0f 00 0100 aa 02 07 89 00 00 0500"));
    assert!(pccc.ends_with("pccc_cmd=15 pccc_status=0 pccc_tns=1 pccc_fnc=170 }]"), "{pccc}");
}

#[test]
fn what_cannot_be_read_to_its_end_is_told_so_far() {
    assert_eq!(cip(&ucmm("4c 09 9103")), "[{service=76 response=false }]");
}
