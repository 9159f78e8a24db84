/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void control_notify_init(struct sl_control *c)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len;

	c->notify_fd = -1;
	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return;
	len = strlen(path);
	if (len < 2 || len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = '\0'; /* an abstract name: no file */
	c->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Nothing can be done about a manager that does not listen. */
	if (c->notify_fd >= 0)
		(void)connect(c->notify_fd, (const struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

void control_notify_fini(struct sl_control *c)
{
	if (c->notify_fd >= 0)
		close(c->notify_fd);
}

void control_notify(const struct sl_control *c, const char *state)
{
	if (c->notify_fd >= 0)
		(void)send(c->notify_fd, state, strlen(state), MSG_NOSIGNAL);
}

bool control_notify_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (usec == NULL || strtoull(usec, NULL, 10) == 0)
		return false;
	return pid == NULL || strtol(pid, NULL, 10) == (long)getpid();
}
