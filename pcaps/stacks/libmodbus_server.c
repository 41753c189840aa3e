/* A device on libmodbus: coils, inputs and registers 0 to 199, any number of clients.
 *
 * Usage: libmodbus_server PORT [JOURNAL]
 *
 * JOURNAL gets a line "accept" for each connection and one with the bytes of each request, in hex, before it
 * is executed.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <modbus.h>

enum { MAX_CLIENTS = 16, POINTS = 200 };

static modbus_mapping_t *make_points(void)
{
    modbus_mapping_t *points = modbus_mapping_new(POINTS, POINTS, POINTS, POINTS);
    for (int i = 0; points && i < POINTS; i++) {
        points->tab_bits[i] = i % 2;
        points->tab_input_bits[i] = i % 3 == 0;
        points->tab_registers[i] = (uint16_t)(10 * i);
        points->tab_input_registers[i] = (uint16_t)(1000 + i);
    }
    return points;
}

static FILE *journal;

static void note(const uint8_t *request, int length)
{
    for (int i = 0; journal && i < length; i++)
        fprintf(journal, "%02x", request[i]);
    if (journal)
        fputc('\n', journal);
}

/* Serves one request of the client behind `fd`; 0 to go on, -1 when the client has left. */
static int serve(modbus_t *device, modbus_mapping_t *points, int fd)
{
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(device, fd);
    int length = modbus_receive(device, request);
    if (length < 0)
        return -1;
    if (length > 0)
        note(request, length);
    /* The library leaves function 7 to the application: it says so and sends nothing. */
    if (length > 0 && modbus_reply(device, request, length, points) < 0 && errno == ENOPROTOOPT)
        modbus_reply_exception(device, request, MODBUS_EXCEPTION_ILLEGAL_FUNCTION);
    return 0;
}

static void serve_ready(modbus_t *device, modbus_mapping_t *points, struct pollfd *polls, nfds_t *used)
{
    for (nfds_t i = 1; i < *used; i++) {
        if (!polls[i].revents || serve(device, points, polls[i].fd) == 0)
            continue;
        close(polls[i].fd);
        polls[i--] = polls[--*used];
    }
}

static void accept_client(modbus_t *device, struct pollfd *polls, nfds_t *used)
{
    int listener = polls[0].fd;
    int fd = modbus_tcp_accept(device, &listener);
    if (journal)
        fputs("accept\n", journal);
    if (fd >= 0 && *used < MAX_CLIENTS)
        polls[(*used)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
    else if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    modbus_t *device = modbus_new_tcp("0.0.0.0", argc > 1 ? atoi(argv[1]) : 502);
    modbus_mapping_t *points = make_points();
    struct pollfd polls[MAX_CLIENTS] = { { .events = POLLIN } };
    nfds_t used = 1;

    if (argc > 2 && !(journal = fopen(argv[2], "w")))
        return perror(argv[2]), 1;
    if (journal)
        setlinebuf(journal);
    if (!device || !points || (polls[0].fd = modbus_tcp_listen(device, MAX_CLIENTS)) < 0)
        return perror("libmodbus_server"), 1;
    /* To answer an unknown function the library waits this long for the rest of the request. */
    modbus_set_response_timeout(device, 0, 5000);
    puts("READY");
    fflush(stdout);
    while (poll(polls, used, -1) > 0) {
        serve_ready(device, points, polls, &used);
        if (polls[0].revents)
            accept_client(device, polls, &used);
    }
    return 0;
}
