//! Which commands a grant allows.
//!
//! A [`Matcher`] is the rules of one grant, compiled: a list of [`Entry`]s, one for each element of
//! an `allow` list. A command is allowed if each of its items is allowed by some entry; with no
//! entry, nothing is. Judging allocates nothing and touches only the matcher and the command.

use core::time::Duration;

use wicketgate_dissectors::{Class, ClassSet, Command, Item, Items, Space, Step, Values};
use wicketgate_packet::Time;

use crate::node_index::NodeIndex;
use crate::objects::ObjectRule;
use crate::tables::{RuleId, Window};
use crate::verdict::Reason;

/// The rules of one grant.
#[derive(Clone, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Matcher {
    /// Whether some entry says something of operations.
    operations: bool,
    /// Whether some entry holds at all times.
    always: bool,
    /// By class, the first entry's rule that allows it whole and always: the common case in one look.
    open: [Option<RuleId>; Class::ALL.len()],
    entries: Box<[Entry]>,
    /// What the entries say of nodes, where they do, all together.
    index: Option<Box<NodeIndex>>,
}

/// One element of an `allow` list. An entry says yes where each of its selectors does.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The rule or conduit it stands in.
    pub rule: RuleId,
    /// When it holds; `None` is always.
    pub window: Option<Window>,
    /// What is said of operations of several steps.
    pub operations: Option<Operations>,
    /// Classes it allows; empty where only `functions` speaks. An unknown command is of no class
    /// that a rule can name, so it passes only by its code.
    pub classes: ClassSet,
    /// Function codes.
    pub functions: CodeSet,
    /// Sub-function codes.
    pub subs: CodeSet,
    /// Units.
    pub units: RangeSet,
    /// Address spaces.
    pub spaces: SpaceSet,
    /// File numbers, where the space is a file.
    pub files: RangeSet,
    /// CIP objects, tags and data files.
    pub objects: ObjectRule,
    /// Addresses: each element of an item must lie in them.
    pub addresses: RangeSet,
    /// Most elements in one item.
    pub quantity: Option<u32>,
    /// Values: each one written must fit.
    pub values: ValueRule,
}

/// How operations of several steps stand to the end of an entry's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations {
    /// The grant, by control's number: what began by it goes on by it, in every epoch.
    pub grant: u64,
    /// How long one takes: it does not begin where less is left.
    pub takes: Duration,
    /// How long one that has begun may go on when the window has closed.
    pub drain: Duration,
}

/// When a command comes, and in the middle of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub now: Time,
    /// What the command is to an operation.
    pub step: Step,
    /// The grant of the operation that is under way in its flow, by control's number.
    pub under_way: Option<u64>,
}

impl Moment {
    /// A command that stands by itself, in a flow without an operation.
    pub const fn at(now: Time) -> Moment {
        Moment { now, step: Step::Alone, under_way: None }
    }
}

/// What allows a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The rule.
    pub rule: RuleId,
    /// What it says of operations.
    pub operations: Option<Operations>,
}

impl Allowed {
    /// By a rule, and the entry of it where that is not one that is open.
    #[inline]
    pub(crate) fn by((rule, entry): (RuleId, Option<&Entry>)) -> Allowed {
        Allowed { rule, operations: entry.and_then(|entry| entry.operations) }
    }
}

/// A set of codes; [`CodeSet::Any`] where a rule does not speak of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CodeSet {
    /// All.
    #[default]
    Any,
    /// These.
    Codes(Box<[u16]>),
}

/// A set of numbers as inclusive ranges; [`RangeSet::Any`] where a rule does not speak of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RangeSet {
    /// All.
    #[default]
    Any,
    /// These: sorted, apart from each other, first <= last.
    Ranges(Box<[(u32, u32)]>),
}

/// A set of address spaces; the default is all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceSet(u16);

