/* SPDX-License-Identifier: BSD-3-Clause */
/* The Unix socket: made where nobody listens, replaced where nobody listens any more. */
#include "rpc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Gives what was made at `path` to the group. */
static int give_to_group(const char *path, const struct sl_rpc_config *config, char *error,
			 size_t error_len)
{
	if (!config->has_group || chown(path, (uid_t)-1, config->gid) == 0)
		return 0;
	snprintf(error, error_len, "can't give %s to the group %" PRIu32 " (control.group): %s%s",
		 path, config->gid, strerror(errno),
		 errno == EPERM ? "; run as root, or as a member of that group" : "");
	return -1;
}

static int make_folder(const struct sl_rpc_config *config, char *error, size_t error_len)
{
	const char *path = config->socket_path, *slash = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];

	if (slash == NULL || slash == path)
		return 0;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	if (mkdir(folder, 0750) == 0)
		return give_to_group(folder, config, error, error_len);
	if (errno == EEXIST)
		return 0;
	snprintf(error, error_len, "can't make the folder %s of control.socket: %s%s", folder,
		 strerror(errno),
		 errno == EACCES ? "; run as root, or set control.socket to a folder of your own"
				 : "");
	return -1;
}

/* Clears the way for a socket at `addr`. Returns 0, or -1 when something living is there. */
static int clear_way(const struct sockaddr_un *addr, char *error, size_t error_len)
{
	struct stat st;
	int fd, rc, why;

	if (lstat(addr->sun_path, &st) != 0)
		return 0; /* nothing there; bind says what else may be wrong */
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(error, error_len,
			 "%s (control.socket) exists and is no socket: move it away",
			 addr->sun_path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		snprintf(error, error_len, "no socket: %s", strerror(errno));
		return -1;
	}
	rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	why = errno;
	close(fd);
	if (rc == 0 || why == EAGAIN) {
		snprintf(error, error_len,
			 "another sluiced answers on %s: stop it, or set control.socket to another "
			 "path",
			 addr->sun_path);
		return -1;
	}
	if (why != ECONNREFUSED && why != ENOENT) {
		snprintf(error, error_len, "%s (control.socket) is there already: %s",
			 addr->sun_path, strerror(why));
		return -1;
	}
	unlink(addr->sun_path);
	return 0;
}

int rpc_listen(const struct sl_rpc_config *config, struct stat *identity, char *error,
	       size_t error_len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const char *path = config->socket_path;
	mode_t old;
	int fd, rc;

	if (path[0] == '\0' || strlen(path) >= sizeof(addr.sun_path)) {
		snprintf(error, error_len, "control.socket has to be a path of 1 to %zu bytes",
			 sizeof(addr.sun_path) - 1);
		return -1;
	}
	strcpy(addr.sun_path, path);
	if (make_folder(config, error, error_len) != 0 || clear_way(&addr, error, error_len) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		snprintf(error, error_len, "no socket: %s", strerror(errno));
		return -1;
	}
	old = umask(0117); /* 0660 from the first moment */
	rc = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
	umask(old);
	if (rc == 0 && give_to_group(path, config, error, error_len) != 0) {
		unlink(path);
		close(fd);
		return -1;
	}
	if (rc != 0 || listen(fd, SOMAXCONN) != 0 || lstat(path, identity) != 0) {
		snprintf(error, error_len, "can't listen on %s (control.socket): %s%s", path,
			 strerror(errno),
			 errno == EACCES ? "; run as root, or set another path" : "");
		close(fd);
		return -1;
	}
	return fd;
}

void rpc_unlink(const char *path, const struct stat *identity)
{
	struct stat now;

	/* Not if it is another's by now. */
	if (lstat(path, &now) == 0 && now.st_ino == identity->st_ino &&
	    now.st_dev == identity->st_dev)
		unlink(path);
}
