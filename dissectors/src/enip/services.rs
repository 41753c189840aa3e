//! Every service: code, what it is a service of, class and name.

use crate::Class;

/// Services that carry others (CIP appendix A-4, 3-5.5).
pub const MULTIPLE_SERVICE_PACKET: u8 = 0x0a;
/// On the Connection Manager: a message for a device behind this one.
pub const UNCONNECTED_SEND: u8 = 0x52;
/// On the PCCC object: a command of the older controllers.
pub const EXECUTE_PCCC: u8 = 0x4b;
/// On the Modbus object: a whole Modbus PDU.
pub const MODBUS_PASSTHROUGH: u8 = 0x51;

/// On the Connection Manager: opens a connection.
pub const FORWARD_OPEN: u8 = 0x54;
/// On the Connection Manager: the same, for more than 511 bytes.
pub const LARGE_FORWARD_OPEN: u8 = 0x5b;
/// On the Connection Manager: closes a connection.
pub const FORWARD_CLOSE: u8 = 0x4e;

/// On a tag: reads it (PM020).
pub const READ_TAG: u8 = 0x4c;
/// On a tag: writes it.
pub const WRITE_TAG: u8 = 0x4d;
/// On a tag: sets and clears bits of it.
pub const READ_MODIFY_WRITE_TAG: u8 = 0x4e;
/// On a tag: reads a part of it.
pub const READ_TAG_FRAGMENTED: u8 = 0x52;
/// On a tag: writes a part of it.
pub const WRITE_TAG_FRAGMENTED: u8 = 0x53;

/// The first code that means something only together with a class (CIP 4-9: object class specific).
pub const FIRST_OF_CLASS: u8 = 0x4b;

/// Classes of objects (CIP 5; PM020 for those of Logix controllers).
pub mod object {
    /// Who the device is.
    pub const IDENTITY: u16 = 0x01;
    /// Who takes requests and hands them on.
    pub const MESSAGE_ROUTER: u16 = 0x02;
    /// Process data of a connection.
    pub const ASSEMBLY: u16 = 0x04;
    /// Opens and closes connections.
    pub const CONNECTION_MANAGER: u16 = 0x06;
    /// A register of bits.
    pub const REGISTER: u16 = 0x07;
    /// Discrete and analog points, and groups of them.
    pub const DISCRETE_INPUT: u16 = 0x08;
    /// See [`DISCRETE_INPUT`].
    pub const ANALOG_OUTPUT: u16 = 0x0b;
    /// Starts and stops a motor.
    pub const CONTROL_SUPERVISOR: u16 = 0x29;
    /// A drive: reference speed and torque.
    pub const DRIVE: u16 = 0x2a;
    /// Files in the device: EDS, firmware.
    pub const FILE: u16 = 0x37;
    /// Clock synchronisation (IEEE 1588).
    pub const TIME_SYNC: u16 = 0x43;
    /// Modbus devices behind this one.
    pub const MODBUS: u16 = 0x44;
    /// First of the classes that vendors may use as they like.
    pub const VENDOR: u16 = 0x64;
    /// Commands of PLC-5, SLC 500 and MicroLogix.
    pub const PCCC: u16 = 0x67;
    /// Programs of a Logix controller.
    pub const PROGRAM: u16 = 0x68;
    /// Its tags.
    pub const SYMBOL: u16 = 0x6b;
    /// Its data types.
    pub const TEMPLATE: u16 = 0x6c;
    /// Its routines.
    pub const ROUTINE: u16 = 0x6d;
    /// Its tasks.
    pub const TASK: u16 = 0x70;
    /// Its clock.
    pub const WALL_CLOCK: u16 = 0x8b;
    /// Memory for firmware.
    pub const NON_VOLATILE_STORAGE: u16 = 0xa1;
    /// Configures connections that the device opens by itself.
    pub const CONNECTION_CONFIGURATION: u16 = 0xf3;
    /// IP address and how it is assigned.
    pub const TCP_IP: u16 = 0xf5;
    /// Speed and duplex of a port.
    pub const ETHERNET_LINK: u16 = 0xf6;
}
use object::*;

/// What a service is a service of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Every object that has it.
    Any,
    /// Tags, by name.
    Tag,
    /// Objects of this class.
    Class(u16),
    /// Objects of these classes.
    Classes(u16, u16),
    /// Objects of the classes that vendors may use as they like (CIP 4-9).
    Vendor,
}

