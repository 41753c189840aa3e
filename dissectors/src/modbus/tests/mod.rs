//! Tests from the bytes of the specification, every limit from both sides.

mod command;
mod denial;
mod fields;
mod frame;
mod functions;
mod properties;
mod response;

/// The bytes of a hex string; spaces are for the reader.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// The ADU of transaction 0x1234, unit 7, around a PDU.
fn adu(pdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(pdu.len() + 1).unwrap();
    let mut adu = vec![0x12, 0x34, 0, 0];
    adu.extend(length.to_be_bytes());
    adu.push(7);
    adu.extend(pdu);
    adu
}

/// The same around a PDU in hex.
fn adu_of(pdu: &str) -> Vec<u8> {
    adu(&hex(pdu))
}
