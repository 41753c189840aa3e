#!/usr/bin/env python3
"""Capture processing beside other programs: CPU time of whole processes, by turns.

  perf/peers.py [--rounds 5] [--frames 1000000] [--core 1] [--json FILE] [PROGRAM...]

Makes two Modbus/TCP captures (64 connections, 20,000), and in each round has every program read them in its turn,
alone on one core: Wicketgate under a policy that judges every command, with its audit log and without; tcpdump, which
only copies; nDPI, which names a connection's protocol and then stops reading; Suricata, which reads all Modbus and
alerts, with a log of each transaction and without; tshark, which dissects. A peer that tells of each command is held against
Wicketgate with its audit log, all others against Wicketgate without. A program that is not installed, nor named by WICKETGATE=, TCPDUMP=, NDPI=, SURICATA= or
TSHARK=, is left out, aloud. CPU time is user and system time of the process, from its start to its end. What each found
is held against what was put into the capture: a program that found something else is no peer, and ends the run.

Exit status: 0 all goals reached, 1 a goal missed, 2 a program failed or found something else.
"""
import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
import modbus_capture

HERE = Path(__file__).resolve().parent
SETTINGS = HERE / "peers"
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")) / "release" / "wicketgate"
OURS, UNLOGGED, COPY, NDPI = "wicketgate", "wicketgate-unlogged", "tcpdump", "ndpi"
SURICATA, SURICATA_LOG = "suricata", "suricata-log"
# Name, title, and clients, assets, connections between each of them.
CAPTURES = [("64", "64 connections", (8, 8, 1)), ("20000", "20,000 connections", (20, 100, 10))]
# What is to be reached: (capture, peer, at most so much of the peer's CPU time). Without a peer: nanoseconds of CPU a
# packet, without a log.
GOALS = [
    ("64", NDPI, 0.5),
    ("64", SURICATA, 0.125),
    ("64", SURICATA_LOG, 0.125),
    ("64", None, 100),
    ("20000", None, 200),
]


class Wrong(Exception):
    """A program failed, or found something else than was put in."""


@dataclass
class Case:
    """A capture, the policy that the gate reads it by, and what is in it."""

    capture: Path
    policy: Path
    truth: modbus_capture.Capture


class Gate:
    """`wicketgate replay` under a policy of one conduit for each pair of client and asset."""

    def __init__(self, logs):
        self.logs = logs
        self.title = "Wicketgate, audit log" if logs else "Wicketgate, no log"
        self.decides = "every command by function, register and value" + (", each told in the log" if logs else "")
        self.program = os.environ.get("WICKETGATE") or (BUILT if BUILT.exists() else None)
        self.version = ["--version"]

    def command(self, case, folder):
        log = ["--audit", folder / "log"] if self.logs else []
        # As much room as the capture needs: all of it is taken at the start.
        room = ["--inspected", case.truth.flows]
        return ["replay", case.capture, "--config", case.policy, "--json", *room, *log]

    def found(self, folder, out):
        report = json.loads(out)
        counts = Counter()
        for line in report["commands"]:
            counts[line["class"], line["verdict"]] += line["count"]
        counts["connections"] = sum(line["flows"] for line in report["talks"])
        counts["lost"] = report["audit_lost"]
        return dict(counts) | (self.logged(folder / "log") if self.logs else {})

    def logged(self, log):
        """Records of commands by their result, once the chain is verified."""
        verified = subprocess.run([self.program, "audit", "verify", log], capture_output=True, text=True)
        if verified.returncode:
            raise Wrong(f"the log does not verify: {verified.stdout}{verified.stderr}")
        with open(log) as lines:
            records = Counter(re.search('"result":"([a-z]+)"', line)[1] for line in lines if '"type":"command"' in line)
        return {("logged", result): count for result, count in records.items()}

    def expected(self, truth):
        counts = {("read", "forwarded"): truth.reads, ("write", "forwarded"): truth.writes}
        counts |= {("write", "denied"): truth.writes_of_several, "connections": truth.flows, "lost": 0}
        logged = {("logged", "success"): truth.reads + truth.writes, ("logged", "denied"): truth.writes_of_several}
        return counts | (logged if self.logs else {})


