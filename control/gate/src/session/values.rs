//! What a write replaced: the values last seen of the same object in the session's own record, read from the device or
//! written to it and not refused.
//!
//! Only numbers are followed, and only where an answer says what of its request was done: registers and bits of
//! Modbus, tags, S7 variables, values of nodes. A write that nobody answers changes nothing that is known.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use wicketgate_dissectors::{Answer, Command, Direction, Field, Item, Protocol, Values};

use super::log::Asked;
use super::memory::{Memory, is_followed, numbers};
use crate::dissect::{self, Spoken};
use crate::transcript::decisive;

/// Requests that wait for their answer, at most; a device answers a few at a time.
const WAITING: usize = 1024;

/// A request in the record, and what was known of what it writes.
struct Seen {
    pdu: Vec<u8>,
    before: String,
}

/// What has been seen in the record so far.
#[derive(Default)]
struct Watch {
    /// By client and transaction: what was asked for.
    waiting: HashMap<(SocketAddr, u64), Vec<u8>>,
    memory: Memory,
    requests: Vec<Seen>,
}

/// Notes with each command what it replaced, as far as the record shows it.
pub(super) fn note(record: &Path, commands: &mut [Asked]) {
    let watch = watch(record);
    let mut from = 0;
    for command in commands {
        // Where a frame is missing from the record, its command is skipped and the next one found.
        let rest = watch.requests.get(from..).unwrap_or_default();
        let is_it = |seen: &Seen| !command.pdu.is_empty() && seen.pdu.starts_with(&command.pdu);
        if let Some((at, seen)) = rest.iter().enumerate().find(|(_, seen)| is_it(seen)) {
            command.row.before = seen.before.clone();
            from += at + 1;
        }
    }
}

fn watch(record: &Path) -> Watch {
    let mut watch = Watch::default();
    // What can be read of a record that is cut is good.
    let _ = dissect::each_pdu(record, &mut |spoken| watch.see(spoken));
    watch
}

impl Watch {
    fn see(&mut self, spoken: &Spoken<'_>) {
        match spoken.direction {
            Direction::ToServer => self.request(spoken),
            Direction::ToClient => self.response(spoken),
        }
    }

    fn request(&mut self, spoken: &Spoken<'_>) {
        let before = self.before(spoken).unwrap_or_default();
        self.requests.push(Seen { pdu: spoken.bytes.to_vec(), before });
        if let Some(key) =
            spoken.protocol.key(spoken.bytes).filter(|_| self.waiting.len() < WAITING)
        {
            let place = (spoken.client, key.transaction);
            self.waiting.insert(place, spoken.bytes.to_vec());
        }
    }

    /// What is known of what a request writes.
    fn before(&self, spoken: &Spoken<'_>) -> Option<String> {
        let (protocol, pdu) = (spoken.protocol, spoken.bytes);
        let command = protocol.command(pdu).ok()?;
        let item = decisive(&command).filter(|item| item.values != Values::None)?;
        let is_told = is_followed(protocol, item.space) && !protocol.asks_for_parts(pdu);
        is_told.then(|| self.memory.of(command.unit, &item))?
    }

    /// A device has answered: it holds what it was told, or what it tells.
    fn response(&mut self, spoken: &Spoken<'_>) {
        let protocol = spoken.protocol;
        let Some(key) = protocol.key(spoken.bytes) else { return };
        let Some(asked) = self.waiting.remove(&(spoken.client, key.transaction)) else { return };
        let Ok(command) = protocol.command(&asked) else { return };
        match protocol {
            Protocol::Modbus => self.modbus(&command, spoken),
            _ if protocol.asks_for_parts(&asked) => self.forget(protocol, &command),
            _ => self.answers(&command, spoken),
        }
    }

    /// What each item's answer says. Where one is missing, or none can be read, nobody knows.
    fn answers(&mut self, command: &Command<'_>, spoken: &Spoken<'_>) {
        let mut items = command.items.clone();
        spoken.protocol.answers(spoken.bytes, &mut |answer| {
            let Some(item) = items.next().filter(|it| is_followed(spoken.protocol, it.space))
            else {
                return;
            };
            match answer {
                Answer::Failed => {}
                Answer::Read(values) => self.learn(command, &item, values),
                // What a command that is neither to read nor to write did to it is its own affair.
                Answer::Done => self.learn(command, &item, item.values),
            }
        });
        self.forget(spoken.protocol, &Command { items, ..command.clone() });
    }

