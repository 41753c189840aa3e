//! The file as a sliding window, with the exact place in it.

use std::io::{ErrorKind, Read};

use super::error::CaptureError;

/// Bytes of the file in memory, and so the longest record that can be looked at in one piece:
/// twice [`MAX_PACKET`](super::MAX_PACKET), as headers and options come on top.
pub(super) const WINDOW: usize = 512 * 1024;

/// Bytes read at a time, where that is enough: what is read is soon copied out, and does not push everything else out of
/// the second-level cache.
const READ: usize = 128 * 1024;

/// A stream of records. All of the current record's bytes lie next to each other.
///
/// No record is left on a fault, so asking again gives the same fault again.
#[derive(Debug)]
pub(super) struct Input<R> {
    source: R,
    window: Box<[u8]>,
    /// The bytes in the window not consumed yet are `start..end`.
    start: usize,
    end: usize,
    /// Offset in the file of the byte at `start`.
    offset: u64,
    /// Frames consumed.
    frames: u64,
    /// A record that is being passed over.
    skip: Option<Skip>,
}

/// From where to where, in bytes from the start of the file.
#[derive(Clone, Copy, Debug)]
struct Skip {
    record: u64,
    end: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(source: R) -> Input<R> {
        let window = vec![0; WINDOW].into_boxed_slice();
        Input { source, window, start: 0, end: 0, offset: 0, frames: 0, skip: None }
    }

    /// Number of the next frame, from 1.
    #[inline]
    pub(super) fn next_frame(&self) -> u64 {
        self.frames + 1
    }

    /// Where the next record begins, in bytes from the start of the file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What is in the window where a record begins; empty where one is being passed over.
    #[inline(always)]
    pub(super) fn at_hand(&self) -> &[u8] {
        match self.skip {
            None => self.window.get(self.start..self.end).unwrap_or_default(),
            Some(_) => &[],
        }
    }

    /// The next `len` bytes, which are the record or its beginning.
    #[inline]
    pub(super) fn require(&mut self, len: usize) -> Result<&[u8], CaptureError> {
        if self.end - self.start < len {
            self.fill(len)?;
        }
        if self.end - self.start < len {
            return Err(self.cut_at(self.offset));
        }
        Ok(self.bytes(0, len))
    }

    /// The next `len` bytes, or fewer where the file ends.
    pub(super) fn peek(&mut self, len: usize) -> Result<&[u8], CaptureError> {
        self.fill(len)?;
        Ok(self.bytes(0, len.min(self.end - self.start)))
    }

    /// Bytes `from..to` of the record, which `require` has shown to be there.
    #[inline]
    pub(super) fn bytes(&self, from: usize, to: usize) -> &[u8] {
        self.window.get(self.start + from..self.start + to).unwrap_or_default()
    }

    /// Whether the file ends here, where a record ought to begin.
    #[inline]
    pub(super) fn at_end(&mut self) -> Result<bool, CaptureError> {
        if self.skip.is_some() {
            self.go_on_skipping()?;
        }
        self.is_exhausted()
    }

    /// Goes on behind a record of `len` bytes that held a frame.
    #[inline]
    pub(super) fn consume_frame(&mut self, len: usize) {
        self.consume(len);
        self.frames += 1;
    }

    /// Goes on behind `len` bytes, which `require` has shown to be there.
    #[inline]
    pub(super) fn consume(&mut self, len: usize) {
        let len = len.min(self.end - self.start);
        self.start += len;
        self.offset += len as u64;
    }

    /// Goes on behind a record of `len` bytes, however long it is, without looking at it.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), CaptureError> {
        let record = self.offset;
        self.skip = Some(Skip { record, end: record.saturating_add(len) });
        self.go_on_skipping()
    }

    /// May be called again after a fault: what is left to pass over is remembered.
    fn go_on_skipping(&mut self) -> Result<(), CaptureError> {
        let Some(Skip { record, end }) = self.skip else { return Ok(()) };
        while self.offset < end {
            if self.is_exhausted()? {
                return Err(self.cut_at(record));
            }
            self.consume(usize::try_from(end - self.offset).unwrap_or(usize::MAX));
        }
        self.skip = None;
        Ok(())
    }

    #[inline]
    fn is_exhausted(&mut self) -> Result<bool, CaptureError> {
        if self.start == self.end {
            self.fill(1)?;
        }
        Ok(self.start == self.end)
    }

    /// The fault that the record here says something that cannot be.
    #[cold]
    pub(super) fn corrupt(&self, what: String) -> CaptureError {
        CaptureError::Corrupt { offset: self.offset, what }
    }

    #[cold]
    fn cut_at(&self, offset: u64) -> CaptureError {
        CaptureError::Cut { offset, record: self.next_frame() }
    }

    /// Reads until `len` bytes are in the window, at most all of it, or the file ends.
    #[cold]
    fn fill(&mut self, len: usize) -> Result<(), CaptureError> {
        self.window.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < len {
            let room = self.window.get_mut(self.end..).unwrap_or_default();
            let most = room.len().min(READ);
            let room = room.get_mut(..most).unwrap_or_default();
            match self.source.read(room) {
                Ok(0) => break,
                Ok(read) => self.end += read.min(room.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    let offset = self.offset + self.end as u64;
                    return Err(CaptureError::Read { offset, source });
                }
            }
        }
        Ok(())
    }
}
