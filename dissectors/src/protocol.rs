//! The protocols as a closed set, and the words that they share.

use core::fmt;
use core::net::Ipv4Addr;
use core::num::NonZeroUsize;

use crate::{Answer, Command, FieldSink, enip, modbus, opcua, s7comm};

/// What carries a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// A byte stream.
    Tcp,
    /// A datagram a PDU.
    Udp,
    /// Carried by IP itself.
    Icmp,
}

/// Which way a PDU travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From who opened the flow to the asset: requests.
    ToServer,
    /// From the asset back: responses.
    ToClient,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn reverse(self) -> Direction {
        match self {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        }
    }
}

/// A protocol that an endpoint speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Modbus over TCP or UDP with the MBAP header (Modbus Messaging on TCP/IP 1.0b).
    Modbus,
    /// EtherNet/IP, explicit messages over TCP or UDP (The CIP Networks Library, volume 2).
    Enip,
    /// S7comm and S7comm-plus over TCP (RFC 1006).
    S7comm,
    /// OPC UA, binary encoding over TCP (OPC 10000-6).
    Opcua,
    /// ICMP echo: the asset may be pinged. Judged as one command, `echo`, class `diag`.
    Icmp,
    /// A TCP service whose bytes are not read; granted whole or not at all.
    Tcp,
    /// A UDP service whose bytes are not read; granted whole or not at all.
    Udp,
}

impl Protocol {
    /// All protocols.
    pub const ALL: &[Protocol] = &[
        Protocol::Modbus,
        Protocol::Enip,
        Protocol::S7comm,
        Protocol::Opcua,
        Protocol::Icmp,
        Protocol::Tcp,
        Protocol::Udp,
    ];

