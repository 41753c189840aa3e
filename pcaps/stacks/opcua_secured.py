"""The laptop on asyncua with a channel under Basic256Sha256: reads, writes, prints the answers.

Usage: opcua_secured.py HOST PORT FOLDER Sign|SignAndEncrypt

The folder is where its key and certificate are, which are made if they are not there. What fails is printed.
"""
import asyncio
import logging
import sys
from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography.x509.oid import ExtendedKeyUsageOID

NAMESPACE = "urn:wicketgate:press"


async def ask(host, port, folder, mode):
    key, certificate = Path(folder) / "client.pem", Path(folder) / "client.der"
    await setup_self_signed_certificate(
        key, certificate, "urn:wicketgate:laptop", "localhost",
        [ExtendedKeyUsageOID.CLIENT_AUTH], {"countryName": "CH", "organizationName": "laptop"})
    client = Client(f"opc.tcp://{host}:{port}/press", timeout=10)
    client.application_uri = "urn:wicketgate:laptop"
    await client.set_security(
        SecurityPolicyBasic256Sha256, certificate=str(certificate), private_key=str(key),
        mode=ua.MessageSecurityMode[mode])
    await client.connect()
    print("connected", flush=True)
    try:
        index = await client.get_namespace_index(NAMESPACE)
        node = lambda name: client.get_node(ua.NodeId(name, index))
        print("read", await node("Press.Level").read_value(), flush=True)
        motor = ua.DataValue(ua.Variant(7, ua.VariantType.Int32))
        await node("Press.Motor").write_attribute(ua.AttributeIds.Value, motor)
        print("recipe", len(await node("Press.Recipe").read_value()), flush=True)
        print("read", await node("Press.Motor").read_value(), flush=True)
    finally:
        await client.disconnect()


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    host, port, folder, mode = sys.argv[1:]
    try:
        asyncio.run(asyncio.wait_for(ask(host, int(port), folder, mode), 30))
    except Exception as error:  # what a gate refuses is a result here
        print("refused", type(error).__name__, flush=True)
