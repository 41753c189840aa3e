//! The XDP program on an interface: it steers what is the gate's to the gate's sockets.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use wicketgate_netlink::{Link, Netlink, XdpMode};

use crate::bpf::program::{Maps, address, assemble};
use crate::bpf::syscall::{self, MapType};

/// Name of the program, as `bpftool prog` and `ip link` show it.
const NAME: &str = "wicketgate";
/// Queues of an interface at most.
const QUEUES: u32 = 256;
/// Assets behind one interface at most.
const ASSETS: u32 = 1 << 16;

/// Flags of linux/if_link.h.
const GENERIC: u32 = 1 << 1;
const NATIVE: u32 = 1 << 2;

/// What the program returns for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The gate's, and nobody takes it.
    Drop,
    /// The kernel's.
    Pass,
    /// The gate's: to the socket of its queue.
    Redirect,
    /// What this program never says.
    Other(i32),
}

/// Where the program is to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// In the driver; in the network stack where the driver cannot.
    #[default]
    Auto,
    /// In the driver, or not at all.
    Native,
    /// In the network stack.
    Generic,
}

/// The program and its maps, for one interface: socket numbers are queues of that interface.
#[derive(Debug)]
pub struct Redirect {
    program: OwnedFd,
    sockets: OwnedFd,
    assets: Addresses,
    tagged: Addresses,
}

/// A map of the program, by an asset's address the gate's towards it, and what is in it.
#[derive(Debug)]
struct Addresses {
    map: OwnedFd,
    known: BTreeMap<Ipv4Addr, Ipv4Addr>,
}

/// The program at work, until this is dropped or the process ends.
#[derive(Debug)]
pub struct Attached {
    /// Where it runs.
    pub mode: XdpMode,
    /// Why it does not run natively.
    pub refused: Option<io::Error>,
    _link: OwnedFd,
}

impl Redirect {
    /// Has the kernel take the program for the overlay network `overlay` (address and prefix length).
    /// Without sockets it drops what is the gate's; without assets nothing from them is.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn load(overlay: (Ipv4Addr, u8)) -> Result<Redirect, RedirectError> {
        let map = |kind, entries, name| {
            syscall::create_map(kind, entries, name).map_err(RedirectError::Map)
        };
        let sockets = map(MapType::Sockets, QUEUES, "wg_sockets")?;
        let addresses = |name| {
            let map = map(MapType::Hash, ASSETS, name)?;
            Ok(Addresses { map, known: BTreeMap::new() })
        };
        let (assets, tagged) = (addresses("wg_assets")?, addresses("wg_tagged")?);
        let maps = Maps {
            sockets: sockets.as_fd(),
            assets: assets.map.as_fd(),
            tagged: tagged.map.as_fd(),
        };
        let program = assemble(overlay, maps);
        let program = syscall::load(&program, NAME)
            .map_err(|refused| RedirectError::Load(refused.error, refused.log))?;
        Ok(Redirect { program, sockets, assets, tagged })
    }

    /// Gives what comes in on `queue` to `socket`.
    pub(crate) fn set_socket(&self, queue: u32, socket: BorrowedFd<'_>) -> io::Result<()> {
        syscall::set(self.sockets.as_fd(), queue, socket.as_raw_fd().cast_unsigned())
    }

    /// Takes these for the assets behind the interface: by an asset's address, the gate's towards it.
    /// New ones come before old ones go, so an asset that stays is never without.
    ///
    /// # Errors
    /// What the kernel says; some may then have been changed.
    pub fn set_assets(&mut self, assets: &BTreeMap<Ipv4Addr, Ipv4Addr>) -> io::Result<()> {
        self.assets.set(assets)
    }

    /// Takes these for those assets whose ARP is the gate's, where it has a VLAN tag; else it is the
    /// kernel's.
    ///
    /// # Errors
    /// What the kernel says; some may then have been changed.
    pub fn set_tagged(&mut self, assets: &BTreeMap<Ipv4Addr, Ipv4Addr>) -> io::Result<()> {
        self.tagged.set(assets)
    }

    /// Puts the program to work: in the driver, or in the network stack where the driver cannot.
    ///
    /// # Errors
    /// [`RedirectError::Occupied`] where another program is there already.
    pub fn attach(&self, interface: u32) -> Result<Attached, RedirectError> {
        self.attach_in(interface, Mode::Auto)
    }

    /// Puts the program to work there.
    ///
    /// # Errors
    /// The same; or, where it must be the driver, that has no way to run it.
    pub fn attach_in(&self, interface: u32, mode: Mode) -> Result<Attached, RedirectError> {
        let mut refused = None;
        if mode != Mode::Generic {
            match self.attach_as(interface, NATIVE) {
                Ok(link) => {
                    return Ok(Attached { mode: XdpMode::Native, refused, _link: link });
                }
                Err(error) => refused = Some(error),
            }
        }
        if let Some(other) = occupant(interface) {
            return Err(other);
        }
        match refused {
            Some(error) if mode == Mode::Native => Err(RedirectError::Attach(error)),
            refused => self.attach_generic(interface, refused),
        }
    }

    fn attach_generic(
        &self,
        interface: u32,
        refused: Option<io::Error>,
    ) -> Result<Attached, RedirectError> {
        self.attach_as(interface, GENERIC)
            .map(|link| Attached { mode: XdpMode::Generic, refused, _link: link })
            .map_err(RedirectError::Attach)
    }

    fn attach_as(&self, interface: u32, mode: u32) -> io::Result<OwnedFd> {
        syscall::attach(self.program.as_fd(), interface, mode)
    }

    /// What the program says to a frame that comes in on queue 0, without sending it anywhere.
    ///
    /// # Errors
    /// What the kernel says; it runs nothing shorter than an Ethernet header.
    pub fn try_on(&self, frame: &[u8]) -> io::Result<Action> {
        Ok(match syscall::run(self.program.as_fd(), frame)? {
            1 => Action::Drop,
            2 => Action::Pass,
            4 => Action::Redirect,
            other => Action::Other(other),
        })
    }
}