    /// The word used in policy files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Modbus => "modbus",
            Protocol::Enip => "enip",
            Protocol::S7comm => "s7comm",
            Protocol::Opcua => "opcua",
            Protocol::Icmp => "icmp",
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }

    /// The protocol of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Protocol> {
        Protocol::ALL.iter().copied().find(|protocol| protocol.name() == name)
    }

    /// The registered port, where there is one (IANA).
    pub const fn default_port(self) -> Option<u16> {
        match self {
            Protocol::Modbus => Some(modbus::PORT),
            Protocol::Enip => Some(enip::PORT),
            Protocol::S7comm => Some(s7comm::PORT),
            Protocol::Opcua => Some(opcua::PORT),
            Protocol::Icmp | Protocol::Tcp | Protocol::Udp => None,
        }
    }

    /// The protocol that owns a port: its [default](Protocol::default_port), or one more that it has
    /// besides.
    pub fn of_port(transport: Transport, port: u16) -> Option<Protocol> {
        let owns = |protocol: &Protocol| {
            let more =
                (*protocol, transport, port) == (Protocol::Enip, Transport::Udp, enip::IO_PORT);
            let carried = protocol.transports().contains(&transport);
            protocol.default_port() == Some(port) && carried || more
        };
        Protocol::ALL.iter().copied().find(owns)
    }

    /// The protocol of a connection, where its first bytes from the client leave no doubt; for what only
    /// looks. Modbus has no such beginning.
    pub fn recognise(transport: Transport, bytes: &[u8]) -> Option<Protocol> {
        match transport {
            Transport::Tcp if enip::frame::is_opening(bytes) => Some(Protocol::Enip),
            Transport::Tcp if s7comm::frame::is_opening(bytes) => Some(Protocol::S7comm),
            Transport::Tcp if opcua::frame::is_opening(bytes) => Some(Protocol::Opcua),
            _ => None,
        }
    }

    /// What may carry it. Modbus and EtherNet/IP: TCP and UDP, on the same port.
    pub const fn transports(self) -> &'static [Transport] {
        match self {
            Protocol::Modbus | Protocol::Enip => &[Transport::Tcp, Transport::Udp],
            Protocol::S7comm => &[Transport::Tcp],
            Protocol::Icmp => &[Transport::Icmp],
            Protocol::Opcua | Protocol::Tcp => &[Transport::Tcp],
            Protocol::Udp => &[Transport::Udp],
        }
    }

    /// Whether commands are read and judged; the others are granted whole.
    pub const fn is_inspected(self) -> bool {
        matches!(self, Protocol::Modbus | Protocol::Enip | Protocol::S7comm | Protocol::Opcua)
    }

    /// Length of the longest PDU that every flow has room for, in bytes.
    pub const fn max_pdu(self) -> usize {
        match self {
            Protocol::Modbus => modbus::MAX_ADU,
            Protocol::Enip => enip::MAX_PDU,
            Protocol::S7comm => s7comm::MAX_PDU,
            Protocol::Opcua => opcua::MAX_REQUEST,
            Protocol::Icmp | Protocol::Tcp | Protocol::Udp => 0,
        }
    }

    /// Where the PDU that begins at `bytes[0]` ends.
    ///
    /// # Errors
    /// The bytes cannot be the beginning of a PDU of this protocol.
    #[inline(always)]
    pub fn frame(self, bytes: &[u8]) -> Result<Framed, NotTheProtocol> {
        match self {
            Protocol::Modbus => modbus::frame(bytes),
            Protocol::Enip => enip::frame(bytes),
            Protocol::S7comm => s7comm::frame(bytes),
            Protocol::Opcua => opcua::frame(bytes),
            Protocol::Icmp | Protocol::Tcp | Protocol::Udp => Err(NotTheProtocol::NotInspected),
        }
    }

    /// Writes a PDU of several [chunks](Portion::Chunks) to the front of `out` as if it had come in one, and
    /// returns its length.
    ///
    /// # Errors
    /// They are not chunks of one PDU, or there is no room.
    pub fn join(self, chunks: &[u8], out: &mut [u8]) -> Result<usize, NotTheProtocol> {
        match self {
            Protocol::Opcua => opcua::join(chunks, out),
            _ => Err(NotTheProtocol::Inconsistent),
        }
    }

    /// Whether the joined request `pdu` was given up by its client: it asks for nothing.
    pub fn is_aborted(self, pdu: &[u8]) -> bool {
        self == Protocol::Opcua && opcua::command::is_aborted(pdu)
    }

    /// What the whole request PDU `pdu` asks for.
    ///
    /// # Errors
    /// The PDU contradicts itself: lengths, counts or reserved values are not what its function
    /// demands.
    #[inline(always)]
    pub fn command(self, pdu: &[u8]) -> Result<Command<'_>, NotTheProtocol> {
        match self {
            Protocol::Modbus => modbus::command(pdu),
            Protocol::Enip => enip::command(pdu),
            Protocol::S7comm => s7comm::command(pdu),
            Protocol::Opcua => opcua::command(pdu),
            Protocol::Icmp | Protocol::Tcp | Protocol::Udp => Err(NotTheProtocol::NotInspected),
        }
    }

    /// What pairs the whole PDU `pdu` with its request or response.
    #[inline(always)]
    pub fn key(self, pdu: &[u8]) -> Option<Key> {
        match self {
            Protocol::Modbus => modbus::key(pdu),
            Protocol::Enip => enip::key(pdu),
            Protocol::S7comm => s7comm::key(pdu),
            Protocol::Opcua => opcua::key(pdu),
            Protocol::Icmp | Protocol::Tcp | Protocol::Udp => None,
        }
    }

    /// The station that the whole PDU `pdu` speaks to or of; 0 where the protocol has none.
    pub fn unit(self, pdu: &[u8]) -> u8 {
        match self {
            Protocol::Modbus => modbus::unit(pdu),
            _ => 0,
        }
    }

    /// Whether the response `pdu` ends the answer to its request: not where more of it follows.
    #[inline]
    pub fn completes(self, pdu: &[u8]) -> bool {
        self != Protocol::Opcua || opcua::response::completes(pdu)
    }

    /// Whether clients tell answers apart by what numbers them, in whatever order they come. Else a
    /// refusal comes behind the answers to earlier requests.
    pub const fn answers_in_any_order(self) -> bool {
        matches!(self, Protocol::Opcua)
    }

    /// Whether what leaves may have to be numbered anew: PDUs have numbers without a gap.
    pub const fn renumbers(self) -> bool {
        matches!(self, Protocol::Opcua)
    }

    /// Whether what becomes of the whole PDU `pdu` is over with it, and it leaves as it came if it may: it opens and
    /// closes nothing outside its flow, has no number that may have to be another, and no address.
    #[inline]
    pub fn is_plain(self, pdu: &[u8]) -> bool {
        match self {
            Protocol::Opcua => false,
            Protocol::Enip => enip::io::is_plain(pdu),
            _ => true,
        }
    }

    /// Whether addresses may stand in PDUs.
    pub const fn has_addresses(self) -> bool {
        matches!(self, Protocol::Enip)
    }

    /// Writes the addresses by which its receiver knows both ends over those in the whole PDU `pdu`, whose length stays
    /// as it is: the asset's and the client's. Whether that changed anything.
    pub fn translate(self, pdu: &mut [u8], asset: Ipv4Addr, client: Ipv4Addr) -> bool {
        let ends = enip::Ends { target: asset, originator: client };
        self.has_addresses() && enip::translate(pdu, &ends)
    }

    /// Checks the whole response PDU `pdu` by itself.
    ///
    /// # Errors
    /// The PDU contradicts itself.
    #[inline(always)]
    pub fn response(self, pdu: &[u8]) -> Result<(), NotTheProtocol> {
        match self {
            Protocol::Modbus => modbus::response(pdu),
            Protocol::Enip => enip::response(pdu),
            Protocol::S7comm => s7comm::response(pdu),
            Protocol::Opcua => opcua::response(pdu),
            Protocol::Icmp | Protocol::Tcp | Protocol::Udp => Err(NotTheProtocol::NotInspected),
        }
    }

    /// Writes the protocol's own refusal of the request `pdu` to the front of `out` and returns its
    /// length; `None` where the protocol has no words for it (then it is dropped). `dialog` is that of
    /// the request's flow.
    pub fn denial(
        self,
        pdu: &[u8],
        dialog: &Dialog,
        why: Refusal,
        out: &mut [u8],
    ) -> Option<usize> {
        match self {
            Protocol::Modbus => modbus::denial(pdu, why, out),
            Protocol::Enip => enip::denial(pdu, &dialog.connections, why, out),
            Protocol::S7comm => s7comm::denial(pdu, &dialog.association, out),
            Protocol::Opcua => opcua::denial(pdu, &dialog.channel, why, out),
            Protocol::Icmp | Protocol::Tcp | Protocol::Udp => None,
        }
    }

    /// Names every field of the whole PDU `pdu`.
    pub fn fields(self, pdu: &[u8], direction: Direction, sink: &mut dyn FieldSink) {
        match self {
            Protocol::Modbus => modbus::fields(pdu, direction, sink),
            Protocol::Enip => enip::fields(pdu, direction, sink),
            Protocol::S7comm => s7comm::fields(pdu, direction, sink),
            Protocol::Opcua => opcua::fields(pdu, direction, sink),
            Protocol::Icmp | Protocol::Tcp | Protocol::Udp => {}
        }
    }

    /// Shows what the whole response PDU `pdu` says of each item of its request, in order. Nothing where that is not
    /// known; of Modbus [`Protocol::fields`] says it.
    pub fn answers(self, pdu: &[u8], see: &mut dyn FnMut(Answer<'_>)) {
        match self {
            Protocol::Enip => enip::answers(pdu, see),
            Protocol::S7comm => s7comm::answers(pdu, see),
            Protocol::Opcua => opcua::answers(pdu, see),
            Protocol::Modbus | Protocol::Icmp | Protocol::Tcp | Protocol::Udp => {}
        }
    }

    /// Whether the whole request PDU `pdu` may be for parts of what its items name.
    pub fn asks_for_parts(self, pdu: &[u8]) -> bool {
        self == Protocol::Opcua && opcua::asks_for_parts(pdu)
    }

    /// What the whole PDU `pdu` is of, where a protocol consists of several: of S7comm the layer.
    pub fn layer(self, pdu: &[u8]) -> &'static str {
        match self {
            Protocol::S7comm => s7comm::fields::layer(pdu),
            other => other.name(),
        }
    }
}

