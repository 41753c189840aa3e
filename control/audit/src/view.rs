//! A record read back, whatever its type: its fields, in their order.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A record of a log. What it says is not trusted: a name in it can be any text.
#[derive(Clone, Debug, PartialEq)]
pub struct View<'a> {
    fields: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A name, a word, a time.
    Text(Cow<'a, str>),
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// An array, or what no gate writes.
    Other(serde_json::Value),
}

impl<'a> View<'a> {
    /// The record in a line; `None` where that is not a JSON object with a number, a time and a type.
    pub fn read(line: &'a [u8]) -> Option<View<'a>> {
        let view: View<'a> = serde_json::from_slice(line).ok()?;
        let whole = view.number("seq").is_some() && !view.time().is_empty();
        (whole && !view.kind().is_empty()).then_some(view)
    }

    /// All fields, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.fields.iter().map(|(key, value)| (&**key, value))
    }

    /// What a field holds; `None` where the record does not have it.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.fields().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The text of a field.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            Value::Number(_) | Value::Flag(_) | Value::Other(_) => None,
        }
    }

    /// The number in a field.
    pub fn number(&self, key: &str) -> Option<u64> {
        match self.get(key)? {
            Value::Number(number) => Some(*number),
            Value::Text(_) | Value::Flag(_) | Value::Other(_) => None,
        }
    }

    /// Its number in the log.
    pub fn seq(&self) -> u64 {
        self.number("seq").unwrap_or_default()
    }

    /// When it happened: RFC 3339, UTC, nanoseconds, so that the order of texts is that of times.
    pub fn time(&self) -> &str {
        self.text("time").unwrap_or_default()
    }

    /// Its type.
    pub fn kind(&self) -> &str {
        self.text("type").unwrap_or_default()
    }

    /// Its category.
    pub fn category(&self) -> &str {
        self.text("category").unwrap_or_default()
    }

    /// `success`, `denied`, `observed` or `failure`.
    pub fn result(&self) -> &str {
        self.text("result").unwrap_or_default()
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Number(number) => number.fmt(f),
            Value::Flag(flag) => flag.fmt(f),
            Value::Other(other) => other.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for View<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<View<'de>, D::Error> {
        deserializer.deserialize_map(OfObject)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(OfValue)
    }
}

/// A key, not copied where nothing in it is escaped.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

struct OfObject;

impl<'de> Visitor<'de> for OfObject {
    type Value = View<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<View<'de>, M::Error> {
        let mut fields = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            fields.push((key, value));
        }
        Ok(View { fields })
    }
}

struct OfValue;

impl<'de> Visitor<'de> for OfValue {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Other(number.into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(Value::Other(number.into()))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Value<'de>, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Other(serde_json::Value::Null))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Value<'de>, S::Error> {
        let seq = de::value::SeqAccessDeserializer::new(seq);
        serde_json::Value::deserialize(seq).map(Value::Other)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Value<'de>, M::Error> {
        let map = de::value::MapAccessDeserializer::new(map);
        serde_json::Value::deserialize(map).map(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_their_escapes_are_undone() {
        let line = br#"{"time":"t","seq":7,"type":"alarm","user":"a\u000ab","essential":true,"workers":[{"worker":0}],"x":-1}"#;
        let view = View::read(line).unwrap();
        let keys: Vec<_> = view.fields().map(|(key, _)| key).collect();
        assert_eq!(keys, ["time", "seq", "type", "user", "essential", "workers", "x"]);
        assert_eq!((view.seq(), view.kind(), view.text("user")), (7, "alarm", Some("a\nb")));
        assert_eq!(view.get("essential"), Some(&Value::Flag(true)));
        assert_eq!(view.get("workers").unwrap().to_string(), r#"[{"worker":0}]"#);
        assert_eq!((view.number("user"), view.text("seq"), view.text("none")), (None, None, None));
    }

    #[test]
    fn what_is_no_record_is_none() {
        for line in
            ["", "{}", "[]", "7", "{\"seq\":1}", "{\"time\":\"t\",\"seq\":\"1\",\"type\":\"x\"}"]
        {
            assert_eq!(View::read(line.as_bytes()), None, "{line}");
        }
        assert_eq!(View::read(b"\xff"), None);
        assert!(View::read(&[b'['; 4096]).is_none(), "depth is bounded");
    }

    #[test]
    fn each_example_is_read_whole() {
        for line in include_str!("../tests/examples.jsonl").lines() {
            let view = View::read(line.as_bytes()).unwrap();
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(view.fields().count(), value.as_object().unwrap().len());
        }
    }
}
