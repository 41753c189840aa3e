//! The information flows as a drawing: who asks on the left, the gate in the middle, assets by zone on the right.

use std::fmt::Write;

use super::html::safe;
use crate::flows::Flow;

/// Measures, in units of the drawing.
const WIDTH: usize = 960;
const ROW: usize = 30;
const BOX: (usize, usize) = (320, 22);
const RIGHT: usize = WIDTH - BOX.0;
/// Letters of a name that find room in a box.
const LETTERS: usize = 42;

/// The drawing as SVG, to stand in HTML; empty where nobody reaches anything.
pub(super) fn drawing(flows: &[Flow]) -> String {
    let (left, right) = (names(flows, asker), names(flows, asset));
    let rows = left.len().max(right.len());
    if rows == 0 {
        return String::new();
    }
    let height = rows * ROW;
    let mut page = format!(
        "<svg role=\"img\" aria-label=\"Information flows\" viewBox=\"0 0 {WIDTH} {height}\">\n"
    );
    for (from, to) in edges(flows, &left, &right) {
        let (from, to, end) = (middle(from), middle(to), BOX.0);
        let _ =
            writeln!(page, "<line x1=\"{end}\" y1=\"{from}\" x2=\"{RIGHT}\" y2=\"{to}\"></line>");
    }
    let gate = WIDTH / 2 - 40;
    let _ = writeln!(
        page,
        "<rect class=\"gate\" x=\"{gate}\" y=\"2\" width=\"80\" height=\"{}\"></rect>\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">gate</text>",
        height - 4,
        WIDTH / 2,
        height / 2 + 5
    );
    boxes(&mut page, &left, 0);
    boxes(&mut page, &right, RIGHT);
    page.push_str("</svg>\n");
    page
}

fn asker(flow: &Flow) -> String {
    flow.who.clone()
}

fn asset(flow: &Flow) -> String {
    format!("{}: {}", flow.zone, flow.asset)
}

/// Each once, in their order.
fn names(flows: &[Flow], of: fn(&Flow) -> String) -> Vec<String> {
    let mut names: Vec<String> = flows.iter().map(of).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Which row on the left leads to which on the right, each once.
fn edges(flows: &[Flow], left: &[String], right: &[String]) -> Vec<(usize, usize)> {
    let at = |names: &[String], name: String| names.binary_search(&name).ok();
    let edge = |flow: &Flow| at(left, asker(flow)).zip(at(right, asset(flow)));
    let mut edges: Vec<(usize, usize)> = flows.iter().filter_map(edge).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// The height of a row's middle.
const fn middle(row: usize) -> usize {
    row * ROW + ROW / 2
}

fn boxes(page: &mut String, names: &[String], x: usize) {
    let (width, height) = BOX;
    for (name, row) in names.iter().zip(0..) {
        let (top, base, indent) = (middle(row) - height / 2, middle(row) + 5, x + 8);
        let shown: String = name.chars().take(LETTERS).collect();
        let more = if name.chars().count() > LETTERS { "…" } else { "" };
        let _ = writeln!(
            page,
            "<rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"></rect>\
             <text x=\"{indent}\" y=\"{base}\">{}{more}</text>",
            safe(&shown)
        );
    }
}
