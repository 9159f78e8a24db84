/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's interface behind a virtual port (af_packet, af_xdp, tap). Its PMD calls the link up
 * whatever becomes of it, and counts what it has handed to the kernel, not what was sent; the
 * interface knows.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port.h"

enum {
	OWN_NAMESPACE = -1, /* for a netnsid: that of who asks */
	ANSWER_MAX = 16384, /* an RTM_NEWLINK is some 2 KiB; virtual functions are not asked for */
	ANSWER_MS = 100,
};

/* What the kernel says of an interface. */
struct interface {
	unsigned flags;
	uint32_t mtu;
	uint32_t other;      /* if_index of its other end (veth) or of what it lies on; 0: none */
	int other_namespace; /* rtnetlink's netnsid of that, or OWN_NAMESPACE */
	struct rtnl_link_stats64 stats;
};

struct question {
	struct nlmsghdr header;
	struct ifinfomsg about;
	char attributes[64];
};

static void add_attribute(struct question *q, unsigned short type, int value)
{
	struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->header.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(sizeof(value));
	memcpy(RTA_DATA(a), &value, sizeof(value));
	q->header.nlmsg_len = NLMSG_ALIGN(q->header.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static void read_attribute(const struct rtattr *a, struct interface *found)
{
	const void *value = RTA_DATA(a);
	const size_t len = RTA_PAYLOAD(a);

	switch (a->rta_type) {
	case IFLA_MTU:
		memcpy(&found->mtu, value, sl_min_u32((uint32_t)len, sizeof(found->mtu)));
		break;
	case IFLA_LINK:
		memcpy(&found->other, value, sl_min_u32((uint32_t)len, sizeof(found->other)));
		break;
	case IFLA_LINK_NETNSID:
		memcpy(&found->other_namespace, value,
		       sl_min_u32((uint32_t)len, sizeof(found->other_namespace)));
		break;
	case IFLA_STATS64:
		memcpy(&found->stats, value, sl_min_u32((uint32_t)len, sizeof(found->stats)));
		break;
	default:
		break;
	}
}

/* Returns false when the kernel answers with an error: there is no such interface. */
static bool read_answer(const char *answer, size_t size, struct interface *found)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
	const struct ifinfomsg *about = NLMSG_DATA(header);
	const struct rtattr *a = IFLA_RTA(about);
	int left;

	if (!NLMSG_OK(header, size) || header->nlmsg_type != RTM_NEWLINK)
		return false;
	memset(found, 0, sizeof(*found));
	found->other_namespace = OWN_NAMESPACE;
	found->flags = about->ifi_flags;
	left = (int)IFLA_PAYLOAD(header);
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		read_attribute(a, found);
	return true;
}

/* Asks for the interface `if_index` of a network namespace. Returns whether it is there. */
static bool ask(unsigned if_index, int namespace, struct interface *found)
{
	const struct timeval patience = {.tv_usec = ANSWER_MS * 1000};
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct question q = {
		.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(q.about)),
			   .nlmsg_type = RTM_GETLINK,
			   .nlmsg_flags = NLM_F_REQUEST},
		.about = {.ifi_index = (int)if_index},
	};
	alignas(struct nlmsghdr) char answer[ANSWER_MAX];
	ssize_t n = -1;

	if (fd < 0)
		return false;
	if (namespace != OWN_NAMESPACE)
		add_attribute(&q, IFLA_TARGET_NETNSID, namespace);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, &q, q.header.nlmsg_len, 0) == (ssize_t)q.header.nlmsg_len)
		n = recv(fd, answer, sizeof(answer), 0);
	close(fd);
	return n > 0 && read_answer(answer, (size_t)n, found);
}

void port_interface_find(struct sl_port *port, unsigned if_index)
{
	char name[IF_NAMESIZE];
	struct interface own;

	port->if_index = 0;
	port->sent_before = port->tx_lost_before = 0;
	if (if_index == 0 || if_indextoname(if_index, name) == NULL)
		return;
	port->if_index = if_index;
	snprintf(port->interface, sizeof(port->interface), "%s", name);
	if (!ask(if_index, OWN_NAMESPACE, &own))
		return;
	port->sent_before = own.stats.tx_packets;
	port->tx_lost_before = own.stats.tx_dropped + own.stats.tx_errors;
}

/*
 * What frames that leave by the kernel's interface may measure: its own MTU, and that of its other
 * end: a veth refuses what is longer than its peer takes, and af_packet then offers the same frame
 * for ever. One tag of 802.1Q comes on top. Of a peer in a namespace that this process has no right
 * to look into nothing is known.
 */
static void limit_by_interface(const struct interface *own, struct sl_frame_limit *limit)
{
	struct interface other;
	uint32_t mtu = own->mtu;

	if (own->other != 0 && ask(own->other, own->other_namespace, &other))
		mtu = sl_min_u32(mtu, other.mtu);
	limit->mtu = (uint16_t)sl_max_u32(sl_min_u32(limit->mtu, mtu), PORT_MTU_MIN);
	limit->frame = (uint16_t)(limit->mtu + PORT_ETHER_HDR + PORT_TAG);
}

void port_interface_look(const struct sl_port *port, struct sl_port_counters *counters)
{
	struct interface own;

	/* One that was made anew under the name is another: nobody receives from it. */
	counters->present = ask(port->if_index, OWN_NAMESPACE, &own);
	if (!counters->present)
		return;
	counters->link_up = (own.flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	if (!port->sent_by_kernel)
		return;
	/* The interface counts since it was made, the port since the daemon began. */
	counters->sent = own.stats.tx_packets - port->sent_before;
	counters->tx_lost = own.stats.tx_dropped + own.stats.tx_errors - port->tx_lost_before;
	limit_by_interface(&own, &counters->limit);
}

int port_interface_set(const struct sl_port *port, bool up)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;
	int rc = 0;

	if (fd < 0)
		return -errno;
	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", port->interface);
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		request.ifr_flags =
			(short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
		if (ioctl(fd, SIOCSIFFLAGS, &request) != 0)
			rc = -errno;
	} else {
		rc = -errno;
	}
	close(fd);
	return rc;
}
