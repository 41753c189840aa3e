//! The memory of all frames, and the settings of the sockets.

use wicketgate_policy::Tuning;
use wicketgate_worker::handover;
use wicketgate_xdp::{BusyPoll, Settings, Umem};

use crate::exit::complain;

/// Frames that one busy poll takes at most: a whole NAPI budget.
const POLL_BUDGET: u32 = 64;
/// Frames for each socket at the least: some to receive into, some to send.
const LEAST: u32 = 32;

/// What the config says of the sockets.
pub(super) fn settings(tuning: &Tuning) -> Settings {
    let busy_poll = tuning.busy_poll.map(|span| BusyPoll {
        micros: u32::try_from(span.as_micros()).unwrap_or(u32::MAX),
        budget: POLL_BUDGET,
    });
    Settings { ring: tuning.ring, zero_copy: tuning.zero_copy, busy_poll }
}

/// The memory for that many sockets, in huge pages if wanted and there are any.
pub(super) fn umem(tuning: &Tuning, settings: Settings, sockets: usize) -> Result<Umem, String> {
    let workers = usize::from(tuning.workers);
    let between = handover::capacity(workers) as u32;
    let frames = tuning.frames.unwrap_or(settings.frames(sockets, workers) + between);
    let least = Settings { ring: LEAST, ..settings }.frames(sockets, workers);
    if frames < least {
        return Err(format!(
            "`frames` in [gate] is {frames}: {sockets} sockets and {workers} workers need {least} at \
             least"
        ));
    }
    if tuning.huge_pages {
        match Umem::huge(frames) {
            Ok(umem) => {
                complain(format_args!("{frames} frames in huge pages"));
                return Ok(umem);
            }
            Err(error) => complain(format_args!(
                "no huge pages: {error}: `sysctl -w vm.nr_hugepages={}`; the gate runs on small ones",
                Umem::huge_pages(frames)
            )),
        }
    }
    Umem::new(frames).map_err(|error| format!("no memory for {frames} frames: {error}"))
}
