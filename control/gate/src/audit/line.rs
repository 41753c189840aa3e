//! A record as one line for people.

use wicketgate_audit::View;
use wicketgate_audit::export::printable;
use wicketgate_audit::view::Value;

/// Fields that the beginning of the line tells, or that say nothing to people.
const TOLD: [&str; 17] = [
    "time",
    "seq",
    "source",
    "category",
    "type",
    "id",
    "result",
    "user",
    "asset",
    "command",
    "class",
    "payload",
    "signature",
    "epoch",
    "prev",
    "hash",
    "format",
];

/// `2020-06-27 11:50:49.422 #4 success command alice -> press-3: write-single-register (write) ...`.
pub(super) fn line(view: &View<'_>) -> String {
    let head =
        format!("{} #{} {:<8} {}", short(view.time()), view.seq(), view.result(), view.kind(),);
    let mut words = vec![head];
    words.extend(view.text("user").map(str::to_owned));
    words.extend(view.text("asset").map(|asset| format!("-> {asset}")));
    words.extend(view.text("command").map(str::to_owned));
    words.extend(view.text("class").map(|class| format!("({class})")));
    let rest = view.fields().filter(|(key, _)| !TOLD.contains(key));
    words.extend(rest.map(|(key, value)| field(key, value)));
    printable(&words.join(" ")).collect()
}

/// `key=value`, in quotes where there are blanks in it.
fn field(key: &str, value: &Value<'_>) -> String {
    match value {
        Value::Flag(true) => key.to_owned(),
        Value::Text(text) if text.contains(' ') => format!("{key}=\"{text}\""),
        value => format!("{key}={value}"),
    }
}

/// To the millisecond.
fn short(time: &str) -> String {
    let time = time.get(..23).unwrap_or(time);
    time.replacen('T', " ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_asked_what_of_whom() {
        let record = br#"{"time":"2020-06-27T11:50:49.422685000Z","seq":4,"source":"g","category":"command","type":"command","id":"i","result":"denied","user":"alice\u001b","essential":true,"asset":"press-3","command":"write-coil","class":"write","address":7,"rule":"a b","epoch":7}"#;
        let said = line(&View::read(record).unwrap());
        let expected = "2020-06-27 11:50:49.422 #4 denied   command alice\\u{1b} -> press-3 write-coil (write) \
                        essential address=7 rule=\"a b\"";
        assert_eq!(said, expected);
    }
}
