//! Judge: every whole PDU of a flow, in order, each exactly once.
//!
//! Bytes of a refused PDU stay behind: the frame leaves cut before the first of them, or not at all. A
//! PDU that is not complete yet passes as far as it has come, for no device acts on a prefix, and its
//! last segment is the one that is held against it.

use wicketgate_dissectors::{
    Class, Command, Dialog, Direction, Framed, Item, Items, Protocol, Space,
};
use wicketgate_packet::Time;

use crate::event::{EventRing, Label, Standing, Totals};
use crate::flow::Flow;
use crate::stream::{RECENT, Stream};
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
    /// What follows is not the protocol: the flow is over.
    pub(crate) broken: bool,
}

impl Inspected {
    /// The first `keep` bytes of the payload may leave, and nothing was judged.
    pub(crate) fn keep(keep: usize) -> Inspected {
        Inspected { keep, ..Inspected::default() }
    }

    /// What the frame did, of which `bytes` left.
    pub(crate) fn totals(&self, bytes: u64) -> Totals {
        Totals {
            frames: u64::from(bytes != 0),
            bytes,
            commands: self.commands.into(),
            denied: self.denied.into(),
        }
    }

    /// Holds back everything from `at` on, unless something before it is held back already.
    fn refuse(&mut self, at: usize, reason: Reason) {
        if self.refused.is_none() {
            self.keep = at;
            self.refused = Some(reason);
        }
    }
}

/// What judging needs to know, besides the bytes.
pub(crate) struct Judge<'a> {
    /// When the frame came.
    pub(crate) now: Time,
    /// Whose it is.
    pub(crate) flow: &'a mut Flow,
    /// What that may do.
    pub(crate) grant: &'a Grant,
    /// What the endpoint speaks.
    pub(crate) protocol: Protocol,
    /// Whether the flow is a machine's with a conduit.
    pub(crate) essential: bool,
    /// Where verdicts are told.
    pub(crate) events: &'a mut EventRing,
}

