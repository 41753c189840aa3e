//! Modbus/TCP: a client that reads and writes registers, and a device that has some.

use wicketgate_tests::modbus;

use crate::chance::Chance;
use crate::protocol::Protocol;

/// Registers of the device.
const REGISTERS: usize = 1200;
/// The registers that may be written, and the highest value.
const WRITABLE: std::ops::RangeInclusive<u64> = 100..=119;
const HIGHEST: u64 = 1500;

/// A device with registers.
#[derive(Clone, Debug)]
pub struct Modbus {
    registers: Vec<u16>,
}

impl Protocol for Modbus {
    const POLICY: &'static str = include_str!("modbus.toml");

    fn device(seed: u64) -> Modbus {
        let mut chance = Chance::new(seed).part(0x6d6f_6462_7573);
        Modbus { registers: (0..REGISTERS).map(|_| chance.bits() as u16).collect() }
    }

    fn request(number: u16, allowed: bool, chance: &mut Chance) -> Vec<u8> {
        if allowed { allowed_request(number, chance) } else { denied_request(number, chance) }
    }

    fn execute(&mut self, request: &[u8]) -> Vec<u8> {
        let transaction = word(request, 0);
        let (function, start, count) = (request[7], word(request, 8), word(request, 10));
        match function {
            3 | 4 => {
                let values = self.read(start, count);
                let body: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
                modbus::adu(transaction, &[&[function, body.len() as u8][..], &body].concat())
            }
            6 => {
                self.write(start, &request[10..12]);
                request.to_vec()
            }
            16 => {
                self.write(start, &request[13..]);
                modbus::adu(transaction, &request[7..12])
            }
            23 => {
                self.write(word(request, 12), &request[17..]);
                let values = self.read(start, count);
                let body: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
                modbus::adu(transaction, &[&[function, body.len() as u8][..], &body].concat())
            }
            _ => modbus::exception(transaction, function, 1),
        }
    }

    fn denial(request: &[u8]) -> Vec<u8> {
        let why = match request[7] {
            6 if WRITABLE.contains(&word(request, 8).into()) => ILLEGAL_VALUE,
            16 if is_within(word(request, 8), word(request, 10)) => ILLEGAL_VALUE,
            23 if is_within(word(request, 12), word(request, 14)) => ILLEGAL_VALUE,
            6 | 16 | 23 => ILLEGAL_ADDRESS,
            _ => ILLEGAL_FUNCTION,
        };
        modbus::exception(word(request, 0), request[7], why)
    }

    fn length(bytes: &[u8]) -> Option<usize> {
        (bytes.len() >= 6).then(|| 6 + usize::from(word(bytes, 4)))
    }
}

/// Exception codes (AP 7).
const ILLEGAL_FUNCTION: u8 = 1;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;

impl Modbus {
    fn read(&self, start: u16, count: u16) -> &[u16] {
        &self.registers[usize::from(start)..usize::from(start + count)]
    }

    fn write(&mut self, start: u16, values: &[u8]) {
        for (value, at) in values.as_chunks::<2>().0.iter().zip(usize::from(start)..) {
            self.registers[at] = u16::from_be_bytes(*value);
        }
    }
}

fn allowed_request(number: u16, chance: &mut Chance) -> Vec<u8> {
    let count = chance.within(1..=20) as u16;
    let start = chance.within(*WRITABLE.start()..=*WRITABLE.end() + 1 - u64::from(count)) as u16;
    let (from, of) = (chance.below(1000) as u16, chance.pick(&[1, 2, 10, 60, 125]));
    match chance.below(5) {
        0 => modbus::read(number, from, of),
        1 => modbus::adu(number, &[&[4][..], &from.to_be_bytes(), &of.to_be_bytes()].concat()),
        2 => modbus::write(number, start, value(chance)),
        3 => modbus::write_many(number, start, &values(count, chance)),
        _ => modbus::read_write(number, (from, of), start, &values(count, chance)),
    }
}

/// Out of the range, out of bounds, or another function; each just so, and far off.
fn denied_request(number: u16, chance: &mut Chance) -> Vec<u8> {
    let outside = chance.pick(&[0, 99, 120, 1000]);
    let too_much = chance.pick(&[1501, 0xffff]);
    let long = chance.within(21..=100) as u16;
    match chance.below(9) {
        0 => modbus::write(number, outside, value(chance)),
        1 => modbus::write(number, 100, too_much),
        2 => modbus::write_many(number, 119, &values(2, chance)),
        3 => modbus::write_many(number, 99, &values(long, chance)),
        4 => modbus::write_many(number, 100, &[7, too_much]),
        5 => modbus::read_write(number, (0, 125), 118, &values(3, chance)),
        6 => modbus::adu(number, &[5, 0, 100, 0xff, 0]),
        7 => modbus::adu(number, &[8, 0, 1, 0, 0]),
        _ => modbus::mask(number, 100, 0xf0f0, 0x0f0f),
    }
}

fn value(chance: &mut Chance) -> u16 {
    chance.within(0..=HIGHEST) as u16
}

fn values(count: u16, chance: &mut Chance) -> Vec<u16> {
    (0..count).map(|_| value(chance)).collect()
}

fn is_within(start: u16, count: u16) -> bool {
    let last = u64::from(start) + u64::from(count) - 1;
    WRITABLE.contains(&start.into()) && WRITABLE.contains(&last)
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
