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
//!
//! | module | what it holds |
//! |---|---|
//! | [`model`] | [`Actor`](model::Actor), [`Request`](model::Request), [`Fault`](model::Fault): the contract |
//! | [`reply`] | what is answered |
//! | [`metrics`] | what the gate counts in Prometheus' words; [`exposition`] writes them, [`scrape`] tells them by TCP |
//! | [`desk`] | the queue between the two threads |
//! | [`refusals`] | requests that were refused, counted for the audit |
//! | [`routes`] | every route, who may use it, what it takes and gives |
//! | [`peers`] | who has which role |
//! | [`router`] | from an HTTP request to a [`Request`](model::Request), and back |
//! | [`server`] | connections: who, how many, how long |
//! | [`openapi`] | the description of it all, made from the routes |
//! | [`secret`] | text that is wiped and never printed |
//! | `tokens` | who may act by which login |

pub mod desk;
pub mod exposition;
pub mod metrics;
pub mod model;
pub mod openapi;
pub mod peers;
pub mod refusals;
pub mod reply;
pub mod router;
pub mod routes;
pub mod scrape;
pub mod secret;
pub mod server;
mod tokens;

#[cfg(test)]
mod tests;