/// What may be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueRule {
    /// Anything.
    #[default]
    Any,
    /// Numbers in these ranges. A mask write passes only if it sets the whole register
    /// (its result is known) to such a number.
    In(RangeSet),
    /// Numbers `from`, `from + step`, ... up to `to`.
    Steps {
        /// The first number.
        from: u32,
        /// The last number allowed.
        to: u32,
        /// The distance, at least 1.
        step: u32,
    },
    /// Only these bits: a written number has no other bit set, a mask write touches no other bit.
    Bits(u16),
}

impl Entry {
    /// An entry that allows these classes and nothing else is said.
    pub fn classes(rule: RuleId, classes: ClassSet) -> Entry {
        Entry {
            rule,
            window: None,
            operations: None,
            classes,
            functions: CodeSet::Any,
            subs: CodeSet::Any,
            units: RangeSet::Any,
            spaces: SpaceSet::ANY,
            files: RangeSet::Any,
            objects: ObjectRule::Any,
            addresses: RangeSet::Any,
            quantity: None,
            values: ValueRule::Any,
        }
    }
}

impl Default for SpaceSet {
    fn default() -> SpaceSet {
        SpaceSet::ANY
    }
}

/// Why no entry allowed a command, and which rule came nearest to doing so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// What was missing in the nearest rule.
    pub reason: Reason,
    /// The rule that gives the command but not this address, value, unit or time.
    pub nearest: Option<RuleId>,
}

impl Denied {
    pub(crate) const NOTHING_GIVEN: Denied =
        Denied { reason: Reason::CommandDenied, nearest: None };
}

impl Matcher {
    /// Compiles the entries of one grant.
    pub fn new(entries: Vec<Entry>) -> Matcher {
        let mut open = [None; Class::ALL.len()];
        for (class, rule) in Class::ALL.iter().zip(&mut open) {
            let whole = |entry: &&Entry| entry.is_open() && entry.classes.contains(*class);
            *rule = entries.iter().find(whole).map(|entry| entry.rule);
        }
        let operations = entries.iter().any(|entry| entry.operations.is_some());
        let index = NodeIndex::new(&entries).map(Box::new);
        let always = entries.iter().any(|entry| entry.window.is_none());
        Matcher { operations, always, open, entries: entries.into(), index }
    }

    /// What the first entries say of nodes.
    #[inline]
    pub(crate) fn index(&self) -> Option<&NodeIndex> {
        self.index.as_deref()
    }

    /// The rule that gives a class whole and always.
    #[inline]
    pub(crate) fn open_to(&self, class: Class) -> Option<RuleId> {
        self.open.get(class as usize).copied().flatten()
    }

    /// The entries, in the order of the policy.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether any entry holds at this time.
    #[inline]
    pub fn is_open(&self, now: Time) -> bool {
        self.always || self.has_open_window(now)
    }

    #[inline(never)]
    fn has_open_window(&self, now: Time) -> bool {
        let is_open = |entry: &Entry| entry.window.is_some_and(|window| window.is_open(now));
        self.entries.iter().any(is_open)
    }

    /// Whether some entry is closed, but for operations that are under way.
    pub fn is_draining(&self, now: Time) -> bool {
        self.entries.iter().any(|entry| entry.is_draining(now))
    }

    /// Whether a flow can ever be used again: some entry holds or will hold, or lets the operation
    /// go on that is under way in it.
    pub fn has_use(&self, now: Time, under_way: Option<u64>) -> bool {
        self.entries.iter().any(|entry| {
            let over = entry.window.is_some_and(|window| window.until <= now);
            let mine = entry.operations.is_some_and(|said| Some(said.grant) == under_way);
            !over || mine && entry.is_draining(now)
        })
    }

    /// Whether some entry says something of operations of several steps.
    #[inline]
    pub fn has_operations(&self) -> bool {
        self.operations
    }

