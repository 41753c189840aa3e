"""An operator on cpppo and on pycomm3, a connection each: what was asked, and what came of it, line by line.

Usage: enip_operator.py HOST

cpppo speaks of tags, by themselves and several in one packet. pycomm3 opens the controller as its driver for Logix
controllers does (who it is, its properties, a connection of class 3), reads a tag over that connection and asks for
objects with and without it. What is refused is said and no reason to stop.
"""
import sys

from cpppo.server.enip import client as cpppo
from pycomm3 import DINT, LogixDriver

PORT = 44818
# Each list is one request, or one Multiple Service Packet where there are several.
TAGS = [
    ["Setpoint=(DINT)700"],
    ["Setpoint=(DINT)1501"],
    ["Motor[0]=(DINT)1"],
    ["Setpoint", "Level[0]"],
    ["Setpoint=(DINT)800", "Motor[0]=(DINT)1"],
    ["Setpoint"],
]
GET_ONE, SET_ONE, RESET, STOP = 0x0E, 0x10, 0x05, 0x07
IDENTITY, TCP_IP, PROGRAM = 0x01, 0xF5, 0x64
# Service, class, attribute, data.
OBJECTS = [
    (GET_ONE, IDENTITY, 7, b""),
    (RESET, IDENTITY, None, b"\0"),
    (RESET, IDENTITY, None, b"\1"),
    (STOP, PROGRAM, None, b""),
    (SET_ONE, TCP_IP, 5, bytes(22)),
]


def ask_for(connection, tags):
    """One request; the values, or the status that it was refused with."""
    several = 250 if len(tags) > 1 else 0
    operations = cpppo.parse_operations(tags)
    asked = connection.pipeline(operations=operations, multiple=several, timeout=10)
    return [value if not status else f"REFUSED {status}" for *_, status, value in asked]


def ask_for_tags(host):
    with cpppo.connector(host=host, port=PORT, timeout=10) as connection:
        for tags in TAGS:
            try:
                came = ask_for(connection, tags)
            except cpppo.MSVCStatusError as refused:  # several at once: cpppo looks at none of their answers
                came = f"REFUSED {refused.status}"
            print("cpppo", *tags, came, flush=True)


class Logix(LogixDriver):
    """The driver with a list of tags of its own: cpppo serves no list (service 0x55 of class 0x6B)."""

    def __init__(self, host):
        super().__init__(host, init_tags=False)
        tag = {"tag_name": "Setpoint", "dim": 0, "dimensions": [0, 0, 0], "tag_type": "atomic", "data_type": "DINT"}
        self._tags = {"Setpoint": {**tag, "data_type_name": "DINT", "type_class": DINT, "alias": False}}

    def _initialize_driver(self, **arguments):
        super()._initialize_driver(**arguments)
        # Without that list a tag is known by its name alone.
        self._cfg["use_instance_ids"] = False


def ask_for_objects(host):
    with Logix(host) as driver:
        print("pycomm3 open", driver.info["product_name"], flush=True)
        print("pycomm3 read", driver.read("Setpoint").value, flush=True)
        for connected in (False, True):
            for service, of, attribute, data in OBJECTS:
                answer = driver.generic_message(
                    service=service, class_code=of, instance=1, attribute=attribute or b"", request_data=data,
                    connected=connected, unconnected_send=False, name="object",
                )
                came = f"REFUSED {answer.error}" if answer.error else "done"
                print("pycomm3", hex(service), hex(of), "connected" if connected else "unconnected", came, flush=True)
        print("pycomm3 read", driver.read("Setpoint").value, flush=True)


if __name__ == "__main__":
    ask_for_tags(sys.argv[1])
    ask_for_objects(sys.argv[1])
