"""A Modbus/TCP capture of many connections, made up: the same bytes for the same arguments on any machine.

Clients (10.0.0.0/16) poll assets (10.1.0.0/16) in turns: each connection is opened by a whole handshake, asks one
request at a time and gets its answer, and is closed at the end. Nine requests of a hundred write a register, one of a
hundred writes several, the others read ten. Lengths, sequence numbers and all checksums are right; what nobody
looks at (windows, acknowledgements without data) is as simple as may be.
"""
import random
import struct
from dataclasses import dataclass

# RFC 9293, 3.1.
FIN, SYN, PSH, ACK = 1, 2, 8, 16
MODBUS = 502
WINDOW = 64_240
# IEEE 802.3: without the checksum, which captures do not have.
SHORTEST = 60
# Microseconds between two frames.
GAP = 10
START = 1_700_000_000_000_000
# Frames that open and close a connection.
AROUND = 6
# Exchanges that are made up; connections draw from them.
VARIANTS = 4096
WRITE, WRITE_SEVERAL = 0.09, 0.01
# Registers that are read and written begin below this, and what is written is no more.
REGISTERS, VALUES = 100, 1500


@dataclass
class Capture:
    """What was written: the truth that every reader is held against."""

    frames: int = 0
    flows: int = 0
    reads: int = 0
    writes: int = 0
    writes_of_several: int = 0

    @property
    def commands(self):
        return self.reads + self.writes + self.writes_of_several


@dataclass
class Body:
    """Bytes behind a transaction identifier, and their part of a checksum."""

    tail: bytes
    sum: int

    @staticmethod
    def of(pdu):
        """With the rest of the MBAP header: protocol, length, unit."""
        tail = struct.pack("!HHB", 0, len(pdu) + 1, 1) + pdu
        return Body(tail, words(tail))


def words(data):
    """The sum of its 16-bit words (RFC 1071), not folded."""
    padded = data + b"\0" * (len(data) % 2)
    return sum(struct.unpack(f"!{len(padded) // 2}H", padded))


def checksum(total):
    """Of a sum of words that is not 0: folded and complemented."""
    return 0xFFFF - ((total - 1) % 0xFFFF + 1)


def client(number):
    """Its address, as bytes and as text."""
    return address(0, number)


def asset(number):
    """Its address, as bytes and as text."""
    return address(1, number)


def address(network, number):
    octets = 10, network, number // 250, 2 + number % 250
    return bytes(octets), ".".join(map(str, octets))


class Way:
    """One direction of a connection: what all its frames have in common."""

    def __init__(self, source, destination, macs):
        addresses = source[0] + destination[0]
        ports = struct.pack("!HH", source[1], destination[1])
        self.head = macs + b"\x08\x00\x45\x00"
        self.addresses = addresses + ports
        # Version to protocol (RFC 791); pseudo-header, ports and window (RFC 9293).
        self.ip = 0x4500 + 0x4000 + 0x4006 + words(addresses)
        self.tcp = words(addresses) + 6 + words(ports) + WINDOW


class Connection:
    """One connection: its two ways, and where their numbers are."""

    def __init__(self, number, clients, assets, drawn):
        pair, lap = number % (clients * assets), number // (clients * assets)
        whose, where = pair % clients, pair // clients
        source = client(whose)[0], 40_000 + lap * assets + where
        server = asset(where)[0], MODBUS
        macs = [b"\x02\x00" + end[0] for end in (server, source)]
        self.ways = Way(source, server, macs[0] + macs[1]), Way(server, source, macs[1] + macs[0])
        self.seq = [drawn.getrandbits(32), drawn.getrandbits(32)]
        self.id = drawn.getrandbits(16)
        self.transaction = 0


class Writer:
    """Frames of connections, as a pcap (draft-ietf-opsawg-pcap)."""

    def __init__(self, file):
        self.file, self.at = file, START
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))

    def frame(self, connection, back, flags, payload=b"", payload_sum=0):
        way, size = connection.ways[back], len(payload)
        seq, ack = connection.seq[back], connection.seq[1 - back] if flags & ACK else 0
        connection.id = number = connection.id + 1 & 0xFFFF
        length = 40 + size
        offset = 0x5000 | flags
        ip = checksum(way.ip + length + number)
        tcp = checksum(
            way.tcp + 20 + size + offset + (seq >> 16) + (seq & 0xFFFF) + (ack >> 16) + (ack & 0xFFFF) + payload_sum
        )
        head = way.head + struct.pack("!HHIH", length, number, 0x40004006, ip) + way.addresses
        rest = struct.pack("!IIHHHH", seq, ack, offset, WINDOW, tcp, 0) + payload
        frame = (head + rest).ljust(SHORTEST, b"\0")
        seconds, micros = divmod(self.at, 1_000_000)
        self.file.write(struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame)
        self.at += GAP
        connection.seq[back] = seq + size + (1 if flags & (SYN | FIN) else 0) & 0xFFFFFFFF

    def open(self, connection):
        for back, flags in ((0, SYN), (1, SYN | ACK), (0, ACK)):
            self.frame(connection, back, flags)

    def exchange(self, connection, bodies):
        connection.transaction = transaction = connection.transaction + 1 & 0xFFFF
        prefix = transaction.to_bytes(2, "big")
        for back, body in enumerate(bodies):
            self.frame(connection, back, PSH | ACK, prefix + body.tail, transaction + body.sum)

    def close(self, connection):
        for back, flags in ((0, FIN | ACK), (1, FIN | ACK), (0, ACK)):
            self.frame(connection, back, flags)


def exchange(drawn):
    """Which count it adds to, and a request with its answer (Modbus application protocol V1.1b3, 6.3, 6.6, 6.12)."""
    register, value, kind = drawn.randrange(REGISTERS), drawn.randrange(VALUES), drawn.random()
    if kind < WRITE_SEVERAL:
        asked = struct.pack("!BHHBHH", 16, register, 2, 4, value, value)
        return "writes_of_several", (Body.of(asked), Body.of(asked[:5]))
    if kind < WRITE_SEVERAL + WRITE:
        asked = Body.of(struct.pack("!BHH", 6, register, value))
        return "writes", (asked, asked)
    answer = struct.pack("!BB", 3, 20) + drawn.randbytes(20)
    return "reads", (Body.of(struct.pack("!BHH", 3, register, 10)), Body.of(answer))


def write(path, frames, clients, assets, connections, seed=1):
    """Writes `frames` frames, of `connections` between each of `clients` and each of `assets`."""
    drawn = random.Random(seed)
    flows = clients * assets * connections
    capture = Capture(frames=frames, flows=flows)
    exchanges = [exchange(drawn) for _ in range(VARIANTS)]
    count, odd = divmod(frames - AROUND * flows, 2)
    if count < flows or odd:
        raise ValueError(f"{frames} frames are too few, or an odd number, for {flows} connections")
    talks = [Connection(number, clients, assets, drawn) for number in range(flows)]
    with open(path, "wb", buffering=1 << 20) as file:
        writer = Writer(file)
        for connection in talks:
            writer.open(connection)
        for number, (kind, bodies) in enumerate(drawn.choices(exchanges, k=count)):
            writer.exchange(talks[number % flows], bodies)
            setattr(capture, kind, getattr(capture, kind) + 1)
        for connection in talks:
            writer.close(connection)
    return capture
