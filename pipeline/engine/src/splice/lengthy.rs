//! A request in several chunks, or one longer than its connection's own copy, on its way through.

use super::passage::Passage;
use crate::judge::Said;
use crate::stream::Stream;
use crate::verdict::Reason;

impl Passage<'_, '_> {
    /// Judges a request in several chunks, joined. One that its client has given up stays behind in any case.
    #[cold]
    pub(super) fn judge_chunks(&mut self, len: usize) {
        let protocol = self.judge.protocol;
        let mut room = core::mem::take(self.long.joined());
        let held = self.emitter.stream.lane(self.direction).held();
        let chunks = held.get(..len).unwrap_or(held);
        let joined = protocol.join(chunks, &mut room).ok().and_then(|len| room.get(..len));
        match joined.filter(|pdu| protocol.is_aborted(pdu)) {
            Some(_) => self.stay(len, len, Some(Reason::Aborted)),
            None => self.judge_pdu(len, len, joined),
        }
        *self.long.joined() = room;
    }

    /// A request for which there is no room gets a long copy; where there is none, or it would not fit that
    /// either, it is refused by the front of its first chunk, which is `len` bytes long.
    #[cold]
    pub(super) fn hold_long(&mut self, front: usize, len: usize) {
        let lane = self.emitter.stream.lane_mut(self.direction);
        let reason = match lane.is_long() {
            true => Reason::PduTooLong,
            false => match self.long.take(self.judge.essential) {
                Some(copy) => return lane.lengthen(copy),
                None => Reason::LongCopiesUsedUp,
            },
        };
        let Stream { requests, pending, dialog, operation, .. } = &mut *self.emitter.stream;
        let pdu = requests.held().get(..front).unwrap_or_default();
        let said = &mut Said { pending, dialog, operation };
        let flow = self.emitter.flow;
        let reason = self.judge.refuse_long(flow, said, pdu, reason, &mut self.found);
        self.found.refuse(0, reason);
        self.say_no(front, None, reason);
        self.stay(front, len, Some(reason));
    }

    /// The long copy goes back once nothing needs it any more.
    pub(super) fn give_back_long(&mut self) {
        let copy = self.emitter.stream.requests.shorten();
        copy.into_iter().for_each(|copy| self.long.give_back(copy));
    }
}
