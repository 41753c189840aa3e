#!/usr/bin/env python3
"""What saturates first, and what a plant should buy: the tables of docs/SIZING.md.

  perf/sizing.py            prints them
  perf/sizing.py --write    puts them into docs/SIZING.md
  perf/sizing.py --check    fails where the document says something else
  perf/sizing.py --tables WORKERS SESSIONS INSPECTED    the MiB that so large tables take

Every figure below is named with where it comes from; the rest is arithmetic.
"""
import math
import sys
from pathlib import Path

import rings

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "SIZING.md"
BEGIN, END = "<!-- perf/sizing.py -->", "<!-- end -->"

# Measured (docs/PERFORMANCE.md). A worker on interfaces, copy mode, few connections: 612,836 frames of 64 bytes a second.
LIVE_NANOS = 1e9 / 612_836
# Measured: the engine's part of a frame by inspected connections that are open, none of them in a cache.
ENGINE_NANOS = {1: 75, 1_000: 170, 10_000: 302, 100_000: 327}
# Measured: commands a frame of a Modbus poll over TCP; the rest are answers and acknowledgements.
COMMANDS = 0.45
# Measured: bytes of a command's record, and what this machine's disk took.
RECORD, DISK = 663, 122e6
# By construction: a frame of the UMEM (16,384 are ample for a port of four queues).
FRAME, FRAMES = 2048, 16_384
# Measured: the process with 500 people's tunnels, beside what it holds of flows.
PROCESS = 230e6
# By construction: what `sessions` and `inspected` in [gate] may be at most; a sixteenth of either is kept for machines.
MOST, KEPT = 65_536, 1 / 16
# By construction, bytes: a worker's 65,536 flows with all else that no setting changes; an inspected connection; a session,
# in each worker and once for all. `--tables` is held against the program by a test.
FLOWS, STREAM, SESSION, SLOT = 26.6 * 1024**2, 25.84 * 1024, 92, 64
# Assumed: a handed over frame's two rings and its cache lines; and how full a core may be, so that a burst finds room.
HAND_OVER_NANOS, FULL = 200, 0.5
# By construction: lines of 64 bytes that go from one core to another. For a frame that is handed over: its descriptor (2), both
# ends of the ring (2), whether the owner sleeps (1), the frame's 80 bytes (2), the ledger (1). For a command: EVENT of them, and
# both ends of the queue to control. The session's slot is none: only its worker writes it.
EVENT = 7
HANDED_LINES, EVENT_LINES, LINE = 8, EVENT + 2, 64
# The simulation of rings (perf/rings.py): its seed; frames of a burst, how far apart at 10 Gb/s, and of a steady load.
SEED, BURST, STEADY = 1, 64, 64 * 300
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
            if connections <= n * MOST * (1 - KEPT) and frames * frame_nanos(connections, n) <= n * FULL * 1e9)
    return next(fits, None)


def room(connections):
    """What a setting must be so that people may have so many, in steps of a thousand."""
    return max(4096, math.ceil(connections / (1 - KEPT) / 1000) * 1000)


def table_bytes(workers, sessions, inspected):
    return workers * (FLOWS + inspected * STREAM + sessions * SESSION) + sessions * SLOT


def memory(workers, sessions, inspected, ports=2):
    return table_bytes(workers, sessions, inspected) + ports * FRAMES * FRAME + PROCESS


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
    rows.append((f"{MOST:,} sessions, the most of a gate, one connection each, 20 commands a second", MOST * polled))
    rows.append(("a link of 10 Gb/s, one direction", link))
    rows.sort(key=lambda row: row[1])
    cells = ([name, f"{frames / 1e6:.2f}", f"{frames * COMMANDS / 1e6:.2f}", f"{frames / link:.0%}"] for name, frames in rows)
    return table(["part, alone", "million frames/s", "million commands/s", "of 10 Gb/s"], cells)