class Tcpdump:
    logs = False
    title, decides = "tcpdump -w /dev/null", "nothing: the least that a program on libpcap takes"
    program, version = os.environ.get("TCPDUMP") or shutil.which("tcpdump"), ["--version"]

    def command(self, case, folder):
        return ["-r", case.capture, "-w", "/dev/null"]

    def found(self, folder, out):
        return {}

    def expected(self, truth):
        return {}


class Ndpi:
    logs = False
    title, decides = "nDPI, ndpiReader -q", "each connection's protocol, by its first packets"
    program, version = os.environ.get("NDPI") or shutil.which("ndpiReader"), ["-h"]

    def command(self, case, folder):
        return ["-q", "-w", folder / "result", "-i", case.capture]

    def found(self, folder, out):
        row = re.search(r"^Modbus\t(\d+)\t\d+\t(\d+)", (folder / "result").read_text(), re.M)
        return {"packets": int(row[1]), "connections": int(row[2])} if row else {}

    def expected(self, truth):
        return {"packets": truth.frames, "connections": truth.flows}


class Suricata:
    """With a record of each transaction, request and answer, or with alerts alone."""

    program, version = os.environ.get("SURICATA") or shutil.which("suricata"), ["-V"]

    def __init__(self, logs):
        self.logs = logs
        self.title = "Suricata, " + ("each transaction logged" if logs else "Modbus and one rule")
        self.decides = "every transaction; an alert for each that the rule names" + (", each told in a log" if logs else "")

    def command(self, case, folder):
        settings = ["-c", SETTINGS / "suricata.yaml", "-S", SETTINGS / "modbus.rules", "--runmode", "single"]
        log = ["--set", f"outputs.1.eve-log.enabled={'yes' if self.logs else 'no'}"]
        return [*settings, *log, "-l", folder, "-r", case.capture]

    def found(self, folder, out):
        rows = dict(re.findall(r"^([a-z_.]+) +\| Total +\| (\d+)", (folder / "stats").read_text(), re.M))
        counts = {"alerts": len((folder / "alerts").read_text().splitlines())}
        counts |= {"transactions": int(rows.get("app_layer.tx.modbus", 0)), "connections": int(rows.get("flow.tcp", 0))}
        return counts | ({"logged": self.logged(folder)} if self.logs else {})

    def logged(self, folder):
        with open(folder / "transactions") as lines:
            return sum('"event_type":"modbus"' in line for line in lines)

    def expected(self, truth):
        counts = {"alerts": truth.writes_of_several, "transactions": truth.commands, "connections": truth.flows}
        return counts | ({"logged": truth.commands} if self.logs else {})


class Tshark:
    """In either of two ways; a PDU is a request or an answer."""

    logs = False
    program, version = os.environ.get("TSHARK") or shutil.which("tshark"), ["--version"]

    def __init__(self, fields):
        self.fields = fields
        self.title = "tshark -T fields" if fields else "tshark -z io,phs"
        self.decides = "nothing; each PDU's fields" if fields else "nothing; each PDU's protocol"

    def command(self, case, folder):
        how = ["-T", "fields", "-e", "mbtcp.trans_id", "-e", "modbus.func_code"] if self.fields else ["-q", "-z", "io,phs"]
        return ["-n", *how, "-r", case.capture]

    def found(self, folder, out):
        if not self.fields:
            row = re.search(r"^ +modbus +frames:(\d+)", out, re.M)
            return {"PDUs": int(row[1]) if row else 0}
        functions = Counter(line.partition("\t")[2] for line in out.splitlines())
        return {"PDUs": functions.total() - functions[""], "of function 16": functions["16"]}

    def expected(self, truth):
        functions = {"of function 16": 2 * truth.writes_of_several} if self.fields else {}
        return {"PDUs": 2 * truth.commands} | functions