    /// The rule that allows `command`, the first in its flow; of a command with several items, the last
    /// item's.
    ///
    /// # Errors
    /// No entry allows one of its items.
    pub fn judge(&self, command: &Command<'_>, now: Time) -> Result<RuleId, Denied> {
        let step = if self.operations { command.step() } else { Step::Alone };
        self.judge_at(command, &Moment { step, ..Moment::at(now) }).map(|allowed| allowed.rule)
    }

    /// What allows `command` at this moment; of a command with several items, the last item's.
    ///
    /// # Errors
    /// No entry allows one of its items.
    #[inline(always)]
    pub fn judge_at(&self, command: &Command<'_>, moment: &Moment) -> Result<Allowed, Denied> {
        if let Items::Few([Some(item), None]) = &command.items
            && let Some(rule) = self.open_to(item.class)
        {
            return Ok(Allowed { rule, operations: None });
        }
        self.judge_each(command, moment)
    }

    fn judge_each(&self, command: &Command<'_>, moment: &Moment) -> Result<Allowed, Denied> {
        if let Items::Nodes(nodes) = &command.items {
            return self.judge_nodes(command, nodes, moment);
        }
        let mut verdict = Err(Denied::NOTHING_GIVEN);
        command.items.each(|item| {
            verdict = Ok(self.judge_item(command, item, moment)?);
            Ok(())
        })?;
        verdict.map(Allowed::by)
    }

    /// The rule that allows an item, and the entry where it is not one that is open.
    #[inline]
    pub(crate) fn judge_item(
        &self,
        command: &Command<'_>,
        item: &Item<'_>,
        moment: &Moment,
    ) -> Result<(RuleId, Option<&Entry>), Denied> {
        if let Some(rule) = self.open_to(item.class) {
            return Ok((rule, None));
        }
        self.judge_by_entry(command, item, moment).map(|entry| (entry.rule, Some(entry)))
    }

    fn judge_by_entry(
        &self,
        command: &Command<'_>,
        item: &Item<'_>,
        moment: &Moment,
    ) -> Result<&Entry, Denied> {
        let mut nearest = Denied::NOTHING_GIVEN;
        for entry in &self.entries {
            match entry.judge(command, item, moment) {
                Ok(()) => return Ok(entry),
                Err(reason) if reason > nearest.reason => {
                    nearest = Denied { reason, nearest: Some(entry.rule) };
                }
                Err(_) => {}
            }
        }
        Err(nearest)
    }
}

impl Entry {
    /// Whether the entry gives its classes whole and always.
    fn is_open(&self) -> bool {
        !self.classes.is_empty()
            && *self == Entry { classes: self.classes, ..Entry::classes(self.rule, self.classes) }
    }

    /// Whether it is closed, but for operations that are under way.
    fn is_draining(&self, now: Time) -> bool {
        let Some((window, said)) = self.window.zip(self.operations) else { return false };
        window.until <= now && now < window.until + said.drain
    }

    /// Yes, or the first selector that says no. The order is that of [`Reason`], so that the
    /// greatest reason among the entries is the nearest miss.
    ///
    /// A function by itself, as are selectors that few entries have: inlined, all of an item was read into
    /// registers and out of them again before the first entry was asked.
    #[inline(never)]
    fn judge(&self, command: &Command<'_>, item: &Item<'_>, moment: &Moment) -> Result<(), Reason> {
        check(self.gives(command, item), Reason::CommandDenied)?;
        check(self.units.contains(u32::from(command.unit)), Reason::UnitDenied)?;
        check(self.reaches(item), Reason::AddressDenied)?;
        check(self.quantity.is_none_or(|most| item.count <= most), Reason::QuantityDenied)?;
        check(self.values.fits(item, &self.objects), Reason::ValueDenied)?;
        self.is_timely(item, moment)
    }

    /// Whether it allows items like this one somewhere: all selectors but those of addresses, objects and values,
    /// in which the nodes of a request differ.
    pub(crate) fn gives_somewhere(
        &self,
        command: &Command<'_>,
        item: &Item<'_>,
        moment: &Moment,
    ) -> bool {
        self.gives(command, item)
            && self.units.contains(u32::from(command.unit))
            && self.files.is_any()
            && self.spaces.contains(item.space)
            && self.quantity.is_none_or(|most| item.count <= most)
            && self.is_timely(item, moment).is_ok()
    }

