//! The memory that frames are in, and who holds which part of it.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::frame::{CHUNK, Frame, HEADROOM};
use crate::mapping::Mapping;

/// The memory of all frames of a gate, in chunks of [`CHUNK`] bytes. All its sockets share it, so that
/// a frame goes from one network card to another by its address.
#[derive(Debug)]
pub struct Umem {
    memory: Mapping,
    /// The kernel was told of it: a card may write to it even a while after its sockets are closed.
    registered: bool,
}

impl Umem {
    /// Memory for `frames` frames.
    ///
    /// # Errors
    /// More than the machine has.
    pub fn new(frames: u32) -> io::Result<Umem> {
        let length = (frames as usize).checked_mul(CHUNK).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Umem { memory: Mapping::anonymous(length)?, registered: false })
    }

    /// Frames in it.
    pub fn frames(&self) -> u32 {
        // Made from a 32-bit number.
        (self.memory.len() / CHUNK) as u32
    }
}

/// Where a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nobody's.
    Free,
    /// A [`Frame`] of it exists.
    Held,
    /// With the kernel, to receive into.
    Filling,
    /// With the kernel, to be sent.
    Sending,
}

/// How many frames are where. Their sum is always that of the UMEM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Nobody's.
    pub free: u32,
    /// In somebody's hands; between two turns of a worker there must be none.
    pub held: u32,
    /// With the kernel, to receive into.
    pub filling: u32,
    /// With the kernel, to be sent.
    pub sending: u32,
}

impl Accounts {
    /// All of them.
    pub fn total(&self) -> u32 {
        self.free + self.held + self.filling + self.sending
    }

    fn of(&mut self, place: Place) -> &mut u32 {
        match place {
            Place::Free => &mut self.free,
            Place::Held => &mut self.held,
            Place::Filling => &mut self.filling,
            Place::Sending => &mut self.sending,
        }
    }
}

/// Who holds which chunk of a UMEM.
///
/// The ledger is what makes frames sound: one is made only of a chunk that the ledger says is free, or
/// comes back from the kernel, and the ledger then says that it is held. An address that the kernel
/// returns a second time, or that it never had, makes no frame and is counted.
pub(crate) struct Pool<'u> {
    memory: NonNull<u8>,
    places: Box<[Place]>,
    free: Vec<u32>,
    accounts: Accounts,
    strays: u64,
    umem: PhantomData<&'u mut Umem>,
}

// SAFETY: the pool is the only way to the memory of the UMEM that it borrows exclusively.
unsafe impl Send for Pool<'_> {}

impl<'u> Pool<'u> {
    /// All frames of `umem`, free; once. `None` where it has had a pool before.
    pub(crate) fn new(umem: &'u mut Umem) -> Option<Pool<'u>> {
        if std::mem::replace(&mut umem.registered, true) {
            return None;
        }
        let count = umem.frames();
        Some(Pool {
            memory: umem.memory.start(),
            places: vec![Place::Free; count as usize].into(),
            free: (0..count).rev().collect(),
            accounts: Accounts { free: count, ..Accounts::default() },
            strays: 0,
            umem: PhantomData,
        })
    }

    /// The memory as the kernel is told of it: first byte and length.
    pub(crate) fn memory(&self) -> (u64, u64) {
        (self.memory.as_ptr() as u64, (self.places.len() * CHUNK) as u64)
    }

    /// An empty frame; `None` when all are in use.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Frame<'u>> {
        let index = self.free.pop()?;
        self.hold(index, Place::Free, HEADROOM, HEADROOM)
    }

    /// Takes a frame back. One of another pool is not taken, and counted as a stray.
    #[inline]
    pub(crate) fn recycle(&mut self, frame: Frame<'u>) {
        match self.index_of(&frame) {
            Some(index) => self.set_free(index, Place::Held),
            None => self.strays += 1,
        }
    }

    /// The address of a free chunk, for the kernel to receive into.
    #[inline]
    pub(crate) fn fill(&mut self) -> Option<u64> {
        let index = self.free.pop()?;
        self.transfer(index, Place::Free, Place::Filling).then(|| address(index))
    }

