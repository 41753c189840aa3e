//! One worker's frames.

use std::fmt;
use std::ptr::NonNull;

use wicketgate_packet::Window;

use crate::frame::{CHUNK, Frame, HEADROOM};
use crate::ledger::{Accounts, BATCH, MOST_WORKERS, Place};
use crate::umem::Umem;

/// One worker's frames of a UMEM.
///
/// The ledger is what makes frames sound: one is made only of a chunk that the ledger says is free, or
/// comes back from the kernel, and the ledger then says that it is held. An address that the kernel
/// returns a second time, or that it never had, makes no frame and is counted.
///
/// A frame may go to another worker; who has it returns it to the own pool. Free chunks that one pool
/// has too many of go to another by the depot.
pub(crate) struct Pool<'u> {
    /// The pools of a UMEM are made once and at once, by an exclusive borrow: nobody else makes frames.
    umem: &'u Umem,
    worker: u8,
    free: Vec<u32>,
    /// Free chunks that are kept; those beyond go to the depot.
    most: usize,
    accounts: Accounts,
    strays: u64,
}

impl<'u> Pool<'u> {
    /// All frames of `umem`, free, for one worker; once. `None` where it has had pools before.
    #[cfg(test)]
    pub(crate) fn new(umem: &'u mut Umem) -> Option<Pool<'u>> {
        Pool::among(umem, 1)?.pop()
    }

    /// A pool for each of `workers` workers; once. `None` where the UMEM has had pools before, or for
    /// more workers than a ledger can tell apart.
    pub(crate) fn among(umem: &'u mut Umem, workers: usize) -> Option<Vec<Pool<'u>>> {
        if workers > MOST_WORKERS || std::mem::replace(&mut umem.registered, true) {
            return None;
        }
        let umem: &'u Umem = umem;
        let alone = workers == 1;
        let most = if alone { umem.frames as usize } else { 2 * BATCH };
        let pool = |worker| Pool::empty(umem, worker, most);
        let mut pools: Vec<Pool<'u>> = (0..workers as u8).map(pool).collect();
        let mut all: Vec<u32> = (0..umem.frames).rev().collect();
        while !alone && umem.depot.give(&mut all) {}
        if let Some(first) = pools.first_mut() {
            first.accounts.free = all.len() as i64;
            first.free.extend(all);
        }
        Some(pools)
    }

    fn empty(umem: &'u Umem, worker: u8, most: usize) -> Pool<'u> {
        let (free, accounts) = (Vec::with_capacity(most + BATCH), Accounts::default());
        Pool { umem, worker, free, most, accounts, strays: 0 }
    }

    /// The memory as the kernel is told of it: first byte and length.
    pub(crate) fn memory(&self) -> (u64, u64) {
        (self.start().as_ptr() as u64, u64::from(self.umem.frames) * CHUNK as u64)
    }

    /// An empty frame; `None` when all are in use.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Frame<'u>> {
        let index = self.pop_free()?;
        self.hold(index, Place::Free, Window::new(HEADROOM, 0))
    }

    /// Takes a frame back. One of another UMEM is not taken, and counted as a stray.
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
        let index = self.pop_free()?;
        self.transfer(index, Place::Free, Place::Filling(self.worker)).then(|| address(index))
    }

    /// The frame that the kernel received at `address`, `length` bytes long.
    #[inline]
    pub(crate) fn received(&mut self, address: u64, length: u32) -> Option<Frame<'u>> {
        let (index, start) = split(address);
        let fits = start.saturating_add(length as usize) <= CHUNK;
        let (from, window) = (Place::Filling(self.worker), Window::new(start, length as usize));
        let frame = if fits { self.hold(index, from, window) } else { None };
        self.strays += u64::from(frame.is_none());
        frame
    }

    /// Hands a frame to the kernel to be sent: its address and length. `None` where it is of another
    /// UMEM.
    #[inline]
    pub(crate) fn sending(&mut self, frame: Frame<'u>) -> Option<(u64, u32)> {
        let to = Place::Sending(self.worker);
        let index = self.index_of(&frame).filter(|index| self.transfer(*index, Place::Held, to));
        self.strays += u64::from(index.is_none());
        let (start, length) = frame.place();
        // Both are at most a chunk.
        index.map(|index| (address(index) + start as u64, length as u32))
    }

    /// The kernel has sent the frame at `address`.
    #[inline]
    pub(crate) fn sent(&mut self, address: u64) {
        self.set_free(split(address).0, Place::Sending(self.worker));
    }

    /// How many frames this worker has counted where.
    pub(crate) fn accounts(&self) -> Accounts {
        self.accounts
    }

    /// Frames and addresses that were not this pool's to take; 0 unless something is broken.
    pub(crate) fn strays(&self) -> u64 {
        self.strays
    }

    /// Free frames of its UMEM that are no worker's.
    pub(crate) fn in_common(&self) -> u32 {
        self.umem.in_common()
    }

    fn pop_free(&mut self) -> Option<u32> {
        if self.free.is_empty() && self.umem.depot.take(&mut self.free) {
            self.accounts.free += BATCH as i64;
        }
        self.free.pop()
    }

