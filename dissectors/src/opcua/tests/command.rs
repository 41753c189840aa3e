use super::{CALL, READ, WRITE, chunk, header, hello, hex, message, open, service};
use crate::opcua::items::{Target, Token};
use crate::opcua::services::{OPAQUE, OPEN_SECURED};
use crate::opcua::{command, key};
use crate::{Class, Item, NotTheProtocol, Space, Values};

fn items(pdu: &[u8]) -> Vec<(Class, String, u32)> {
    let name = |item: Item<'_>| (item.class, item.label().to_string(), item.start);
    command(pdu).unwrap().items.map(name).collect()
}

fn of(class: Class, node: &str) -> (Class, String, u32) {
    (class, node.to_owned(), 13)
}

#[test]
fn what_opens_a_channel() {
    let (hello, open) = (hello(), open("None", 1));
    let hello = command(&hello).unwrap();
    assert_eq!((hello.class, hello.function, hello.name), (Class::Session, 446, "hello"));
    let asked = command(&open).unwrap();
    assert_eq!((asked.class, asked.function), (Class::Session, 446));
    assert_eq!(items(&open), [(Class::Session, "None".to_owned(), 0)]);
    let close = service(452, "");
    let close = [b"CLO", &close[3..]].concat();
    assert_eq!(command(&close).unwrap().name, "close-secure-channel");
}

/// With a policy the body is encrypted: nothing but the policy and the certificate is known.
#[test]
fn what_opens_a_secured_channel() {
    let open = open("Basic256Sha256", 1);
    let asked = command(&open).unwrap();
    assert_eq!((asked.class, asked.function), (Class::Unknown, OPEN_SECURED));
    assert_eq!(items(&open), [(Class::Unknown, "Basic256Sha256".to_owned(), 0)]);
}

#[test]
fn a_channel_without_a_policy_has_no_other_mode() {
    let mut open = open("None", 1);
    let at = open.len() - 12;
    open[at] = 3;
    assert_eq!(command(&open).err(), Some(NotTheProtocol::Value));
}

#[test]
fn nodes_that_are_read_and_written() {
    let read = service(631, READ);
    assert_eq!(items(&read), [of(Class::Read, "ns=2;s=A"), of(Class::Read, "i=2258")]);
    assert_eq!(command(&read).unwrap().name, "read");
    let write = service(673, WRITE);
    assert_eq!(items(&write), [of(Class::Write, "ns=2;s=A")]);
    let item = command(&write).unwrap().items.next().unwrap();
    let Values::Scalars(scalar, bytes) = item.values else { panic!("{item:?}") };
    assert_eq!(scalar.numbers(bytes).collect::<Vec<_>>(), [700.0]);
}

/// Attribute 17 is the access level.
#[test]
fn writing_another_attribute_is_configuration() {
    let write = service(673, &WRITE.replace("0d000000", "11000000"));
    let asked = command(&write).unwrap();
    assert_eq!(asked.class, Class::Config);
    let item = asked.items.clone().next().unwrap();
    assert_eq!((item.class, item.start, item.values), (Class::Config, 17, Values::None));
}

#[test]
fn the_heaviest_item_decides() {
    let (front, one) = WRITE.split_at(8);
    assert_eq!(front, "01000000");
    let both = format!("02000000 {one} {}", one.replace("0d000000", "11000000"));
    let asked = service(673, &both);
    assert_eq!(command(&asked).unwrap().class, Class::Config);
    let classes: Vec<Class> = items(&asked).into_iter().map(|item| item.0).collect();
    assert_eq!(classes, [Class::Write, Class::Config]);
}

#[test]
fn what_a_call_does_its_method_tells() {
    let call = service(712, CALL);
    assert_eq!(items(&call), [(Class::Unknown, "ns=2;s=O ns=2;s=M".to_owned(), 0)]);
    let asked = command(&call).unwrap();
    assert_eq!((asked.class, asked.function), (Class::Unknown, 712));
    let acknowledge = service(712, "01000000 00 55 01 00 9723 00000000");
    assert_eq!(command(&acknowledge).unwrap().class, Class::Alarm);
}

#[test]
fn nodes_of_other_services() {
    let view = "00 00 0000000000000000 00000000 00000000";
    for (code, body, class) in [
        (
            527,
            format!("{view} 01000000 00 55 00000000 00 21 01 ff000000 3f000000"),
            Class::Discover,
        ),
        (554, "01000000 00 55 01000000 00 21 00 01 0200 01000000 41".to_owned(), Class::Discover),
        (560, "01000000 00 55".to_owned(), Class::Session),
        (566, "01000000 00 55".to_owned(), Class::Session),
        (
            664,
            "00 00 00 02000000 00 01000000 00 55 ffffffff 0000 ffffffff ffffffff".to_owned(),
            Class::Read,
        ),
        (700, "01000000 01 00 ad02 01 06000000 00 55 00000000".to_owned(), Class::Write),
        (
            751,
            "01000000 00000000 01000000 00 55 0d000000 ffffffff 0000 ffffffff 02000000 01000000 \
             0000000000000000 00 00 00 01000000 01"
                .to_owned(),
            Class::Subscribe,
        ),
        (
            488,
            "01000000 00 55 00 23 00 00 0200 01000000 41 02000000 00 00 00 00 3f".to_owned(),
            Class::Config,
        ),
        (494, "01000000 00 55 00 23 01 ffffffff 00 3f 01000000".to_owned(), Class::Config),
        (500, "01000000 00 55 01".to_owned(), Class::Config),
        (506, "01000000 00 55 00 23 01 00 3f 01".to_owned(), Class::Config),
    ] {
        let asked = service(code, &body);
        assert_eq!(items(&asked), [of(class, "i=85")], "{code}");
        let longer = service(code, &format!("{body} 00"));
        assert!(command(&longer).is_err(), "{code}: one byte over");
        let shorter = message(3, code, &hex(&body)[..hex(&body).len() - 1]);
        assert!(command(&shorter).is_err(), "{code}: one byte short");
    }
}

