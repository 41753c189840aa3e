//! The memory that frames are in.

use std::io;

use crate::frame::CHUNK;
use crate::ledger::{Depot, Ledger};
use crate::mapping::Mapping;

/// The memory of all frames of a gate, in chunks of [`CHUNK`] bytes. All its sockets share it, so that
/// a frame goes from one network card to another by its address.
#[derive(Debug)]
pub struct Umem {
    pub(crate) memory: Mapping,
    pub(crate) frames: u32,
    pub(crate) ledger: Ledger,
    pub(crate) depot: Depot,
    /// The kernel was told of it: a card may write to it even a while after its sockets are closed.
    pub(crate) registered: bool,
}

impl Umem {
    /// Memory for `frames` frames.
    ///
    /// # Errors
    /// More than the machine has.
    pub fn new(frames: u32) -> io::Result<Umem> {
        Ok(Umem::of(Mapping::anonymous(length(frames)?)?, frames))
    }

    /// The same, in huge pages.
    ///
    /// # Errors
    /// Not so many were set aside, by `sysctl vm.nr_hugepages`, as [`huge_pages`](Umem::huge_pages)
    /// says.
    pub fn huge(frames: u32) -> io::Result<Umem> {
        Ok(Umem::of(Mapping::huge(length(frames)?)?, frames))
    }

    /// Huge pages of 2 MiB that `frames` frames need.
    pub const fn huge_pages(frames: u32) -> u32 {
        frames.div_ceil(((2 << 20) / CHUNK) as u32)
    }

    fn of(memory: Mapping, frames: u32) -> Umem {
        let (ledger, depot) = (Ledger::new(frames), Depot::new(frames));
        Umem { memory, frames, ledger, depot, registered: false }
    }

    /// Frames in it.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Free frames that are no worker's, on their way from one to another.
    pub fn in_common(&self) -> u32 {
        // At most as many as there are.
        self.depot.chunks() as u32
    }
}

/// Bytes of so many frames.
fn length(frames: u32) -> io::Result<usize> {
    (frames as usize).checked_mul(CHUNK).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}
