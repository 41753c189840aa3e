//! One record, on its way to the disk.
//!
//! Blocks are made in memory and written together. The file is opened for that each time: so a folder that is gone is
//! noticed, and a thousand records need no thousand descriptors. What a failure has left half-written is cut off
//! before the next try, so a record is whole blocks at any time but in the middle of a write.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use wicketgate_engine::Copied;
use wicketgate_packet::{PortId, Time};
use wicketgate_ports::CaptureWriter;
use wicketgate_ports::capture::{Remarks, Way};

use wicketgate_dissectors::Direction;

/// How a record's name ends.
pub(crate) const FILE_TYPE: &str = "pcapng";
/// What a record's one interface is called. No port of a gate: a replay is to take it for a capture of a wire.
const INTERFACE: &str = "session";
/// Only whoever the gate runs as reads records: what they hold was encrypted on its way.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// Bytes that wait for the disk, at most; beyond them frames are missing.
const PENDING: usize = 1 << 20;
/// Records of one number on one day: a gate counts sessions anew at each start.
const NAMESAKES: u32 = 10_000;

/// Frames that should be in a record and are not, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The record is as long as settings let it be.
    pub(crate) beyond: u64,
    /// The disk took nothing for too long.
    pub(crate) unwritten: u64,
    /// They were on the disk, and somebody deleted the file.
    pub(crate) deleted: u64,
}

impl Missing {
    /// For whatever reason.
    pub(crate) const fn all(self) -> u64 {
        self.beyond + self.unwritten + self.deleted
    }

    /// Adds those of another record.
    pub(crate) const fn add(&mut self, more: Missing) {
        self.beyond += more.beyond;
        self.unwritten += more.unwritten;
        self.deleted += more.deleted;
    }
}

/// A record that is being written.
pub(super) struct RecordFile {
    folder: PathBuf,
    session: u64,
    /// Where it is, once it is there.
    path: Option<PathBuf>,
    capture: CaptureWriter<Vec<u8>>,
    /// Its first blocks, for where the file goes missing.
    head: Vec<u8>,
    pending: Vec<u8>,
    written: u64,
    /// Bytes that it may have.
    most: u64,
    /// Frames that are in it, those that wait included; and those on the disk.
    frames: u64,
    safe: u64,
    /// Frames that are not.
    missing: Missing,
}

impl RecordFile {
    /// A record of this session in `folder`, of `most` bytes; nothing is on the disk yet.
    pub(super) fn new(
        folder: PathBuf,
        session: u64,
        comment: &str,
        most: u64,
    ) -> io::Result<RecordFile> {
        let mut capture = CaptureWriter::in_memory(INTERFACE, comment)?;
        let head = capture.take();
        let (path, pending, written) = (None, head.clone(), 0);
        let (frames, safe, missing) = (0, 0, Missing::default());
        Ok(RecordFile {
            folder,
            session,
            path,
            capture,
            head,
            pending,
            written,
            most,
            frames,
            safe,
            missing,
        })
    }

    /// Frames that should be in it, and are not.
    pub(super) fn missing(&self) -> Missing {
        self.missing
    }

    /// Whether nothing waits for the disk.
    pub(super) fn is_written(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether much waits for the disk.
    pub(super) fn is_due(&self) -> bool {
        self.pending.len() > PENDING / 4
    }

    /// Adds a frame, where there is room for it.
    pub(super) fn frame(&mut self, time: Time, copied: &Copied, comments: &[String]) {
        let frame = copied.bytes();
        let size = self.written + (self.pending.len() + frame.len()) as u64;
        if size > self.most {
            self.missing.beyond += 1;
            return;
        }
        if self.pending.len() > PENDING {
            self.missing.unwritten += 1;
            return;
        }
        let way = match copied.direction {
            Direction::ToServer => Way::In,
            Direction::ToClient => Way::Out,
        };
        let remarks = Remarks { way: Some(way), length: copied.length, comments };
        // To write into memory does not fail, and a frame of 2 KiB is not too long.
        let _ = self.capture.write_with(PortId(0), time, frame, remarks);
        self.pending.append(&mut self.capture.take());
        self.frames += 1;
    }

    /// Adds how it ended.
    pub(super) fn end(&mut self, time: Time, missing: u64, comment: &str) {
        let _ = self.capture.statistics(PortId(0), time, missing, comment);
        self.pending.append(&mut self.capture.take());
    }

    /// Writes what is pending.
    ///
    /// # Errors
    /// The disk does not take it; it stays pending.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let file = self.open()?;
        file.set_len(self.written)?;
        file.write_all_at(&self.pending, self.written)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        self.safe = self.frames;
        Ok(())
    }

    /// The file; where somebody took it away, another, which begins anew.
    fn open(&mut self) -> io::Result<File> {
        match self.path.as_ref().map(|path| OpenOptions::new().write(true).open(path)) {
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Some(opened) => return opened,
            None => {}
        }
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&self.folder)?;
        let (path, file) = create(&self.folder, self.session)?;
        // A folder that was only away may come back until another record could be made.
        if self.path.replace(path).is_some() {
            self.begin_anew();
        }
        Ok(file)
    }

    fn begin_anew(&mut self) {
        self.missing.deleted += self.safe;
        self.frames -= self.safe;
        (self.safe, self.written) = (0, 0);
        self.pending.splice(0..0, self.head.iter().copied());
    }
}

/// `7.pcapng`, or `7-2.pcapng` where that is another's.
fn create(folder: &Path, session: u64) -> io::Result<(PathBuf, File)> {
    for number in 1..NAMESAKES {
        let name = match number {
            1 => format!("{session}.{FILE_TYPE}"),
            number => format!("{session}-{number}.{FILE_TYPE}"),
        };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (path, file)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
