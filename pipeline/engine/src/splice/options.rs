//! TCP options: what passes, what is taken off, what is refused.
//!
//! | option (kind) | on a SYN | on other segments |
//! |---|---|---|
//! | end of list (0), no-operation (1) | passes | passes |
//! | maximum segment size (2, RFC 9293), window scale (3, RFC 7323), SACK permitted (4, RFC 2018) | passes | taken off |
//! | SACK (5, RFC 2018) | taken off | translated |
//! | timestamps (8, RFC 7323) | passes | passes where both SYNs had it, else taken off |
//! | MD5 (19, RFC 2385), TCP-AO (29, RFC 5925) | refused | refused |
//! | all others: Fast Open (34), Multipath (30), ... | taken off | taken off |
//!
//! MD5 and TCP-AO sign the segment: one end checks it, the other does not, so the two would read
//! different streams; and a signed stream cannot be spliced.

use wicketgate_packet::parse::TcpOptions;

use crate::verdict::Reason;

/// Kinds (IANA).
pub mod kind {
    /// End of option list.
    pub const END: u8 = 0;
    /// No-operation.
    pub const NOP: u8 = 1;
    /// Maximum segment size.
    pub const MSS: u8 = 2;
    /// Window scale.
    pub const WINDOW_SCALE: u8 = 3;
    /// SACK permitted.
    pub const SACK_PERMITTED: u8 = 4;
    /// Selective acknowledgement.
    pub const SACK: u8 = 5;
    /// Timestamps.
    pub const TIMESTAMPS: u8 = 8;
    /// MD5 signature.
    pub const MD5: u8 = 19;
    /// TCP authentication option.
    pub const AO: u8 = 29;
}

/// Blocks of one selective acknowledgement: as many as 40 bytes of options hold.
pub const BLOCKS: usize = 4;

/// Greatest window scale (RFC 7323 section 2.3).
const MAX_SCALE: u8 = 14;

/// What a segment's options say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale.
    pub scale: Option<u8>,
    /// Whether SACK is permitted.
    pub sack_permitted: bool,
    /// Timestamp value and echo reply.
    pub timestamps: Option<(u32, u32)>,
    /// Whether there is more than timestamps and padding: then it cannot leave as it is.
    pub others: bool,
}

impl Options {
    /// None at all.
    pub const NONE: Options =
        Options { mss: None, scale: None, sack_permitted: false, timestamps: None, others: false };

    /// Reads them.
    ///
    /// # Errors
    /// [`Reason::TcpOption`]: one that is refused, or of a wrong length.
    #[inline]
    pub fn read(options: TcpOptions<'_>) -> Result<Options, Reason> {
        match options.rest() {
            [] => Ok(Options::NONE),
            // As stacks write them (RFC 7323 appendix A).
            [kind::NOP, kind::NOP, kind::TIMESTAMPS, 10, a, b, c, d, e, f, g, h] => {
                let value = u32::from_be_bytes([*a, *b, *c, *d]);
                let echo = u32::from_be_bytes([*e, *f, *g, *h]);
                Ok(Options { timestamps: Some((value, echo)), ..Options::NONE })
            }
            _ => Options::read_each(options),
        }
    }

    fn read_each(options: TcpOptions<'_>) -> Result<Options, Reason> {
        let mut read = Options::default();
        for option in options {
            let (kind, content) = option.ok_or(Reason::BadTransport)?;
            read.take(kind, content)?;
        }
        Ok(read)
    }

