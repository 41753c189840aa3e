#!/usr/bin/env python3
"""Writes capture.pcapng: implicit I/O of EtherNet/IP, as scanners and a drive speak it.

Usage: make.py > capture.pcapng

Made by hand, for no stack at hand does I/O: the bytes are those of ENIP 2-3, 2-6 and CIP 3-5.5, the TCP is
that of two ends between which nothing is lost. Every run writes the same bytes.
"""
import struct
import sys

EPOCH_NS = 1772438400 * 10**9  # 2026-03-02 08:00:00 UTC
GATEWAY = bytes.fromhex("0200000010fe")
PRESS = ("192.168.10.20", bytes.fromhex("021d9c100020"))
HMI, LAPTOP = "192.168.20.5", "192.168.20.7"

frames = []
now = 0


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text):
    return bytes(int(part) for part in text.split("."))


def put(src, dst, protocol, l4, at):
    """One frame on the press line; `at` is where its transport checksum stands."""
    pseudo = address(src) + address(dst) + struct.pack(">BBH", 0, protocol, len(l4))
    l4 = l4[:at] + struct.pack(">H", checksum(pseudo + l4) or 0xFFFF) + l4[at + 2 :]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(l4), 0, 0x4000, 63, protocol, 0) + address(src) + address(dst)
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    macs = PRESS[1] + GATEWAY if dst == PRESS[0] else GATEWAY + PRESS[1]
    frames.append((now, (macs + b"\x08\x00" + head + l4).ljust(60, b"\0")))


class Connection:
    """One TCP connection to the press, and its EtherNet/IP session."""

    def __init__(self, client, port):
        self.ends, self.next = {True: (client, port), False: (PRESS[0], 44818)}, {True: 1000, False: 5000}
        for asks, flags in ((True, 0x02), (False, 0x12), (True, 0x10)):
            self.segment(asks, flags)
        self.exchange(packet(0x65, b"\1\0\0\0", 0), packet(0x65, b"\1\0\0\0"))

    def segment(self, asks, flags, payload=b""):
        step(0.2)
        (src, sport), (dst, dport) = self.ends[asks], self.ends[not asks]
        ack = self.next[not asks] if flags & 0x10 else 0
        head = struct.pack(">HHIIBBHHH", sport, dport, self.next[asks], ack, 0x50, flags, 8192, 0, 0)
        put(src, dst, 6, head + payload, 16)
        self.next[asks] += len(payload) + (flags & 3 != 0)

    def exchange(self, request, reply):
        self.segment(True, 0x18, request)
        self.segment(False, 0x18, reply)
        self.segment(True, 0x10)

    def open(self, io):
        self.exchange(unconnected(io.open()), unconnected(io.opened()))

    def close(self):
        for asks in (True, False):
            self.segment(asks, 0x11)
        self.segment(True, 0x10)


class Io:
    """An I/O connection: ten bytes to the drive every 10 ms as its owner, or two as a listener; six back."""

    def __init__(self, client, serial, to_target, to_originator, size=10, multicast=False):
        self.client, self.size, self.multicast = client, size, multicast
        self.ids, self.sequence = {True: to_target, False: to_originator}, 0
        self.triad = struct.pack("<HHI", serial, 0x1337, 0xABCD)

    def open(self):
        ways = struct.pack("<IH", 10_000, 0x4800 | self.size), struct.pack("<IH", 10_000, 0x2806 if self.multicast else 0x4806)
        head = bytes.fromhex("5402200624010a0e00000000") + struct.pack("<I", self.ids[False])
        return head + self.triad + b"\2\0\0\0" + b"".join(ways) + b"\x01\x04" + bytes.fromhex("200424972c962c64")

    def opened(self):
        ids = struct.pack("<II", self.ids[True], self.ids[False])
        return b"\xd4\0\0\0" + ids + self.triad + struct.pack("<II", 10_000, 10_000) + b"\0\0"

    def forward_close(self):
        return bytes.fromhex("4e02200624010a0e") + self.triad + b"\x04\0" + bytes.fromhex("200424972c962c64")

    def data(self, to_target, sequence):
        step(0.1)
        body = struct.pack("<H", sequence & 0xFFFF) + bytes((self.size if to_target else 6) - 2)
        items = struct.pack("<HHHIIHH", 2, 0x8002, 8, self.ids[to_target], sequence, 0xB1, len(body))
        src, dst = (self.client, PRESS[0]) if to_target else (PRESS[0], self.client)
        put(src, dst, 17, struct.pack(">HHHH", 2222, 2222, 26 + len(body), 0) + items + body, 6)

    def cycles(self, count):
        for _ in range(count):
            self.sequence += 1
            self.data(True, self.sequence)
            self.data(False, self.sequence)
            step(9.8)


def packet(command, data, session=1):
    return struct.pack("<HHII8sI", command, len(data), session, 0, b"io-plant", 0) + data


def unconnected(message):
    return packet(0x6F, struct.pack("<IHHHHHH", 0, 5, 2, 0, 0, 0xB2, len(message)) + message)


def step(milliseconds):
    global now
    now += int(milliseconds * 10**6)


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def play():
    hmi, laptop = Connection(HMI, 50000), Connection(LAPTOP, 50100)
    owner, listener = Io(HMI, 1, 0x101, 0x77770001), Io(LAPTOP, 1, 0x201, 0x77770002, size=2)
    hmi.open(owner)
    laptop.open(listener)
    for _ in range(10):
        owner.cycles(1)
        listener.cycles(1)
    owner.data(True, 3)  # again
    thief = Io(LAPTOP, 2, 0x202, 0x77770003)
    laptop.open(thief)  # as owner: not given
    thief.cycles(5)
    same = Io(LAPTOP, 3, 0x203, 0x77770001, size=2)
    laptop.open(same)  # with the HMI's identifier
    hmi.open(Io(HMI, 4, 0x104, 0x77770004, multicast=True))
    owner.cycles(5)
    hmi.exchange(unconnected(owner.forward_close()), unconnected(b"\xce\0\0\0" + owner.triad + b"\0\0"))
    owner.cycles(5)
    laptop.close()
    listener.cycles(5)


def main():
    play()
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    out = [block(0x0A0D0D0A, section), block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))]
    for at, frame in frames:
        time = EPOCH_NS + at
        head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
        out.append(block(6, head + frame))
    sys.stdout.buffer.write(b"".join(out))


main()
