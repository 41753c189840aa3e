//! What workers have counted, told while they work.
//!
//! A worker allocates nothing and is not to be held up: it is asked only when somebody looks, and tells
//! one piece a turn, of which the longest takes the time of some frames. Control puts them together.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;
use hdrhistogram::Histogram;
use wicketgate_engine::tables::Cycle;
use wicketgate_engine::{Counters, Tables};
use wicketgate_packet::PortId;
use wicketgate_worker::{AssetLatency, Latency};
use wicketgate_xdp::{Queue, Statistics};

use super::data::Shared;
use crate::api::reply::{self, Percentiles};
use crate::timing::{self, percentiles};

/// Pieces that wait for control at most; while there is no room the worker tells none.
const PIECES: usize = 64;

/// One thing that a worker has to tell.
#[expect(
    clippy::large_enum_variant,
    reason = "slots of a ring have one size, and a box is an allocation"
)]
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// And nanoseconds in turns that had a frame.
    Counters(Counters, u64),
    All(Percentiles),
    /// The machine's own floor.
    Floor(Percentiles),
    Asset(Spent),
    Socket(PortId, Queue, Statistics),
    /// There is no more.
    End,
}

/// The gate's own time on the frames of one asset, and what its cycle leaves it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    overlay: Ipv4Addr,
    latency: Percentiles,
    cycle: Option<Cycle>,
    over_budget: u64,
}

/// Where control asks and a worker tells.
#[derive(Debug)]
pub(super) struct StatsDesk {
    asked: AtomicBool,
    pieces: ArrayQueue<Piece>,
}

impl StatsDesk {
    pub(super) fn new() -> StatsDesk {
        StatsDesk { asked: AtomicBool::new(false), pieces: ArrayQueue::new(PIECES) }
    }

    /// Has the worker tell, from its next turn on.
    fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }
}

/// Where a worker is in telling; it tells nothing at first.
#[derive(Debug, Default)]
pub(super) struct Teller(Option<usize>);

impl Teller {
    /// Tells one piece, if there is something to tell and room for it; true while there is more.
    pub(super) fn tell(
        &mut self,
        desk: &StatsDesk,
        counts: impl FnOnce() -> (Counters, u64),
        latency: &Latency,
        floor: &Histogram<u64>,
        socket: impl FnOnce(usize) -> Option<(PortId, Queue, Statistics)>,
    ) -> bool {
        // Read first: a locked instruction a turn would cost more than the answer.
        if desk.asked.load(Ordering::Relaxed) {
            desk.asked.store(false, Ordering::Relaxed);
            self.0 = Some(0);
        }
        let Some(at) = self.0 else { return false };
        if desk.pieces.is_full() {
            return true;
        }
        let piece = match at {
            0 => {
                let (counters, busy) = counts();
                Piece::Counters(counters, busy)
            }
            1 => Piece::All(percentiles(latency.all())),
            2 => Piece::Floor(percentiles(floor)),
            _ => match latency.assets().get(at - 3) {
                Some(latency) => asset(latency),
                None => socket(at - 3 - latency.assets().len()).map_or(Piece::End, of_socket),
            },
        };
        self.0 = if matches!(piece, Piece::End) { None } else { Some(at + 1) };
        // This thread alone pushes, and there was room.
        let _ = desk.pieces.push(piece);
        self.0.is_some()
    }
}

fn asset(asset: &AssetLatency) -> Piece {
    let (latency, over_budget) = (percentiles(&asset.nanos), asset.over_budget());
    Piece::Asset(Spent { overlay: asset.overlay, latency, cycle: asset.cycle, over_budget })
}

fn of_socket((port, queue, statistics): (PortId, Queue, Statistics)) -> Piece {
    Piece::Socket(port, queue, statistics)
}

/// What all workers tell, put together.
pub(super) struct Gathering {
    shared: Vec<Arc<Shared>>,
    told: Vec<Told>,
}

#[derive(Clone, Debug, Default)]
struct Told {
    counters: Counters,
    busy: u64,
    latency: Percentiles,
    floor: Percentiles,
    assets: Vec<Spent>,
    sockets: Vec<(PortId, Queue, Statistics)>,
    /// It has begun to tell; what comes before is the rest of an earlier answer.
    begun: bool,
    whole: bool,
}

impl Gathering {
    /// Asks all workers.
    pub(super) fn begin(shared: &[Arc<Shared>]) -> Gathering {
        for worker in shared {
            // What was told to nobody, when an earlier gathering was given up.
            while worker.stats.pieces.pop().is_some() {}
            worker.stats.ask();
        }
        Gathering { shared: shared.to_vec(), told: vec![Told::default(); shared.len()] }
    }

    /// Takes what there is; true once every worker has told all.
    pub(super) fn gather(&mut self) -> bool {
        for (worker, told) in self.shared.iter().zip(&mut self.told) {
            while let Some(piece) = worker.stats.pieces.pop() {
                told.take(piece);
            }
        }
        self.told.iter().all(|told| told.whole)
    }

