#!/usr/bin/env python3
"""Draws raw results as SVG, beside each its plot: docs/benchmarks/README.md shows and explains them.

  perf/plots.py                      all that are in docs/benchmarks
  perf/plots.py FOLDER/peers.json    one; its name says what it is

counts.json is of `wicketgate-perf --counts --json`, peers.json of `perf/peers.py --json`, live.json of
`perf/live/bench.py --json`, tunnels.json of `perf/live/tunnels.py --json`.
"""
import json
import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
BENCHMARKS = HERE.parent / "docs" / "benchmarks"
RED, GREEN, BLUE, GREY = "#b03a2e", "#1e8449", "#1f618d", "#555"


def text(x, y, words, more=""):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{words}</text>'


def line(x1, y1, x2, y2, colour="#ddd", more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def dot(x, y, colour):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def drawing(width, height, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>"]) + "\n"


@dataclass
class Spread:
    """One line of a chart: the median of all rounds, the least and the most."""

    name: str
    values: list
    colour: str

    def reach(self):
        return min(self.values), statistics.median(self.values), max(self.values)


class Spreads:
    """Groups of spreads one below the other, on one logarithmic axis."""

    WIDTH, LEFT, RIGHT, TOP, ROW = 780, 250, 150, 40, 20

    def __init__(self, title, groups, mark=None):
        self.title, self.mark = title, mark
        self.groups = [(name, rows) for name, rows in groups if rows]
        ends = [end for _, rows in self.groups for row in rows for end in row.reach()]
        # A tenth beyond what there is, so that no dot is on the edge.
        self.ends = [math.log10(end) for end in (min(ends + [mark or ends[0]]) / 1.1, max(ends + [mark or ends[0]]) * 1.1)]
        self.bottom = self.TOP + self.ROW * sum(len(rows) + 1 for _, rows in self.groups)

    def across(self, value):
        least, most = self.ends
        return self.LEFT + (math.log10(value) - least) / (most - least) * (self.WIDTH - self.LEFT - self.RIGHT)

    def ticks(self):
        """As many of each decade as there is room for."""
        least, most = self.ends
        steps = range(1, 10) if most - least < 0.7 else (1, 2, 5) if most - least < 2.5 else (1,)
        ticks = (step * 10.0**decade for decade in range(math.floor(least), math.ceil(most)) for step in steps)
        return [tick for tick in ticks if least <= math.log10(tick) <= most]

    def axis(self):
        yield text(10, 20, self.title)
        for tick in self.ticks():
            x = self.across(tick)
            yield line(x, self.TOP, x, self.bottom)
            yield text(x, self.bottom + 16, f"{tick:g}", 'text-anchor="middle"')
        if self.mark:
            x = self.across(self.mark)
            yield line(x, self.TOP, x, self.bottom, GREY, ' stroke-dasharray="4 3"')

    def rows(self):
        y = self.TOP
        for name, rows in self.groups:
            y += self.ROW
            yield text(10, y - 5, name, 'font-weight="bold"')
            for row in rows:
                y += self.ROW
                least, median, most = row.reach()
                yield text(self.LEFT - 12, y - 5, row.name, f'text-anchor="end" fill="{row.colour}"')
                yield line(self.across(least), y - 9, self.across(most), y - 9, row.colour, ' stroke-width="2"')
                yield dot(self.across(median), y - 9, row.colour)
                numbers = f"{number(median)} ({number(least)}-{number(most)})"
                yield text(self.WIDTH - self.RIGHT + 8, y - 5, numbers, f'fill="{row.colour}"')

    def plot(self):
        return drawing(self.WIDTH, self.bottom + 26, [*self.axis(), *self.rows()])


def peers(raw):
    sys.path.insert(0, str(HERE))
    from peers import CAPTURES, OURS, PROGRAMS, UNLOGGED

    rows = json.loads(raw)["rows"]
    colours = {OURS: RED, UNLOGGED: RED}
    groups = [
        (title, [Spread(PROGRAMS[name].title, [row["cpu"] for row in turns], colours.get(name, BLUE))
                 for name, turns in rows[key].items()])
        for key, title, _ in CAPTURES if key in rows
    ]
    return Spreads("CPU seconds of the whole process for a million packets: median, least and most of all rounds", groups).plot()


def live(raw):
    sys.path.insert(0, str(HERE / "live"))
    from bench import FIGURES, FORWARDER, NFT, OURS, ratios

    rows = json.loads(raw)["rows"]
    groups = []
    for test, figure, title, _, more_is_better in FIGURES:
        if test not in rows[OURS]:
            continue
        better = "more is better" if more_is_better else "less is better"
        of = [("of nftables NAT", NFT, BLUE), ("of xskfwd -N", FORWARDER, GREEN)]
        spreads = [Spread(name, ratios(rows, test, figure, peer), colour) for name, peer, colour in of]
        groups.append((f"{title} ({better})", spreads))
    return Spreads("Wicketgate on interfaces, as a ratio to its peers of the same round", groups, mark=1).plot()


def tunnels(raw):
    sys.path.insert(0, str(HERE / "live"))
    from tunnels import FIGURES, OURS

    rows = json.loads(raw)
    groups = [
        (title, [Spread(tunnel, [row[figure] for row in rounds], RED if tunnel == OURS else BLUE)
                 for tunnel, rounds in rows.items()])
        for figure, title in FIGURES
    ]
    # Two units, so two axes: throughput above, round trips below.
    charts = [Spreads("TCP through the user's hop, Gbit/s", groups[:2]), Spreads("Round trips through it, us", groups[2:])]
    return stacked(charts)


def stacked(charts):
    """One below the other."""
    parts, height = [], 0
    for chart in charts:
        parts += [f'<g transform="translate(0 {height})">', *chart.axis(), *chart.rows(), "</g>"]
        height += chart.bottom + 36
    return drawing(Spreads.WIDTH, height - 10, parts)


class Counts:
    """Nanoseconds a frame by what is open, both axes logarithmic."""

    WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 400, 70, 30, 210, 50
    # Decades of the axes: connections or sessions, nanoseconds.
    X, Y = (0, 6), (1, 4)
    # What is drawn, with its name and colour.
    SERIES = [
        (("flows", "inspected"), "inspected connections", RED),
        (("sessions", "opaque"), "opaque, a session each", "#7d6608"),
        (("flows", "opaque"), "opaque connections", BLUE),
    ]

    def across(self, count):
        least, most = self.X
        return self.LEFT + (math.log10(count) - least) / (most - least) * (self.WIDTH - self.LEFT - self.RIGHT)

    def up(self, nanos):
        least, most = self.Y
        share = (math.log10(nanos) - least) / (most - least)
        return self.HEIGHT - self.BOTTOM - share * (self.HEIGHT - self.TOP - self.BOTTOM)

    def axes(self):
        left, right, bottom = self.LEFT, self.WIDTH - self.RIGHT, self.HEIGHT - self.BOTTOM
        for decade in range(self.X[0], self.X[1] + 1):
            x = self.across(10**decade)
            yield line(x, self.TOP, x, bottom)
            yield text(x, bottom + 18, f"{10**decade:,}", 'text-anchor="middle"')
        for decade in range(self.Y[0], self.Y[1] + 1):
            y = self.up(10**decade)
            yield line(left, y, right, y)
            yield text(left - 8, y + 4, f"{10**decade:,}", 'text-anchor="end"')
        yield text((left + right) / 2, self.HEIGHT - 10, "open at once", 'text-anchor="middle"')
        yield text(left, self.TOP - 12, "ns a frame: median, and the least and the most of all rounds")

    def series(self, rows, name, colour):
        points = sorted((row["flows"], row["ns"], row["ns_min"], row["ns_max"]) for row in rows)
        for count, _, least, most in points:
            yield line(self.across(count), self.up(least), self.across(count), self.up(most), colour)
        path = " ".join(f"{self.across(count):.1f},{self.up(nanos):.1f}" for count, nanos, _, _ in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (dot(self.across(count), self.up(nanos), colour) for count, nanos, _, _ in points)
        count, nanos = points[-1][:2]
        yield text(self.across(count) + 12, self.up(nanos) + 4, f"{name}: {nanos:.0f}", f'fill="{colour}"')

    def plot(self, rows):
        parts = list(self.axes())
        for (of, kind), name, colour in self.SERIES:
            mine = [row for row in rows if (row["of"], row["kind"]) == (of, kind)]
            parts += self.series(mine, name, colour) if mine else []
        return drawing(self.WIDTH, self.HEIGHT, parts)


def counts(raw):
    return Counts().plot([json.loads(row) for row in raw.splitlines()])


PLOTS = {"counts": counts, "peers": peers, "live": live, "tunnels": tunnels}


def main():
    named = list(map(Path, sys.argv[1:]))
    if any(path.stem not in PLOTS or path.suffix != ".json" for path in named):
        sys.exit(__doc__)
    for path in named or (BENCHMARKS / f"{name}.json" for name in PLOTS):
        if path in named or path.exists():
            path.with_suffix(".svg").write_text(PLOTS[path.stem](path.read_text()))


if __name__ == "__main__":
    main()
