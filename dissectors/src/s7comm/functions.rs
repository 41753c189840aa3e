//! Every function: code, class and name.
//!
//! S7comm has several kinds of codes, and S7comm-plus its own. They share one number space:
//!
//! | function | is |
//! |---|---|
//! | 0x00 to 0xff | a job of S7comm; `sub` tells PI services, and what COTP opens and ends, apart |
//! | 0x100 and a group | a function group of userdata; `sub` is the function in it |
//! | 0x300 | what is no request of a client, and items whose syntax is not known |
//! | 0x4b1 to 0x5b3 | a function of S7comm-plus; `sub` is the variable that has a meaning of its own |
//! | 0x600 | what cannot be read |

use crate::Class;

/// Job: read variables.
pub const READ_VAR: u8 = 0x04;
/// Job: write variables.
pub const WRITE_VAR: u8 = 0x05;
/// Job: ask for a download.
pub const REQUEST_DOWNLOAD: u8 = 0x1a;
/// Job of the device: the next piece of the block.
pub const DOWNLOAD_BLOCK: u8 = 0x1b;
/// Job of the device: the block is complete.
pub const DOWNLOAD_ENDED: u8 = 0x1c;
/// Job: begin an upload.
pub const START_UPLOAD: u8 = 0x1d;
/// Job: the next piece of the block.
pub const UPLOAD: u8 = 0x1e;
/// Job: end an upload.
pub const END_UPLOAD: u8 = 0x1f;
/// Job: start a program invocation; which, its name says.
pub const PI_SERVICE: u8 = 0x28;
/// Job: stop the controller.
pub const PLC_STOP: u8 = 0x29;
/// Job: agree on the length of PDUs and how many jobs run at once.
pub const SETUP: u8 = 0xf0;

/// Below [`SETUP`]: the connection request of COTP.
pub const CONNECT: u16 = 0xe0;
/// Below [`SETUP`]: the end of a connection of COTP.
pub const DISCONNECT: u16 = 0x80;
/// Below [`SETUP`]: data without any, to see whether the other end is there.
pub const KEEP_ALIVE: u16 = 0xf1;

/// Added to the function groups of userdata.
pub const USERDATA: u16 = 0x100;

/// The function of what is no request of a client, and of items that are not known: below it the kind of
/// message, or the syntax of the item.
pub const ODD: u16 = 0x300;

/// The function of what cannot be read.
pub const OPAQUE: u16 = 0x600;

/// Function groups of userdata.
pub mod group {
    /// Change of the operating mode; only devices tell it.
    pub const MODE: u8 = 0;
    /// Functions of programming devices.
    pub const PROGRAMMER: u8 = 1;
    /// Cyclic data.
    pub const CYCLIC: u8 = 2;
    /// Blocks.
    pub const BLOCK: u8 = 3;
    /// CPU functions.
    pub const CPU: u8 = 4;
    /// Security.
    pub const SECURITY: u8 = 5;
    /// Programmable block communication: BSEND, BRECV, USEND, URECV.
    pub const PBC: u8 = 6;
    /// Time.
    pub const TIME: u8 = 7;
    /// NC programming.
    pub const NC: u8 = 15;
}

/// One function of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its number, as the head of this file has it.
    pub code: u16,
    /// The number below it, where there is one.
    pub sub: Option<u16>,
    /// What it does.
    pub class: Class,
    /// Its name, unique.
    pub name: &'static str,
}

/// What stands for all functions that are not in the table.
pub static UNKNOWN: Function = of(0, Class::Unknown, "unknown");

/// What stands for all that cannot be read.
pub static OPAQUE_FUNCTION: Function = of(OPAQUE, Class::Unknown, "opaque");

/// Every function that the gate knows, ordered by code and sub-code.
pub fn functions() -> &'static [Function] {
    FUNCTIONS
}

/// The function of these codes, or [`UNKNOWN`].
#[inline]
pub fn find(code: u16, sub: Option<u16>) -> &'static Function {
    FUNCTIONS
        .binary_search_by_key(&(code, sub), |function| (function.code, function.sub))
        .ok()
        .and_then(|at| FUNCTIONS.get(at))
        .unwrap_or(&UNKNOWN)
}

