//! Modbus: the parse contract, and refusals that are responses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wicketgate_dissectors::{Dialog, Direction, Field, Framed, Protocol, Refusal};

const MODBUS: Protocol = Protocol::Modbus;
const REFUSALS: [Refusal; 4] = [Refusal::Function, Refusal::Address, Refusal::Value, Refusal::Busy];

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while !rest.is_empty() {
        match MODBUS.frame(rest) {
            Ok(Framed::Whole(len)) => {
                assert!(len.get() <= MODBUS.max_pdu());
                let (pdu, more) = rest.split_at(len.get());
                prefixes_need_more(pdu);
                read(pdu);
                rest = more;
            }
            Ok(Framed::Need(len)) => {
                assert!(len > rest.len() && len <= MODBUS.max_pdu());
                break;
            }
            Err(_) => break,
        }
    }
    // Whatever is no PDU is read without panic as well.
    read(bytes);
});

/// What is a PDU is not refused, and not complete, before its last byte.
fn prefixes_need_more(pdu: &[u8]) {
    for len in 0..pdu.len() {
        assert!(matches!(MODBUS.frame(&pdu[..len]), Ok(Framed::Need(need)) if need > len));
    }
}

fn read(pdu: &[u8]) {
    if let Ok(command) = MODBUS.command(pdu) {
        assert_eq!(MODBUS.key(pdu).map(|key| key.function), Some(command.function));
        for item in command.items.clone() {
            let numbers = item.values.numbers(item.count).count();
            assert!(numbers <= item.count as usize);
        }
        assert!(command.items.count() < 64);
    }
    let _ = MODBUS.response(pdu);
    for direction in [Direction::ToServer, Direction::ToClient] {
        MODBUS.fields(pdu, direction, &mut |_: &'static str, _: Field<'_>| {});
    }
    for why in REFUSALS {
        let mut out = [0; 64];
        if let Some(len) = MODBUS.denial(pdu, &Dialog::NEW, why, &mut out) {
            assert_eq!(MODBUS.response(&out[..len]), Ok(()));
            let key = |pdu: &[u8]| MODBUS.key(pdu).map(|key| (key.transaction, key.function));
            assert_eq!(key(&out[..len]), key(pdu), "the refusal answers the request");
        }
    }
}
