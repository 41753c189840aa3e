use super::{CALL, READ, acknowledge, chunk, hello, hex, open, service};
use crate::opcua::fields;
use crate::{Direction, Field, FieldSink, Shape};

/// Fields as text: `name=value`, and what is nested in brackets.
#[derive(Default)]
struct Text(String);

impl FieldSink for Text {
    fn field(&mut self, name: &'static str, value: Field<'_>) {
        let value = match value {
            Field::Number(number) => number.to_string(),
            Field::Flag(flag) => flag.to_string(),
            Field::Text(text) => text.to_owned(),
            Field::Node(node) => node.to_string(),
            Field::Bytes(bytes) => format!("{} bytes", bytes.len()),
            other => format!("{other:?}"),
        };
        self.0 += &format!("{name}={value} ");
    }

    fn open(&mut self, name: &'static str, _: Shape) {
        self.0 += &format!("{name}[");
    }

    fn close(&mut self) {
        self.0 += "] ";
    }
}

fn told(pdu: &[u8]) -> String {
    let mut text = Text::default();
    fields(pdu, Direction::ToServer, &mut text);
    text.0.trim_end().to_owned()
}

#[test]
fn before_the_channel() {
    assert_eq!(
        told(&hello()),
        "type=HEL chunk=F size=56 version=0 receive_buffer=65535 send_buffer=65535 max_message=0 \
         max_chunks=0 url=opc.tcp://10.0.0.1:4840/"
    );
    assert!(told(&acknowledge()).ends_with("max_message=65536 max_chunks=16"));
    let error = chunk(b"ERRF", &hex("00001f80 02000000 6e6f"));
    assert_eq!(told(&error), "type=ERR chunk=F size=18 error=2149515264 reason=no");
}

#[test]
fn channels() {
    let plain = told(&open("None", 1));
    assert!(plain.contains("policy=http://opcfoundation.org/UA/SecurityPolicy#None"), "{plain}");
    assert!(plain.ends_with(
        "seq=1 request_id=1 service=446 request_handle=42 client_version=0 request_type=0 mode=1"
    ));
    let secured = told(&open("Basic256Sha256", 1));
    assert!(secured.ends_with("encrypted=true") && !secured.contains("seq="), "{secured}");
}

#[test]
fn services_and_what_they_touch() {
    let front = "scid=5 token=6 seq=3 request_id=9";
    assert_eq!(
        told(&service(631, READ)),
        format!(
            "type=MSG chunk=F size=113 {front} service=631 request_handle=42 auth_token=i=1 \
             items[[NodeId=ns=2;s=A AttributeId=13 ] [NodeId=i=2258 AttributeId=13 ] ]"
        )
    );
    assert!(told(&service(712, CALL)).ends_with("items[[ObjectId=ns=2;s=O MethodId=ns=2;s=M ] ]"));
    let fault = chunk(
        b"MSGF",
        &hex("05000000 06000000 03000000 09000000 01008d01 0011223344556677 2a000000 00001f80 00 \
             ffffffff 000000"),
    );
    assert_eq!(
        told(&fault),
        format!(
            "type=MSG chunk=F size=52 {front} service=397 request_handle=42 service_result=2149515264"
        )
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let sequence = [5_u32, 6, 3, 9].map(u32::to_le_bytes).concat();
    let opaque = chunk(b"MSGF", &[&sequence[..], &hex("9a0e51c8")].concat());
    assert_eq!(told(&opaque), "type=MSG chunk=F size=28 scid=5 token=6 encrypted=true");
}
