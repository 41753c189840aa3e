//! The part of a sentence that says what is asked for.

use wicketgate_dissectors::modbus::functions::Function;
use wicketgate_dissectors::{Class, Protocol, Space};

use super::request::{self, Elements, What};
use super::words::Word;
use crate::diagnostic::{Report, Span};
use crate::{suggest, value};

/// Highest address and value.
const MAX_WORD: u32 = 0xffff;
/// Most elements that a sentence can name; what a request takes is less.
const MAX_ELEMENTS: u32 = 2000;

/// Reads words one after the other.
pub(super) struct Reader<'w, 't, 'r, 'f> {
    words: std::slice::Iter<'w, Word<'t>>,
    place: Span,
    report: &'r mut Report<'f>,
}

impl<'w, 't, 'r, 'f> Reader<'w, 't, 'r, 'f> {
    /// All of `words`, which stand at `place`.
    pub(super) fn new(
        words: &'w [Word<'t>],
        place: Span,
        report: &'r mut Report<'f>,
    ) -> Reader<'w, 't, 'r, 'f> {
        Reader { words: words.iter(), place, report }
    }

    /// What is asked for; whatever is wrong with it was reported.
    pub(super) fn what(mut self) -> Option<What> {
        let verb = self.next("a command")?;
        let what = match verb.text.to_ascii_lowercase().as_str() {
            "read" => self.read(),
            "write" => self.write(),
            "connect" => self.connect(),
            "ping" => Some(What::Connect(Protocol::Icmp, None)),
            "function" => self.code(),
            "pdu" => self.hex(),
            _ => self.named(verb),
        }?;
        match self.words.next() {
            None => Some(what),
            Some(word) => self.refuse(&word.at, format!("`{}` is not understood", word.text), HELP),
        }
    }

    fn next(&mut self, what: &str) -> Option<&'w Word<'t>> {
        let word = self.words.next();
        if word.is_none() {
            let at = self.place.clone();
            return self.refuse(&at, format!("{what} is missing here"), HELP);
        }
        word
    }

    fn refuse<T>(&mut self, at: &Span, message: String, help: &str) -> Option<T> {
        self.report.error_with(at, message, help);
        None
    }

    fn read(&mut self) -> Option<What> {
        let table = self.table()?;
        let elements = self.elements()?;
        request::reading(request::reader(table)?, elements).map(What::Pdu)
    }

    fn write(&mut self) -> Option<What> {
        let word = self.words.as_slice().first().map(|word| word.at.clone());
        let table = self.table()?;
        let elements = self.elements()?;
        let Some(function) = request::writer(table, elements) else {
            let help = "coils and holding-registers are; write one of them";
            return self.refuse(&word?, "this table is not written".to_owned(), help);
        };
        self.values(function, elements)
    }

    /// `= 900`, `= 1, 2, 3`: one value for all elements, or one for each.
    fn values(&mut self, function: &Function, (first, last): Elements) -> Option<What> {
        let sign = self.next("`=` and a value")?;
        if !sign.is("=") {
            return self.refuse(&sign.at, format!("`=` is missing before `{}`", sign.text), HELP);
        }
        let (mut values, mut at) = (vec![self.value(function.space)?], sign.at.clone());
        while let Some(comma) = self.words.as_slice().first().filter(|word| word.is(",")) {
            at.end = comma.at.end;
            self.words.next();
            values.push(self.value(function.space)?);
        }
        let count = usize::try_from(last - first + 1).ok()?;
        if let [value] = *values {
            values = vec![value; count];
        }
        if values.len() != count {
            let message = format!("{} values for {count} elements", values.len());
            return self.refuse(&at, message, "write one value for all, or one for each");
        }
        request::writing(function, first, &values).map(What::Pdu)
    }

    fn value(&mut self, space: Space) -> Option<u32> {
        let word = self.next("a value")?;
        let most = if space == Space::Coils { 1 } else { MAX_WORD };
        let value = value::number(word.text).filter(|number| *number <= most);
        if value.is_none() {
            let help = if most == 1 { "a coil is 0 or 1" } else { "a register is 0 to 65535" };
            return self.refuse(&word.at, format!("`{}` is not a value", word.text), help);
        }
        value
    }

    fn table(&mut self) -> Option<Space> {
        let word = self.next("a table")?;
        let table = request::table(word.text);
        if table.is_none() {
            let help = suggest::known(word.text, request::tables());
            return self.refuse(&word.at, format!("there is no table `{}`", word.text), &help);
        }
        table
    }

    fn elements(&mut self) -> Option<Elements> {
        let word = self.next("an address")?;
        match value::range(word.text, MAX_WORD) {
            Ok((first, last)) if last - first < MAX_ELEMENTS => Some((first, last)),
            Ok(_) => {
                let help = "a sentence is about one command";
                self.refuse(&word.at, "no command is about so many".to_owned(), help)
            }
            Err(wrong) => self.refuse(&word.at, wrong, "an address is written 105 or 100-119"),
        }
    }

    /// `connect modbus`, `connect tcp/22`.
    fn connect(&mut self) -> Option<What> {
        let word = self.next("a protocol")?;
        let (name, port) = match word.text.split_once('/') {
            Some((name, port)) => (name, Some(port.parse::<u16>())),
            None => (word.text, None),
        };
        match (Protocol::from_name(name), port.transpose()) {
            (Some(protocol), Ok(port)) => Some(What::Connect(protocol, port)),
            _ => {
                let help = "write `connect modbus` or `connect tcp/22`";
                self.refuse(&word.at, format!("`{}` is not a door", word.text), help)
            }
        }
    }

    /// `function 100`, `function 8/19`: the code, and no data behind it.
    fn code(&mut self) -> Option<What> {
        let word = self.next("a code")?;
        let (code, sub) =
            word.text.split_once('/').map_or((word.text, None), |(c, s)| (c, Some(s)));
        let code =
            value::number(code).and_then(|code| u8::try_from(code).ok()).filter(|c| *c < 128);
        let sub = sub.map(|sub| value::number(sub).and_then(|sub| u16::try_from(sub).ok()));
        match (code, sub) {
            (Some(code), None) => Some(What::Pdu(request::bare(code, None))),
            (Some(code), Some(Some(sub))) => Some(What::Pdu(request::bare(code, Some(sub)))),
            _ => {
                let message = format!("`{}` is not a function code", word.text);
                self.refuse(&word.at, message, "codes are 1 to 127, with a sub-function 8/19")
            }
        }
    }

    /// `pdu 06 0069 0384`: function code and data.
    fn hex(&mut self) -> Option<What> {
        let mut digits = String::new();
        for word in self.words.by_ref() {
            digits.push_str(word.text);
        }
        let pairs: Option<Vec<u8>> = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        match pairs.filter(|pdu| !pdu.is_empty() && digits.len() == 2 * pdu.len()) {
            Some(pdu) => Some(What::Pdu(pdu)),
            None => {
                let at = self.place.clone();
                let help = "write function code and data in hex: pdu 06 0069 0384";
                self.refuse(&at, "this is not a PDU in hex".to_owned(), help)
            }
        }
    }

    /// A function by its name.
    fn named(&mut self, verb: &Word<'_>) -> Option<What> {
        let Some(function) = request::named(verb.text) else {
            let help = suggest::known(verb.text, request::verbs());
            return self.refuse(&verb.at, format!("there is no command `{}`", verb.text), &help);
        };
        if !request::is_sayable(function) {
            let help = format!("write it as a pdu: pdu {:02x} …", function.code);
            return self.refuse(&verb.at, format!("`{}` takes more", verb.text), &help);
        }
        if function.space == Space::None {
            return Some(What::Pdu(request::bare(function.code, function.sub)));
        }
        let elements = self.elements()?;
        if function.class == Class::Write {
            return self.values(function, elements);
        }
        request::reading(function, elements).map(What::Pdu)
    }
}

/// How a command is written.
const HELP: &str = "write `read HR 0-9`, `write HR 105 = 900`, `write coils 0-3 = 1, 0, 1, 1`, \
                    `connect tcp/22`, `ping`, a function's name, or `pdu` and hex digits";
