//! The gate as a function of (now, tables, frame).
//!
//! Sans-IO: no clock, no I/O, no lock, no log line, no allocation after [`Engine::new`], no panic on
//! input. Replay, AF_XDP, tests, fuzzing and simulation all run this code.
//!
//! | module | what it holds |
//! |---|---|
//! | [`engine`] | [`Engine::process`]: the data path, one line a stage |
//! | `straight` | the same for what most frames are, in one look |
//! | [`tables`] | [`Tables`]: ports, assets, endpoints, subjects and grants of one epoch |
//! | [`matcher`] | [`Matcher`]: which commands a grant allows |
//! | [`objects`] | which CIP objects, tags and data files an entry reaches |
//! | [`operands`] | which memory, blocks and lists of an S7 controller |
//! | [`nodes`], [`node_set`] | which nodes, methods, channels and users of OPC UA |
//! | [`pattern`] | `*` and `?` in names |
//! | [`session`] | [`Sessions`]: the slab that control and workers share |
//! | `bars` | who is let in no more, until other tables are in force |
//! | [`flow`] | flows, found by either side's addresses |
//! | `admit` | the only maker of flows: grant, session, source NAT |
//! | [`tcp`] | where a segment belongs |
//! | [`stream`] | which bytes were already judged |
//! | [`owner`] | which worker a frame is for, before anything is decided |
//! | `inspect` | which bytes are new, and whether repeated ones are the same |
//! | `judge` | every whole PDU, in order, each judged once |
//! | `implicit` | I/O of EtherNet/IP: datagrams that pass because a Forward Open did |
//! | `operation` | what must not be cut in half: a program download |
//! | `length`, `mss` | what is too long for the link that it would leave by |
//! | [`translate`], `icmp`, `answer` | what leaves |
//! | [`arp`] | the gate's own ARP in VLANs |
//! | `memory` | how much of it all that takes |
//! | `prefetch` | what a burst will ask for, fetched all at once |
//! | [`event`] | what the audit is told, and the bounded ring it goes through |
//! | [`record`] | copies of the frames of recorded sessions |
//! | [`verdict`] | [`Verdict`] and [`Reason`]: every frame ends in exactly one |

mod admit;
mod answer;
pub mod arp;
mod bars;
mod brief;
pub mod counters;
pub mod engine;
pub mod event;
pub mod flow;
mod icmp;
mod implicit;
pub mod index;
mod inspect;
mod judge;
mod length;
mod live;
mod many;
pub mod matcher;
mod memory;
mod mss;
mod node_index;
pub mod node_set;
pub mod nodes;
pub mod objects;
pub mod operands;
mod operation;
pub mod owner;
pub mod pattern;
mod prefetch;
pub mod record;
pub mod session;
mod source;
mod spans;
pub mod splice;
mod straight;
pub mod stream;
pub mod tables;
pub mod tcp;
pub mod thumbprint;
mod timers;
pub mod translate;
pub mod verdict;

pub use admit::may_open;
pub use arp::{Sighting, solicit};
pub use counters::Counters;
pub use engine::{Engine, Limits};
pub use event::{Event, EventKind, EventRing};
pub use matcher::{
    Allowed, CodeSet, Entry, Matcher, Moment, Operations, RangeSet, SpaceSet, ValueRule,
};
pub use record::{Copied, Copies, Whose};
pub use session::{SessionId, Sessions};
pub use tables::{
    AssetId, EndpointId, Grant, GrantId, NextHop, Rate, RuleId, SubjectId, Tables, TablesBuilder,
    Window, WorkerId,
};
pub use verdict::{Reason, Verdict};
