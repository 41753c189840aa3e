//! smoltcp as a [`Stack`].

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use wicketgate_packet::Time;
use wicketgate_tests::frame::flag;
use wicketgate_tests::gate::START;

use crate::segment;
use crate::stack::{Setup, Stack, State};

/// Headers of IPv4 and TCP without options: an IPv4 packet is this much longer than its segment.
const HEADERS: usize = 40;

thread_local! {
    /// Virtual milliseconds, for timestamps: smoltcp asks a bare function for them.
    static MILLIS: Cell<u32> = const { Cell::new(0) };
}

/// One host with one socket.
pub struct Smol {
    interface: Interface,
    device: Queues,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    sequence: Sequence,
    /// The packet with the latest acknowledgement that has arrived.
    last: Vec<u8>,
    /// How far it has sent, and acknowledged.
    sent: (u32, u32),
}

/// smoltcp chooses its initial sequence number by itself. The scenario wants another, near the wrap for
/// instance, so all numbers of this end are shifted on their way out and back in.
struct Sequence {
    initial: u32,
    shift: Option<u32>,
}

/// What has arrived and what is to be sent.
struct Queues {
    arrived: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
    mtu: usize,
}

impl Smol {
    /// A stack that connects, or listens.
    pub fn new(setup: &Setup, now: Time) -> Smol {
        let mut device = Queues {
            arrived: VecDeque::new(),
            sent: VecDeque::new(),
            mtu: setup.segment + HEADERS,
        };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = u64::from(setup.sequence);
        let mut interface = Interface::new(config, &mut device, instant(now));
        let address = IpCidr::new(IpAddress::Ipv4(setup.address), 24);
        interface.update_ip_addrs(|addresses| addresses.push(address).unwrap());
        interface.routes_mut().add_default_ipv4_route(setup.address).unwrap();
        let mut socket = socket(setup);
        match setup.peer {
            Some(peer) => socket.connect(interface.context(), peer, setup.port).unwrap(),
            None => socket.listen(setup.port).unwrap(),
        }
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let socket = sockets.add(socket);
        let sequence = Sequence { initial: setup.sequence, shift: None };
        Smol { interface, device, sockets, socket, sequence, last: Vec::new(), sent: (0, 0) }
    }

    fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.socket)
    }

    fn poll(&mut self, now: Time) {
        self.interface.poll(instant(now), &mut self.device, &mut self.sockets);
    }

    /// Whether all that it owes is a FIN.
    fn owes_fin(&self) -> bool {
        let socket = self.sockets.get::<tcp::Socket<'static>>(self.socket);
        ENDING.contains(&socket.state()) && socket.send_queue() == 0
    }

    /// A packet has arrived.
    ///
    /// smoltcp stops its timer when an acknowledgement comes for the third time, and sends the first of its
    /// bytes again (RFC 5681 section 3.2); where all that it owes is a FIN it sends nothing, then or ever.
    /// So an acknowledgement that says nothing new does not reach it then. One of before the next byte asks
    /// whether this end is there, and does.
    fn receive(&mut self, packet: Vec<u8>) {
        let (ack, bare) = (segment::acknowledged(&packet), segment::is_bare(&packet));
        let (sent, told) = self.sent;
        if self.owes_fin() && bare && ack != sent && !is_before(segment::numbers(&packet).0, told) {
            return;
        }
        let opens = segment::numbers(&packet).1 & flag::SYN != 0;
        if !opens && (self.last.is_empty() || !is_before(ack, segment::acknowledged(&self.last))) {
            self.last.clone_from(&packet);
        }
        self.device.arrived.push_back(packet);
    }
}

/// States in which a FIN is sent and not acknowledged.
const ENDING: [tcp::State; 3] = [tcp::State::FinWait1, tcp::State::Closing, tcp::State::LastAck];

fn socket(setup: &Setup) -> tcp::Socket<'static> {
    let buffer = |len| tcp::SocketBuffer::new(vec![0; len]);
    let mut socket = tcp::Socket::new(buffer(setup.receive), buffer(setup.send));
    socket.set_nagle_enabled(setup.nagle);
    socket.set_ack_delay(setup.delayed_ack.map(Into::into));
    socket.set_keep_alive(setup.keep_alive.map(Into::into));
    if setup.timestamps {
        socket.set_tsval_generator(Some(|| MILLIS.get()));
    }
    socket
}

