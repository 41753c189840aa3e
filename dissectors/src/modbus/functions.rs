//! Every function: code, class, name, table and limit.

use super::umas;
use crate::{Class, Space};

/// AP 6.1.
pub const READ_COILS: u8 = 1;
/// AP 6.2.
pub const READ_DISCRETE_INPUTS: u8 = 2;
/// AP 6.3.
pub const READ_HOLDING_REGISTERS: u8 = 3;
/// AP 6.4.
pub const READ_INPUT_REGISTERS: u8 = 4;
/// AP 6.5.
pub const WRITE_SINGLE_COIL: u8 = 5;
/// AP 6.6.
pub const WRITE_SINGLE_REGISTER: u8 = 6;
/// AP 6.7.
pub const READ_EXCEPTION_STATUS: u8 = 7;
/// AP 6.8; a sub-function of 16 bits follows.
pub const DIAGNOSTICS: u8 = 8;
/// AP 6.9.
pub const GET_COMM_EVENT_COUNTER: u8 = 11;
/// AP 6.10.
pub const GET_COMM_EVENT_LOG: u8 = 12;
/// AP 6.11.
pub const WRITE_MULTIPLE_COILS: u8 = 15;
/// AP 6.12.
pub const WRITE_MULTIPLE_REGISTERS: u8 = 16;
/// AP 6.13.
pub const REPORT_SERVER_ID: u8 = 17;
/// AP 6.14.
pub const READ_FILE_RECORD: u8 = 20;
/// AP 6.15.
pub const WRITE_FILE_RECORD: u8 = 21;
/// AP 6.16.
pub const MASK_WRITE_REGISTER: u8 = 22;
/// AP 6.17.
pub const READ_WRITE_MULTIPLE_REGISTERS: u8 = 23;
/// AP 6.18.
pub const READ_FIFO_QUEUE: u8 = 24;
/// AP 6.19; the MEI type, 8 bits, follows.
pub const ENCAPSULATED_INTERFACE: u8 = 43;
/// Not in AP: Schneider Electric's programming protocol, see [`umas`].
pub const UMAS: u8 = 90;

/// Diagnostics sub-function: echo the data (AP 6.8.1).
pub const RETURN_QUERY_DATA: u16 = 0;
/// Diagnostics sub-function: restart the port, leave listen-only mode (AP 6.8.1).
pub const RESTART_COMMUNICATIONS: u16 = 1;
/// Diagnostics sub-function: go silent; no response is returned (AP 6.8.1).
pub const FORCE_LISTEN_ONLY: u16 = 4;

/// MEI type: CANopen general reference (AP 6.20).
pub const CANOPEN: u16 = 13;
/// MEI type: read device identification (AP 6.21).
pub const READ_DEVICE_IDENTIFICATION: u16 = 14;

/// Most registers that the writing half of code 23 may carry (AP 6.17).
pub const MAX_WRITE_OF_READ_WRITE: u16 = 121;

/// One function of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Function code, 1 to 127.
    pub code: u8,
    /// The code below it, where the function has one: diagnostics sub-function, MEI type, UMAS
    /// code.
    pub sub: Option<u16>,
    /// What it does; of code 23 the more consequential half.
    pub class: Class,
    /// Its name, unique, in the words of AP.
    pub name: &'static str,
    /// The one table that it touches. [`Space::File`] stands for files of any number.
    pub space: Space,
    /// Most elements that one request may name, of code 23 in its reading half; 0 where the
    /// function has no quantity.
    pub max_quantity: u16,
}

/// Every function that the gate knows, ordered by code and sub-code.
pub fn functions() -> &'static [Function] {
    FUNCTIONS
}

/// What stands for all functions that are not in the table.
pub static UNKNOWN: Function = bare(0, Class::Unknown, "unknown");

/// The function of these codes, or [`UNKNOWN`].
#[inline]
pub fn find(code: u8, sub: Option<u16>) -> &'static Function {
    let first = FIRST.get(usize::from(code)).copied().unwrap_or_default();
    let mut rest = FUNCTIONS.get(usize::from(first)..).unwrap_or_default();
    while let [function, behind @ ..] = rest
        && function.code == code
    {
        if function.sub == sub {
            return function;
        }
        rest = behind;
    }
    &UNKNOWN
}

