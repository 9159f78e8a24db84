/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The eleven states of a TCP connection (RFC 9293 section 3.3.2): their names by the RFC, and by
 * netstat for those who grew up with it. Written once, here. Stateless.
 */
#ifndef SL_TCP_STATE_H
#define SL_TCP_STATE_H

#include "sl_base.h"

SL_BEGIN_DECLS

/* X(identifier, the RFC's name, netstat's name) */
#define SL_TCP_STATES(X)                                                                           \
	X(LISTEN, "LISTEN", "LISTEN")                                                              \
	X(SYN_SENT, "SYN-SENT", "SYN_SENT")                                                        \
	X(SYN_RECEIVED, "SYN-RECEIVED", "SYN_RECV")                                                \
	X(ESTABLISHED, "ESTABLISHED", "ESTABLISHED")                                               \
	X(FIN_WAIT_1, "FIN-WAIT-1", "FIN_WAIT1")                                                   \
	X(FIN_WAIT_2, "FIN-WAIT-2", "FIN_WAIT2")                                                   \
	X(CLOSE_WAIT, "CLOSE-WAIT", "CLOSE_WAIT")                                                  \
	X(CLOSING, "CLOSING", "CLOSING")                                                           \
	X(LAST_ACK, "LAST-ACK", "LAST_ACK")                                                        \
	X(TIME_WAIT, "TIME-WAIT", "TIME_WAIT")                                                     \
	X(CLOSED, "CLOSED", "CLOSE")

enum sl_tcp_state {
#define X(id, rfc, netstat) SL_TCP_##id,
	SL_TCP_STATES(X)
#undef X
};

#define X(id, rfc, netstat) +1
enum { SL_TCP_N_STATES = 0 SL_TCP_STATES(X) };
#undef X

/** The RFC's name of a state, "FIN-WAIT-2". */
const char *sl_tcp_state_name(enum sl_tcp_state state);

/**
 * The state that `name` means: the RFC's name or netstat's, any case, '-' and '_' alike.
 * Returns 0 and sets `state`, or -1 when there is none of that name.
 */
int sl_tcp_state_parse(const char *name, enum sl_tcp_state *state);

SL_END_DECLS

#endif