impl Of {
    /// Whether an object of that class, or a tag, is one of these.
    pub fn holds(self, class: Option<u16>, is_tag: bool) -> bool {
        match (self, class) {
            (Of::Any, class) => is_tag || class.is_some(),
            (Of::Tag, _) => is_tag,
            (_, None) => false,
            (Of::Class(of), Some(class)) => class == of,
            (Of::Classes(first, last), Some(class)) => (first..=last).contains(&class),
            (Of::Vendor, Some(class)) => matches!(class, 0x64..=0xc7 | 0x300..=0x4ff),
        }
    }
}

/// One service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its code, 0 to 0x7f.
    pub code: u8,
    /// Of what.
    pub of: Of,
    /// What it does.
    pub class: Class,
    /// Its name. The same service of different objects has the same name.
    pub name: &'static str,
}

const fn service(code: u8, of: Of, class: Class, name: &'static str) -> Service {
    Service { code, of, class, name }
}

/// What a service is that the gate does not know.
pub static UNKNOWN: Service = service(0, Of::Any, Class::Unknown, "unknown");

/// What a service is that the gate does not know, of an object that a vendor made: controllers are
/// programmed by such services.
pub static VENDOR_SPECIFIC: Service = service(0, Of::Vendor, Class::ProgramWrite, "vendor-service");

/// All services that the gate knows, by code; of one code the particular ones first.
pub fn services() -> &'static [Service] {
    &SERVICES
}

/// The service of that code on an object of this class, or on a tag.
pub fn find(code: u8, class: Option<u16>, is_tag: bool) -> &'static Service {
    let (first, last) = (usize::from(code), usize::from(code) + 1);
    let range = FIRST.get(first).zip(FIRST.get(last));
    let range = range.map(|(first, last)| usize::from(*first)..usize::from(*last));
    let known = range.and_then(|range| SERVICES.get(range)).unwrap_or_default();
    let found = known.iter().find(|service| service.of.holds(class, is_tag));
    let vendors = Of::Vendor.holds(class, is_tag);
    found.unwrap_or(if vendors { &VENDOR_SPECIFIC } else { &UNKNOWN })
}

/// Where the services of each code begin in [`SERVICES`].
static FIRST: [u8; 129] = first_of_each();

#[expect(clippy::indexing_slicing, reason = "evaluated when the crate is compiled")]
const fn first_of_each() -> [u8; 129] {
    let mut first = [0; 129];
    let (mut code, mut at) = (0, 0);
    while code < first.len() {
        while at < SERVICES.len() && (SERVICES[at].code as usize) < code {
            at += 1;
        }
        first[code] = at as u8;
        code += 1;
    }
    first
}

const SET_ALL: &str = "set-attributes-all";
const SET_LIST: &str = "set-attribute-list";
const SET_ONE: &str = "set-attribute-single";
const GET_ALL: &str = "get-attributes-all";
const GET_LIST: &str = "get-attribute-list";
const GET_ONE: &str = "get-attribute-single";

