//! Any capture as a stream of Ethernet frames.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use wicketgate_packet::Time;

use super::clock::Clock;
use super::error::{CaptureError, Foreign};
use super::input::Input;
use super::link::LinkType;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use crate::pool::HeapFrame;

/// What a capture says about one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The frame's number in the capture, from 1, as other tools count.
    pub number: u64,
    /// When it was captured.
    pub time: Time,
    /// Bytes it had on the wire, as Ethernet; more than were captured if cut at a snapshot length.
    pub original_len: u32,
    /// Index into [`CaptureReader::interfaces`].
    pub interface: usize,
    /// What it was before it became Ethernet.
    pub link: LinkType,
}

/// An interface that a capture was made on.
#[derive(Debug)]
pub struct Interface {
    /// Its name, where the file has one (pcapng's `if_name`); pcap never has.
    pub name: Option<String>,
    /// The number of its link type, be it supported or not.
    pub link_code: u16,
    link: Option<LinkType>,
    /// Most bytes captured of a packet; 0 for no limit.
    pub(super) snapshot_len: u32,
    pub(super) clock: Clock,
}

impl Interface {
    pub(super) fn new(link_code: u16) -> Interface {
        let link = LinkType::from_code(link_code);
        Interface { name: None, link_code, link, snapshot_len: 0, clock: Clock::MICROS }
    }
}

/// A frame that needs no second look, and what the capture says about it.
pub(super) struct AtHand<'a> {
    pub(super) number: u64,
    pub(super) time: Time,
    pub(super) original_len: u32,
    pub(super) data: &'a [u8],
}

/// A packet found at the front of the window.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) interface: usize,
    pub(super) time: Time,
    pub(super) original_len: u32,
    /// Where in its record the packet lies.
    pub(super) data: Range<usize>,
    /// Bytes of the record.
    pub(super) size: usize,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// Reads a pcap or pcapng file from front to back, in memory that does not depend on its length.
#[derive(Debug)]
pub struct CaptureReader<R> {
    input: Input<R>,
    format: Format,
    interfaces: Vec<Interface>,
    /// A pcap's only interface is Ethernet.
    is_ethernet: bool,
    unsupported: u64,
}

impl CaptureReader<File> {
    /// Opens the capture at `path`.
    ///
    /// # Errors
    /// As [`new`](CaptureReader::new), and [`CaptureError::Open`].
    pub fn open(path: impl AsRef<Path>) -> Result<CaptureReader<File>, CaptureError> {
        CaptureReader::new(File::open(path).map_err(CaptureError::Open)?)
    }
}

impl<R: Read> CaptureReader<R> {
    /// Reads up to the first packet, so that the interfaces are known. No buffering is needed
    /// around `source`.
    ///
    /// # Errors
    /// [`CaptureError::NotACapture`], or a fault in the file's very beginning. A fault between
    /// there and the first packet is left for [`read`](CaptureReader::read) to find.
    pub fn new(source: R) -> Result<CaptureReader<R>, CaptureError> {
        let mut input = Input::new(source);
        let first = input.peek(8)?;
        let mut interfaces = Vec::new();
        let format = if let Some(pcap) = Pcap::recognise(first) {
            interfaces.push(pcap.open(&mut input)?);
            Format::Pcap(pcap)
        } else if let Some(pcapng) = Pcapng::recognise(first) {
            Format::Pcapng(pcapng)
        } else {
            return Err(CaptureError::NotACapture(Foreign::recognise(first)));
        };
        let link = interfaces.first().and_then(|interface: &Interface| interface.link);
        let is_ethernet = link == Some(LinkType::Ethernet);
        let mut reader = CaptureReader { input, format, interfaces, is_ethernet, unsupported: 0 };
        // Locating consumes no packet and no fault: the first `read` gets to the same place.
        let _found_again = reader.locate();
        Ok(reader)
    }

    /// The next packet, where it needs no second look: Ethernet in a pcap, and all of it in the window. It is passed by
    /// [`CaptureReader::pass`].
    #[inline(always)]
    pub(super) fn at_hand(&self) -> Option<AtHand<'_>> {
        match &self.format {
            Format::Pcap(pcap) if self.is_ethernet => pcap.at_hand(&self.input),
            _ => None,
        }
    }

    /// Goes on behind the packet that was at hand, which had so many bytes.
    #[inline(always)]
    pub(super) fn pass(&mut self, len: usize) {
        self.input.consume_frame(Pcap::record_len(len));
    }

    /// Copies the next packet into `frame` as an Ethernet frame; `None` at the end of the file.
    /// Packets that hold nothing of Ethernet are counted and skipped, their numbers with them.
    ///
    /// # Errors
    /// The first fault in the file, after all frames before it, and the same again from then on.
    pub fn read(&mut self, frame: &mut HeapFrame) -> Result<Option<Record>, CaptureError> {
        while let Some(packet) = self.locate()? {
            let record = self.copy(&packet, frame)?;
            self.input.consume_frame(packet.size);
            if record.is_some() {
                return Ok(record);
            }
            self.unsupported += 1;
        }
        Ok(None)
    }

    /// The interfaces described so far, over all sections of the file.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Packets skipped so far because nothing of Ethernet was in them.
    pub fn unsupported(&self) -> u64 {
        self.unsupported
    }

    /// Bytes of the file read so far, for a progress bar: where the next record begins.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    #[inline]
    fn locate(&mut self) -> Result<Option<Packet>, CaptureError> {
        match &mut self.format {
            Format::Pcap(pcap) => pcap.locate(&mut self.input),
            Format::Pcapng(pcapng) => pcapng.locate(&mut self.input, &mut self.interfaces),
        }
    }

    #[inline]
    fn copy(&self, packet: &Packet, frame: &mut HeapFrame) -> Result<Option<Record>, CaptureError> {
        let number = self.input.next_frame();
        let link = self.link(packet.interface, number)?;
        let data = self.input.bytes(packet.data.start, packet.data.end);
        let Some(recipe) = link.recipe(data) else { return Ok(None) };
        frame.fill(recipe.header(), data.get(recipe.strip..).unwrap_or_default());
        let captured = u32::try_from(data.len()).unwrap_or(u32::MAX);
        // Some writers put 0 for "the same".
        let original_len = recipe.original_len(packet.original_len.max(captured));
        let (time, interface) = (packet.time, packet.interface);
        Ok(Some(Record { number, time, original_len, interface, link }))
    }

    #[inline]
    fn link(&self, interface: usize, record: u64) -> Result<LinkType, CaptureError> {
        let Some(from) = self.interfaces.get(interface) else {
            return Err(self.input.corrupt(format!("a packet of interface {interface}")));
        };
        from.link.ok_or(CaptureError::UnsupportedLink { code: from.link_code, record })
    }
}
