#!/usr/bin/env python3
"""The gate on network interfaces, beside its peers: medians of paired rounds.

  perf/live/bench.py [--rounds 20] [--zero-loss] [--json FILE]

Client, gate and server are network namespaces joined by veth pairs. In each round every gate takes its
turn in the same place: none at all (a wire), the kernel's forwarding, nftables NAT, a plain AF_XDP forwarder
with NAT (`xskfwd -N`), Suricata as an IPS with Modbus rules where it is installed, and Wicketgate with a
policy and an audit log, on a core where it never sleeps, nor does the forwarder. Figures of one round are
pairs; what is printed are medians of their ratios, because the host of a virtual machine moves its cores
nearer and farther. The machine's own jitter is measured on the gate's core in the same run.

Traffic sources, topology and the forwarder are those of ../shared/tools/perf (see its README); without
them, or without root, this says so and ends well. Needs iperf3, nftables, ethtool, iproute2, gcc.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOOLS = Path(os.environ.get("PERF_TOOLS", ROOT.parent / "shared" / "tools" / "perf"))
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
WIRE, KERNEL, NFT, FORWARDER, IPS, OURS = (
    "direct", "kernel-fwd", "nft-nat", "xsk-native-nat", "suricata-ips-rules", "ours"
)
TITLES = {
    WIRE: "wire",
    KERNEL: "kernel",
    NFT: "nftables NAT",
    FORWARDER: "xskfwd -N",
    IPS: "Suricata IPS",
    OURS: "Wicketgate",
}
CORE = "1"
# Nanoseconds of a frame's CPU time that the gate may take more than the forwarder.
MORE = 60
# Rounds of what is not a pair of all gates, at most.
FEW = 5
# A PLC's cycle, and the share of it that the gate's own time may take at p99.9.
CYCLE_NANOS, SHARE = 10_000_000, 0.01
# What is measured: (test, figure, title, unit, more is better)
FIGURES = [
    ("cap", "delivered", "64-byte capacity", "frames/s", True),
    ("ndr", "ndr", "rate with a loss of 0.1 % at most", "frames/s", True),
    ("tcp", "gbit", "TCP throughput", "Gbit/s", True),
    ("rtt", "p50", "TCP round trip p50", "us", False),
    ("rtt", "p99", "TCP round trip p99", "us", False),
    ("rtt", "p99.9", "TCP round trip p99.9", "us", False),
    ("echo", "p50", "ICMP echo p50", "us", False),
]
# What the gate is to reach: (test, figure, peer, least or most, limit)
GOALS = [
    ("cap", "delivered", NFT, "least", 1.1),
    ("cap", "delivered", FORWARDER, "least", 0.9),
    ("ndr", "ndr", IPS, "least", 1.2),
    ("rtt", "p50", FORWARDER, "most", 1.2),
    ("rtt", "p99.9", FORWARDER, "most", 1.2),
    ("echo", "p50", FORWARDER, "most", 1.1),
]


def skip(why):
    print(f"skipped: figures on interfaces: {why}")
    sys.exit(0)


def tools(scratch):
    """A copy of the tools, built."""
    if os.geteuid() != 0:
        skip("needs root, for network namespaces")
    if not (TOOLS / "bench_net.py").exists():
        skip(f"no traffic sources at {TOOLS}")
    copy = scratch / "tools"
    shutil.copytree(TOOLS, copy, ignore=shutil.ignore_patterns("rust_parsers", "tls_quic", "pcap"))
    programs = ["udpgen", "pingpong", "xskfwd", "spinner", "c2c"]
    subprocess.run(["make", "-s", "-C", copy, *programs], check=True)
    return copy


def jitter():
    """The machine's own, on the gate's core."""
    command = ["taskset", "-c", CORE, TARGET / "wicketgate-perf", "--jitter", "5"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def gates():
    """Who takes turns."""
    if shutil.which(os.environ.get("SURICATA", "suricata")):
        return [WIRE, KERNEL, NFT, FORWARDER, IPS, OURS]
    print("skipped: Suricata: not installed", file=sys.stderr)
    return [WIRE, KERNEL, NFT, FORWARDER, OURS]


def measure(copy, scratch, rounds, tests, gates):
    """All rounds: rows by gate and test, and what gates said at their ends."""
    # One log a start: a gate never writes over one.
    gate = scratch / "gate.sh"
    gate.write_text(
        f"#!/bin/sh\nexec {TARGET / 'wicketgate'} run --config {HERE / 'policy.toml'}"
        f" --audit {scratch}/audit.$$ --core {CORE} --spin --json\n"
    )
    gate.chmod(0o755)
    rows, log = scratch / "rows.json", scratch / "log"
    command = [copy / "bench_net.py", "--prefix", f"wg{os.getpid() % 10000}", "--rounds", str(rounds)]
    command += ["--gates", ",".join(gates), "--tests", tests, "--json", rows]
    command += ["--own", f"{OURS}=100.64.0.2={gate}", "--ready", "wicketgate: running"]
    with log.open("w") as out, subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as bench:
        for line in bench.stderr:
            out.write(line)
            progress(line, rounds)
    progress("", rounds)
    if bench.returncode:
        sys.exit(f"the measurement failed:\n{log.read_text()[-2000:]}")
    return json.loads(rows.read_text())["res"], log.read_text()


def progress(line, rounds):
    if not sys.stderr.isatty():
        return
    found = re.match(r"# round (\d+) (\S+) (\S+)", line)
    text = f"round {int(found[1]) + 1} of {rounds}: {found[2]} {found[3]}" if found else ""
    if found or not line:
        print(f"\r{text:60}", end="" if text else "\r", file=sys.stderr, flush=True)


def busy_forwarder(log):
    """Nanoseconds of CPU time a frame, round by round, as `xskfwd` counts them: turns with a frame in them."""
    return [float(busy) for busy in re.findall(r"busy_ns/pkt=(\d+)", log)]


def busy_ours(said):
    """The same of the gate."""
    return [worker["busy_ns"] / worker["frames"]["total"] for report in said for worker in report["workers"]]


def reports(log):
    """The gate's reports: one JSON document each, between lines that begin with `# `."""
    text = "\n".join(line[2:] for line in log.splitlines() if line.startswith("# "))
    decoder, found = json.JSONDecoder(), []
    for start in (match.start() for match in re.finditer(r"^\{", text, re.M)):
        try:
            found.append(decoder.raw_decode(text[start:])[0])
        except json.JSONDecodeError:
            continue
    return found


