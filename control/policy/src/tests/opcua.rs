//! What elements for `opcua` allow: requests against what a policy compiles to.

use wicketgate_dissectors::Protocol;
use wicketgate_engine::Matcher;
use wicketgate_packet::Time;

use super::{BASE, good};
use crate::parse;

/// The bytes of a hex string.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// A chunk of this kind, with a body in hex.
fn chunk(kind: &str, body: &str) -> Vec<u8> {
    let body = hex(body);
    let size = u32::try_from(8 + body.len()).unwrap().to_le_bytes();
    [kind.as_bytes(), &size, &body].concat()
}

/// A service with a body in hex (OPC 10000-6, 6.7).
fn service(kind: &str, body: &str) -> Vec<u8> {
    let front = "01000000 01000000 02000000 02000000";
    let header = "0000 0000000000000000 01000000 00000000 ffffffff e8030000 000000";
    chunk("MSGF", &format!("{front} 0100{kind} {header} {body}"))
}

/// OpenSecureChannel under `Basic256Sha256` by whoever has the certificate 30 82 00 01 aa.
fn secured() -> Vec<u8> {
    let uri = "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256";
    let uri: String = uri.bytes().map(|byte| format!("{byte:02x}")).collect();
    chunk("OPNF", &format!("00000000 39000000 {uri} 05000000 30820001aa 02000000 aabb 99999999 99"))
}

/// Whether a conduit with this list allows the request.
fn allows(allow: &str, pdu: &[u8]) -> bool {
    allows_in(BASE, allow, pdu)
}

/// The same in this policy.
fn allows_in(base: &str, allow: &str, pdu: &[u8]) -> bool {
    let old = "protocol = \"modbus\"\nallow = [{ function = 6, address = \"0-99\" }]";
    let text = base.replace(old, &format!("protocol = \"opcua\"\nallow = [{allow}]"));
    let matcher = Matcher::new(good(&text).conduits()[0].allow.clone());
    let command = Protocol::Opcua.command(pdu).unwrap();
    matcher.judge(&command, Time::EPOCH).is_ok()
}