/// The function of S7comm-plus; of one that does something else with certain variables or objects the
/// rest of it, whose sub-code is 0.
pub fn find_plus(code: u16, sub: Option<u16>) -> &'static Function {
    match find(code, Some(sub.unwrap_or(0))) {
        unknown if unknown.class == Class::Unknown => find(code, None),
        known => known,
    }
}

/// The function of userdata; of the group as a whole, where all of it does the same.
pub fn find_userdata(group: u8, sub: u8) -> &'static Function {
    let code = USERDATA | u16::from(group);
    match find(code, Some(u16::from(sub))) {
        unknown if unknown.class == Class::Unknown => find(code, None),
        known => known,
    }
}

/// The PI service of that name, or [`UNKNOWN`].
pub fn find_pi(name: &[u8]) -> &'static Function {
    let found = PI_NAMES.iter().find(|(known, _)| known.as_bytes() == name);
    found.map_or(&UNKNOWN, |(_, sub)| find(u16::from(PI_SERVICE), Some(*sub)))
}

/// Names of PI services on the wire, and the numbers that they have here. Those of Sinumerik begin with
/// `_N_`.
pub const PI_NAMES: &[(&str, u16)] = &[
    ("P_PROGRAM", 1),
    ("_INSE", 2),
    ("_INS2", 3),
    ("_DELE", 4),
    ("_MODU", 5),
    ("_GARB", 6),
    ("_N_LOGIN_", 16),
    ("_N_LOGOUT", 17),
    ("_N_NEWPWD", 18),
    ("_N_F_OPEN", 19),
    ("_N_F_OPER", 20),
    ("_N_F_SEEK", 21),
    ("_N_F_CLOS", 22),
    ("_N_F_COPY", 23),
    ("_N_F_DELE", 24),
    ("_N_F_DELR", 25),
    ("_N_F_DMDA", 26),
    ("_N_F_RENA", 27),
    ("_N_F_PROT", 28),
    ("_N_F_PROR", 29),
    ("_N_SELECT", 30),
    ("_N_EXTERN", 31),
    ("_N_EXTMOD", 32),
    ("_N_CANCEL", 33),
    ("_N_CONFIG", 34),
    ("_N_IBN_SS", 35),
    ("_N_CREATO", 36),
    ("_N_DELETO", 37),
    ("_N_CRCEDN", 38),
    ("_N_DELECE", 39),
    ("_N_MMCSEM", 40),
    ("_N_NCKMOD", 41),
    ("_N_SETUDT", 42),
    ("_N_SETUFR", 43),
    ("_N_FINDBL", 44),
    ("_N_ASUP__", 45),
    ("_N_CHKDNO", 46),
    ("_N_TMCRTO", 47),
    ("_N_TMMVTL", 48),
    ("_N_TMFDPL", 49),
    ("_N_TMFPBP", 50),
    ("_N_TMGETT", 51),
    ("_N_DELVAR", 52),
    ("_N_DIGIOF", 53),
    ("_N_DIGION", 54),
];

const fn of(code: u16, class: Class, name: &'static str) -> Function {
    Function { code, sub: None, class, name }
}

const fn below(code: u16, sub: u16, class: Class, name: &'static str) -> Function {
    Function { code, sub: Some(sub), class, name }
}

const fn job(code: u8, class: Class, name: &'static str) -> Function {
    of(code as u16, class, name)
}

const fn pi(sub: u16, class: Class, name: &'static str) -> Function {
    below(PI_SERVICE as u16, sub, class, name)
}

const fn ud(group: u8, sub: u8, class: Class, name: &'static str) -> Function {
    below(USERDATA | group as u16, sub as u16, class, name)
}