def ratios(rows, test, figure, peer):
    pairs = zip(rows[OURS].get(test, []), rows.get(peer, {}).get(test, []))
    return [ours[figure] / theirs[figure] for ours, theirs in pairs if theirs.get(figure) and figure in ours]


def spread(values, digits=2):
    if not values:
        return "-"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"


def median(rows, figure):
    values = [row[figure] for row in rows if figure in row]
    return number(statistics.median(values)) if values else "-"


def table(rows):
    peers = [peer for peer in (NFT, FORWARDER, IPS) if peer in rows]
    yield "| figure | " + " | ".join([TITLES[gate] for gate in rows] + [f"of {TITLES[peer]}" for peer in peers]) + " |"
    yield "|---" * (1 + len(rows) + len(peers)) + "|"
    for test, figure, title, unit, _ in FIGURES:
        if test in rows[OURS]:
            medians = [median(rows[gate][test], figure) for gate in rows]
            of_peers = [spread(ratios(rows, test, figure, peer)) for peer in peers]
            yield f"| {title}, {unit} | " + " | ".join([*medians, *of_peers]) + " |"


def goals(rows):
    for test, figure, peer, side, limit in GOALS:
        pairs = ratios(rows, test, figure, peer)
        if not pairs:
            continue
        value = statistics.median(pairs)
        met = value >= limit if side == "least" else value <= limit
        yield met, f"{test} {figure}, of {TITLES[peer]}: {value:.2f}, at {side} {limit}"


def own_time(said):
    """Medians over the gate's reports of its own time a frame, in nanoseconds."""
    return {key: statistics.median(report["latency"][key] for report in said) for key in ("p50", "p99", "p999", "max")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="paired rounds (20; a minute each)")
    parser.add_argument("--zero-loss", action="store_true", help="the highest rate without loss, too (two minutes more a round)")
    parser.add_argument("--json", type=Path, help="write every row there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wicketgate-bench-") as folder:
        scratch = Path(folder)
        copy = tools(scratch)
        floor = jitter()
        tests = "cap,ndr,tcp,rtt,echo" if options.zero_loss else "cap,tcp,rtt,echo"
        rows, _ = measure(copy, scratch, options.rounds, tests, gates())
        # Floods fill queues: what a cycle meets is the gate at the pace of who asks and waits.
        _, log = measure(copy, scratch, min(options.rounds, FEW), "rtt,echo", [OURS])
        said = reports(log)
        _, log = measure(copy, scratch, min(options.rounds, FEW), "cap", [FORWARDER, OURS])
        busy = {FORWARDER: busy_forwarder(log), OURS: busy_ours(reports(log))}
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "reports": said, "jitter": floor, "busy": busy}, indent=1))
    print(f"{options.rounds} paired rounds; medians, and of the ratios the least and the most:\n")
    print("\n".join(table(rows)))
    own = own_time(said)
    print("\n| a frame's time in the gate, ns | p50 | p99 | p99.9 | max |\n|---|---|---|---|---|")
    print("| Wicketgate, from rx ring to tx ring | " + " | ".join(number(own[key]) for key in own) + " |")
    print("| the machine: a loop as long, without a gate | " + " | ".join(number(floor[key]) for key in own) + " |")
    print("\n| CPU time a frame under a flood, ns | median (least-most) |\n|---|---|")
    for gate, nanos in busy.items():
        print(f"| {TITLES[gate]} | {spread(nanos, 0)} |")
    print()
    checks = list(goals(rows))
    more = statistics.median(ours - theirs for ours, theirs in zip(busy[OURS], busy[FORWARDER]))
    checks.append((more <= MORE, f"CPU time a frame: {more:.0f} ns more than {TITLES[FORWARDER]}, at most {MORE}"))
    share = own["p999"] / CYCLE_NANOS
    checks.append((share < SHARE, f"p99.9 of the gate's own time: {share:.3%} of a 10 ms cycle, under {SHARE:.0%}"))
    for met, text in checks:
        print(f"{'reached' if met else 'MISSED '}  {text}")


if __name__ == "__main__":
    main()
