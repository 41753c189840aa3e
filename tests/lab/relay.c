/*
 * A small VLAN switch of the laboratory, between interfaces of one network namespace: a kernel without 802.1q
 * can neither tag nor switch by itself, and a device need not know that it is in a VLAN.
 *
 *   relay PORT...        PORT is INTERFACE for a trunk, INTERFACE:VLAN for an access port, INTERFACE:0 for one
 *                        in the untagged network of the trunks
 *
 * A frame from an access port leaves by trunks with the port's tag, and untagged by access ports of the same
 * VLAN. A frame from a trunk leaves by access ports of its VLAN, without the tag, and by other trunks as it is.
 * Prints READY when it listens. Frames need whole checksums: `ethtool -K INTERFACE tx off` at their sender.
 *
 * To lose frames as a bad cable does:
 *   -l N                 every Nth frame is lost
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORTS 8
#define TAG 4
#define MACS 12
#define FRAME 65536
#define TRUNK -1

struct port {
	int fd;
	int vlan; /* TRUNK, or that of an access port */
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct port open_port(char *argument)
{
	char *colon = strchr(argument, ':');
	struct port port = {.vlan = colon ? atoi(colon + 1) : TRUNK};
	if (colon)
		*colon = 0;
	port.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (port.fd < 0)
		die("socket");
	struct sockaddr_ll here = {.sll_family = AF_PACKET,
				   .sll_protocol = htons(ETH_P_ALL),
				   .sll_ifindex = (int)if_nametoindex(argument)};
	if (!here.sll_ifindex || bind(port.fd, (void *)&here, sizeof here) < 0)
		die(argument);
	struct packet_mreq all = {.mr_ifindex = here.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
	int on = 1, space = 4 << 20;
	if (setsockopt(port.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0 ||
	    setsockopt(port.fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) < 0 ||
	    setsockopt(port.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0)
		die("setsockopt");
	setsockopt(port.fd, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof space);
	return port;
}

/* The tag that the kernel has taken out of a frame, or -1. */
static int tag_of(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct tpacket_auxdata data;
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&data, CMSG_DATA(c), sizeof data);
		if (data.tp_status & TP_STATUS_VLAN_VALID)
			return data.tp_vlan_tci;
	}
	return -1;
}

static void leave(const struct port *port, unsigned char *frame, size_t length, int vlan, int control)
{
	/* Room for a tag lies in front of the frame. */
	if (port->vlan == TRUNK && vlan > 0) {
		unsigned char *tagged = frame - TAG;
		uint16_t tag[2] = {htons(ETH_P_8021Q), htons((uint16_t)control)};
		unsigned char macs[MACS];
		memcpy(macs, frame, MACS);
		memcpy(tagged, macs, MACS);
		memcpy(tagged + MACS, tag, TAG);
		(void)!send(port->fd, tagged, length + TAG, 0);
		memcpy(frame, macs, MACS);
	} else if (port->vlan == TRUNK || port->vlan == vlan) {
		(void)!send(port->fd, frame, length, 0);
	}
}

int main(int argc, char **argv)
{
	static unsigned char space[TAG + FRAME];
	unsigned char *frame = space + TAG;
	struct port ports[PORTS];
	struct pollfd polled[PORTS];
	unsigned long lose = 0, seen = 0;
	int count = 0, option;
	while ((option = getopt(argc, argv, "l:")) != -1)
		lose = option == 'l' ? strtoul(optarg, NULL, 10) : 0;
	for (; optind < argc && count < PORTS; optind++, count++) {
		ports[count] = open_port(argv[optind]);
		polled[count] = (struct pollfd){.fd = ports[count].fd, .events = POLLIN};
	}
	/* Whoever started it is gone: so is it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	puts("READY");
	fflush(stdout);
	while (poll(polled, (nfds_t)count, -1) >= 0 || errno == EINTR) {
		for (int from = 0; from < count; from++) {
			char control[256];
			struct iovec bytes = {.iov_base = frame, .iov_len = FRAME};
			struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1,
						 .msg_control = control, .msg_controllen = sizeof control};
			ssize_t length;
			if (!(polled[from].revents & POLLIN) ||
			    (length = recvmsg(ports[from].fd, &message, MSG_DONTWAIT)) < MACS)
				continue;
			if (lose && ++seen % lose == 0)
				continue;
			int tag = tag_of(&message);
			int vlan = ports[from].vlan == TRUNK ? (tag < 0 ? 0 : tag & 0xfff) : ports[from].vlan;
			/* A device without VLAN support sends no tags. */
			if (ports[from].vlan != TRUNK && tag >= 0)
				continue;
			for (int to = 0; to < count; to++)
				if (to != from)
					leave(&ports[to], frame, (size_t)length, vlan,
					      tag < 0 ? vlan : tag);
		}
	}
	return 1;
}
