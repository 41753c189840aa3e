//! UMAS: the programming protocol of Schneider Electric controllers, inside function 90.
//!
//! ```text
//! request    5A  session  code  data
//! response   5A  session  FE    data        (FE: done, FD: error)
//! ```
//!
//! `session` is 0 until [`TAKE_RESERVATION`] hands out a key; a reservation comes before each
//! change of the device. The protocol is not published: codes that are not listed here are of class
//! `unknown`, thus denied unless a rule names them.

use crate::Step;

/// The steps of a program download, by code. An upload changes nothing in the device, so it may stop
/// anywhere.
pub const STEPS: &[(u16, Step)] =
    &[(INIT_DOWNLOAD, Step::Begins), (DOWNLOAD_BLOCK, Step::Continues), (END_DOWNLOAD, Step::Ends)];

/// Which step of an operation a function with this code below it is.
pub fn step(function: u16, sub: Option<u16>) -> Step {
    let known = STEPS.iter().find(|(code, _)| Some(*code) == sub);
    let of_umas = function == u16::from(super::functions::UMAS);
    known.filter(|_| of_umas).map_or(Step::Alone, |(_, step)| *step)
}

/// The code of a request: the byte after the session key.
pub fn code(data: &[u8]) -> Option<u8> {
    data.get(1).copied()
}

/// Begin communication.
pub const INIT: u16 = 0x01;
/// Identify the controller.
pub const READ_ID: u16 = 0x02;
/// Name and version of the project in the controller.
pub const PROJECT_INFO: u16 = 0x03;
/// State of the controller.
pub const PLC_INFO: u16 = 0x04;
/// State of the memory card.
pub const CARD_INFO: u16 = 0x06;
/// Echo.
pub const REPEAT: u16 = 0x0a;
/// Become the one who may change the device.
pub const TAKE_RESERVATION: u16 = 0x10;
/// Give that up.
pub const RELEASE_RESERVATION: u16 = 0x11;
/// Keep the reservation.
pub const KEEP_ALIVE: u16 = 0x12;
/// Read a block of memory.
pub const READ_MEMORY: u16 = 0x20;
/// Read variables.
pub const READ_VARIABLES: u16 = 0x22;
/// Write variables.
pub const WRITE_VARIABLES: u16 = 0x23;
/// Read coils and registers.
pub const READ_COILS_REGISTERS: u16 = 0x24;
/// Write coils and registers.
pub const WRITE_COILS_REGISTERS: u16 = 0x25;
/// Begin to upload the program.
pub const INIT_UPLOAD: u16 = 0x30;
/// Upload a block of the program.
pub const UPLOAD_BLOCK: u16 = 0x31;
/// End the upload.
pub const END_UPLOAD: u16 = 0x32;
/// Begin to download a program.
pub const INIT_DOWNLOAD: u16 = 0x33;
/// Download a block of the program.
pub const DOWNLOAD_BLOCK: u16 = 0x34;
/// End the download.
pub const END_DOWNLOAD: u16 = 0x35;
/// Read data of the Ethernet master.
pub const READ_ETHERNET_MASTER: u16 = 0x39;
/// Start the controller.
pub const START: u16 = 0x40;
/// Stop the controller.
pub const STOP: u16 = 0x41;
/// Watch variables.
pub const MONITOR: u16 = 0x50;
/// Check the state of the controller.
pub const CHECK: u16 = 0x58;
/// Read an I/O object.
pub const READ_IO_OBJECT: u16 = 0x70;
/// Write an I/O object.
pub const WRITE_IO_OBJECT: u16 = 0x71;
/// State of an I/O module.
pub const MODULE_STATUS: u16 = 0x73;
