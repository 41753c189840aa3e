//! Tests from the bytes of the specification and of real tools, every limit from both sides.

mod addresses;
mod command;
mod connections;
mod denial;
mod fields;
mod frame;
mod io;
mod nested;
mod path;
mod properties;
mod response;
mod services;

/// The bytes of a hex string; spaces are for the reader.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap().to_le_bytes()
}

/// A packet of session 0x11223344 and context "CONTEXT1".
fn packet(command: u16, data: &[u8]) -> Vec<u8> {
    let front = [&command.to_le_bytes()[..], &length(data)].concat();
    [&front, &hex("44332211 00000000")[..], b"CONTEXT1", &[0; 4], data].concat()
}

/// An unconnected message.
fn unconnected(message: &[u8]) -> Vec<u8> {
    let items = [&hex("00000000 0500 0200 0000 0000 b200")[..], &length(message), message];
    packet(0x6f, &items.concat())
}

/// A connected message, with sequence count 7.
fn connected(id: u32, message: &[u8]) -> Vec<u8> {
    let message = [&[7, 0], message].concat();
    let front = [&hex("00000000 0000 0200 a100 0400")[..], &id.to_le_bytes()].concat();
    packet(0x70, &[&front[..], &hex("b100"), &length(&message), &message].concat())
}

/// The same, unconnected, of a message in hex.
fn ucmm(message: &str) -> Vec<u8> {
    unconnected(&hex(message))
}

/// A message wrapped in an Unconnected Send to slot 0 of the backplane.
fn wrapped(message: &[u8]) -> Vec<u8> {
    let padding = vec![0; message.len() % 2];
    let front = [&hex("52 02 2006 2401 05 9d")[..], &length(message)].concat();
    [&front, message, &padding, &hex("01 00 0100")].concat()
}

/// A Multiple Service Packet.
fn multiple(messages: &[&[u8]]) -> Vec<u8> {
    let mut offset = 2 + 2 * messages.len();
    let mut table = length(&vec![0; messages.len()]).to_vec();
    for message in messages {
        table.extend(u16::try_from(offset).unwrap().to_le_bytes());
        offset += message.len();
    }
    [&hex("0a 02 2002 2401")[..], &table, &messages.concat()].concat()
}

/// Read Tag "Tag", one element.
const READ_TAG: &str = "4c 03 9103 54616700 0100";
/// Write Tag "Tag" = 1, a DINT.
const WRITE_TAG: &str = "4d 03 9103 54616700 c400 0100 01000000";
/// Forward Open of a class 3 connection to the message router, T->O identifier 0x77770001.
const FORWARD_OPEN: &str = "54 02 2006 2401 0a 0e 00000000 01007777 4242 3713 cdab0000 03 000000 \
    80841e00 f443 80841e00 f443 a3 02 2002 2401";
/// Its answer: O->T identifier 0x00001000.
const OPENED: &str = "d4 00 00 00 00100000 01007777 4242 3713 cdab0000 80841e00 80841e00 00 00";
/// Its close.
const CLOSED: &str = "ce 00 00 00 4242 3713 cdab0000 00 00";
const FORWARD_CLOSE: &str = "4e 02 2006 2401 0a 0e 4242 3713 cdab0000 02 00 2002 2401";
/// Transport class 1: 10 bytes to the target every 10 ms, 6 back every 20 ms; 16 intervals of silence.
const IO_OPEN: &str = "54 02 2006 2401 0a 0e 00000000 01007777 4242 3713 cdab0000 02 000000 \
    10270000 0a48 204e0000 0648 01 04 2004 2497 2c96 2c64";