#[test]
fn who_uses_a_session() {
    let front = "ffffffff ffffffff 00000000 01000000 02000000 656e";
    let behind = "ffffffff ffffffff";
    let ask = |token: &str| service(467, &format!("{front} {token} {behind}"));
    let anonymous = ask("01 00 4101 01 05000000 01000000 61");
    let name = ask("01 00 4401 01 00000000");
    let certificate = ask("01 00 4701 01 0b000000 01000000 61 02000000 3082");
    let none = ask("00 00 00");
    for (pdu, word) in [
        (&anonymous, "anonymous"),
        (&name, "user-name"),
        (&certificate, "certificate"),
        (&none, "anonymous"),
    ] {
        assert_eq!(items(pdu), [(Class::Auth, word.to_owned(), 0)]);
    }
    let item = command(&certificate).unwrap().items.next().unwrap();
    let user = Target::Identity { token: Token::Certificate, certificate: &[0x30, 0x82] };
    assert_eq!((item.space, item.target), (Space::Identity, Some(user)));
    assert!(command(&ask("01 00 4801 01 00000000")).is_err(), "another token");
}

#[test]
fn services_without_items() {
    for (code, class, name) in [
        (422, Class::Discover, "find-servers"),
        (461, Class::Session, "create-session"),
        (826, Class::Subscribe, "publish"),
        (12211, Class::Config, "register-server-2"),
        (999, Class::Unknown, "unknown"),
    ] {
        let pdu = service(code, "0011");
        let asked = command(&pdu).unwrap();
        assert_eq!((asked.class, asked.name, asked.function), (class, name, code));
        assert_eq!(asked.items.count(), 1);
    }
}

/// An array without an element does nothing; it is still that service.
#[test]
fn nothing_to_do_is_judged_too() {
    for count in ["00000000", "ffffffff"] {
        let pdu = service(673, count);
        assert_eq!(command(&pdu).unwrap().class, Class::Write);
        assert_eq!(command(&pdu).unwrap().items.count(), 1);
    }
}

/// The type of a request in another encoding than stacks use.
#[test]
fn one_type_has_many_encodings() {
    let long = header(673);
    let sequence = [5_u32, 6, 3, 9].map(u32::to_le_bytes).concat();
    let body = [&hex("02 0000 a1020000")[..], &long[4..], &hex(WRITE)].concat();
    let pdu = chunk(b"MSGF", &[sequence, body].concat());
    assert_eq!(command(&pdu).unwrap().class, Class::Write);
}

#[test]
fn what_cannot_be_read_is_opaque() {
    let sequence = [5_u32, 6, 3, 9].map(u32::to_le_bytes).concat();
    for body in ["", "9a0e51c84f0f3c71", "01 01 7702", "06 00", "01 00 7702 00"] {
        let pdu = chunk(b"MSGF", &[&sequence[..], &hex(body)].concat());
        let asked = command(&pdu).unwrap();
        assert_eq!((asked.function, asked.class), (OPAQUE, Class::Unknown), "{body}");
    }
}

#[test]
fn what_contradicts_itself() {
    let inconsistent = Some(NotTheProtocol::Inconsistent);
    let more = format!("{WRITE} 00");
    let too_many = WRITE.replacen("01000000", "02000000", 1);
    for pdu in [
        service(673, &more),
        service(673, &too_many),
        service(631, &READ.replace("03 0200", "06 0200")),
        chunk(b"HELF", &hex("00000000 ffff0000 ffff0000 00000000 00000000 05000000 41424344")),
    ] {
        assert_eq!(command(&pdu).err(), inconsistent, "{pdu:02x?}");
    }
    assert_eq!(command(&service(446, "")).err(), Some(NotTheProtocol::Function));
    let close = service(631, READ);
    let close = [b"CLO", &close[3..]].concat();
    assert_eq!(command(&close).err(), Some(NotTheProtocol::Function), "a service in a CLO");
    for kind in [b"ACKF", b"ERRF", b"RHEF"] {
        assert_eq!(command(&chunk(kind, &[0; 20])).err(), Some(NotTheProtocol::Function));
    }
}

#[test]
fn requests_are_paired_by_their_identifier() {
    let (read, open) = (key(&service(631, READ)).unwrap(), key(&open("None", 1)).unwrap());
    assert_eq!((read.transaction, read.answered), (9, true));
    assert_ne!(read.function, open.function);
    assert_eq!(key(&hello()), key(&super::acknowledge()));
    assert_eq!(key(&chunk(b"ERRF", &[0; 8])), None);
    let close = service(452, "");
    assert!(!key(&[b"CLO", &close[3..]].concat()).unwrap().answered);
}
