//! TCP: the connection as the gate has seen it (RFC 9293).
//!
//! ```text
//!            SYN             SYN+ACK           ACK               FIN both ways
//! (no flow) -----> Opening ---------> Opened -----> Established ---------------> Closing
//!                     \___________________\_____________\_____ RST, exact ______> Closed
//! ```
//!
//! [`Connection::place`] only looks, [`Connection::accept`] only notes: what is refused in between
//! leaves no trace.

use wicketgate_dissectors::Direction;
use wicketgate_packet::parse::{Segment, flags};

use crate::verdict::Reason;

/// How far from the expected byte a segment may lie, ahead or behind: the largest window that
/// scaling allows (RFC 7323 section 2.3).
const REACH: u32 = 1 << 30;

/// How far an acknowledgement may lag behind the latest one. RFC 5961 section 5 takes the largest
/// window the peer has offered; this is more than any control connection offers, and a straggler
/// beyond it says nothing new.
const ACK_LAG: u32 = 1 << 20;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// A SYN was seen.
    #[default]
    Opening,
    /// It was answered.
    Opened,
    /// The handshake is complete.
    Established,
    /// Both ends have said FIN.
    Closing,
    /// One end has said RST.
    Closed,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    /// Its initial sequence number.
    isn: u32,
    /// The next sequence number that it has not used.
    next: u32,
    /// How far the other end has acknowledged.
    acked: u32,
    /// Whether it has said FIN.
    fin: bool,
}

/// A connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connection {
    phase: Phase,
    halves: [Half; 2],
}

/// Where a segment's payload lies among the bytes that its sender has sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing new: no payload, or all of it was sent before.
    Old {
        /// How many bytes before the next one it begins.
        behind: usize,
    },
    /// All but the first `skip` bytes are new and next in line.
    Next {
        /// Bytes sent before.
        skip: usize,
    },
    /// It begins after a byte that was not seen yet.
    Ahead,
}

impl Connection {
    /// A connection that this SYN opens.
    pub fn open(syn: &Segment) -> Connection {
        let isn = syn.seq;
        let client = Half { isn, next: isn.wrapping_add(1), acked: isn, fin: false };
        Connection { phase: Phase::Opening, halves: [client, Half::default()] }
    }

    /// Where the connection stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether a client's SYN starts anew what was never answered.
    pub fn is_reopened_by(&self, syn: &Segment) -> bool {
        self.phase == Phase::Opening && syn.seq != self.half(Direction::ToServer).isn
    }

    /// The next sequence number that the sender in `direction` has not used.
    pub fn next(&self, direction: Direction) -> u32 {
        self.half(direction).next
    }

    /// How far the other end has acknowledged what the sender in `direction` has sent.
    pub fn acked(&self, direction: Direction) -> u32 {
        self.half(direction).acked
    }

    /// Whether the sender in `direction` has `seq` unacknowledged in flight (for quotes in ICMP
    /// errors, RFC 5927 section 4.1).
    pub fn in_flight(&self, direction: Direction, seq: u32) -> bool {
        let half = self.half(direction);
        seq.wrapping_sub(half.acked) < half.next.wrapping_sub(half.acked)
    }

    /// Whether it resets with the number of its sender's own FIN. A host that has closed says so of bytes
    /// that were on their way when the FIN was: to it the FIN is not acknowledged. Linux takes that for
    /// exact, others answer (RFC 5961 section 3): it means what its receiver makes of it.
    pub fn is_reset_at_fin(&self, from: Direction, segment: &Segment) -> bool {
        let own = self.half(from);
        let at_fin = own.fin && segment.seq == own.next.wrapping_sub(1);
        at_fin && segment.flags & flags::RST != 0 && self.phase != Phase::Closed
    }

    /// Where a segment with `len` bytes of payload belongs.
    ///
    /// # Errors
    /// It belongs nowhere: [`Reason::SynData`], [`Reason::SynOnOpen`], [`Reason::HalfOpen`],
    /// [`Reason::BadSegment`], [`Reason::AfterReset`].
    pub fn place(&self, from: Direction, segment: &Segment, len: usize) -> Result<Place, Reason> {
        if self.phase == Phase::Closed {
            return Err(Reason::AfterReset);
        }
        if segment.flags & flags::SYN != 0 {
            return self.place_syn(from, segment, len);
        }
        if self.phase == Phase::Opening {
            return self.place_opening(from, segment);
        }
        let (own, other) = (self.half(from), self.half(from.reverse()));
        if segment.flags & flags::RST != 0 {
            // RFC 5961 section 3: only the exact number resets.
            return fits(segment.seq == own.next, Place::Old { behind: 0 });
        }
        // RFC 5961 section 5: nobody acknowledges what was not sent.
        fits(other.next.wrapping_sub(segment.ack) < REACH, ())?;
        fits(segment.ack.wrapping_add(ACK_LAG).wrapping_sub(other.acked) < REACH, ())?;
        let behind = own.next.wrapping_sub(segment.seq);
        if behind >= REACH {
            return fits(segment.seq.wrapping_sub(own.next) < REACH, Place::Ahead);
        }
        let skip = (behind as usize).saturating_sub(usize::from(own.fin));
        if len <= skip {
            // Nothing comes after a FIN: one before the last byte would hide the rest.
            let early = segment.flags & flags::FIN != 0 && len < skip;
            return fits(!early, Place::Old { behind: skip });
        }
        fits(!own.fin, Place::Next { skip })
    }