/// The function of a code from 1 to 6: those that touch one table, in a request of fixed length.
#[inline(always)]
pub(super) fn on_tables(code: u8) -> Option<&'static Function> {
    match code {
        READ_COILS..=WRITE_SINGLE_REGISTER => FUNCTIONS.get(usize::from(code - READ_COILS)),
        _ => None,
    }
}

/// Where the functions of each code begin in the table; of one that has none, anywhere.
#[expect(clippy::indexing_slicing, reason = "the compiler does it, and would say so")]
static FIRST: [u8; 256] = {
    let (mut first, mut left) = ([0; 256], FUNCTIONS);
    assert!(FUNCTIONS.len() <= u8::MAX as usize);
    // From the last to the first, so that the first one stays.
    while let [rest @ .., function] = left {
        first[function.code as usize] = rest.len() as u8;
        left = rest;
    }
    first
};

/// A function on a table.
const fn on(
    space: Space,
    max_quantity: u16,
    code: u8,
    class: Class,
    name: &'static str,
) -> Function {
    Function { code, sub: None, class, name, space, max_quantity }
}

/// A function without an object.
const fn bare(code: u8, class: Class, name: &'static str) -> Function {
    on(Space::None, 0, code, class, name)
}

/// A function below another one.
const fn below(code: u8, sub: u16, class: Class, name: &'static str) -> Function {
    Function { sub: Some(sub), ..bare(code, class, name) }
}

const ANY_FILE: Space = Space::File(0);

