use super::*;
use crate::s7comm::{command, key};
use crate::{Class, NotTheProtocol, Space};

/// Class, name, function and code below it.
fn told(pdu: &[u8]) -> (Class, &'static str, u16, Option<u16>) {
    let command = command(pdu).unwrap();
    (command.class, command.name, command.function, command.sub)
}

#[test]
fn every_job_has_its_class() {
    let file = "00 0000 00000000 09 5f30413030303031 50";
    let block = "000000000000fd 000a 0100 3041303030303150";
    for (pdu, class, name) in [
        (job("f0 00 0001 0001 01e0", ""), Class::Session, "setup-communication"),
        (job(READ, ""), Class::Read, "read-var"),
        (job(&READ.replacen("04", "05", 1), "00 04 0010 1234"), Class::Write, "write-var"),
        (
            job(&format!("1a{file} 0d31303030303338303030303338"), ""),
            Class::ProgramWrite,
            "request-download",
        ),
        (message(3, &hex("1b 00"), &hex("0002 00fb 7070")), Class::ProgramWrite, "download-block"),
        (message(3, &hex("1c"), &[]), Class::ProgramWrite, "download-ended"),
        (job(&format!("1d{file}"), ""), Class::ProgramRead, "start-upload"),
        (job("1e 00 0000 00000007", ""), Class::ProgramRead, "upload"),
        (job("1f 00 0000 00000007", ""), Class::ProgramRead, "end-upload"),
        (job(&format!("28 {block} 05 5f494e5345"), ""), Class::ProgramWrite, "insert-block"),
        (job(&format!("28 {block} 05 5f44454c45"), ""), Class::ProgramWrite, "delete-block"),
        (
            job("28 000000000000fd 0002 4550 05 5f4d4f4455", ""),
            Class::ProgramWrite,
            "copy-ram-to-rom",
        ),
        (job("28 000000000000fd 0000 05 5f47415242", ""), Class::ProgramWrite, "compress-memory"),
        (job("28 000000000000fd 0000 09 505f50524f4752414d", ""), Class::Mode, "plc-start"),
        (job("28 000000000000fd 0002 4320 09 505f50524f4752414d", ""), Class::Mode, "plc-start"),
        (
            job("28 000000000000fd 0000 09 5f4e5f465f44454c45", ""),
            Class::FileWrite,
            "nc-file-delete",
        ),
        (job("29 0000000000 09 505f50524f4752414d", ""), Class::Mode, "plc-stop"),
    ] {
        let told = told(&pdu);
        assert_eq!((told.0, told.1), (class, name));
    }
}

#[test]
fn what_is_not_known_is_unknown_with_its_code() {
    assert_eq!(told(&job("2a", "")), (Class::Unknown, "unknown", 0x2a, None));
    let other = job("28 000000000000fd 0000 05 5f58595a5f", "");
    assert_eq!(told(&other), (Class::Unknown, "unknown", 0x28, None));
    assert_eq!(told(&userdata("0799", "")), (Class::Unknown, "unknown", 0x107, Some(0x99)));
}

/// Nothing that a rule for functions means: only a device asks for blocks, and nobody asked the client.
#[test]
fn what_is_no_request_of_a_client_is_no_function() {
    for pdu in [
        message(3, &hex("04 01"), &hex("ff 04 0010 1234")),
        job("1b 00", ""),
        message(2, &[], &[]),
        message(7, &hex("000112 08 12 84 01 01 00 00 0000"), &hex("0a000000")),
    ] {
        let (class, _, function, _) = told(&pdu);
        assert_eq!((class, function), (Class::Unknown, 0x300));
    }
}

