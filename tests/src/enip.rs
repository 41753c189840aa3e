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

/// An I/O connection as a client asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Io {
    /// Its serial number.
    pub serial: u16,
    /// What datagrams to the client are to bear.
    pub to_originator: u32,
    /// Bytes that the client sends at once.
    pub size: u16,
    /// Network connection types: to the target, to the originator; 1 is multicast, 2 point to point.
    pub kinds: [u16; 2],
    /// Microseconds between two datagrams; four intervals without one end it.
    pub interval: u32,
}

impl Io {
    /// Ten bytes to the device every 10 ms, and six back.
    pub fn new(serial: u16, to_originator: u32) -> Io {
        Io { serial, to_originator, size: 10, kinds: [2, 2], interval: 10_000 }
    }

    fn triad(&self) -> Vec<u8> {
        [&self.serial.to_le_bytes()[..], &TRIAD[2..]].concat()
    }

    /// Forward Open of transport class 1 from assembly 150 to 100, as exclusive owner.
    pub fn open(&self) -> Vec<u8> {
        let front = [&[0x54, 2, 0x20, 6, 0x24, 1, 0x0a, 0x0e, 0, 0, 0, 0][..]];
        let front = [front.concat(), self.to_originator.to_le_bytes().to_vec(), self.triad()];
        let [there, back] = self.kinds.map(|kind| kind << 13);
        let way = |parameters: u16| {
            [&self.interval.to_le_bytes()[..], &parameters.to_le_bytes()].concat()
        };
        let (there, back) = (way(there | self.size), way(back | 6));
        let end = [1, 4, 0x20, 4, 0x24, 0x97, 0x2c, 0x96, 0x2c, 0x64];
        [&front.concat()[..], &[0, 0, 0, 0], &there, &back, &end].concat()
    }

    /// Its success: datagrams to the device are to bear `to_target`.
    pub fn opened(&self, to_target: u32) -> Vec<u8> {
        let ids = [to_target.to_le_bytes(), self.to_originator.to_le_bytes()].concat();
        let interval = self.interval.to_le_bytes();
        [&reply(0x54, 0)[..], &ids, &self.triad(), &interval, &interval, &[0, 0]].concat()
    }

    /// Its failure.
    pub fn failed(&self) -> Vec<u8> {
        [&reply(0x54, 1)[..], &self.triad(), &[0, 0]].concat()
    }

    /// The success of its Forward Close.
    pub fn closed(&self) -> Vec<u8> {
        [&reply(0x4e, 0)[..], &self.triad(), &[0, 0]].concat()
    }

    /// The failure of its Forward Close: connection not found at the target (CIP 3-5.5.3, status 0x0107).
    pub fn not_closed(&self) -> Vec<u8> {
        [&[0xce, 0, 1, 1, 7, 1][..], &self.triad(), &[0, 0]].concat()
    }

    /// Its Forward Close.
    pub fn close(&self) -> Vec<u8> {
        let end = [4, 0, 0x20, 4, 0x24, 0x97, 0x2c, 0x96, 0x2c, 0x64];
        [&[0x4e, 2, 0x20, 6, 0x24, 1, 0x0a, 0x0e][..], &self.triad(), &end].concat()
    }
}

/// A datagram of implicit I/O.
pub fn io_data(id: u32, sequence: u32, data: &[u8]) -> Vec<u8> {
    let ids = [id.to_le_bytes(), sequence.to_le_bytes()].concat();
    [&[2, 0, 2, 0x80, 8, 0][..], &ids, &[0xb1, 0], &length(data), data].concat()
}

/// SendRRData around a message, with socket address items behind it: kind, address, port.
pub fn with_sockets(message: &[u8], sockets: &[(u16, [u8; 4], u16)]) -> Vec<u8> {
    let count = (2 + sockets.len() as u16).to_le_bytes();
    let items = [&[0, 0, 0, 0, 5, 0][..], &count, &[0, 0, 0, 0, 0xb2, 0]].concat();
    let item = |(kind, address, port): &(u16, [u8; 4], u16)| {
        let front = [kind.to_le_bytes(), [16, 0], [0, 2], port.to_be_bytes()].concat();
        [&front[..], address, &[0; 8]].concat()
    };
    let sockets: Vec<u8> = sockets.iter().flat_map(item).collect();
    packet(0x6f, &[&items[..], &length(message), message, &sockets].concat())
}

/// The reply to ListIdentity of a device that says to be at this address.
pub fn identity(address: [u8; 4]) -> Vec<u8> {
    let socket = [&[0, 2, 0xaf, 0x12][..], &address, &[0; 8]].concat();
    let about = [&[1, 0, 14, 0, 54, 0, 20, 11, 0, 0, 1, 2, 3, 4][..], &[1, b'P', 3]].concat();
    let item = [&[1, 0][..], &socket, &about].concat();
    packet(0x63, &[&[1, 0, 12, 0][..], &length(&item), &item].concat())
}

/// Forward Close.
pub fn forward_close() -> Vec<u8> {
    let end = [2, 0, 0x20, 2, 0x24, 1];
    [&[0x4e, 2, 0x20, 6, 0x24, 1, 0x0a, 0x0e][..], &TRIAD, &end].concat()
}
