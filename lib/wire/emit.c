/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole frame written from a struct sl_made. */
#include "sl_emit.h"

bool sl_wire_emit(struct sl_buf *buf, const struct sl_l2 *l2, const struct sl_made *made)
{
	if (!sl_emit_has_room(buf))
		return false;
	memcpy(buf->data, l2->bytes, SL_L2_MAX); /* what is too much is written over */
	sl_emit_ip(buf, l2->len, made, !sl_addr_is_v4(made->dst));
	return true;
}

bool sl_wire_emit_answer(struct sl_buf *buf, const struct sl_seg *seg, const struct sl_made *made)
{
	return sl_emit_answer(buf, seg, made);
}
