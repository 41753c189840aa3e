//! bpf(2): maps, programs, links. Structures are members of `union bpf_attr` of linux/bpf.h.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use super::assembler::Instruction;

/// `enum bpf_cmd`.
mod command {
    pub(super) const MAP_CREATE: i32 = 0;
    pub(super) const MAP_UPDATE: i32 = 2;
    pub(super) const MAP_DELETE: i32 = 3;
    pub(super) const PROG_LOAD: i32 = 5;
    pub(super) const PROG_TEST_RUN: i32 = 10;
    pub(super) const PROG_FD_BY_ID: i32 = 13;
    pub(super) const INFO_BY_FD: i32 = 15;
    pub(super) const LINK_CREATE: i32 = 28;
}

/// `BPF_PROG_TYPE_XDP`.
const XDP_PROGRAM: u32 = 6;
/// `BPF_XDP` of `enum bpf_attach_type`.
const XDP_ATTACH: u32 = 37;
/// Longest name of a map or program, and the zero behind it (`BPF_OBJ_NAME_LEN`).
const NAME: usize = 16;
/// Bytes for what the verifier has to say.
const LOG: usize = 64 * 1024;

/// `enum bpf_map_type`.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum MapType {
    /// Any key, any value.
    Hash = 1,
    /// By queue, an AF_XDP socket.
    Sockets = 17,
}

/// Makes a map with 32-bit keys and values.
pub(crate) fn create_map(kind: MapType, entries: u32, name: &str) -> io::Result<OwnedFd> {
    #[derive(Default)]
    #[repr(C)]
    struct Attributes {
        kind: u32,
        key_size: u32,
        value_size: u32,
        entries: u32,
        flags: u32,
        inner: u32,
        numa: u32,
        name: [u8; NAME],
    }
    let (kind, name) = (kind as u32, name_of(name));
    let mut attributes =
        Attributes { kind, key_size: 4, value_size: 4, entries, name, ..Attributes::default() };
    // SAFETY: the attributes are those of the command and hold no pointer.
    unsafe { open(command::MAP_CREATE, &mut attributes) }
}

/// Sets an entry of a map with 32-bit keys and values.
pub(crate) fn set(map: BorrowedFd<'_>, key: u32, value: u32) -> io::Result<()> {
    change(command::MAP_UPDATE, map, &key, ptr::from_ref(&value))
}

/// Removes an entry of a map with 32-bit keys.
pub(crate) fn remove(map: BorrowedFd<'_>, key: u32) -> io::Result<()> {
    change(command::MAP_DELETE, map, &key, ptr::null())
}

/// `value` is null where the command takes none.
fn change(command: i32, map: BorrowedFd<'_>, key: &u32, value: *const u32) -> io::Result<()> {
    #[repr(C)]
    struct Attributes {
        map: u32,
        pad: u32,
        key: u64,
        value: u64,
        flags: u64,
    }
    let map = number(map.as_raw_fd());
    let (key, value) = (ptr::from_ref(key) as u64, value as u64);
    let mut attributes = Attributes { map, pad: 0, key, value, flags: 0 };
    // SAFETY: the attributes are those of both commands; key and value, where there is one, are 4 bytes
    // long as every map of this module says, and callers keep them until the call returns.
    unsafe { bpf(command, &mut attributes) }.map(|_| ())
}

/// A program that the kernel refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: io::Error,
    /// What the verifier has to say about it.
    pub(crate) log: String,
}

/// Has the kernel verify and compile an XDP program.
pub(crate) fn load(program: &[Instruction], name: &str) -> Result<OwnedFd, Refused> {
    #[repr(C)]
    struct Attributes {
        kind: u32,
        count: u32,
        instructions: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log: u64,
        kernel: u32,
        flags: u32,
        name: [u8; NAME],
        interface: u32,
        attach: u32,
    }
    let mut log = vec![0_u8; LOG];
    let mut attributes = Attributes {
        kind: XDP_PROGRAM,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
        log_level: 1,
        log_size: log.len() as u32,
        log: log.as_mut_ptr() as u64,
        kernel: 0,
        flags: 0,
        name: name_of(name),
        interface: 0,
        attach: XDP_ATTACH,
    };
    // SAFETY: the attributes are those of the command; program, license and log have the lengths
    // stated and live until the call returns.
    let loaded = unsafe { open(command::PROG_LOAD, &mut attributes) };
    loaded.map_err(|error| Refused { error, log: text(&log) })
}

