/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's interface behind a virtual port (af_packet, af_xdp, tap). Its PMD calls the link up
 * whatever becomes of it; the interface knows.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port.h"

/* Reads, and with `set` writes, the flags of the interface. Returns 0 or -errno. */
static int flags_of(const char *interface, short *flags, bool set)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;
	int rc = 0;

	if (fd < 0)
		return -errno;
	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	request.ifr_flags = *flags;
	if (ioctl(fd, set ? SIOCSIFFLAGS : SIOCGIFFLAGS, &request) != 0)
		rc = -errno;
	*flags = request.ifr_flags;
	close(fd);
	return rc;
}

void port_interface_find(struct sl_port *port, unsigned if_index)
{
	char name[IF_NAMESIZE];

	port->if_index = 0;
	if (if_index == 0 || if_indextoname(if_index, name) == NULL)
		return;
	port->if_index = if_index;
	snprintf(port->interface, sizeof(port->interface), "%s", name);
}

void port_interface_look(const struct sl_port *port, struct sl_port_counters *counters)
{
	short flags = 0;

	/* One that was made anew under the name is another: nobody receives from it. */
	counters->present = if_nametoindex(port->interface) == port->if_index;
	counters->link_up = counters->present && flags_of(port->interface, &flags, false) == 0 &&
			    (flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

int port_interface_set(const struct sl_port *port, bool up)
{
	short flags = 0;
	int rc = flags_of(port->interface, &flags, false);

	if (rc != 0)
		return rc;
	flags = (short)(up ? flags | IFF_UP : flags & ~IFF_UP);
	return flags_of(port->interface, &flags, true);
}
