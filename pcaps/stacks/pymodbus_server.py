"""A device on pymodbus: coils, inputs and registers 0 to 199, any unit.

Usage: pymodbus_server.py tcp|udp PORT
"""
import asyncio
import sys

from pymodbus import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer, ModbusUdpServer
from pymodbus.simulator import DataType, SimData, SimDevice

POINTS = 200
ANY_UNIT = 0
SERVERS = {"tcp": ModbusTcpServer, "udp": ModbusUdpServer}
IDENTITY = ModbusDeviceIdentification(
    info_name={
        "VendorName": "Example Presses",
        "ProductCode": "PX-300",
        "MajorMinorRevision": "2.1",
        "VendorUrl": "https://example.com",
        "ProductName": "Press",
        "ModelName": "PX-300-H",
        "UserApplicationName": "line 1",
    }
)


def bits(every):
    return [SimData(0, values=[i % every == 0 for i in range(POINTS)], datatype=DataType.BITS)]


def registers(first, step):
    values = [first + step * i for i in range(POINTS)]
    return [SimData(0, values=values, datatype=DataType.REGISTERS)]


async def serve(transport, port):
    points = (bits(2), bits(3), registers(0, 10), registers(1000, 1))
    device = SimDevice(ANY_UNIT, simdata=points)
    server = SERVERS[transport](device, identity=IDENTITY, address=("0.0.0.0", port))
    await server.serve_forever(background=True)
    print("READY", flush=True)
    await server.serving


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
