//! What both ends of the engine's target say, made of the input: mostly well-formed, so that the judge gets work.

use wicketgate_dissectors::Protocol;
use wicketgate_tests::{enip, modbus, opcua};

/// Identifiers that datagrams of implicit I/O bear: to the device, and to the client.
const TO_TARGET: u32 = 0x0011_2230;
const TO_ORIGINATOR: u32 = 0x7777_0000;

/// The rest of an input; behind its end all is zero.
pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len.min(self.0.len())).map(|_| self.byte()).collect()
    }

    fn some_bytes(&mut self) -> Vec<u8> {
        let len = usize::from(self.byte());
        self.bytes(len)
    }
}

/// What is spoken on one connection, and the chunk of OPC UA that comes next each way.
pub struct Speech {
    protocol: Protocol,
    request: u32,
    response: u32,
}

impl Speech {
    pub fn new(protocol: Protocol) -> Speech {
        Speech { protocol, request: 2, response: 52 }
    }

    /// What is said before all else: requests, each with its answer.
    pub fn greeting(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        match self.protocol {
            Protocol::Opcua => vec![
                (opcua::hello(), opcua::acknowledge()),
                (opcua::open("None", 0, 1), opcua::open("None", 5, 51)),
            ],
            _ => Vec::new(),
        }
    }

    pub fn request(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        match self.protocol {
            Protocol::Enip => enip_request(input),
            Protocol::Opcua => self.opcua_request(input),
            _ => modbus_request(input),
        }
    }

    pub fn response(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        match self.protocol {
            Protocol::Enip => enip_response(input),
            Protocol::Opcua => {
                self.response += 1;
                let (request, kind) = (u32::from(input.byte()), input.byte());
                opcua::response(self.response - 1, request, if kind == 0 { 634 } else { 676 })
            }
            _ => modbus::values(input.word(), &[1, 2]),
        }
    }

    fn opcua_request(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        let (kind, number, count) = (input.byte() % 8, self.request, u32::from(input.byte()));
        let size = 100 * (1 + usize::from(input.byte()));
        // Seldom near 64 KiB: such a request takes as long as all else in an input.
        let many = if count < 0xf0 { count } else { count * 6 };
        let chunks = match kind {
            0 => vec![opcua::read(number, "Level")],
            1 => vec![opcua::write(number, "Setpoint", 700)],
            2 => vec![opcua::read_many(number, many)],
            3 => vec![opcua::write_many(number, many, 700)],
            4 => opcua::in_chunks(&opcua::read_many(number, count), number, size),
            5 => opcua::in_chunks(&opcua::write_many(number, count, 700), number, size),
            6 => vec![opcua::message("MSGA", number, number, &[0; 8])],
            _ => vec![opcua::message("MSGF", number, number, &input.some_bytes())],
        };
        self.request += chunks.len() as u32;
        chunks.concat()
    }
}

fn modbus_request(input: &mut Input<'_>) -> Vec<u8> {
    let (kind, transaction, address) = (input.byte() % 6, input.word(), input.word());
    match kind {
        0 | 1 => modbus::read(transaction, address, u16::from(input.byte())),
        2 => modbus::write(transaction, address, input.word()),
        3 => modbus::write_many(transaction, address, &[input.word(), 7]),
        4 => modbus::read_write(transaction, (address, 1), address, &[input.word()]),
        _ => {
            let len = usize::from(input.byte());
            modbus::adu(transaction, &[&[input.byte()][..], &input.bytes(len)].concat())
        }
    }
}

fn enip_request(input: &mut Input<'_>) -> Vec<u8> {
    let (kind, which) = (input.byte() % 8, input.byte());
    let (read, write) = (enip::read_tag("Level"), enip::write_tag("Setpoint", 700));
    match kind {
        0 => enip::register_session(),
        1 => enip::unconnected(&read),
        2 => enip::unconnected(&write),
        3 => enip::unconnected(&enip::multiple(&[&read, if which == 0 { &read } else { &write }])),
        4 | 5 => enip::unconnected(&io(which, input).open()),
        6 => enip::unconnected(&io(which, input).close()),
        _ => enip::packet(u16::from(which), &input.some_bytes()),
    }
}

fn enip_response(input: &mut Input<'_>) -> Vec<u8> {
    let (kind, which) = (input.byte() % 4, input.byte());
    match kind {
        0 | 1 => enip::unconnected(&io(which, input).opened(TO_TARGET + u32::from(which % 4))),
        2 => enip::unconnected(&io(which, input).failed()),
        _ => enip::unconnected(&enip::reply(which, 0)),
    }
}

/// One of four connections of implicit I/O.
fn io(which: u8, input: &mut Input<'_>) -> enip::Io {
    let serial = u16::from(which % 4);
    let kinds = if input.byte() == 1 { [2, 1] } else { [2, 2] };
    enip::Io { kinds, ..enip::Io::new(serial, TO_ORIGINATOR + u32::from(serial)) }
}

/// A datagram of implicit I/O, to the device or to the client.
pub fn io_datagram(to_device: bool, input: &mut Input<'_>) -> Vec<u8> {
    let base = if to_device { TO_TARGET } else { TO_ORIGINATOR };
    let (which, sequence, len) = (input.byte() % 5, input.byte(), input.byte() % 12);
    enip::io_data(base + u32::from(which), sequence.into(), &vec![7; len.into()])
}
