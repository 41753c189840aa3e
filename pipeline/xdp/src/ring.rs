//! The rings that a socket shares with the kernel (Documentation/networking/af_xdp.rst).
//!
//! One side produces, the other consumes. Each counts in an index of its own that only grows and wraps
//! at 2^32; slot `i` is at `i` modulo the ring's size, a power of two. An entry is handed over by a
//! store of the index with release order, and seen by a load with acquire order.
//!
//! ```text
//!   fill        gate -> kernel   addresses of empty chunks
//!   rx          kernel -> gate   frames that came in
//!   tx          gate -> kernel   frames to leave
//!   completion  kernel -> gate   addresses of frames that have left
//! ```

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use rustix::net::xdp::{XdpRingFlags, XdpRingOffset};

use crate::mapping::Mapping;

/// Where a ring is in memory. Its pointers stay valid as long as the mapping beside them.
#[derive(Debug)]
struct Memory<T> {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    slots: NonNull<T>,
    size: u32,
    /// `None` where a test holds the memory.
    _mapping: Option<Mapping>,
}

// SAFETY: the pointers lead into memory that is shared by all threads of the process, and one side of a
// ring is used by one thread at a time, since its methods take `&mut self`.
unsafe impl<T: Send> Send for Memory<T> {}

impl<T: Copy> Memory<T> {
    /// Maps the ring of `socket` at page offset `place`.
    fn map(
        socket: BorrowedFd<'_>,
        place: u64,
        at: XdpRingOffset,
        size: u32,
    ) -> io::Result<Memory<T>> {
        let slots = usize::try_from(at.desc).ok();
        let length = slots.and_then(|slots| slots.checked_add(size as usize * size_of::<T>()));
        let mapping = Mapping::of(socket, length.ok_or(io::ErrorKind::InvalidData)?, place)?;
        Memory::within(mapping, at, size).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn within(mapping: Mapping, at: XdpRingOffset, size: u32) -> Option<Memory<T>> {
        Some(Memory {
            producer: mapping.values(at.producer, 1)?,
            consumer: mapping.values(at.consumer, 1)?,
            // Linux before 5.4 has no flags; it is too old for the rest as well.
            flags: mapping.values(at.flags?, 1)?,
            slots: mapping.values(at.desc, size as usize)?,
            size: Some(size).filter(|size| size.is_power_of_two())?,
            _mapping: Some(mapping),
        })
    }

    fn producer(&self) -> &AtomicU32 {
        // SAFETY: points into the mapping; the kernel uses it as an atomic as well.
        unsafe { self.producer.as_ref() }
    }

    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: points into the mapping; the kernel uses it as an atomic as well.
        unsafe { self.consumer.as_ref() }
    }

    fn needs_wakeup(&self) -> bool {
        // SAFETY: points into the mapping; the kernel uses it as an atomic as well.
        let flags = unsafe { self.flags.as_ref() };
        flags.load(Relaxed) & XdpRingFlags::XDP_RING_NEED_WAKEUP.bits() != 0
    }

    fn slot(&self, index: u32) -> NonNull<T> {
        // SAFETY: the masked index is below the number of slots in the mapping.
        unsafe { self.slots.add((index & (self.size - 1)) as usize) }
    }
}

/// The side of a ring that puts entries in.
#[derive(Debug)]
pub(crate) struct Producer<T> {
    memory: Memory<T>,
    /// One past the last entry written.
    head: u32,
    /// What the other side had consumed when last looked.
    tail: u32,
}

impl<T: Copy> Producer<T> {
    /// The producing side of a ring of `socket`.
    pub(crate) fn map(
        socket: BorrowedFd<'_>,
        place: u64,
        at: XdpRingOffset,
        size: u32,
    ) -> io::Result<Producer<T>> {
        Memory::map(socket, place, at, size).map(Producer::new)
    }

