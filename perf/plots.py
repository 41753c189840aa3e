#!/usr/bin/env python3
"""Draws what `wicketgate-perf --counts --json` says: ns a frame by what is open, both axes logarithmic.

  perf/plots.py docs/benchmarks/counts.json docs/benchmarks/counts.svg
"""
import json
import math
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 400, 70, 30, 210, 50
# Decades of the axes: connections or sessions, nanoseconds.
X, Y = (0, 6), (1, 4)
# What is drawn, with its name and colour.
SERIES = [
    (("flows", "inspected"), "inspected connections", "#b03a2e"),
    (("sessions", "opaque"), "opaque, a session each", "#7d6608"),
    (("flows", "opaque"), "opaque connections", "#1f618d"),
]


def across(count):
    return LEFT + (math.log10(count) - X[0]) / (X[1] - X[0]) * (WIDTH - LEFT - RIGHT)


def up(nanos):
    return HEIGHT - BOTTOM - (math.log10(nanos) - Y[0]) / (Y[1] - Y[0]) * (HEIGHT - TOP - BOTTOM)


def text(x, y, words, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{words}</text>'


def line(x1, y1, x2, y2, colour="#ddd"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def axes():
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    for decade in range(X[0], X[1] + 1):
        x = across(10**decade)
        yield line(x, TOP, x, bottom)
        yield text(x, bottom + 18, f"{10**decade:,}", 'text-anchor="middle"')
    for decade in range(Y[0], Y[1] + 1):
        y = up(10**decade)
        yield line(left, y, right, y)
        yield text(left - 8, y + 4, f"{10**decade:,}", 'text-anchor="end"')
    yield text((left + right) / 2, HEIGHT - 10, "open at once", 'text-anchor="middle"')
    yield text(left, TOP - 12, "ns a frame: median, and the least and the most of all rounds", "")


def series(rows, name, colour):
    points = sorted((row["flows"], row["ns"], row["ns_min"], row["ns_max"]) for row in rows)
    for count, _, least, most in points:
        yield line(across(count), up(least), across(count), up(most), colour)
    path = " ".join(f"{across(count):.1f},{up(nanos):.1f}" for count, nanos, _, _ in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield from (f'<circle cx="{across(count):.1f}" cy="{up(nanos):.1f}" r="3" fill="{colour}"/>'
                for count, nanos, _, _ in points)
    count, nanos = points[-1][:2]
    yield text(across(count) + 12, up(nanos) + 4, f"{name}: {nanos:.0f}", f'fill="{colour}"')


def plot(rows):
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *axes()]
    for (of, kind), name, colour in SERIES:
        mine = [row for row in rows if (row["of"], row["kind"]) == (of, kind)]
        parts += series(mine, name, colour) if mine else []
    return "\n".join([*parts, "</svg>"]) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    raw, drawn = map(Path, sys.argv[1:])
    rows = [json.loads(row) for row in raw.read_text().splitlines()]
    drawn.write_text(plot(rows))


main()
