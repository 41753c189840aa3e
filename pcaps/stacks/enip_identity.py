"""Asks a device who it is, with pycomm3 and cpppo: which address each stack is told, line by line.

Usage: enip_identity.py HOST
"""
import sys

from cpppo.server.enip import client as cpppo
from pycomm3 import CIPDriver

PORT = 44818


def ask_with_cpppo(host, udp):
    with cpppo.client(host=host, port=PORT, timeout=10, udp=udp) as connection:
        connection.list_identity(timeout=10)
        answer, _ = cpppo.await_response(connection, timeout=10)
        return answer.enip.CIP.list_identity.CPF.item[0].identity_object.sin_addr


if __name__ == "__main__":
    host = sys.argv[1]
    print("pycomm3 tcp", CIPDriver.list_identity(host)["ip_address"], flush=True)
    print("cpppo tcp", ask_with_cpppo(host, False), flush=True)
    print("cpppo udp", ask_with_cpppo(host, True), flush=True)
