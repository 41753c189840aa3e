/* A client on libmodbus that does what it reads, one command after the other, on one connection.
 *
 * Usage: libmodbus_commands HOST SOURCE_PORT
 *
 * Standard input has a command a line: FUNCTION ADDRESS COUNT VALUE, of functions 3, 6 and 16, where VALUE is what
 * each of COUNT registers gets. Standard output gets a line for each: "ok" and what was read, or
 * "exception" and its code. Anything else that happens ends it with 1, and so does a byte too many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "libmodbus_connect.h"

enum { PATIENCE_S = 120 };

static int ask(modbus_t *client, int function, int address, int count, int value, uint16_t *words)
{
    for (int i = 0; i < count; i++)
        words[i] = (uint16_t)value;
    switch (function) {
    case 3: return modbus_read_registers(client, address, count, words);
    case 6: return modbus_write_register(client, address, (uint16_t)value);
    default: return modbus_write_registers(client, address, count, words);
    }
}

/* Says what came of it; -1 if that is no answer. */
static int tell(int function, int got, const uint16_t *words)
{
    int code = errno - MODBUS_ENOBASE;
    if (got < 0 && (code < 1 || code >= MODBUS_EXCEPTION_MAX))
        return -1;
    printf(got < 0 ? "exception %d" : "ok", code);
    for (int i = 0; function == 3 && i < got; i++)
        printf(" %d", words[i]);
    puts("");
    return 0;
}

/* Whether the device closes without another word. */
static int is_done(modbus_t *client)
{
    char more;
    int fd = modbus_get_socket(client);
    return shutdown(fd, SHUT_WR) == 0 && read(fd, &more, 1) == 0;
}

int main(int argc, char **argv)
{
    int function, address, count, value;
    uint16_t words[MODBUS_MAX_READ_REGISTERS];
    modbus_t *client = argc == 3 ? client_from(argv[1], (uint16_t)atoi(argv[2])) : NULL;
    if (!client)
        return perror("libmodbus_commands"), 1;
    modbus_set_response_timeout(client, PATIENCE_S, 0);
    while (scanf("%d %d %d %d", &function, &address, &count, &value) == 4)
        if (count > MODBUS_MAX_READ_REGISTERS ||
            tell(function, ask(client, function, address, count, value, words), words) < 0)
            return fprintf(stderr, "libmodbus_commands: %s\n", modbus_strerror(errno)), 1;
    if (!is_done(client))
        return fputs("libmodbus_commands: more than answers\n", stderr), 1;
    modbus_close(client);
    return 0;
}
