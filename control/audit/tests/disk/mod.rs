//! A disk in memory that fails, tears what was not waited for, and is cut off from power.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of this")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests assert by panicking")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use wicketgate_audit::{FileName, Files};

/// Numbers from a seed (xorshift64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn of(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `most`.
    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    /// Once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        times > 0 && self.below(times) == 0
    }
}

/// A file: what a reader sees, and what is on the disk.
#[derive(Clone, Debug, Default)]
struct Inode {
    seen: Vec<u8>,
    kept: Vec<u8>,
}

/// Everything that is there.
#[derive(Debug)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    /// Names that are on the disk.
    kept: BTreeMap<String, usize>,
    dice: Dice,
    faults: Faults,
    /// The folder was taken away.
    gone: bool,
    removed: Vec<String>,
}

/// What fails: once in so many times; 0 is never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// A write: there is no space for all of it.
    pub space: usize,
    /// A write, by the device.
    pub write: usize,
    /// A wait; what was written since the last one may be lost, and is not seen any more.
    pub sync: usize,
    /// Anything else.
    pub other: usize,
}

/// The disk; clones are the same one.
#[derive(Clone, Debug)]
pub struct Memory(Rc<RefCell<State>>);

impl Memory {
    pub fn new(seed: u64) -> Memory {
        Memory(Rc::new(RefCell::new(State {
            inodes: Vec::new(),
            names: BTreeMap::new(),
            kept: BTreeMap::new(),
            dice: Dice::of(seed),
            faults: Faults::default(),
            gone: false,
            removed: Vec::new(),
        })))
    }

    pub fn set_faults(&self, faults: Faults) {
        self.0.borrow_mut().faults = faults;
    }

    pub fn set_gone(&self, gone: bool) {
        self.0.borrow_mut().gone = gone;
    }

    /// The power is cut: what nobody waited for is there or not, up to any byte.
    pub fn crash(&self) {
        let mut state = self.0.borrow_mut();
        let State { inodes, names, kept, dice, .. } = &mut *state;
        for inode in inodes.iter_mut() {
            let more = inode.seen.len().saturating_sub(inode.kept.len());
            let torn = inode.kept.len() + if more > 0 { dice.below(more + 1) } else { 0 };
            inode.kept.extend_from_slice(&inode.seen[inode.kept.len().min(torn)..torn]);
            inode.seen = inode.kept.clone();
        }
        for (name, inode) in std::mem::take(names) {
            if kept.contains_key(&name) || dice.once_in(2) {
                names.insert(name, inode);
            }
        }
        *kept = names.clone();
    }

    /// The files of the log, in their order.
    pub fn pieces(&self) -> Vec<Vec<u8>> {
        let state = self.0.borrow();
        let log = state.names.iter().filter(|(name, _)| FileName::parse(name).is_some());
        log.map(|(_, inode)| state.inodes[*inode].seen.clone()).collect()
    }

    /// Names of all files.
    pub fn names(&self) -> Vec<String> {
        self.0.borrow().names.keys().cloned().collect()
    }

    /// What stands in a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        let state = self.0.borrow();
        state.inodes[state.names[name]].seen.clone()
    }

    /// Puts this into a file, on the disk.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.0.borrow_mut();
        let inode = state.inodes.len();
        state.inodes.push(Inode { seen: bytes.to_vec(), kept: bytes.to_vec() });
        state.names.insert(name.to_owned(), inode);
        state.kept.insert(name.to_owned(), inode);
    }

    /// Takes a file away.
    pub fn take(&self, name: &str) -> Vec<u8> {
        let bytes = self.read(name);
        self.0.borrow_mut().names.remove(name);
        bytes
    }

    /// What the log's writer deleted.
    pub fn removed(&self) -> Vec<String> {
        self.0.borrow().removed.clone()
    }
}

const NO_SPACE: i32 = 28;
const IO: i32 = 5;

impl State {
    fn here(&mut self) -> io::Result<()> {
        let other = self.faults.other;
        match self.gone {
            true => Err(io::ErrorKind::NotFound.into()),
            false if self.dice.once_in(other) => Err(io::Error::from_raw_os_error(IO)),
            false => Ok(()),
        }
    }

    fn put(&mut self, file: usize, offset: u64, bytes: &[u8]) {
        let (at, seen) = (offset as usize, &mut self.inodes[file].seen);
        seen.resize(seen.len().max(at + bytes.len()), 0);
        seen[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

impl Files for Memory {
    type File = usize;

    fn list(&mut self) -> io::Result<Vec<String>> {
        self.0.borrow_mut().here()?;
        Ok(self.names())
    }

    fn create(&mut self, name: &str) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        state.here()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.names.insert(name.to_owned(), inode);
        Ok(inode)
    }

    fn open(&mut self, name: &str) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        state.here()?;
        state.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn length(&mut self, file: &usize) -> io::Result<u64> {
        let mut state = self.0.borrow_mut();
        state.here()?;
        Ok(state.inodes[*file].seen.len() as u64)
    }

    fn read(&mut self, file: &usize, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        state.here()?;
        let bytes = state.inodes[*file].seen.get(offset as usize..).unwrap_or_default();
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write(&mut self, file: &usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let Faults { space, write, .. } = state.faults;
        let error = match (state.dice.once_in(space), state.dice.once_in(write)) {
            (true, _) => NO_SPACE,
            (false, true) => IO,
            (false, false) => {
                state.put(*file, offset, bytes);
                return Ok(());
            }
        };
        let part = state.dice.below(bytes.len() + 1);
        state.put(*file, offset, &bytes[..part]);
        Err(io::Error::from_raw_os_error(error))
    }

    fn truncate(&mut self, file: &usize, length: u64) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.here()?;
        state.inodes[*file].seen.truncate(length as usize);
        Ok(())
    }

    fn sync(&mut self, file: &usize) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let sync = state.faults.sync;
        let failed = state.dice.once_in(sync);
        let inode = &mut state.inodes[*file];
        if failed {
            // The pages are dropped: only what was on the disk is seen.
            inode.seen = inode.kept.clone();
            return Err(io::Error::from_raw_os_error(IO));
        }
        inode.kept = inode.seen.clone();
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.here()?;
        state.kept = state.names.clone();
        Ok(())
    }

    fn is_in_place(&mut self, name: &str, file: &usize) -> io::Result<bool> {
        let state = self.0.borrow();
        Ok(!state.gone && state.names.get(name) == Some(file))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.here()?;
        state.names.remove(name);
        state.removed.push(name.to_owned());
        Ok(())
    }
}