    fn set_free(&mut self, index: u32, from: Place) {
        if !self.transfer(index, from, Place::Free) {
            self.strays += 1;
            return;
        }
        self.free.push(index);
        if self.free.len() > self.most && self.umem.depot.give(&mut self.free) {
            self.accounts.free -= BATCH as i64;
        }
    }

    /// The frame that the window shows of a chunk that is at `from`.
    fn hold(&mut self, index: u32, from: Place, window: Window) -> Option<Frame<'u>> {
        if !self.transfer(index, from, Place::Held) {
            return None;
        }
        // SAFETY: the ledger has a place for `index`, so the chunk is inside the UMEM.
        let chunk = unsafe { self.start().add(index as usize * CHUNK) };
        let chunk = NonNull::slice_from_raw_parts(chunk, CHUNK);
        // SAFETY: the memory is initialised and borrowed for `'u`; the ledger said that neither the
        // kernel nor another frame has the chunk, which no other thread may change (`ledger`), and says
        // from now on that this one has.
        let chunk = unsafe { &mut *chunk.as_ptr() };
        Some(Frame::new(chunk, window))
    }

    /// Notes and counts that a chunk goes from one place to another.
    #[inline]
    fn transfer(&mut self, index: u32, from: Place, to: Place) -> bool {
        let goes = self.umem.ledger.transfer(index, from, to);
        if goes {
            *self.accounts.of(from) -= 1;
            *self.accounts.of(to) += 1;
        }
        goes
    }

    fn start(&self) -> NonNull<u8> {
        self.umem.memory.start()
    }

    /// Which chunk a frame is; `None` where it is of another UMEM.
    fn index_of(&self, frame: &Frame<'u>) -> Option<u32> {
        let offset = (frame.chunk() as usize).checked_sub(self.start().as_ptr() as usize)?;
        let index = u32::try_from(offset / CHUNK).ok()?;
        let mine = offset.is_multiple_of(CHUNK) && self.umem.ledger.has(index as usize);
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
    /// The sum over all pools of a UMEM, and what is in common.
    fn total(pools: &[Pool<'_>]) -> i64 {
        let sum: Accounts = pools.iter().map(Pool::accounts).sum();
        sum.total() + i64::from(pools[0].umem.in_common())
    }

    /// One worker receives, the other sends: chunks find their way back.
    #[test]
    fn who_only_receives_does_not_run_dry() {
        const FRAMES: u32 = 8 * BATCH as u32 + 5;
        let mut umem = Umem::new(FRAMES).unwrap();
        let mut pools = Pool::among(&mut umem, 2).unwrap();
        for _ in 0..100 * FRAMES {
            let address = pools[0].fill().expect("there is always a free one");
            let frame = pools[0].received(address, 60).unwrap();
            let (address, _) = pools[1].sending(frame).unwrap();
            assert_eq!(total(&pools), i64::from(FRAMES));
            pools[1].sent(address);
        }
        let sum: Accounts = pools.iter().map(Pool::accounts).sum();
        assert_eq!((sum.held, sum.filling, sum.sending), (0, 0, 0));
        let strays: u64 = pools.iter().map(Pool::strays).sum();
        assert_eq!((total(&pools), strays), (i64::from(FRAMES), 0));
        let mut all: Vec<_> = pools
            .iter_mut()
            .flat_map(|pool| std::iter::from_fn(|| pool.take()).collect::<Vec<_>>())
            .map(|frame| frame.chunk() as usize)
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), FRAMES as usize, "each is there, once");
    }

    #[test]
    fn what_one_workers_sockets_have_is_not_the_others() {
        let mut umem = Umem::new(2).unwrap();
        let mut pools = Pool::among(&mut umem, 2).unwrap();
        let address = pools[0].fill().unwrap();
        assert!(pools[1].received(address, 60).is_none());
        let frame = pools[0].received(address, 60).unwrap();
        let (address, _) = pools[1].sending(frame).unwrap();
        pools[0].sent(address);
        assert_eq!((pools[0].strays(), pools[1].strays()), (1, 1));
        assert_eq!(pools[1].accounts().sending, 1, "still");
    }

    /// What another thread brings, or a failure where it has not in some seconds.
    fn await_some<T>(ask: impl FnMut() -> Option<T>) -> T {
        let asked = std::iter::repeat_with(ask).inspect(|_| std::thread::yield_now());
        asked.take(10_000_000).flatten().next().expect("it never comes")
    }

    #[test]
    fn threads_share_a_umem() {
        const FRAMES: u32 = 6 * BATCH as u32;
        let mut umem = Umem::new(FRAMES).unwrap();
        let mut pools = Pool::among(&mut umem, 2).unwrap();
        let ring = crossbeam_queue::ArrayQueue::new(16);
        let [giver, taker] = &mut pools[..] else { panic!() };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..100_000_u32 {
                    let mut frame = await_some(|| giver.take());
                    assert!(frame.fill(&number.to_be_bytes()));
                    while let Err(back) = ring.push(frame) {
                        std::thread::yield_now();
                        frame = back;
                    }
                }
            });
            for number in 0..100_000_u32 {
                let frame = await_some(|| ring.pop());
                assert_eq!(frame.bytes(), number.to_be_bytes());
                taker.recycle(frame);
            }
        });
        let sum: Accounts = pools.iter().map(Pool::accounts).sum();
        assert_eq!((sum.held, total(&pools)), (0, i64::from(FRAMES)));
    }
}
