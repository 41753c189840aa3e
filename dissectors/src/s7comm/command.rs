//! Requests: what they ask for.

use super::frame::{is_tls, tpdu};
use super::functions::{
    self, CONNECT, DISCONNECT, Function, KEEP_ALIVE, OPAQUE_FUNCTION, SETUP, UNKNOWN, USERDATA,
};
use super::message::{self, rosctr};
use super::plus::{self, Asked, opcode};
use super::userdata::{self, Userdata};
use super::{Block, Blocks, Connect, Message, Plus, Tpdu, Tsdu, Variables};
use crate::{Class, Command, Item, Items, Key, NotTheProtocol, Protocol, Space};

/// What makes keys of COTP, S7comm and S7comm-plus different from each other.
mod sort {
    pub(super) const CONNECTION: u16 = 0x200;
    pub(super) const MESSAGE: u16 = 0x201;
    pub(super) const PLUS: u16 = 0x202;
}

/// What pairs a request with its response: the reference, or the sequence number of S7comm-plus. One
/// connection has one connection request.
///
/// The function is not part of it: a device may refuse a job without naming it.
///
/// `None` if `pdu` is cut short, or of neither kind.
pub fn key(pdu: &[u8]) -> Option<Key> {
    let (transaction, function, answered) = match Tpdu::read(pdu)? {
        Tpdu::Control(kind, _) => (0, sort::CONNECTION, kind == tpdu::CR),
        Tpdu::Data(data) if data.peek() == Some(plus::ID) => {
            let head = Plus::read(data).ok()?.head()?;
            (head.sequence, sort::PLUS, head.opcode == opcode::REQUEST)
        }
        Tpdu::Data(mut data) => {
            let message = Message::header(&mut data).ok()?;
            let is_request = match message.rosctr {
                rosctr::JOB => true,
                rosctr::USERDATA => kind_of(data) == userdata::kind::REQUEST,
                _ => false,
            };
            (message.reference, sort::MESSAGE, is_request)
        }
    };
    Some(Key { transaction: transaction.into(), function, answered })
}

/// Who speaks in userdata: the high half of byte 5 of the parameters.
fn kind_of(mut parameters: Tsdu<'_>) -> u8 {
    parameters.array::<6>().map_or(u8::MAX, |[.., kind]| kind >> 4)
}

/// What the PDU `pdu`, which goes towards the device, asks for.
///
/// A function that is not known is a command of class `unknown` with its raw code, not an error, and so is
/// what cannot be read: TLS, and fragments of S7comm-plus.
///
/// # Errors
/// The envelope is wrong, or the parts of the message contradict each other.
#[inline]
pub fn command(pdu: &[u8]) -> Result<Command<'_>, NotTheProtocol> {
    let data = match Tpdu::whole(pdu)? {
        Tpdu::Data(data) => data,
        Tpdu::Control(kind, rest) => return control(kind, rest),
    };
    match data.peek() {
        Some(message::ID) => of_message(&Message::read(data)?),
        Some(plus::ID) => Ok(of_plus(&Asked::read(&Plus::read(data)?))),
        Some(byte) if is_tls(byte) => Ok(bare(&OPAQUE_FUNCTION)),
        Some(_) => Err(NotTheProtocol::Envelope),
        None => Ok(bare(functions::find(u16::from(SETUP), Some(KEEP_ALIVE)))),
    }
}

/// A command of one function and these items.
#[inline]
fn of<'a>(function: &Function, items: Items<'a>) -> Command<'a> {
    of_class(function, function.class, items)
}

/// The same where the items make it one of another class.
#[inline]
fn of_class<'a>(function: &Function, class: Class, items: Items<'a>) -> Command<'a> {
    Command {
        protocol: Protocol::S7comm,
        class,
        function: function.code,
        sub: function.sub,
        unit: 0,
        name: function.name,
        items,
    }
}

/// A command without an object.
fn bare(function: &Function) -> Command<'static> {
    of(function, Items::one(Item::bare(function.class)))
}

/// A command of one item.
fn single<'a>(function: &Function, item: Item<'a>) -> Command<'a> {
    of(function, Items::one(Item { class: function.class, ..item }))
}

/// What is not in the table keeps its code.
fn unknown(code: u16, sub: Option<u16>) -> Command<'static> {
    bare(&Function { code, sub, ..UNKNOWN })
}

/// No request: nothing that a rule for a function means.
fn odd(rosctr: u8) -> Command<'static> {
    unknown(functions::ODD, Some(u16::from(rosctr)))
}