/// What the earlier PDUs of a flow decide about later ones: what was opened in it. Plain data of fixed
/// size; protocols whose PDUs stand by themselves leave it as it is.
#[derive(Clone, Debug)]
pub struct Dialog {
    connections: enip::Connections,
    association: s7comm::Association,
    channel: opcua::Channel,
}

impl Dialog {
    /// A flow in which nothing was said yet.
    pub const NEW: Dialog = Dialog {
        connections: enip::Connections::NONE,
        association: s7comm::Association::NONE,
        channel: opcua::Channel::NEW,
    };

    /// How much of what begins at `bytes[0]` and travels in `direction` is judged at once, and so is held
    /// until all of it is there: a PDU, or of a long response the front. There is `room` to hold so many bytes.
    ///
    /// # Errors
    /// Those of [`Protocol::frame`].
    #[inline(always)]
    pub fn portion(
        &self,
        protocol: Protocol,
        direction: Direction,
        bytes: &[u8],
        room: usize,
    ) -> Result<Portion, NotTheProtocol> {
        if protocol == Protocol::Opcua {
            return opcua::portion(direction, bytes, &self.channel, room);
        }
        Ok(match protocol.frame(bytes)? {
            Framed::Whole(length) => Portion::Whole(length),
            Framed::Need(length) => Portion::Need(length),
        })
    }

