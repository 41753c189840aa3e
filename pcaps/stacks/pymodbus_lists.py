"""What the pymodbus clients ask for: lists of (what it is, call)."""
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.file_message import FileRecord

# In bytes, and a multiple of four: the server takes the number of registers for a number of bytes.
READ_FILES = [FileRecord(4, 1, record_length=4), FileRecord(3, 9, record_length=8)]
WRITE_FILE = [FileRecord(4, 7, record_data=b"\x06\xaf\x04\xbe\x10\x0d")]

# The rule of maintenance-writes: functions 6, 16 and 23 write addresses 100 to 119, values 0 to 1500.
MAINTENANCE = [
    ("who are you", lambda c: c.read_device_information(read_code=1)),
    ("read the speeds", lambda c: c.read_holding_registers(100, count=20)),
    ("read the inputs", lambda c: c.read_input_registers(0, count=8)),
    ("set the speed", lambda c: c.write_register(103, 1200)),
    ("read it back", lambda c: c.read_holding_registers(103, count=1)),
    ("largest value, last address", lambda c: c.write_register(119, 1500)),
    ("smallest value, first address", lambda c: c.write_register(100, 0)),
    ("set three speeds", lambda c: c.write_registers(104, [800, 900, 1000])),
    ("value one too large", lambda c: c.write_register(103, 1501)),
    ("value far too large", lambda c: c.write_register(103, 40000)),
    ("address one too low", lambda c: c.write_register(99, 1200)),
    ("address one too high", lambda c: c.write_register(120, 1200)),
    ("range runs out of the window", lambda c: c.write_registers(118, [700, 700, 700])),
    ("one value of three too large", lambda c: c.write_registers(104, [700, 1600, 700])),
    ("write and read, both allowed", lambda c: read_write(c, 110, [300, 400])),
    ("write and read, write outside", lambda c: read_write(c, 10, [300, 400])),
    ("write and read, value too large", lambda c: read_write(c, 110, [300, 2000])),
    ("one coil", lambda c: c.write_coil(3, True)),
    ("nine coils", lambda c: c.write_coils(4, [True] * 9)),
    ("mask write", lambda c: c.mask_write_register(address=103, and_mask=0xF2, or_mask=0x25)),
    ("restart communications", lambda c: c.diag_restart_communication(True)),
    ("read once more", lambda c: c.read_holding_registers(100, count=20)),
]

PRESS_4 = [
    ("read the speeds", lambda c: c.read_holding_registers(100, count=20)),
    ("set the speed", lambda c: c.write_register(101, 900)),
    ("address outside", lambda c: c.write_register(12, 900)),
    ("read it back", lambda c: c.read_holding_registers(100, count=2)),
]

STRANGER = [
    ("read", lambda c: c.read_holding_registers(100, count=10)),
    ("write", lambda c: c.write_register(103, 9999)),
]

READS = [
    ("1 read coils", lambda c: c.read_coils(0, count=16)),
    ("2 read discrete inputs", lambda c: c.read_discrete_inputs(5, count=9)),
    ("3 read holding registers", lambda c: c.read_holding_registers(0, count=125)),
    ("4 read input registers", lambda c: c.read_input_registers(0, count=8)),
    ("7 read exception status", lambda c: c.read_exception_status()),
    ("11 get comm event counter", lambda c: c.diag_get_comm_event_counter()),
    ("12 get comm event log", lambda c: c.diag_get_comm_event_log()),
    ("17 report server id", lambda c: c.report_device_id()),
    ("20 read file record, two", lambda c: c.read_file_record(READ_FILES)),
    ("24 read FIFO queue", lambda c: c.read_fifo_queue(address=30)),
]

WRITES = [
    ("5 write coil", lambda c: c.write_coil(3, True)),
    ("6 write register", lambda c: c.write_register(20, 4711)),
    ("15 write coils", lambda c: c.write_coils(4, [True, False, True] * 3)),
    ("16 write registers", lambda c: c.write_registers(21, [11, 22, 33])),
    ("16 write registers, as many as there can be", lambda c: c.write_registers(40, [7] * 123)),
    ("21 write file record", lambda c: c.write_file_record(WRITE_FILE)),
    ("22 mask write", lambda c: c.mask_write_register(address=20, and_mask=0xF2, or_mask=0x25)),
    ("23 write and read", lambda c: read_write(c, 30, [1, 2, 3])),
]