PROGRAMS = {
    OURS: Gate(True),
    UNLOGGED: Gate(False),
    COPY: Tcpdump(),
    NDPI: Ndpi(),
    SURICATA: Suricata(False),
    SURICATA_LOG: Suricata(True),
    "tshark-phs": Tshark(False),
    "tshark-fields": Tshark(True),
}


def policy(clients, assets):
    """What the gate is to judge by: reads, and writes of a register in range; no write of several."""
    yield '[gate]\noverlay = "100.64.0.0/16"'
    yield '[[port]]\nname = "office"\nside = "overlay"\naddress = "100.64.255.1/16"'
    yield '[[port]]\nname = "line"\nside = "underlay"\naddress = "10.1.255.1/16"'
    for number in range(assets):
        _, address = modbus_capture.asset(number)
        yield f'[[asset]]\nname = "plc-{number}"\nzone = "line"\nport = "line"\nprotocols = ["modbus"]'
        yield f'overlay = "100.64.{address.partition(".1.")[2]}"\nunderlay = "{address}"'
    written = f'address = "0-{modbus_capture.REGISTERS - 1}", value = "0-{modbus_capture.VALUES - 1}"'
    for client in range(clients):
        _, address = modbus_capture.client(client)
        for number in range(assets):
            yield f'[[conduit]]\nname = "hmi-{client} runs plc-{number}"\nasset = "plc-{number}"\nprotocol = "modbus"'
            yield f'from = {{ address = "{address}", port = "office" }}'
            yield f'allow = ["read", {{ class = "write", function = 6, {written} }}]'


def made(folder, frames):
    """All cases, by name."""
    cases = {}
    for name, _, (clients, assets, connections) in CAPTURES:
        capture, rules = folder / f"{name}.pcap", folder / f"{name}.toml"
        truth = modbus_capture.write(capture, frames, clients, assets, connections)
        rules.write_text("\n".join(policy(clients, assets)) + "\n")
        cases[name] = Case(capture, rules, truth)
    return cases


def turn(program, case, folder, core):
    """One process from start to end, checked: its row."""
    folder.mkdir()
    command = ["taskset", "-c", core, program.program, *program.command(case, folder)]
    with open(folder / "out", "w+") as out, open(folder / "errors", "w+") as errors:
        began = time.monotonic()
        child = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=errors, cwd=folder)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), errors.seek(0)
        if child.returncode:
            raise Wrong(f"{program.title}: exit status {child.returncode}\n{errors.read()[-2000:]}")
        found, expected = program.found(folder, out.read()), program.expected(case.truth)
    shutil.rmtree(folder)
    if found != expected:
        raise Wrong(f"{program.title}: found {found}, where {expected} was put in")
    per_million = 1e6 / case.truth.frames
    return {
        "cpu": (usage.ru_utime + usage.ru_stime) * per_million,
        "user": usage.ru_utime * per_million,
        "wall": wall * per_million,
        "found": {str(name): count for name, count in found.items()},
    }


def measure(names, cases, scratch, options):
    """All rounds: rows by capture and program. The seconds in them are of a million packets."""
    rows = {case: {name: [] for name in names} for case in cases}
    for number in range(options.rounds):
        for key, case in cases.items():
            for name in names:
                progress(f"round {number + 1} of {options.rounds}: {key} connections, {name}")
                rows[key][name].append(turn(PROGRAMS[name], case, scratch / "turn", options.core))
    progress("")
    return rows


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:70}", end="" if text else "\r", file=sys.stderr, flush=True)


def installed(wanted):
    """The programs that are there; those that are not are named."""
    names = []
    for name in wanted or PROGRAMS:
        if PROGRAMS[name].program:
            names.append(name)
        else:
            print(f"not installed, left out: {PROGRAMS[name].title}")
    return names


def machine(names):
    """What the figures were taken on."""
    processor = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    versions = {PROGRAMS[name].program: version(PROGRAMS[name]) for name in names}
    return {
        "processor": processor[1] if processor else platform.processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "versions": {Path(program).name: said for program, said in versions.items()},
    }


