//! A log that is being checked, record by record.

use std::collections::BTreeMap;

use crate::chain::Hash;
use crate::fault::{Counted, Fault};
use crate::links::{Link, Links, link};
use crate::signature::Signed;
use crate::trust::Trust;
use crate::verify::Verified;
use crate::{FORMAT, Summary};

/// A log that is being checked.
pub(crate) struct Check<'t> {
    trust: &'t Trust,
    log: Option<Verified>,
    /// What there is since the gate's last start.
    commands: u64,
    /// For each worker: number of its last event, and how many are lost.
    workers: BTreeMap<u32, (u64, u64)>,
    /// The gate's last start is in what was read.
    since_start: bool,
    /// The last record was a `log-end`, or is not here.
    ended: bool,
    /// The number and the `prev` of the first record, where that is not 1.
    head: Option<(u64, Option<Hash>)>,
}

impl<'t> Check<'t> {
    pub(crate) fn new(trust: &'t Trust) -> Check<'t> {
        Check {
            trust,
            log: None,
            commands: 0,
            workers: BTreeMap::new(),
            since_start: false,
            ended: true,
            head: None,
        }
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.log.as_ref().map_or(1, |log| log.summary.records.saturating_add(1))
    }

    /// Number and hash of the last record that is right.
    pub(crate) fn last(&self) -> Option<(u64, Hash)> {
        self.log.as_ref().map(|log| (log.summary.records, log.summary.last))
    }

    /// The log with one more record.
    ///
    /// The record's own hash comes first: where it holds, what the record says of itself was written
    /// so, and a number or `prev` that does not fit tells of records that were moved or removed.
    pub(crate) fn line(&mut self, line: &[u8], begins: bool) -> Result<(), Fault> {
        let link = link(line)?;
        let mut log = match self.log.take() {
            Some(log) => log,
            None => self.begin(&link.links)?,
        };
        let checked = self.follow(&mut log, &link, begins);
        self.log = Some(log);
        checked
    }

    /// The log before its first record here.
    fn begin(&mut self, links: &Links<'_>) -> Result<Verified, Fault> {
        match links.format {
            _ if !links.begins_file() => return Err(Fault::NoStart),
            None => return Err(Fault::NotARecord),
            Some(FORMAT) => {}
            Some(other) => return Err(Fault::Format(other)),
        }
        let first = if links.kind == "log-start" { 1 } else { links.seq.max(1) };
        if first > 1 {
            self.head = Some((first, links.prev()));
        }
        let last = if first > 1 { links.prev().ok_or(Fault::NotARecord)? } else { Hash::ZERO };
        let source = (*links.source).into();
        Ok(Verified {
            summary: Summary { source, records: first.saturating_sub(1), last },
            first,
            told_deleted: false,
            crashes: 0,
            torn: 0,
            checkpoints: 0,
            signed: 0,
            matched: 0,
            lost: 0,
            unsigned_tail: 0,
        })
    }

    fn follow(&mut self, log: &mut Verified, link: &Link<'_>, begins: bool) -> Result<(), Fault> {
        let links = &link.links;
        in_order(&log.summary, links)?;
        if begins && !links.begins_file() {
            return Err(Fault::NoStart);
        }
        if *links.source != *log.summary.source && links.kind != "log-resume" {
            return Err(Fault::Source);
        }
        self.known(log, links.seq, link.hash)?;
        self.sums(log, link)?;
        log.summary.source = (*links.source).into();
        log.summary.records = links.seq;
        log.summary.last = link.hash;
        Ok(())
    }

    /// Whether it is the record that a checkpoint was kept of.
    fn known(&self, log: &mut Verified, seq: u64, hash: Hash) -> Result<(), Fault> {
        match self.trust.kept.get(seq) {
            Some(known) if known != hash => Err(Fault::NotTheCheckpoint),
            known => {
                log.matched += u64::from(known.is_some());
                Ok(())
            }
        }
    }

    /// Adds up what there is, and compares it with what the log says.
    fn sums(&mut self, log: &mut Verified, link: &Link<'_>) -> Result<(), Fault> {
        let links = &link.links;
        log.unsigned_tail += 1;
        match &*links.kind {
            "log-start" | "log-resume" => self.started(log, links),
            "log-delete" => self.deleted(log, links),
            "checkpoint" | "log-end" => {
                self.checkpoint(log, link)?;
                log.unsigned_tail = 0;
            }
            kind => self.count(log, links, kind == "command"),
        }
        self.ended = links.kind == "log-end";
        Ok(())
    }

    /// Workers count anew with each start of the gate.
    fn started(&mut self, log: &mut Verified, links: &Links<'_>) {
        self.commands = 0;
        self.workers.clear();
        log.crashes += u64::from(links.kind == "log-resume" && !self.ended);
        self.since_start = true;
        log.torn += links.torn.unwrap_or(0);
    }

    fn deleted(&mut self, log: &mut Verified, links: &Links<'_>) {
        let told = |(first, prev): (u64, Option<Hash>)| {
            let hash = links.through_hash.as_deref().and_then(|text| Hash::parse(text.as_bytes()));
            links.through == Some(first - 1) && prev.is_some() && prev == hash
        };
        log.told_deleted |= self.head.is_some_and(told);
    }

    fn count(&mut self, log: &mut Verified, links: &Links<'_>, is_command: bool) {
        if let (Some(worker), Some(event)) = (links.worker, links.event) {
            let (last, lost) = self.workers.entry(worker).or_default();
            let gap = event.saturating_sub(*last).saturating_sub(1);
            (*last, *lost) = (event, *lost + gap);
            log.lost += gap;
            self.commands += u64::from(is_command);
        }
    }

    fn checkpoint(&mut self, log: &mut Verified, link: &Link<'_>) -> Result<(), Fault> {
        log.checkpoints += 1;
        if let Some(key) = &self.trust.key {
            if key.check(link.object) != Signed::Rightly {
                return Err(Fault::Signature);
            }
            log.signed += 1;
        }
        // Where the gate's last start is in a file that is not here, there is nothing to compare with.
        if self.since_start { self.compare(log, &link.links) } else { Ok(()) }
    }

    fn compare(&self, log: &mut Verified, links: &Links<'_>) -> Result<(), Fault> {
        let equal = |what, said: u64, there: u64| {
            let wrong = Fault::Sums(what, Counted { said, there });
            if said == there { Ok(()) } else { Err(wrong) }
        };
        equal("commands", links.commands.unwrap_or(0), self.commands)?;
        let mut judged = 0;
        for said in &links.workers {
            let (last, lost) = self.workers.get(&said.worker).copied().unwrap_or_default();
            // What was told last is lost where the worker has ended.
            let tail = if said.judged.is_some() { said.events.saturating_sub(last) } else { 0 };
            equal("events of a worker", said.events, last + tail)?;
            equal("lost events of a worker", said.lost, lost + tail)?;
            log.lost += tail;
            judged += said.judged.unwrap_or(0);
        }
        let lost: u64 = links.workers.iter().map(|said| said.lost).sum();
        // What was judged is in the log; of events that are lost, some may have been commands.
        if links.kind == "log-end" && judged.saturating_sub(self.commands) > lost {
            let counted = Counted { said: judged, there: self.commands };
            return Err(Fault::Sums("judged commands", counted));
        }
        Ok(())
    }

    pub(crate) fn end(&mut self) -> Result<Verified, Fault> {
        let log = self.log.clone().ok_or(Fault::Empty)?;
        if self.trust.all_files && log.first > 1 && !log.told_deleted {
            return Err(Fault::Headless);
        }
        match self.trust.kept.last() {
            Some(known) if known > log.summary.records => Err(Fault::Truncated { known }),
            _ => Ok(log),
        }
    }
}

fn in_order(log: &Summary, links: &Links<'_>) -> Result<(), Fault> {
    let expected = log.records.saturating_add(1);
    if links.seq != expected {
        return Err(Fault::Sequence { expected, found: links.seq });
    }
    if links.prev.as_bytes() != log.last.hex().as_flattened() {
        return Err(Fault::Unchained);
    }
    Ok(())
}
