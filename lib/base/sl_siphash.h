/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), 64-bit output.
 * The one keyed function of the box: cookies and their keys. Stateless.
 */
#ifndef SL_SIPHASH_H
#define SL_SIPHASH_H

#include "sl_base.h"

SL_BEGIN_DECLS

/** A 128-bit key, as two little-endian words of its 16 bytes. */
struct sl_sipkey {
	uint64_t k0, k1;
};

/** The key whose 16 bytes are `bytes`. */
struct sl_sipkey sl_sipkey_from_bytes(const uint8_t bytes[16]);

/**
 * SipHash-2-4 of `len` bytes at `data` under `key`. Any length, any alignment.
 * Returns the 64-bit tag (its little-endian bytes are the paper's output).
 */
uint64_t sl_siphash24(const struct sl_sipkey *key, const void *data, size_t len);

SL_END_DECLS

#endif
