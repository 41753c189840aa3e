"""A person's laptop on python-snap7: reads and writes, lists, up- and downloads, stops; prints the answers.

Usage: s7_client.py HOST [PORT]

What a device refuses is printed and no reason to stop: all of it goes over one connection.
"""
import datetime
import sys

from snap7 import Client
from snap7.type import Block

# A data block of four bytes, as far as the server looks into it.
BLOCK = bytearray(b"pp" + bytes(38))


def attempt(name, action):
    try:
        answer = action()
        print(name, answer.hex() if isinstance(answer, (bytes, bytearray)) else answer, flush=True)
    except Exception as error:  # what is refused is a result here
        print(name, "REFUSED", error, flush=True)


def main():
    client = Client()
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 102
    client.connect(sys.argv[1], 0, 2, port)
    attempt("read DB1", lambda: client.db_read(1, 0, 8))
    attempt("write DB10.DBW0 = 700", lambda: client.db_write(10, 0, bytearray(b"\x02\xbc")))
    attempt("write DB10.DBW0 = 1500", lambda: client.db_write(10, 0, bytearray(b"\x05\xdc")))
    attempt("write DB10.DBW0 = 1501", lambda: client.db_write(10, 0, bytearray(b"\x05\xdd")))
    attempt("write DB10.DBB1 = 255", lambda: client.db_write(10, 1, bytearray(b"\xff")))
    attempt("write DB1.DBW0 = 1", lambda: client.db_write(1, 0, bytearray(b"\0\x01")))
    attempt("write MB0 = 1", lambda: client.mb_write(0, 1, bytearray(b"\x01")))
    attempt("read DB10", lambda: client.db_read(10, 0, 2))
    attempt("list blocks", lambda: client.list_blocks())
    attempt("read SZL 0x11", lambda: client.read_szl(0x11, 0).Header.LengthDR)
    attempt("read the clock", lambda: client.get_plc_datetime() is not None)
    when = datetime.datetime(2026, 3, 2, 8, 0, 0)
    attempt("set the clock", lambda: client.set_plc_datetime(when))
    attempt("upload DB1", lambda: len(client.upload(1)))
    attempt("delete DB1", lambda: client.delete(Block.DB, 1))
    attempt("set a password", lambda: client.set_session_password("secret"))
    attempt("stop", lambda: client.plc_stop())
    attempt("cold start", lambda: client.plc_cold_start())
    attempt("hot start", lambda: client.plc_hot_start())
    attempt("compress", lambda: client.compress(1000))
    attempt("read DB1", lambda: client.db_read(1, 0, 8))
    attempt("read DB10", lambda: client.db_read(10, 0, 2))
    # The device fetches the block: where it is denied only now, nothing else is left to say no.
    attempt("download DB1", lambda: client.download(BLOCK, 1))
    attempt("read DB10", lambda: client.db_read(10, 0, 2))
    client.disconnect()


if __name__ == "__main__":
    main()
