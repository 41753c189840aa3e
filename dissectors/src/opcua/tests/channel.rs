use super::{READ, acknowledge, chunk, hello, hex, message, open, service};
use crate::opcua::channel::Channel;
use crate::opcua::command;
use crate::{Direction, NotTheProtocol};

use Direction::{ToClient, ToServer};

/// A channel without security, opened by chunk 1 of the client and chunk 51 of the server.
fn opened() -> Channel {
    let mut channel = Channel::NEW;
    for (direction, mut pdu) in [
        (ToServer, hello()),
        (ToClient, acknowledge()),
        (ToServer, open("None", 1)),
        (ToClient, opened_as(5, 51)),
    ] {
        channel.note(direction, &pdu);
        assert!(!channel.number(direction, &mut pdu), "as it came");
    }
    channel
}

/// The server's answer to an OPN: it calls the channel `id`.
fn opened_as(id: u32, number: u32) -> Vec<u8> {
    let mut pdu = open("None", number);
    pdu[8..12].copy_from_slice(&id.to_le_bytes());
    pdu
}

fn permitted(channel: &Channel, pdu: &[u8]) -> bool {
    let permitted = channel.permit(pdu, &command(pdu).unwrap());
    assert!(matches!(permitted, Ok(()) | Err(NotTheProtocol::Connection)));
    permitted.is_ok()
}

/// The number of a MSG.
fn number(pdu: &[u8]) -> u32 {
    u32::from_le_bytes(pdu[16..20].try_into().unwrap())
}

fn numbered(channel: &mut Channel, direction: Direction, came: u32) -> u32 {
    let mut pdu = message(came, 631, &hex(READ));
    assert_eq!(channel.number(direction, &mut pdu), number(&pdu) != came);
    number(&pdu)
}

#[test]
fn one_thing_comes_after_the_other() {
    let mut channel = Channel::NEW;
    let (read, close) = (service(631, READ), [b"CLO", &service(452, "")[3..]].concat());
    assert!(!permitted(&channel, &read) && !permitted(&channel, &open("None", 1)));
    channel.note(ToServer, &hello());
    assert!(!permitted(&channel, &hello()) && !permitted(&channel, &read));
    channel.note(ToServer, &open("None", 1));
    assert!(permitted(&channel, &read), "the server has not named it yet");
    channel.note(ToClient, &opened_as(5, 51));
    assert!(permitted(&channel, &read) && permitted(&channel, &opened_as(5, 2)));
    assert!(!permitted(&channel, &opened_as(7, 2)), "another channel");
    channel.note(ToClient, &opened_as(8, 52));
    assert!(!permitted(&channel, &read), "the channel of another name");
    channel.note(ToServer, &close);
    assert!(!permitted(&channel, &read) && !permitted(&channel, &open("None", 1)));
}

/// Without a policy a device reads what the gate cannot: a byte too many is no reason to let it pass.
#[test]
fn nothing_is_opaque_without_a_policy() {
    let sequence = [5_u32, 6, 3, 9].map(u32::to_le_bytes).concat();
    let opaque = chunk(b"MSGF", &[&sequence[..], &hex("9a0e51c8")].concat());
    assert!(!permitted(&opened(), &opaque));
    let mut secured = Channel::NEW;
    secured.note(ToServer, &hello());
    secured.note(ToServer, &open("Basic256Sha256", 1));
    assert!(permitted(&secured, &opaque));
    assert!(!permitted(&secured, &open("None", 2)), "a renewal keeps the policy");
    assert!(!permitted(&opened(), &open("Basic256Sha256", 2)));
}

#[test]
fn what_stays_behind_leaves_no_gap() {
    let mut channel = opened();
    assert_eq!(numbered(&mut channel, ToServer, 2), 2);
    channel.skip(ToServer, &mut message(3, 673, &[]));
    channel.skip(ToServer, &mut message(4, 673, &[]));
    assert_eq!([5, 6].map(|came| numbered(&mut channel, ToServer, came)), [3, 4]);
    assert_eq!(numbered(&mut channel, ToServer, 8), 6, "a gap of the sender's own stays one");
    let mut renewal = opened_as(5, 9);
    assert!(channel.number(ToServer, &mut renewal));
    assert_eq!(renewal, opened_as(5, 7), "an OPN has its number elsewhere");
    assert_eq!(numbered(&mut channel, ToClient, 52), 52, "the other direction is its own");
}

#[test]
fn what_is_put_in_takes_a_number() {
    let mut channel = opened();
    let mut stamped = |came: Option<u32>| match came {
        Some(came) => numbered(&mut channel, ToClient, came),
        None => {
            let mut refusal = message(0, 397, &[]);
            channel.stamp(&mut refusal);
            number(&refusal)
        }
    };
    let all = [Some(52), None, None, Some(53), None, Some(54)].map(&mut stamped);
    assert_eq!(all, [52, 53, 54, 55, 56, 57]);
}

/// Numbers begin anew above 4,294,966,271, at a number below 1024 (6.7.2.4), whoever's turn it is.
#[test]
fn numbers_begin_anew() {
    let last = u32::MAX - 1024;
    let mut same = opened();
    for came in [last, last + 700, 5, 6] {
        assert_eq!(numbered(&mut same, ToServer, came), came, "as it came");
    }
    let mut behind = opened();
    assert_eq!(numbered(&mut behind, ToServer, last - 1), last - 1);
    behind.skip(ToServer, &mut message(last, 673, &[]));
    let came = [last + 1, last + 2, 3, 4];
    let left = came.map(|came| numbered(&mut behind, ToServer, came));
    assert_eq!(left, [last, last + 1, 1, 2], "no gap, and below 1024 again");
}

#[test]
fn a_secured_channel_is_left_as_it_is() {
    let mut channel = Channel::NEW;
    channel.note(ToServer, &hello());
    channel.note(ToServer, &open("Basic256Sha256", 1));
    channel.skip(ToServer, &mut message(3, 673, &[]));
    assert_eq!(numbered(&mut channel, ToServer, 77), 77);
    let mut refusal = message(0, 397, &[]);
    channel.stamp(&mut refusal);
    assert_eq!(number(&refusal), 0);
}

#[test]
fn nothing_is_put_between_the_chunks_of_a_response() {
    let mut channel = opened();
    let mut first = service(634, "");
    assert!(channel.may_interject());
    first[3] = b'C';
    channel.note(ToClient, &first);
    assert!(!channel.may_interject());
    for place in [b'F', b'A'] {
        channel.note(ToClient, &first);
        let mut last = first.clone();
        last[3] = place;
        channel.note(ToClient, &last);
        assert!(channel.may_interject());
    }
}
