//! The grammar of a sentence.
//!
//! ```text
//! sentence  part { ";" part }                   a part takes from the one before what it leaves out
//! part      [who] "may" ["not"] [what] { "on" asset | "unit" number | "at" time }
//!           ["by" rule | "because" reason]
//! what      "read" table elements | "write" table elements "=" values | "connect" door | "ping"
//!         | function-name [elements ["=" values]] | "function" code["/" sub] | "pdu" hex
//! ```

use jiff::tz::TimeZone;
use wicketgate_dissectors::Protocol;
use wicketgate_engine::Reason;
use wicketgate_engine::tables::{AssetId, RuleId, Window};

use super::command::Reader;
use super::request::{self, What};
use super::words::{self, Word};
use super::{Assertion, Expected, Person, Who, when};
use crate::diagnostic::{Report, Span};
use crate::model::Policy;
use crate::reader::Node;
use crate::suggest;
use crate::trial::Request;
use crate::value;

/// A sentence to begin with.
const EXAMPLE: &str = "write it like: alice may write HR 105 = 900 on press-3 at mon 09:00";

/// What sentences speak of.
pub(super) struct Grammar<'g> {
    pub(super) policy: &'g Policy,
    pub(super) people: &'g [Person],
    /// The zone of times that name none.
    pub(super) zone: Option<TimeZone>,
}

/// What a part says, and leaves to the next one.
#[derive(Clone, Default)]
struct Said {
    who: Option<Who>,
    what: Option<What>,
    unit: Option<u8>,
    asset: Option<AssetId>,
    when: Option<(Vec<Window>, TimeZone)>,
}

/// The words behind `may`, by the word that each group of them begins with.
#[derive(Default)]
struct Phrases<'w, 't> {
    what: &'w [Word<'t>],
    /// In the order of [`KEYS`].
    others: [Option<Phrase<'w, 't>>; KEYS.len()],
}

#[derive(Clone)]
struct Phrase<'w, 't> {
    words: &'w [Word<'t>],
    at: Span,
}

const KEYS: [&str; 5] = ["on", "unit", "at", "by", "because"];

