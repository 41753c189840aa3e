//! AF_XDP: frames between network cards and the gate without the kernel's network stack.
//!
//! ```text
//!   card -> XDP program -> the gate's?  -> rx ring -> worker -> tx ring -> card
//!                              \-> the kernel's network stack (ARP, ssh, ...)
//! ```
//!
//! The one crate with `unsafe`: rings and frames in memory shared with the kernel, bpf(2), one ioctl. Each
//! block is one operation and says why it is sound. What can be had without is: sockets, options, bind
//! and poll are those of `rustix` (ADR 7).
//!
//! | module | what it holds |
//! |---|---|
//! | [`port`] | [`XdpPort`]: the sockets of one worker, as its [`Port`](wicketgate_ports::Port) |
//! | [`open`] | [`Settings`]: how sockets are opened, for all workers at once |
//! | [`umem`] | [`Umem`]: the memory of all frames |
//! | `pool` | each worker's frames of it |
//! | [`ledger`] | who holds which chunk, and free ones on their way between workers |
//! | [`frame`] | [`Frame`]: a linear token for one chunk |
//! | [`socket`] | one socket: bind, kick, statistics |
//! | `ring`, `mapping` | memory shared with the kernel |
//! | [`redirect`] | [`Redirect`]: the XDP program on an interface, its maps, its link |
//! | `bpf` | the program itself, an assembler for it, bpf(2) |
//! | [`channels`] | how many queues an interface uses |
//!
//! Invariant: a chunk is free, held, with the kernel to be filled, or with the kernel to be sent, and
//! the four counts always add up ([`Accounts`]), over all workers.
//!
//! Invariant: what is the gate's never goes to the kernel: without a socket it is dropped, and without
//! the program nothing on the machine forwards.
//!
//! Invariant: nothing outlives the process. The program hangs on a link that the kernel closes with it.

mod bpf;
pub mod channels;
pub mod frame;
pub mod ledger;
mod mapping;
pub mod open;
mod pool;
pub mod port;
pub mod redirect;
mod ring;
pub mod socket;
pub mod umem;

pub use channels::rx_queues;
pub use frame::Frame;
pub use ledger::Accounts;
pub use open::{OpenError, Opened, Settings};
pub use port::XdpPort;
pub use redirect::{Action, Attached, Mode, Redirect, RedirectError, occupant, occupant_of};
pub use socket::{BusyPoll, Queue, Statistics, Transfer};
pub use umem::Umem;
