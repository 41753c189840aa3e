//! Tests from the bytes of real tools and controllers, every limit from both sides.

mod blocks;
mod command;
mod denial;
mod fields;
mod frame;
mod plus;
mod properties;
mod response;
mod userdata;
mod variables;

/// The bytes of a hex string; spaces are for the reader.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap().to_be_bytes()
}

/// One fragment: TPKT and COTP around some bytes.
fn fragment(data: &[u8], last: bool) -> Vec<u8> {
    let end = if last { 0x80 } else { 0 };
    let front = [&[3, 0][..], &u16::try_from(data.len() + 7).unwrap().to_be_bytes()].concat();
    [&front[..], &[2, 0xf0, end], data].concat()
}

/// User data in one fragment.
fn data(bytes: &[u8]) -> Vec<u8> {
    fragment(bytes, true)
}

/// A message of S7comm, reference 0x0102.
fn message(rosctr: u8, parameters: &[u8], values: &[u8]) -> Vec<u8> {
    let error: &[u8] = if matches!(rosctr, 2 | 3) { &[0, 0] } else { &[] };
    let head = [&[0x32, rosctr, 0, 0, 1, 2][..], &length(parameters), &length(values), error];
    data(&[&head.concat(), parameters, values].concat())
}

fn job(parameters: &str, values: &str) -> Vec<u8> {
    message(1, &hex(parameters), &hex(values))
}

fn userdata(group_sub: &str, values: &str) -> Vec<u8> {
    let [group, sub] = hex(group_sub)[..] else { panic!("two bytes") };
    message(7, &[0, 1, 0x12, 4, 0x11, 0x40 | group, sub, 0], &hex(values))
}

/// A request of S7comm-plus, version 1, sequence 7, session 0x70000e4d.
fn plus(function: u16, body: &str) -> Vec<u8> {
    let [f, g] = function.to_be_bytes();
    let head = [0x31, 0, 0, f, g, 0, 0, 0, 7, 0x70, 0, 0x0e, 0x4d, 0x34];
    let all = [&head[..], &hex(body)].concat();
    data(&[&[0x72, 1][..], &length(&all), &all, &[0x72, 1, 0, 0]].concat())
}

/// One word of DB 1, byte 0.
const READ: &str = "04 01 120a10 04 0001 0001 84 000000";
const CONNECT: &str = "03000016 11e0 0000 0001 00 c0010a c1020100 c2020102";
const CONFIRM: &str = "03000016 11d0 0001 0003 00 c0010a c1020100 c2020102";
