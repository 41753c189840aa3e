use super::{
    FORWARD_CLOSE, FORWARD_OPEN, OPENED, READ_TAG, connected, hex, ucmm, unconnected, wrapped,
};
use crate::enip::Connections;
use crate::{Direction, NotTheProtocol};

const TO_TARGET: u32 = 0x1000;
const TO_ORIGINATOR: u32 = 0x7777_0001;

fn opened() -> Connections {
    let mut connections = Connections::NONE;
    connections.note(Direction::ToServer, &ucmm(FORWARD_OPEN));
    connections.note(Direction::ToClient, &ucmm(OPENED));
    connections
}

fn permits(connections: &Connections) -> bool {
    connections.permit(&connected(TO_TARGET, &hex(READ_TAG))).is_ok()
}

#[test]
fn a_connection_carries_messages_from_its_answer_to_its_close() {
    let mut connections = Connections::NONE;
    let refused = connections.permit(&connected(TO_TARGET, &hex(READ_TAG)));
    assert_eq!(refused, Err(NotTheProtocol::Connection));
    connections.note(Direction::ToServer, &ucmm(FORWARD_OPEN));
    assert!(!permits(&connections), "asked for, not answered");
    connections.note(Direction::ToClient, &ucmm(OPENED));
    assert!(permits(&connections));
    assert_eq!(connections.to_originator(TO_TARGET), Some(TO_ORIGINATOR));
    assert!(connections.permit(&connected(TO_TARGET + 1, &hex(READ_TAG))).is_err());
    connections.note(Direction::ToServer, &ucmm(FORWARD_CLOSE));
    assert!(!permits(&connections));
}

#[test]
fn what_is_not_connected_needs_none() {
    assert!(Connections::NONE.permit(&ucmm(READ_TAG)).is_ok());
}

#[test]
fn an_opening_may_be_wrapped() {
    let mut connections = Connections::NONE;
    connections.note(Direction::ToServer, &unconnected(&wrapped(&hex(FORWARD_OPEN))));
    connections.note(Direction::ToClient, &ucmm(OPENED));
    assert!(permits(&connections));
}

#[test]
fn only_an_answer_to_what_was_asked_opens() {
    let mut connections = Connections::NONE;
    connections.note(Direction::ToClient, &ucmm(OPENED));
    assert!(!permits(&connections), "nobody asked");
    connections.note(Direction::ToServer, &ucmm(FORWARD_OPEN));
    connections.note(Direction::ToClient, &ucmm(&OPENED.replace("4242", "4243")));
    assert!(!permits(&connections), "another one");
    connections.note(Direction::ToClient, &ucmm("d4 00 01 01 0001 4242 3713 cdab0000 00 00"));
    assert!(!permits(&connections), "refused");
    connections.note(Direction::ToServer, &ucmm(OPENED));
    assert!(!permits(&connections), "by the client itself");
}

/// Data of a connection to another object are of that object's own making.
#[test]
fn only_messages_to_the_message_router_can_be_judged() {
    for (path, right) in [("2002 2401", true), ("20a3 2401", false), ("2002 2402", false)] {
        let mut connections = Connections::NONE;
        let open = FORWARD_OPEN.replace("02 2002 2401", &format!("02 {path}"));
        connections.note(Direction::ToServer, &ucmm(&open));
        connections.note(Direction::ToClient, &ucmm(OPENED));
        assert_eq!(permits(&connections), right, "{path}");
    }
    let mut connections = Connections::NONE;
    connections.note(Direction::ToServer, &ucmm(&FORWARD_OPEN.replace("a3 02", "01 02")));
    connections.note(Direction::ToClient, &ucmm(OPENED));
    assert!(!permits(&connections), "an I/O connection carries no messages");
}

/// A success is for what it answers, not for what had the same name and was refused, or is answered later.
#[test]
fn a_success_opens_no_other_of_the_same_name() {
    let elsewhere = FORWARD_OPEN.replace("02 2002 2401", "02 20a3 2401");
    let refused = "d4 00 01 01 0001 4242 3713 cdab0000 00 00";
    let [ask, ask_elsewhere] =
        [FORWARD_OPEN, &elsewhere].map(|open| (Direction::ToServer, ucmm(open)));
    let [fails, opens] = [refused, OPENED].map(|reply| (Direction::ToClient, ucmm(reply)));
    let close = (Direction::ToServer, ucmm(FORWARD_CLOSE));
    for said in [
        [&ask_elsewhere, &close, &ask, &opens],
        [&ask, &fails, &ask_elsewhere, &opens],
        [&ask, &ask_elsewhere, &fails, &opens],
        [&ask_elsewhere, &ask, &opens, &fails],
    ] {
        let mut connections = Connections::NONE;
        said.iter().for_each(|(direction, pdu)| connections.note(*direction, pdu));
        assert!(!permits(&connections), "{said:?}");
    }
    let mut connections = Connections::NONE;
    for (direction, pdu) in [&ask_elsewhere, &fails, &ask, &opens] {
        connections.note(*direction, pdu);
    }
    assert!(permits(&connections), "one after the other");
}

/// A connection that was silent too long is over at the device, without a word.
#[test]
fn an_identifier_is_the_last_ones_that_the_device_gave_it_to() {
    for path in ["a3 02 20a3 2401", "01 02 20a3 2401"] {
        let mut connections = opened();
        let elsewhere = FORWARD_OPEN.replace("a3 02 2002 2401", path).replace("4242", "4243");
        connections.note(Direction::ToServer, &ucmm(&elsewhere));
        assert!(permits(&connections));
        connections.note(Direction::ToClient, &ucmm(&OPENED.replace("4242", "4243")));
        assert!(!permits(&connections), "{path}");
    }
}

#[test]
fn of_too_many_the_oldest_is_forgotten() {
    let mut connections = opened();
    for serial in 1..=Connections::MOST as u16 {
        assert!(permits(&connections), "before {serial}");
        let [low, high] = serial.to_le_bytes();
        let open = FORWARD_OPEN.replace("4242", &format!("{low:02x}{high:02x}"));
        connections.note(Direction::ToServer, &ucmm(&open));
    }
    assert!(!permits(&connections));
}

#[test]
fn a_flow_needs_so_much_memory() {
    assert!(size_of::<Connections>() <= 400, "{}", size_of::<Connections>());
}