#[test]
fn a_connection_says_what_it_is_for() {
    for (tsap, role) in [("0102", 1), ("0200", 2), ("0301", 3), ("1234", 0)] {
        let pdu = hex(&CONNECT.replace("c2020102", &format!("c202{tsap}")));
        let item = command(&pdu).unwrap().items.next().unwrap();
        assert_eq!((item.space, item.start), (Space::Role, role), "{tsap}");
        assert_eq!(told(&pdu), (Class::Session, "connect", 0xf0, Some(0xe0)));
    }
    let root = |name: &str| {
        let tsap = [b"SIMATIC-ROOT-", name.as_bytes()].concat();
        let length = 6 + 2 + 2 + u8::try_from(tsap.len()).unwrap();
        let tsap_length = u8::try_from(tsap.len()).unwrap();
        let front = [3, 0, 0, length + 5, length, 0xe0, 0, 0, 0, 1, 0, 0xc1, 0, 0xc2, tsap_length];
        [&front[..], &tsap].concat()
    };
    for (name, role) in [("HMI", 4), ("ES", 5), ("OTHER", 0)] {
        assert_eq!(command(&root(name)).unwrap().items.next().unwrap().start, role, "{name}");
    }
    let class = CONNECT.replace("0001 00 c0", "0001 20 c0");
    assert_eq!(command(&hex(&class)).unwrap_err(), NotTheProtocol::Value, "class 2");
}

#[test]
fn cut_into_fragments_a_command_is_the_same() {
    let write = job(&READ.replacen("04", "05", 1), "00 04 0010 1234");
    let bytes = &write[7..];
    for at in 0..=bytes.len() {
        let cut = [fragment(&bytes[..at], false), fragment(&bytes[at..], true)].concat();
        assert_eq!(told(&cut), told(&write), "{at}");
        let one = command(&cut).unwrap().items.next().unwrap();
        let other = command(&write).unwrap().items.next().unwrap();
        assert_eq!((one.space, one.start, one.count), (other.space, other.start, other.count));
    }
    let each: Vec<u8> = bytes.chunks(3).flat_map(|piece| fragment(piece, false)).collect();
    assert_eq!(told(&[each, fragment(&[], true)].concat()), told(&write));
}

#[test]
fn lengths_that_are_not_those_of_the_parts_are_refused() {
    let read = hex(READ);
    for (parameters, values) in [(13_u16, 0_u16), (15, 0), (14, 1), (200, 0)] {
        let head = [&[0x32, 1, 0, 0, 1, 2][..], &parameters.to_be_bytes(), &values.to_be_bytes()];
        let pdu = data(&[&head.concat()[..], &read].concat());
        assert!(command(&pdu).is_err(), "{parameters} {values}");
    }
    for parameters in ["", "29 00", "28 00", "1a 00", "1d 00 0000 00000000 0a 5f", "04"] {
        assert!(command(&job(parameters, "")).is_err(), "{parameters}");
    }
    assert!(command(&data(&hex("3201"))).is_err());
    assert!(command(&data(&hex("3204 0000 0001 0000 0000"))).is_err(), "ROSCTR 4");
}

#[test]
fn what_cannot_be_read_is_opaque() {
    let tls = data(&hex("16 0301 0200 01"));
    assert_eq!(told(&tls), (Class::Unknown, "opaque", 0x600, None));
    assert_eq!(told(&data(&[])), (Class::Session, "keep-alive", 0xf0, Some(0xf1)));
}

#[test]
fn references_pair_requests_and_responses() {
    let pair = |request: &[u8], response: &[u8]| {
        let (asked, told) = (key(request).unwrap(), key(response).unwrap());
        assert!(asked.answered && !told.answered);
        (asked.transaction, asked.function) == (told.transaction, told.function)
    };
    let read = job(READ, "");
    assert!(pair(&read, &message(3, &hex("04 01"), &hex("ff 04 0010 1234"))));
    assert!(pair(&read, &message(2, &[], &[])), "refused without a function");
    let szl = userdata("0401", "ff 09 0004 0011 0000");
    assert!(pair(&szl, &message(7, &hex("000112 08 12 84 01 01 00 00 0000"), &hex("0a000000"))));
    assert!(pair(&hex(CONNECT), &hex(CONFIRM)));
    assert!(!pair(&hex(CONNECT), &message(3, &hex("04 01"), &[])));
    assert!(!key(&message(3, &hex("1b 00"), &[])).unwrap().answered);
}
