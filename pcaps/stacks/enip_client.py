"""A person's laptop on cpppo and pycomm3: reads and writes tags, asks objects, prints the answers.

Usage: enip_client.py HOST

cpppo speaks of tags, by themselves and several in one packet; then pycomm3 speaks of objects, without
and with a connection. What a device refuses is printed and no reason to stop.
"""
import sys

from cpppo.server.enip import client as cpppo
from pycomm3 import CIPDriver

PORT = 44818
# Each list is one request, or one Multiple Service Packet where there are several.
TAGS = [
    ["Level[0-3]"],
    ["Setpoint=(DINT)700"],
    ["Setpoint=(DINT)1500"],
    ["Setpoint=(DINT)1501"],
    ["Speed=(REAL)12.5"],
    ["Motor[0-1]=(DINT)4,5"],
    ["Level[0]", "Setpoint", "Speed"],
    ["Level[0]", "Setpoint=(DINT)800"],
    ["Level[0]", "Motor[0]=(DINT)1"],
    ["Setpoint"],
]
IDENTITY, TCP_IP = 0x01, 0xF5
GET_ALL, GET_ONE, SET_ONE, RESET = 0x01, 0x0E, 0x10, 0x05
# Service, class, instance, attribute, data, whether over a connection.
OBJECTS = [
    (GET_ALL, IDENTITY, 1, None, b"", False),
    (GET_ONE, IDENTITY, 1, 7, b"", False),
    (SET_ONE, TCP_IP, 1, 5, bytes(22), False),
    (GET_ALL, IDENTITY, 1, None, b"", True),
    (GET_ONE, IDENTITY, 1, 7, b"", True),
    (RESET, IDENTITY, 1, None, b"\0", True),
]


def ask_for_tags(host):
    with cpppo.connector(host=host, port=PORT, timeout=5) as connection:
        for tags in TAGS:
            several = 250 if len(tags) > 1 else 0
            operations = cpppo.parse_operations(tags)
            asked = connection.pipeline(operations=operations, multiple=several, timeout=3)
            for _, name, _, _, status, value in asked:
                print(name, status, value, flush=True)


def ask_objects(host):
    driver = CIPDriver(host)
    driver.open()
    try:
        for service, of, instance, attribute, data, connected in OBJECTS:
            answer = driver.generic_message(
                service=service, class_code=of, instance=instance, attribute=attribute or b"",
                request_data=data, connected=connected, unconnected_send=False, name="object",
            )
            print(hex(service), hex(of), answer.error or answer.value, flush=True)
    finally:
        driver.close()


if __name__ == "__main__":
    ask_for_tags(sys.argv[1])
    try:
        ask_objects(sys.argv[1])
    except Exception as error:  # a server that ends the session is a result here
        print("ended:", error, flush=True)