impl Addresses {
    fn set(&mut self, wanted: &BTreeMap<Ipv4Addr, Ipv4Addr>) -> io::Result<()> {
        for (asset, gate) in wanted {
            syscall::set(self.map.as_fd(), address(*asset), address(*gate))?;
            self.known.insert(*asset, *gate);
        }
        let gone: Vec<_> =
            self.known.keys().filter(|old| !wanted.contains_key(old)).copied().collect();
        for asset in gone {
            syscall::remove(self.map.as_fd(), address(asset))?;
            self.known.remove(&asset);
        }
        Ok(())
    }
}

/// The XDP program that is on an interface, as an error.
///
/// Also called before anything is opened, so that a gate does not start beside a program that somebody
/// left behind: such a one survives its process where it was attached without a link.
pub fn occupant(interface: u32) -> Option<RedirectError> {
    let links = Netlink::open().and_then(|mut kernel| kernel.links()).ok()?;
    let link = links.into_iter().find(|link| link.index == interface)?;
    occupant_of(&link)
}

/// The same, of an interface that was looked at already.
pub fn occupant_of(link: &Link) -> Option<RedirectError> {
    let found = link.xdp?;
    let name = syscall::program_name(found.program).unwrap_or_default();
    Some(RedirectError::Occupied {
        interface: link.name.clone(),
        id: found.program,
        name,
        mode: found.mode,
    })
}

/// Why the program does not run.
#[derive(Debug)]
pub enum RedirectError {
    /// A map could not be made.
    Map(io::Error),
    /// The kernel refused the program; with what its verifier said.
    Load(io::Error, String),
    /// It could not be attached.
    Attach(io::Error),
    /// Another program is there.
    Occupied {
        /// The interface.
        interface: String,
        /// The kernel's number for the program.
        id: u32,
        /// Its name; empty where it has none.
        name: String,
        /// Where it runs.
        mode: XdpMode,
    },
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = |error: &io::Error| match Errno::from_io_error(error) {
            Some(Errno::PERM | Errno::ACCESS) => "; it needs CAP_BPF and CAP_NET_ADMIN",
            _ => "",
        };
        match self {
            RedirectError::Map(error) => {
                write!(f, "no BPF map can be made: {error}{}", advice(error))
            }
            RedirectError::Load(error, log) => {
                write!(f, "the kernel refuses the XDP program: {error}{}", advice(error))?;
                if log.is_empty() { Ok(()) } else { write!(f, "\n{log}") }
            }
            RedirectError::Attach(error) => {
                write!(f, "the XDP program cannot be attached: {error}{}", advice(error))
            }
            RedirectError::Occupied { interface, id, name, mode } => write!(
                f,
                "another XDP program (\"{name}\", number {id}, {}) is on it: end the program that put \
                 it there; if that has ended, `ip link set dev {interface} xdp off`",
                mode.name()
            ),
        }
    }
}

impl std::error::Error for RedirectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RedirectError::Map(error)
            | RedirectError::Load(error, _)
            | RedirectError::Attach(error) => Some(error),
            RedirectError::Occupied { .. } => None,
        }
    }
}