    fn take(&mut self, kind: u8, content: &[u8]) -> Result<(), Reason> {
        self.others |= !matches!(kind, kind::NOP | kind::TIMESTAMPS);
        match (kind, content) {
            (kind::MD5 | kind::AO, _) => return Err(Reason::TcpOption),
            (kind::TIMESTAMPS, [a, b, c, d, e, f, g, h]) => {
                let echo = u32::from_be_bytes([*e, *f, *g, *h]);
                self.timestamps = Some((u32::from_be_bytes([*a, *b, *c, *d]), echo));
            }
            (kind::MSS, [high, low]) => self.mss = Some(u16::from_be_bytes([*high, *low])),
            (kind::WINDOW_SCALE, [scale]) => self.scale = Some((*scale).min(MAX_SCALE)),
            (kind::SACK_PERMITTED, []) => self.sack_permitted = true,
            (kind::SACK, blocks) if blocks.len().is_multiple_of(8) => {}
            (
                kind::TIMESTAMPS
                | kind::MSS
                | kind::WINDOW_SCALE
                | kind::SACK_PERMITTED
                | kind::SACK,
                _,
            ) => return Err(Reason::TcpOption),
            _ => {}
        }
        Ok(())
    }
}

/// The blocks of a selective acknowledgement; apart from [`Options`], for only few segments have any.
pub fn blocks(options: TcpOptions<'_>) -> [Option<(u32, u32)>; BLOCKS] {
    let mut read = [None; BLOCKS];
    for (_, content) in options.flatten().filter(|(kind, _)| *kind == kind::SACK) {
        let (blocks, _) = content.as_chunks::<8>();
        for (place, [a, b, c, d, e, f, g, h]) in read.iter_mut().zip(blocks) {
            let edge = |bytes: [&u8; 4]| u32::from_be_bytes(bytes.map(|byte| *byte));
            *place = Some((edge([a, b, c, d]), edge([e, f, g, h])));
        }
    }
    read
}

/// Overwrites with no-operations what may not pass on a SYN. Whether something was.
pub fn clean_syn(mut options: &mut [u8]) -> bool {
    let mut changed = false;
    while let Some((kind, len)) = next(options) {
        let (option, rest) = core::mem::take(&mut options).split_at_mut(len);
        let passes = matches!(
            kind,
            kind::NOP | kind::MSS | kind::WINDOW_SCALE | kind::SACK_PERMITTED | kind::TIMESTAMPS
        );
        if !passes {
            option.fill(kind::NOP);
            changed = true;
        }
        options = rest;
    }
    // Behind the end of the list nobody reads; so nothing is there.
    changed |= options.iter().any(|byte| *byte != kind::END);
    options.fill(kind::END);
    changed
}

/// Kind and length of the first option; `None` at the end, and where they are broken.
fn next(options: &[u8]) -> Option<(u8, usize)> {
    match options {
        [] | [kind::END, ..] => None,
        [kind::NOP, ..] => Some((kind::NOP, 1)),
        [kind, len, ..] => {
            let len = usize::from(*len);
            (2..=options.len()).contains(&len).then_some((*kind, len))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_both_ends_agree_on() {
        let mut read = Options::default();
        for (kind, content) in [
            (2, &[5, 180][..]),
            (4, &[]),
            (8, &[0, 0, 0, 1, 0, 0, 0, 2]),
            (3, &[200]),
            (5, &[0, 0, 0, 1, 0, 0, 0, 9]),
            (34, &[1]),
        ] {
            read.take(kind, content).unwrap();
        }
        assert_eq!((read.mss, read.scale), (Some(1460), Some(14)), "RFC 7323 section 2.3");
        assert_eq!(read.timestamps, Some((1, 2)));
        assert!(read.sack_permitted && read.others);
    }

    #[test]
    fn signatures_and_wrong_lengths_are_refused() {
        for (kind, content) in
            [(19, &[0; 16][..]), (29, &[0; 10]), (8, &[0; 7]), (2, &[1]), (5, &[0; 9])]
        {
            assert_eq!(Options::default().take(kind, content), Err(Reason::TcpOption), "{kind}");
        }
    }

    #[test]
    fn a_syn_keeps_what_it_may() {
        let mut options = [2, 4, 5, 180, 34, 4, 9, 9, 1, 30, 3, 0, 4, 2, 5, 2, 0, 77, 77, 77];
        assert!(clean_syn(&mut options));
        assert_eq!(options, [2, 4, 5, 180, 1, 1, 1, 1, 1, 1, 1, 1, 4, 2, 1, 1, 0, 0, 0, 0]);
        assert!(!clean_syn(&mut options));
    }
}
