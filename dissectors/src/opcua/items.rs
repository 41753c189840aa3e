//! What a request touches, one by one.

use core::fmt;

use super::methods;
use super::node::NodeId;
use super::services::{self, Service};
use super::variant::{self, Budget};
use super::{Reader, Request};
use crate::{Class, Item, NotTheProtocol, Space, Values};

/// Most items of a request, more than servers take at once: what one request costs is bounded by this, and
/// not by how short an item can be.
pub const MAX_ITEMS: usize = 2048;

/// Attribute: the value of a variable (part 6, annex A.1).
pub const VALUE: u32 = 13;

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A node.
    Node(NodeId<'a>),
    /// A method of an object.
    Method {
        /// The object, or its type.
        object: NodeId<'a>,
        /// The method.
        method: NodeId<'a>,
    },
    /// A channel that is opened.
    Channel {
        /// Name of its security policy.
        policy: &'a [u8],
        /// The client's certificate, DER, and what follows it in its chain.
        certificate: &'a [u8],
    },
    /// Who uses a session.
    Identity {
        /// How that is proven.
        token: Token,
        /// The user's certificate, DER.
        certificate: &'a [u8],
    },
}

/// How a user proves who he is (part 4, 7.41).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Token {
    /// Not at all.
    Anonymous,
    /// Name and password.
    UserName,
    /// A certificate.
    Certificate,
    /// Something that another service has issued.
    Issued,
}

impl Token {
    /// All of them, with the type of each in the binary encoding, its word in policy files, and its name.
    pub const ALL: [(Token, u32, &'static str, &'static str); 4] = [
        (Token::Anonymous, 321, "anonymous", "AnonymousIdentityToken"),
        (Token::UserName, 324, "user-name", "UserNameIdentityToken"),
        (Token::Certificate, 327, "certificate", "X509IdentityToken"),
        (Token::Issued, 940, "issued", "IssuedIdentityToken"),
    ];

    /// The word used in policy files.
    pub fn word(self) -> &'static str {
        Token::ALL.iter().find(|row| row.0 == self).map_or("", |row| row.2)
    }
}

/// A node as `ns=2;s=Motor`, a method as `object method`, a channel as its policy, a user as a word.
impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node(node) => node.fmt(f),
            Target::Method { object, method } => write!(f, "{object} {method}"),
            Target::Channel { policy, .. } => f.write_str(str::from_utf8(policy).unwrap_or("?")),
            Target::Identity { token, .. } => f.write_str(token.word()),
        }
    }
}

/// The items of a request that has an array of them. Plain data, cheap to clone.
#[derive(Clone, Debug)]
pub struct Nodes<'a> {
    service: u16,
    class: Class,
    left: usize,
    budget: Budget,
    reader: Reader<'a>,
}

