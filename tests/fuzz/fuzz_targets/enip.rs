//! EtherNet/IP: the parse contract, the bounds of nesting, and refusals that are responses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wicketgate_dissectors::enip::denial::LONGEST;
use wicketgate_dissectors::enip::frame::HEADER;
use wicketgate_dissectors::enip::io::{Datagram, answered, asked};
use wicketgate_dissectors::enip::nested::MAX_SERVICES;
use wicketgate_dissectors::{Dialog, Direction, Field, Framed, Protocol, Refusal};

const ENIP: Protocol = Protocol::Enip;
const REFUSALS: [Refusal; 3] = [Refusal::Function, Refusal::Busy, Refusal::Multicast];

fuzz_target!(|bytes: &[u8]| {
    let (mut rest, mut dialog) = (bytes, Dialog::NEW);
    while !rest.is_empty() {
        match ENIP.frame(rest) {
            Ok(Framed::Whole(len)) => {
                assert!(len.get() <= ENIP.max_pdu());
                let (pdu, more) = rest.split_at(len.get());
                prefixes_need_more(pdu);
                read(pdu, &mut dialog);
                rest = more;
            }
            Ok(Framed::Need(len)) => {
                assert!(len > rest.len() && len <= ENIP.max_pdu());
                break;
            }
            Err(_) => break,
        }
    }
    // Whatever is no PDU is read without panic as well.
    read(bytes, &mut dialog);
});

/// What is a PDU is not refused, and not complete, before its last byte.
fn prefixes_need_more(pdu: &[u8]) {
    for len in 0..pdu.len() {
        assert!(matches!(ENIP.frame(&pdu[..len]), Ok(Framed::Need(need)) if need > len));
    }
}

fn read(pdu: &[u8], dialog: &mut Dialog) {
    if let Ok(command) = ENIP.command(pdu) {
        let _ = dialog.permit(&command, pdu);
        let items = command.items.clone().count();
        assert!((1..=2 * usize::from(MAX_SERVICES)).contains(&items));
        let heaviest = command.items.map(|item| item.class.weight()).max();
        assert_eq!(heaviest, Some(command.class.weight()), "the heaviest decides");
    }
    let _ = (ENIP.response(pdu), Datagram::read(pdu), asked(pdu), answered(pdu));
    let mut translated = pdu.to_vec();
    let changed =
        ENIP.translate(&mut translated, [100, 64, 10, 20].into(), [192, 168, 20, 7].into());
    assert!(changed == (translated != pdu) && !(changed && ENIP.is_plain(pdu)));
    for direction in [Direction::ToServer, Direction::ToClient] {
        ENIP.fields(pdu, direction, &mut |_: &'static str, _: Field<'_>| {});
        dialog.note(ENIP, direction, pdu);
    }
    for why in REFUSALS {
        let mut out = [0; LONGEST];
        if let Some(len) = ENIP.denial(pdu, dialog, why, &mut out) {
            assert_eq!(ENIP.response(&out[..len]), Ok(()));
            let key = |pdu: &[u8]| ENIP.key(pdu).map(|key| (key.transaction, key.function));
            // A refusal by the encapsulation bears no sequence count.
            let bare = len == HEADER;
            assert!(bare || key(&out[..len]) == key(pdu), "the refusal answers the request");
        }
    }
}
