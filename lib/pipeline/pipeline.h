/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages of the road, in its order. */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "sl_pipeline.h"

/* classify.c: passes or drops what is not the splice's; the rest become travellers. */
void pipeline_classify(struct sl_pipeline *p, struct sl_buf *bufs, unsigned n);

/* handshake.c: a segment of no connection. */
void pipeline_handshake(struct sl_pipeline *p, unsigned i);
/* handshake.c: a segment that found a connection which is over; false when it belongs to it. */
bool pipeline_reopen(struct sl_pipeline *p, unsigned i);

#endif
