//! Requests: their headers, and where their bodies begin.

use super::frame::{Chunk, Kind, Security, Sequence};
use super::{NodeId, Reader};

/// What stands in front of the body of a request (part 4, 7.33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Channel, number of the chunk, identifier of the request.
    pub sequence: Sequence,
    /// Type of the request: a number of the specification's, or 0.
    pub service: u16,
    /// Which session it is of.
    pub authentication: NodeId<'a>,
    /// When it was sent, by the client's clock, in units of 100 ns since 1601.
    pub timestamp: &'a [u8],
    /// The client's own number, which is echoed.
    pub handle: u32,
    /// What follows.
    pub body: Reader<'a>,
}

impl<'a> Request<'a> {
    /// The request in a chunk that is one by itself; `None` where it cannot be read: its body is
    /// encrypted, or none.
    #[inline]
    pub fn read(chunk: &Chunk<'a>) -> Option<Request<'a>> {
        let mut reader = Reader::new(chunk.body);
        let sequence = match chunk.kind {
            Kind::Message | Kind::Close => Sequence::take(&mut reader)?,
            Kind::Open => {
                let security = Security::take(&mut reader).filter(|it| !it.is_secured())?;
                let (number, request) = (reader.u32()?, reader.u32()?);
                Sequence { channel: security.channel, token: 0, number, request }
            }
            _ => return None,
        };
        let service = u16::try_from(reader.node()?.standard()?).ok()?;
        let authentication = reader.node()?;
        let timestamp = reader.take(8)?;
        let handle = reader.u32()?;
        let _diagnostics = reader.u32()?;
        let _audit_entry = reader.string()?;
        let _timeout = reader.u32()?;
        let _additional = reader.extension_object()?;
        Some(Request { sequence, service, authentication, timestamp, handle, body: reader })
    }
}

/// What stands in front of the body of a response (part 4, 7.34).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHeader {
    /// Type of the response: a number of the specification's.
    pub service: u16,
    /// That of the request.
    pub handle: u32,
    /// 0, or why the request failed as a whole.
    pub result: u32,
}

impl ResponseHeader {
    /// Takes it off the front, with the type.
    pub fn take(reader: &mut Reader<'_>) -> Option<ResponseHeader> {
        let service = u16::try_from(reader.node()?.standard()?).ok()?;
        reader.skip(8)?;
        Some(ResponseHeader { service, handle: reader.u32()?, result: reader.u32()? })
    }
}
