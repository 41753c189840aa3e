//! Every service, by the number of its request in the binary encoding (part 6 annex A, `NodeIds.csv`).

use crate::Class;

/// One service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Type of its request.
    pub request: u16,
    /// Type of its response.
    pub response: u16,
    /// What it does; of [`CALL`] and [`WRITE`] the items tell.
    pub class: Class,
    /// Its name.
    pub name: &'static str,
}

/// Answers any request that is refused as a whole.
pub const SERVICE_FAULT: u16 = 397;
/// Opens or renews the channel. A Hello is a part of that: a rule that allows the one allows the other.
pub const OPEN_SECURE_CHANNEL: u16 = 446;
/// Closes the channel.
pub const CLOSE_SECURE_CHANNEL: u16 = 452;
/// Opens a session.
pub const CREATE_SESSION: u16 = 461;
/// Says who the user of a session is.
pub const ACTIVATE_SESSION: u16 = 467;
/// Adds nodes to the address space.
pub const ADD_NODES: u16 = 488;
/// Adds references between nodes.
pub const ADD_REFERENCES: u16 = 494;
/// Deletes nodes.
pub const DELETE_NODES: u16 = 500;
/// Deletes references.
pub const DELETE_REFERENCES: u16 = 506;
/// Lists the references of nodes.
pub const BROWSE: u16 = 527;
/// Finds nodes by their names.
pub const TRANSLATE_BROWSE_PATHS: u16 = 554;
/// Announces that nodes will be asked for often.
pub const REGISTER_NODES: u16 = 560;
/// The opposite.
pub const UNREGISTER_NODES: u16 = 566;
/// Reads attributes.
pub const READ: u16 = 631;
/// Reads old values.
pub const HISTORY_READ: u16 = 664;
/// Writes attributes.
pub const WRITE: u16 = 673;
/// Changes old values.
pub const HISTORY_UPDATE: u16 = 700;
/// Calls methods.
pub const CALL: u16 = 712;
/// Has values sent as they change.
pub const CREATE_MONITORED_ITEMS: u16 = 751;

/// Stands for the type of a message that cannot be read; no service has this number.
pub const OPAQUE: u16 = 0xffff;
/// Stands for opening a channel with a security policy: its messages will be opaque.
pub const OPEN_SECURED: u16 = 0xfffe;

/// What a service is that the gate does not know.
pub static UNKNOWN: Service = service(0, Class::Unknown, "unknown");

const fn service(request: u16, class: Class, name: &'static str) -> Service {
    // All but the two of 2016 and later (1.03) have a third type in between, that of the XML encoding.
    let response = if request > 12000 { request + 1 } else { request + 3 };
    Service { request, response, class, name }
}

/// All services that the gate knows, by number.
pub fn services() -> &'static [Service] {
    &SERVICES
}

/// The service whose request has this type.
#[inline]
pub fn find(request: u16) -> Option<&'static Service> {
    let at = SERVICES.binary_search_by_key(&request, |service| service.request).ok()?;
    SERVICES.get(at)
}

/// The service whose response has this type.
pub fn of_response(response: u16) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.response == response)
}

static SERVICES: [Service; 39] = [
    service(422, Class::Discover, "find-servers"),
    service(428, Class::Discover, "get-endpoints"),
    service(437, Class::Config, "register-server"),
    service(OPEN_SECURE_CHANNEL, Class::Session, "open-secure-channel"),
    service(CLOSE_SECURE_CHANNEL, Class::Session, "close-secure-channel"),
    service(CREATE_SESSION, Class::Session, "create-session"),
    service(ACTIVATE_SESSION, Class::Auth, "activate-session"),
    service(473, Class::Session, "close-session"),
    service(479, Class::Session, "cancel"),
    service(ADD_NODES, Class::Config, "add-nodes"),
    service(ADD_REFERENCES, Class::Config, "add-references"),
    service(DELETE_NODES, Class::Config, "delete-nodes"),
    service(DELETE_REFERENCES, Class::Config, "delete-references"),
    service(BROWSE, Class::Discover, "browse"),
    service(533, Class::Discover, "browse-next"),
    service(TRANSLATE_BROWSE_PATHS, Class::Discover, "translate-browse-paths"),
    service(REGISTER_NODES, Class::Session, "register-nodes"),
    service(UNREGISTER_NODES, Class::Session, "unregister-nodes"),
    service(615, Class::Discover, "query-first"),
    service(621, Class::Discover, "query-next"),
    service(READ, Class::Read, "read"),
    service(HISTORY_READ, Class::Read, "history-read"),
    service(WRITE, Class::Write, "write"),
    service(HISTORY_UPDATE, Class::Write, "history-update"),
    service(CALL, Class::Unknown, "call"),
    service(CREATE_MONITORED_ITEMS, Class::Subscribe, "create-monitored-items"),
    service(763, Class::Subscribe, "modify-monitored-items"),
    service(769, Class::Subscribe, "set-monitoring-mode"),
    service(775, Class::Subscribe, "set-triggering"),
    service(781, Class::Subscribe, "delete-monitored-items"),
    service(787, Class::Subscribe, "create-subscription"),
    service(793, Class::Subscribe, "modify-subscription"),
    service(799, Class::Subscribe, "set-publishing-mode"),
    service(826, Class::Subscribe, "publish"),
    service(832, Class::Subscribe, "republish"),
    service(841, Class::Subscribe, "transfer-subscriptions"),
    service(847, Class::Subscribe, "delete-subscriptions"),
    service(12208, Class::Discover, "find-servers-on-network"),
    service(12211, Class::Config, "register-server-2"),
];
