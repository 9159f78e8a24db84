# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# An SSH server on the server of the lab, and scp to it: a protocol in which the server speaks
# first, over connections that carry much and live long. Keys and home are in the run directory;
# nothing of this machine's own SSH is touched.

SSH_DIR=$LAB_RUN/ssh

# ssh_serve PORT
ssh_serve() {
	mkdir -p "$SSH_DIR/home/.ssh"
	chmod 700 "$SSH_DIR" "$SSH_DIR/home" "$SSH_DIR/home/.ssh"
	[ -e "$SSH_DIR/host" ] || dropbearkey -t ed25519 -f "$SSH_DIR/host" >/dev/null 2>&1
	[ -e "$SSH_DIR/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$SSH_DIR/key"
	install -m 600 "$SSH_DIR/key.pub" "$SSH_DIR/home/.ssh/authorized_keys"
	# shellcheck disable=SC2016 # expanded by that shell
	start sshd server unshare -m sh -c 'mount --bind "$1/home" "$HOME" &&
		exec dropbear -F -E -m -r "$1/host" -p "$2"' sh "$SSH_DIR" "$1"
	lab_until 10 lab_listens server "$1" || fail "no SSH server: $(log sshd)"
}

# ssh_copy TAG 4|6 PORT FROM TO [ARG...]: scp of a file to the server, in the background: its exit
# code is in ssh/TAG.rc when it has ended.
ssh_copy() {
	local tag=$1 family=$2 port=$3 from=$4 to=$5 host

	shift 5
	host=$(address "$family")
	rm -f "$SSH_DIR/$tag.rc"
	# shellcheck disable=SC2016
	start "$tag" client sh -c '"$@"; echo $? >"$0"' "$SSH_DIR/$tag.rc" \
		scp -O -q -i "$SSH_DIR/key" -F /dev/null -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o BatchMode=yes -o ConnectTimeout=10 \
		-P "$port" "$@" "$from" "root@[$host]:$to"
}

# ssh_copied TAG: whether it has ended.
ssh_copied() {
	[ -e "$SSH_DIR/$1.rc" ]
}

# ssh_code TAG
ssh_code() {
	cat "$SSH_DIR/$1.rc"
}
