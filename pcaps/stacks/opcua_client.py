"""A person's laptop on asyncua: reads, writes, calls, subscribes on one connection, prints the answers.

Usage: opcua_client.py HOST PORT [PATIENCE_S]

What the server or a gate refuses is printed by the name of its status and no reason to stop.
"""
import asyncio
import logging
import sys

from asyncua import Client, ua

NAMESPACE = "urn:wicketgate:press"


class Changes:
    def __init__(self):
        self.came = asyncio.Event()

    def datachange_notification(self, node, value, _data):
        self.came.set()


async def subscribe(client, level):
    changes = Changes()
    subscription = await client.create_subscription(50, changes)
    await subscription.subscribe_data_change(level)
    await asyncio.wait_for(changes.came.wait(), 5)
    return subscription


async def say(name, asked):
    try:
        answer = await asked
        print(name, "ok" if answer is None else answer, flush=True)
    except ua.UaStatusCodeError as error:
        print(name, type(error).__name__, flush=True)


async def ask(host, port, patience):
    client = Client(f"opc.tcp://{host}:{port}/press", timeout=patience)
    await client.connect()
    try:
        index = await client.get_namespace_index(NAMESPACE)
        node = lambda name: client.get_node(ua.NodeId(name, index))
        level, setpoint, motor = node("Press.Level"), node("Press.Setpoint"), node("Press.Motor")
        number = lambda value: ua.DataValue(ua.Variant(value, ua.VariantType.Int32))
        write = lambda node, value: node.write_attribute(ua.AttributeIds.Value, number(value))
        call = lambda name: node("Press").call_method(node(f"Press.{name}"))

        async def length(node):
            return len(await node.read_value())

        await say("read", level.read_value())
        await say("browse", length_of(node("Press").get_children()))
        await say("write-700", write(setpoint, 700))
        await say("write-1501", write(setpoint, 1501))
        await say("read", setpoint.read_value())
        await say("write-motor", write(motor, 1))
        await say("write-both", client.write_values([setpoint, motor], [number(1), number(2)]))
        await say("call-reset", call("Reset"))
        await say("call-lamp", call("Lamp"))
        subscription = await subscribe(client, level)
        print("subscribed", flush=True)
        for _ in range(3):
            await say("write-motor", write(motor, 1))
        await say("read", setpoint.read_value())
        await say("recipe", length(node("Press.Recipe")))
        await say("write-description", motor.write_attribute(
            ua.AttributeIds.Description, ua.DataValue(ua.Variant(ua.LocalizedText("x")))))
        await say("delete", client.delete_nodes([motor]))
        await say("read", level.read_value())
        await subscription.delete()
        await say("write-800", write(setpoint, 800))
        await say("read", setpoint.read_value())
    finally:
        await client.disconnect()


async def length_of(asked):
    return len(await asked)


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    patience = float(sys.argv[3]) if len(sys.argv) > 3 else 4
    asyncio.run(asyncio.wait_for(ask(sys.argv[1], int(sys.argv[2]), patience), 30))
