//! The connections that a tap remembers.

use super::Map;
use super::connection::Connection;
use super::craft::Ends;
use super::ordinary::Pair;

/// Connections remembered; the oldest is forgotten first.
const CAPACITY: usize = 1 << 16;

/// By their ends, whichever of them sends: a capture has no two that differ in who asks alone.
pub(super) struct Connections<F> {
    places: Map<Pair, u32>,
    /// In the order in which they came, round and round.
    slab: Vec<Connection<F>>,
    /// The place of the next one; once all are taken, that of the oldest.
    next: usize,
}

impl<F> Connections<F> {
    pub(super) fn new() -> Connections<F> {
        Connections { places: Map::default(), slab: Vec::new(), next: 0 }
    }

    /// The connection between two ends.
    #[inline(always)]
    pub(super) fn between(&mut self, pair: &Pair) -> Option<&mut Connection<F>> {
        let place = *self.places.get(pair)?;
        self.slab.get_mut(place as usize)
    }

    /// That of a client and an asset.
    pub(super) fn get(&self, ends: &Ends) -> Option<&Connection<F>> {
        let place = *self.places.get(&Pair::of(ends))?;
        self.slab.get(place as usize).filter(|connection| connection.ends == *ends)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, ends: &Ends) -> Option<&mut Connection<F>> {
        self.between(&Pair::of(ends)).filter(|connection| connection.ends == *ends)
    }

    pub(super) fn contains(&self, ends: &Ends) -> bool {
        self.get(ends).is_some()
    }

    /// Remembers a connection that is not there; the oldest one, which makes room, comes out.
    pub(super) fn add(&mut self, ends: Ends) -> Option<Connection<F>> {
        let (place, connection) = (self.next, Connection::new(ends));
        self.next = (place + 1) % CAPACITY;
        let oldest = match self.slab.get_mut(place) {
            Some(oldest) => Some(std::mem::replace(oldest, connection)),
            None => {
                self.slab.push(connection);
                None
            }
        };
        if let Some(oldest) = &oldest {
            self.places.remove(&Pair::of(&oldest.ends));
        }
        self.places.insert(Pair::of(&ends), place as u32);
        oldest
    }

    /// All of them, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection<F>> {
        let (newer, older) = self.slab.split_at_checked(self.next).unwrap_or_default();
        older.iter().chain(newer)
    }
}