    /// What was told; `tables` name the assets.
    pub(super) fn figures(self, tables: Option<&Tables>) -> reply::Stats {
        let mut counters = Counters::default();
        self.told.iter().for_each(|told| counters.add(&told.counters));
        let name = |overlay: Ipv4Addr| {
            let found = tables?.assets().iter().find(|asset| asset.overlay == overlay)?;
            Some(found.name.to_string())
        };
        let sockets = self.told.iter().flat_map(|told| &told.sockets);
        let line = |(worker, spent): (u32, &Spent)| {
            let asset = name(spent.overlay).unwrap_or_else(|| spent.overlay.to_string());
            let Spent { latency, cycle, over_budget, .. } = *spent;
            timing::asset(asset, worker, latency, cycle, over_budget)
        };
        let assets = (0..).zip(&self.told).flat_map(|(worker, told)| {
            told.assets.iter().filter(|spent| spent.latency.frames > 0).map(move |it| (worker, it))
        });
        reply::Stats {
            forwarded: counters.forwarded,
            answered: counters.answered,
            commands: counters.commands,
            denied: counters.denied,
            reasons: counters.reasons().map(|(why, n)| (why.code().to_owned(), n)).collect(),
            workers: self.told.iter().zip(&self.shared).map(|(told, of)| told.line(of)).collect(),
            sockets: sockets.map(|socket| line_of(tables, socket)).collect(),
            assets: assets.map(line).collect(),
            ..reply::Stats::default()
        }
    }
}

fn line_of(
    tables: Option<&Tables>,
    (port, queue, counts): &(PortId, Queue, Statistics),
) -> reply::Socket {
    let named = tables.and_then(|tables| tables.port(*port));
    let Statistics { rx_dropped, rx_ring_full, fill_ring_empty, rx_invalid, tx_invalid, .. } =
        *counts;
    reply::Socket {
        port: named.map_or_else(|| port.0.to_string(), |port| port.name.to_string()),
        queue: queue.number,
        rx_dropped,
        rx_ring_full,
        fill_ring_empty,
        rx_invalid,
        tx_invalid,
    }
}

impl Told {
    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Counters(counters, busy) => {
                *self = Told { counters, busy, begun: true, ..Told::default() };
            }
            _ if !self.begun => {}
            Piece::All(latency) => self.latency = latency,
            Piece::Floor(floor) => self.floor = floor,
            Piece::Asset(spent) => self.assets.push(spent),
            Piece::Socket(port, queue, counts) => self.sockets.push((port, queue, counts)),
            Piece::End => self.whole = true,
        }
    }

    fn line(&self, shared: &Shared) -> reply::Worker {
        let Counters { forwarded, answered, kept, commands, denied, .. } = self.counters;
        let frames = self.counters.frames();
        let (waiting, room) = shared.events_waiting();
        reply::Worker {
            whole: self.whole,
            frames,
            forwarded,
            kept,
            answered,
            // A frame that was answered was refused, with a reason.
            refused: frames.saturating_sub(forwarded + kept + answered),
            commands,
            denied,
            events_waiting: waiting as u64,
            events_room: room as u64,
            busy: self.busy,
            latency: self.latency,
            floor: self.floor,
        }
    }
}

#[cfg(test)]
mod tests {
    use wicketgate_engine::tables::{Port, Side};
    use wicketgate_engine::{TablesBuilder, WorkerId};

    use super::*;

    fn histogram(value: u64) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 1_000_000_000, 3).unwrap();
        histogram.saturating_record(value);
        histogram
    }

    /// A gate of one port and no asset has told this.
    fn nothing() -> Latency {
        let (name, side) = ("office".into(), Side::Overlay);
        let address = Ipv4Addr::new(10, 0, 0, 1);
        let mut tables = TablesBuilder::default();
        tables.add_port(Port { name, side, mac: [2; 6], address, mtu: 1500 });
        Latency::new(&tables.build(1).unwrap(), WorkerId(0))
    }

    fn tell_all(shared: &Shared, latency: &Latency) -> u32 {
        let mut teller = Teller::default();
        let counters = || {
            let mut counters = Counters::default();
            counters.forwarded = 7;
            (counters, 800)
        };
        let socket = |number: usize| {
            let statistics = Statistics { rx_dropped: 5, ..Statistics::default() };
            (number == 0).then_some((PortId(0), Queue { interface: 1, number: 3 }, statistics))
        };
        let floor = histogram(90);
        let tell =
            |teller: &mut Teller| teller.tell(&shared.stats, counters, latency, &floor, socket);
        (1..1000).find(|_| !tell(&mut teller)).unwrap()
    }

    #[test]
    fn a_worker_tells_once_it_is_asked_and_one_piece_a_turn() {
        let workers = Shared::among(2);
        let latency = nothing();
        assert_eq!(tell_all(&workers[0], &latency), 1, "nobody asked");
        let mut gathering = Gathering::begin(&workers);
        assert!(!gathering.gather());
        assert_eq!(tell_all(&workers[0], &latency), 5, "counters, latency, floor, a socket, end");
        assert!(!gathering.gather(), "the other has not told");
        tell_all(&workers[1], &latency);
        assert!(gathering.gather());
        let figures = gathering.figures(None);
        assert_eq!((figures.forwarded, figures.workers.len()), (14, 2));
        assert_eq!(figures.workers[0].busy, 800);
        let sockets = figures.sockets.iter().map(|it| (&*it.port, it.queue, it.rx_dropped));
        assert_eq!(sockets.collect::<Vec<_>>(), [("0", 3, 5); 2]);
        assert_eq!((figures.workers[1].floor.frames, figures.workers[1].floor.max), (1, 90));
    }

    #[test]
    fn the_rest_of_an_earlier_answer_is_none() {
        let workers = Shared::among(1);
        let latency = nothing();
        let mut gathering = Gathering::begin(&workers);
        workers[0].stats.pieces.push(Piece::End).unwrap();
        assert!(!gathering.gather(), "an end without a beginning");
        tell_all(&workers[0], &latency);
        assert!(gathering.gather());
        assert_eq!(gathering.figures(None).forwarded, 7);
    }
}