    /// What the whole request PDU `pdu` of this flow asks for.
    ///
    /// # Errors
    /// Those of [`Protocol::command`].
    #[inline(always)]
    pub fn command<'p>(
        &self,
        protocol: Protocol,
        pdu: &'p [u8],
    ) -> Result<Command<'p>, NotTheProtocol> {
        match protocol {
            Protocol::Opcua if self.channel.is_secured() => opcua::command::sealed(pdu),
            protocol => protocol.command(pdu),
        }
    }

    /// Whether the request `pdu`, which asks for `command`, may follow what was said in this flow.
    ///
    /// # Errors
    /// It goes over something that was not opened in this flow, so that nobody can tell what it does.
    #[inline(always)]
    pub fn permit(&self, command: &Command<'_>, pdu: &[u8]) -> Result<(), NotTheProtocol> {
        match command.protocol {
            Protocol::Enip => self.connections.permit(pdu),
            Protocol::Opcua => self.channel.permit(pdu, command),
            Protocol::Modbus
            | Protocol::S7comm
            | Protocol::Icmp
            | Protocol::Tcp
            | Protocol::Udp => Ok(()),
        }
    }

    /// Whether the asset may say `pdu` without being asked for it.
    #[inline]
    pub fn is_unasked(&self, protocol: Protocol, pdu: &[u8]) -> bool {
        match protocol {
            Protocol::S7comm => self.association.is_unasked(pdu),
            Protocol::Opcua => opcua::response::is_unasked(pdu),
            _ => false,
        }
    }

    /// Notes a PDU, or what it was judged by, that was let through.
    #[inline]
    pub fn note(&mut self, protocol: Protocol, direction: Direction, pdu: &[u8]) {
        match protocol {
            Protocol::Enip => self.connections.note(direction, pdu),
            Protocol::S7comm => self.association.note(direction, pdu),
            Protocol::Opcua => self.channel.note(direction, pdu),
            Protocol::Modbus | Protocol::Icmp | Protocol::Tcp | Protocol::Udp => {}
        }
    }

    /// Notes that the request that begins with `front` stays behind, with whatever follows of it.
    pub fn note_refused(&mut self, front: &[u8]) {
        self.channel.note_refused(front);
    }

    /// Whether responses can be paired with their requests: not where they are encrypted.
    pub const fn pairs(&self) -> bool {
        !self.channel.is_secured()
    }

    /// Whether a refusal may be put in behind the response that was noted last.
    pub const fn may_interject(&self) -> bool {
        self.channel.may_interject()
    }
}

/// Of a protocol that numbers its PDUs: what leaves is numbered without a gap, whatever stays behind or is
/// put in.
impl Dialog {
    /// Whether something was opened in which PDUs are numbered.
    #[inline]
    pub const fn numbers(&self) -> bool {
        self.channel.has_begun()
    }

    /// Gives a PDU that leaves, or its front, its number. Whether that changed it.
    #[inline]
    pub fn number(&mut self, direction: Direction, pdu: &mut [u8]) -> bool {
        self.channel.number(direction, pdu)
    }

