//! OPC UA: the parse contract, values in values, numbers of chunks, and refusals that are responses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wicketgate_dissectors::enip::denial::LONGEST;
use wicketgate_dissectors::opcua::MAX_CHUNK;
use wicketgate_dissectors::{Dialog, Direction, Field, Framed, Portion, Protocol, Refusal};

const OPCUA: Protocol = Protocol::Opcua;
const BOTH: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

fuzz_target!(|bytes: &[u8]| {
    let (mut rest, mut dialog) = (bytes, Dialog::NEW);
    while !rest.is_empty() {
        match OPCUA.frame(rest) {
            Ok(Framed::Whole(len)) => {
                let (pdu, more) = rest.split_at(len.get());
                prefixes_need_more(pdu);
                read(pdu, &mut dialog);
                rest = more;
            }
            Ok(Framed::Need(len)) => {
                assert!(len > rest.len() && len <= MAX_CHUNK);
                break;
            }
            Err(_) => break,
        }
    }
    // Whatever is no PDU is read without panic as well.
    read(bytes, &mut dialog);
    join(bytes);
});

/// What is joined of several chunks is one.
fn join(bytes: &[u8]) {
    let mut out = vec![0; bytes.len()];
    if let Ok(len) = OPCUA.join(bytes, &mut out) {
        assert!(matches!(OPCUA.frame(&out[..len]), Ok(Framed::Whole(all)) if all.get() == len));
        assert_eq!(OPCUA.key(&out[..len]), OPCUA.key(bytes));
        let _ = OPCUA.command(&out[..len]);
    }
}

/// What is a chunk is not refused, and not complete, before its last byte; nor is what is held of it.
fn prefixes_need_more(pdu: &[u8]) {
    let (dialog, room) = (Dialog::NEW, OPCUA.max_pdu());
    for len in 0..pdu.len() {
        assert!(matches!(OPCUA.frame(&pdu[..len]), Ok(Framed::Need(need)) if need > len));
        for direction in BOTH {
            match dialog.portion(OPCUA, direction, &pdu[..len], room) {
                Ok(Portion::Need(need)) => assert!(need > len && need <= room + 8),
                Ok(Portion::Front { front, len: all }) => {
                    assert!(front.get() <= len && all == pdu.len());
                }
                Ok(Portion::TooLong { front, len: all }) => {
                    assert!(front.get() <= len && all == pdu.len());
                    assert_eq!(direction, Direction::ToServer);
                }
                other => unreachable!("before its last byte: {other:?}"),
            }
        }
    }
}

fn read(pdu: &[u8], dialog: &mut Dialog) {
    if let Ok(command) = OPCUA.command(pdu) {
        assert!((1..pdu.len()).contains(&command.items.clone().count()));
        let heaviest = command.items.clone().map(|item| item.class.weight()).max();
        assert_eq!(heaviest, Some(command.class.weight()), "the heaviest decides");
        command.items.clone().for_each(|item| drop(item.label().to_string()));
        let _ = dialog.permit(&command, pdu);
    }
    let _ = (OPCUA.response(pdu), dialog.command(OPCUA, pdu).is_ok());
    for why in [Refusal::Function, Refusal::Address, Refusal::Busy] {
        let mut out = [0; LONGEST];
        if let Some(len) = OPCUA.denial(pdu, dialog, why, &mut out) {
            dialog.clone().stamp(&mut out[..len]);
            assert_eq!(OPCUA.response(&out[..len]), Ok(()));
            let key = OPCUA.key(&out[..len]);
            assert!(key.is_none() || key == OPCUA.key(pdu), "the refusal answers the request");
        }
    }
    let mut copy = pdu.to_vec();
    for direction in BOTH {
        OPCUA.fields(pdu, direction, &mut |_: &'static str, _: Field<'_>| {});
        dialog.note(OPCUA, direction, pdu);
        dialog.skip(direction, &mut copy);
        dialog.number(direction, &mut copy);
    }
    let changed = copy.iter().zip(pdu).filter(|(new, old)| new != old).count();
    assert!(
        copy.len() == pdu.len() && changed <= 4 * pdu.len().div_ceil(8),
        "only numbers are changed"
    );
}
