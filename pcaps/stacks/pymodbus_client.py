"""A person's laptop on pymodbus: asks for one list of commands, in order, and prints the answers.

Usage: pymodbus_client.py tcp|udp HOST PORT SOURCE_PORT LIST [PAUSE_MS]

The lists are in pymodbus_lists.py.
"""
import sys
import time

from pymodbus.client import ModbusTcpClient, ModbusUdpClient
from pymodbus.exceptions import ModbusException
from pymodbus_lists import LISTS

CLIENTS = {"tcp": ModbusTcpClient, "udp": ModbusUdpClient}
TIMEOUT_S = 0.5


def ask(client, command):
    try:
        return command(client)
    except (ModbusException, OSError) as error:
        return f"{type(error).__name__}: {error}"


def main(transport, host, port, source_port, name, pause_ms="10"):
    client = CLIENTS[transport](
        host, port=int(port), source_address=("", int(source_port)), timeout=TIMEOUT_S, retries=0
    )
    if not client.connect():
        return 1
    for label, command in LISTS[name]:
        print(f"{label}: {ask(client, command)}", flush=True)
        time.sleep(int(pause_ms) / 1000)
    client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
