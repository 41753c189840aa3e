//! What is wrong with the gate itself, or with the machine that it stands on.

/// A cause for alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The kernel carries frames between the gate's interfaces, past the gate.
    KernelForwards,
    /// Frames of the gate's memory do not add up.
    FramesLost,
    /// A worker stands still; the gate ends.
    WorkerStalled,
}

impl Alarm {
    /// All causes.
    pub const ALL: [Alarm; 3] = [Alarm::KernelForwards, Alarm::FramesLost, Alarm::WorkerStalled];

    /// The cause's code, a `reason` of the log.
    pub const fn code(self) -> &'static str {
        match self {
            Alarm::KernelForwards => "kernel-forwards",
            Alarm::FramesLost => "frames-lost",
            Alarm::WorkerStalled => "worker-stalled",
        }
    }
}