impl<'a> Nodes<'a> {
    /// Those of `request`, which is one of `service`; `None` where that has none that are judged.
    ///
    /// # Errors
    /// What stands in front of the array is not to be read, or there are more than [`MAX_ITEMS`].
    #[inline]
    pub fn of(
        request: &Request<'a>,
        service: &Service,
    ) -> Result<Option<Nodes<'a>>, NotTheProtocol> {
        let mut reader = request.body;
        let Some(front) = front(service.request) else { return Ok(None) };
        let found = front(&mut reader).and_then(|()| reader.count());
        let left = found.ok_or(NotTheProtocol::Inconsistent)?;
        if left > MAX_ITEMS {
            return Err(NotTheProtocol::TooLong);
        }
        Ok(Some(Nodes {
            service: service.request,
            class: service.class,
            left,
            budget: Budget::default(),
            reader,
        }))
    }

    /// The item of a request that has one.
    ///
    /// # Errors
    /// It is not to be read, or something is left over, or it holds too many values.
    #[inline]
    pub fn only(mut self) -> Result<Item<'a>, NotTheProtocol> {
        let item = self.next_item().filter(|_| self.reader.is_at_end());
        item.ok_or_else(|| self.fault())
    }

    /// Why the last one could not be read.
    fn fault(&self) -> NotTheProtocol {
        match self.budget.is_spent() {
            true => NotTheProtocol::TooLong,
            false => NotTheProtocol::Inconsistent,
        }
    }

    /// Walks all of them once, and tells the class of greatest weight.
    ///
    /// # Errors
    /// One is not to be read, or something is left over, or they hold more than [`variant::MAX_VALUES`].
    #[inline]
    pub fn check(&self) -> Result<Option<Class>, NotTheProtocol> {
        let (mut nodes, mut item) = (self.clone(), self.blank());
        let mut most: Option<Class> = None;
        while nodes.left > 0 {
            nodes.fill(&mut item).ok_or_else(|| nodes.fault())?;
            if most.is_none_or(|most| item.class != most && item.class.weight() > most.weight()) {
                most = Some(item.class);
            }
        }
        if nodes.reader.is_at_end() { Ok(most) } else { Err(NotTheProtocol::Inconsistent) }
    }

    /// Shows every item where it lies, in order, until `see` says no; for those that were walked once without
    /// an error.
    ///
    /// # Errors
    /// What `see` says.
    #[inline]
    pub fn each<E>(&self, mut see: impl FnMut(&Item<'a>) -> Result<(), E>) -> Result<(), E> {
        // There may be thousands: what is the same in all is written once.
        let (mut nodes, mut item) = (self.clone(), self.blank());
        while nodes.fill(&mut item).is_some() {
            see(&item)?;
        }
        Ok(())
    }

    /// Where the next one begins.
    pub const fn reader(&self) -> Reader<'a> {
        self.reader
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.left
    }

    /// The next one; for those that were walked once without an error.
    pub fn next_item(&mut self) -> Option<Item<'a>> {
        let mut item = self.blank();
        self.fill(&mut item).map(|()| item)
    }

    /// What is the same in all items.
    #[inline]
    fn blank(&self) -> Item<'a> {
        let space = if self.service == services::CALL { Space::Method } else { Space::Node };
        let start = if space == Space::Node { VALUE } else { 0 };
        Item { space, start, count: 1, ..Item::bare(self.class) }
    }

    /// Reads the next one, and writes down what it may differ in from the one before.
    // Inlined whatever the compiler thinks of it, as is what reads names: an item of thousands would be put into
    // memory and taken out again by each call.
    #[inline(always)]
    fn fill(&mut self, item: &mut Item<'a>) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        let (reader, budget) = (&mut self.reader, &mut self.budget);
        let (node, attribute) = match self.service {
            services::READ => read_value(reader)?,
            services::WRITE => write_value(reader, item, budget)?,
            services::CALL => return call(reader, item, budget),
            services::CREATE_MONITORED_ITEMS => monitored_item(reader)?,
            service => (element(service, reader, budget)?, VALUE),
        };
        (item.target, item.start) = (Some(Target::Node(node)), attribute);
        Some(())
    }
}

/// What stands in front of the array.
fn front(service: u16) -> Option<fn(&mut Reader<'_>) -> Option<()>> {
    Some(match service {
        // Maximum age, timestamps.
        services::READ => |reader| reader.skip(8 + 4),
        // Details, timestamps, whether to release what was kept.
        services::HISTORY_READ => |reader| {
            reader.extension_object()?;
            reader.skip(4 + 1)
        },
        // The view, and most references of each.
        services::BROWSE => |reader| {
            reader.node()?;
            reader.skip(8 + 4 + 4)
        },
        // Subscription, timestamps.
        services::CREATE_MONITORED_ITEMS => |reader| reader.skip(4 + 4),
        services::WRITE
        | services::CALL
        | services::HISTORY_UPDATE
        | services::TRANSLATE_BROWSE_PATHS
        | services::REGISTER_NODES
        | services::UNREGISTER_NODES
        | services::ADD_NODES
        | services::DELETE_NODES
        | services::ADD_REFERENCES
        | services::DELETE_REFERENCES => |_| Some(()),
        _ => return None,
    })
}

/// The node of an element that names no attribute.
#[inline(always)]
fn element<'a>(service: u16, reader: &mut Reader<'a>, budget: &mut Budget) -> Option<NodeId<'a>> {
    let node = match service {
        services::ADD_NODES | services::HISTORY_UPDATE => wrapped(service, reader)?,
        _ => reader.node()?,
    };
    match service {
        services::REGISTER_NODES | services::UNREGISTER_NODES | services::HISTORY_UPDATE => {}
        services::TRANSLATE_BROWSE_PATHS => match reader.count()? {
            0 => {}
            count => path(count, reader, budget)?,
        },
        _ => behind(service, reader)?,
    }
    Some(node)
}

/// A node that has more than its identifier, or lies in more.
#[inline(never)]
fn wrapped<'a>(service: u16, reader: &mut Reader<'a>) -> Option<NodeId<'a>> {
    match service {
        services::ADD_NODES => reader.expanded_node(),
        _ => Reader::new(reader.extension_object()?.1).node(),
    }
}

/// The elements of a path.
#[inline(never)]
fn path(count: usize, reader: &mut Reader<'_>, budget: &mut Budget) -> Option<()> {
    budget.spend(count)?;
    for _ in 0..count {
        reader.node()?;
        reader.skip(2)?;
        reader.qualified_name()?;
    }
    Some(())
}