/// Attaches an XDP program to an interface, as long as the result is open: also the death of the
/// process ends it.
pub(crate) fn attach(program: BorrowedFd<'_>, interface: u32, flags: u32) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        program: u32,
        interface: u32,
        attach: u32,
        flags: u32,
    }
    let program = number(program.as_raw_fd());
    let mut attributes = Attributes { program, interface, attach: XDP_ATTACH, flags };
    // SAFETY: the attributes are those of the command and hold no pointer.
    unsafe { open(command::LINK_CREATE, &mut attributes) }
}

/// What an XDP program returns for a frame.
pub(crate) fn run(program: BorrowedFd<'_>, frame: &[u8]) -> io::Result<i32> {
    #[derive(Default)]
    #[repr(C)]
    struct Attributes {
        program: u32,
        returned: u32,
        input_size: u32,
        output_size: u32,
        input: u64,
        output: u64,
        repeat: u32,
        duration: u32,
    }
    let mut attributes = Attributes {
        program: number(program.as_raw_fd()),
        input_size: frame.len() as u32,
        input: frame.as_ptr() as u64,
        ..Attributes::default()
    };
    // SAFETY: the attributes are those of the command; the frame has the length stated and lives until
    // the call returns, and no output is asked for.
    unsafe { bpf(command::PROG_TEST_RUN, &mut attributes) }?;
    Ok(attributes.returned.cast_signed())
}

/// The name of the program that the kernel numbers so.
pub(crate) fn program_name(id: u32) -> io::Result<String> {
    #[derive(Default)]
    #[repr(C)]
    struct ById {
        id: u32,
        next: u32,
        flags: u32,
    }
    let mut attributes = ById { id, ..ById::default() };
    // SAFETY: the attributes are those of the command and hold no pointer.
    let program = unsafe { open(command::PROG_FD_BY_ID, &mut attributes) }?;
    info(program.as_fd()).map(|info| text(&info.name))
}

/// The first members of `struct bpf_prog_info`.
#[derive(Default)]
#[repr(C)]
struct ProgramInfo {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    compiled_size: u32,
    translated_size: u32,
    compiled: u64,
    translated: u64,
    loaded_at: u64,
    user: u32,
    map_count: u32,
    maps: u64,
    name: [u8; NAME],
}

fn info(program: BorrowedFd<'_>) -> io::Result<ProgramInfo> {
    #[repr(C)]
    struct Attributes {
        program: u32,
        size: u32,
        info: u64,
    }
    let mut info = ProgramInfo::default();
    let (program, size) = (number(program.as_raw_fd()), size_of::<ProgramInfo>() as u32);
    let mut attributes = Attributes { program, size, info: ptr::from_mut(&mut info) as u64 };
    // SAFETY: the attributes are those of the command; the info has the size stated, lives until the
    // call returns, and any bytes make one.
    unsafe { bpf(command::INFO_BY_FD, &mut attributes) }?;
    Ok(info)
}

/// # Safety
/// As for [`bpf`]; and the command returns a file descriptor.
unsafe fn open<T>(command: i32, attributes: &mut T) -> io::Result<OwnedFd> {
    // SAFETY: the caller says so.
    let fd = unsafe { bpf(command, attributes) }?;
    // SAFETY: the kernel has just opened it, for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// # Safety
/// `attributes` are those of the command, and what they point to is as long as they say.
unsafe fn bpf<T>(command: i32, attributes: &mut T) -> io::Result<RawFd> {
    let attributes = ptr::from_mut(attributes);
    // SAFETY: the attributes are valid and as long as stated; the rest the caller says.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    // File descriptors are 32 bits long.
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as RawFd) }
}

/// A file descriptor as the kernel's structures have it.
fn number(fd: RawFd) -> u32 {
    fd.cast_unsigned()
}

fn name_of(name: &str) -> [u8; NAME] {
    let mut bytes = [0; NAME];
    bytes.iter_mut().zip(name.bytes().take(NAME - 1)).for_each(|(to, from)| *to = from);
    bytes
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}
