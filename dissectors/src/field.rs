//! Every field of a PDU by name.

use crate::opcua::NodeId;

/// One value of a PDU, as people and other tools name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// A number.
    Number(u64),
    /// A yes or no.
    Flag(bool),
    /// Bytes that have no further structure here; shown as lower-case hex.
    Bytes(&'a [u8]),
    /// Text: from the protocol's own tables, or printable ASCII on the wire.
    Text(&'a str),
    /// 16-bit big-endian registers.
    Registers(&'a [u8]),
    /// The identifier of a node of OPC UA.
    Node(NodeId<'a>),
    /// Bits, eight to a byte, least significant first, and how many of them.
    Bits(&'a [u8], usize),
}

/// What several fields together are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Values one behind the other; their names do not matter.
    List,
    /// Values by name.
    Object,
}

/// Takes the fields of a PDU, one call each, in the order of the wire.
pub trait FieldSink {
    /// One field. A name may come more than once: then the values form a list.
    fn field(&mut self, name: &'static str, value: Field<'_>);

    /// What follows, up to the [`close`](FieldSink::close) that belongs to it, is part of `name`.
    fn open(&mut self, _name: &'static str, _shape: Shape) {}

    /// The end of what was opened last.
    fn close(&mut self) {}
}

impl<F: FnMut(&'static str, Field<'_>)> FieldSink for F {
    fn field(&mut self, name: &'static str, value: Field<'_>) {
        self(name, value);
    }
}
