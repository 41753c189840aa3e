/* A libmodbus client whose source port is fixed, so that every recording has the same flows. */
#ifndef LIBMODBUS_CONNECT_H
#define LIBMODBUS_CONNECT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

#include <modbus.h>

static int connect_from(const char *host, uint16_t source_port)
{
    int on = 1;
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(source_port) };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(502) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
        bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        return -1;
    return fd;
}

/* A connected client of unit 1, or NULL. The library takes over the socket. */
static modbus_t *client_from(const char *host, uint16_t source_port)
{
    modbus_t *client = modbus_new_tcp(host, 502);
    int fd = connect_from(host, source_port);
    if (!client || fd < 0)
        return NULL;
    modbus_set_socket(client, fd);
    modbus_set_slave(client, 1);
    modbus_set_response_timeout(client, 1, 0);
    return client;
}

#endif
