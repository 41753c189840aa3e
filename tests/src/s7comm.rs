//! S7comm as bytes (RFC 1006, ISO 8073 class 0), written out by hand.

use wicketgate_dissectors::s7comm::Area;

/// One fragment of user data.
pub fn fragment(data: &[u8], last: bool) -> Vec<u8> {
    let [high, low] = (data.len() as u16 + 7).to_be_bytes();
    [&[3, 0, high, low, 2, 0xf0, if last { 0x80 } else { 0 }], data].concat()
}

/// A connection request to a programming device's access point.
pub fn connect() -> Vec<u8> {
    let parameters = [0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2];
    [&[3, 0, 0, 22, 17, 0xe0, 0, 0, 0, 1, 0][..], &parameters].concat()
}

/// A message: kind, reference, parameters, data.
pub fn message(rosctr: u8, reference: u16, parameters: &[u8], data: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| (bytes.len() as u16).to_be_bytes();
    let error: &[u8] = if matches!(rosctr, 2 | 3) { &[0, 0] } else { &[] };
    let head = [&[0x32, rosctr, 0, 0][..], &reference.to_be_bytes()].concat();
    let head = [&head[..], &length(parameters), &length(data), error].concat();
    fragment(&[&head[..], parameters, data].concat(), true)
}

/// An item of so many elements of a transport size.
pub fn item((area, db): (Area, u16), transport: u8, length: u16, bit: u32) -> Vec<u8> {
    let ([l, m], [d, b], [_, x, y, z]) =
        (length.to_be_bytes(), db.to_be_bytes(), bit.to_be_bytes());
    vec![0x12, 0x0a, 0x10, transport, l, m, d, b, area as u8, x, y, z]
}

/// Reads these items.
pub fn read(reference: u16, items: &[Vec<u8>]) -> Vec<u8> {
    let parameters = [&[4, items.len() as u8][..], &items.concat()].concat();
    message(1, reference, &parameters, &[])
}

/// Writes bytes to a data block.
pub fn write(reference: u16, db: u16, byte: u32, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16;
    let item = item((Area::DataBlocks, db), 2, length, 8 * byte);
    let [bits, low] = (8 * length).to_be_bytes();
    let data = [&[0, 4, bits, low][..], bytes].concat();
    message(1, reference, &[&[5, 1][..], &item].concat(), &data)
}

/// Stops the controller.
pub fn stop(reference: u16) -> Vec<u8> {
    let parameters = [&[0x29, 0, 0, 0, 0, 0, 9][..], b"P_PROGRAM"].concat();
    message(1, reference, &parameters, &[])
}