static SERVICES: [Service; 107] = [
    service(0x01, Of::Classes(IDENTITY, MESSAGE_ROUTER), Class::Discover, GET_ALL),
    service(0x01, Of::Any, Class::Read, GET_ALL),
    service(0x02, Of::Class(ASSEMBLY), Class::Write, SET_ALL),
    service(0x02, Of::Classes(REGISTER, ANALOG_OUTPUT), Class::Write, SET_ALL),
    service(0x02, Of::Class(CONTROL_SUPERVISOR), Class::Mode, SET_ALL),
    service(0x02, Of::Class(DRIVE), Class::Write, SET_ALL),
    service(0x02, Of::Class(TIME_SYNC), Class::Time, SET_ALL),
    service(0x02, Of::Class(WALL_CLOCK), Class::Time, SET_ALL),
    service(0x02, Of::Vendor, Class::ProgramWrite, SET_ALL),
    service(0x02, Of::Any, Class::Config, SET_ALL),
    service(0x03, Of::Classes(IDENTITY, MESSAGE_ROUTER), Class::Discover, GET_LIST),
    service(0x03, Of::Any, Class::Read, GET_LIST),
    service(0x04, Of::Class(ASSEMBLY), Class::Write, SET_LIST),
    service(0x04, Of::Classes(REGISTER, ANALOG_OUTPUT), Class::Write, SET_LIST),
    service(0x04, Of::Class(CONTROL_SUPERVISOR), Class::Mode, SET_LIST),
    service(0x04, Of::Class(DRIVE), Class::Write, SET_LIST),
    service(0x04, Of::Class(TIME_SYNC), Class::Time, SET_LIST),
    service(0x04, Of::Class(WALL_CLOCK), Class::Time, SET_LIST),
    service(0x04, Of::Vendor, Class::ProgramWrite, SET_LIST),
    service(0x04, Of::Any, Class::Config, SET_LIST),
    service(0x05, Of::Any, Class::Mode, "reset"),
    service(0x06, Of::Any, Class::Mode, "start"),
    service(0x07, Of::Any, Class::Mode, "stop"),
    service(0x08, Of::Any, Class::ProgramWrite, "create"),
    service(0x09, Of::Any, Class::ProgramWrite, "delete"),
    service(0x0a, Of::Any, Class::Unknown, "multiple-service-packet"),
    service(0x0d, Of::Vendor, Class::ProgramWrite, "apply-attributes"),
    service(0x0d, Of::Any, Class::Config, "apply-attributes"),
    service(0x0e, Of::Classes(IDENTITY, MESSAGE_ROUTER), Class::Discover, GET_ONE),
    service(0x0e, Of::Any, Class::Read, GET_ONE),
    service(0x10, Of::Class(ASSEMBLY), Class::Write, SET_ONE),
    service(0x10, Of::Classes(REGISTER, ANALOG_OUTPUT), Class::Write, SET_ONE),
    service(0x10, Of::Class(CONTROL_SUPERVISOR), Class::Mode, SET_ONE),
    service(0x10, Of::Class(DRIVE), Class::Write, SET_ONE),
    service(0x10, Of::Class(TIME_SYNC), Class::Time, SET_ONE),
    service(0x10, Of::Class(WALL_CLOCK), Class::Time, SET_ONE),
    service(0x10, Of::Vendor, Class::ProgramWrite, SET_ONE),
    service(0x10, Of::Any, Class::Config, SET_ONE),
    service(0x11, Of::Any, Class::Discover, "find-next-object-instance"),
    service(0x15, Of::Any, Class::Mode, "restore"),
    service(0x16, Of::Any, Class::Mode, "save"),
    service(0x17, Of::Any, Class::Diag, "no-operation"),
    service(0x18, Of::Any, Class::Read, "get-member"),
    service(0x19, Of::Class(ASSEMBLY), Class::Write, "set-member"),
    service(0x19, Of::Vendor, Class::ProgramWrite, "set-member"),
    service(0x19, Of::Any, Class::Config, "set-member"),
    service(0x1a, Of::Vendor, Class::ProgramWrite, "insert-member"),
    service(0x1a, Of::Any, Class::Config, "insert-member"),
    service(0x1b, Of::Vendor, Class::ProgramWrite, "remove-member"),
    service(0x1b, Of::Any, Class::Config, "remove-member"),
    service(0x4b, Of::Class(FILE), Class::FileRead, "initiate-upload"),
    service(0x4b, Of::Class(MODBUS), Class::Read, "modbus-read-discrete-inputs"),
    service(0x4b, Of::Class(PCCC), Class::Unknown, "execute-pccc"),
    service(0x4b, Of::Class(PROGRAM), Class::Discover, "get-all-instances"),
    service(0x4b, Of::Class(SYMBOL), Class::Discover, "get-all-instances"),
    service(0x4b, Of::Class(ROUTINE), Class::Discover, "get-all-instances"),
    service(0x4b, Of::Class(TASK), Class::Discover, "get-all-instances"),
    service(0x4b, Of::Class(NON_VOLATILE_STORAGE), Class::Firmware, "update-firmware"),
    service(0x4c, Of::Tag, Class::Read, "read-tag"),
    service(0x4c, Of::Class(FILE), Class::ProgramWrite, "initiate-download"),
    service(0x4c, Of::Class(MODBUS), Class::Read, "modbus-read-coils"),
    service(0x4c, Of::Class(PROGRAM), Class::ProgramRead, "read-routine"),
    service(0x4c, Of::Class(SYMBOL), Class::Read, "read-tag"),
    service(0x4c, Of::Class(TEMPLATE), Class::Discover, "read-template"),
    service(0x4c, Of::Class(ROUTINE), Class::ProgramRead, "read-routine"),
    service(0x4c, Of::Class(TASK), Class::ProgramRead, "read-routine"),
    service(0x4c, Of::Class(NON_VOLATILE_STORAGE), Class::Firmware, "firmware-service"),
    service(0x4c, Of::Class(CONNECTION_CONFIGURATION), Class::Config, "connection-configuration"),
    service(0x4d, Of::Tag, Class::Write, "write-tag"),
    service(0x4d, Of::Class(FILE), Class::FileRead, "partial-read"),
    service(0x4d, Of::Class(MODBUS), Class::Read, "modbus-read-input-registers"),
    service(0x4d, Of::Class(SYMBOL), Class::Write, "write-tag"),
    service(0x4d, Of::Class(NON_VOLATILE_STORAGE), Class::Firmware, "write-firmware"),
    service(0x4d, Of::Class(CONNECTION_CONFIGURATION), Class::Config, "connection-configuration"),
    service(0x4e, Of::Tag, Class::Write, "read-modify-write-tag"),
    service(0x4e, Of::Class(CONNECTION_MANAGER), Class::Session, "forward-close"),
    service(0x4e, Of::Class(FILE), Class::ProgramWrite, "partial-write"),
    service(0x4e, Of::Class(MODBUS), Class::Read, "modbus-read-holding-registers"),
    service(0x4e, Of::Class(SYMBOL), Class::Write, "read-modify-write-tag"),
    service(0x4e, Of::Class(NON_VOLATILE_STORAGE), Class::Firmware, "firmware-service"),
    service(0x4e, Of::Class(CONNECTION_CONFIGURATION), Class::Config, "connection-configuration"),
    service(0x4f, Of::Class(FILE), Class::FileRead, "upload-transfer"),
    service(0x4f, Of::Class(MODBUS), Class::Write, "modbus-write-coils"),
    service(0x4f, Of::Class(NON_VOLATILE_STORAGE), Class::Firmware, "firmware-service"),
    service(0x4f, Of::Class(CONNECTION_CONFIGURATION), Class::Config, "connection-configuration"),
    service(0x50, Of::Class(FILE), Class::ProgramWrite, "download-transfer"),
    service(0x50, Of::Class(MODBUS), Class::Write, "modbus-write-holding-registers"),
    service(0x50, Of::Class(NON_VOLATILE_STORAGE), Class::Firmware, "firmware-service"),
    service(0x50, Of::Class(CONNECTION_CONFIGURATION), Class::Config, "connection-configuration"),
    service(0x51, Of::Class(FILE), Class::ProgramWrite, "clear-file"),
    service(0x51, Of::Class(MODBUS), Class::Unknown, "modbus-passthrough"),
    service(0x51, Of::Class(NON_VOLATILE_STORAGE), Class::Firmware, "firmware-service"),
    service(0x51, Of::Class(CONNECTION_CONFIGURATION), Class::Config, "connection-configuration"),
    service(0x52, Of::Tag, Class::Read, "read-tag-fragmented"),
    service(0x52, Of::Class(CONNECTION_MANAGER), Class::Unknown, "unconnected-send"),
    service(0x52, Of::Class(SYMBOL), Class::Read, "read-tag-fragmented"),
    service(0x52, Of::Class(CONNECTION_CONFIGURATION), Class::Config, "connection-configuration"),
    service(0x53, Of::Tag, Class::Write, "write-tag-fragmented"),
    service(0x53, Of::Class(SYMBOL), Class::Write, "write-tag-fragmented"),
    service(0x54, Of::Class(CONNECTION_MANAGER), Class::Session, "forward-open"),
    service(0x55, Of::Class(PROGRAM), Class::Discover, "get-instance-attribute-list"),
    service(0x55, Of::Class(SYMBOL), Class::Discover, "get-instance-attribute-list"),
    service(0x55, Of::Class(ROUTINE), Class::Discover, "get-instance-attribute-list"),
    service(0x56, Of::Class(CONNECTION_MANAGER), Class::Diag, "get-connection-data"),
    service(0x57, Of::Class(CONNECTION_MANAGER), Class::Diag, "search-connection-data"),
    service(0x5a, Of::Class(CONNECTION_MANAGER), Class::Diag, "get-connection-owner"),
    service(0x5b, Of::Class(CONNECTION_MANAGER), Class::Session, "large-forward-open"),
];