    /// Whether it holds at this moment, long enough for what begins, or for what is under way.
    fn is_timely(&self, item: &Item<'_>, moment: &Moment) -> Result<(), Reason> {
        let Some(window) = self.window else { return Ok(()) };
        if window.is_open(moment.now) {
            let left = window.until.since(moment.now);
            let enough = self.operations.is_none_or(|said| said.takes <= left);
            return check(enough || moment.step != Step::Begins, Reason::OperationTooLate);
        }
        check(self.is_draining(moment.now), Reason::CommandOutsideWindow)?;
        let mine = self.operations.is_some_and(|said| Some(said.grant) == moment.under_way);
        let step = matches!(moment.step, Step::Continues | Step::Ends);
        let looks = moment.step == Step::Alone && LOOKS.contains(item.class);
        check(mine && (step || looks), Reason::Draining)
    }

    fn gives(&self, command: &Command<'_>, item: &Item<'_>) -> bool {
        let by_class = self.classes.contains(item.class);
        match (&self.functions, &self.subs) {
            (CodeSet::Any, CodeSet::Any) => by_class,
            (functions, _) => {
                let by_code = matches!(functions, CodeSet::Codes(_)) && self.classes.is_empty();
                (by_class || by_code) && self.has_codes(command, item)
            }
        }
    }

    #[inline(never)]
    fn has_codes(&self, command: &Command<'_>, item: &Item<'_>) -> bool {
        let (function, sub) = item.code.unwrap_or((command.function, command.sub));
        self.functions.fits(Some(function)) && self.subs.fits(sub)
    }

    fn reaches(&self, item: &Item<'_>) -> bool {
        let file = match item.space {
            _ if self.files.is_any() => true,
            Space::File(number) => self.files.contains(u32::from(number)),
            _ => false,
        };
        let placed = match item.space {
            _ if self.addresses.is_any() => true,
            Space::None => false,
            _ => self.addresses.covers(item.start, item.count),
        };
        file && placed && self.spaces.contains(item.space) && self.objects.reaches(item)
    }
}

/// What may go on beside the steps of an operation that drains: it changes nothing.
const LOOKS: ClassSet =
    ClassSet::of(&[Class::Discover, Class::Session, Class::Read, Class::Subscribe, Class::Diag]);

fn check(holds: bool, otherwise: Reason) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(otherwise) }
}

impl CodeSet {
    /// Whether `code` is in the set; a command without a code is only in [`CodeSet::Any`].
    fn fits(&self, code: Option<u16>) -> bool {
        match self {
            CodeSet::Any => true,
            CodeSet::Codes(codes) => code.is_some_and(|code| codes.contains(&code)),
        }
    }
}

impl RangeSet {
    /// The set of these ranges, in any order; ranges that touch are joined.
    pub fn of(mut ranges: Vec<(u32, u32)>) -> RangeSet {
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => joined.push((first, last)),
            }
        }
        RangeSet::Ranges(joined.into())
    }

    /// Whether nothing is said of them.
    #[inline]
    pub const fn is_any(&self) -> bool {
        matches!(self, RangeSet::Any)
    }

    /// Whether `number` is in the set.
    #[inline]
    pub fn contains(&self, number: u32) -> bool {
        self.covers(number, 1)
    }

    /// Whether `count` numbers from `start` on are all in the set. Ranges that touch were joined,
    /// so all of them lie in one.
    pub fn covers(&self, start: u32, count: u32) -> bool {
        match self {
            RangeSet::Any => true,
            RangeSet::Ranges(ranges) => {
                let last = u64::from(start) + u64::from(count.max(1)) - 1;
                ranges.iter().any(|(low, high)| *low <= start && last <= u64::from(*high))
            }
        }
    }
}

