/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this library share. */
#ifndef RESPOND_H
#define RESPOND_H

#include "sl_respond.h"

/* respond.c. Up to `most` bytes that have come are passed over. Returns how many. */
uint32_t respond_pass_over(struct sl_tcp *tcp, struct sl_tcb *tcb, uint32_t most);

/* http.c */
unsigned respond_http(struct sl_respond *s, struct sl_tcp *tcp, struct sl_tcb *tcb,
		      const struct sl_respond_about *about);

#endif
