//! Judge: every whole PDU of a flow, in order, each exactly once.
//!
//! Whoever brings the PDUs, a datagram or a stream, sees to it that nothing of a refused one leaves.

use wicketgate_dissectors::{
    Class, Command, Dialog, Direction, Framed, Item, Items, Key, NotTheProtocol, Portion, Protocol,
    Space, Step,
};
use wicketgate_packet::Time;

use crate::event::{EndCause, Event, EventRing, Label, Sent, Standing, Totals, standing};
use crate::flow::{Flow, FlowId};
use crate::implicit::IoTable;
use crate::matcher::{Moment, Operations};
use crate::operation::Operation;
use crate::session::Sessions;
use crate::stream::{Pending, Stream};
use crate::tables::{Grant, RuleId};
use crate::verdict::Reason;

/// What inspection found in one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inspected {
    /// How many bytes of the payload may leave, from its start.
    pub(crate) keep: usize,
    /// Why the rest may not.
    pub(crate) refused: Option<Reason>,
    /// Commands judged.
    pub(crate) commands: u32,
    /// Commands refused.
    pub(crate) denied: u32,
    /// The numbers that a segment leaves with; `None`: its own, or not at all.
    pub(crate) numbers: Option<Numbers>,
    /// The gate sends what may leave by itself.
    pub(crate) kept: bool,
    /// What it has sent by itself.
    pub(crate) own: Sent,
    /// Some of what leaves is not as it came.
    pub(crate) renumbered: bool,
    /// Deadlines may have changed.
    pub(crate) slow: bool,
    /// Why the flow is over.
    pub(crate) end: Option<EndCause>,
}

/// What a segment leaves with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Sequence number.
    pub(crate) seq: u32,
    /// Acknowledgement number.
    pub(crate) ack: u32,
    /// Window, scaled.
    pub(crate) window: u16,
}

impl Inspected {
    /// The first `keep` bytes of the payload may leave, and nothing was judged.
    pub(crate) fn keep(keep: usize) -> Inspected {
        Inspected { keep, ..Inspected::default() }
    }

    /// What the frame did, of which `bytes` left.
    pub(crate) fn totals(&self, bytes: u64) -> Totals {
        Totals {
            frames: u64::from(bytes != 0) + u64::from(self.own.frames),
            bytes: bytes + u64::from(self.own.bytes),
            commands: self.commands.into(),
            denied: self.denied.into(),
        }
    }

    /// Holds back everything from `at` on, unless something before it is held back already.
    pub(crate) fn refuse(&mut self, at: usize, reason: Reason) {
        if self.refused.is_none() {
            self.keep = at;
            self.refused = Some(reason);
        }
    }
}

/// What was said in a flow before, as far as it decides about what comes.
pub(crate) struct Said<'a> {
    /// Requests without an answer.
    pub(crate) pending: &'a mut Pending,
    /// What was opened.
    pub(crate) dialog: &'a mut Dialog,
    /// What is under way.
    pub(crate) operation: &'a mut Option<Operation>,
}

/// What judging needs to know, besides the bytes.
pub(crate) struct Judge<'a> {
    /// When the frame came.
    pub(crate) now: Time,
    /// What that may do.
    pub(crate) grant: &'a Grant,
    /// What the endpoint speaks.
    pub(crate) protocol: Protocol,
    /// Whether the flow is a machine's with a conduit.
    pub(crate) essential: bool,
    /// Where it is counted how much has passed.
    pub(crate) sessions: &'a Sessions,
    /// Where verdicts are told.
    pub(crate) events: &'a mut EventRing,
    /// The flow's place, and what flows have opened besides.
    pub(crate) io: (FlowId, &'a mut IoTable),
}