impl Stack for Smol {
    fn turn(&mut self, now: Time, arrived: &mut VecDeque<Vec<u8>>, sent: &mut VecDeque<Vec<u8>>) {
        MILLIS.set(now.since(START).as_millis() as u32);
        for mut packet in arrived.drain(..) {
            self.sequence.inwards(&mut packet);
            self.receive(packet);
            if ENDING.contains(&self.sockets.get::<tcp::Socket<'static>>(self.socket).state()) {
                // What comes next depends on what this one said.
                self.poll(now);
            }
        }
        self.poll(now);
        for mut packet in self.device.sent.drain(..) {
            self.sent = (segment::end(&packet), segment::acknowledged(&packet));
            self.sequence.outwards(&mut packet);
            sent.push_back(packet);
        }
    }

    fn due(&mut self, now: Time) -> Time {
        match self.interface.poll_at(instant(now), &self.sockets) {
            // Its clock counts microseconds; a timer of the past runs out now.
            Some(at) => time(at).max(now),
            None => Time::NEVER,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        self.socket().send_slice(bytes).unwrap_or(0)
    }

    fn read(&mut self, into: &mut Vec<u8>) -> usize {
        let before = into.len();
        let take = |bytes: &mut [u8]| {
            into.extend_from_slice(bytes);
            (bytes.len(), bytes.len())
        };
        let socket = self.sockets.get_mut::<tcp::Socket<'static>>(self.socket);
        let mut take = take;
        while socket.can_recv() && socket.recv(&mut take).unwrap_or(0) > 0 {}
        into.len() - before
    }

    fn close(&mut self) {
        self.socket().close();
    }

    fn owes(&self) -> bool {
        let socket = self.sockets.get::<tcp::Socket<'static>>(self.socket);
        socket.send_queue() > 0 || ENDING.contains(&socket.state())
    }

    /// smoltcp loses its timer when a window closes and opens while bytes are under way. Three
    /// acknowledgements that say nothing new have it send again (RFC 5681 section 3.2); one with another
    /// window before them has it count from none.
    fn nudge(&mut self) {
        if !self.last.is_empty() {
            let again = [false, true, true, true, true];
            let next = self.sent.1;
            let again = again.map(|same| segment::bare_acknowledgement(&self.last, next, same));
            self.device.arrived.extend(again);
        }
    }

    fn state(&self) -> State {
        match self.sockets.get::<tcp::Socket<'static>>(self.socket).state() {
            tcp::State::Listen | tcp::State::SynSent | tcp::State::SynReceived => State::Opening,
            tcp::State::Established => State::Open,
            tcp::State::CloseWait => State::Ended,
            tcp::State::FinWait1
            | tcp::State::FinWait2
            | tcp::State::Closing
            | tcp::State::LastAck => State::Closing,
            tcp::State::TimeWait => State::Waiting,
            tcp::State::Closed => State::Closed,
        }
    }
}

impl Sequence {
    fn outwards(&mut self, packet: &mut [u8]) {
        let (seq, flags) = segment::numbers(packet);
        if self.shift.is_none() && flags & flag::SYN != 0 {
            self.shift = Some(self.initial.wrapping_sub(seq));
        }
        segment::shift_sequence(packet, self.shift.unwrap_or(0));
    }

    /// Packets that no stack would read are left for it to refuse.
    fn inwards(&self, packet: &mut [u8]) {
        let Some(shift) = self.shift else { return };
        if segment::numbers(packet).1 & flag::ACK != 0 {
            segment::shift_acknowledgement(packet, shift);
        }
    }
}

/// Whether a sequence number comes before another (RFC 9293 section 3.4).
fn is_before(number: u32, other: u32) -> bool {
    (number.wrapping_sub(other) as i32) < 0
}

fn instant(time: Time) -> Instant {
    Instant::from_micros(time.since(START).as_micros() as i64)
}

/// Microseconds are rounded up by what [`instant`] rounds down: virtual times are whole ones.
fn time(instant: Instant) -> Time {
    START + Duration::from_micros(instant.total_micros().max(0) as u64)
}

impl Device for Queues {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Leaving<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Arrived, Leaving<'_>)> {
        let packet = self.arrived.pop_front()?;
        Some((Arrived(packet), Leaving(&mut self.sent)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Leaving<'_>> {
        Some(Leaving(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

/// A packet that has arrived.
pub struct Arrived(Vec<u8>);

/// Where a packet to be sent goes.
pub struct Leaving<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl phy::TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut packet = vec![0; len];
        let result = write(&mut packet);
        self.0.push_back(packet);
        result
    }
}
