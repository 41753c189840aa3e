#!/usr/bin/env python3
"""The user's hop beside other tunnels: throughput and round trip, medians of paired rounds.

  perf/live/tunnels.py [--rounds 6] [--seconds 3] [--json FILE] [TUNNEL...]

User, gate and server are network namespaces joined by veth pairs. In each round every tunnel takes its turn
between user and gate: boringtun, wireguard-go, OpenVPN (each where its program is installed, or named by
BORINGTUN=, WGGO=, OPENVPN=), and Wicketgate. Behind the peers' tunnels the kernel forwards; behind
Wicketgate's the gate judges (Modbus for the round trips, unread TCP for the bulk) and logs.
The gate runs on core 1, everything else on core 0.

Needs root, iperf3, iproute2, ethtool, wireguard-tools, openssl, gcc, and `pingpong` of ../shared/tools/perf (see its
README); without them this says so and ends well.
"""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOOLS = Path(os.environ.get("PERF_TOOLS", ROOT.parent / "shared" / "tools" / "perf"))
WICKETGATE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "wicketgate"
PEERS = {
    "boringtun": os.environ.get("BORINGTUN") or shutil.which("boringtun-cli"),
    "wireguard-go": os.environ.get("WGGO") or shutil.which("wireguard-go"),
    "openvpn": os.environ.get("OPENVPN") or shutil.which("openvpn"),
}
OURS, REFERENCE = "wicketgate", "boringtun"
OTHERS_CORE, GATE_CORE = "0", "1"
PASSWORD = "a password of a laboratory"
# Round trips a measurement, after as many hundreds that do not count.
TRIPS = 10_000
PATIENCE = 15
FIGURES = [
    ("up", "TCP to the asset, Gbit/s"),
    ("down", "TCP from the asset, Gbit/s"),
    ("p50", "Modbus round trip p50, us"),
    ("p99", "Modbus round trip p99, us"),
]


def skip(why):
    print(f"skipped: figures of tunnels: {why}")
    sys.exit(0)


def run(*words, **options):
    return subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True, **options).stdout


