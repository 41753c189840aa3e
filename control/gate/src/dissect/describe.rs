//! What a PDU is called where it is no valid request: a response, or one that contradicts itself.

use wicketgate_dissectors::modbus::{self, Adu, EXCEPTION, functions};
use wicketgate_dissectors::{Class, Protocol, enip, opcua, s7comm};

/// Class and name after the codes alone.
pub(super) fn by_code(protocol: Protocol, pdu: &[u8]) -> (Class, &'static str) {
    let function = match protocol {
        Protocol::Modbus => modbus_function(pdu),
        Protocol::Enip => return enip::command::by_code(pdu),
        Protocol::S7comm => return s7comm::command::by_code(pdu),
        Protocol::Opcua => return opcua::command::by_code(pdu),
        Protocol::Icmp | Protocol::Tcp | Protocol::Udp => &functions::UNKNOWN,
    };
    (function.class, function.name)
}

/// Whether the codes at the front of these bytes are there and known.
pub(super) fn is_known(protocol: Protocol, bytes: &[u8]) -> bool {
    // Of EtherNet/IP a header that was read to its end is beginning enough: it has eight bytes that
    // can only be 0.
    if protocol == Protocol::Enip {
        return bytes.len() >= enip::frame::HEADER;
    }
    // TPKT and COTP are seven bytes of which six can only be one thing.
    if protocol == Protocol::S7comm {
        return bytes.len() > s7comm::frame::DATA_HEADER;
    }
    if protocol == Protocol::Opcua {
        return bytes.len() >= opcua::frame::HEADER;
    }
    by_code(protocol, bytes).0 != Class::Unknown
}

fn modbus_function(adu: &[u8]) -> &'static modbus::Function {
    match Adu::read(adu) {
        Some(adu) => functions::find(adu.function & !EXCEPTION, adu.sub()),
        None => &functions::UNKNOWN,
    }
}
