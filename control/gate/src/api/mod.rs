//! The control socket: HTTP/JSON over a Unix socket, for people on the machine itself.
//!
//! ```text
//!   curl, `wicketgate session list`, ...
//!        |  /v1/...                   who connects is asked of the kernel (SO_PEERCRED)
//!   API thread      routes -> roles -> Request
//!        |  ^                         a bounded queue; one reply to each
//!        v  |
//!   control thread  executes, between its own work
//! ```
//!
//! The thread of the socket holds nothing of the gate: it reads, checks, asks and writes. Whatever it is
//! sent, the worst that can happen to frames is nothing (`docs/CONTROL.md`).

pub(crate) mod desk;
pub(crate) mod model;
pub(crate) mod reply;
pub(crate) mod secret;
