//! Memory shared with the kernel.

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

/// Bytes of a huge page.
const HUGE_PAGE: usize = 2 << 20;

/// A mapping, readable and writable, unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping is plain memory that belongs to the process; no thread has a special hold on it.
unsafe impl Send for Mapping {}

// SAFETY: a shared reference gives away where the memory is, and reads or writes none of it.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Zeroed memory of our own, in whole pages.
    pub(crate) fn anonymous(length: usize) -> io::Result<Mapping> {
        Mapping::private(length, MapFlags::PRIVATE)
    }

    /// The same, at least as long, in whole huge pages of 2 MiB: fewer entries of the TLB for the same
    /// memory. They must have been set aside (`vm.nr_hugepages`).
    pub(crate) fn huge(length: usize) -> io::Result<Mapping> {
        let whole = length.checked_next_multiple_of(HUGE_PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
        // Populated: a page that is missing later is a SIGBUS, one that is missing now is an error.
        let flags = MapFlags::PRIVATE | MapFlags::HUGETLB | MapFlags::HUGE_2MB | MapFlags::POPULATE;
        Mapping::private(whole, flags)
    }

    fn private(length: usize, flags: MapFlags) -> io::Result<Mapping> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses an address where nothing is mapped.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), length, protection, flags) }?;
        Mapping::at(start.cast(), length)
    }

    /// `length` bytes of `file` from `offset` on.
    pub(crate) fn of(file: BorrowedFd<'_>, length: usize, offset: u64) -> io::Result<Mapping> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        // SAFETY: the kernel chooses an address where nothing is mapped.
        let start = unsafe { mmap(ptr::null_mut(), length, protection, flags, file, offset) }?;
        Mapping::at(start.cast(), length)
    }

    fn at(start: *mut u8, length: usize) -> io::Result<Mapping> {
        let start = NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Mapping { start, length })
    }

    /// The first byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// A pointer to `count` values of `T` at `offset`; `None` where they are not all inside, or not
    /// aligned.
    pub(crate) fn values<T>(&self, offset: u64, count: usize) -> Option<NonNull<T>> {
        let offset = usize::try_from(offset).ok()?;
        let end = count.checked_mul(size_of::<T>())?.checked_add(offset)?;
        // A mapping begins at a page, so alignment is that of the offset.
        let fits = end <= self.length && offset.is_multiple_of(align_of::<T>());
        // SAFETY: the offset is inside the mapping.
        fits.then(|| unsafe { self.start.byte_add(offset) }.cast())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, whole, and whoever points into it borrows or owns `self`.
        // What can fail is only an address or length that is no mapping's.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_inside_and_aligned() {
        let mapping = Mapping::anonymous(4096).unwrap();
        assert!(mapping.values::<u64>(0, 512).is_some());
        assert!(mapping.values::<u64>(8, 512).is_none());
        assert!(mapping.values::<u64>(4, 1).is_none());
        assert!(mapping.values::<u64>(0, usize::MAX).is_none());
        assert!(mapping.values::<u8>(u64::MAX, 1).is_none());
    }
}
