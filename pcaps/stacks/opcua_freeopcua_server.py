"""A press on FreeOpcUa (python-opcua) with one variable. It gives URLs with the address that it listens on, whatever
URL its client names. Prints READY.

Usage: opcua_freeopcua_server.py HOST PORT
"""
import logging
import sys
import threading

from opcua import Server


def serve(host, port):
    server = Server()
    server.set_endpoint(f"opc.tcp://{host}:{port}/press")
    index = server.register_namespace("urn:wicketgate:press")
    server.nodes.objects.add_variable(f"ns={index};s=Press.Level", f"{index}:Level", 12.5)
    server.start()
    print("READY", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    serve(sys.argv[1], int(sys.argv[2]))
