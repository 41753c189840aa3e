"""A client on pymodbus that does what it reads, one command after the other, on one connection.

Usage: pymodbus_commands.py HOST PORT

Standard input has a command a line: FUNCTION ADDRESS COUNT VALUE, of functions 3, 6 and 16, where VALUE is what
each of COUNT registers gets. Standard output gets a line for each: "ok" and what was read, or "exception" and
its code. Anything else that happens ends it with 1, and so does an answer too many.
"""
import socket
import sys

from pymodbus.client import ModbusTcpClient

PATIENCE_S = 120
HEADER = 6


def ask(client, function, address, count, value):
    if function == 3:
        return client.read_holding_registers(address, count=count)
    if function == 6:
        return client.write_register(address, value)
    return client.write_registers(address, [value] * count)


def tell(function, answer):
    if answer.isError():
        return f"exception {answer.exception_code}"
    words = answer.registers if function == 3 else []
    return " ".join(["ok", *map(str, words)])


def units(data):
    """How many PDUs the bytes are."""
    count = at = 0
    while at < len(data):
        at += HEADER + int.from_bytes(data[at + 4:at + HEADER], "big")
        count += 1
    return count


def rest(connection):
    """What comes until the device closes."""
    connection.settimeout(PATIENCE_S)
    connection.shutdown(socket.SHUT_WR)
    return b"".join(iter(lambda: connection.recv(4096), b""))


def main(host, port):
    got, asked = bytearray(), 0

    def trace(sending, data):
        if not sending:
            got.extend(data)
        return data

    client = ModbusTcpClient(
        host, port=int(port), timeout=PATIENCE_S, retries=0, reconnect_delay=0, trace_packet=trace
    )
    if not client.connect():
        return "no connection"
    for line in sys.stdin:
        function, *numbers = map(int, line.split())
        print(tell(function, ask(client, function, *numbers)))
        asked += 1
    client.socket.setblocking(True)
    got += rest(client.socket)
    client.close()
    return 0 if units(got) == asked else f"{units(got)} answers to {asked} requests"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