    /// A SYN after the first one is that one again, or its answer (RFC 9293 section 3.10.7.4); or its
    /// sender has started anew and knows of no connection.
    fn place_syn(&self, from: Direction, segment: &Segment, len: usize) -> Result<Place, Reason> {
        if len != 0 {
            return Err(Reason::SynData);
        }
        let (own, other) = (self.half(from), self.half(from.reverse()));
        let answer = segment.flags & flags::ACK != 0;
        let again = segment.seq == own.isn;
        if from == Direction::ToServer && !answer && !again && self.phase > Phase::Opening {
            return Err(Reason::SynOnOpen);
        }
        let holds = match from {
            Direction::ToServer => !answer && again,
            Direction::ToClient => {
                let acks = segment.ack == other.isn.wrapping_add(1);
                answer && acks && (self.phase == Phase::Opening || again)
            }
        };
        fits(holds, Place::Old { behind: 0 })
    }

    /// Before the answer there can only be a reset: by the client with its next number, by the
    /// server acknowledging the SYN. A server that acknowledges something else still holds an older
    /// connection of these ports, and has asked who wants another (RFC 5961 section 4).
    fn place_opening(&self, from: Direction, segment: &Segment) -> Result<Place, Reason> {
        let client = self.half(Direction::ToServer);
        let reset = segment.flags & flags::RST != 0;
        let acks = segment.flags & flags::ACK != 0;
        if from == Direction::ToClient && !reset && acks && segment.ack != client.next {
            return Err(Reason::HalfOpen);
        }
        let exact = match from {
            Direction::ToServer => segment.seq == client.next,
            Direction::ToClient => acks && segment.ack == client.next,
        };
        fits(reset && exact, Place::Old { behind: 0 })
    }

    /// Notes a segment that [`place`](Self::place) accepted.
    pub fn accept(&mut self, from: Direction, segment: &Segment, len: usize) {
        if segment.flags & flags::RST != 0 {
            self.phase = Phase::Closed;
            return;
        }
        if segment.flags & flags::SYN != 0 {
            return self.accept_syn(from, segment);
        }
        let fin = segment.flags & flags::FIN != 0;
        let own = self.half_mut(from);
        let end = segment.seq.wrapping_add(len as u32).wrapping_add(u32::from(fin));
        if end.wrapping_sub(own.next) < REACH {
            own.next = end;
            own.fin |= fin;
        }
        self.accept_ack(from, segment.ack);
        self.advance(from);
    }

    /// Notes how far the sender in `from` has come and what it has acknowledged, both in the numbers of
    /// who sent those bytes. For connections whose segments somebody else places.
    #[inline]
    pub(crate) fn follow(&mut self, from: Direction, next: u32, acked: u32, fin: bool) {
        let own = self.half_mut(from);
        (own.next, own.fin) = (next, fin);
        self.half_mut(from.reverse()).acked = acked;
        self.advance(from);
    }

    /// Notes the next segment in line of an established connection, whose acknowledgement does not go back, with
    /// `len` bytes of payload. False, with nothing noted, where it is not that: [`place`](Self::place) knows what it
    /// is.
    #[inline(always)]
    pub(crate) fn accept_next(&mut self, from: Direction, seq: u32, ack: u32, len: u32) -> bool {
        let other = *self.half(from.reverse());
        let own = self.half_mut(from);
        let sent = other.next.wrapping_sub(other.acked);
        let in_line = seq == own.next && !own.fin;
        // Who has said much that nobody acknowledges is held against what may be as far behind, too.
        if !in_line || sent >= REACH - ACK_LAG || ack.wrapping_sub(other.acked) > sent {
            return false;
        }
        own.next = seq.wrapping_add(len);
        self.half_mut(from.reverse()).acked = ack;
        true
    }

    /// [Follows](Self::follow) an established connection whose sender in `from` has not said FIN.
    #[inline(always)]
    pub(crate) fn follow_next(&mut self, from: Direction, next: u32, acked: u32) {
        self.half_mut(from).next = next;
        self.half_mut(from.reverse()).acked = acked;
    }