def scaling():
    """What each number of workers bears, and what goes between their cores for that."""
    rows = []
    for n in (1, 2, 4, 8, 16):
        handed, frames = (n - 1) / n, n * 1e9 / frame_nanos(10_000, n)
        steered = n * 1e9 / (frame_nanos(10_000, n) - HAND_OVER_NANOS * handed)
        lines = handed * HANDED_LINES + COMMANDS * EVENT_LINES
        rows.append([n, f"{frame_nanos(10_000, n):,.0f}", f"{handed:.0%}", f"{frames / 1e6:.2f}", f"{steered / 1e6:.2f}",
                     f"{lines:.1f}", f"{frames * lines * LINE / 1e9:.1f}"])
    return table(["workers", "ns a frame", "handed over", "million frames/s", "the same, steered", "lines between cores a frame",
                  "GB/s of them"], rows)


def simulated(workers, ring, frames, burst, rate):
    """A run of the rings with 10,000 inspected connections, nobody steering."""
    own = frame_nanos(10_000, workers) - HAND_OVER_NANOS * (workers - 1) / workers
    gap = (BYTES + GAP) * 8 / 10
    arrivals = rings.bursts(SEED, workers, frames, burst, gap, rate)
    return rings.Gate(arrivals, workers, ring, own, HAND_OVER_NANOS / 2, HAND_OVER_NANOS / 2).run()


def at_once():
    rows = []
    for n in (1, 2, 4, 8, 16):
        small, large = (simulated(n, ring, 10_000, 10_000, 1_000) for ring in (2_048, 16_384))
        rows.append([n, f"{small.queue_full / 10_000:.0%}", f"{large.queue_full / 10_000:.0%}",
                     f"{large.waited(0.5) / 1e6:.1f} ms", f"{large.waited(1) / 1e6:.1f} ms"])
    return table(["workers", "lost, `ring = 2048`", "lost, `ring = 16384`", "then: half decided on within", "all within"], rows)


def steady():
    rows = []
    for load in (0.5, 0.8, 0.95):
        for n in (1, 2, 4, 8, 16):
            run = simulated(n, 2_048, STEADY, BURST, load * n * 1e9 / frame_nanos(10_000, n))
            lost = run.queue_full + run.ring_full
            rows.append([f"{load:.0%}", n, f"{lost / STEADY:.1%}", *(f"{run.waited(share) / 1e6:.2f}" for share in (0.5, 0.99, 0.999))])
    return table(["load", "workers", "lost", "p50, ms", "p99, ms", "p99.9, ms"], rows)


def plants():
    rows = []
    for name, assets, rate, connections, link in PLANTS:
        commands = assets * rate
        frames, disk = commands / COMMANDS, commands * RECORD
        workers = workers_for(frames, connections)
        sessions, inspected = room(connections), room(connections / workers)
        rows.append([
            name, f"{assets:,}", f"{sessions:,}", f"{inspected:,}", f"{commands:,.0f}", f"{frames:,.0f}",
            f"{frames * (BYTES + GAP) * 8 / 1e9:.3f}", workers, workers + 2,
            f"{math.ceil(memory(workers, sessions, inspected) / 1e9)}",
            f"{disk / 1e6:.1f}", f"{disk * 86_400 / 1e9:,.0f}", f"2 x {link} Gb/s, {workers} or more queues",
        ])
    return table(["", "assets", "`sessions`", "`inspected`", "commands/s", "frames/s", "Gb/s", "workers", "cores", "memory, GB",
                  "log, MB/s", "log, GB a day", "network cards"], rows)


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
    parts = [("What each part bears", limits()), ("1 to 16 workers, 10,000 inspected connections", scaling()),
             ("10,000 assets asked at once, simulated", at_once()), ("Bursts of 64 frames, simulated", steady()), ("10 Gb/s, one direction, 10,000 inspected connections", line_rate()), ("How long a log lasts", keeping()), ("What to buy", plants())]
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts)


def main():
    if sys.argv[1:] == []:
        print(tables())
        return 0
    if sys.argv[1:2] == ["--tables"]:
        print(math.ceil(table_bytes(*map(int, sys.argv[2:])) / 1024**2))
        return 0
    text = f"{BEGIN}\n{tables()}\n{END}"
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
