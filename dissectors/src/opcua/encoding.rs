//! Built-in types, little-endian (5.2.2).

use super::node::NodeId;

/// Takes values off the front of some bytes; `None` where they are not all there, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// At the first of these bytes.
    pub const fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// What was not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all was read.
    pub const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// So many bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// So many bytes of which nothing matters.
    #[inline]
    pub fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    /// Byte.
    #[inline]
    pub fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// `UInt16`.
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// `UInt32`.
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// `Int32`.
    #[inline]
    pub fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    /// Boolean: what is not 0 is true (5.2.2.1).
    pub fn boolean(&mut self) -> Option<bool> {
        self.byte().map(|byte| byte != 0)
    }

    /// `String` and `ByteString`: a length and as many bytes; null is empty (5.2.2.4).
    #[inline]
    pub fn string(&mut self) -> Option<&'a [u8]> {
        match self.i32()? {
            -1 => Some(&[]),
            length => self.take(usize::try_from(length).ok()?),
        }
    }

    /// How many elements an array has; null has none (5.2.5). No array has more elements than bytes.
    #[inline]
    pub fn count(&mut self) -> Option<usize> {
        match self.i32()? {
            -1 => Some(0),
            count => usize::try_from(count).ok().filter(|count| *count <= self.rest.len()),
        }
    }

    /// `NodeId`.
    #[inline(always)]
    pub fn node(&mut self) -> Option<NodeId<'a>> {
        NodeId::take(self)
    }

    /// `ExpandedNodeId`: a `NodeId`, then as its flags say a namespace and a server (5.2.2.10).
    pub fn expanded_node(&mut self) -> Option<NodeId<'a>> {
        const HAS_URI: u8 = 0x80;
        const HAS_SERVER: u8 = 0x40;
        let flags = *self.rest.first()?;
        let node = NodeId::take_masked(self, !(HAS_URI | HAS_SERVER))?;
        if flags & HAS_URI != 0 {
            self.string()?;
        }
        if flags & HAS_SERVER != 0 {
            self.u32()?;
        }
        Some(node)
    }

    /// `QualifiedName`.
    #[inline]
    pub fn qualified_name(&mut self) -> Option<()> {
        self.u16()?;
        self.string().map(|_| ())
    }

    /// `LocalizedText` (5.2.2.14).
    pub fn localized_text(&mut self) -> Option<()> {
        let mask = self.byte().filter(|mask| *mask <= 3)?;
        for _ in 0..mask.count_ones() {
            self.string()?;
        }
        Some(())
    }

    /// `ExtensionObject`: its type, and the bytes of its body where it has one (5.2.2.15).
    #[inline]
    pub fn extension_object(&mut self) -> Option<(NodeId<'a>, &'a [u8])> {
        let kind = self.node()?;
        match self.byte()? {
            0 => Some((kind, &[])),
            1 | 2 => Some((kind, self.string()?)),
            _ => None,
        }
    }
}
