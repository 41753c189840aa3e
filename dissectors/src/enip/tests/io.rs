use super::{
    CLOSED, FORWARD_CLOSE, FORWARD_OPEN, IO_OPEN, OPENED, READ_TAG, connected, hex, packet, ucmm,
    unconnected, wrapped,
};
use crate::enip::IO_PORT;
use crate::enip::denial::INVALID_NETWORK_CONNECTION_TYPE;
use crate::enip::io::{Answered, Asked, Datagram, Opened, Outcome, answered, asked, is_plain};
use crate::enip::open::{Kind, Triad, Way};

const LARGE_IO_OPEN: &str = "5b 02 2006 2401 0a 0e 00000000 01007777 4242 3713 cdab0000 02 000000 \
    10270000 0a000048 204e0000 06000048 01 04 2004 2497 2c96 2c64";
const IO_OPENED: &str = "d4 00 00 00 00100000 01007777 4242 3713 cdab0000 10270000 204e0000 00 00";
const TRIAD: Triad = Triad { connection: 0x4242, vendor: 0x1337, originator: 0xabcd };

#[test]
fn a_datagram_is_two_items_and_nothing_more() {
    let whole = "0200 0280 0800 33221100 07000000 b100 0400 01020304";
    let datagram = Datagram { connection: 0x0011_2233, sequence: 7, length: 4 };
    assert_eq!(Datagram::read(&hex(whole)), Some(datagram));
    let empty = Datagram { length: 0, ..datagram };
    assert_eq!(Datagram::read(&hex("0200 0280 0800 33221100 07000000 b100 0000")), Some(empty));
    for other in [
        whole.replace("0200 0280", "0300 0280"),
        whole.replace("0280 0800", "0280 0600"),
        whole.replace("b100", "b200"),
        whole.replace("0400 01", "0500 01"),
        whole.replace("0400 01", "0300 01"),
        format!("{whole} 00"),
        String::new(),
    ] {
        assert_eq!(Datagram::read(&hex(&other)), None, "{other}");
    }
}

#[test]
fn a_forward_open_says_what_is_to_travel() {
    for (open, size) in [(IO_OPEN, 10), (LARGE_IO_OPEN, 10)] {
        for pdu in [ucmm(open), unconnected(&wrapped(&hex(open))), connected(7, &hex(open))] {
            let Some(Asked::Open(opening)) = asked(&pdu) else { panic!("{open}") };
            assert_eq!((opening.triad, opening.to_originator), (TRIAD, 0x7777_0001));
            let way = |interval, size| Way { interval, kind: Kind::PointToPoint, size };
            assert_eq!(opening.ways, [way(10_000, size), way(20_000, 6)]);
            assert_eq!((opening.multiplier, opening.port), (16, IO_PORT));
            assert!(!opening.is_multicast());
        }
    }
    let class_0 = IO_OPEN.replace(" 01 04 2004", " 00 04 2004");
    assert!(matches!(asked(&ucmm(&class_0)), Some(Asked::Open(_))));
    assert_eq!(asked(&ucmm(FORWARD_OPEN)), None, "messages go over class 3");
    assert_eq!(asked(&ucmm(READ_TAG)), None);
    assert_eq!(asked(&ucmm(FORWARD_CLOSE)), Some(Asked::Close(TRIAD)));
    let many = IO_OPEN.replace("0648", "0628");
    let Some(Asked::Open(opening)) = asked(&ucmm(&many)) else { panic!() };
    assert!(opening.is_multicast());
    assert_eq!(INVALID_NETWORK_CONNECTION_TYPE, [0x123, 0x124]);
}

#[test]
fn its_answer_says_what_was_opened() {
    let opened = Opened { ids: [0x1000, 0x7777_0001], intervals: [10_000, 20_000], port: IO_PORT };
    let expected = Answered { triad: TRIAD, outcome: Outcome::Opened(opened) };
    assert_eq!(answered(&ucmm(IO_OPENED)), Some(expected));
    let refused = Answered { triad: TRIAD, outcome: Outcome::Failed };
    assert_eq!(answered(&ucmm("d4 00 01 01 0001 4242 3713 cdab0000 00 00")), Some(refused));
    let closed = Answered { triad: TRIAD, outcome: Outcome::Closed };
    assert_eq!(answered(&ucmm(CLOSED)), Some(closed));
    assert_eq!(answered(&ucmm("ce 00 01 01 0701 4242 3713 cdab0000 00 00")), None, "refused");
    assert_eq!(answered(&ucmm("ce 00 00 00 4242 3713 cdab00")), None, "of a tag that was modified");
    assert_eq!(answered(&ucmm(IO_OPEN)), None);
}

/// ENIP 3-3.9: where data are to be sent, if not to port 2222.
#[test]
fn socket_address_items_say_ports() {
    let with = |message: &str, kind: &str, port: &str| {
        let message = hex(message);
        let length = (message.len() as u16).to_le_bytes();
        let front = [&hex("00000000 0500 0300 0000 0000 b200")[..], &length, &message].concat();
        let socket = hex(&format!("{kind} 1000 0002 {port} 00000000 0000000000000000"));
        packet(0x6f, &[front, socket].concat())
    };
    let port = |pdu: &[u8]| match asked(pdu) {
        Some(Asked::Open(opening)) => opening.port,
        _ => panic!(),
    };
    assert_eq!(port(&with(IO_OPEN, "0180", "0bb8")), 3000);
    assert_eq!(port(&with(IO_OPEN, "0180", "0000")), IO_PORT);
    assert_eq!(port(&with(IO_OPEN, "0080", "0bb8")), IO_PORT, "the device's own");
    let Some(answered) = answered(&with(IO_OPENED, "0080", "0bb8")) else { panic!() };
    assert!(matches!(answered.outcome, Outcome::Opened(Opened { port: 3000, .. })));
}

#[test]
fn what_concerns_more_than_its_flow_is_not_plain() {
    let read_fragmented = READ_TAG.replacen("4c", "52", 1);
    let modify = READ_TAG.replacen("4c", "4e", 1);
    for plain in [READ_TAG, &read_fragmented, &modify, "d2 00 00 00", "ce 00 00 00", "cc 00 00 00"]
    {
        assert!(is_plain(&ucmm(plain)), "{plain}");
        assert!(is_plain(&connected(7, &hex(plain))), "{plain}");
    }
    for other in [FORWARD_OPEN, IO_OPEN, LARGE_IO_OPEN, IO_OPENED, OPENED, FORWARD_CLOSE, CLOSED] {
        assert!(!is_plain(&ucmm(other)) && !is_plain(&connected(7, &hex(other))), "{other}");
    }
    assert!(!is_plain(&unconnected(&wrapped(&hex(IO_OPEN)))));
    // The Connection Manager behind a name.
    for (named, service) in [(wrapped(&hex(IO_OPEN)), 0x52), (hex(FORWARD_CLOSE), 0x4e)] {
        let front = [service, 4, 0x91, 1, b'T', 0, 0x20, 6, 0x24, 1];
        let named = unconnected(&[&front, named.get(6..).unwrap()].concat());
        assert!(asked(&named).is_some() && !is_plain(&named), "{named:02x?}");
    }
    assert!(!is_plain(&packet(0x63, &[])) && !is_plain(&[]));
}
