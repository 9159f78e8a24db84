/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many short connections from few source ports, so that each port is used again while its last
 * connection still waits out 2MSL at the server:
 *
 *   reuse ADDRESS PORT FIRST_PORT N_PORTS PER_SECOND SECONDS
 *
 * Each connection asks for a page by HTTP/1.0 and reads to the server's FIN. A machine that can't
 * keep the pace opens them later, not fewer: a port whose last connection this host itself has not
 * ended is passed over, and so many are open at most. Prints one line of JSON; exit 0 when none
 * failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORTS_MAX = 65536, EVENTS = 256, OPEN_MAX = 512, PATIENCE_MS = 15000 };

struct slot {
	int fd; /* -1: the port is free */
	bool asked;
	uint32_t bytes;
	uint64_t began_ms;
};

struct counts {
	uint64_t opened, ok, refused, reset, empty, late, local, busy;
};

static struct slot slots[PORTS_MAX];
static struct counts counts;
static struct sockaddr_storage server;
static socklen_t server_len;
static uint16_t first_port;
static unsigned n_ports, n_open;
static int epoll;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool set_address(const char *address, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&server;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&server;

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		server_len = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	server_len = sizeof(*v6);
	return true;
}

static int bind_port(int fd, uint16_t port)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (server.ss_family == AF_INET6)
		return bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	return bind(fd, (struct sockaddr *)&v4, sizeof(v4));
}

static void open_one(unsigned i)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = i};
	const int one = 1;
	const int fd = socket(server.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	int error;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind_port(fd, (uint16_t)(first_port + i)) != 0 ||
	    (connect(fd, (struct sockaddr *)&server, server_len) != 0 && errno != EINPROGRESS) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		error = errno;
		if (fd >= 0)
			close(fd);
		if (error == EADDRNOTAVAIL || error == EADDRINUSE) { /* in LAST-ACK here */
			counts.busy++;
			return;
		}
		fprintf(stderr, "reuse: port %u: %s\n", first_port + i, strerror(error));
		counts.local++;
		return;
	}
	slots[i] = (struct slot){.fd = fd, .began_ms = now_ms()};
	counts.opened++;
	n_open++;
}

static void end(struct slot *s, uint64_t *how)
{
	close(s->fd);
	s->fd = -1;
	n_open--;
	(*how)++;
}

static void on_event(struct slot *s)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	char data[4096];
	ssize_t n;

	if (s->fd < 0)
		return;
	if (!s->asked) {
		if (send(s->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0) {
			if (errno == EAGAIN || errno == ENOTCONN)
				return;
			end(s, errno == ECONNREFUSED ? &counts.refused : &counts.reset);
			return;
		}
		s->asked = true;
	}
	while ((n = recv(s->fd, data, sizeof(data), 0)) > 0)
		s->bytes += (uint32_t)n;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		end(s, &counts.reset);
	else
		end(s, s->bytes > 0 ? &counts.ok : &counts.empty);
}

/* Opens what the pace asks for, each on the next port that is free. */
static void keep_pace(uint64_t due)
{
	static unsigned next;

	for (unsigned tried = 0; counts.opened < due && n_open < OPEN_MAX && tried < n_ports;
	     tried++) {
		if (slots[next].fd < 0)
			open_one(next);
		next = (next + 1) % n_ports;
	}
}

static void give_up_late(void)
{
	const uint64_t now = now_ms();

	for (unsigned i = 0; i < n_ports; i++)
		if (slots[i].fd >= 0 && now - slots[i].began_ms > PATIENCE_MS)
			end(&slots[i], &counts.late);
}

int main(int argc, char **argv)
{
	uint64_t began, all, per_s, failed;

	if (argc != 7 || !set_address(argv[1], (uint16_t)atoi(argv[2]))) {
		fprintf(stderr,
			"usage: reuse ADDRESS PORT FIRST_PORT N_PORTS PER_SECOND SECONDS\n");
		return 2;
	}
	first_port = (uint16_t)atoi(argv[3]);
	n_ports = (unsigned)atoi(argv[4]);
	per_s = (uint64_t)atoll(argv[5]);
	all = per_s * (uint64_t)atoll(argv[6]);
	if (n_ports == 0 || first_port + n_ports > PORTS_MAX || per_s == 0)
		return 2;
	for (unsigned i = 0; i < n_ports; i++)
		slots[i].fd = -1;
	epoll = epoll_create1(0);
	began = now_ms();
	while (counts.opened < all || n_open > 0) {
		struct epoll_event events[EVENTS];
		const uint64_t due = (now_ms() - began) * per_s / 1000;
		int n;

		keep_pace(due < all ? due : all);
		n = epoll_wait(epoll, events, EVENTS, 1);
		for (int i = 0; i < n; i++)
			on_event(&slots[events[i].data.u32]);
		give_up_late();
		if (counts.local > 1000)
			break;
	}
	failed = counts.refused + counts.reset + counts.empty + counts.late + counts.local;
	printf("{\"opened\": %lu, \"ok\": %lu, \"refused\": %lu, \"reset\": %lu, \"empty\": %lu, "
	       "\"late\": %lu, \"local\": %lu, \"busy\": %lu, \"seconds\": %.3f}\n",
	       counts.opened, counts.ok, counts.refused, counts.reset, counts.empty, counts.late,
	       counts.local, counts.busy, (double)(now_ms() - began) / 1e3);
	return failed == 0 ? 0 : 1;
}
