//! Frames on the heap, a fixed number of them.

use std::fmt;

use wicketgate_packet::{FrameBuf, Window};

/// Free bytes before a fresh frame, for headers that the gate puts in front.
pub const HEADROOM: usize = 64;
/// Bytes of a chunk, headroom included: as much as an AF_XDP chunk of half a page.
pub const CHUNK: usize = 2048;
/// Free bytes kept behind a frame for which its chunk had to grow.
const TAILROOM: usize = 64;
/// Bytes behind a chunk that nobody uses. Chunks half a page apart would all begin in the same two of 64 places of a
/// first-level cache, which holds a dozen lines in each; a burst is more.
const APART: usize = 64;

/// One frame in a chunk of its own. Neither `Copy` nor `Clone`: who holds it owns it.
pub struct HeapFrame {
    chunk: Box<[u8]>,
    window: Window,
}

impl HeapFrame {
    pub(crate) fn new() -> HeapFrame {
        HeapFrame::empty(chunk(CHUNK))
    }

    /// No frame yet, with full headroom.
    #[inline]
    const fn empty(chunk: Box<[u8]>) -> HeapFrame {
        HeapFrame { chunk, window: Window::new(HEADROOM, 0) }
    }

    /// Makes `head` followed by `body` the frame, with full headroom again.
    /// Allocates only where the chunk is too small; it then stays large.
    #[inline]
    pub fn fill(&mut self, head: &[u8], body: &[u8]) {
        let len = head.len() + body.len();
        if HEADROOM + len + APART > self.chunk.len() {
            self.grow(len);
        }
        self.window = Window::new(HEADROOM, len);
        let room = self.window.of_mut(&mut self.chunk);
        if let Some((to_head, to_body)) = room.split_at_mut_checked(head.len())
            && to_body.len() == body.len()
        {
            // Nearly all frames are Ethernet already: to copy nothing is a call all the same.
            if !head.is_empty() {
                to_head.copy_from_slice(head);
            }
            to_body.copy_from_slice(body);
        }
    }

    /// Grows the chunk, contents lost, so that a frame of `len` bytes fits.
    #[cold]
    fn grow(&mut self, len: usize) {
        self.chunk = chunk(HEADROOM + len + TAILROOM);
    }
}

/// Memory for a frame and what is around it.
fn chunk(len: usize) -> Box<[u8]> {
    vec![0; len + APART].into_boxed_slice()
}

impl FrameBuf for HeapFrame {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.window.of(&self.chunk)
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.window.of_mut(&mut self.chunk)
    }

    fn resize(&mut self, len: usize) -> bool {
        let usable = self.chunk.len().saturating_sub(APART);
        self.window.resize(self.chunk.get_mut(..usable).unwrap_or_default(), len)
    }

    fn move_start(&mut self, by: isize) -> bool {
        self.window.move_start(&mut self.chunk, by)
    }
}

impl fmt::Debug for HeapFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeapFrame({} bytes)", self.bytes().len())
    }
}

/// A fixed number of chunks; a frame is either in here or in someone's hands.
#[derive(Debug)]
pub struct Pool {
    free: Vec<Box<[u8]>>,
    /// Chunks that were not needed so far, and are made when they are.
    unmade: usize,
    size: usize,
}

impl Pool {
    /// A pool of `size` chunks, all of them allocated now.
    pub fn new(size: usize) -> Pool {
        Pool { free: (0..size).map(|_| chunk(CHUNK)).collect(), unmade: 0, size }
    }

    /// A pool of `size` chunks, each of them allocated when it is first needed: a capture seldom has more than a burst
    /// of frames in somebody's hands.
    pub fn on_demand(size: usize) -> Pool {
        Pool { free: Vec::new(), unmade: size, size }
    }

    /// One of several pools whose frames change hands: it has `own` chunks and takes up to `size`.
    pub fn among(own: usize, size: usize) -> Pool {
        let mut pool = Pool::new(own);
        pool.free.reserve_exact(size.saturating_sub(own));
        Pool { size: size.max(own), ..pool }
    }

    /// An empty frame with full headroom; `None` when all are in use.
    #[inline]
    pub fn take(&mut self) -> Option<HeapFrame> {
        match self.free.pop() {
            Some(chunk) => Some(HeapFrame::empty(chunk)),
            None => self.make(),
        }
    }

    #[cold]
    fn make(&mut self) -> Option<HeapFrame> {
        self.unmade = self.unmade.checked_sub(1)?;
        Some(HeapFrame::new())
    }

    /// Takes a frame back. One that is too many, because it is of another pool, is dropped.
    #[inline]
    pub fn recycle(&mut self, frame: HeapFrame) {
        if self.free.len() < self.size {
            self.free.push(frame.chunk);
        }
    }

    /// Frames nobody holds.
    pub fn available(&self) -> usize {
        self.free.len() + self.unmade
    }

    /// Frames there are, held or not.
    pub fn size(&self) -> usize {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_either_held_or_available() {
        let mut pool = Pool::new(3);
        let held: Vec<HeapFrame> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!((held.len(), pool.available()), (3, 0));
        assert!(pool.take().is_none());
        held.into_iter().for_each(|frame| pool.recycle(frame));
        assert_eq!(pool.available(), pool.size());
    }

    #[test]
    fn chunks_made_on_demand_are_as_many_and_come_back() {
        let mut pool = Pool::on_demand(3);
        for _ in 0..2 {
            let held: Vec<HeapFrame> = std::iter::from_fn(|| pool.take()).collect();
            assert_eq!((held.len(), pool.available()), (3, 0));
            held.into_iter().for_each(|frame| pool.recycle(frame));
            assert_eq!((pool.available(), pool.size()), (3, 3));
        }
        let first = pool.take().unwrap();
        assert_eq!((first.bytes().len(), pool.available()), (0, 2));
    }

    #[test]
    fn a_frame_too_many_does_not_enlarge_the_pool() {
        let mut other = Pool::new(1);
        let mut pool = Pool::new(1);
        pool.recycle(other.take().unwrap());
        assert_eq!(pool.available(), 1);
    }

    #[test]
    fn a_taken_frame_is_empty_whatever_it_held() {
        let mut pool = Pool::new(1);
        let mut frame = pool.take().unwrap();
        frame.fill(b"ab", b"cd");
        assert!(frame.move_start(1));
        pool.recycle(frame);
        let mut frame = pool.take().unwrap();
        assert_eq!(frame.bytes(), b"");
        assert!(frame.resize(4));
        assert_eq!(frame.bytes(), [0; 4], "bytes gained are zero, not the frame before");
    }

    #[test]
    fn a_frame_moves_within_its_chunk() {
        let mut frame = HeapFrame::new();
        frame.fill(b"head", b"body");
        assert_eq!(frame.bytes(), b"headbody");
        assert!(frame.resize(CHUNK - HEADROOM) && !frame.resize(CHUNK - HEADROOM + 1));
        assert!(frame.move_start(-(HEADROOM as isize)) && !frame.move_start(-1));
        assert_eq!(frame.bytes().len(), CHUNK);
    }

    #[test]
    fn a_jumbo_frame_grows_its_chunk_and_keeps_room_behind() {
        let mut frame = HeapFrame::new();
        let jumbo = vec![7; 70_000];
        frame.fill(&[1; 14], &jumbo);
        assert_eq!(frame.bytes().len(), 70_014);
        assert!(frame.resize(70_014 + TAILROOM));
    }
}
