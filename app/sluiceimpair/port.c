/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An interface: a packet socket whose received frames lie in a ring that the kernel shares with
 * us (TPACKET_V2: a place a frame, so nothing waits for a block to fill), and are sent from where
 * they lie, a batch a system call.
 */
#include "impair.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "sl_bytes.h"

enum {
	RING_BYTES = 16 << 20, /* each way of time: 8,192 frames of 1,500 bytes */
	BLOCK_BYTES = 1 << 17, /* one frame of 64 KiB fits */
	RESERVE = 16,          /* before each frame, for the tag that the kernel took off */
	L2_MAX = 22,
	MACS_LEN = 12,
	TAG_LEN = 4,
	SEND_BUFFER = 4 << 20,
	SEND_PATIENCE_MS = 100,
};

static int complain(const struct impair_port *port, const char *what)
{
	fprintf(stderr, "sluiceimpair: %s: %s: %s\n", port->name, what, strerror(errno));
	return -1;
}

static int set(struct impair_port *port, int option, int value, const char *what)
{
	if (setsockopt(port->fd, SOL_PACKET, option, &value, sizeof(value)) != 0)
		return complain(port, what);
	return 0;
}

/* That it is there, is an Ethernet, and how long its frames may be. */
static int look_at(struct impair_port *port)
{
	struct ifreq ifr = {0};

	if (strlen(port->name) >= sizeof(ifr.ifr_name) ||
	    (port->index = (int)if_nametoindex(port->name)) == 0) {
		fprintf(stderr,
			"sluiceimpair: there is no interface \"%s\" here: `ip link` shows them\n",
			port->name);
		return -1;
	}
	memcpy(ifr.ifr_name, port->name, strlen(port->name));
	if (ioctl(port->fd, SIOCGIFHWADDR, &ifr) != 0)
		return complain(port, "its kind");
	if (ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
		fprintf(stderr, "sluiceimpair: %s is no Ethernet interface\n", port->name);
		return -1;
	}
	if (ioctl(port->fd, SIOCGIFFLAGS, &ifr) != 0)
		return complain(port, "its flags");
	if (!(ifr.ifr_flags & IFF_UP))
		fprintf(stderr,
			"sluiceimpair: %s is down; nothing passes until: ip link set %s up\n",
			port->name, port->name);
	if (ioctl(port->fd, SIOCGIFMTU, &ifr) != 0)
		return complain(port, "its MTU");
	port->frame_max = (uint32_t)ifr.ifr_mtu + L2_MAX;
	return 0;
}

static int open_ring(struct impair_port *port)
{
	struct tpacket_req req = {.tp_block_size = BLOCK_BYTES};
	const uint32_t need =
		TPACKET_ALIGN(TPACKET2_HDRLEN) + RESERVE + TPACKET_ALIGNMENT + port->frame_max;

	port->frame_size = sl_pow2_ceil_u32(need);
	if (port->frame_size > BLOCK_BYTES) {
		fprintf(stderr, "sluiceimpair: %s: its MTU of %u is more than 65535\n", port->name,
			port->frame_max - L2_MAX);
		return -1;
	}
	req.tp_block_nr = RING_BYTES / BLOCK_BYTES;
	req.tp_frame_size = port->frame_size;
	req.tp_frame_nr = RING_BYTES / port->frame_size;
	port->n_frames = req.tp_frame_nr;
	if (setsockopt(port->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) != 0)
		return complain(port, "a ring of 16 MiB");
	port->ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, port->fd, 0);
	if (port->ring == MAP_FAILED) {
		port->ring = NULL;
		return complain(port, "mmap of its ring");
	}
	port->ring_size = RING_BYTES;
	return 0;
}