    /// The frame that the kernel received at `address`, `length` bytes long.
    #[inline]
    pub(crate) fn received(&mut self, address: u64, length: u32) -> Option<Frame<'u>> {
        let (index, start) = split(address);
        let end = start.saturating_add(length as usize);
        let frame = if end <= CHUNK { self.hold(index, Place::Filling, start, end) } else { None };
        self.strays += u64::from(frame.is_none());
        frame
    }

    /// Hands a frame to the kernel to be sent: its address and length. `None` where it is of another
    /// pool.
    #[inline]
    pub(crate) fn sending(&mut self, frame: Frame<'u>) -> Option<(u64, u32)> {
        let index = self
            .index_of(&frame)
            .filter(|index| self.transfer(*index, Place::Held, Place::Sending));
        self.strays += u64::from(index.is_none());
        let (start, length) = frame.place();
        // Both are at most a chunk.
        index.map(|index| (address(index) + start as u64, length as u32))
    }

    /// The kernel has sent the frame at `address`.
    #[inline]
    pub(crate) fn sent(&mut self, address: u64) {
        self.set_free(split(address).0, Place::Sending);
    }

    /// All frames.
    pub(crate) fn frames(&self) -> u32 {
        // Made from a 32-bit number.
        self.places.len() as u32
    }

    /// How many frames are where.
    pub(crate) fn accounts(&self) -> Accounts {
        self.accounts
    }

    /// Frames and addresses that were not this pool's to take; 0 unless something is broken.
    pub(crate) fn strays(&self) -> u64 {
        self.strays
    }

    fn set_free(&mut self, index: u32, from: Place) {
        if self.transfer(index, from, Place::Free) {
            self.free.push(index);
        } else {
            self.strays += 1;
        }
    }

    /// The frame of a chunk that is at `from`.
    fn hold(&mut self, index: u32, from: Place, start: usize, end: usize) -> Option<Frame<'u>> {
        if !self.transfer(index, from, Place::Held) {
            return None;
        }
        // SAFETY: the ledger has a place for `index`, so the chunk is inside the UMEM.
        let chunk = unsafe { self.memory.add(index as usize * CHUNK) };
        let chunk = NonNull::slice_from_raw_parts(chunk, CHUNK);
        // SAFETY: the memory is initialised and borrowed for `'u`; the ledger said that neither the
        // kernel nor another frame has the chunk, and says from now on that this one has.
        let chunk = unsafe { &mut *chunk.as_ptr() };
        Some(Frame::new(chunk, start, end))
    }

    /// Notes that a chunk goes from one place to another. False, with nothing changed, where it is not
    /// at `from`.
    #[inline]
    fn transfer(&mut self, index: u32, from: Place, to: Place) -> bool {
        match self.places.get_mut(index as usize) {
            Some(place) if *place == from => {
                *place = to;
                *self.accounts.of(from) -= 1;
                *self.accounts.of(to) += 1;
                true
            }
            _ => false,
        }
    }

    /// Which chunk a frame is; `None` where it is of another UMEM.
    fn index_of(&self, frame: &Frame<'u>) -> Option<u32> {
        let offset = (frame.chunk() as usize).checked_sub(self.memory.as_ptr() as usize)?;
        let index = u32::try_from(offset / CHUNK).ok()?;
        let mine = offset.is_multiple_of(CHUNK) && (index as usize) < self.places.len();
        mine.then_some(index)
    }
}

impl fmt::Debug for Pool<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({:?}, {} strays)", self.accounts, self.strays)
    }
}

/// Where a chunk begins, counted from the UMEM's first byte.
fn address(index: u32) -> u64 {
    u64::from(index) * CHUNK as u64
}

/// The chunk of an address, and where in it the address is.
fn split(address: u64) -> (u32, usize) {
    let index = u32::try_from(address / CHUNK as u64).unwrap_or(u32::MAX);
    (index, (address % CHUNK as u64) as usize)
}

#[cfg(test)]
mod tests {
    use wicketgate_packet::FrameBuf;

    use super::*;

    #[test]
    fn a_umem_serves_once() {
        let mut umem = Umem::new(1).unwrap();
        assert!(Pool::new(&mut umem).is_some());
        assert!(Pool::new(&mut umem).is_none(), "its sockets may still be written to");
    }

    #[test]
    fn a_frame_travels_through_the_kernel_and_back() {
        let mut umem = Umem::new(2).unwrap();
        let mut pool = Pool::new(&mut umem).unwrap();
        let address = pool.fill().unwrap();
        assert_eq!(pool.accounts(), Accounts { free: 1, filling: 1, ..Accounts::default() });
        let mut frame = pool.received(address + 256, 60).unwrap();
        assert_eq!((frame.bytes().len(), pool.accounts().held), (60, 1));
        assert!(frame.move_start(-4));
        assert_eq!(pool.sending(frame), Some((address + 252, 64)));
        pool.sent(address + 252);
        assert_eq!(pool.accounts(), Accounts { free: 2, ..Accounts::default() });
        assert_eq!(pool.strays(), 0);
    }

    #[test]
    fn what_the_kernel_never_had_makes_no_frame() {
        let mut umem = Umem::new(2).unwrap();
        let mut pool = Pool::new(&mut umem).unwrap();
        let address = pool.fill().unwrap();
        assert!(pool.received(address + 1000, 1049).is_none(), "beyond its chunk");
        assert!(pool.received(u64::MAX, 1).is_none() && pool.received(1 << 40, 1).is_none());
        let frame = pool.received(address, 1).unwrap();
        assert!(pool.received(address, 1).is_none(), "twice");
        pool.sent(address);
        assert_eq!((pool.strays(), pool.accounts().held), (5, 1));
        pool.recycle(frame);
        assert_eq!(pool.accounts().free, 2);
    }

    #[test]
    fn frames_of_another_pool_are_not_taken() {
        let (mut first, mut second) = (Umem::new(1).unwrap(), Umem::new(1).unwrap());
        let (mut mine, mut other) =
            (Pool::new(&mut first).unwrap(), Pool::new(&mut second).unwrap());
        mine.recycle(other.take().unwrap());
        assert_eq!((mine.strays(), mine.accounts().total(), mine.accounts().free), (1, 1, 1));
        assert_eq!(other.accounts().held, 1, "a frame that is lost stays counted");
    }

    #[test]
    fn all_frames_are_apart() {
        let mut umem = Umem::new(8).unwrap();
        let mut pool = Pool::new(&mut umem).unwrap();
        let mut all: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        for (frame, fill) in all.iter_mut().zip(0..) {
            assert!(frame.fill(&[fill; CHUNK - HEADROOM]));
        }
        for (frame, fill) in all.iter().zip(0..) {
            assert!(frame.bytes().iter().all(|byte| *byte == fill));
        }
        assert_eq!((all.len(), pool.accounts().free), (8, 0));
    }
}
