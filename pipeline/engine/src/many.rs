//! Judges the nodes of one request, of which there may be thousands: what is the same for all of them is asked
//! once.

use wicketgate_dissectors::opcua::items::Nodes;
use wicketgate_dissectors::{Class, Command, Item};

use crate::matcher::{Allowed, Denied, Entry, Matcher, Moment};
use crate::node_index::INDEXED;
use crate::spans::Mask;

/// What was found out in a request: by class, the entries that allow its items, wherever they go and whatever
/// they write.
#[derive(Default)]
struct Given {
    known: u32,
    entries: [Mask; Class::ALL.len()],
}

impl Matcher {
    /// What allows the last of `nodes`, of which each must be allowed.
    ///
    /// # Errors
    /// No entry allows one of them.
    #[inline(never)]
    pub(crate) fn judge_nodes(
        &self,
        command: &Command<'_>,
        nodes: &Nodes<'_>,
        moment: &Moment,
    ) -> Result<Allowed, Denied> {
        let (mut given, mut last) = (Given::default(), Err(Denied::NOTHING_GIVEN));
        nodes.each(|item| {
            let quick = self.first_of_indexed(command, item, moment, &mut given);
            last = Ok(match quick.filter(|_| self.open_to(item.class).is_none()) {
                Some(entry) => (entry.rule, Some(entry)),
                None => self.judge_item(command, item, moment)?,
            });
            Ok(())
        })?;
        last.map(Allowed::by)
    }

    /// The first of the entries in the index that allows an item.
    #[inline]
    fn first_of_indexed(
        &self,
        command: &Command<'_>,
        item: &Item<'_>,
        moment: &Moment,
        given: &mut Given,
    ) -> Option<&Entry> {
        let index = self.index()?;
        let among = given.to(item.class, || self.giving(command, item, moment));
        let mut reach = index.reach(item, among);
        while reach != 0 {
            let entry = self.entries().get(reach.trailing_zeros() as usize)?;
            if entry.values.fits(item, &entry.objects) {
                return Some(entry);
            }
            reach &= reach - 1;
        }
        None
    }

    /// The entries in the index that allow items of this class, wherever they go and whatever they write.
    #[inline(never)]
    fn giving(&self, command: &Command<'_>, item: &Item<'_>, moment: &Moment) -> Mask {
        let entries = self.entries().iter().take(INDEXED).enumerate();
        let gives = |(_, entry): &(usize, &Entry)| entry.gives_somewhere(command, item, moment);
        entries.filter(gives).fold(0, |mask, (at, _)| mask | 1 << at)
    }
}

impl Given {
    /// What is known of a class, or is now found out.
    #[inline]
    fn to(&mut self, class: Class, find: impl FnOnce() -> Mask) -> Mask {
        let Some(entries) = self.entries.get_mut(class as usize) else { return 0 };
        if self.known & 1 << class as u32 == 0 {
            self.known |= 1 << class as u32;
            *entries = find();
        }
        *entries
    }
}
