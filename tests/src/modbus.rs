//! Modbus as bytes (AP 6), written out by hand.

/// An ADU of this transaction, unit 1.
pub fn adu(transaction: u16, pdu: &[u8]) -> Vec<u8> {
    adu_of(transaction, 1, pdu)
}

/// An ADU of this transaction and unit.
pub fn adu_of(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let length = (pdu.len() + 1) as u16;
    let words = [transaction, 0, length].map(u16::to_be_bytes);
    [&words.concat(), &[unit][..], pdu].concat()
}

/// Some words behind a code.
fn coded(code: u8, words: &[u16]) -> Vec<u8> {
    let words: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    [&[code][..], &words].concat()
}

/// Function 3: read holding registers.
pub fn read(transaction: u16, start: u16, count: u16) -> Vec<u8> {
    adu(transaction, &coded(3, &[start, count]))
}

/// The answer to function 3.
pub fn values(transaction: u16, registers: &[u16]) -> Vec<u8> {
    let body = coded((registers.len() * 2) as u8, registers);
    adu(transaction, &[&[3][..], &body].concat())
}

/// Function 6: write one register; the answer is the same.
pub fn write(transaction: u16, address: u16, value: u16) -> Vec<u8> {
    adu(transaction, &coded(6, &[address, value]))
}

/// Function 16: write registers.
pub fn write_many(transaction: u16, start: u16, values: &[u16]) -> Vec<u8> {
    adu(transaction, &[coded(16, &[start, values.len() as u16]), counted(values)].concat())
}

/// Function 22: mask a register.
pub fn mask(transaction: u16, address: u16, and: u16, or: u16) -> Vec<u8> {
    adu(transaction, &coded(22, &[address, and, or]))
}

/// Function 23: read one range and write another.
pub fn read_write(transaction: u16, read: (u16, u16), start: u16, values: &[u16]) -> Vec<u8> {
    let head = coded(23, &[read.0, read.1, start, values.len() as u16]);
    adu(transaction, &[head, counted(values)].concat())
}

/// An exception.
pub fn exception(transaction: u16, function: u8, code: u8) -> Vec<u8> {
    adu(transaction, &[function | 0x80, code])
}

fn counted(values: &[u16]) -> Vec<u8> {
    coded((values.len() * 2) as u8, values)
}
