"""What becomes of the URLs that a server gives: prints them, then what a client makes of them.

Usage: opcua_urls.py HOST PORT asyncua|freeopcua

`given`: the URL on the command line goes on being used. `followed`: that of the server's endpoint instead, as
some clients do; it is the server's address where the server stands.
"""
import asyncio
import logging
import sys

LEVEL = "ns=2;s=Press.Level"
# For a connection that nobody answers.
PATIENCE_S = 2


async def asyncua(url):
    from asyncua import Client

    async def level(url):
        async with Client(url, timeout=PATIENCE_S) as client:
            return await client.get_node(LEVEL).read_value()

    client = Client(url, timeout=PATIENCE_S)
    endpoints = await client.connect_and_get_server_endpoints()
    servers = await client.connect_and_find_servers()
    yield "endpoint", endpoints[0].EndpointUrl
    yield "server", servers[0].DiscoveryUrls[0]
    yield "given", await level(url)
    yield "followed", await tried(level(endpoints[0].EndpointUrl))


async def freeopcua(url):
    from opcua import Client

    def level(url):
        client = Client(url, timeout=PATIENCE_S)
        client.connect()
        try:
            return client.get_node(LEVEL).get_value()
        finally:
            client.disconnect()

    client = Client(url, timeout=PATIENCE_S)
    endpoint = client.connect_and_get_server_endpoints()[0].EndpointUrl
    yield "endpoint", endpoint
    yield "server", client.connect_and_find_servers()[0].DiscoveryUrls[0]
    yield "given", level(url)
    yield "followed", await tried(asyncio.to_thread(level, endpoint))


async def tried(asked):
    try:
        return await asyncio.wait_for(asked, 2 * PATIENCE_S)
    except (OSError, TimeoutError):
        return "nobody there"


async def main(host, port, stack):
    async for name, answer in {"asyncua": asyncua, "freeopcua": freeopcua}[stack](
            f"opc.tcp://{host}:{port}/press"):
        print(name, answer, flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    asyncio.run(main(*sys.argv[1:4]))
