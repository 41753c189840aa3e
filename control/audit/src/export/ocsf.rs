//! Open Cybersecurity Schema Framework, version [`SCHEMA`]: one event of a class for each record.
//!
//! A class says which attributes an event must have; the tests hold them. What a class has no place for is in
//! `unmapped`, so that nothing of a record is lost.

use serde_json::{Map, Value as Json, json};

use super::cef::severity;
use crate::view::{Value, View};

/// The version of the schema that events are of.
pub const SCHEMA: &str = "1.3.0";

/// An event's class (`class_uid`); its category is its thousands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Detection Finding.
    Finding = 2004,
    /// Account Change.
    Account = 3001,
    /// Authentication.
    Authentication = 3002,
    /// Entity Management.
    Entity = 3004,
    /// User Access Management.
    Access = 3005,
    /// Network Activity.
    Network = 4001,
    /// Application Lifecycle.
    Lifecycle = 6002,
    /// API Activity.
    Api = 6003,
}

/// "Other" of every enumeration; the record's type is then told as `activity_name`.
const OTHER: u16 = 99;

/// Class and activity (`activity_id`) of a record.
pub fn class(view: &View<'_>) -> (Class, u16) {
    let kind = view.kind();
    match (view.category(), kind) {
        ("command", _) => (Class::Api, operation(view)),
        ("session", "session-start" | "flow-start" | "io-start") => (Class::Network, 1),
        ("session", "session-end" | "flow-end" | "io-end") => (Class::Network, 2),
        ("session", _) => (Class::Network, OTHER),
        (_, "access-refused" | "tunnel-spoofed") => (Class::Network, 5),
        (_, "request-refused") => (Class::Api, OTHER),
        ("login", "logout") => (Class::Authentication, 2),
        ("login", "step-up") => (Class::Authentication, OTHER),
        ("login", _) => (Class::Authentication, 1),
        ("user", _) => (Class::Account, account(kind)),
        ("policy", _) => (Class::Entity, 3),
        ("grant", _) => (Class::Access, access(kind)),
        ("system", "alarm" | "budget-breached") => (Class::Finding, 1),
        ("system", "alarm-end" | "budget-recovered") => (Class::Finding, 3),
        (_, "log-start" | "log-resume") => (Class::Lifecycle, 3),
        (_, "log-end") => (Class::Lifecycle, 4),
        _ => (Class::Lifecycle, OTHER),
    }
}

/// Create, read, update, delete, by the class of the command.
fn operation(view: &View<'_>) -> u16 {
    match view.text("class").unwrap_or_default() {
        "discover" | "read" | "subscribe" | "file-read" | "program-read" | "diag" => 2,
        "write" | "force" | "config" | "time" | "mode" | "program-write" | "firmware"
        | "file-write" => 3,
        _ => OTHER,
    }
}

fn account(kind: &str) -> u16 {
    match kind {
        "user-added" => 1,
        "user-enabled" => 2,
        "user-disabled" => 5,
        "user-removed" => 6,
        "factor-enrolled" => 10,
        "factor-reset" => 11,
        _ => OTHER,
    }
}

/// Privileges are given, or taken back.
fn access(kind: &str) -> u16 {
    match kind {
        "grant-begun" | "break-glass-used" => 1,
        "grant-revoked" | "grant-expired" | "grant-draining" | "session-revoked" => 2,
        _ => OTHER,
    }
}

/// Appends a record without the end of its line.
pub fn record(view: &View<'_>, out: &mut Vec<u8>) {
    let (class, activity) = class(view);
    let mut event = base(view, class, activity);
    match class {
        Class::Finding => finding(view, &mut event),
        Class::Account => put(&mut event, "user", user(view)),
        Class::Authentication => authentication(view, &mut event),
        Class::Entity => put(&mut event, "entity", json!({"name": "policy", "type": "Policy"})),
        Class::Access => access_rights(view, &mut event),
        Class::Network => network(view, &mut event),
        Class::Lifecycle => put(&mut event, "app", product()),
        Class::Api => api(view, &mut event),
    }
    put(&mut event, "unmapped", unmapped(view));
    out.extend_from_slice(Json::Object(event).to_string().as_bytes());
}

/// What every class has.
fn base(view: &View<'_>, class: Class, activity: u16) -> Map<String, Json> {
    let uid = class as u64;
    let mut event = Map::new();
    put(&mut event, "class_uid", uid.into());
    put(&mut event, "category_uid", (uid / 1000).into());
    put(&mut event, "activity_id", activity.into());
    put(&mut event, "type_uid", (uid * 100 + u64::from(activity)).into());
    if activity == OTHER {
        put(&mut event, "activity_name", view.kind().into());
    }
    let time = view.time().parse().map_or(0, jiff::Timestamp::as_millisecond);
    put(&mut event, "time", time.into());
    put(&mut event, "severity_id", severity_id(view).into());
    let failed = matches!(view.result(), "denied" | "failure");
    put(&mut event, "status_id", if failed { 2 } else { 1 }.into());
    if let Some(reason) = view.text("reason") {
        put(&mut event, "status_detail", reason.into());
    }
    put(&mut event, "metadata", metadata(view));
    // Of the profile security_control: allowed or denied.
    if matches!(view.category(), "command" | "access") {
        let (action, disposition) = if failed { (2, 2) } else { (1, 1) };
        put(&mut event, "action_id", action.into());
        put(&mut event, "disposition_id", disposition.into());
    }
    if matches!(class, Class::Account | Class::Entity | Class::Access | Class::Api) {
        put(&mut event, "actor", actor(view));
    }
    event
}