def version(program):
    said = subprocess.run([program.program, *program.version], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return next((line for line in (said.stdout + said.stderr).splitlines() if re.search(r"\d\.\d", line)), "?").strip()


def cpu(rows, name):
    return [row["cpu"] for row in rows[name]]


def ours_beside(peer):
    """The Wicketgate that tells as much as the peer does."""
    return OURS if PROGRAMS[peer].logs else UNLOGGED


def ratios(rows, peer):
    """Wicketgate's CPU time over a peer's, round by round."""
    return [ours / theirs for ours, theirs in zip(cpu(rows, ours_beside(peer)), cpu(rows, peer))]


def spread(values, digits=2):
    median = statistics.median(values)
    return f"{median:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(rows):
    keys = list(rows)
    titles = [title for key, title, _ in CAPTURES if key in keys]
    yield "| program | decides | " + " | ".join(f"{title}, CPU s | Wicketgate's, of it" for title in titles) + " |"
    yield "|---" * (2 + 2 * len(keys)) + "|"
    for name in rows[keys[0]]:
        cells = [PROGRAMS[name].title, PROGRAMS[name].decides]
        for key in keys:
            is_peer = name not in (OURS, UNLOGGED) and ours_beside(name) in rows[key]
            cells += [spread(cpu(rows[key], name), 3), spread(ratios(rows[key], name)) if is_peer else ""]
        yield "| " + " | ".join(cells) + " |"


def goals(rows):
    """Of each goal that can be told: its text, its limit, what was seen, whether it is reached."""
    titles = {key: title for key, title, _ in CAPTURES}
    for key, peer, limit in GOALS:
        if {UNLOGGED, *([peer, ours_beside(peer)] if peer else [])} - set(rows[key]):
            continue
        if peer:
            seen, text, form = statistics.median(ratios(rows[key], peer)), f"CPU time, of {PROGRAMS[peer].title}", ".3g"
        else:
            seen, text, form = 1000 * statistics.median(cpu(rows[key], UNLOGGED)), "ns of CPU a packet", ".0f"
        yield f"{titles[key]}: {text}", format(limit, form), format(seen, form), seen <= limit


def show(rows, about, options):
    print(f"{about['processor']}, {about['cores']} cores, kernel {about['kernel']}, load {about['load']:.1f} at the start.")
    print("; ".join(about["versions"].values()) + ".")
    print(f"{options.rounds} rounds by turns, {options.frames:,} packets, CPU seconds for a million packets on one core;"
          " medians, and the least and the most:\n")
    print("\n".join(table(rows)))
    checks = list(goals(rows))
    print("\n| goal | at most | seen | |\n|---|---|---|---|")
    for text, limit, seen, met in checks:
        print(f"| {text} | {limit} | {seen} | {'reached' if met else 'missed'} |")
    return all(met for *_, met in checks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="in which each program has its turn (5; a minute each)")
    parser.add_argument("--frames", type=int, default=1_000_000, help="of each capture (1,000,000)")
    parser.add_argument("--core", default="1", help="that all programs run on (1)")
    parser.add_argument("--json", type=Path, help="write every row there")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(PROGRAMS)} (all that are installed)")
    options = parser.parse_args()
    if unknown := set(options.programs) - set(PROGRAMS):
        parser.error(f"no such program: {', '.join(unknown)}")
    names = installed(options.programs)
    about = machine(names)
    try:
        with tempfile.TemporaryDirectory(prefix="wicketgate-peers-") as folder:
            scratch = Path(folder)
            rows = measure(names, made(scratch, options.frames), scratch, options)
    except (Wrong, ValueError) as wrong:
        print(wrong, file=sys.stderr)
        return 2
    if options.json:
        options.json.write_text(json.dumps({"machine": about, "frames": options.frames, "rows": rows}, indent=1) + "\n")
    return 0 if show(rows, about, options) else 1


if __name__ == "__main__":
    sys.exit(main())
