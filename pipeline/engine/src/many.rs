//! Judges the nodes of one request, of which there may be thousands: what is the same for all of them is asked
//! once.

use wicketgate_dissectors::opcua::items::Nodes;
use wicketgate_dissectors::{Class, Command, Item};

use crate::matcher::{Allowed, Denied, Entry, Matcher, Moment};
use crate::node_index::INDEXED;
use crate::spans::Mask;

/// What was found out in a request.
#[derive(Default)]
struct Candidates {
    /// By class, the entries that allow its items, wherever they go and whatever they write.
    by_class: [Option<Mask>; Class::ALL.len()],
    /// Class and attribute of the item before, and which of these entries reach that attribute: the items of a
    /// request hardly ever differ in them.
    like: Option<(Class, u32)>,
    entries: Mask,
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
        let (mut candidates, mut last) = (Candidates::default(), Err(Denied::NOTHING_GIVEN));
        nodes.each(|item| {
            if candidates.like != Some((item.class, item.start)) {
                self.renew(&mut candidates, command, item, moment);
            }
            last = Ok(match self.first_of_indexed(item, candidates.entries) {
                Some(entry) => (entry.rule, Some(entry)),
                None => self.judge_item(command, item, moment)?,
            });
            Ok(())
        })?;
        last.map(Allowed::by)
    }

    /// The first of the entries in the index, and `among` these, that allows an item.
    #[inline]
    fn first_of_indexed(&self, item: &Item<'_>, among: Mask) -> Option<&Entry> {
        let mut reach = self.index()?.reach(item, among);
        while reach != 0 {
            let entry = self.entries().get(reach.trailing_zeros() as usize)?;
            if entry.values.fits(item, &entry.objects) {
                return Some(entry);
            }
            reach &= reach - 1;
        }
        None
    }

    /// Finds out what is not known of an item's class and attribute.
    #[inline(never)]
    fn renew(
        &self,
        candidates: &mut Candidates,
        command: &Command<'_>,
        item: &Item<'_>,
        moment: &Moment,
    ) {
        let Some(of_class) = candidates.by_class.get_mut(item.class as usize) else { return };
        let entries = *of_class.get_or_insert_with(|| self.giving(command, item, moment));
        candidates.entries = self.index().map_or(0, |index| index.placed(item, entries));
        candidates.like = Some((item.class, item.start));
    }

    /// The entries in the index that allow items of this class, wherever they go and whatever they write; none
    /// where another entry gives the class whole, for that is asked before all others.
    fn giving(&self, command: &Command<'_>, item: &Item<'_>, moment: &Moment) -> Mask {
        if self.open_to(item.class).is_some() {
            return 0;
        }
        let entries = self.entries().iter().take(INDEXED).enumerate();
        let gives = |(_, entry): &(usize, &Entry)| entry.gives_somewhere(command, item, moment);
        entries.filter(gives).fold(0, |mask, (at, _)| mask | 1 << at)
    }
}
