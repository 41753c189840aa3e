//! What is said most, at one look: requests that read one table or write one element, and their answers.
//!
//! Of an ADU this says what [`frame`](super::frame()), [`command`](super::command()), [`key`](super::key) and
//! [`response`](super::response()) say of it, or nothing: then they are to be asked. A property test holds both
//! against each other.

use super::functions::{self, Function};
use super::{MAX_ADU, frame};
use crate::{Class, Key};

/// Length of such a request.
pub const REQUEST: usize = 12;

/// A request of functions 1 to 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What pairs it with its response.
    pub key: Key,
    /// Its function.
    pub function: &'static Function,
    /// The unit identifier.
    pub unit: u8,
    /// The first element.
    pub start: u16,
    /// How many.
    pub count: u16,
}

/// The whole request `adu`, if it is one of those and right.
#[inline(always)]
pub fn request(adu: &[u8; REQUEST]) -> Option<Request> {
    let head = head(adu.first_chunk()?, REQUEST)?;
    let function = functions::on_tables(head as u8)?;
    let range = adu.last_chunk().copied().map(u32::from_be_bytes)?;
    let (start, number) = ((range >> 16) as u16, range as u16);
    let count = match function.class {
        Class::Read => number,
        _ if function.code == functions::WRITE_SINGLE_COIL && !matches!(number, 0 | 0xff00) => 0,
        _ => 1,
    };
    let fits = (1..=function.max_quantity).contains(&count)
        && u32::from(start) + u32::from(count) <= super::command::TABLE;
    fits.then(|| Request { key: key(head), function, unit: (head >> 8) as u8, start, count })
}

/// What pairs the whole response `adu` with its request, if it is the answer to one of those and right.
#[inline(always)]
pub fn response(adu: &[u8]) -> Option<Key> {
    let (front, data) = adu.split_first_chunk::<9>()?;
    let head = head(front.first_chunk()?, adu.len())?;
    let [.., count] = *front;
    let right = match head as u8 {
        functions::READ_COILS | functions::READ_DISCRETE_INPUTS => usize::from(count) == data.len(),
        functions::READ_HOLDING_REGISTERS | functions::READ_INPUT_REGISTERS => {
            usize::from(count) == data.len() && count.is_multiple_of(2)
        }
        functions::WRITE_SINGLE_COIL | functions::WRITE_SINGLE_REGISTER => data.len() == 3,
        _ => false,
    };
    (right && adu.len() <= MAX_ADU).then(|| key(head))
}

/// The header and the function code as a number, if they are of an ADU of `len` bytes.
#[inline(always)]
fn head(bytes: &[u8; 8], len: usize) -> Option<u64> {
    let head = u64::from_be_bytes(*bytes);
    // Protocol identifier 0 and the length, beside each other.
    ((head >> 16) as u32 == (len - frame::ENVELOPE) as u32).then_some(head)
}

#[inline(always)]
const fn key(head: u64) -> Key {
    let (transaction, unit) = (head >> 48, head >> 8 & 0xff);
    Key { transaction: transaction << 8 | unit, function: (head & 0xff) as u16, answered: true }
}