impl RangeSet {
    /// Whether `number` lies between the ends of one of the ranges; not a number does not.
    fn holds(&self, number: f64) -> bool {
        match self {
            RangeSet::Any => true,
            RangeSet::Ranges(ranges) => ranges
                .iter()
                .any(|(low, high)| f64::from(*low) <= number && number <= f64::from(*high)),
        }
    }
}

impl SpaceSet {
    /// Every space, and commands without one.
    pub const ANY: SpaceSet = SpaceSet(u16::MAX);

    /// The set of these spaces; of files all, whatever their number.
    pub fn of(spaces: &[Space]) -> SpaceSet {
        SpaceSet(spaces.iter().fold(0, |set, space| set | SpaceSet::bit(*space)))
    }

    /// Whether `space` is in the set.
    pub const fn contains(self, space: Space) -> bool {
        self.0 == SpaceSet::ANY.0 || self.0 & SpaceSet::bit(space) != 0
    }

    const fn bit(space: Space) -> u16 {
        match space {
            Space::None => 1,
            Space::Coils => 2,
            Space::DiscreteInputs => 4,
            Space::InputRegisters => 8,
            Space::HoldingRegisters => 16,
            Space::Fifo => 32,
            Space::File(_) => 64,
            Space::Tag => 128,
            Space::Object { .. } => 256,
            Space::DataFile { .. } => 512,
            Space::Node => 1024,
            Space::Method => 2048,
            Space::Channel => 4096,
            Space::Identity => 8192,
            // Rules tell these apart by their objects.
            Space::Memory { .. }
            | Space::Nck { .. }
            | Space::Block(_)
            | Space::Szl
            | Space::Role => 16384,
        }
    }
}

impl ValueRule {
    /// Whether everything that `item` writes fits. A rule that speaks of values does not allow an
    /// item that writes none, or whose type it does not say.
    #[inline]
    pub(crate) fn fits(&self, item: &Item<'_>, objects: &ObjectRule) -> bool {
        matches!(self, ValueRule::Any) || self.fits_values(item, objects)
    }

    #[inline(never)]
    fn fits_values(&self, item: &Item<'_>, objects: &ObjectRule) -> bool {
        match (self, item.values) {
            (ValueRule::Any, _) => true,
            (_, Values::None) => false,
            (ValueRule::Bits(bits), Values::Mask { and, .. }) => !and & !bits == 0,
            (_, Values::Mask { and: 0, or }) => self.fits_number(u32::from(or)),
            (_, Values::Mask { .. }) => false,
            (_, Values::Scalars(scalar, bytes)) => {
                scalar.numbers(bytes).all(|number| self.fits_scalar(number))
            }
            (_, Values::Raw(bytes)) => objects.scalar(item).is_some_and(|scalar| {
                scalar.numbers_be(bytes).all(|number| self.fits_scalar(number))
            }),
            (_, values) => values.numbers(item.count).all(|number| self.fits_number(number)),
        }
    }

    fn fits_number(&self, number: u32) -> bool {
        match self {
            ValueRule::Any => true,
            ValueRule::In(ranges) => ranges.contains(number),
            ValueRule::Steps { from, to, step } => {
                (*from..=*to).contains(&number) && (number - from).is_multiple_of((*step).max(1))
            }
            ValueRule::Bits(bits) => number & !u32::from(*bits) == 0,
        }
    }

    /// The same of a number that may be negative or have a fraction: neither is a step or a set of
    /// bits, and rules name no negative numbers.
    pub fn fits_scalar(&self, number: f64) -> bool {
        let whole = number as u32;
        match self {
            ValueRule::Any => true,
            ValueRule::In(ranges) => ranges.holds(number),
            ValueRule::Steps { .. } | ValueRule::Bits(_) => {
                f64::from(whole) == number && self.fits_number(whole)
            }
        }
    }
}
