#!/usr/bin/env python3
"""What saturates first, and what a plant should buy: the tables of docs/SIZING.md.

  perf/sizing.py            prints them
  perf/sizing.py --write    puts them into docs/SIZING.md
  perf/sizing.py --check    fails where the document says something else

Every figure below is named with where it comes from; the rest is arithmetic.
"""
import math
import sys
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "SIZING.md"
BEGIN, END = "<!-- perf/sizing.py -->", "<!-- end -->"

# Measured (docs/PERFORMANCE.md). A worker on interfaces, copy mode, few connections: 612,836 frames of 64 bytes a second.
LIVE_NANOS = 1e9 / 612_836
# Measured: the engine's part of a frame by inspected connections that are open, none of them in a cache.
ENGINE_NANOS = {1: 137, 1_000: 567, 10_000: 904, 100_000: 1_016}
# Measured: commands a frame of a Modbus poll over TCP; the rest are answers and acknowledgements.
COMMANDS = 0.45
# Measured: bytes of a command's record, and what this machine's disk took.
RECORD, DISK = 663, 122e6
# By construction: a frame of the UMEM (16,384 are ample for a port of four queues).
FRAME, FRAMES = 2048, 16_384
# Measured: the process with 500 people's tunnels, beside what it holds of flows.
PROCESS = 230e6
# As built: sessions of a gate, inspected connections of a worker (SESSIONS and Limits::default() in the source), and what
# a worker's tables take for as many, used or not.
SESSIONS, STREAMS, TABLES = 4_096, 4_096, 115 * 1024 * 1024
# Assumed: a handed over frame's two rings and its cache lines; and how full a core may be, so that a burst finds room.
HAND_OVER_NANOS, FULL = 200, 0.5
# The mix: Modbus/TCP of 80 bytes in the mean (requests of 66, answers of 83, acknowledgements of 64, some longer);
# preamble and gap are 20 more on the wire (IEEE 802.3).
BYTES, GAP = 80, 20
# Name, assets, commands a second and asset, connections (each a session of its own), Gb/s of a link.
PLANTS = [
    ("small line", 20, 20, 100, 1),
    ("plant", 500, 20, 2_500, 10),
    ("site", 10_000, 20, 30_000, 10),
]


def frame_nanos(connections, workers):
    """A worker's time for a frame, where each has its share of the connections and nobody steers."""
    share = connections / workers
    engine = next((nanos for count, nanos in ENGINE_NANOS.items() if share <= count), max(ENGINE_NANOS.values()))
    return LIVE_NANOS - ENGINE_NANOS[1] + engine + HAND_OVER_NANOS * (workers - 1) / workers


def workers_for(frames, connections):
    """Workers that are at most FULL and hold the connections; None where 64, the most there may be, are not enough."""
    fits = (n for n in range(1, 65)
            if connections <= n * STREAMS and frames * frame_nanos(connections, n) <= n * FULL * 1e9)
    return next(fits, None)


def memory(workers, ports=2):
    return workers * TABLES + ports * FRAMES * FRAME + PROCESS


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def limits():
    """How much of the mix each part bears, alone."""
    link = 10e9 / 8 / (BYTES + GAP)
    rows = [("audit log on a disk of 122 MB/s", DISK / RECORD / COMMANDS),
            ("audit log on a disk of 1 GB/s, if one thread can fill it", 1e9 / RECORD / COMMANDS)]
    rows += [(f"{n} worker{'s' * (n > 1)}, 10,000 inspected connections", n * 1e9 / frame_nanos(10_000, n))
             for n in (1, 2, 4, 8, 16)]
    polled = PLANTS[0][2] / COMMANDS
    rows.append((f"{SESSIONS:,} sessions of a gate, as built, one connection each, 20 commands a second",
                 SESSIONS * polled))
    rows.append(("a link of 10 Gb/s, one direction", link))
    rows.sort(key=lambda row: row[1])
    cells = ([name, f"{frames / 1e6:.2f}", f"{frames * COMMANDS / 1e6:.2f}", f"{frames / link:.0%}"] for name, frames in rows)
    return table(["part, alone", "million frames/s", "million commands/s", "of 10 Gb/s"], cells)


def plants():
    rows = []
    for name, assets, rate, connections, link in PLANTS:
        gates = math.ceil(connections / SESSIONS)
        commands = assets * rate / gates
        frames = commands / COMMANDS
        workers = workers_for(frames, connections / gates)
        disk = commands * RECORD
        rows.append([
            name, f"{assets:,}", gates, f"{commands:,.0f}", f"{frames:,.0f}", f"{frames * (BYTES + GAP) * 8 / 1e9:.3f}",
            workers, workers + 2, f"{math.ceil(memory(workers) / 1e9)}",
            f"{disk / 1e6:.1f}", f"{disk * 86_400 / 1e9:,.0f}", f"2 x {link} Gb/s, {workers} or more queues",
        ])
    return table(["", "assets", "gates", "commands/s of one", "frames/s", "Gb/s", "workers", "cores", "memory, GB", "log, MB/s",
                  "log, GB a day", "network cards"], rows)


def keeping():
    rows = [[f"{rate:,}", f"{rate * RECORD / 1e6:.2f}", f"{rate * RECORD * 86_400 / 1e9:,.1f}",
             f"{1e12 / (rate * RECORD * 86_400):,.1f}"] for rate in (100, 1_000, 10_000, 100_000)]
    return table(["commands/s", "MB/s", "GB a day", "days in 1 TB"], rows)


def line_rate():
    rows = []
    for size in (80, 200, 600, 1500):
        frames = 10e9 / 8 / (size + GAP)
        workers = workers_for(frames, 10_000)
        rows.append([size, f"{frames / 1e6:.2f}", f"{frames * COMMANDS * RECORD / 1e9:.2f}",
                     workers if workers else "more than 64"])
    return table(["bytes a frame", "million frames/s", "log, GB/s", "workers, half full"], rows)


def tables():
    parts = [("What each part bears", limits()), ("10 Gb/s, one direction, 10,000 inspected connections", line_rate()),
             ("How long a log lasts", keeping()), ("What to buy", plants())]
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts)


def main():
    text = f"{BEGIN}\n{tables()}\n{END}"
    if sys.argv[1:] == []:
        print(tables())
        return 0
    before = DOCUMENT.read_text()
    start, end = before.index(BEGIN), before.index(END) + len(END)
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(before[:start] + text + before[end:])
        return 0
    if before[start:end] != text:
        print("docs/SIZING.md is not what perf/sizing.py says: perf/sizing.py --write", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