    fn learn(&mut self, command: &Command<'_>, item: &Item<'_>, values: Values<'_>) {
        self.memory.learn(command.unit, item, &numbers(item, values));
    }

    /// What these items name may be anything now.
    fn forget(&mut self, protocol: Protocol, command: &Command<'_>) {
        let items = command.items.clone().filter(|item| is_followed(protocol, item.space));
        items.for_each(|item| self.memory.learn(command.unit, &item, &[]));
    }

    /// A response of Modbus is nothing but the values of what its request named.
    fn modbus(&mut self, command: &Command<'_>, spoken: &Spoken<'_>) {
        let Some(item) = decisive(command) else { return };
        let (mut told, mut refused) = (Vec::new(), false);
        spoken.protocol.fields(
            spoken.bytes,
            spoken.direction,
            &mut |name: &str, value: Field<'_>| match value {
                Field::Registers(bytes) => told.extend(dissect::registers(bytes).map(f64::from)),
                Field::Bits(bytes, count) => {
                    told.extend(dissect::bits(bytes, count).map(f64::from));
                }
                Field::Flag(yes) if name == "exception" => refused = yes,
                _ => {}
            },
        );
        match item.values {
            _ if refused => {}
            Values::None => {
                told.truncate(item.count as usize);
                self.memory.learn(command.unit, &item, &told);
            }
            written => self.learn(command, &item, written),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;

    /// What each request of a bundled capture wrote, and what that replaced, where it was seen.
    fn replaced(capture: &str, protocol: Protocol) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps");
        let watch = watch(&folder.join(capture).join("capture.pcapng"));
        let line = |seen: &Seen| {
            let command = protocol.command(&seen.pdu).ok()?;
            let item = decisive(&command).filter(|_| !seen.before.is_empty())?;
            let object = words::object((item.space, item.start, item.count), &item.label());
            Some(format!("{object} = {} (before {})", dissect::written(&item), seen.before))
        };
        watch.requests.iter().filter_map(line).collect()
    }

    #[test]
    fn a_tag_holds_what_was_read_or_written_before() {
        let expected = [
            "tag Setpoint = 1500 (before 700)",
            "tag Setpoint = 1501 (before 1500)",
            "tag Setpoint = 800 (before 1501)",
            "tag Motor[0] = 1 (before 4)",
        ];
        assert_eq!(replaced("enip/tags", Protocol::Enip), expected);
    }

    #[test]
    fn a_variable_holds_what_was_read_or_written_before() {
        let expected = [
            "DB10.DBB0-DBB1 = 05dc (before 02bc)",
            "DB10.DBB0-DBB1 = 05dd (before 05dc)",
            "DB10.DBB1 = ff (before dd)",
            "DB1.DBB0-DBB1 = 0001 (before 0000)",
            "DB10.DBB0-DBB1 = 02bc (before 05ff)",
            "DB10.DBB0-DBB1 = 05dc (before 02bc)",
            "DB10.DBB0-DBB1 = 05dd (before 05dc)",
            "DB10.DBB4-DBB7 = 41480000 (before 00000000)",
            "DB1.DBB0-DBB1 = 0001 (before 7070)",
            "DB1.DBX4.0 = 01 (before 00)",
            "M0.0 = 01 (before 01)",
        ];
        assert_eq!(replaced("s7comm/controller", Protocol::S7comm), expected);
    }

    #[test]
    fn a_node_holds_what_was_read_or_written_before() {
        let told = replaced("opcua/press", Protocol::Opcua);
        let expected = [
            "node ns=2;s=Press.Setpoint = 1501 (before 700)",
            "node ns=2;s=Press.Setpoint = 1 (before 1501)",
            "node ns=2;s=Press.Motor = 1 (before 2)",
            "node ns=2;s=Press.Motor = 1 (before 1)",
            "node ns=2;s=Press.Motor = 1 (before 1)",
            "node ns=2;s=Press.Setpoint = 800 (before 1)",
        ];
        assert_eq!(told[..6], expected);
    }

    #[test]
    fn a_register_holds_what_was_read_or_written_before() {
        let told = replaced("modbus/maintenance-writes", Protocol::Modbus);
        let expected = [
            "holding-registers 103 = 1200 (before 1030)",
            "holding-registers 119 = 1500 (before 1190)",
        ];
        assert_eq!(told[5..7], expected);
        let several = "holding-registers 104-106 = 800 900 1000 (before 1040 1050 1060)";
        assert_eq!(told[10], several);
    }
}