class Plant:
    """user -- gate -- server, and what runs in them."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.user, self.gate, self.server = (f"wgt{os.getpid()}{end}" for end in "ugs")
        self.children = []

    def __enter__(self):
        for name in (self.user, self.gate, self.server):
            run("ip", "netns", "add", name)
            self.ip(name, "link set lo up")
        self.cable((self.user, "eth0", "10.0.1.2"), (self.gate, "g0", "10.0.1.1"))
        self.cable((self.gate, "g1", "10.0.2.1"), (self.server, "eth0", "10.0.2.2"))
        self.ip(self.server, "route add default via 10.0.2.1")
        # An asset sends whole checksums and one frame at a time; a veth pair would hand over neither.
        for name, device in ((self.server, "eth0"), (self.gate, "g1")):
            run("ip", "netns", "exec", name, "ethtool", "-K", device, *"tx off tso off gso off gro off".split())
        return self

    def __exit__(self, *_):
        self.stop()
        for name in (self.user, self.gate, self.server):
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)

    def ip(self, name, words):
        run("ip", "-n", name, *words.split())

    def cable(self, one, other):
        run("ip", "link", "add", one[1], "netns", one[0], "type", "veth", "peer", "name", other[1], "netns", other[0])
        for name, device, address in (one, other):
            self.ip(name, f"addr add {address}/24 dev {device}")
            self.ip(name, f"link set {device} up")

    def inside(self, name, core, *words):
        return ["ip", "netns", "exec", name, "taskset", "-c", core, *map(str, words)]

    def start(self, name, core, *words, **options):
        log = (self.scratch / f"log.{len(self.children)}").open("w+")
        child = subprocess.Popen(self.inside(name, core, *words), stdout=log, stderr=subprocess.STDOUT, **options)
        self.children.append((child, log))
        return log

    def stop(self):
        """Ends what was started, the last first."""
        for child, _ in reversed(self.children):
            child.terminate()
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children = []

    def wait(self, what, until):
        for _ in range(PATIENCE * 20):
            found = until()
            if found:
                return found
            time.sleep(0.05)
        logs = "\n".join(Path(log.name).read_text() for _, log in self.children)
        raise RuntimeError(f"{what}: not within {PATIENCE} s\n{logs}")

    def wait_for(self, log, pattern):
        return self.wait(pattern, lambda: re.search(pattern, Path(log.name).read_text()))

    def wait_for_device(self, name, device):
        self.wait(device, lambda: subprocess.run(["ip", "-n", name, "link", "show", device], capture_output=True).returncode == 0)


def wireguard(plant, program, *flags):
    """Either of two programs that are told by `wg`."""
    keys = {}
    for name, core, device in ((plant.user, OTHERS_CORE, "tun0"), (plant.gate, GATE_CORE, "tun1")):
        plant.start(name, core, "env", "WG_SUDO=1", program, "-f", *flags, device)
        plant.wait_for_device(name, device)
        secret = plant.scratch / f"key.{device}"
        secret.write_text(run("wg", "genkey"))
        keys[device] = (secret, run("wg", "pubkey", input=secret.read_text()).strip())
    ends = (
        (plant.user, "tun0", "tun1", "10.8.0.1", "0.0.0.0/0", "10.0.1.1"),
        (plant.gate, "tun1", "tun0", "10.8.0.2", "10.8.0.1/32", "10.0.1.2"),
    )
    for name, mine, theirs, address, allowed, endpoint in ends:
        run("ip", "netns", "exec", name, "wg", "set", mine, "private-key", keys[mine][0], "listen-port", "51820",
            "peer", keys[theirs][1], "allowed-ips", allowed, "endpoint", f"{endpoint}:51820")
        plant.ip(name, f"addr add {address}/24 dev {mine}")
        plant.ip(name, f"link set {mine} mtu 1420 up")
    forward(plant)


def openvpn(plant, program):
    folder = plant.scratch / "pki"
    if not folder.exists():
        certify(folder)
    common = ["--dev-type", "tun", "--proto", "udp", "--data-ciphers", "AES-128-GCM", "--ca", folder / "ca.crt",
              "--dh", "none", "--verb", "1", "--txqueuelen", "1000", "--sndbuf", "4194304", "--rcvbuf", "4194304"]
    server = ["--dev", "tun1", "--tls-server", "--ifconfig", "10.8.0.2", "10.8.0.1", "--local", "10.0.1.1"]
    client = ["--dev", "tun0", "--tls-client", "--ifconfig", "10.8.0.1", "10.8.0.2", "--remote", "10.0.1.1", "--nobind"]
    pair = lambda name: ["--cert", folder / f"{name}.crt", "--key", folder / f"{name}.key"]
    plant.start(plant.gate, GATE_CORE, program, *server, *pair("server"), *common)
    log = plant.start(plant.user, OTHERS_CORE, program, *client, *pair("client"), *common)
    plant.wait_for(log, "Initialization Sequence Completed")
    forward(plant)


def certify(folder):
    """An authority and two certificates, for the run alone."""
    folder.mkdir()
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("openssl", "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca", "-days", "2", cwd=folder)
    for name in ("server", "client"):
        run("openssl", "req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=folder)
        run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", f"{name}.crt", "-days", "2", cwd=folder)


def forward(plant):
    """Behind a peer's tunnel the kernel forwards."""
    run("ip", "netns", "exec", plant.gate, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    plant.ip(plant.user, "route add 10.0.2.0/24 dev tun0")


def wicketgate(plant):
    state = plant.scratch / "state"
    policy = plant.scratch / "policy.toml"
    policy.write_text((HERE / "tunnels.toml").read_text().replace("FOLDER", str(state)))
    if not state.exists():
        run(WICKETGATE, "user", "add", "alice", "--role", "bench", "--no-totp", "--config", policy, input=f"{PASSWORD}\n")
    run("ip", "netns", "exec", plant.gate, "sysctl", "-qw", "net.ipv4.ip_forward=0")
    audit = plant.scratch / f"audit.{time.monotonic_ns()}"
    log = plant.start(plant.gate, GATE_CORE, WICKETGATE, "run", "--config", policy, "--audit", audit, "--core", GATE_CORE)
    plant.wait_for(log, "wicketgate: running")
    pin = re.search(r"certificate: (\S+)", Path(log.name).read_text())[1]
    typed = plant.scratch / "typed"
    typed.write_text(f"{PASSWORD}\n\n")
    log = plant.start(plant.user, OTHERS_CORE, WICKETGATE, "connect", "10.0.1.1:4433", "--user", "alice", "--pin", pin,
                      stdin=typed.open())
    plant.wait_for(log, "running: packets to")


def set_up(plant, tunnel):
    """Starts a tunnel; the address of the server as the user sees it."""
    if tunnel == OURS:
        wicketgate(plant)
        return "100.64.0.2"
    if tunnel == "openvpn":
        openvpn(plant, PEERS[tunnel])
    else:
        wireguard(plant, PEERS[tunnel], *(["--disable-drop-privileges"] if tunnel == "boringtun" else []))
    return "10.0.2.2"


def bulk(plant, address, seconds, *flags):
    log = plant.start(plant.server, OTHERS_CORE, "iperf3", "-s", "-1", "--forceflush")
    plant.wait_for(log, "listening")
    said = run(*plant.inside(plant.user, OTHERS_CORE, "iperf3", "-c", address, "-t", seconds, "-J", *flags))
    end = json.loads(said)
    if "error" in end:
        raise RuntimeError(f"iperf3: {end['error']}")
    return end["end"]["sum_received"]["bits_per_second"] / 1e9


def trips(plant, address, pingpong):
    plant.start(plant.server, OTHERS_CORE, pingpong, "server", "-x")
    time.sleep(0.2)
    said = run(*plant.inside(plant.user, OTHERS_CORE, pingpong, "client", "-d", address, "-n", TRIPS, "-H"))
    head, row = said.split("\n")[:2]
    return {name: float(value) for name, value in zip(head.split(), row.split()) if name in ("p50", "p99")}


def measure(scratch, tunnel, seconds, pingpong):
    with Plant(scratch) as plant:
        address = set_up(plant, tunnel)
        plant.wait("the server", lambda: subprocess.run(
            ["ip", "netns", "exec", plant.user, "ping", "-qc1", "-W1", address], capture_output=True).returncode == 0)
        figures = {"up": bulk(plant, address, seconds), "down": bulk(plant, address, seconds, "-R")}
        return figures | trips(plant, address, pingpong)


def table(rows):
    tunnels = list(rows)
    yield "| figure | " + " | ".join(tunnels) + f" | {OURS}, of {REFERENCE} |"
    yield "|---" * (len(tunnels) + 2) + "|"
    for figure, title in FIGURES:
        medians = [f"{statistics.median(row[figure] for row in rows[tunnel]):.2f}" for tunnel in tunnels]
        yield f"| {title} | " + " | ".join(medians) + f" | {ratio(rows, figure)} |"


def ratio(rows, figure):
    if OURS not in rows or REFERENCE not in rows:
        return ""
    values = [ours[figure] / theirs[figure] for ours, theirs in zip(rows[OURS], rows[REFERENCE])]
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6, help="paired rounds (6; some 15 s for each tunnel)")
    parser.add_argument("--seconds", type=int, default=3, help="of each transfer (3)")
    parser.add_argument("--json", type=Path, help="write every row there")
    parser.add_argument("tunnels", nargs="*", metavar="TUNNEL", help=f"of {', '.join([*PEERS, OURS])} (all that are there)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        skip("needs root, for network namespaces")
    if not (TOOLS / "pingpong.c").exists():
        skip(f"no pingpong at {TOOLS}")
    there = [*(tunnel for tunnel, program in PEERS.items() if program), OURS]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    rows = {tunnel: [] for tunnel in options.tunnels or there}
    with tempfile.TemporaryDirectory(prefix="wicketgate-tunnels-") as folder:
        scratch = Path(folder)
        pingpong = scratch / "pingpong"
        run("cc", "-O2", "-o", pingpong, TOOLS / "pingpong.c")
        for number in range(options.rounds):
            for tunnel in rows:
                if sys.stderr.isatty():
                    print(f"\rround {number + 1} of {options.rounds}: {tunnel:20}", end="", file=sys.stderr)
                rows[tunnel].append(measure(scratch, tunnel, options.seconds, pingpong))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    print(f"{options.rounds} paired rounds; medians, and of the ratios the least and the most:\n")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