    /// A PDU stays behind. Whether that changed it: never.
    pub fn skip(&mut self, direction: Direction, pdu: &mut [u8]) -> bool {
        self.channel.skip(direction, pdu);
        false
    }

    /// Gives a refusal that is put in its number.
    pub fn stamp(&mut self, refusal: &mut [u8]) {
        if self.numbers() {
            self.channel.stamp(refusal);
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the PDU at the front of some bytes ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// The PDU is this long and all of it is there.
    Whole(NonZeroUsize),
    /// Not all there yet: come again when there are at least this many bytes, counted from the
    /// PDU's first.
    Need(usize),
}

/// How much of some bytes is judged at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portion {
    /// A PDU of this length, all of it there.
    Whole(NonZeroUsize),
    /// The PDU is `len` bytes long, and what it is judged by is there.
    Front {
        /// What it is judged by.
        front: NonZeroUsize,
        /// All of it.
        len: usize,
    },
    /// Not enough there yet: come again when there are at least this many bytes.
    Need(usize),
    /// A request of this length in several chunks, all of it there; see [`Protocol::join`].
    Chunks(NonZeroUsize),
    /// A request for which there is no room: its first chunk is `len` bytes long, and what it is refused by is
    /// there.
    TooLong {
        /// What it is refused by.
        front: NonZeroUsize,
        /// All of the chunk.
        len: usize,
    },
    /// A further chunk of a request that was refused: it stays behind.
    Rest {
        /// What is there of it.
        front: NonZeroUsize,
        /// All of it.
        len: usize,
    },
}

/// What pairs a response with its request (Modbus: transaction and unit identifier).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key {
    /// The transaction identifiers of the protocol, in one word.
    pub transaction: u64,
    /// The request's function; a response must answer the same one.
    pub function: u16,
    /// Whether a response is expected at all (Modbus: not for a broadcast).
    pub answered: bool,
}

/// Why a command is refused: what the refusal says to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Nobody gave this subject this function.
    Function,
    /// The function is granted, but not on this address.
    Address,
    /// The address is granted, but not this value or quantity.
    Value,
    /// Not now: held, rate-limited, or the gate cannot log.
    Busy,
    /// The request is longer than can be judged: the client is to ask for less at once.
    TooLong,
    /// Data would go to many at once: the client is to ask for a connection from point to point.
    Multicast,
}

/// Why bytes are not the protocol they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NotTheProtocol {
    /// A constant of the envelope is wrong (Modbus: protocol identifier not 0).
    Envelope,
    /// The envelope's length is outside what the protocol allows.
    Length,
    /// The PDU is longer than the gate reads: it can be judged only whole.
    TooLong,
    /// The length is not what the function demands.
    Inconsistent,
    /// A quantity is zero or above the protocol's limit.
    Quantity,
    /// A value is none of those that the function allows.
    Value,
    /// An address range runs over the end of its table.
    Address,
    /// The function code cannot occur in a request.
    Function,
    /// A path to an object is cut short, or has a part that the protocol does not know.
    Path,
    /// It goes over a connection that was not opened in this flow.
    Connection,
    /// This protocol is not read at all.
    NotInspected,
}

impl NotTheProtocol {
    /// The reason in words.
    pub const fn text(self) -> &'static str {
        match self {
            NotTheProtocol::Envelope => "protocol identifier is wrong",
            NotTheProtocol::Length => "length is outside the protocol's limits",
            NotTheProtocol::TooLong => "longer than the gate reads",
            NotTheProtocol::Inconsistent => "length is not what the function demands",
            NotTheProtocol::Quantity => "quantity is outside the protocol's limits",
            NotTheProtocol::Value => "value is none that the function allows",
            NotTheProtocol::Address => "address range runs over the end of its table",
            NotTheProtocol::Function => "function code cannot occur in a request",
            NotTheProtocol::Path => "path to an object cannot be read",
            NotTheProtocol::Connection => "connection was not opened in this flow",
            NotTheProtocol::NotInspected => "protocol is not read by the gate",
        }
    }
}

impl fmt::Display for NotTheProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for NotTheProtocol {}
