//! `[metrics]`: where the gate tells its figures to whoever collects them.

use std::fmt;
use std::net::SocketAddr;

use crate::diagnostic::Report;
use crate::reader::Node;
use crate::topology::Topology;
use crate::value;

/// `[metrics]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// The TCP address at which `GET /metrics` is answered: a loopback one, unless the file says `remote = true`.
    pub listen: SocketAddr,
}

/// `metrics: 127.0.0.1:9464`, as explanations have it.
impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let far = if self.listen.ip().is_loopback() { "" } else { ", for other machines too" };
        write!(f, "metrics: {}{far}", self.listen)
    }
}

/// Reads `[metrics]`. Figures name assets, so they are for this machine unless it says otherwise.
pub(crate) fn read(
    node: Node<'_>,
    topology: &Topology,
    report: &mut Report<'_>,
) -> Option<Metrics> {
    let mut table = node.table("[metrics]", report)?;
    if topology.gate.control_socket.is_none() && topology.gate.state_dir().is_none() {
        let help = "write control_socket or state_dir in [gate]: one thread serves both";
        report.error_with(table.span(), "[metrics] without a control socket", help);
    }
    let place = table.required("listen", report);
    let remote = table.optional("remote").and_then(|node| node.flag(report)).unwrap_or(false);
    table.close(report);
    let place = place?;
    let listen = place.parse(report, value::socket)?;
    if !listen.ip().is_loopback() && !remote {
        let message = format!("{listen} can be reached from other machines");
        let help = "anybody there would read figures and names of assets: listen at 127.0.0.1, or say `remote = true`";
        report.error_with(&place.span(), message, help);
        return None;
    }
    Some(Metrics { listen })
}
