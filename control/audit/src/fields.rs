//! A record as JSON, field by field, straight into its line.
//!
//! Every command of the plant passes here: a line costs its hash and one copy of its bytes, and no way through a
//! general serializer, which took more than both.

use std::net::{IpAddr, Ipv4Addr};

use crate::ascii::{write_shown, write_text};
use crate::chain::Hash;
use crate::decimal::write_number;
use crate::hex;
use crate::mark::WorkerSums;

/// What stands before a field's value: `key!("asset")` is `,"asset":`, one piece that is copied as one. The name is one
/// of the log's own words: nothing in it needs an escape.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}
pub(crate) use key;

/// The open JSON object at the end of a line, which has a field.
pub(crate) struct Fields<'a>(&'a mut Vec<u8>);

impl<'a> Fields<'a> {
    /// Begins an object with its first field.
    #[inline(always)]
    pub(crate) fn open<V: Value + ?Sized>(
        line: &'a mut Vec<u8>,
        key: &'static str,
        value: &V,
    ) -> Fields<'a> {
        line.push(b'{');
        line.extend_from_slice(key.strip_prefix(',').unwrap_or(key).as_bytes());
        value.write(line);
        Fields(line)
    }

    /// The object at the end of a line, which has a field already.
    pub(crate) const fn behind(line: &'a mut Vec<u8>) -> Fields<'a> {
        Fields(line)
    }

    /// A field; its key by [`key!`]. Inline, so that the key's length is known where it is copied.
    #[inline(always)]
    pub(crate) fn put<V: Value + ?Sized>(&mut self, key: &'static str, value: &V) {
        self.0.extend_from_slice(key.as_bytes());
        value.write(self.0);
    }

    /// A field that is left out where it has no value.
    #[inline(always)]
    pub(crate) fn some<V: Value>(&mut self, key: &'static str, value: Option<V>) {
        if let Some(value) = value {
            self.put(key, &value);
        }
    }

    /// Fields that were written before, as they are.
    pub(crate) fn ready(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    /// The line so far, for fields to be appended.
    pub(crate) const fn line(&mut self) -> &mut Vec<u8> {
        self.0
    }

    /// Ends the object.
    pub(crate) fn close(self) {
        self.0.push(b'}');
    }
}

/// What a field can hold.
pub(crate) trait Value {
    /// Appends it as JSON.
    fn write(&self, line: &mut Vec<u8>);
}

impl Value for str {
    fn write(&self, line: &mut Vec<u8>) {
        write_text(self, line);
    }
}

/// A word of the program's own, of a command or a reason: nothing in it needs an escape.
pub(crate) struct Word(pub(crate) &'static str);

impl Value for Word {
    #[inline]
    fn write(&self, line: &mut Vec<u8>) {
        line.push(b'"');
        line.extend_from_slice(self.0.as_bytes());
        line.push(b'"');
    }
}

impl<V: Value + ?Sized> Value for &V {
    fn write(&self, line: &mut Vec<u8>) {
        (**self).write(line);
    }
}

impl Value for bool {
    fn write(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Value for u64 {
    fn write(&self, line: &mut Vec<u8>) {
        write_number(*self, line);
    }
}

impl Value for u32 {
    fn write(&self, line: &mut Vec<u8>) {
        write_number((*self).into(), line);
    }
}

impl Value for u16 {
    fn write(&self, line: &mut Vec<u8>) {
        write_number((*self).into(), line);
    }
}

impl Value for u8 {
    fn write(&self, line: &mut Vec<u8>) {
        write_number((*self).into(), line);
    }
}

impl Value for Ipv4Addr {
    fn write(&self, line: &mut Vec<u8>) {
        for (octet, before) in self.octets().into_iter().zip(*b"\"...") {
            line.push(before);
            octet.write(line);
        }
        line.push(b'"');
    }
}

impl Value for IpAddr {
    fn write(&self, line: &mut Vec<u8>) {
        write_shown(self, line);
    }
}

impl Value for Hash {
    fn write(&self, line: &mut Vec<u8>) {
        line.push(b'"');
        line.extend_from_slice(self.hex().as_flattened());
        line.push(b'"');
    }
}

impl Value for [WorkerSums] {
    fn write(&self, line: &mut Vec<u8>) {
        line.push(b'[');
        for (place, sums) in self.iter().enumerate() {
            if place > 0 {
                line.push(b',');
            }
            let mut fields = Fields::open(line, key!("worker"), &sums.worker);
            fields.put(key!("events"), &sums.events);
            fields.put(key!("lost"), &sums.lost);
            fields.some(key!("judged"), sums.judged);
            fields.close();
        }
        line.push(b']');
    }
}

/// Bytes as a string of hex digits.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl Value for Hex<'_> {
    fn write(&self, line: &mut Vec<u8>) {
        line.push(b'"');
        hex::append(self.0, line);
        line.push(b'"');
    }
}

/// Whatever can be formatted, as a string.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: std::fmt::Display> Value for Shown<T> {
    fn write(&self, line: &mut Vec<u8>) {
        write_shown(&self.0, line);
    }
}

#[cfg(test)]
mod tests {
    use wicketgate_dissectors::{Class, Protocol};
    use wicketgate_engine::Reason;

    use super::*;
    use crate::Alarm;

    fn written(value: &(impl Value + ?Sized)) -> String {
        let mut line = Vec::new();
        value.write(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn values_are_written_as_by_another_writer_of_json() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        for number in powers.flat_map(|power| [power - 1, power, power + 1]).chain([u64::MAX]) {
            assert_eq!(written(&number), serde_json::to_string(&number).unwrap());
        }
        for address in [[0, 0, 0, 0], [10, 1, 200, 9], [255; 4]].map(Ipv4Addr::from) {
            assert_eq!(written(&address), serde_json::to_string(&address).unwrap());
            assert_eq!(written(&IpAddr::V4(address)), written(&address));
        }
        let address: IpAddr = "fe80::1".parse().unwrap();
        assert_eq!(written(&address), serde_json::to_string(&address).unwrap());
        let told = WorkerSums { worker: 1, events: 2, lost: 3, judged: None };
        let sums = [told, WorkerSums { judged: Some(4), ..told }];
        assert_eq!(written(&sums[..]), serde_json::to_string(&sums).unwrap());
        assert_eq!(written(&[] as &[WorkerSums]), "[]");
        assert_eq!(
            (written(&true), written(&Hex(&[0x0a, 0xff]))),
            ("true".into(), "\"0aff\"".into())
        );
    }

    #[test]
    fn words_of_the_program_need_no_escape() {
        let classes = Class::ALL.iter().map(|class| class.name());
        let protocols = Protocol::ALL.iter().map(|protocol| protocol.name());
        let reasons = Reason::ALL.iter().map(|reason| reason.code());
        let alarms = Alarm::ALL.iter().map(|alarm| alarm.code());
        for word in classes.chain(protocols).chain(reasons).chain(alarms) {
            assert_eq!(written(&Word(word)), written(word));
        }
    }

    #[test]
    fn fields_are_an_object() {
        let mut line = b"before\n".to_vec();
        let mut fields = Fields::open(&mut line, key!("a"), "{");
        fields.some(key!("none"), None::<u8>);
        fields.some(key!("b"), Some(7_u8));
        fields.close();
        assert_eq!(line, b"before\n{\"a\":\"{\",\"b\":7}");
    }
}