impl Judge<'_> {
    /// Reads new bytes of a stream, all in line. The caller has dealt with repeated ones.
    pub(crate) fn stream(
        &mut self,
        stream: &mut Stream,
        direction: Direction,
        new: &[u8],
    ) -> Inspected {
        let mut found = Inspected::keep(new.len());
        let mut at = 0;
        // Each turn takes at least one byte, so there are at most as many turns as bytes.
        while let Some(rest) = new.get(at..).filter(|rest| !rest.is_empty()) {
            match self.next_pdu(stream, direction, at, rest, &mut found) {
                Ok(Some(taken)) => {
                    stream.recent(direction).partial = 0;
                    at += taken;
                }
                Ok(None) => {
                    stream.recent(direction).partial += rest.len();
                    break;
                }
                Err(reason) => {
                    // What was judged before it stands, and leaves if it may.
                    found.refuse(at, reason);
                    found.broken = true;
                    break;
                }
            }
        }
        stream.recent(direction).push(new);
        found
    }

    /// Reads a datagram: one PDU, whole, and nothing else.
    ///
    /// # Errors
    /// It is not that.
    pub(crate) fn datagram(
        &mut self,
        stream: &mut Stream,
        direction: Direction,
        payload: &[u8],
    ) -> Result<Inspected, Reason> {
        match self.protocol.frame(payload) {
            Ok(Framed::Whole(len)) if len.get() == payload.len() => {}
            _ => return Err(Reason::NotTheProtocol),
        }
        let mut found = Inspected::keep(payload.len());
        if let Some(reason) = self.pdu(stream, direction, payload, &mut found) {
            found.refuse(0, reason);
        }
        Ok(found)
    }

    /// Judges the PDU that `rest` completes; how many of its bytes lie in `rest`, or `None` where
    /// more must come.
    fn next_pdu(
        &mut self,
        stream: &mut Stream,
        direction: Direction,
        at: usize,
        rest: &[u8],
        found: &mut Inspected,
    ) -> Result<Option<usize>, Reason> {
        if stream.recent(direction).partial == 0 {
            return self.whole_pdu(stream, direction, at, rest, found);
        }
        let mut joined = [0; RECENT];
        let held = stream.recent(direction).copy_partial(&mut joined);
        let bytes = join(&mut joined, held, rest, self.protocol.max_pdu());
        let taken = self.whole_pdu(stream, direction, at, bytes, found)?;
        Ok(taken.map(|len| len.saturating_sub(held).max(1)))
    }

    /// Judges the PDU that `bytes` begin with; its length, or `None` where more must come.
    fn whole_pdu(
        &mut self,
        stream: &mut Stream,
        direction: Direction,
        at: usize,
        bytes: &[u8],
        found: &mut Inspected,
    ) -> Result<Option<usize>, Reason> {
        let len = match self.protocol.frame(bytes).map_err(|_| Reason::NotTheProtocol)? {
            Framed::Need(_) => return Ok(None),
            Framed::Whole(len) => len.get(),
        };
        let pdu = bytes.get(..len).ok_or(Reason::NotTheProtocol)?;
        if let Some(reason) = self.pdu(stream, direction, pdu, found) {
            found.refuse(at, reason);
        }
        Ok(Some(len))
    }

    /// Judges one whole PDU; why it may not pass.
    fn pdu(
        &mut self,
        stream: &mut Stream,
        direction: Direction,
        pdu: &[u8],
        found: &mut Inspected,
    ) -> Option<Reason> {
        let refused = match direction {
            Direction::ToServer => self.request(stream, pdu, found),
            Direction::ToClient => self.response(stream, pdu),
        };
        refused.filter(|_| !self.grant.observe)
    }

    fn request(
        &mut self,
        stream: &mut Stream,
        pdu: &[u8],
        found: &mut Inspected,
    ) -> Option<Reason> {
        let refused = self.judge(&stream.dialog, pdu);
        found.commands += 1;
        match refused.filter(|_| !self.grant.observe) {
            Some(_) => found.denied += 1,
            None => {
                stream.dialog.note(self.protocol, Direction::ToServer, pdu);
                if let Some(key) = self.protocol.key(pdu).filter(|key| key.answered) {
                    stream.pending.push(key);
                }
            }
        }
        refused
    }

    fn response(&self, stream: &mut Stream, pdu: &[u8]) -> Option<Reason> {
        let answers = self.protocol.key(pdu).is_some_and(|key| stream.pending.take(key));
        if self.protocol.response(pdu).is_err() {
            Some(Reason::MalformedResponse)
        } else if answers {
            stream.dialog.note(self.protocol, Direction::ToClient, pdu);
            None
        } else {
            Some(Reason::Unsolicited)
        }
    }

    /// The verdict on a request, told to the audit.
    fn judge(&mut self, dialog: &Dialog, pdu: &[u8]) -> Option<Reason> {
        let command = self.protocol.command(pdu);
        let (rule, denied) = match &command {
            Err(_) => (None, Some(Reason::MalformedCommand)),
            Ok(_) if dialog.permit(self.protocol, pdu).is_err() => (None, Some(Reason::NotOpened)),
            Ok(command) => match self.grant.matcher.judge(command, self.now) {
                Ok(rule) => (Some(rule), None),
                Err(denied) => (denied.nearest, Some(denied.reason)),
            },
        };
        let command = command.unwrap_or_else(|_| self.unreadable(pdu));
        if !self.events.has_room(self.standing(&command), 1) {
            self.events.count_lost();
            return Some(Reason::AuditFull);
        }
        self.tell(&command, rule, denied, pdu);
        denied
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

    fn standing(&self, command: &Command<'_>) -> Standing {
        match command.class {
            _ if !self.essential => Standing::People,
            Class::Read | Class::Discover | Class::Subscribe | Class::Session => {
                Standing::MachineRead
            }
            _ => Standing::MachineWrite,
        }
    }

    fn tell(
        &mut self,
        command: &Command<'_>,
        rule: Option<RuleId>,
        denied: Option<Reason>,
        pdu: &[u8],
    ) {
        let slot = self.events.next_slot();
        let Some(told) = slot.and_then(|slot| slot.command_of(self.now, self.flow)) else { return };
        told.endpoint = self.flow.endpoint;
        (told.protocol, told.class, told.name) = (command.protocol, command.class, command.name);
        (told.function, told.sub, told.unit) = (command.function, command.sub, command.unit);
        let decisive = decisive(command);
        told.object = decisive.map_or((Space::None, 0, 0), |i| (i.space, i.start, i.count));
        told.tag = Label::of(decisive.filter(|item| item.space == Space::Tag));
        (told.denied, told.observed, told.rule) = (denied, self.grant.observe, rule);
        told.set_payload(pdu);
    }
}

/// What a command is about: the item that decides its class, or the first.
fn decisive<'a>(command: &Command<'a>) -> Option<Item<'a>> {
    let mut items = command.items.clone();
    let first = items.next()?;
    if first.class == command.class {
        return Some(first);
    }
    Some(items.find(|item| item.class == command.class).unwrap_or(first))
}

/// Puts as much of `rest` behind the `held` bytes of `whole` as one PDU can be long.
fn join<'a>(whole: &'a mut [u8; RECENT], held: usize, rest: &[u8], longest: usize) -> &'a [u8] {
    let (_, room) = whole.split_at_mut(held);
    let more = rest.len().min(longest.saturating_sub(held)).min(room.len());
    for (to, from) in room.iter_mut().zip(rest).take(more) {
        *to = *from;
    }
    let (bytes, _) = whole.split_at(held + more);
    bytes
}
