"""A controller on python-snap7's server: DB 1 and DB 10 of 64 bytes, flags; says READY, and what happens.

Usage: s7_server.py PORT [FILE]

What happens goes to FILE, else to the standard output: each event of the server, and each change of the
controller's operating state.
"""
import sys
import time
from ctypes import c_uint8

from snap7.server import Server
from snap7.type import SrvArea


def main():
    log = open(sys.argv[2], "w") if len(sys.argv) > 2 else sys.stdout
    server = Server(log=False)
    for area, number in [(SrvArea.DB, 1), (SrvArea.DB, 10), (SrvArea.MK, 0)]:
        memory = (c_uint8 * 64)()
        server.register_area(area, number, memory)
    server.start(int(sys.argv[1]))
    print("READY", flush=True)
    state = None
    while True:
        event = server.pick_event()
        if event:
            print(server.event_text(event), file=log, flush=True)
        else:
            time.sleep(0.01)
        if server.get_status()[1] != state:
            state = server.get_status()[1]
            print("state", state, file=log, flush=True)


if __name__ == "__main__":
    main()
