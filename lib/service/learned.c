/* SPDX-License-Identifier: BSD-3-Clause */
#include "sl_learned.h"

#include "sl_bytes.h"

static unsigned slot_of(const struct sl_addr *addr, uint16_t port)
{
	uint64_t h = (sl_load_le64(addr->b) ^ port) * 0x9e3779b97f4a7c15ULL;

	/* An address's last bytes are the highest here, and a product carries nothing downward. */
	h ^= sl_load_le64(addr->b + 8);
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	return (unsigned)(h >> 40) % SL_LEARNED_SLOTS;
}

static bool is_of(const struct sl_learned *l, const struct sl_addr *addr, uint16_t port)
{
	return l->port == port && sl_addr_equal(&l->addr, addr);
}

static void begin(struct sl_learned *l, const struct sl_addr *addr, uint16_t port)
{
	memset(l, 0, sizeof(*l));
	l->addr = *addr;
	l->port = port;
}

const struct sl_learned *sl_learned_get(const struct sl_learned_table *t,
					const struct sl_addr *addr, uint16_t port)
{
	const struct sl_learned *l = &t->slot[slot_of(addr, port)];

	return is_of(l, addr, port) ? l : NULL;
}

static void set_mss(struct sl_learned *l, uint16_t mss, int32_t now_s)
{
	l->mss = mss;
	l->changed_s = l->shown_s = now_s;
	l->fell = false;
	l->n_votes = 0;
}

static void remove_vote(struct sl_learned *l, unsigned i)
{
	l->vote[i] = l->vote[--l->n_votes];
}

/* Votes that are too old, or that were cast before a client saw the learned MSS, do not count. */
static void forget_votes(struct sl_learned *l, int32_t now_s)
{
	for (unsigned i = l->n_votes; i-- > 0;)
		if (now_s - l->vote[i].at_s > SL_LEARNED_VOTE_S || l->vote[i].at_s < l->shown_s)
			remove_vote(l, i);
}

/* A network has one vote, the last that it cast. The one that decides is not stored: the MSS falls
 * to the largest of those that were seen. */
static void vote(struct sl_learned *l, const struct sl_learned_vote *cast)
{
	uint16_t most = cast->mss;

	for (unsigned i = l->n_votes; i-- > 0;)
		if (l->vote[i].network == cast->network) {
			if (l->vote[i].at_s < cast->at_s)
				l->vote[i] = *cast;
			return;
		}
	if (l->n_votes < SL_LEARNED_VOTES) {
		l->vote[l->n_votes++] = *cast;
		return;
	}
	for (unsigned i = 0; i < l->n_votes; i++)
		if (l->vote[i].mss > most)
			most = l->vote[i].mss;
	set_mss(l, most, cast->at_s);
	l->fell = true;
}

static void hear_mss(struct sl_learned *l, uint16_t mss, uint32_t network, int32_t now_s)
{
	const struct sl_learned_vote cast = {.network = network, .at_s = now_s, .mss = mss};

	if (mss > l->mss) {
		set_mss(l, mss, now_s);
	} else if (mss == l->mss) {
		l->shown_s = now_s;
		l->n_votes = 0;
	} else {
		forget_votes(l, now_s);
		vote(l, &cast);
	}
}

uint32_t sl_learned_network(const struct sl_addr *client)
{
	if (sl_addr_is_v4(client))
		return sl_load_be32(client->b + 12) >> 8;
	return sl_load_be32(client->b) ^ sl_load_be16(client->b + 4) * 0x9e3779b1u;
}

/* Of two MSSs of one server the smaller counts only when networks agreed on it, and no client has
 * seen the larger one since. */
static bool smaller_counts(const struct sl_learned *smaller, const struct sl_learned *larger)
{
	return smaller->fell && smaller->changed_s > larger->shown_s;
}

/* The MSS of one server, as two tables know it. The server's last answer says how late it is for
 * the votes. */
static void merge_mss(struct sl_learned *mine, const struct sl_learned *theirs)
{
	const int32_t now_s =
		theirs->confirmed_s > mine->confirmed_s ? theirs->confirmed_s : mine->confirmed_s;
	struct sl_learned other = *theirs;

	if (theirs->mss < mine->mss && !smaller_counts(theirs, mine))
		return;
	if (theirs->mss > mine->mss && smaller_counts(mine, theirs))
		return;
	if (theirs->mss != mine->mss) {
		set_mss(mine, theirs->mss, theirs->changed_s);
		mine->fell = theirs->fell;
		mine->shown_s = theirs->shown_s;
	}
	mine->shown_s = theirs->shown_s > mine->shown_s ? theirs->shown_s : mine->shown_s;
	other.shown_s = mine->shown_s;
	forget_votes(mine, now_s);
	forget_votes(&other, now_s);
	for (unsigned i = 0; i < other.n_votes; i++)
		if (other.mss == mine->mss)
			vote(mine, &other.vote[i]);
}

static void merge_row(struct sl_learned *mine, const struct sl_learned *theirs)
{
	const bool newer = theirs->confirmed_s > mine->confirmed_s;

	if (!is_of(mine, &theirs->addr, theirs->port)) {
		if (newer || mine->port == 0)
			*mine = *theirs;
		return;
	}
	merge_mss(mine, theirs);
	if (newer) {
		mine->timestamps = theirs->timestamps;
		mine->asked_s = theirs->asked_s;
		mine->confirmed_s = theirs->confirmed_s;
	}
}

void sl_learned_merge(struct sl_learned_table *t, const struct sl_learned_table *other)
{
	for (unsigned i = 0; i < SL_LEARNED_SLOTS; i++)
		if (other->slot[i].port != 0)
			merge_row(&t->slot[i], &other->slot[i]);
}

struct sl_learned *sl_learned_put(struct sl_learned_table *t, const struct sl_addr *addr,
				  uint16_t port)
{
	struct sl_learned *l = &t->slot[slot_of(addr, port)];

	if (!is_of(l, addr, port))
		begin(l, addr, port);
	return l;
}

struct sl_learned *sl_learned_hear(struct sl_learned_table *t, const struct sl_addr *addr,
				   uint16_t port, uint16_t mss, uint32_t network, int32_t now_s)
{
	struct sl_learned *l = &t->slot[slot_of(addr, port)];

	if (is_of(l, addr, port)) {
		hear_mss(l, mss, network, now_s);
	} else {
		begin(l, addr, port);
		set_mss(l, mss, now_s);
	}
	l->confirmed_s = now_s;
	return l;
}