/// What is wrong where the robot has this line, press-3 has `urn:a` as 3 and `urn:b` as 5, and a conduit is about this
/// node of these assets.
fn errors(robot: &str, assets: &str, node: &str) -> Vec<String> {
    let press = r#"protocols = ["opcua"]
namespaces = { "urn:a" = 3, "urn:b" = 5 }"#;
    let conduit = format!(
        r#"assets = {assets}
protocol = "opcua"
allow = [{{ class = "write", node = "{node}" }}]"#
    );
    let old = r#"asset = "robot"
protocol = "modbus"
allow = [{ function = 6, address = "0-99" }]"#;
    let text = BASE
        .replace("vlan = 12", robot)
        .replace(r#"protocols = ["modbus"]"#, press)
        .replace("zone:press-line", "robot")
        .replace(old, &conduit);
    let errors = parse(&text, "policy.toml").err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

/// Value 700 to the node.
fn write(node: &str) -> Vec<u8> {
    service("a102", &format!("01000000 {node} 0d000000 ffffffff 01 06 bc020000"))
}

const SETPOINT: &str = "03 0200 08000000 536574706f696e74";

#[test]
fn nodes_and_values() {
    for (allow, allowed) in [
        ("\"operate\"", true),
        ("{ class = \"write\" }", true),
        ("{ service = \"write\" }", true),
        ("{ service = 673, node = \"ns=2;s=Setpoint\" }", true),
        ("{ class = \"write\", node = \"ns=2;s=Set*\", value = \"0-700\" }", true),
        ("{ class = \"write\", node = [\"i=1\", \"ns=2;*\"], attribute = 13 }", true),
        ("{ class = \"write\", node = \"ns=2;s=Set*\", value = \"0-699\" }", false),
        ("{ class = \"write\", node = \"ns=3;s=Setpoint\" }", false),
        ("{ class = \"write\", node = \"ns=2;s=setpoint\" }", false),
        ("{ class = \"write\", node = \"ns=2;i=0-4294967295\" }", false),
        ("{ class = \"write\", attribute = 17 }", false),
        ("{ class = \"config\" }", false),
        ("\"view\"", false),
    ] {
        assert_eq!(allows(allow, &write(SETPOINT)), allowed, "{allow}");
    }
    let guid = write("04 0100 912b9672 75fa e64a 8d28 b404dc7daf63");
    let known = "g=72962b91-fa75-4ae6-8d28-b404dc7daf63";
    assert!(allows(&format!("{{ class = \"write\", node = \"ns=1;{known}\" }}"), &guid));
    let bytes = write("05 0100 02000000 0aff");
    assert!(allows("{ class = \"write\", node = \"ns=1;b=0aff\" }", &bytes));
}

/// A namespace may be named by its URI, where the asset says which index that is.
#[test]
fn namespaces_by_uri() {
    let robot = r#"namespaces = { "urn:press" = 2, "urn:a%b;c" = 4 }"#;
    let base = BASE.replace("vlan = 12", robot);
    for (node, written, allowed) in [
        ("nsu=urn:press;s=Set*", SETPOINT, true),
        ("nsu=urn:press;*", SETPOINT, true),
        ("nsu=urn:press;s=Motor", SETPOINT, false),
        ("nsu=urn:a%25b%3Bc;s=Setpoint", SETPOINT, false),
        ("nsu=urn:a%25b%3Bc;i=7", "01 04 0700", true),
        ("nsu=http://opcfoundation.org/UA/;i=7", "00 07", true),
        ("nsu=http://opcfoundation.org/UA/;i=7", "01 04 0700", false),
    ] {
        let allow = format!("{{ class = \"write\", node = \"{node}\" }}");
        assert_eq!(allows_in(&base, &allow, &write(written)), allowed, "{node}");
    }
}

#[test]
fn a_uri_means_one_index() {
    let (robot, both) = (r#"["robot"]"#, r#"["robot", "press-3"]"#);
    let table = r#"namespaces = { "urn:a" = 2, "urn:b" = 5 }"#;
    assert_eq!(errors(table, both, "nsu=urn:b;*"), Vec::<String>::new(), "the same on both");
    for (namespaces, assets, node, says) in [
        (table, both, "nsu=urn:a;*", "`urn:a` is namespace 3 of press-3, and 2 of robot"),
        (table, robot, "nsu=urn:bb;*", "no namespace of the asset `robot`: did you mean `urn:b`?"),
        ("", robot, "nsu=urn:a;*", "the asset `robot` has no `namespaces`"),
        ("", both, "nsu=urn:a;*", "the asset `robot` has no `namespaces`"),
        (table, robot, "nsu=urn:a", "`nsu=urn:a` is not a node"),
    ] {
        let found = errors(namespaces, assets, node);
        assert!(found.len() == 1 && found[0].contains(says), "{says}: {found:?}");
    }
}

#[test]
fn methods() {
    let call = service("c802", "01000000 00 55 03 0200 01000000 4d 00000000");
    for (allow, allowed) in [
        ("\"engineer\"", false),
        ("{ service = \"call\" }", true),
        ("{ service = \"call\", method = \"ns=2;s=M\" }", true),
        ("{ service = \"call\", object = \"i=85\", method = \"ns=2;s=M\" }", true),
        ("{ service = \"call\", object = \"i=86\", method = \"ns=2;s=M\" }", false),
        ("{ service = \"call\", method = \"ns=2;s=N\" }", false),
    ] {
        assert_eq!(allows(allow, &call), allowed, "{allow}");
    }
    let acknowledge = service("c802", "01000000 00 55 01 00 9723 00000000");
    assert!(allows("{ class = \"alarm\" }", &acknowledge), "one of the specification's own");
}

#[test]
fn users() {
    let front = "ffffffff ffffffff 00000000 00000000";
    let anonymous = service("d301", &format!("{front} 01 00 4101 01 00000000 ffffffff ffffffff"));
    for (allow, allowed) in [
        ("{ class = \"auth\" }", true),
        ("\"view\"", true),
        ("\"operate\"", true),
        ("\"read\"", false),
        ("{ service = \"activate-session\", token = [\"anonymous\", \"user-name\"] }", true),
        ("{ service = \"activate-session\", token = \"user-name\" }", false),
    ] {
        assert_eq!(allows(allow, &anonymous), allowed, "{allow}");
    }
}

#[test]
fn channels_with_security() {
    let sealed = chunk("MSGF", "01000000 01000000 9a9a9a9a 9a9a9a9a 9a9a9a9a");
    let print = "3ff8ff7a6d0a5fe4b4b7ac7bd2d5fb0e4f4fdc5a";
    for (allow, opens, passes) in [
        ("\"engineer\", { service = [\"open-secure-channel\", \"call\"] }", false, false),
        ("{ opaque = true }", true, true),
        ("{ opaque = true, security = \"Basic256Sha256\" }", true, true),
        ("{ opaque = true, security = [\"Aes256_Sha256_RsaPss\"] }", false, true),
    ] {
        assert_eq!(allows(allow, &secured()), opens, "{allow}");
        assert_eq!(allows(allow, &sealed), passes, "{allow}");
    }
    let other = format!("{{ opaque = true, certificate = \"{print}\" }}");
    assert!(!allows(&other, &secured()), "another certificate");
    // SHA-1 of 30 82 00 01 aa.
    let own = "{ opaque = true, certificate = \"ce:64:5f:06:a6:2d:15:e3:3a:02:72:03:1e:2a:61:2c:67:ec:79:e5\" }";
    assert!(allows(own, &secured()));
}
