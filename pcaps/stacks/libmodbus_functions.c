/* A libmodbus client that asks a device for every function the library can send.
 *
 * Usage: libmodbus_functions HOST SOURCE_PORT functions|vendor
 *
 * functions  what the library has calls for, then as raw requests what it has none for
 * vendor     codes outside the public range, as raw requests
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libmodbus_connect.h"

struct raw { const char *name; int length; uint8_t bytes[12]; };

/* Each begins with unit and function code; the library adds the rest of the header. */
static const struct raw FUNCTIONS[] = {
    { "read exception status", 2, { 1, 7 } },
    { "diagnostics: echo", 6, { 1, 8, 0, 0, 0x12, 0x34 } },
    { "diagnostics: diagnostic register", 6, { 1, 8, 0, 2, 0, 0 } },
    { "get comm event counter", 2, { 1, 11 } },
    { "get comm event log", 2, { 1, 12 } },
    { "read file record", 10, { 1, 20, 7, 6, 0, 4, 0, 1, 0, 2 } },
    { "write file record", 12, { 1, 21, 9, 6, 0, 4, 0, 7, 0, 1, 0x06, 0xAF } },
    { "read fifo queue", 4, { 1, 24, 0, 30 } },
    { "read device identification, basic", 5, { 1, 43, 14, 1, 0 } },
};

static const struct raw VENDOR[] = {
    { "UMAS read id", 4, { 1, 90, 0, 0x02 } },
    { "UMAS take reservation", 8, { 1, 90, 0, 0x10, 0, 0, 0, 1 } },
    { "UMAS stop", 6, { 1, 90, 0x5C, 0x41, 0xFF, 0 } },
    { "vendor programming 125", 4, { 1, 125, 0, 1 } },
    { "user-defined 100", 4, { 1, 100, 0, 1 } },
};

static void pause_ms(long ms)
{
    struct timespec span = { .tv_nsec = ms * 1000000 };
    nanosleep(&span, NULL);
}

static void report(const char *name, int result)
{
    printf("%-34s %s\n", name, result < 0 ? modbus_strerror(errno) : "ok");
    pause_ms(10);
}

static void ask_raw(modbus_t *client, const struct raw *request)
{
    uint8_t answer[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_send_raw_request(client, request->bytes, request->length);
    report(request->name, modbus_receive_confirmation(client, answer));
    /* The library does not know how long these answers are and leaves their tail unread. */
    modbus_flush(client);
}

static void ask_all_raw(modbus_t *client, const struct raw *requests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ask_raw(client, &requests[i]);
}

static void ask_reads(modbus_t *client)
{
    uint8_t bits[MODBUS_MAX_READ_BITS];
    uint16_t words[MODBUS_MAX_READ_REGISTERS];
    report("read coils", modbus_read_bits(client, 0, 16, bits));
    report("read discrete inputs", modbus_read_input_bits(client, 5, 9, bits));
    report("read holding registers", modbus_read_registers(client, 0, 125, words));
    report("read input registers", modbus_read_input_registers(client, 0, 8, words));
    report("read holding, illegal address", modbus_read_registers(client, 5000, 2, words));
    report("report slave id", modbus_report_slave_id(client, sizeof bits, bits));
}

static void ask_writes(modbus_t *client)
{
    const uint8_t bits[9] = { 1, 0, 1, 0, 1, 0, 1, 0, 1 };
    const uint16_t words[3] = { 11, 22, 33 };
    uint16_t read[4];
    report("write coil", modbus_write_bit(client, 3, 1));
    report("write register", modbus_write_register(client, 20, 4711));
    report("write coils", modbus_write_bits(client, 4, 9, bits));
    report("write registers", modbus_write_registers(client, 21, 3, words));
    report("mask write register", modbus_mask_write_register(client, 20, 0x00F2, 0x0025));
    report("write and read registers", modbus_write_and_read_registers(client, 30, 3, words, 20, 4, read));
    report("write register, illegal address", modbus_write_register(client, 6000, 1));
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return fputs("usage: libmodbus_functions HOST SOURCE_PORT functions|vendor\n", stderr), 2;
    modbus_t *client = client_from(argv[1], (uint16_t)atoi(argv[2]));
    if (!client)
        return perror("libmodbus_functions"), 1;
    if (strcmp(argv[3], "vendor") == 0) {
        ask_all_raw(client, VENDOR, sizeof VENDOR / sizeof *VENDOR);
    } else {
        ask_reads(client);
        ask_writes(client);
        ask_all_raw(client, FUNCTIONS, sizeof FUNCTIONS / sizeof *FUNCTIONS);
    }
    modbus_close(client);
    return 0;
}