/// The opening and the end of a connection. What a client does not send has no place towards a device.
fn control(kind: u8, rest: &[u8]) -> Result<Command<'_>, NotTheProtocol> {
    let function = |sub| functions::find(u16::from(SETUP), Some(sub));
    match kind {
        tpdu::CR => {
            let connect = Connect::read(rest).ok_or(NotTheProtocol::Length)?;
            // RFC 1006 section 3: class 0 and nothing else.
            if connect.class != 0 {
                return Err(NotTheProtocol::Value);
            }
            let start = connect.role().map_or(0, |role| role as u32);
            let bare = Item::bare(Class::Session);
            let item = Item { space: Space::Role, start, count: 1, ..bare };
            Ok(single(function(CONNECT), item))
        }
        tpdu::DR | tpdu::DC | tpdu::ER => Ok(bare(function(DISCONNECT))),
        _ => Err(NotTheProtocol::Envelope),
    }
}

#[inline]
fn of_message<'a>(message: &Message<'a>) -> Result<Command<'a>, NotTheProtocol> {
    match message.rosctr {
        rosctr::USERDATA => of_userdata(message),
        // Ack: nothing in it asks for anything.
        rosctr::ACK => Ok(odd(rosctr::ACK)),
        kind => of_job(message, kind == rosctr::ACK_DATA),
    }
}

/// A job, or the client's answer to a job of the device.
#[inline]
fn of_job<'a>(message: &Message<'a>, is_answer: bool) -> Result<Command<'a>, NotTheProtocol> {
    let mut parameters = message.parameters;
    let code = parameters.byte().ok_or(NotTheProtocol::Inconsistent)?;
    let turned = matches!(code, functions::DOWNLOAD_BLOCK | functions::DOWNLOAD_ENDED);
    if is_answer != turned {
        // Who answers what was never asked, or asks what only a device asks.
        return Ok(odd(message.rosctr));
    }
    let function = functions::find(u16::from(code), None);
    match code {
        functions::READ_VAR | functions::WRITE_VAR => {
            let write = code == functions::WRITE_VAR;
            variables(function, Variables::read(parameters, message.data, write)?)
        }
        functions::REQUEST_DOWNLOAD | functions::START_UPLOAD => {
            let block = file(parameters).ok_or(NotTheProtocol::Inconsistent)?;
            let bare = Item::bare(function.class);
            Ok(single(function, block.map_or(bare, |block| userdata::placed(block, bare.class))))
        }
        functions::PI_SERVICE => program(parameters).ok_or(NotTheProtocol::Inconsistent),
        functions::PLC_STOP => {
            let mut rest = parameters;
            let whole = rest.part(5).is_some() && text(&mut rest).is_some() && rest.is_empty();
            if whole { Ok(bare(function)) } else { Err(NotTheProtocol::Inconsistent) }
        }
        _ if function.class == Class::Unknown => Ok(unknown(u16::from(code), None)),
        _ => Ok(bare(function)),
    }
}

/// Each variable is an item; the heaviest gives the command its class.
#[inline]
fn variables<'a>(function: &Function, all: Variables<'a>) -> Result<Command<'a>, NotTheProtocol> {
    // Most jobs have one: it is read here once and for all.
    if all.count() == 1 {
        let item = all.only()?;
        return Ok(of_class(function, heavier(function.class, item.class), Items::one(item)));
    }
    let (mut rest, mut class) = (all, function.class);
    while let Some(item) = rest.next_item() {
        class = heavier(class, item?.class);
    }
    Ok(of_class(function, class, Items::Variables(all)))
}

/// The heavier of two classes, most often the same.
#[inline]
fn heavier(one: Class, other: Class) -> Class {
    if other != one && other.weight() > one.weight() { other } else { one }
}

/// The block that a file name at the end of the parameters of an up- or download names: status, error,
/// identifier, length, name. `None` if they are cut short.
fn file(mut parameters: Tsdu<'_>) -> Option<Option<Block>> {
    parameters.array::<7>()?;
    text(&mut parameters).map(Block::of_file)
}

/// A text behind a byte with its length.
pub(super) fn text<'a>(rest: &mut Tsdu<'a>) -> Option<Tsdu<'a>> {
    let length = rest.byte()?;
    rest.part(length.into())
}

