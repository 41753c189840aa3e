"""Requests cut and joined in every way TCP allows; the bytes are built by pymodbus.

Usage: pipelined.py HOST PORT SOURCE_PORT

Each step sends its chunks one by one, with Nagle's algorithm off and a pause between them, so that
each chunk becomes a segment; then it waits for all answers. A second connection, from the next
port, announces a small maximum segment size, so that the device's answers come in pieces too.
"""
import socket
import sys
import time
from itertools import count

from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

PAUSE_S = 0.004
TIMEOUT_S = 2
SMALL_SEGMENT = 100
FRAMER = FramerSocket(DecodePDU(False))
TRANSACTION = count(1)


def frame(pdu):
    pdu.dev_id, pdu.transaction_id = 1, next(TRANSACTION)
    return FRAMER.buildFrame(pdu)


def read(address, points=4):
    return frame(ReadHoldingRegistersRequest(address=address, count=points))


def write(address, value):
    return frame(WriteSingleRegisterRequest(address=address, registers=[value]))


def write_many(address, values):
    return frame(WriteMultipleRegistersRequest(address=address, registers=values))


def cut(data, *places):
    edges = [0, *places, len(data)]
    return [data[a:b] for a, b in zip(edges, edges[1:])]


def single_bytes(data):
    return cut(data, *range(1, len(data)))


def steps():
    """(what it is, chunks, number of requests in them)"""
    yield "three reads in a segment", [read(0) + read(100) + read(110)], 3
    yield "a denied write between two reads", [read(0) + write(10, 7) + read(100)], 3
    yield "an allowed, a denied, an allowed write", [write(100, 1) + write(99, 2) + write(119, 3)], 3
    yield "twenty reads in a segment", [b"".join(read(5 * i) for i in range(20))], 20
    yield "a read cut in the header", cut(read(100), 3), 1
    yield "a read cut between header and function", cut(read(100), 7), 1
    yield "a read cut before its last byte", cut(read(100), 11), 1
    yield "a read in one-byte segments", single_bytes(read(100)), 1
    yield "a denied write in one-byte segments", single_bytes(write(10, 9)), 1
    yield "two writes, the cut inside the second", cut(write_many(100, [5, 6]) + write_many(102, [7, 8]), 25), 2
    yield "a read, then a denied write cut off", cut(read(100) + write_many(10, [1, 2, 3]), 20), 2
    yield "the largest write in three segments", cut(write_many(0, [3] * 123), 100, 200), 1
    yield "the largest answers, two at once", [read(0, 125) + read(50, 125)], 2


def steps_of_small_segments():
    yield "an answer in three segments", [read(0, 125)], 1
    yield "a request in three segments", [write_many(0, [4] * 123)], 1
    yield "nineteen reads and a denied write over segments", [
        b"".join(read(i, 3) for i in range(10)) + write(10, 5) + b"".join(read(i, 3) for i in range(9))
    ], 20


def send(sock, chunks):
    for chunk in chunks:
        sock.sendall(chunk)
        time.sleep(PAUSE_S)


def receive(sock, wanted):
    """Reads until `wanted` whole answers are there; pymodbus decodes them."""
    data, answers = b"", []
    while len(answers) < wanted:
        used, pdu = FRAMER.handleFrame(data, 0, 0)
        data = data[used:]
        if pdu:
            answers.append(pdu)
        elif more := sock.recv(4096):
            data += more
        else:
            raise ConnectionError(f"{len(answers)} answers of {wanted}")
    return answers


def connect(host, port, source_port, segment=None):
    sock = socket.socket()
    sock.settimeout(TIMEOUT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if segment:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
    sock.bind(("", source_port))
    sock.connect((host, port))
    return sock


def run(sock, plan):
    for label, chunks, requests in plan:
        send(sock, chunks)
        print(f"{label}: {len(receive(sock, requests))} answers", flush=True)
        time.sleep(PAUSE_S)
    sock.close()


def main(host, port, source_port):
    run(connect(host, int(port), int(source_port)), steps())
    small = connect(host, int(port), int(source_port) + 1, SMALL_SEGMENT)
    run(small, steps_of_small_segments())


if __name__ == "__main__":
    main(*sys.argv[1:])