IDENTIFICATION = [
    ("43/14 basic", lambda c: c.read_device_information(read_code=1)),
    ("43/14 regular", lambda c: c.read_device_information(read_code=2)),
    ("43/14 extended", lambda c: c.read_device_information(read_code=3)),
    ("43/14 one object", lambda c: c.read_device_information(read_code=4, object_id=1)),
    ("43/14 no such object", lambda c: c.read_device_information(read_code=4, object_id=9)),
]

DIAGNOSTICS = [
    ("8/0 echo", lambda c: c.diag_query_data(b"\x12\x34")),
    ("8/1 restart communications", lambda c: c.diag_restart_communication(False)),
    ("8/1 restart, clear the log", lambda c: c.diag_restart_communication(True)),
    ("8/2 diagnostic register", lambda c: c.diag_read_diagnostic_register()),
    ("8/3 change delimiter", lambda c: c.diag_change_ascii_input_delimeter(delimiter=0x3A00)),
    ("8/10 clear counters", lambda c: c.diag_clear_counters()),
    ("8/11 bus messages", lambda c: c.diag_read_bus_message_count()),
    ("8/12 bus communication errors", lambda c: c.diag_read_bus_comm_error_count()),
    ("8/13 bus exceptions", lambda c: c.diag_read_bus_exception_error_count()),
    ("8/14 server messages", lambda c: c.diag_read_device_message_count()),
    ("8/15 server no responses", lambda c: c.diag_read_device_no_response_count()),
    ("8/16 server NAKs", lambda c: c.diag_read_device_nak_count()),
    ("8/17 server busy", lambda c: c.diag_read_device_busy_count()),
    ("8/18 bus character overruns", lambda c: c.diag_read_bus_char_overrun_count()),
    ("8/19 IOP overruns", lambda c: c.diag_read_iop_overrun_count()),
    ("8/20 clear overrun counter", lambda c: c.diag_clear_overrun_counter()),
    ("8/21 Modbus Plus statistics", lambda c: c.diag_getclear_modbus_response(data=3)),
    ("8/4 force listen only", lambda c: c.diag_force_listen_only()),
]

EXCEPTIONS = [
    ("3 illegal address", lambda c: c.read_holding_registers(5000, count=2)),
    ("1 illegal address", lambda c: c.read_coils(5000, count=2)),
    ("6 illegal address", lambda c: c.write_register(6000, 1)),
    ("16 runs past the end", lambda c: c.write_registers(198, [1, 2, 3, 4])),
]

UDP = [
    ("read", lambda c: c.read_holding_registers(100, count=10)),
    ("read inputs", lambda c: c.read_input_registers(0, count=8)),
    ("read coils", lambda c: c.read_coils(0, count=16)),
    ("identify", lambda c: c.read_device_information(read_code=1)),
    ("write", lambda c: c.write_register(103, 1200)),
    ("write three", lambda c: c.write_registers(104, [800, 900, 1000])),
    ("address outside", lambda c: c.write_register(12, 1)),
    ("value too large", lambda c: c.write_register(103, 1501)),
    ("one coil", lambda c: c.write_coil(3, True)),
    ("illegal address", lambda c: c.read_holding_registers(5000, count=2)),
    ("read back", lambda c: c.read_holding_registers(100, count=10)),
]


def read_write(client, write_address, values):
    """Function 23: writes `values`, then reads 100 to 103."""
    return client.readwrite_registers(
        read_address=100, read_count=4, write_address=write_address, values=values
    )


class Custom(ModbusPDU):
    """A request of a function code that pymodbus does not know."""

    def __init__(self, function_code, payload):
        super().__init__(dev_id=1)
        self.function_code = function_code
        self.payload = payload

    def encode(self):
        return self.payload


def custom(function_code, payload):
    return lambda client: client.execute(False, Custom(function_code, bytes.fromhex(payload)))


VENDOR = [
    ("3 read holding registers", lambda c: c.read_holding_registers(100, count=4)),
    ("90 UMAS 02 read id", custom(90, "0002")),
    ("90 UMAS 10 take reservation", custom(90, "00100000000670726573732d")),
    ("90 UMAS 41 stop", custom(90, "5c41ff00")),
    ("125 vendor programming", custom(125, "0001")),
    ("100 user-defined", custom(100, "0001")),
    ("3 read holding registers", lambda c: c.read_holding_registers(100, count=4)),
]

LISTS = {
    "maintenance": MAINTENANCE,
    "press-4": PRESS_4,
    "stranger": STRANGER,
    "functions": READS + WRITES + IDENTIFICATION + EXCEPTIONS + DIAGNOSTICS,
    "udp": UDP,
    "read": [("read", lambda c: c.read_holding_registers(100, count=10))],
    "vendor": VENDOR,
}
