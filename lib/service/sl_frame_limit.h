/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port can send. Control reads the limit from the device or from the kernel's interface
 * behind it, again every second, and tells the workers; on the road it is plain data. No state; any
 * thread.
 */
#ifndef SL_FRAME_LIMIT_H
#define SL_FRAME_LIMIT_H

#include "sl_buf.h"

SL_BEGIN_DECLS

struct sl_frame_limit {
	uint16_t mtu;   /**< bytes of an IP packet */
	uint16_t frame; /**< bytes of a frame with its tags */
};

/** The limit of a port that does not exist: it is never reached. */
#define SL_FRAME_LIMIT_NONE ((struct sl_frame_limit){UINT16_MAX, UINT16_MAX})

/** Whether the port sends a frame of `len` bytes whose IP packet begins at `l3_off`. */
static inline bool sl_frame_fits(const struct sl_frame_limit *limit, unsigned len, unsigned l3_off)
{
	return len <= (unsigned)limit->mtu + l3_off && len <= limit->frame;
}

SL_END_DECLS

#endif
