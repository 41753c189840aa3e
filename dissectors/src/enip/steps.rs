//! Operations of several steps: which service, of which object, begins one, goes on with it, ends it.

use super::services::{EXECUTE_PCCC, object};
use crate::{Item, Space, Step};

/// A step: the service; of PCCC its command and function; the class of the object; what it is.
type Row = (u16, Option<u16>, u16, Step);

const PCCC: u16 = EXECUTE_PCCC as u16;

/// All steps. Where no service says that it is the last, the operation ends with its connection: a file
/// object takes the end from its data (CIP 5-42), vendors' firmware from theirs.
pub const STEPS: &[Row] = &[
    // File object: initiate-download, download-transfer.
    (0x4c, None, object::FILE, Step::Begins),
    (0x50, None, object::FILE, Step::Continues),
    // Non-volatile storage: update-firmware, write-firmware.
    (0x4b, None, object::NON_VOLATILE_STORAGE, Step::Begins),
    (0x4d, None, object::NON_VOLATILE_STORAGE, Step::Continues),
    // PCCC of PLC-5 and SLC 500: download-all, download-completed.
    (PCCC, Some(0x0f50), object::PCCC, Step::Begins),
    (PCCC, Some(0x0f52), object::PCCC, Step::Ends),
    // The same of the PLC-2: enter-download, exit-download.
    (PCCC, Some(0x0704), object::PCCC, Step::Begins),
    (PCCC, Some(0x0705), object::PCCC, Step::Ends),
    // A file of the program between them: download-request, and writing bytes of it.
    (PCCC, Some(0x0f05), object::PCCC, Step::Continues),
    (PCCC, Some(0x0f18), object::PCCC, Step::Continues),
];

/// Which step of an operation this service is.
pub fn of(item: &Item<'_>) -> Step {
    let Some((service, sub)) = item.code else { return Step::Alone };
    let class = match item.space {
        Space::Object { class, .. } => Some(class),
        _ => None,
    };
    // Only PCCC has a code below the service, and what it reaches is told by addresses of its own.
    let row = STEPS.iter().find(|(code, below, of, _)| {
        *code == service && *below == sub && (sub.is_some() || class == Some(*of))
    });
    row.map_or(Step::Alone, |(.., step)| *step)
}
