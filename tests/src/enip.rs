//! EtherNet/IP and CIP as bytes (ENIP 2-3, CIP 2-4), written out by hand.

fn length(bytes: &[u8]) -> [u8; 2] {
    (bytes.len() as u16).to_le_bytes()
}

/// An encapsulation packet of session 1 and sender context "12345678".
pub fn packet(command: u16, data: &[u8]) -> Vec<u8> {
    let front = [&command.to_le_bytes()[..], &length(data), &[1, 0, 0, 0, 0, 0, 0, 0]].concat();
    [&front[..], b"12345678", &[0; 4], data].concat()
}

/// RegisterSession.
pub fn register_session() -> Vec<u8> {
    packet(0x65, &[1, 0, 0, 0])
}

/// SendRRData around a message.
pub fn unconnected(message: &[u8]) -> Vec<u8> {
    let items = [0, 0, 0, 0, 5, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0];
    packet(0x6f, &[&items[..], &length(message), message].concat())
}

/// SendUnitData around a message, on this connection.
pub fn connected(id: u32, sequence: u16, message: &[u8]) -> Vec<u8> {
    let data = [&sequence.to_le_bytes()[..], message].concat();
    let items = [0, 0, 0, 0, 0, 0, 2, 0, 0xa1, 0, 4, 0];
    let front = [&items[..], &id.to_le_bytes(), &[0xb1, 0], &length(&data)].concat();
    packet(0x70, &[front, data].concat())
}

/// A request to a tag; the parts of its name become symbols.
pub fn tag(service: u8, name: &str, data: &[u8]) -> Vec<u8> {
    let symbol = |part: &str| {
        let padding = vec![0; part.len() % 2];
        [&[0x91, part.len() as u8][..], part.as_bytes(), &padding].concat()
    };
    let path: Vec<u8> = name.split('.').flat_map(symbol).collect();
    [&[service, (path.len() / 2) as u8][..], &path, data].concat()
}

/// Read Tag, one element.
pub fn read_tag(name: &str) -> Vec<u8> {
    tag(0x4c, name, &[1, 0])
}

/// Write Tag, one DINT.
pub fn write_tag(name: &str, value: i32) -> Vec<u8> {
    tag(0x4d, name, &[&[0xc4, 0, 1, 0][..], &value.to_le_bytes()].concat())
}

/// A request without data to an attribute of an object.
pub fn object(service: u8, class: u8, instance: u8, attribute: u8) -> Vec<u8> {
    vec![service, 3, 0x20, class, 0x24, instance, 0x30, attribute]
}

/// A Multiple Service Packet.
pub fn multiple(messages: &[&[u8]]) -> Vec<u8> {
    let mut offset = 2 + 2 * messages.len() as u16;
    let mut table = (messages.len() as u16).to_le_bytes().to_vec();
    for message in messages {
        table.extend(offset.to_le_bytes());
        offset += message.len() as u16;
    }
    [&[0x0a, 2, 0x20, 2, 0x24, 1][..], &table, &messages.concat()].concat()
}

/// A reply without data.
pub fn reply(service: u8, status: u8) -> Vec<u8> {
    vec![service | 0x80, 0, status, 0]
}

/// What a client names a connection by.
const TRIAD: [u8; 8] = [0x42, 0x42, 0x37, 0x13, 0xcd, 0xab, 0, 0];

/// Forward Open of a class 3 connection to the message router: replies are to bear `to_originator`.
pub fn forward_open(to_originator: u32) -> Vec<u8> {
    let interval = 2_000_000_u32.to_le_bytes();
    let front = [&[0x54, 2, 0x20, 6, 0x24, 1, 0x0a, 0x0e, 0, 0, 0, 0][..]];
    let front = [front.concat(), to_originator.to_le_bytes().to_vec(), TRIAD.to_vec()].concat();
    let each = [&interval[..], &[0xf4, 0x43]].concat();
    let end = [0xa3, 2, 0x20, 2, 0x24, 1];
    [&front[..], &[3, 0, 0, 0], &each, &each, &end].concat()
}

/// Its answer: requests are to bear `to_target`.
pub fn opened(to_target: u32, to_originator: u32) -> Vec<u8> {
    let ids = [to_target.to_le_bytes(), to_originator.to_le_bytes()].concat();
    let interval = 2_000_000_u32.to_le_bytes();
    [&reply(0x54, 0)[..], &ids, &TRIAD, &interval, &interval, &[0, 0]].concat()
}

/// Forward Close.
pub fn forward_close() -> Vec<u8> {
    let end = [2, 0, 0x20, 2, 0x24, 1];
    [&[0x4e, 2, 0x20, 6, 0x24, 1, 0x0a, 0x0e][..], &TRIAD, &end].concat()
}