// One line a function, so that the table can be read as a table.
#[rustfmt::skip]
static FUNCTIONS: &[Function] = &[
    on(Space::Coils, 2000, READ_COILS, Class::Read, "read-coils"),
    on(Space::DiscreteInputs, 2000, READ_DISCRETE_INPUTS, Class::Read, "read-discrete-inputs"),
    on(Space::HoldingRegisters, 125, READ_HOLDING_REGISTERS, Class::Read, "read-holding-registers"),
    on(Space::InputRegisters, 125, READ_INPUT_REGISTERS, Class::Read, "read-input-registers"),
    on(Space::Coils, 1, WRITE_SINGLE_COIL, Class::Write, "write-single-coil"),
    on(Space::HoldingRegisters, 1, WRITE_SINGLE_REGISTER, Class::Write, "write-single-register"),
    bare(READ_EXCEPTION_STATUS, Class::Read, "read-exception-status"),
    below(DIAGNOSTICS, RETURN_QUERY_DATA, Class::Diag, "return-query-data"),
    below(DIAGNOSTICS, RESTART_COMMUNICATIONS, Class::Mode, "restart-communications"),
    below(DIAGNOSTICS, 2, Class::Diag, "return-diagnostic-register"),
    below(DIAGNOSTICS, 3, Class::Config, "change-ascii-delimiter"),
    below(DIAGNOSTICS, FORCE_LISTEN_ONLY, Class::Mode, "force-listen-only"),
    below(DIAGNOSTICS, 10, Class::Config, "clear-counters"),
    below(DIAGNOSTICS, 11, Class::Diag, "return-bus-message-count"),
    below(DIAGNOSTICS, 12, Class::Diag, "return-bus-communication-error-count"),
    below(DIAGNOSTICS, 13, Class::Diag, "return-bus-exception-error-count"),
    below(DIAGNOSTICS, 14, Class::Diag, "return-server-message-count"),
    below(DIAGNOSTICS, 15, Class::Diag, "return-server-no-response-count"),
    below(DIAGNOSTICS, 16, Class::Diag, "return-server-nak-count"),
    below(DIAGNOSTICS, 17, Class::Diag, "return-server-busy-count"),
    below(DIAGNOSTICS, 18, Class::Diag, "return-bus-character-overrun-count"),
    below(DIAGNOSTICS, 20, Class::Config, "clear-overrun-counter"),
    bare(GET_COMM_EVENT_COUNTER, Class::Read, "get-comm-event-counter"),
    bare(GET_COMM_EVENT_LOG, Class::Read, "get-comm-event-log"),
    on(Space::Coils, 1968, WRITE_MULTIPLE_COILS, Class::Write, "write-multiple-coils"),
    on(Space::HoldingRegisters, 123, WRITE_MULTIPLE_REGISTERS, Class::Write, "write-multiple-registers"),
    bare(REPORT_SERVER_ID, Class::Discover, "report-server-id"),
    on(ANY_FILE, 124, READ_FILE_RECORD, Class::FileRead, "read-file-record"),
    on(ANY_FILE, 122, WRITE_FILE_RECORD, Class::FileWrite, "write-file-record"),
    on(Space::HoldingRegisters, 1, MASK_WRITE_REGISTER, Class::Write, "mask-write-register"),
    on(Space::HoldingRegisters, 125, READ_WRITE_MULTIPLE_REGISTERS, Class::Write, "read-write-multiple-registers"),
    on(Space::Fifo, 1, READ_FIFO_QUEUE, Class::Read, "read-fifo-queue"),
    // 40, 42, 125 and 126 are a vendor's: programming tools of Concept, Modsoft and ProWORX.
    bare(40, Class::ProgramWrite, "program-concept"),
    bare(42, Class::ProgramWrite, "concept-symbol-table"),
    below(ENCAPSULATED_INTERFACE, CANOPEN, Class::Config, "canopen-general-reference"),
    below(ENCAPSULATED_INTERFACE, READ_DEVICE_IDENTIFICATION, Class::Discover, "read-device-identification"),
    below(UMAS, umas::INIT, Class::Discover, "umas-init"),
    below(UMAS, umas::READ_ID, Class::Discover, "umas-read-id"),
    below(UMAS, umas::PROJECT_INFO, Class::Discover, "umas-project-info"),
    below(UMAS, umas::PLC_INFO, Class::Discover, "umas-plc-info"),
    below(UMAS, umas::CARD_INFO, Class::Discover, "umas-card-info"),
    below(UMAS, umas::REPEAT, Class::Discover, "umas-repeat"),
    below(UMAS, umas::TAKE_RESERVATION, Class::Auth, "umas-take-reservation"),
    below(UMAS, umas::RELEASE_RESERVATION, Class::Auth, "umas-release-reservation"),
    below(UMAS, umas::KEEP_ALIVE, Class::Discover, "umas-keep-alive"),
    below(UMAS, umas::READ_MEMORY, Class::Read, "umas-read-memory"),
    below(UMAS, umas::READ_VARIABLES, Class::Read, "umas-read-variables"),
    below(UMAS, umas::WRITE_VARIABLES, Class::Write, "umas-write-variables"),
    below(UMAS, umas::READ_COILS_REGISTERS, Class::Read, "umas-read-coils-registers"),
    below(UMAS, umas::WRITE_COILS_REGISTERS, Class::Write, "umas-write-coils-registers"),
    below(UMAS, umas::INIT_UPLOAD, Class::ProgramRead, "umas-init-upload"),
    below(UMAS, umas::UPLOAD_BLOCK, Class::ProgramRead, "umas-upload-block"),
    below(UMAS, umas::END_UPLOAD, Class::ProgramRead, "umas-end-upload"),
    below(UMAS, umas::INIT_DOWNLOAD, Class::ProgramWrite, "umas-init-download"),
    below(UMAS, umas::DOWNLOAD_BLOCK, Class::ProgramWrite, "umas-download-block"),
    below(UMAS, umas::END_DOWNLOAD, Class::ProgramWrite, "umas-end-download"),
    below(UMAS, umas::READ_ETHERNET_MASTER, Class::Read, "umas-read-ethernet-master"),
    below(UMAS, umas::START, Class::Mode, "umas-start"),
    below(UMAS, umas::STOP, Class::Mode, "umas-stop"),
    below(UMAS, umas::MONITOR, Class::Read, "umas-monitor"),
    below(UMAS, umas::CHECK, Class::Discover, "umas-check"),
    below(UMAS, umas::READ_IO_OBJECT, Class::Read, "umas-read-io-object"),
    below(UMAS, umas::WRITE_IO_OBJECT, Class::Write, "umas-write-io-object"),
    below(UMAS, umas::MODULE_STATUS, Class::Read, "umas-module-status"),
    bare(125, Class::ProgramWrite, "firmware-replacement"),
    bare(126, Class::ProgramWrite, "program-984"),
];