    fn accept_syn(&mut self, from: Direction, segment: &Segment) {
        if from == Direction::ToClient && self.phase == Phase::Opening {
            let isn = segment.seq;
            *self.half_mut(from) = Half { isn, next: isn.wrapping_add(1), acked: isn, fin: false };
            self.phase = Phase::Opened;
            self.accept_ack(from, segment.ack);
        }
    }

    fn accept_ack(&mut self, from: Direction, ack: u32) {
        let other = self.half_mut(from.reverse());
        if ack.wrapping_sub(other.acked) < REACH {
            other.acked = ack;
        }
    }

    fn advance(&mut self, from: Direction) {
        if self.phase == Phase::Opened && from == Direction::ToServer {
            self.phase = Phase::Established;
        }
        if self.phase < Phase::Closing && self.halves.iter().all(|half| half.fin) {
            self.phase = Phase::Closing;
        }
    }

    fn half(&self, direction: Direction) -> &Half {
        let [client, server] = &self.halves;
        match direction {
            Direction::ToServer => client,
            Direction::ToClient => server,
        }
    }

    fn half_mut(&mut self, direction: Direction) -> &mut Half {
        let [client, server] = &mut self.halves;
        match direction {
            Direction::ToServer => client,
            Direction::ToClient => server,
        }
    }
}

