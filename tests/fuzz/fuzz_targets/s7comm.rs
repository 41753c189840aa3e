//! S7comm and S7comm-plus: the parse contract, bounded items, and refusals that are responses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wicketgate_dissectors::s7comm::denial::LONGEST;
use wicketgate_dissectors::{Dialog, Direction, Field, Framed, Protocol, Refusal};

const S7: Protocol = Protocol::S7comm;
/// Items of one job: their number is a byte; addresses of S7comm-plus.
const MOST: usize = 256;
const REFUSALS: [Refusal; 2] = [Refusal::Function, Refusal::Busy];

fuzz_target!(|bytes: &[u8]| {
    let (mut rest, mut dialog) = (bytes, Dialog::NEW);
    while !rest.is_empty() {
        match S7.frame(rest) {
            Ok(Framed::Whole(len)) => {
                assert!(len.get() <= S7.max_pdu());
                let (pdu, more) = rest.split_at(len.get());
                prefixes_need_more(pdu);
                read(pdu, &mut dialog);
                rest = more;
            }
            Ok(Framed::Need(len)) => {
                assert!(len > rest.len() && len <= S7.max_pdu() + 7);
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
        assert!(matches!(S7.frame(&pdu[..len]), Ok(Framed::Need(need)) if need > len));
    }
}

fn read(pdu: &[u8], dialog: &mut Dialog) {
    if let Ok(command) = dialog.command(S7, pdu) {
        let _ = dialog.permit(&command, pdu);
        let items = command.items.clone().count();
        assert!((1..=MOST).contains(&items));
        let heaviest = command.items.map(|item| item.class.weight()).max();
        assert!(heaviest <= Some(command.class.weight()), "the heaviest decides");
    }
    let _ = S7.response(pdu);
    for direction in [Direction::ToServer, Direction::ToClient] {
        S7.fields(pdu, direction, &mut |_: &'static str, _: Field<'_>| {});
        dialog.note(S7, direction, pdu);
    }
    for why in REFUSALS {
        let mut out = [0; LONGEST];
        if let Some(len) = S7.denial(pdu, dialog, why, &mut out) {
            assert_eq!(S7.response(&out[..len]), Ok(()));
            let key = |pdu: &[u8]| S7.key(pdu).map(|key| (key.transaction, key.function));
            // A disconnect request answers whatever it was.
            let ends = out[5] == 0x80;
            assert!(ends || key(&out[..len]) == key(pdu), "the refusal answers the request");
        }
    }
}