    fn new(memory: Memory<T>) -> Producer<T> {
        let head = memory.producer().load(Relaxed);
        let tail = memory.consumer().load(Acquire);
        Producer { memory, head, tail }
    }

    /// Free slots; looks at the other side's index only if fewer than `wanted` are known of.
    #[inline]
    pub(crate) fn room(&mut self, wanted: u32) -> u32 {
        if self.known_room() < wanted {
            self.tail = self.memory.consumer().load(Acquire);
        }
        self.known_room()
    }

    fn known_room(&self) -> u32 {
        // Indices that make no sense leave no room.
        self.memory.size.saturating_sub(self.head.wrapping_sub(self.tail))
    }

    /// Writes one entry, seen by the other side after [`publish`](Producer::publish). False where
    /// the ring is full.
    #[inline]
    pub(crate) fn push(&mut self, entry: T) -> bool {
        if self.room(1) == 0 {
            return false;
        }
        // SAFETY: the slot is free: the other side has consumed what was in it, and reads it again
        // only after the next publish.
        unsafe { self.memory.slot(self.head).write(entry) };
        self.head = self.head.wrapping_add(1);
        true
    }

    /// Hands over what was pushed.
    #[inline]
    pub(crate) fn publish(&mut self) {
        self.memory.producer().store(self.head, Release);
    }

    /// Entries that the other side has not consumed.
    pub(crate) fn waiting(&mut self) -> u32 {
        self.memory.size - self.room(self.memory.size)
    }

    /// Whether the kernel has to be told that there is something in the ring.
    #[inline]
    pub(crate) fn needs_wakeup(&self) -> bool {
        self.memory.needs_wakeup()
    }
}

/// The side of a ring that takes entries out.
#[derive(Debug)]
pub(crate) struct Consumer<T> {
    memory: Memory<T>,
    /// The next entry to read.
    tail: u32,
    /// How far the other side had produced when last looked.
    head: u32,
}

impl<T: Copy> Consumer<T> {
    /// The consuming side of a ring of `socket`.
    pub(crate) fn map(
        socket: BorrowedFd<'_>,
        place: u64,
        at: XdpRingOffset,
        size: u32,
    ) -> io::Result<Consumer<T>> {
        Memory::map(socket, place, at, size).map(Consumer::new)
    }

    fn new(memory: Memory<T>) -> Consumer<T> {
        let tail = memory.consumer().load(Relaxed);
        let head = memory.producer().load(Acquire);
        Consumer { memory, tail, head }
    }

