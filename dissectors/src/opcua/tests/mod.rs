//! Tests from the bytes of the specification and of real stacks, every limit from both sides.

mod channel;
mod command;
mod denial;
mod encoding;
mod fields;
mod frame;
mod properties;
mod response;

use super::POLICY_PREFIX;

/// The bytes of a hex string; spaces are for the reader.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap().to_le_bytes()
}

/// A string, or anything else with its length.
fn string(bytes: &[u8]) -> Vec<u8> {
    [&length(bytes)[..], bytes].concat()
}

/// A chunk of this kind, `MSGF`.
fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + body.len()).unwrap().to_le_bytes();
    [&kind[..], &size, body].concat()
}

fn hello() -> Vec<u8> {
    let url = string(b"opc.tcp://10.0.0.1:4840/");
    chunk(b"HELF", &[&hex("00000000 ffff0000 ffff0000 00000000 00000000")[..], &url].concat())
}

fn acknowledge() -> Vec<u8> {
    chunk(b"ACKF", &hex("00000000 ffff0000 ffff0000 00000100 10000000"))
}

/// Type and header of a request of session `i=1`, with handle 0x2a.
fn header(service: u16) -> Vec<u8> {
    let kind = [&[1, 0][..], &service.to_le_bytes()].concat();
    [&kind[..], &hex("0001 0011223344556677 2a000000 00000000 ffffffff e8030000 000000")].concat()
}

/// An OPN of this policy: without one with its body, with one with bytes that stand for what is encrypted.
fn open(policy: &str, number: u32) -> Vec<u8> {
    let policy = string(&[POLICY_PREFIX, policy.as_bytes()].concat());
    let null = hex("ffffffff");
    let sequence = [number.to_le_bytes(), 1_u32.to_le_bytes()].concat();
    let body = hex("00000000 00000000 01000000 ffffffff 80ee3600");
    chunk(b"OPNF", &[&[0; 4][..], &policy, &null, &null, &sequence, &header(446), &body].concat())
}

/// A service on channel 5 with token 6: chunk `number`, request 9.
fn message(number: u32, service: u16, body: &[u8]) -> Vec<u8> {
    let sequence = [5, 6, number, 9].map(u32::to_le_bytes).concat();
    chunk(b"MSGF", &[&sequence, &header(service), body].concat())
}

/// The same with a body in hex.
fn service(service: u16, body: &str) -> Vec<u8> {
    message(3, service, &hex(body))
}

/// Reads the value of `ns=2;s=A` and of `i=2258`.
const READ: &str = "0000000000000000 02000000 02000000 \
     03 0200 01000000 41 0d000000 ffffffff 0000 ffffffff \
     01 00 d208 0d000000 ffffffff 0000 ffffffff";

/// Writes 700, an Int32, to the value of `ns=2;s=A`.
const WRITE: &str = "01000000 03 0200 01000000 41 0d000000 ffffffff 01 06 bc020000";

/// Calls the method `ns=2;s=M` of `ns=2;s=O` with one argument.
const CALL: &str = "01000000 03 0200 01000000 4f 03 0200 01000000 4d 01000000 06 01000000";