impl Judge<'_> {
    /// Reads a datagram: one PDU, whole, and nothing else.
    ///
    /// # Errors
    /// It is not that.
    pub(crate) fn datagram(
        &mut self,
        flow: &Flow,
        stream: &mut Stream,
        direction: Direction,
        payload: &[u8],
    ) -> Result<Inspected, Reason> {
        match self.protocol.frame(payload) {
            Ok(Framed::Whole(len)) if len.get() == payload.len() => {}
            Ok(_) => return Err(Reason::NotTheProtocol),
            Err(why) => return Err(why.into()),
        }
        let mut found = Inspected::keep(payload.len());
        let Stream { pending, dialog, operation, .. } = stream;
        let mut said = Said { pending, dialog, operation };
        if let Some(reason) = self.pdu(flow, &mut said, direction, payload, &mut found) {
            found.refuse(0, reason);
        }
        Ok(found)
    }

    /// Judges one whole PDU; why it may not pass.
    #[inline]
    pub(crate) fn pdu(
        &mut self,
        flow: &Flow,
        said: &mut Said<'_>,
        direction: Direction,
        pdu: &[u8],
        found: &mut Inspected,
    ) -> Option<Reason> {
        let refused = match direction {
            Direction::ToServer => self.request(flow, said, pdu, found),
            Direction::ToClient => {
                let refused = self.response(flow, said, pdu);
                if refused.is_none() && self.may_concern_io(pdu) {
                    self.io.1.note_response(self.io.0, flow, pdu, self.now);
                }
                refused
            }
        };
        refused.filter(|_| !self.grant.observe)
    }

    fn request(
        &mut self,
        flow: &Flow,
        said: &mut Said<'_>,
        pdu: &[u8],
        found: &mut Inspected,
    ) -> Option<Reason> {
        let refused = self.judge(flow, said, pdu);
        found.commands += 1;
        match refused.filter(|_| !self.grant.observe) {
            Some(_) => found.denied += 1,
            None => {
                send_on(self.protocol, said, pdu);
                if self.may_concern_io(pdu) {
                    self.io.1.note_request(self.io.0, flow, pdu, self.essential, self.now);
                }
            }
        }
        refused
    }

    /// Whether a PDU may open or close an I/O connection.
    #[inline]
    fn may_concern_io(&self, pdu: &[u8]) -> bool {
        self.protocol == Protocol::Enip && !self.protocol.is_plain(pdu)
    }

    /// Refuses a request of which only the front is known, and tells of it; why.
    #[cold]
    pub(crate) fn refuse_long(
        &mut self,
        flow: &Flow,
        said: &mut Said<'_>,
        front: &[u8],
        reason: Reason,
        found: &mut Inspected,
    ) -> Reason {
        (found.commands, found.denied) = (found.commands + 1, found.denied + 1);
        said.dialog.note_refused(front);
        let command = Command { name: "too-long", ..self.unreadable(front) };
        if !self.events.has_room(self.standing(command.class), 1) {
            self.events.count_lost();
            return Reason::AuditFull;
        }
        self.tell(flow, &command, None, Some(reason), front);
        reason
    }

    /// Judges the payload of a segment in a flow without operations, at a grant without a rate. Where it is one
    /// whole PDU that may pass, everything is done that [`Judge::pdu`] does; else nothing is, and that has to be
    /// asked.
    ///
    /// `protocol` is the judge's: a caller that knows it is compiled for it.
    #[inline(always)]
    pub(crate) fn passes(
        &mut self,
        protocol: Protocol,
        flow: &Flow,
        said: &mut Said<'_>,
        direction: Direction,
        pdu: &[u8],
    ) -> bool {
        // What it brings about may be more than an event, or it may have to be changed.
        if !protocol.is_plain(pdu) {
            return false;
        }
        match said.dialog.portion(protocol, direction, pdu, protocol.max_pdu()) {
            Ok(Portion::Whole(len)) if len.get() == pdu.len() => {}
            _ => return false,
        }
        match direction {
            Direction::ToServer => self.request_passes(protocol, flow, said, pdu).is_some(),
            Direction::ToClient => response_passes(protocol, said, pdu).is_some(),
        }
    }

    #[inline(always)]
    fn request_passes(
        &mut self,
        protocol: Protocol,
        flow: &Flow,
        said: &mut Said<'_>,
        pdu: &[u8],
    ) -> Option<()> {
        // Looked at where it lies: it is long.
        let Ok(command) = &said.dialog.command(protocol, pdu) else { return None };
        said.dialog.permit(command, pdu).ok()?;
        let allowed = self.grant.matcher.judge_at(command, &Moment::at(self.now)).ok()?;
        if !self.events.has_room(self.standing(command.class), 1) {
            return None;
        }
        self.tell(flow, command, Some(allowed.rule), None, pdu);
        send_on(protocol, said, pdu);
        Some(())
    }

    fn response(&mut self, flow: &Flow, said: &mut Said<'_>, pdu: &[u8]) -> Option<Reason> {
        let key = self.protocol.key(pdu);
        let answers = self.answers(said, key, pdu);
        if self.protocol.response(pdu).is_err() {
            Some(Reason::MalformedResponse)
        } else if answers {
            said.dialog.note(self.protocol, Direction::ToClient, pdu);
            let over = |operation: &mut Operation| key.is_some_and(|k| operation.is_ended_by(k));
            if let Some(operation) = said.operation.take_if(over) {
                self.events.push(Event::operation_end(self.now, flow, operation));
            }
            None
        } else {
            Some(Reason::Unsolicited)
        }
    }

    /// Whether a request waits for it; what is encrypted cannot be told.
    fn answers(&self, said: &mut Said<'_>, key: Option<Key>, pdu: &[u8]) -> bool {
        if !said.dialog.pairs() || said.dialog.is_unasked(self.protocol, pdu) {
            return true;
        }
        let Some(key) = key else { return false };
        match self.protocol.completes(pdu) {
            true => said.pending.take(key),
            false => said.pending.has(key),
        }
    }

    /// The verdict on a request, told to the audit.
    fn judge(&mut self, flow: &Flow, said: &mut Said<'_>, pdu: &[u8]) -> Option<Reason> {
        let command = said.dialog.command(self.protocol, pdu);
        let mut moment = Moment::at(self.now);
        let verdict = match &command {
            Err(NotTheProtocol::TooLong) => Err((None, Reason::PduTooLong)),
            Err(_) => Err((None, Reason::MalformedCommand)),
            Ok(command) if said.dialog.permit(command, pdu).is_err() => {
                Err((None, Reason::NotOpened))
            }
            Ok(command) => {
                if self.grant.matcher.has_operations() || said.operation.is_some() {
                    moment.step = command.step();
                    moment.under_way = said.operation.map(|operation| operation.grant);
                }
                let verdict = self.grant.matcher.judge_at(command, &moment);
                let verdict = verdict.map_err(|denied| (denied.nearest, denied.reason));
                verdict.and_then(|allowed| match self.has_room(flow, pdu) {
                    Ok(()) => Ok(allowed),
                    Err(reason) => Err((Some(allowed.rule), reason)),
                })
            }
        };
        // Looked at where it lies, as what can be read is: it is long.
        let unreadable;
        let command = match &command {
            Ok(command) => command,
            Err(_) => {
                unreadable = self.unreadable(pdu);
                &unreadable
            }
        };
        let events = 1 + usize::from(moment.step == Step::Begins);
        if !self.events.has_room(self.standing(command.class), events) {
            self.events.count_lost();
            return Some(Reason::AuditFull);
        }
        let rule = verdict.as_ref().map_or_else(|(nearest, _)| *nearest, |yes| Some(yes.rule));
        let denied = verdict.as_ref().err().map(|(_, reason)| *reason);
        self.tell(flow, command, rule, denied, pdu);
        if let Ok(allowed) = verdict
            && moment.step != Step::Alone
        {
            self.follow(flow, said, moment.step, allowed.operations, pdu);
        }
        denied
    }

    /// Whether what a rule gives may be done now: the rate lets one more pass, and what it opens can be opened.
    #[inline]
    fn has_room(&self, flow: &Flow, pdu: &[u8]) -> Result<(), Reason> {
        match self.is_within_rate(flow) {
            false => Err(Reason::RateExceeded),
            true if self.may_concern_io(pdu) => {
                self.io.1.check(self.io.0, flow, pdu, self.essential, self.now)
            }
            true => Ok(()),
        }
    }

    /// Whether one more passes at the grant's rate.
    #[inline]
    pub(crate) fn is_within_rate(&self, flow: &Flow) -> bool {
        self.grant.rate.is_none_or(|rate| self.sessions.spend(flow.slot, rate, self.now))
    }

    /// An operation begins, goes on or ends with a command that was let through.
    #[cold]
    fn follow(
        &mut self,
        flow: &Flow,
        said: &mut Said<'_>,
        step: Step,
        operations: Option<Operations>,
        pdu: &[u8],
    ) {
        let key = self.protocol.key(pdu);
        if Operation::step(said.operation, step, operations, key)
            && let Some(operation) = said.operation
        {
            self.events.push(Event::operation_start(self.now, flow, *operation));
        }
    }

    /// What is said of a request whose parts contradict each other.
    fn unreadable(&self, pdu: &[u8]) -> Command<'static> {
        let function = self.protocol.key(pdu).map_or(0, |key| key.function);
        Command {
            protocol: self.protocol,
            class: Class::Unknown,
            function,
            sub: None,
            unit: self.protocol.unit(pdu),
            name: "malformed",
            items: Items::Few([None, None]),
        }
    }

    fn standing(&self, class: Class) -> Standing {
        standing(self.essential, class)
    }

    fn tell(
        &mut self,
        flow: &Flow,
        command: &Command<'_>,
        rule: Option<RuleId>,
        denied: Option<Reason>,
        pdu: &[u8],
    ) {
        let slot = self.events.next_slot();
        let Some(told) = slot.and_then(|slot| slot.command_of(self.now, flow)) else { return };
        told.endpoint = flow.endpoint;
        (told.protocol, told.class, told.name) = (command.protocol, command.class, command.name);
        (told.function, told.sub, told.unit) = (command.function, command.sub, command.unit);
        // Of few it is looked at where it lies, of many it is made.
        let copy;
        let decisive = match &command.items {
            Items::Few(few) => decisive_of_few(few, command.class),
            many => {
                copy = decisive_of_many(many.clone(), command.class);
                copy.as_ref()
            }
        };
        told.object = decisive.map_or((Space::None, 0, 0), |i| (i.space, i.start, i.count));
        let named = decisive.filter(|item| item.is_named());
        // Of few commands it is one, and a label is long.
        if named.is_some() || !told.tag.is_empty() {
            told.tag = Label::of(named.copied());
        }
        (told.denied, told.observed, told.rule) = (denied, self.grant.observe, rule);
        told.set_payload(pdu);
    }
}

