//! What is wrong with the gate itself, or with the machine that it stands on.

/// A cause for alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The kernel carries frames between the gate's interfaces, past the gate.
    KernelForwards,
    /// Frames of the gate's memory do not add up.
    FramesLost,
    /// The worker of this number, from 0 on, stands still; the gate ends.
    WorkerStalled(u32),
    /// The kernel does not answer by netlink.
    NetlinkSilent,
    /// Nobody can come by a tunnel.
    TunnelsDown,
    /// The disk does not take the audit log: people are refused.
    AuditFails,
    /// Checkpoints of the audit log do not reach the place off the box where they are kept.
    CheckpointsFail,
    /// Records of the audit log do not reach the syslog server.
    SyslogFails,
    /// Sessions that should be recorded are not, or not whole.
    RecordsFail,
    /// The gate holds frames of some asset for longer than the budget of its cycle.
    CycleBudget,
}

impl Alarm {
    /// All causes, each at its [`place`](Alarm::place).
    pub const ALL: [Alarm; 10] = [
        Alarm::KernelForwards,
        Alarm::FramesLost,
        Alarm::WorkerStalled(0),
        Alarm::NetlinkSilent,
        Alarm::TunnelsDown,
        Alarm::AuditFails,
        Alarm::CheckpointsFail,
        Alarm::SyslogFails,
        Alarm::RecordsFail,
        Alarm::CycleBudget,
    ];

    /// The cause's place among all.
    pub const fn place(self) -> usize {
        match self {
            Alarm::KernelForwards => 0,
            Alarm::FramesLost => 1,
            Alarm::WorkerStalled(_) => 2,
            Alarm::NetlinkSilent => 3,
            Alarm::TunnelsDown => 4,
            Alarm::AuditFails => 5,
            Alarm::CheckpointsFail => 6,
            Alarm::SyslogFails => 7,
            Alarm::RecordsFail => 8,
            Alarm::CycleBudget => 9,
        }
    }

    /// The cause's code, a `reason` of the log.
    pub const fn code(self) -> &'static str {
        match self {
            Alarm::KernelForwards => "kernel-forwards",
            Alarm::FramesLost => "frames-lost",
            Alarm::WorkerStalled(_) => "worker-stalled",
            Alarm::NetlinkSilent => "netlink-silent",
            Alarm::TunnelsDown => "tunnels-down",
            Alarm::AuditFails => "audit-fails",
            Alarm::CheckpointsFail => "checkpoints-fail",
            Alarm::SyslogFails => "syslog-fails",
            Alarm::RecordsFail => "records-fail",
            Alarm::CycleBudget => "cycle-budget",
        }
    }

    /// The worker that it is about, if it is about one.
    pub const fn worker(self) -> Option<u32> {
        match self {
            Alarm::WorkerStalled(worker) => Some(worker),
            Alarm::KernelForwards
            | Alarm::FramesLost
            | Alarm::NetlinkSilent
            | Alarm::TunnelsDown
            | Alarm::AuditFails
            | Alarm::CheckpointsFail
            | Alarm::SyslogFails
            | Alarm::RecordsFail
            | Alarm::CycleBudget => None,
        }
    }
}
