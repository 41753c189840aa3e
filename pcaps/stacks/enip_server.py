"""A Logix-like controller on cpppo: tags, an identity; says READY, and what reaches it.

Usage: enip_server.py PORT [FILE [ADDRESS]]

What reaches it goes to FILE, else to the standard output: the data of each encapsulation packet, in hexadecimal,
before anything of it is carried out, and each element of a tag that is written.

It says that its address is ADDRESS, else that it has none.

cpppo serves no Reset: one that reaches it is told too, and ends the session.
"""
import json
import socket
import sys
import threading
import time

from cpppo.server.enip import device, logix
from cpppo.server.enip.main import main as serve

TAGS = ["Level=INT[100]", "Motor=DINT[10]", "Setpoint=DINT", "Speed=REAL"]
LOG = open(sys.argv[2], "w") if len(sys.argv) > 2 else sys.stdout


def say(*words):
    print(*words, file=LOG, flush=True)


class Tag(device.Attribute):
    """An attribute that says what is written to it."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        say("WRITE", self.name, value)


def told(process):
    """Has each packet said before it is processed."""

    def processed(addr, data, **more):
        request = data.get("request")
        if request and "enip" in request and "input" in request.enip:
            say("CAME", bytes(request.enip.input).hex())
        return process(addr, data=data, **more)

    return processed


def say_when_ready(port):
    """cpppo does not say when it listens: a connection that says nothing finds out."""
    while socket.socket().connect_ex(("127.0.0.1", port)):
        time.sleep(0.05)
    print("READY", flush=True)


def say_address(address):
    configuration = json.dumps({"ip_address": address})
    device.Object.config_loader.read_dict({"TCPIP": {"Interface Configuration": configuration}})


if __name__ == "__main__":
    if len(sys.argv) > 3:
        say_address(sys.argv[3])
    logix.process = told(logix.process)
    threading.Thread(target=say_when_ready, args=[int(sys.argv[1])], daemon=True).start()
    serve(["--address", f"0.0.0.0:{sys.argv[1]}", *TAGS], attribute_class=Tag)
