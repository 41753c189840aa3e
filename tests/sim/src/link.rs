//! One direction of a wire that does everything wrong.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use wicketgate_packet::Time;

use crate::chance::Chance;
use crate::segment::{self, ETHERNET};

/// How long a segment may wait for the next one to be joined to it.
const JOINING: Duration = Duration::from_micros(300);

/// What a link does to frames; shares are in a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impairment {
    /// Lost.
    pub loss: u32,
    /// Delivered twice.
    pub duplicate: u32,
    /// Delivered after frames that were sent later.
    pub reorder: u32,
    /// One bit behind the Ethernet header flipped, or the end missing.
    pub corrupt: u32,
    /// Cut into two segments.
    pub cut: u32,
    /// Held to be joined with the next.
    pub join: u32,
    /// Time on the way, microseconds; twice as much at most.
    pub delay: u64,
}

/// Frames on their way.
#[derive(Debug)]
pub struct Link {
    impairment: Impairment,
    chance: Chance,
    /// By delivery, then by number.
    queue: BinaryHeap<Reverse<(Time, u64, Vec<u8>)>>,
    number: u64,
    /// When the last frame arrives that is not reordered.
    last: Time,
    held: Option<(Time, Vec<u8>)>,
    /// Longest payload that joining makes, bytes.
    limit: usize,
}

impl Link {
    /// An empty link.
    pub fn new(impairment: Impairment, chance: Chance) -> Link {
        Link {
            impairment,
            chance,
            queue: BinaryHeap::new(),
            number: 0,
            last: Time::EPOCH,
            held: None,
            limit: 1440,
        }
    }

    /// A frame is put on the wire.
    pub fn send(&mut self, now: Time, frame: Vec<u8>) {
        let frame = match self.held.take() {
            None => frame,
            Some((_, held)) => match segment::join(&held, &frame, self.limit) {
                Some(joined) => joined,
                None => {
                    self.forward(now, held);
                    frame
                }
            },
        };
        if self.chance.happens(self.impairment.join) {
            self.held = Some((now + JOINING, frame));
        } else {
            self.forward(now, frame);
        }
    }

    fn forward(&mut self, now: Time, frame: Vec<u8>) {
        if self.chance.happens(self.impairment.cut) {
            let at = self.chance.within(1..=frame.len() as u64) as usize;
            if let Some([first, second]) = segment::cut(&frame, at.saturating_sub(54).max(1)) {
                self.carry(now, first);
                return self.carry(now, second);
            }
        }
        self.carry(now, frame);
    }

    fn carry(&mut self, now: Time, mut frame: Vec<u8>) {
        if self.chance.happens(self.impairment.loss) {
            return;
        }
        if self.chance.happens(self.impairment.duplicate) {
            self.deliver(now, frame.clone());
        }
        if self.chance.happens(self.impairment.corrupt) {
            self.corrupt(&mut frame);
        }
        self.deliver(now, frame);
    }

    fn deliver(&mut self, now: Time, frame: Vec<u8>) {
        let delay = self.impairment.delay;
        let mut at = now + self.chance.micros(delay..=2 * delay);
        if self.chance.happens(self.impairment.reorder) {
            at = at + self.chance.micros(delay..=8 * delay);
        } else {
            at = at.max(self.last);
            self.last = at;
        }
        self.number += 1;
        self.queue.push(Reverse((at, self.number, frame)));
    }

    /// What a checksum must find: no more than 15 bits in a row, or bytes that are missing.
    fn corrupt(&mut self, frame: &mut Vec<u8>) {
        let bit = self.chance.within((ETHERNET * 8) as u64..=(frame.len() * 8 - 1) as u64) as usize;
        if self.chance.happens(100) {
            frame.truncate((bit / 8).max(ETHERNET));
        } else {
            frame[bit / 8] ^= 1 << (bit % 8);
        }
    }

    /// When the next frame arrives, or has waited long enough.
    pub fn due(&self) -> Time {
        let arrival = self.queue.peek().map_or(Time::NEVER, |Reverse((at, ..))| *at);
        self.held.as_ref().map_or(arrival, |(at, _)| arrival.min(*at))
    }

    /// A frame that has arrived.
    pub fn receive(&mut self, now: Time) -> Option<Vec<u8>> {
        if let Some((_, held)) = self.held.take_if(|(at, _)| *at <= now) {
            self.forward(now, held);
        }
        if self.queue.peek()?.0.0 > now {
            return None;
        }
        self.queue.pop().map(|Reverse((_, _, frame))| frame)
    }
}
