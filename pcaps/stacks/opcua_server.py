"""A press on asyncua: an OPC UA server. Prints what is written and called.

Usage: opcua_server.py HOST PORT [FOLDER]

Without a folder it has no security; with one it has a key and a certificate there, and also opens channels that
are signed, or signed and encrypted.
"""
import asyncio
import logging
import sys
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID

NAMESPACE = "urn:wicketgate:press"
# Variables of the line, for clients that ask for hundreds at once.
LINE = 300


class Watch:
    """Says on standard output what clients change."""

    async def datachange_notification(self, node, value, _data):
        print("VALUE", node.nodeid.Identifier, value, flush=True)


async def press(server):
    index = await server.register_namespace(NAMESPACE)
    node = lambda name: ua.NodeId(name, index)
    press = await server.nodes.objects.add_object(node("Press"), f"{index}:Press")
    level = await press.add_variable(node("Press.Level"), f"{index}:Level", 12.5)
    setpoint = await press.add_variable(node("Press.Setpoint"), f"{index}:Setpoint", 50, ua.VariantType.Int32)
    motor = await press.add_variable(node("Press.Motor"), f"{index}:Motor", 0, ua.VariantType.Int32)
    recipe = await press.add_variable(node("Press.Recipe"), f"{index}:Recipe", "R" * 20000)
    for variable in (setpoint, motor):
        await variable.set_writable()
    line = await server.nodes.objects.add_object(node("Line"), f"{index}:Line")
    for at in range(LINE):
        tank = await line.add_variable(
            node(f"Line.Tank{at}"), f"{index}:Tank{at}", at, ua.VariantType.Int32)
        await tank.set_writable()

    def method(name):
        async def called(_parent):
            print("CALLED", name, flush=True)
            return []
        return called

    for name in ("Reset", "Lamp"):
        await press.add_method(node(f"Press.{name}"), f"{index}:{name}", method(name), [], [])
    return [setpoint, motor]


async def secure(server, folder):
    key, certificate = Path(folder) / "server.pem", Path(folder) / "server.der"
    await setup_self_signed_certificate(
        key, certificate, "urn:wicketgate:press:server", "localhost",
        [ExtendedKeyUsageOID.SERVER_AUTH], {"countryName": "CH", "organizationName": "press"})
    await server.set_application_uri("urn:wicketgate:press:server")
    await server.load_certificate(str(certificate))
    await server.load_private_key(str(key))


async def serve(host, port, folder=None):
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://{host}:{port}/press")
    policies = [ua.SecurityPolicyType.NoSecurity]
    if folder:
        await secure(server, folder)
        policies += [ua.SecurityPolicyType.Basic256Sha256_Sign,
                     ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    server.set_security_policy(policies)
    watched = await press(server)
    async with server:
        subscription = await server.create_subscription(10, Watch())
        await subscription.subscribe_data_change(watched)
        print("READY", flush=True)
        while True:
            await asyncio.sleep(1)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), *sys.argv[3:4]))
