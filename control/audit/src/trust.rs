//! What is known of a log from elsewhere.

use std::collections::BTreeMap;
use std::io::BufRead;

use crate::chain::Hash;
use crate::fault::{Fault, VerifyError};
use crate::links::{Link, Pieces, link};
use crate::signature::{PublicKey, Signed};

/// What is known of a log from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The gate's public key.
    pub key: Option<PublicKey>,
    /// Checkpoints that were kept where the gate's machine cannot change them.
    pub kept: Checkpoints,
    /// All files of the log are here: what is missing before the first record must have been deleted by the gate.
    pub all_files: bool,
}

/// Checkpoints that were kept elsewhere: number and hash of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints(BTreeMap<u64, Hash>);

impl Checkpoints {
    /// Reads a file of checkpoints, one a line as in the log. With a `key`, each must be signed by it.
    ///
    /// # Errors
    /// The first line that is no such checkpoint. A last line without an end is left out.
    pub fn read<R: BufRead>(reader: R, key: Option<PublicKey>) -> Result<Checkpoints, VerifyError> {
        let mut kept = Checkpoints::default();
        let mut pieces = Pieces::new(std::iter::once(reader));
        let (mut line, mut seq) = (Vec::new(), 0);
        let at = |line, seq, fault| VerifyError { piece: 0, line, seq, fault, tampering: None };
        loop {
            let number = match pieces.next(&mut line) {
                Ok(Some(number)) => number,
                Ok(None) | Err((_, Fault::Cut | Fault::Empty)) => return Ok(kept),
                Err((number, fault)) => return Err(at(number, seq, fault)),
            };
            let found = kept.take(&line, key);
            seq = found.map_err(|fault| at(number, seq.saturating_add(1), fault))?;
        }
    }

    fn take(&mut self, line: &[u8], key: Option<PublicKey>) -> Result<u64, Fault> {
        let Link { links, hash, object } = link(line)?;
        if !links.is_checkpoint() {
            return Err(Fault::NotARecord);
        }
        if key.is_some_and(|key| key.check(object) != Signed::Rightly) {
            return Err(Fault::Signature);
        }
        match self.0.insert(links.seq, hash) {
            // Two histories of one log: the gate went on from an older state of it.
            Some(other) if other != hash => Err(Fault::NotTheCheckpoint),
            _ => Ok(links.seq),
        }
    }

    /// The hash of the record of this number, where that was kept.
    pub(crate) fn get(&self, seq: u64) -> Option<Hash> {
        self.0.get(&seq).copied()
    }

    /// The number of the last one.
    pub(crate) fn last(&self) -> Option<u64> {
        self.0.last_key_value().map(|(seq, _)| *seq)
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}