static FUNCTIONS: &[Function] = &[
    job(READ_VAR, Class::Read, "read-var"),
    job(WRITE_VAR, Class::Write, "write-var"),
    job(REQUEST_DOWNLOAD, Class::ProgramWrite, "request-download"),
    job(DOWNLOAD_BLOCK, Class::ProgramWrite, "download-block"),
    job(DOWNLOAD_ENDED, Class::ProgramWrite, "download-ended"),
    job(START_UPLOAD, Class::ProgramRead, "start-upload"),
    job(UPLOAD, Class::ProgramRead, "upload"),
    job(END_UPLOAD, Class::ProgramRead, "end-upload"),
    pi(1, Class::Mode, "plc-start"),
    pi(2, Class::ProgramWrite, "insert-block"),
    pi(3, Class::ProgramWrite, "insert-block-2"),
    pi(4, Class::ProgramWrite, "delete-block"),
    pi(5, Class::ProgramWrite, "copy-ram-to-rom"),
    pi(6, Class::ProgramWrite, "compress-memory"),
    pi(16, Class::Auth, "nc-login"),
    pi(17, Class::Auth, "nc-logout"),
    pi(18, Class::Auth, "nc-new-password"),
    pi(19, Class::FileRead, "nc-file-open"),
    pi(20, Class::FileRead, "nc-file-open-program"),
    pi(21, Class::FileRead, "nc-file-seek"),
    pi(22, Class::FileRead, "nc-file-close"),
    pi(23, Class::FileWrite, "nc-file-copy"),
    pi(24, Class::FileWrite, "nc-file-delete"),
    pi(25, Class::FileWrite, "nc-file-delete-without-right"),
    pi(26, Class::FileWrite, "nc-file-delete-mda"),
    pi(27, Class::FileWrite, "nc-file-rename"),
    pi(28, Class::FileWrite, "nc-file-protect"),
    pi(29, Class::FileWrite, "nc-file-protect-without-right"),
    pi(30, Class::Mode, "nc-select"),
    pi(31, Class::Mode, "nc-extern"),
    pi(32, Class::Mode, "nc-extern-mode"),
    pi(33, Class::Alarm, "nc-cancel-alarm"),
    pi(34, Class::Config, "nc-reconfigure"),
    pi(35, Class::Config, "nc-set-startup-switch"),
    pi(36, Class::Write, "nc-create-tool"),
    pi(37, Class::Write, "nc-delete-tool"),
    pi(38, Class::Write, "nc-create-cutting-edge"),
    pi(39, Class::Write, "nc-delete-cutting-edge"),
    pi(40, Class::Session, "nc-semaphore"),
    pi(41, Class::Mode, "nc-set-mode"),
    pi(42, Class::Write, "nc-set-user-data"),
    pi(43, Class::Write, "nc-set-user-frame"),
    pi(44, Class::Read, "nc-find-block"),
    pi(45, Class::Mode, "nc-assign-asup"),
    pi(46, Class::Read, "nc-check-d-numbers"),
    pi(47, Class::Write, "nc-tool-create"),
    pi(48, Class::Write, "nc-tool-move"),
    pi(49, Class::Read, "nc-tool-find-place"),
    pi(50, Class::Read, "nc-tool-find-empty-place"),
    pi(51, Class::Read, "nc-tool-get-number"),
    pi(52, Class::Write, "nc-delete-variable"),
    pi(53, Class::Config, "nc-digitise-off"),
    pi(54, Class::Config, "nc-digitise-on"),
    job(PLC_STOP, Class::Mode, "plc-stop"),
    job(SETUP, Class::Session, "setup-communication"),
    below(SETUP as u16, DISCONNECT, Class::Session, "disconnect"),
    below(SETUP as u16, CONNECT, Class::Session, "connect"),
    below(SETUP as u16, KEEP_ALIVE, Class::Session, "keep-alive"),
    ud(group::PROGRAMMER, 0x01, Class::Read, "block-status"),
    ud(group::PROGRAMMER, 0x02, Class::Read, "variable-status"),
    ud(group::PROGRAMMER, 0x03, Class::Read, "output-i-stack"),
    ud(group::PROGRAMMER, 0x04, Class::Read, "output-b-stack"),
    ud(group::PROGRAMMER, 0x05, Class::Read, "output-l-stack"),
    ud(group::PROGRAMMER, 0x06, Class::Read, "time-measurement"),
    ud(group::PROGRAMMER, 0x07, Class::Force, "force-selection"),
    ud(group::PROGRAMMER, 0x08, Class::Force, "modify-variable"),
    ud(group::PROGRAMMER, 0x09, Class::Force, "force"),
    ud(group::PROGRAMMER, 0x0a, Class::Mode, "breakpoint"),
    ud(group::PROGRAMMER, 0x0b, Class::Mode, "exit-hold"),
    ud(group::PROGRAMMER, 0x0c, Class::Mode, "memory-reset"),
    ud(group::PROGRAMMER, 0x0d, Class::Force, "disable-job"),
    // What is enabled or removed was judged when it was asked for.
    ud(group::PROGRAMMER, 0x0e, Class::Read, "enable-job"),
    ud(group::PROGRAMMER, 0x0f, Class::Read, "delete-job"),
    ud(group::PROGRAMMER, 0x10, Class::Read, "read-job-list"),
    ud(group::PROGRAMMER, 0x11, Class::Read, "read-job"),
    ud(group::PROGRAMMER, 0x12, Class::Force, "replace-job"),
    ud(group::PROGRAMMER, 0x13, Class::Read, "block-status-2"),
    ud(group::PROGRAMMER, 0x16, Class::Diag, "flash-led"),
    ud(group::CYCLIC, 0x01, Class::Subscribe, "cyclic-read"),
    ud(group::CYCLIC, 0x04, Class::Subscribe, "cyclic-unsubscribe"),
    ud(group::CYCLIC, 0x05, Class::Subscribe, "change-driven-read"),
    ud(group::CYCLIC, 0x07, Class::Subscribe, "change-driven-modify"),
    ud(group::CYCLIC, 0x08, Class::Read, "read-record"),
    ud(group::BLOCK, 0x01, Class::Discover, "list-blocks"),
    ud(group::BLOCK, 0x02, Class::Discover, "list-blocks-of-type"),
    ud(group::BLOCK, 0x03, Class::Discover, "block-info"),
    ud(group::CPU, 0x01, Class::Discover, "read-szl"),
    ud(group::CPU, 0x02, Class::Subscribe, "message-service"),
    ud(group::CPU, 0x07, Class::Alarm, "alarm-8-lock"),
    ud(group::CPU, 0x08, Class::Alarm, "alarm-8-unlock"),
    ud(group::CPU, 0x0b, Class::Alarm, "alarm-acknowledge"),
    ud(group::CPU, 0x13, Class::Read, "alarm-query"),
    ud(group::SECURITY, 0x01, Class::Auth, "set-password"),
    ud(group::SECURITY, 0x02, Class::Auth, "clear-password"),
    of(USERDATA | group::PBC as u16, Class::Write, "block-send"),
    ud(group::TIME, 0x01, Class::Read, "read-clock"),
    ud(group::TIME, 0x02, Class::Time, "set-clock"),
    ud(group::TIME, 0x03, Class::Read, "read-clock-following"),
    ud(group::TIME, 0x04, Class::Time, "set-clock-following"),
    of(USERDATA | group::NC as u16, Class::ProgramWrite, "nc-programming"),
    of(0x04bb, Class::Discover, "plus-explore"),
    below(0x04ca, 0, Class::ProgramWrite, "plus-create-object"),
    below(0x04ca, 0x011f, Class::Session, "plus-create-session"),
    below(0x04ca, 0x03e9, Class::Subscribe, "plus-create-subscription"),
    below(0x04d4, 0, Class::ProgramWrite, "plus-delete-object"),
    below(0x04d4, 1, Class::Session, "plus-delete-session"),
    below(0x04f2, 0, Class::Config, "plus-set-variable"),
    below(0x04f2, 1, Class::Subscribe, "plus-set-subscription-credit"),
    below(0x04f2, 1846, Class::Auth, "plus-legitimate"),
    below(0x04f2, 2167, Class::Mode, "plus-set-operating-state"),
    of(0x04fc, Class::Read, "plus-get-variable"),
    of(0x0506, Class::ProgramWrite, "plus-add-link"),
    of(0x051a, Class::ProgramWrite, "plus-remove-link"),
    of(0x0524, Class::Read, "plus-get-link"),
    of(0x0542, Class::Write, "plus-set-multi-variables"),
    of(0x054c, Class::Read, "plus-get-multi-variables"),
    of(0x0556, Class::Session, "plus-begin-sequence"),
    of(0x0560, Class::Session, "plus-end-sequence"),
    of(0x056b, Class::Mode, "plus-invoke"),
    below(0x057c, 0, Class::Config, "plus-set-variable-streamed"),
    below(0x057c, 1846, Class::Auth, "plus-legitimate-streamed"),
    of(0x0586, Class::Read, "plus-get-variable-streamed"),
    of(0x0590, Class::Read, "plus-get-variables-address"),
    of(0x059a, Class::Session, "plus-abort"),
    of(0x05b3, Class::Session, "plus-init-ssl"),
];