/// 1 informational, 2 low, 3 medium, 4 high.
fn severity_id(view: &View<'_>) -> u8 {
    match severity(view) {
        0..=3 => 1,
        4 | 5 => 2,
        6 | 7 => 3,
        _ => 4,
    }
}

fn metadata(view: &View<'_>) -> Json {
    let profiles: &[&str] = match view.category() {
        "command" | "access" => &["security_control"],
        _ => &[],
    };
    json!({
        "version": SCHEMA,
        "product": product(),
        "profiles": profiles,
        "uid": view.text("id"),
        "sequence": view.seq(),
        "log_name": "audit",
        "log_provider": view.text("source"),
        "original_time": view.time(),
    })
}

fn product() -> Json {
    json!({"name": "Wicketgate", "vendor_name": "Wicketgate", "version": env!("CARGO_PKG_VERSION")})
}

/// Whom it is about. Who has no name here has none in the record.
fn user(view: &View<'_>) -> Json {
    let is_machine = view.get("essential").is_some();
    let name = view.text("user").unwrap_or("unknown");
    // 1 user, 3 system, 0 unknown.
    let kind = match view.text("user") {
        Some(_) if is_machine => 3,
        Some(_) => 1,
        None => 0,
    };
    json!({"name": name, "type_id": kind})
}

/// Who did it: the user, where nobody else is named.
fn actor(view: &View<'_>) -> Json {
    match view.text("actor") {
        Some(actor) => json!({"user": {"name": actor, "type_id": 0}}),
        None => json!({"user": user(view)}),
    }
}

fn source(view: &View<'_>) -> Option<Json> {
    let mut end = Map::new();
    put(&mut end, "ip", view.text("client")?.into());
    if let Some(port) = view.number("client_port") {
        put(&mut end, "port", port.into());
    }
    Some(Json::Object(end))
}

fn destination(view: &View<'_>) -> Option<Json> {
    let mut end = Map::new();
    let texts = [("hostname", "asset"), ("ip", "destination"), ("svc_name", "protocol")];
    for (key, field) in texts {
        if let Some(text) = view.text(field) {
            put(&mut end, key, text.into());
        }
    }
    if let Some(port) = view.number("destination_port") {
        put(&mut end, "port", port.into());
    }
    (!end.is_empty()).then_some(Json::Object(end))
}

fn ends(view: &View<'_>, event: &mut Map<String, Json>) {
    let ends = [("src_endpoint", source(view)), ("dst_endpoint", destination(view))];
    for (key, end) in ends {
        end.into_iter().for_each(|end| put(event, key, end));
    }
}

fn authentication(view: &View<'_>, event: &mut Map<String, Json>) {
    put(event, "user", user(view));
    put(event, "service", json!({"name": "wicketgate"}));
    let factors = view.text("what").map_or(0, |what| what.split(' ').count());
    put(event, "is_mfa", (factors > 1).into());
    ends(view, event);
}

fn access_rights(view: &View<'_>, event: &mut Map<String, Json>) {
    put(event, "user", user(view));
    put(event, "privileges", json!([view.text("rule").unwrap_or("unknown")]));
    if let Some(asset) = view.text("asset") {
        put(event, "resource", json!({"name": asset, "type": "asset"}));
    }
}

fn network(view: &View<'_>, event: &mut Map<String, Json>) {
    ends(view, event);
    if source(view).is_none() && destination(view).is_none() {
        put(event, "src_endpoint", json!({"name": "unknown"}));
    }
    if let Some(transport) = view.text("transport") {
        // IANA's protocol numbers.
        let number = match transport {
            "tcp" => 6,
            "udp" => 17,
            _ => 1,
        };
        let info = json!({"direction_id": 1, "protocol_name": transport, "protocol_num": number});
        put(event, "connection_info", info);
    }
    if let Some((bytes, frames)) = view.number("bytes").zip(view.number("frames")) {
        put(event, "traffic", json!({"bytes": bytes, "packets": frames}));
    }
}

fn api(view: &View<'_>, event: &mut Map<String, Json>) {
    let operation = view.text("command").or(view.text("what")).unwrap_or(view.kind());
    let service = view.text("protocol").unwrap_or("control-socket");
    put(event, "api", json!({"operation": operation, "service": {"name": service}}));
    ends(view, event);
    if source(view).is_none() {
        put(event, "src_endpoint", json!({"svc_name": service}));
    }
    if let Some(asset) = view.text("asset") {
        put(event, "resources", json!([{"name": asset, "type": "asset"}]));
    }
}

fn finding(view: &View<'_>, event: &mut Map<String, Json>) {
    let cause = view.text("reason").unwrap_or("unknown");
    // The same for the begin and the end of one alarm.
    let uid = match (view.text("asset"), view.number("worker")) {
        (Some(asset), _) => format!("{cause}-{asset}"),
        (None, Some(worker)) => format!("{cause}-{worker}"),
        (None, None) => cause.to_owned(),
    };
    put(event, "finding_info", json!({"title": format!("alarm: {cause}"), "uid": uid}));
}

/// Every field as it is, but for those that stand in each event under names of the schema.
fn unmapped(view: &View<'_>) -> Json {
    let stands = ["time", "seq", "source", "id"];
    let rest = view.fields().filter(|(key, _)| !stands.contains(key));
    rest.map(|(key, value)| (key.to_owned(), as_json(value))).collect::<Map<_, _>>().into()
}

fn as_json(value: &Value<'_>) -> Json {
    match value {
        Value::Text(text) => Json::from(&**text),
        Value::Number(number) => (*number).into(),
        Value::Flag(flag) => (*flag).into(),
        Value::Other(other) => other.clone(),
    }
}

fn put(event: &mut Map<String, Json>, key: &str, value: Json) {
    event.insert(key.to_owned(), value);
}
