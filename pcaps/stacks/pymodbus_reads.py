"""A client on pymodbus: reads one register after the other and compares it with what the device on libmodbus
holds, 10 times its number. Ends with 1 at the first that differs.

Usage: pymodbus_reads.py HOST PORT COUNT
"""
import sys

from pymodbus.client import ModbusTcpClient

REGISTERS = 200


def main(host, port, count):
    client = ModbusTcpClient(host, port=int(port), timeout=2, retries=0)
    if not client.connect():
        return "no connection"
    for number in range(int(count)):
        address = number % REGISTERS
        answer = client.read_holding_registers(address, count=1)
        if answer.isError() or answer.registers != [10 * address]:
            return f"register {address}: {answer}"
    client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