/// A PI service: seven bytes that mean nothing, the argument behind its length of two bytes, the name.
fn program(mut parameters: Tsdu<'_>) -> Option<Command<'_>> {
    parameters.array::<7>()?;
    let length = parameters.word()?;
    let argument = parameters.part(length.into())?;
    let name = text(&mut parameters).filter(|_| parameters.is_empty())?;
    let function = functions::find_pi(name.copy_to(&mut [0; 10]));
    if function.class == Class::Unknown {
        return Some(unknown(u16::from(functions::PI_SERVICE), None));
    }
    let of_blocks = matches!(function.name, "insert-block" | "insert-block-2" | "delete-block");
    let items = match Blocks::read(argument).filter(|_| of_blocks) {
        Some(blocks) => Items::Blocks(blocks, function.class),
        None => Items::one(Item::bare(function.class)),
    };
    Some(of(function, items))
}

fn of_userdata<'a>(message: &Message<'a>) -> Result<Command<'a>, NotTheProtocol> {
    let userdata = Userdata::read(message.parameters)?;
    let (code, sub) = userdata.code();
    if userdata.kind != userdata::kind::REQUEST {
        return Ok(odd(rosctr::USERDATA));
    }
    let function = userdata.function();
    if function.class == Class::Unknown {
        return Ok(unknown(code, sub));
    }
    let item = userdata::item(&userdata, message)?;
    Ok(Command { sub, ..single(function, item) })
}

fn of_plus<'a>(asked: &Asked<'a>) -> Command<'a> {
    if asked.function.class == Class::Unknown && asked.code != functions::OPAQUE {
        return unknown(asked.code, None);
    }
    let Some(addresses) = asked.addresses else { return bare(asked.function) };
    let heaviest = addresses.map(|item| item.class).max_by_key(|class| class.weight());
    let items = match (addresses.clone().next(), addresses.count()) {
        (Some(item), 1) => Items::one(item),
        _ => Items::Addresses(addresses),
    };
    Command { class: heaviest.unwrap_or(asked.function.class), ..of(asked.function, items) }
}

/// Class and name of any PDU by its codes alone, even of one that contradicts itself.
pub fn by_code(pdu: &[u8]) -> (Class, &'static str) {
    let function = match Tpdu::read(pdu) {
        Some(Tpdu::Data(data)) => data_by_code(data),
        Some(Tpdu::Control(tpdu::CR | tpdu::CC, _)) => {
            functions::find(u16::from(SETUP), Some(CONNECT))
        }
        Some(Tpdu::Control(..)) => functions::find(u16::from(SETUP), Some(DISCONNECT)),
        None => &UNKNOWN,
    };
    (function.class, function.name)
}

fn data_by_code(data: Tsdu<'_>) -> &'static Function {
    match data.peek() {
        Some(plus::ID) => plus_by_code(data),
        Some(message::ID) => message_by_code(data).unwrap_or(&UNKNOWN),
        Some(_) => &OPAQUE_FUNCTION,
        None => functions::find(u16::from(SETUP), Some(KEEP_ALIVE)),
    }
}

fn plus_by_code(data: Tsdu<'_>) -> &'static Function {
    let Ok(plus) = Plus::read(data) else { return &OPAQUE_FUNCTION };
    match plus.head() {
        Some(head) if head.opcode == opcode::REQUEST => Asked::read(&plus).function,
        Some(head) => functions::find_plus(head.function, None),
        None => &OPAQUE_FUNCTION,
    }
}

fn message_by_code(data: Tsdu<'_>) -> Option<&'static Function> {
    let message = Message::read(data).ok()?;
    if message.rosctr == rosctr::USERDATA {
        return Userdata::read(message.parameters).ok().map(|userdata| userdata.function());
    }
    let code = message.function()?;
    let argument = (code == functions::PI_SERVICE).then(|| program_name(message.parameters));
    Some(match argument.flatten() {
        Some(name) => functions::find_pi(name.copy_to(&mut [0; 10])),
        None => functions::find(u16::from(code), None),
    })
}

/// The name of the PI service in the parameters of a job, its code in front.
pub(super) fn program_name(mut parameters: Tsdu<'_>) -> Option<Tsdu<'_>> {
    parameters.array::<8>()?;
    let length = parameters.word()?;
    parameters.part(length.into())?;
    text(&mut parameters)
}

/// The next of several blocks as an item.
pub(crate) fn next_block(blocks: &mut Blocks<'_>, class: Class) -> Option<Item<'static>> {
    blocks.next().map(|block| userdata::placed(block, class))
}

// Userdata groups are numbered beside jobs, and what cannot be read behind S7comm-plus.
const _: () = assert!(USERDATA > u8::MAX as u16 && functions::OPAQUE > 0x5b3);
