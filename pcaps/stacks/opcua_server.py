"""A press on asyncua: an OPC UA server without security. Prints what is written and called.

Usage: opcua_server.py HOST PORT
"""
import asyncio
import logging
import sys

from asyncua import Server, ua

NAMESPACE = "urn:wicketgate:press"


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

    def method(name):
        async def called(_parent):
            print("CALLED", name, flush=True)
            return []
        return called

    for name in ("Reset", "Lamp"):
        await press.add_method(node(f"Press.{name}"), f"{index}:{name}", method(name), [], [])
    return [setpoint, motor]


async def serve(host, port):
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://{host}:{port}/press")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    watched = await press(server)
    async with server:
        subscription = await server.create_subscription(10, Watch())
        await subscription.subscribe_data_change(watched)
        print("READY", flush=True)
        while True:
            await asyncio.sleep(1)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