/* From here on frames come. */
static int attach(struct impair_port *port)
{
	const struct packet_mreq promisc = {.mr_ifindex = port->index,
					    .mr_type = PACKET_MR_PROMISC};
	const struct sockaddr_ll where = {
		.sll_family = AF_PACKET,
		.sll_protocol = __builtin_bswap16(ETH_P_ALL),
		.sll_ifindex = port->index,
	};
	const struct timeval patience = {.tv_usec = SEND_PATIENCE_MS * 1000};
	const int buffer = SEND_BUFFER;

	if (setsockopt(port->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)) != 0)
		return complain(port, "promiscuous mode");
	/* A line that stands still must not stop us for ever; without a longer buffer it works,
	 * too. */
	setsockopt(port->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(port->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	/* No queue of the kernel's after ours. */
	set(port, PACKET_QDISC_BYPASS, 1, "PACKET_QDISC_BYPASS");
	if (bind(port->fd, (const struct sockaddr *)&where, sizeof(where)) != 0)
		return complain(port, "bind");
	return 0;
}

int impair_port_open(struct impair_port *port, const char *name)
{
	*port = (struct impair_port){.name = name};
	/* Protocol 0: nothing comes before bind() says from where. */
	port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (port->fd < 0) {
		if (errno == EPERM)
			fprintf(stderr, "sluiceimpair: packet sockets need root, or CAP_NET_RAW\n");
		else
			complain(port, "packet socket");
		return -1;
	}
	if (look_at(port) != 0 || set(port, PACKET_VERSION, TPACKET_V2, "TPACKET_V2") != 0 ||
	    set(port, PACKET_RESERVE, RESERVE, "PACKET_RESERVE") != 0 ||
	    set(port, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING") != 0 ||
	    open_ring(port) != 0 || attach(port) != 0) {
		impair_port_close(port);
		return -1;
	}
	return 0;
}

void impair_port_close(struct impair_port *port)
{
	if (port->ring != NULL)
		munmap(port->ring, port->ring_size);
	if (port->fd >= 0)
		close(port->fd);
	port->ring = NULL;
	port->fd = -1;
}

static struct tpacket2_hdr *place(const struct impair_port *port, uint32_t i)
{
	return (struct tpacket2_hdr *)(port->ring + (size_t)((port->next + i) % port->n_frames) *
							    port->frame_size);
}

/* Puts the tag back that the kernel has taken off, into the room before the frame. */
static void put_tag(const struct tpacket2_hdr *h, struct impair_received *received)
{
	const uint16_t type =
		h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->tp_vlan_tpid : ETH_P_8021Q;

	memmove(received->data - TAG_LEN, received->data, MACS_LEN);
	received->data -= TAG_LEN;
	received->len += TAG_LEN;
	sl_store_be16(received->data + MACS_LEN, type);
	sl_store_be16(received->data + MACS_LEN + 2, h->tp_vlan_tci);
}

bool impair_port_peek(struct impair_port *port, uint32_t i, struct impair_received *received)
{
	struct tpacket2_hdr *h = place(port, i);
	uint32_t status;

	if (i >= port->n_frames)
		return false;
	status = __atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE);
	if (!(status & TP_STATUS_USER))
		return false;
	received->data = (uint8_t *)h + h->tp_mac;
	received->len = h->tp_snaplen;
	received->cut = h->tp_snaplen < h->tp_len;
	received->checksum_missing = (status & TP_STATUS_CSUMNOTREADY) != 0;
	if (received->cut && !port->said_long) {
		port->said_long = true;
		fprintf(stderr,
			"sluiceimpair: %s: a frame of %u bytes is more than its MTU and is not "
			"passed on; "
			"if it came over a veth: ethtool -K PEER tso off gso off\n",
			port->name, h->tp_len);
	}
	if (status & TP_STATUS_VLAN_VALID && received->len >= MACS_LEN + 2)
		put_tag(h, received);
	return true;
}

void impair_port_give_back(struct impair_port *port, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		__atomic_store_n(&place(port, i)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	port->next = (port->next + n) % port->n_frames;
}

/* Says once why frames don't leave here. */
static void refused(struct impair_port *port, int error, uint32_t len)
{
	if (port->said_refused)
		return;
	port->said_refused = true;
	if (error == EMSGSIZE)
		fprintf(stderr,
			"sluiceimpair: %s: a frame of %u bytes is too long for its MTU; if such "
			"are "
			"wanted: ip link set %s mtu %u\n",
			port->name, len, port->name, len - ETH_HLEN);
	else
		fprintf(stderr, "sluiceimpair: %s does not take frames: %s\n", port->name,
			strerror(error));
}

uint32_t impair_port_send(struct impair_port *port, const struct impair_batch *batch)
{
	struct mmsghdr messages[IMPAIR_BATCH];
	struct iovec pieces[IMPAIR_BATCH];
	uint32_t done = 0, n_refused = 0;

	for (uint32_t i = 0; i < batch->n; i++) {
		pieces[i] = (struct iovec){batch->out[i].data, batch->out[i].len};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &pieces[i], .msg_iovlen = 1}};
	}
	while (done < batch->n) {
		const int rc = sendmmsg(port->fd, messages + done, batch->n - done, 0);

		if (rc > 0) {
			done += (uint32_t)rc;
		} else if (rc == 0 || errno != EINTR) {
			/* It is the first of the rest that was refused. */
			refused(port, errno, batch->out[done].len);
			n_refused++;
			done++;
		}
	}
	return n_refused;
}

void impair_port_count(struct impair_port *port)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);

	/* Reading sets it to zero. */
	if (getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
		port->kernel_dropped += stats.tp_drops;
}

int impair_port_recover(struct impair_port *port)
{
	struct ifreq ifr = {.ifr_ifindex = port->index};
	socklen_t len = sizeof(int);
	int error;

	getsockopt(port->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (ioctl(port->fd, SIOCGIFNAME, &ifr) == 0)
		return 0;
	fprintf(stderr, "sluiceimpair: %s is gone\n", port->name);
	return -1;
}