fn fits<T>(holds: bool, then: T) -> Result<T, Reason> {
    if holds { Ok(then) } else { Err(Reason::BadSegment) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    fn segment(seq: u32, ack: u32, flags: u8) -> Segment {
        Segment { src: 1, dst: 2, seq, ack, flags, window: 1000 }
    }

    /// Client numbers begin at 101, the server's at 501.
    fn established() -> Connection {
        let mut tcp = Connection::open(&segment(100, 0, flags::SYN));
        tcp.accept(ToClient, &segment(500, 101, flags::SYN | flags::ACK), 0);
        tcp.accept(ToServer, &segment(101, 501, flags::ACK), 0);
        assert_eq!(tcp.phase(), Phase::Established);
        tcp
    }

    #[test]
    fn the_next_at_one_look_is_never_one_that_has_no_place() {
        let mut tcp = established();
        // A leap, and a byte behind it: more than can be told from numbers that went round is not acknowledged.
        let leap = segment(101 + REACH - 2, 501, flags::ACK);
        assert_eq!(tcp.place(ToServer, &leap, 1), Ok(Place::Ahead));
        tcp.accept(ToServer, &leap, 1);
        assert!(!tcp.clone().accept_next(ToServer, 102, 501, 1), "not the next");
        let next = 101 + REACH - 1;
        tcp.accept(ToServer, &segment(next, 501, flags::ACK), 1);
        let answer = segment(501, 101, flags::ACK);
        assert_eq!(tcp.place(ToClient, &answer, 1), Err(Reason::BadSegment));
        assert!(!tcp.accept_next(ToClient, 501, 101, 1));
    }

    #[test]
    fn places_segments_by_the_next_byte() {
        let mut tcp = established();
        let data = |seq| segment(seq, 501, flags::ACK);
        assert_eq!(tcp.place(ToServer, &data(101), 10), Ok(Place::Next { skip: 0 }));
        tcp.accept(ToServer, &data(101), 10);
        assert_eq!(tcp.place(ToServer, &data(101), 10), Ok(Place::Old { behind: 10 }));
        assert_eq!(tcp.place(ToServer, &data(105), 10), Ok(Place::Next { skip: 6 }));
        assert_eq!(tcp.place(ToServer, &data(112), 1), Ok(Place::Ahead));
        assert_eq!(tcp.place(ToServer, &data(110), 0), Ok(Place::Old { behind: 1 }), "keep-alive");
        assert_eq!(tcp.place(ToServer, &data(111 + REACH), 1), Err(Reason::BadSegment));
    }

    #[test]
    fn only_the_exact_reset_resets() {
        let mut tcp = established();
        for seq in [100, 102, 5000] {
            assert_eq!(
                tcp.place(ToServer, &segment(seq, 0, flags::RST), 0),
                Err(Reason::BadSegment)
            );
        }
        let exact = segment(101, 0, flags::RST);
        assert_eq!(tcp.place(ToServer, &exact, 0), Ok(Place::Old { behind: 0 }));
        tcp.accept(ToServer, &exact, 0);
        assert_eq!(tcp.phase(), Phase::Closed);
    }

    /// Found by iperf3, whose server closes while much is on its way to it.
    #[test]
    fn a_reset_at_the_fin_is_known_and_resets_nothing() {
        let mut tcp = established();
        let reset = segment(501, 0, flags::RST);
        assert!(!tcp.is_reset_at_fin(ToClient, &reset), "no FIN yet");
        tcp.accept(ToClient, &segment(501, 101, flags::ACK | flags::FIN), 0);
        assert!(tcp.is_reset_at_fin(ToClient, &reset));
        assert!(!tcp.is_reset_at_fin(ToClient, &segment(501, 101, flags::ACK)), "no reset");
        assert!(!tcp.is_reset_at_fin(ToServer, &segment(101, 0, flags::RST)), "the other's FIN");
        for other in [500, 502] {
            assert!(!tcp.is_reset_at_fin(ToClient, &segment(other, 0, flags::RST)));
        }
        assert_eq!(tcp.place(ToClient, &reset, 0), Err(Reason::BadSegment));
        tcp.accept(ToClient, &segment(502, 101, flags::RST), 0);
        assert!(!tcp.is_reset_at_fin(ToClient, &reset), "it is over");
    }

    #[test]
    fn acked_is_what_the_other_end_has_said() {
        let mut tcp = established();
        tcp.accept(ToServer, &segment(101, 501, flags::ACK), 10);
        assert_eq!((tcp.acked(ToServer), tcp.next(ToServer)), (101, 111));
        tcp.accept(ToClient, &segment(501, 106, flags::ACK), 0);
        assert_eq!(tcp.acked(ToServer), 106);
    }

    #[test]
    fn acknowledging_the_unsent_is_refused() {
        let tcp = established();
        assert_eq!(tcp.place(ToServer, &segment(101, 502, flags::ACK), 4), Err(Reason::BadSegment));
    }

    #[test]
    fn acknowledging_the_distant_past_is_refused() {
        let tcp = established();
        let straggler = |lag: u32| segment(101, 501u32.wrapping_sub(lag), flags::ACK);
        assert!(tcp.place(ToServer, &straggler(1000), 4).is_ok());
        assert_eq!(tcp.place(ToServer, &straggler(1 << 21), 4), Err(Reason::BadSegment));
        assert_eq!(tcp.place(ToServer, &straggler(1 << 29), 4), Err(Reason::BadSegment));
    }

    #[test]
    fn a_second_syn_must_be_the_first_again() {
        let tcp = established();
        assert!(tcp.place(ToServer, &segment(100, 0, flags::SYN), 0).is_ok());
        assert_eq!(tcp.place(ToServer, &segment(9, 0, flags::SYN), 0), Err(Reason::SynOnOpen));
        let answer = flags::SYN | flags::ACK;
        assert!(tcp.place(ToClient, &segment(500, 101, answer), 0).is_ok());
        assert_eq!(tcp.place(ToClient, &segment(700, 101, answer), 0), Err(Reason::BadSegment));
        assert_eq!(tcp.place(ToServer, &segment(100, 0, flags::SYN), 3), Err(Reason::SynData));
    }

    #[test]
    fn no_data_before_the_answer_and_none_after_fin() {
        let opening = Connection::open(&segment(100, 0, flags::SYN));
        assert_eq!(
            opening.place(ToServer, &segment(101, 7, flags::ACK), 5),
            Err(Reason::BadSegment)
        );
        let mut tcp = established();
        tcp.accept(ToServer, &segment(101, 501, flags::ACK | flags::FIN), 0);
        assert_eq!(tcp.place(ToServer, &segment(102, 501, flags::ACK), 5), Err(Reason::BadSegment));
        tcp.accept(ToClient, &segment(501, 102, flags::ACK | flags::FIN), 0);
        assert_eq!(tcp.phase(), Phase::Closing);
    }

    #[test]
    fn numbers_wrap() {
        let mut tcp = Connection::open(&segment(u32::MAX - 1, 0, flags::SYN));
        tcp.accept(ToClient, &segment(u32::MAX, u32::MAX, flags::SYN | flags::ACK), 0);
        tcp.accept(ToServer, &segment(u32::MAX, 0, flags::ACK), 10);
        assert_eq!(tcp.next(ToServer), 9);
        assert_eq!(
            tcp.place(ToServer, &segment(4, 0, flags::ACK), 10),
            Ok(Place::Next { skip: 5 })
        );
    }

    #[test]
    fn in_flight_is_what_is_sent_and_not_acknowledged() {
        let mut tcp = established();
        tcp.accept(ToServer, &segment(101, 501, flags::ACK), 10);
        assert!(tcp.in_flight(ToServer, 101) && tcp.in_flight(ToServer, 110));
        assert!(!tcp.in_flight(ToServer, 111) && !tcp.in_flight(ToServer, 100));
        tcp.accept(ToClient, &segment(501, 111, flags::ACK), 0);
        assert!(!tcp.in_flight(ToServer, 110));
    }
}