/// A request goes on to the asset.
#[inline(always)]
fn send_on(protocol: Protocol, said: &mut Said<'_>, pdu: &[u8]) {
    said.dialog.note(protocol, Direction::ToServer, pdu);
    if let Some(key) = protocol.key(pdu).filter(|key| key.answered) {
        said.pending.push(key);
    }
}

#[inline(always)]
fn response_passes(protocol: Protocol, said: &mut Said<'_>, pdu: &[u8]) -> Option<()> {
    let answers = said.dialog.pairs() && !said.dialog.is_unasked(protocol, pdu);
    let key = protocol.key(pdu).filter(|_| answers && protocol.completes(pdu))?;
    protocol.response(pdu).ok()?;
    // The last question, for it takes the request out.
    said.pending.take(key).then(|| said.dialog.note(protocol, Direction::ToClient, pdu))
}

/// What a command is about: the item that decides its class, or the first.
fn decisive_of_few<'c, 'a>(few: &'c [Option<Item<'a>>; 2], class: Class) -> Option<&'c Item<'a>> {
    few.iter().flatten().find(|item| item.class == class).or(few[0].as_ref())
}

/// The same of many.
#[inline(never)]
fn decisive_of_many<'a>(mut items: Items<'a>, class: Class) -> Option<Item<'a>> {
    let first = items.next()?;
    if first.class == class {
        return Some(first);
    }
    Some(items.find(|item| item.class == class).unwrap_or(first))
}
