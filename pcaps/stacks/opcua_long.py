"""An HMI on asyncua that asks for hundreds of nodes at once, in requests of up to 64 kB: prints the answers.

Usage: opcua_long.py HOST PORT [PATIENCE_S]

First each request is one chunk, then chunks of 8192 bytes.
"""
import asyncio
import logging
import sys

from asyncua import Client, ua

NAMESPACE = "urn:wicketgate:press"
NODES = 300


class Changes:
    def __init__(self):
        self.tanks, self.all = set(), asyncio.Event()

    def datachange_notification(self, node, value, _data):
        self.tanks.add(value)
        if len(self.tanks) == NODES // 2:
            self.all.set()


async def say(name, asked):
    try:
        print(name, await asked, flush=True)
    except ua.UaStatusCodeError as error:
        print(name, type(error).__name__, flush=True)


async def length_of(asked):
    return len(await asked)


async def ask_all(client, tanks):
    def read():
        return length_of(client.read_values(tanks))

    async def write(values):
        number = lambda value: ua.DataValue(ua.Variant(value, ua.VariantType.Int32))
        await client.write_values(tanks, [number(value) for value in values])
        return "ok"

    async def monitor():
        changes = Changes()
        subscription = await client.create_subscription(100, changes)
        await subscription.subscribe_data_change(tanks[:NODES // 2])
        await asyncio.wait_for(changes.all.wait(), 20)
        await subscription.delete()
        return len(changes.tanks)

    await say("read", read())
    await say("write", write(range(NODES)))
    await say("write-one-too-high", write([*range(NODES - 1), 1501]))
    await say("read", read())
    await say("monitor", monitor())


async def ask(host, port, patience):
    client = Client(f"opc.tcp://{host}:{port}/press", timeout=patience)
    await client.connect()
    try:
        index = await client.get_namespace_index(NAMESPACE)
        tanks = [client.get_node(ua.NodeId(f"Line.Tank{at}", index)) for at in range(NODES)]
        await ask_all(client, tanks)
        # More than 64 kB.
        await say("read-too-many", length_of(client.read_values(tanks * 7)))
        client.uaclient.protocol._connection._limits.max_send_buffer = 8192
        print("chunks", flush=True)
        await ask_all(client, tanks)
    finally:
        await client.disconnect()


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    patience = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    asyncio.run(asyncio.wait_for(ask(sys.argv[1], int(sys.argv[2]), patience), 120))