    /// Takes the oldest entry; its slot is free for the other side after
    /// [`release`](Consumer::release).
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.head == self.tail {
            self.head = self.memory.producer().load(Acquire);
        }
        let ready = self.head.wrapping_sub(self.tail);
        // More than fit is an index that makes no sense: nothing is read by it.
        if ready == 0 || ready > self.memory.size {
            return None;
        }
        // SAFETY: the other side has published this entry and writes it again only after the release.
        let entry = unsafe { self.memory.slot(self.tail).read() };
        self.tail = self.tail.wrapping_add(1);
        Some(entry)
    }

    /// Gives the slots of what was taken back to the other side.
    #[inline]
    pub(crate) fn release(&mut self) {
        self.memory.consumer().store(self.tail, Release);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// A ring in memory of our own, so that a test can be the kernel.
    struct Shared {
        mapping: Mapping,
        size: u32,
    }

    const AT: XdpRingOffset =
        XdpRingOffset { producer: 0, consumer: 64, desc: 192, flags: Some(128) };

    impl Shared {
        fn new(size: u32, index: u32) -> Shared {
            let shared = Shared { mapping: Mapping::anonymous(4096).unwrap(), size };
            let side = shared.side();
            side.producer().store(index, Relaxed);
            side.consumer().store(index, Relaxed);
            shared
        }

        fn side(&self) -> Memory<u64> {
            Memory {
                producer: self.mapping.values(AT.producer, 1).unwrap(),
                consumer: self.mapping.values(AT.consumer, 1).unwrap(),
                flags: self.mapping.values(AT.flags.unwrap(), 1).unwrap(),
                slots: self.mapping.values(AT.desc, self.size as usize).unwrap(),
                size: self.size,
                _mapping: None,
            }
        }
    }

    #[test]
    fn a_full_ring_takes_nothing_more() {
        let shared = Shared::new(4, 0);
        let (mut producer, mut consumer) =
            (Producer::new(shared.side()), Consumer::new(shared.side()));
        assert!((0..4).all(|n| producer.push(n)));
        assert!(!producer.push(4));
        assert_eq!(consumer.pop(), None, "not published");
        producer.publish();
        assert_eq!((producer.waiting(), consumer.pop()), (4, Some(0)));
        assert!(!producer.push(4), "read, but not released");
        consumer.release();
        assert!(producer.push(4));
    }

    #[test]
    fn indices_that_make_no_sense_read_and_write_nothing() {
        let shared = Shared::new(4, 0);
        let mut consumer = Consumer::new(shared.side());
        shared.side().producer().store(5, Relaxed);
        assert_eq!(consumer.pop(), None);
        shared.side().consumer().store(0x8000_0000, Relaxed);
        let mut producer = Producer::new(shared.side());
        assert_eq!(producer.room(4), 0);
        assert!(!producer.push(1));
    }

    #[test]
    fn the_wakeup_flag_is_read() {
        let shared = Shared::new(4, 0);
        let producer = Producer::new(shared.side());
        assert!(!producer.needs_wakeup());
        // SAFETY: points into the mapping that `shared` holds.
        unsafe { shared.side().flags.as_ref() }.store(1, Relaxed);
        assert!(producer.needs_wakeup());
    }

    #[test]
    fn offsets_outside_the_mapping_are_refused() {
        let within =
            |at, size| Memory::<u64>::within(Mapping::anonymous(4096).unwrap(), at, size).is_some();
        assert!(within(AT, 256));
        assert!(!within(AT, 512), "longer than the mapping");
        assert!(!within(AT, 3), "no power of two");
        assert!(!within(XdpRingOffset { flags: None, ..AT }, 4));
        assert!(!within(XdpRingOffset { producer: 4094, ..AT }, 4));
    }

    proptest! {
        /// Against a queue: whatever is pushed comes out once and in order, also where indices wrap.
        #[test]
        fn is_a_bounded_queue(start in any::<u32>(), steps in prop::collection::vec((any::<bool>(), 1..9_usize), 0..200)) {
            let shared = Shared::new(8, start.wrapping_sub(4));
            let mut producer = Producer::new(shared.side());
            let mut consumer = Consumer::new(shared.side());
            let (mut model, mut next) = (VecDeque::new(), 0_u64);
            for (produce, count) in steps {
                for _ in 0..count {
                    if produce {
                        let fits = model.len() < 8;
                        prop_assert_eq!(producer.push(next), fits);
                        if fits { model.push_back(next); }
                        next += 1;
                    } else {
                        prop_assert_eq!(consumer.pop(), model.pop_front());
                    }
                }
                if produce { producer.publish() } else { consumer.release() }
                prop_assert_eq!(producer.waiting() as usize, model.len());
            }
        }
    }

    #[test]
    fn threads_hand_over_every_entry() {
        const COUNT: u64 = 100_000;
        let shared = Shared::new(64, u32::MAX - 7);
        let (mut producer, mut consumer) =
            (Producer::new(shared.side()), Consumer::new(shared.side()));
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for n in 0..COUNT {
                    while !producer.push(n) {
                        std::thread::yield_now();
                    }
                    producer.publish();
                }
            });
            for n in 0..COUNT {
                let entry =
                    std::iter::repeat_with(|| consumer.pop()).inspect(|_| std::thread::yield_now());
                assert_eq!(entry.flatten().next(), Some(n));
                consumer.release();
            }
        });
    }
}
