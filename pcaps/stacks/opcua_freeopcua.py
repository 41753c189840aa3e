"""The same laptop on FreeOpcUa (python-opcua): prints the answers.

Usage: opcua_freeopcua.py HOST PORT [PATIENCE_S]
"""
import logging
import sys

from opcua import Client, ua

NAMESPACE = "urn:wicketgate:press"


def say(name, ask):
    try:
        answer = ask()
        print(name, "ok" if answer is None or answer == [] else answer, flush=True)
    except ua.UaStatusCodeError as error:
        print(name, type(error).__name__, flush=True)


def ask(host, port, patience):
    client = Client(f"opc.tcp://{host}:{port}/press", timeout=patience)
    client.connect()
    try:
        index = client.get_namespace_index(NAMESPACE)
        node = lambda name: client.get_node(f"ns={index};s={name}")
        setpoint, motor = node("Press.Setpoint"), node("Press.Motor")
        number = lambda value: ua.DataValue(ua.Variant(value, ua.VariantType.Int32))
        for round in range(5):
            say("read", node("Press.Level").get_value)
            say("write-900", lambda: setpoint.set_value(number(900)))
            say("write-2000", lambda: setpoint.set_value(number(2000)))
            say("write-motor", lambda: motor.set_value(number(1)))
            say("call-reset", lambda: node("Press").call_method(node("Press.Reset")))
            say("call-lamp", lambda: node("Press").call_method(node("Press.Lamp")))
            say("read", setpoint.get_value)
    finally:
        client.disconnect()


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    ask(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 4)
