//! What is spoken on top of a connection.

use crate::chance::Chance;

/// A request/response protocol, both ends of it: what a client asks, and a device that answers.
///
/// A value of the type is the device. It is deterministic: two devices of one seed that execute the same
/// requests give the same answers, so the answers that a client must see are known beforehand.
pub trait Protocol {
    /// The policy file: which requests pass. Ports are named `office` and `press-line`.
    const POLICY: &'static str;

    /// A device whose state is this seed's.
    fn device(seed: u64) -> Self;

    /// Request `number` of a client, which the policy allows or not. No two of a run are the same.
    fn request(number: u16, allowed: bool, chance: &mut Chance) -> Vec<u8>;

    /// Does what a request asks for, and answers.
    fn execute(&mut self, request: &[u8]) -> Vec<u8>;

    /// How the protocol says that a request which the policy does not allow is denied.
    fn denial(request: &[u8]) -> Vec<u8>;

    /// How long the PDU is that `bytes` begin with; `None` where more must come to say so.
    fn length(bytes: &[u8]) -> Option<usize>;
}

/// One request and what must become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What the client sends.
    pub request: Vec<u8>,
    /// Whether the device may see it.
    pub allowed: bool,
    /// What the client must get.
    pub answer: Vec<u8>,
}

/// The exchanges of a run, `denied` in a thousand of them denied.
pub fn exchanges<P: Protocol>(
    seed: u64,
    count: u16,
    denied: u32,
    chance: &mut Chance,
) -> Vec<Exchange> {
    let mut device = P::device(seed);
    let exchange = |number| {
        let allowed = !chance.happens(denied);
        let request = P::request(number, allowed, &mut chance.part(number.into()));
        let answer = if allowed { device.execute(&request) } else { P::denial(&request) };
        Exchange { request, allowed, answer }
    };
    (0..count).map(exchange).collect()
}

/// Takes the first whole PDU out of what was received.
pub fn take_pdu<P: Protocol>(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let len = P::length(received).filter(|len| *len <= received.len())?;
    let rest = received.split_off(len);
    Some(std::mem::replace(received, rest))
}
