//! OPC UA, binary encoding, as bytes (OPC 10000-6), written out by hand.

/// Longest request that the gate holds.
pub const LONGEST: usize = 4096;

const POLICY: &str = "http://opcfoundation.org/UA/SecurityPolicy#";

fn string(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes()[..], text].concat()
}

/// A chunk of a kind like `MSGF`.
pub fn chunk(kind: &str, body: &[u8]) -> Vec<u8> {
    let size = (8 + body.len() as u32).to_le_bytes();
    [kind.as_bytes(), &size, body].concat()
}

/// Hello.
pub fn hello() -> Vec<u8> {
    let limits = [0, 65535, 65535, 0, 0].map(u32::to_le_bytes).concat();
    chunk("HELF", &[limits, string(b"opc.tcp://100.64.10.20:80/")].concat())
}

/// Acknowledge.
pub fn acknowledge() -> Vec<u8> {
    chunk("ACKF", &[0, 65535, 65535, 0, 0].map(u32::to_le_bytes).concat())
}

/// The type of a body, and the header of a request of handle 0x2a.
fn header(kind: u16) -> Vec<u8> {
    let node = [&[1, 0][..], &kind.to_le_bytes()].concat();
    let handle = [0x2a, 0, u32::MAX, 1000].map(u32::to_le_bytes).concat();
    [&node[..], &[0, 1], &[0; 8], &handle, &[0; 3]].concat()
}

/// OpenSecureChannel under a policy, as chunk `number` of channel `id`: of both directions alike.
pub fn open(policy: &str, id: u32, number: u32) -> Vec<u8> {
    let policy = string(format!("{POLICY}{policy}").as_bytes());
    let null = [0xff; 4];
    let numbers = [number, 1].map(u32::to_le_bytes).concat();
    let body = [&[0; 8][..], &[1, 0, 0, 0], &null, &3_600_000_u32.to_le_bytes()].concat();
    let parts = [&id.to_le_bytes()[..], &policy, &null, &null, &numbers, &header(446), &body];
    chunk("OPNF", &parts.concat())
}

/// A service on channel 5 as chunk `number`; the request has the same number.
pub fn service(number: u32, kind: u16, body: &[u8]) -> Vec<u8> {
    message("MSGF", number, number, &[&header(kind), body].concat())
}

/// A chunk of a message on channel 5 with token 6.
pub fn message(kind: &str, number: u32, request: u32, body: &[u8]) -> Vec<u8> {
    let numbers = [5, 6, number, request].map(u32::to_le_bytes).concat();
    chunk(kind, &[&numbers, body].concat())
}

/// `ns=2;s=…`.
fn node(name: &str) -> Vec<u8> {
    [&[3, 2, 0][..], &string(name.as_bytes())].concat()
}

const ONE: [u8; 4] = [1, 0, 0, 0];

/// Read of one node's value.
pub fn read(number: u32, name: &str) -> Vec<u8> {
    let item = [&node(name)[..], &[13, 0, 0, 0], &[0xff; 4], &[0, 0], &[0xff; 4]].concat();
    service(number, 631, &[&[0; 12][..], &ONE, &item].concat())
}

/// Write of one node's value, an Int32.
pub fn write(number: u32, name: &str, value: i32) -> Vec<u8> {
    let value = [&[1, 6][..], &value.to_le_bytes()].concat();
    let item = [&node(name)[..], &[13, 0, 0, 0], &[0xff; 4], &value].concat();
    service(number, 673, &[&ONE[..], &item].concat())
}

/// Call of a method of object `Press` without arguments.
pub fn call(number: u32, method: &str) -> Vec<u8> {
    let item = [&node("Press")[..], &node(method), &[0; 4]].concat();
    service(number, 712, &[&ONE[..], &item].concat())
}

/// A response of this type to request `request`, as chunk `number`.
pub fn response(number: u32, request: u32, kind: u16) -> Vec<u8> {
    let node = [&[1, 0][..], &kind.to_le_bytes()].concat();
    let header = [&[0; 8][..], &0x2a_u32.to_le_bytes(), &[0; 5], &[0xff; 4], &[0; 3]].concat();
    message("MSGF", number, request, &[node, header].concat())
}

/// The gate's refusal of request `request` as a whole, as chunk `number`.
pub fn fault(number: u32, request: u32) -> Vec<u8> {
    let denied = [&[0; 8][..], &0x2a_u32.to_le_bytes(), &0x801f_0000_u32.to_le_bytes(), &[0]];
    let body = [&[1, 0, 0x8d, 1][..], &denied.concat(), &[0xff; 4], &[0; 3]].concat();
    message("MSGF", number, request, &body)
}

/// Read of the values of so many nodes, `Line.Press.Level0` and on.
pub fn read_many(number: u32, count: u32) -> Vec<u8> {
    let item = |at: u32| {
        let node = node(&format!("Line.Press.Level{at}"));
        [&node[..], &[13, 0, 0, 0], &[0xff; 4], &[0, 0], &[0xff; 4]].concat()
    };
    let items: Vec<u8> = (0..count).flat_map(item).collect();
    service(number, 631, &[&[0; 12][..], &count.to_le_bytes(), &items].concat())
}

/// Write of the values of so many nodes, `Setpoint0` and on, each an Int32.
pub fn write_many(number: u32, count: u32, value: i32) -> Vec<u8> {
    let value = [&[1, 6][..], &value.to_le_bytes()].concat();
    let item = |at: u32| {
        [&node(&format!("Setpoint{at}"))[..], &[13, 0, 0, 0], &[0xff; 4], &value].concat()
    };
    let items: Vec<u8> = (0..count).flat_map(item).collect();
    service(number, 673, &[&count.to_le_bytes()[..], &items].concat())
}

/// The chunks of a request, whose bodies have `size` bytes but for the last, numbered from `number` on.
pub fn in_chunks(request: &[u8], number: u32, size: usize) -> Vec<Vec<u8>> {
    let (headers, body) = request.split_at(24);
    let id = u32::from_le_bytes(headers[20..24].try_into().unwrap());
    let last = body.len().div_ceil(size) - 1;
    let kind = |at: usize| if at == last { "MSGF" } else { "MSGC" };
    let pieces = body.chunks(size).enumerate();
    pieces.map(|(at, piece)| message(kind(at), number + at as u32, id, piece)).collect()
}
