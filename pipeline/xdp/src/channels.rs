//! How many receive queues an interface uses.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketType, socket};

/// `SIOCETHTOOL` of linux/sockios.h.
const ETHTOOL: libc::Ioctl = 0x8946;
/// `ETHTOOL_GCHANNELS` of linux/ethtool.h.
const GET_CHANNELS: u32 = 0x3c;

/// `struct ethtool_channels`.
#[derive(Default)]
#[repr(C)]
struct Channels {
    command: u32,
    most: [u32; 4],
    rx: u32,
    tx: u32,
    other: u32,
    combined: u32,
}

/// `struct ifreq` with a pointer in its union.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    data: *mut Channels,
    /// The union is longer than a pointer.
    rest: [u8; 16],
}

/// Receive queues that frames may come in on, at least one: the sockets that an interface needs so that
/// none of its frames is dropped. A driver that does not say has as many as it was made with.
///
/// # Errors
/// What the kernel says.
pub fn rx_queues(interface: &str, made_with: u32) -> io::Result<u32> {
    let any = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    match channels(&any, interface) {
        Ok(found) => Ok((found.rx + found.combined).max(1)),
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(made_with.max(1)),
        Err(error) => Err(error),
    }
}

fn channels(any: &OwnedFd, interface: &str) -> io::Result<Channels> {
    let mut found = Channels { command: GET_CHANNELS, ..Channels::default() };
    let mut name = [0; libc::IFNAMSIZ];
    name.iter_mut()
        .zip(interface.bytes().take(libc::IFNAMSIZ - 1))
        .for_each(|(to, from)| *to = from);
    let mut request = Request { name, data: &raw mut found, rest: [0; 16] };
    // SAFETY: the request is at least as long as `struct ifreq`, its name ends with a zero byte, and its
    // data is the structure that the command in it says; both live until the call returns.
    let result = unsafe { libc::ioctl(any.as_raw_fd(), ETHTOOL, &raw mut request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_has_a_queue() {
        assert_eq!(rx_queues("lo", 1).unwrap(), 1);
        assert!(rx_queues("no-such-thing", 1).is_err());
    }
}
