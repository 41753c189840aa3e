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
 * To be a bad cable; what it does to the nth frame from a port depends on the seed alone:
 *   -l N                 of a thousand frames, N are lost
 *   -d N                 N come twice, the second time late
 *   -r N                 N come late: behind up to three others, at most 10 ms
 *   -s SEED              (1)
 * SIGTERM ends it; it then says how many frames it has seen, lost, doubled and held back.
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
#include <time.h>
#include <unistd.h>

#define PORTS 8
#define TAG 4
#define MACS 12
#define FRAME 65536
#define TRUNK -1
#define LATE 8 /* frames of a port that are held back at a time */
#define BEHIND 3
#define MOST_MS 10

/* A frame that is held back; room for a tag lies in front of it. */
struct late {
	unsigned char space[TAG + FRAME];
	size_t length; /* 0: none */
	int vlan, control, behind;
	int64_t until;
};

struct port {
	int fd;
	int vlan; /* TRUNK, or that of an access port */
	uint64_t chance;
	struct late late[LATE];
};

static struct port ports[PORTS];
static int count;
static unsigned long lose, twice, hold, seed = 1;
static struct {
	unsigned long seen, lost, doubled, late;
} told;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void open_port(struct port *port, char *argument)
{
	char *colon = strchr(argument, ':');
	port->vlan = colon ? atoi(colon + 1) : TRUNK;
	if (colon)
		*colon = 0;
	port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (port->fd < 0)
		die("socket");
	struct sockaddr_ll here = {.sll_family = AF_PACKET,
				   .sll_protocol = htons(ETH_P_ALL),
				   .sll_ifindex = (int)if_nametoindex(argument)};
	if (!here.sll_ifindex || bind(port->fd, (void *)&here, sizeof here) < 0)
		die(argument);
	struct packet_mreq all = {.mr_ifindex = here.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
	int on = 1, space = 4 << 20;
	if (setsockopt(port->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0 ||
	    setsockopt(port->fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) < 0 ||
	    setsockopt(port->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0)
		die("setsockopt");
	setsockopt(port->fd, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof space);
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

static void pass(int from, unsigned char *frame, size_t length, int vlan, int control)
{
	for (int to = 0; to < count; to++)
		if (to != from)
			leave(&ports[to], frame, length, vlan, control);
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A number below a thousand (splitmix64). */
static unsigned long draw(struct port *port)
{
	uint64_t z = port->chance += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % 1000;
}

/* Keeps a copy until `behind` others have passed; 0 where there is no room. */
static int keep(struct port *port, const unsigned char *frame, size_t length, int vlan, int control, int behind)
{
	for (struct late *late = port->late; late < port->late + LATE; late++) {
		if (late->length)
			continue;
		memcpy(late->space + TAG, frame, length);
		late->length = length, late->vlan = vlan, late->control = control;
		/* It is counted itself, too. */
		late->behind = behind + 1, late->until = now_ms() + MOST_MS;
		return 1;
	}
	return 0;
}

/* Sends what was held back long enough: `passed` more frames have come. How long until more of it is, or -1. */
static int release(int from, int passed)
{
	int64_t wait = -1;
	for (struct late *late = ports[from].late; late < ports[from].late + LATE; late++) {
		int64_t left = late->until - now_ms();
		if (!late->length)
			continue;
		late->behind -= passed;
		if (late->behind <= 0 || left <= 0) {
			pass(from, late->space + TAG, late->length, late->vlan, late->control);
			late->length = 0;
		} else if (wait < 0 || left < wait) {
			wait = left;
		}
	}
	return (int)wait;
}

/* What becomes of a frame; each port draws as often for each, so that the nth has the same fate every time. */
static void carry(int from, unsigned char *frame, size_t length, int vlan, int control)
{
	struct port *port = &ports[from];
	int lost = draw(port) < lose, doubled = draw(port) < twice, late = draw(port) < hold;
	int behind = 1 + (int)(draw(port) % BEHIND);
	told.seen++;
	if (lost) {
		told.lost++;
	} else if (late && keep(port, frame, length, vlan, control, behind)) {
		told.late++;
	} else {
		if (doubled && keep(port, frame, length, vlan, control, behind))
			told.doubled++;
		pass(from, frame, length, vlan, control);
	}
}

static int receive(int from)
{
	static unsigned char space[TAG + FRAME];
	unsigned char *frame = space + TAG;
	char control[256];
	struct iovec bytes = {.iov_base = frame, .iov_len = FRAME};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1,
				 .msg_control = control, .msg_controllen = sizeof control};
	ssize_t length = recvmsg(ports[from].fd, &message, MSG_DONTWAIT);
	if (length < MACS)
		return 0;
	int tag = tag_of(&message);
	int vlan = ports[from].vlan == TRUNK ? (tag < 0 ? 0 : tag & 0xfff) : ports[from].vlan;
	/* A device without VLAN support sends no tags. */
	if (ports[from].vlan == TRUNK || tag < 0)
		carry(from, frame, (size_t)length, vlan, tag < 0 ? vlan : tag);
	return 1;
}

/* For SIGTERM; nothing else prints any more. */
static void tell(int number)
{
	(void)number;
	printf("seen %lu lost %lu doubled %lu late %lu\n", told.seen, told.lost, told.doubled, told.late);
	fflush(stdout);
	_exit(0);
}

static void read_options(int argc, char **argv)
{
	for (int option; (option = getopt(argc, argv, "l:d:r:s:")) != -1;) {
		unsigned long value = option == '?' ? 0 : strtoul(optarg, NULL, 10);
		switch (option) {
		case 'l': lose = value; break;
		case 'd': twice = value; break;
		case 'r': hold = value; break;
		case 's': seed = value; break;
		default: exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct pollfd polled[PORTS];
	read_options(argc, argv);
	for (; optind < argc && count < PORTS; optind++, count++) {
		open_port(&ports[count], argv[optind]);
		ports[count].chance = seed * PORTS + (unsigned long)count;
		polled[count] = (struct pollfd){.fd = ports[count].fd, .events = POLLIN};
	}
	/* Whoever started it is gone: so is it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	puts("READY");
	fflush(stdout);
	signal(SIGTERM, tell);
	for (int wait = -1, ready; (ready = poll(polled, (nfds_t)count, wait)) >= 0 || errno == EINTR;) {
		wait = -1;
		for (int from = 0; from < count; from++) {
			int came = ready > 0 && polled[from].revents & POLLIN && receive(from);
			int left = release(from, came);
			if (left >= 0 && (wait < 0 || left < wait))
				wait = left;
		}
	}
	return 1;
}
