//! `deny`: how a command is refused.

use wicketgate_dissectors::Protocol;
use wicketgate_engine::tables::DenialStyle;

use crate::diagnostic::Report;
use crate::reader::Node;
use crate::suggest;

/// Reads `"reply"`, `"drop"` or `"reset"`.
pub(crate) fn read(node: Node<'_>, report: &mut Report<'_>) -> Option<DenialStyle> {
    let name = node.text(report)?;
    let found = DenialStyle::from_name(name);
    if found.is_none() {
        let help = suggest::known(name, DenialStyle::ALL.iter().map(|style| style.name()));
        report.error_with(&node.span(), format!("a command cannot be refused by `{name}`"), help);
    }
    found
}

/// The same, of a rule or conduit about `protocol`: of bytes that are not read nothing is refused.
pub(crate) fn read_for(
    node: Node<'_>,
    protocol: Option<Protocol>,
    report: &mut Report<'_>,
) -> Option<DenialStyle> {
    if let Some(protocol) = protocol.filter(|protocol| !protocol.is_inspected()) {
        let message = format!("no command of {protocol} is refused: the gate reads none");
        report.error_with(&node.span(), message, "leave `deny` out");
        return None;
    }
    read(node, report)
}