/// What stands behind the node of other services: nothing of it is judged.
#[inline(never)]
fn behind(service: u16, reader: &mut Reader<'_>) -> Option<()> {
    match service {
        services::BROWSE => {
            // Direction, type of the references, its subtypes too, masks of nodes and of results.
            reader.skip(4)?;
            reader.node()?;
            reader.skip(1 + 4 + 4)?;
        }
        services::HISTORY_READ => {
            reader.string()?;
            reader.qualified_name()?;
            reader.string()?;
        }
        services::ADD_NODES => {
            reader.node()?;
            reader.expanded_node()?;
            reader.qualified_name()?;
            reader.skip(4)?;
            reader.extension_object()?;
            reader.expanded_node()?;
        }
        services::DELETE_NODES => reader.skip(1)?,
        services::ADD_REFERENCES => {
            reader.node()?;
            reader.skip(1)?;
            reader.string()?;
            reader.expanded_node()?;
            reader.skip(4)?;
        }
        services::DELETE_REFERENCES => {
            reader.node()?;
            reader.skip(1)?;
            reader.expanded_node()?;
            reader.skip(1)?;
        }
        _ => {}
    }
    Some(())
}

/// `ReadValueId` (part 4, 7.29).
#[inline(always)]
fn read_value<'a>(reader: &mut Reader<'a>) -> Option<(NodeId<'a>, u32)> {
    let node = reader.node()?;
    // Nearly all want the whole value in its own encoding: index range and name are null.
    if let Some((&[a, b, c, d, e, f, g, h, _, _, i, j, k, l], rest)) =
        reader.rest().split_first_chunk()
        && u32::from_le_bytes([e, f, g, h]) & u32::from_le_bytes([i, j, k, l]) == u32::MAX
    {
        *reader = Reader::new(rest);
        return Some((node, u32::from_le_bytes([a, b, c, d])));
    }
    let attribute = reader.u32()?;
    reader.string()?;
    reader.qualified_name()?;
    Some((node, attribute))
}

/// `MonitoredItemCreateRequest` (part 4, 5.13.2).
fn monitored_item<'a>(reader: &mut Reader<'a>) -> Option<(NodeId<'a>, u32)> {
    let found = read_value(reader)?;
    // Mode, handle, interval.
    reader.skip(4 + 4 + 8)?;
    reader.extension_object()?;
    reader.skip(4 + 1)?;
    Some(found)
}

/// `WriteValue` (part 4, 5.11.4): of the value only numbers are known, of other attributes nothing.
#[inline(always)]
fn write_value<'a>(
    reader: &mut Reader<'a>,
    item: &mut Item<'a>,
    budget: &mut Budget,
) -> Option<(NodeId<'a>, u32)> {
    let node = reader.node()?;
    let attribute = match reader.rest().split_first_chunk() {
        // Nearly all write the whole value: the index range is null.
        Some((&[a, b, c, d, 0xff, 0xff, 0xff, 0xff], rest)) => {
            *reader = Reader::new(rest);
            u32::from_le_bytes([a, b, c, d])
        }
        _ => {
            let attribute = reader.u32()?;
            reader.string()?;
            attribute
        }
    };
    let (values, _) = variant::data_value(reader, budget)?;
    let is_value = attribute == VALUE;
    item.class = if is_value { Class::Write } else { Class::Config };
    item.values = if is_value { values } else { Values::None };
    Some((node, attribute))
}

/// `CallMethodRequest` (part 4, 5.12.2).
fn call<'a>(reader: &mut Reader<'a>, item: &mut Item<'a>, budget: &mut Budget) -> Option<()> {
    let (object, method) = (reader.node()?, reader.node()?);
    let arguments = reader.count()?;
    budget.spend(arguments)?;
    for _ in 0..arguments {
        variant::value(reader, budget)?;
    }
    (item.target, item.class) = (Some(Target::Method { object, method }), methods::class(&method));
    Some(())
}

/// Who is to use a session (part 4, 5.7.3): no token is anonymous.
pub fn identity<'a>(body: &mut Reader<'a>) -> Option<(Token, &'a [u8])> {
    for _ in 0..2 {
        body.string()?;
    }
    for _ in 0..body.count()? {
        body.string()?;
        body.string()?;
    }
    for _ in 0..body.count()? {
        body.string()?;
    }
    let (kind, token) = body.extension_object()?;
    let kind = kind.standard()?;
    let row = Token::ALL.iter().find(|row| row.1 == kind);
    let found = row.map_or((kind == 0).then_some(Token::Anonymous), |row| Some(row.0))?;
    let mut token = Reader::new(token);
    let certificate = match found {
        Token::Certificate => {
            token.string()?;
            token.string()?
        }
        _ => &[],
    };
    // The signature of the token.
    body.string()?;
    body.string()?;
    Some((found, certificate))
}
