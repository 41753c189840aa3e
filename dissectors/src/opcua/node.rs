//! Identifiers of nodes (5.2.2.9).

use core::fmt;

use super::Reader;

/// The identifier of a node, in place: whatever its encoding, the same identifier is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId<'a> {
    /// Index of its namespace in the server's array.
    pub namespace: u16,
    /// Its name there.
    pub name: Name<'a>,
}

/// What identifies a node in its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// A number.
    Number(u32),
    /// Text.
    Text(&'a [u8]),
    /// 16 bytes.
    Guid(&'a [u8; 16]),
    /// Bytes that mean something only to the server.
    Opaque(&'a [u8]),
}

impl<'a> NodeId<'a> {
    /// The null identifier.
    pub const NULL: NodeId<'static> = NodeId::number(0);

    /// A node of the specification's own namespace.
    pub const fn number(number: u32) -> NodeId<'static> {
        NodeId { namespace: 0, name: Name::Number(number) }
    }

    /// Takes one off the front.
    #[inline(always)]
    pub fn take(reader: &mut Reader<'a>) -> Option<NodeId<'a>> {
        // What large requests are full of, at one look: names, and numbers that need few bytes.
        let (namespace, name, rest) = match *reader.rest() {
            [0, number, ref rest @ ..] => (0, Name::Number(number.into()), rest),
            [1, namespace, low, high, ref rest @ ..] => {
                let number = u16::from_le_bytes([low, high]).into();
                (namespace.into(), Name::Number(number), rest)
            }
            [3, low, high, a, b, c, d, ref rest @ ..] => {
                // No text is as long as a negative length would be.
                let length = u32::from_le_bytes([a, b, c, d]) as usize;
                let Some((text, rest)) = rest.split_at_checked(length) else {
                    return NodeId::take_masked(reader, 0xff);
                };
                (u16::from_le_bytes([low, high]), Name::Text(text), rest)
            }
            _ => return NodeId::take_masked(reader, 0xff),
        };
        *reader = Reader::new(rest);
        Some(NodeId { namespace, name })
    }

    /// The same, of the bits of the encoding that `mask` keeps.
    pub(super) fn take_masked(reader: &mut Reader<'a>, mask: u8) -> Option<NodeId<'a>> {
        let encoding = reader.byte()? & mask;
        let (namespace, name) = match encoding {
            0 => (0, Name::Number(reader.byte()?.into())),
            1 => (reader.byte()?.into(), Name::Number(reader.u16()?.into())),
            2 => (reader.u16()?, Name::Number(reader.u32()?)),
            3 => (reader.u16()?, Name::Text(reader.string()?)),
            4 => (reader.u16()?, Name::Guid(reader.take(16)?.first_chunk()?)),
            5 => (reader.u16()?, Name::Opaque(reader.string()?)),
            _ => return None,
        };
        Some(NodeId { namespace, name })
    }

    /// Its number in the specification's own namespace.
    #[inline]
    pub fn standard(&self) -> Option<u32> {
        match *self {
            NodeId { namespace: 0, name: Name::Number(number) } => Some(number),
            _ => None,
        }
    }
}

/// As policy files and other tools write it: `ns=2;s=Motor.Speed`, `i=2258` (5.3.1.10). Of text, what is not
/// UTF-8 is replaced.
impl fmt::Display for NodeId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace != 0 {
            write!(f, "ns={};", self.namespace)?;
        }
        match self.name {
            Name::Number(number) => write!(f, "i={number}"),
            Name::Text(text) => {
                f.write_str("s=")?;
                text.utf8_chunks().try_for_each(|chunk| {
                    f.write_str(chunk.valid())?;
                    if chunk.invalid().is_empty() { Ok(()) } else { f.write_str("\u{fffd}") }
                })
            }
            Name::Guid(&[a, b, c, d, e, g, h, i, rest @ ..]) => {
                let (first, second, third) = (
                    u32::from_le_bytes([a, b, c, d]),
                    u16::from_le_bytes([e, g]),
                    u16::from_le_bytes([h, i]),
                );
                write!(f, "g={first:08x}-{second:04x}-{third:04x}-")?;
                for (at, byte) in rest.iter().enumerate() {
                    write!(f, "{}{byte:02x}", if at == 2 { "-" } else { "" })?;
                }
                Ok(())
            }
            Name::Opaque(bytes) => {
                f.write_str("b=")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}
