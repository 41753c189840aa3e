//! Packets, both ways.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::time::Instant;
use wicketgate_packet::wire::{Ethernet, Ipv4};
use wicketgate_ports::tunnel::{QueuePair, tunnel_of};

use super::directory::{Counters, Tunnel};
use super::{Host, Shared};
use crate::carrier::TooLong;
use crate::end::End;
use crate::packet::{self, Unfit};

/// Packets moved in a row before others have a turn.
const BURST: u32 = 64;

/// Spoofed packets of a tunnel are told at once, and then at most as often.
const SPOOFED: Duration = Duration::from_secs(10);

/// Takes a user's packets into the gate, as long as the connection lasts.
pub(super) async fn collect<H: Host>(tunnel: Arc<Tunnel>, shared: Arc<Shared<H>>) -> End {
    let mut alarm = Alarm::default();
    let mut row = 0;
    loop {
        let frame = match tunnel.carrier.packet().await {
            Ok(frame) => frame,
            Err(end) => return end,
        };
        match packet::received(&frame, tunnel.address, tunnel.mtu) {
            Ok(packet) => admit(packet, &tunnel, &shared.pairs),
            Err(Unfit::Spoofed(source)) => {
                Counters::count(&shared.counters.spoofed);
                alarm.count(source);
            }
            Err(Unfit::Malformed | Unfit::TooLong(_)) => Counters::count(&shared.counters.unfit),
        }
        if let Some((source, packets)) = alarm.due() {
            shared.host.spoofed(tunnel.sender.tunnel, source, packets).await;
        }
        row += 1;
        if row == BURST {
            row = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// Puts a packet into a worker's ring: the same worker for one destination, so that a flow keeps its order.
/// Where that is not the asset's owner it hands the frame on.
fn admit(packet: &[u8], tunnel: &Tunnel, pairs: &[Arc<QueuePair>]) {
    let Some(header) = Ipv4::at(packet, 0) else { return };
    let at = u32::from_be_bytes(header.dst) as usize % pairs.len().max(1);
    if let Some(pair) = pairs.get(at) {
        pair.put(tunnel.sender, packet);
        pair.ring_worker();
    }
}

/// Takes frames of a worker to their users, for as long as the thread lives.
///
/// # Errors
/// The doorbell cannot be listened to.
pub(super) fn deliver<H: Host>(
    pair: Arc<QueuePair>,
    shared: Arc<Shared<H>>,
) -> io::Result<impl Future<Output = ()>> {
    let bell = pipe::Receiver::from_owned_fd(pair.bell().as_fd().try_clone_to_owned()?)?;
    Ok(async move {
        loop {
            let mut row = 0;
            while row < BURST && pair.take(|frame| send(frame, &shared)) {
                row += 1;
            }
            if row == BURST {
                tokio::task::yield_now().await;
                continue;
            }
            pair.bell().doze();
            if pair.is_empty() {
                // Rung, or a pipe that broke: then the loop looks by itself.
                let _ = bell.readable().await;
                let _ = bell.try_read(&mut [0; 64]);
            }
            pair.bell().wake();
        }
    })
}

/// Sends a frame's packet to the user whose tunnel it names. A slow user loses the oldest.
fn send<H>(frame: &[u8], shared: &Shared<H>) {
    let Some(header) = Ethernet::at(frame, 0) else { return };
    let Some(tunnel) = tunnel_of(header.dst).and_then(|number| shared.directory.get(number)) else {
        return;
    };
    let packet = frame.get(Ethernet::LEN..).unwrap_or_default();
    match tunnel.carrier.send(packet) {
        Ok(overtaken) => Counters::add(&shared.counters.overtaken, overtaken),
        Err(TooLong) => Counters::count(&shared.counters.unfit),
    }
}

/// Spoofed packets that were not told yet.
#[derive(Debug, Default)]
struct Alarm {
    packets: u64,
    source: Option<Ipv4Addr>,
    told: Option<Instant>,
}

impl Alarm {
    fn count(&mut self, source: Ipv4Addr) {
        self.packets += 1;
        self.source = Some(source);
    }

    /// What is to be told now.
    fn due(&mut self) -> Option<(Ipv4Addr, u64)> {
        let source = self.source?;
        let now = Instant::now();
        if self.told.is_some_and(|told| now < told + SPOOFED) {
            return None;
        }
        self.told = Some(now);
        self.source = None;
        Some((source, std::mem::take(&mut self.packets)))
    }
}
