//! What the gate is told by signals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Signals that came.
#[derive(Debug, Default)]
pub(super) struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on. Where a handler cannot be set the signal ends the gate, as ever: the kernel
    /// then detaches the program.
    pub(super) fn listen() -> Signals {
        let signals = Signals::default();
        for signal in [SIGTERM, SIGINT] {
            // A second one ends the gate at once.
            let _ = signal_hook::flag::register_conditional_default(signal, signals.stop.clone());
            let _ = signal_hook::flag::register(signal, signals.stop.clone());
        }
        let _ = signal_hook::flag::register(SIGHUP, signals.reload.clone());
        signals
    }

    /// Whether the gate is to stop.
    pub(super) fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the config is to be read again; asked once, it is no more.
    pub(super) fn reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }
}
