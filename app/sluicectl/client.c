/* SPDX-License-Identifier: BSD-3-Clause */
/* One call of the RPC: connect, one line out, one line in. */
#include "ctl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	TIMEOUT_MS = 5000,     /* of a daemon that says nothing */
	REPLY_MAX = 256 << 20, /* bytes; more is no reply of ours */
};

static int no_daemon(const struct ctl *ctl, int why)
{
	if (ctl->waiting)
		return CTL_NO_DAEMON;
	if (why == EACCES)
		fprintf(stderr,
			"sluicectl: no permission for %s: run as root, or as a member of the group "
			"that owns it\n",
			ctl->socket);
	else if (why == ENOENT || why == ECONNREFUSED)
		fprintf(stderr,
			"sluicectl: no sluiced answers on %s: start it (sluiced -c FILE), or name "
			"the control.socket of its configuration (-s SOCKET, or SLUICE_SOCKET)\n",
			ctl->socket);
	else
		fprintf(stderr, "sluicectl: can't reach sluiced on %s: %s\n", ctl->socket,
			strerror(why));
	return CTL_NO_DAEMON;
}

static int no_reply(const struct ctl *ctl, int why)
{
	if (ctl->waiting)
		return CTL_NO_DAEMON;
	if (why == ETIMEDOUT)
		fprintf(stderr,
			"sluicectl: sluiced on %s has not answered for 5 s: it is stopped, or far "
			"too busy\n",
			ctl->socket);
	else
		fprintf(stderr, "sluicectl: sluiced on %s went away: %s\n", ctl->socket,
			why != 0 ? strerror(why) : "it closed the connection");
	return CTL_NO_DAEMON;
}

static int open_socket(const struct ctl *ctl, int *fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int why;

	if (strlen(ctl->socket) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "sluicectl: a socket's path is at most %zu bytes long\n",
			sizeof(addr.sun_path) - 1);
		return CTL_USAGE;
	}
	strcpy(addr.sun_path, ctl->socket);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && connect(*fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return CTL_DONE;
	why = errno;
	if (*fd >= 0)
		close(*fd);
	return no_daemon(ctl, why);
}

/* Waits for `what`. Returns 0, or an errno. */
static int wait_for(int fd, short what)
{
	struct pollfd p = {.fd = fd, .events = what};
	int rc;

	do
		rc = poll(&p, 1, TIMEOUT_MS);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return ETIMEDOUT;
	return rc < 0 ? errno : 0;
}

static int send_line(int fd, const char *line)
{
	size_t len = strlen(line);

	while (len > 0) {
		int why = wait_for(fd, POLLOUT);
		ssize_t sent;

		if (why != 0)
			return why;
		sent = send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return errno;
		if (sent > 0) {
			line += sent;
			len -= (size_t)sent;
		}
	}
	return 0;
}

/* Reads up to a newline into memory of its own. Returns 0, or an errno; ENOTCONN for an end. */
static int read_line(int fd, char **line, size_t *len)
{
	size_t room = 0;

	*line = NULL;
	*len = 0;
	for (;;) {
		int why = wait_for(fd, POLLIN);
		ssize_t got;

		if (why != 0)
			return why;
		if (*len == room) {
			char *more;

			room = room * 2 + 65536;
			more = room <= REPLY_MAX ? realloc(*line, room) : NULL;
			if (more == NULL)
				return ENOMEM;
			*line = more;
		}
		got = read(fd, *line + *len, room - *len);
		if (got < 0 && errno != EINTR)
			return errno;
		if (got == 0)
			return ECONNRESET;
		if (got > 0) {
			const char *newline = memchr(*line + *len, '\n', (size_t)got);

			*len += (size_t)got;
			if (newline != NULL) {
				*len = (size_t)(newline - *line);
				return 0;
			}
		}
	}
}

/* Takes a reply apart. */
static int read_reply(const struct ctl *ctl, const char *line, size_t len, json_t **result)
{
	json_t *reply = json_loadb(line, len, 0, NULL);
	const json_t *error = json_object_get(reply, "error");

	*result = json_object_get(reply, "result");
	if (*result != NULL) {
		json_incref(*result);
		json_decref(reply);
		return CTL_DONE;
	}
	if (error == NULL) {
		fprintf(stderr, "sluicectl: what answers on %s is no sluiced\n", ctl->socket);
		json_decref(reply);
		return CTL_NO_DAEMON;
	}
	if (!ctl->waiting)
		fprintf(stderr, "sluicectl: refused: %s\n", ctl_str(error, "message"));
	json_decref(reply);
	return CTL_REFUSED;
}

int ctl_call(const struct ctl *ctl, const char *method, json_t *params, json_t **result)
{
	json_t *request = json_pack("{s:s, s:s, s:i}", "jsonrpc", "2.0", "method", method, "id", 1);
	char *out, *line, *in = NULL;
	size_t len = 0;
	int fd, rc, why;

	if (params != NULL)
		json_object_set_new(request, "params", params);
	out = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	rc = out != NULL && asprintf(&line, "%s\n", out) > 0 ? CTL_DONE : CTL_USAGE;
	free(out);
	if (rc != CTL_DONE) {
		fprintf(stderr, "sluicectl: \"%s\" is no text in UTF-8\n", method);
		return rc;
	}
	rc = open_socket(ctl, &fd);
	if (rc == CTL_DONE) {
		/* Who is turned away may be told why, though nobody takes his request. */
		why = send_line(fd, line);
		if (why == 0 || why == EPIPE)
			why = read_line(fd, &in, &len);
		rc = why == 0 ? read_reply(ctl, in, len, result) : no_reply(ctl, why);
		close(fd);
	}
	free(in);
	free(line);
	return rc;
}
