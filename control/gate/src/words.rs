//! Numbers in words.

use std::borrow::Cow;
use std::fmt::Display;

use jiff::Timestamp;
use wicketgate_dissectors::enip::pccc::DataFile;
use wicketgate_dissectors::opcua::items::VALUE;
use wicketgate_dissectors::s7comm::operand::Object;
use wicketgate_dissectors::{Protocol, Space, Transport};
use wicketgate_engine::tables::{Endpoint, Mac};
use wicketgate_packet::Time;
use wicketgate_tunnel::tls::is_fips;

/// RFC 3339, UTC, to the nanosecond.
pub(crate) fn time(time: Time) -> String {
    match Timestamp::from_nanosecond(i128::from(time.as_nanos())) {
        Ok(stamp) => format!("{stamp:.9}"),
        Err(_) => format!("{} ns", time.as_nanos()),
    }
}

/// What encrypts tunnels here.
pub(crate) fn cryptography() -> &'static str {
    if is_fips() { "aws-lc, in FIPS mode" } else { "aws-lc, not in FIPS mode" }
}

/// `00:1d:9c:aa:bb:cc`.
pub(crate) fn mac(mac: Mac) -> String {
    mac.map(|octet| format!("{octet:02x}")).join(":")
}

/// `read-coils`; of a command that has no name of its own its codes too, which a rule can name:
/// `unknown 8/19`.
pub(crate) fn command(name: &'static str, function: u16, sub: Option<u16>) -> Cow<'static, str> {
    match (name, sub) {
        ("unknown" | "malformed", Some(sub)) => format!("{name} {function}/{sub}").into(),
        ("unknown" | "malformed", None) => format!("{name} {function}").into(),
        _ => name.into(),
    }
}

/// `holding-registers 100-119`, or nothing; of a tag its name and, of several elements, how many.
pub(crate) fn object((space, start, count): (Space, u32, u32), tag: &dyn Display) -> String {
    let space = match space {
        Space::None => return String::new(),
        Space::Coils => "coils",
        Space::DiscreteInputs => "discrete-inputs",
        Space::InputRegisters => "input-registers",
        Space::HoldingRegisters => "holding-registers",
        Space::Fifo => "fifo",
        Space::File(number) => return format!("file {number} {}", range(start, count)),
        Space::Tag if count > 1 => return format!("tag {tag} x{count}"),
        Space::Tag => return format!("tag {tag}"),
        // 13 is the value: what else is read and written of a node is said.
        Space::Node if start == VALUE => return format!("node {tag}"),
        Space::Node => return format!("node {tag} attribute {start}"),
        Space::Method => return format!("method {tag}"),
        Space::Channel => return format!("security {tag}"),
        Space::Identity => return format!("token {tag}"),
        Space::Object { class, attribute } => return of_class(class, start, attribute),
        Space::DataFile { kind, number } => {
            return format!("{}:{}", DataFile { kind, number }, range(start, count));
        }
        Space::Memory { .. } | Space::Nck { .. } | Space::Block(_) | Space::Szl | Space::Role => {
            return Object(space, start, count).to_string();
        }
    };
    format!("{space} {}", range(start, count))
}

/// `object 0x04 instance 100 attribute 3`.
fn of_class(class: u16, instance: u32, attribute: Option<u16>) -> String {
    let attribute = attribute.map_or(String::new(), |number| format!(" attribute {number}"));
    format!("object {class:#04x} instance {instance}{attribute}")
}

fn range(start: u32, count: u32) -> String {
    match count {
        0 | 1 => start.to_string(),
        _ => format!("{start}-{}", u64::from(start) + u64::from(count) - 1),
    }
}

/// `modbus tcp/502`.
pub(crate) fn door(door: &Endpoint) -> String {
    let transport = match door.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Icmp => return "icmp".to_owned(),
    };
    match door.protocol {
        Protocol::Tcp | Protocol::Udp => format!("{transport}/{}", door.port),
        protocol => format!("{protocol} {transport}/{}", door.port),
    }
}

/// `0x00112233 -> asset, 0x77770001 -> client`: what the datagrams of an I/O connection bear.
pub(crate) fn ids([to_asset, to_client]: [u32; 2]) -> String {
    format!("{to_asset:#010x} -> asset, {to_client:#010x} -> client")
}

/// `412 ns`, `3.1 us`, `2.0 ms`.
pub(crate) fn nanos(nanos: u64) -> String {
    match nanos {
        0..10_000 => format!("{nanos} ns"),
        10_000..10_000_000 => format!("{:.1} us", nanos as f64 / 1e3),
        _ => format!("{:.1} ms", nanos as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wicketgate_dissectors::s7comm::{Area, BlockType};

    #[test]
    fn words_for_numbers() {
        assert_eq!(object((Space::HoldingRegisters, 100, 20), &""), "holding-registers 100-119");
        assert_eq!(object((Space::Coils, 7, 1), &""), "coils 7");
        assert_eq!(object((Space::None, 0, 0), &""), "");
        assert_eq!(object((Space::Tag, 0, 1), &"Motor[3]"), "tag Motor[3]");
        assert_eq!(object((Space::Tag, 0, 10), &"Motor"), "tag Motor x10");
        let attribute = Space::Object { class: 4, attribute: Some(3) };
        assert_eq!(object((attribute, 100, 1), &""), "object 0x04 instance 100 attribute 3");
        let file = Space::DataFile { kind: 0x89, number: 7 };
        assert_eq!(object((file, 0, 10), &""), "N7:0-9");
        let memory = Space::Memory { area: Area::DataBlocks, db: 10 };
        assert_eq!(object((memory, 16, 32), &""), "DB10.DBB2-DBB5");
        assert_eq!(object((memory, 3, 1), &""), "DB10.DBX0.3");
        assert_eq!(object((memory, 0, u32::MAX), &""), "DB10");
        let flags = Space::Memory { area: Area::Flags, db: 0 };
        assert_eq!(object((flags, 80, 8), &""), "MB10");
        assert_eq!(object((flags, 83, 1), &""), "M10.3");
        let timers = Space::Memory { area: Area::Timers, db: 0 };
        assert_eq!(object((timers, 5, 2), &""), "T5-T6");
        assert_eq!(object((Space::Block(BlockType::Fc), 3, 1), &""), "block FC3");
        assert_eq!(object((Space::Szl, 0x11, 1), &""), "szl 0x0011");
        assert_eq!(object((Space::Role, 2, 1), &""), "role op");
        assert_eq!(command("read-coils", 1, None), "read-coils");
        assert_eq!(command("unknown", 100, None), "unknown 100");
        assert_eq!(command("unknown", 8, Some(19)), "unknown 8/19");
        assert_eq!(nanos(412), "412 ns");
        assert_eq!(nanos(31_200), "31.2 us");
        let time = time(Time::from_nanos(1_593_258_649_419_685_000));
        assert_eq!(time, "2020-06-27T11:50:49.419685000Z");
    }
}