impl Grammar<'_> {
    /// Reads one string of `assert`.
    pub(super) fn sentence(
        &self,
        node: Node<'_>,
        report: &mut Report<'_>,
    ) -> Option<Vec<Assertion>> {
        let text = node.name(report)?;
        let parts = words::parts(text, &node.span(), report)?;
        if parts.is_empty() {
            report.error_with(&node.span(), "the sentence says nothing", EXAMPLE);
        }
        let mut said = Said::default();
        let mut assertions = Vec::new();
        for part in &parts {
            assertions.push(self.part(part, &mut said, report)?);
        }
        (!parts.is_empty()).then_some(assertions)
    }

    fn part(
        &self,
        words: &[Word<'_>],
        said: &mut Said,
        report: &mut Report<'_>,
    ) -> Option<Assertion> {
        let place = span_of(words)?;
        let Some(may) = words.iter().position(|word| word.is("may")) else {
            report.error_with(&place, "this says neither `may` nor `may not`", EXAMPLE);
            return None;
        };
        let (subject, rest) = words.split_at_checked(may)?;
        let (may_not, rest) = match rest.get(1..)? {
            [not, rest @ ..] if not.is("not") => (true, rest),
            rest => (false, rest),
        };
        if let Some(at) = span_of(subject) {
            said.who = Some(self.who(subject, &at, report)?);
        }
        let phrases = phrases(rest, report)?;
        self.take(&phrases, said, report)?;
        let expected = self.expected(may_not, &phrases, report)?;
        self.assertion(said, expected, &phrases, &place, report)
    }

    /// What the phrases say takes the place of what was said before.
    fn take(
        &self,
        phrases: &Phrases<'_, '_>,
        said: &mut Said,
        report: &mut Report<'_>,
    ) -> Option<()> {
        let [on, unit, at, ..] = &phrases.others;
        if let Some(place) = span_of(phrases.what) {
            said.what = Some(Reader::new(phrases.what, place, report).what()?);
        }
        if let Some(on) = on {
            said.asset = Some(self.asset(one(on, "an asset", report)?, report)?);
        }
        if let Some(unit) = unit {
            said.unit = Some(read_unit(one(unit, "a unit", report)?, report)?);
        }
        if let Some(at) = at {
            said.when = Some(when::read(at.words, &at.at, self.zone.as_ref(), report)?);
        }
        Some(())
    }

    fn assertion(
        &self,
        said: &Said,
        expected: Expected,
        phrases: &Phrases<'_, '_>,
        place: &Span,
        report: &mut Report<'_>,
    ) -> Option<Assertion> {
        let who = needed(said.who, "who asks", place, report)?;
        let what = needed(said.what.clone(), "what is asked for", place, report)?;
        let asset = needed(said.asset, "on which asset: `on …`", place, report)?;
        let (request, protocol, port) = request_of(what, said.unit, phrases, place, report)?;
        self.speaks(asset, protocol, port, place, report)?;
        let (when, zone) = said.when.clone().unwrap_or_else(|| {
            let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
            (when::any_time(&zone), zone)
        });
        let place = report.diagnostic(place, "", None);
        Some(Assertion { who, asset, protocol, port, request, when, zone, expected, place })
    }

    fn who(&self, words: &[Word<'_>], at: &Span, report: &mut Report<'_>) -> Option<Who> {
        let [word] = words else {
            let help = "a name of several words stands in 'single quotes'";
            report.error_with(at, "one name stands before `may`", help);
            return None;
        };
        let person = self.people.iter().position(|person| person.name == word.text);
        let machine = self.policy.conduits().iter().position(|conduit| conduit.name == word.text);
        let found = person.map(Who::Person).or(machine.map(Who::Machine));
        if found.is_none() {
            let people = self.people.iter().map(|person| person.name.as_str());
            let machines = self.policy.conduits().iter().map(|conduit| conduit.name.as_str());
            let help = suggest::known(word.text, people.chain(machines));
            let message = format!("`{}` is neither one of `people` nor a conduit", word.text);
            report.error_with(at, message, help);
        }
        found
    }

    fn asset(&self, word: &Word<'_>, report: &mut Report<'_>) -> Option<AssetId> {
        let assets = self.policy.assets();
        let found = assets.iter().zip((0..).map(AssetId)).find(|(a, _)| a.name == word.text);
        if found.is_none() {
            let help = suggest::known(word.text, assets.iter().map(|asset| asset.name.as_str()));
            report.error_with(&word.at, format!("there is no asset `{}`", word.text), help);
        }
        found.map(|(_, id)| id)
    }

    fn speaks(
        &self,
        asset: AssetId,
        protocol: Protocol,
        port: Option<u16>,
        at: &Span,
        report: &mut Report<'_>,
    ) -> Option<()> {
        let asset = self.policy.asset(asset)?;
        let fits = |door: &crate::model::Door| {
            door.protocol == protocol && port.is_none_or(|port| door.port == port)
        };
        if asset.doors.iter().any(fits) {
            return Some(());
        }
        let doors: Vec<String> = asset.doors.iter().map(ToString::to_string).collect();
        let port = port.map_or_else(String::new, |port| format!("/{port}"));
        let message = format!("`{}` does not speak {protocol}{port}", asset.name);
        report.error_with(at, message, format!("it speaks {}", doors.join(", ")));
        None
    }

    fn expected(
        &self,
        may_not: bool,
        phrases: &Phrases<'_, '_>,
        report: &mut Report<'_>,
    ) -> Option<Expected> {
        let [.., by, because] = &phrases.others;
        match (may_not, by, because) {
            (false, by, None) => {
                let rule = by.as_ref().map(|by| self.rule(one(by, "a rule", report)?, report));
                Some(Expected::May(all_read(rule)?))
            }
            (true, None, because) => {
                let because = because.as_ref();
                let reason = because.map(|why| reason(one(why, "a reason", report)?, report));
                Some(Expected::MayNot(all_read(reason)?))
            }
            (false, _, Some(why)) => misplaced(why, "`because` goes with `may not`", report),
            (true, Some(by), _) => misplaced(by, "`by` goes with `may`", report),
        }
    }

    fn rule(&self, word: &Word<'_>, report: &mut Report<'_>) -> Option<RuleId> {
        let rules = self.policy.rules().iter().map(|rule| rule.name.as_str());
        let names = rules.chain(self.policy.conduits().iter().map(|conduit| conduit.name.as_str()));
        let found = names.clone().zip((0..).map(RuleId)).find(|(name, _)| *name == word.text);
        if found.is_none() {
            let message = format!("there is no rule or conduit `{}`", word.text);
            report.error_with(&word.at, message, suggest::known(word.text, names));
        }
        found.map(|(_, id)| id)
    }
}

/// `None` where something was there and could not be read.
fn all_read<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn misplaced<T>(phrase: &Phrase<'_, '_>, message: &str, report: &mut Report<'_>) -> Option<T> {
    let help = "alice may … by 'RULE'; alice may not … because REASON";
    report.error_with(&phrase.at, message, help);
    None
}

fn reason(word: &Word<'_>, report: &mut Report<'_>) -> Option<Reason> {
    let found = Reason::ALL.iter().copied().find(|reason| reason.code() == word.text);
    if found.is_none() {
        let help = suggest::known(word.text, Reason::ALL.iter().map(|reason| reason.code()));
        let message = format!("there is no reason `{}`", word.text);
        report.error_with(&word.at, message, format!("{help}; docs/REASONS.md lists them"));
    }
    found
}

fn read_unit(word: &Word<'_>, report: &mut Report<'_>) -> Option<u8> {
    let unit = value::number(word.text).and_then(|number| u8::try_from(number).ok());
    if unit.is_none() {
        report.error(&word.at, format!("`{}` is not a unit from 0 to 255", word.text));
    }
    unit
}

/// The one word of a phrase.
fn one<'w, 't>(
    phrase: &Phrase<'w, 't>,
    what: &str,
    report: &mut Report<'_>,
) -> Option<&'w Word<'t>> {
    match phrase.words {
        [word] => Some(word),
        [] => {
            report.error(&phrase.at, format!("{what} is missing here"));
            None
        }
        [_, second, ..] => {
            let help = "a name of several words stands in 'single quotes'";
            report.error_with(&second.at, format!("{what} is one word"), help);
            None
        }
    }
}

fn needed<T>(said: Option<T>, what: &str, place: &Span, report: &mut Report<'_>) -> Option<T> {
    if said.is_none() {
        report.error_with(place, format!("the sentence does not say {what}"), EXAMPLE);
    }
    said
}

/// The request, and the door it is for.
fn request_of(
    what: What,
    unit: Option<u8>,
    phrases: &Phrases<'_, '_>,
    place: &Span,
    report: &mut Report<'_>,
) -> Option<(Request, Protocol, Option<u16>)> {
    let pdu = match what {
        What::Connect(protocol, port) => return Some((Request::Connect, protocol, port)),
        What::Pdu(pdu) => pdu,
    };
    let adu = request::adu(unit.unwrap_or(request::DEFAULT_UNIT), &pdu);
    let raw = phrases.what.first().is_none_or(|verb| verb.is("pdu"));
    match adu {
        // Raw bytes may be wrong on purpose; what a sentence says in words is meant to be right.
        Some(adu) if raw || Protocol::Modbus.command(&adu).is_ok() => {
            Some((Request::Pdu(adu), Protocol::Modbus, None))
        }
        adu => {
            let wrong = adu.and_then(|adu| Protocol::Modbus.command(&adu).err());
            let wrong = wrong.map_or("it is longer than a PDU can be", |wrong| wrong.text());
            report.error_with(place, format!("no device takes this: {wrong}"), "write it as a pdu");
            None
        }
    }
}

fn phrases<'w, 't>(words: &'w [Word<'t>], report: &mut Report<'_>) -> Option<Phrases<'w, 't>> {
    let key = |word: &Word<'_>| KEYS.iter().position(|key| word.is(key));
    let end = |words: &[Word<'_>]| {
        words.iter().position(|word| key(word).is_some()).unwrap_or(words.len())
    };
    let (what, mut rest) = words.split_at_checked(end(words))?;
    let mut phrases = Phrases { what, ..Phrases::default() };
    while let Some((first, behind)) = rest.split_first() {
        let (words, next) = behind.split_at_checked(end(behind))?;
        let slot = phrases.others.get_mut(key(first)?)?;
        let at = span_of(words).unwrap_or(first.at.clone());
        if slot.replace(Phrase { words, at }).is_some() {
            let help = "a `;` begins the next part";
            report.error_with(&first.at, format!("`{}` is there already", first.text), help);
            return None;
        }
        rest = next;
    }
    Some(phrases)
}

/// From the first word to the last.
fn span_of(words: &[Word<'_>]) -> Option<Span> {
    Some(words.first()?.at.start..words.last()?.at.end)
}
