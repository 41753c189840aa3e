/* An HMI on libmodbus: polls a device in a fixed cycle.
 *
 * Usage: libmodbus_poll HOST SOURCE_PORT ROUNDS PERIOD_MS view|operate
 *
 * view     functions 1, 2, 3 and 4 in every round
 * operate  functions 3 and 4 in every round, a life sign (function 6) in every tenth
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libmodbus_connect.h"

static int view_round(modbus_t *client)
{
    uint8_t bits[16];
    uint16_t words[10];
    return modbus_read_bits(client, 0, 16, bits) < 0 ||
           modbus_read_input_bits(client, 0, 16, bits) < 0 ||
           modbus_read_registers(client, 100, 10, words) < 0 ||
           modbus_read_input_registers(client, 0, 8, words) < 0;
}

static int operate_round(modbus_t *client, int round)
{
    uint16_t words[20];
    return modbus_read_registers(client, 100, 20, words) < 0 ||
           modbus_read_input_registers(client, 0, 8, words) < 0 ||
           (round % 10 == 0 && modbus_write_register(client, 10, (uint16_t)(round / 10)) < 0);
}

static struct timespec later(struct timespec when, long period_ms)
{
    when.tv_nsec += period_ms * 1000000;
    when.tv_sec += when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;
    return when;
}

static int poll_device(modbus_t *client, int rounds, long period_ms, int operate)
{
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (int round = 0; round < rounds; round++) {
        if (operate ? operate_round(client, round) : view_round(client))
            return fprintf(stderr, "round %d: %s\n", round, modbus_strerror(errno)), 1;
        next = later(next, period_ms);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return fputs("usage: libmodbus_poll HOST SOURCE_PORT ROUNDS PERIOD_MS view|operate\n", stderr), 2;
    modbus_t *client = client_from(argv[1], (uint16_t)atoi(argv[2]));
    if (!client)
        return perror("libmodbus_poll"), 1;
    int failed = poll_device(client, atoi(argv[3]), atol(argv[4]), strcmp(argv[5], "operate") == 0);
    modbus_close(client);
    return failed;
}
