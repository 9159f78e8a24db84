// SPDX-License-Identifier: BSD-3-Clause
//
// A witness at both ends of a spliced connection: it reads what the hosts send and what comes to
// them, and knows nothing of the box. To each end the connection must look as if there were none:
// what comes to it is what the other has sent, and acknowledges what the other has acknowledged.
#ifndef TESTS_SIM_WITNESS_H
#define TESTS_SIM_WITNESS_H

#include <set>

#include "frame.h"
#include "world.h"

namespace sl_test
{

// What an end has said and heard. Positions: the SYN is 0, the first byte is 1.
struct Said {
	uint32_t in_stream = 0; // what comes to it
	bool opened = false, heard = false;
	uint32_t isn = 0, irs = 0;
	uint32_t sent = 0, acked = 0, edge = 0, arrived = 0; // the highest
	uint32_t last_edge = 0, last_heard_edge = 0;
	bool has_ts = false, heard_ts = false, sack = false, heard_sack = false;
	uint32_t ts_first = 0, ts_last = 0, heard_ts_first = 0;
	uint16_t mss = 0, heard_mss = 0;
	uint8_t wscale = SL_NO_WSCALE, heard_wscale = SL_NO_WSCALE;

	// How its own windows are scaled, and those that it hears.
	unsigned shift() const
	{
		return heard_wscale == SL_NO_WSCALE || wscale == SL_NO_WSCALE ? 0 : wscale;
	}
	unsigned heard_shift() const
	{
		return heard_wscale == SL_NO_WSCALE || wscale == SL_NO_WSCALE ? 0 : heard_wscale;
	}
};

class Witness
{
      public:
	Witness(uint32_t client_in, uint32_t server_in)
	{
		client.in_stream = client_in;
		server.in_stream = server_in;
	}

	// An end sends. What is wrong is found where it arrives.
	void sends(bool by_client, const sl_seg &seg, uint64_t now)
	{
		Said &me = by_client ? client : server;

		if (seg.flags & SL_RST || off)
			return;
		if (seg.flags & SL_SYN)
			opens(&me, by_client, seg, now);
		else if (!by_client && !settled)
			return;
		me.sent = std::max(me.sent, seg.seq + sl_seg_len(&seg) - me.isn);
		if (seg.flags & SL_ACK) {
			const unsigned shift = seg.flags & SL_SYN ? 0 : me.shift();
			me.acked = std::max(me.acked, seg.ack - me.irs);
			const uint32_t edge = seg.ack - me.irs + (uint32_t(seg.wnd) << shift);
			me.edge = std::max(me.edge, edge);
			/* Of a SYN-ACK's the client may hear with the next ACK only. */
			if (!(seg.flags & SL_SYN))
				me.last_edge = edge;
		}
		if (seg.ts_off != 0)
			me.ts_last = sl_seq_max(me.ts_last, seg.tsval);
	}

	// Something has come to an end.
	void hears(bool is_client, const Bytes &packet, const sl_seg &seg, uint64_t now)
	{
		Said &me = is_client ? client : server;
		const Said &peer = is_client ? server : client;

		if (seg.flags & SL_RST || off)
			return;
		if (seg.flags & SL_SYN)
			hears_syn(&me, peer, is_client, seg);
		if (!is_client && !(seg.flags & SL_SYN) && !settle(seg))
			return;
		if (!me.opened || !me.heard || off)
			return;
		if (seg.flags & SL_ACK)
			check_ack(&me, peer, seg);
		if (seg.flags & SL_SYN)
			return;
		check_payload(&me, peer, packet, seg);
		/* A server with cookies of its own may not have heard of less than 536. */
		must(!is_client || peer.heard_mss < 536 ||
			     seg.payload_off + seg.payload_len - seg.l4_off - 20 <=
				     me.mss + too_long,
		     "a segment is longer than its receiver takes");
		if (seg.ts_off != 0)
			check_timestamps(me, is_client, seg, now);
		check_sack(me, peer, packet, seg);
	}

	// Likewise an ICMP error that quotes a segment with that number.
	void hears_error(bool is_client, uint32_t seq) const
	{
		const Said &me = is_client ? client : server;

		must(off || (!is_client && !settled) || seq - me.isn <= me.sent,
		     "an ICMP error quotes what its receiver has not sent");
	}

	// Nothing is under way, and nothing was lost: each end knows the other's window.
	void quiet() const
	{
		if (off || !settled || client.sent < 1 || server.arrived < 1)
			return;
		quiet(client, server);
		quiet(server, client);
	}

      private:
	static void quiet(const Said &me, const Said &peer)
	{
		const uint32_t unit = 1u << me.heard_shift();
		const uint32_t most = peer.acked + (0xffffu << me.heard_shift());

		must(me.last_heard_edge + unit > std::min(most, peer.last_edge),
		     "an end believes that the other's window ends at " +
			     std::to_string(me.last_heard_edge) + ", but it ends at " +
			     std::to_string(peer.last_edge));
	}

	void opens(Said *me, bool by_client, const sl_seg &seg, uint64_t now)
	{
		if (!by_client)
			isns.insert(seg.seq);
		/* Two connections of the same ports: that is another story. */
		if ((by_client && me->opened && seg.seq != me->isn) ||
		    (!by_client && settled && seg.seq != me->isn)) {
			off = true;
			return;
		}
		if (!me->opened)
			begun_us = by_client ? now : begun_us;
		if (!me->opened || seg.seq != me->isn)
			me->ts_first = me->ts_last = seg.tsval;
		me->opened = true;
		me->isn = seg.seq;
		me->has_ts = seg.ts_off != 0;
		me->mss = seg.mss;
		me->sack = seg.sack_permitted;
		me->wscale = seg.wscale;
	}

	void hears_syn(Said *me, const Said &peer, bool is_client, const sl_seg &seg)
	{
		must(is_client || seg.seq == peer.isn, "the server is told another ISN");
		must(is_client || seg.mss <= std::max<uint16_t>(536, peer.mss),
		     "the server is told a larger MSS than the client's");
		must(is_client || !seg.sack_permitted || peer.sack, "SACK was not offered");
		/* Of several SYN-ACKs the client takes the first; the server begins again. */
		if (is_client && me->heard)
			return;
		me->irs = seg.seq;
		me->heard = true;
		me->heard_sack = seg.sack_permitted;
		me->heard_wscale = seg.wscale;
		me->heard_mss = seg.mss;
		me->heard_ts = seg.ts_off != 0;
		me->heard_ts_first = seg.tsval;
	}

	// Which of its SYN-ACKs stands, the server learns by the ACK.
	bool settle(const sl_seg &seg)
	{
		if (settled || !(seg.flags & SL_ACK))
			return settled;
		must(isns.count(seg.ack - 1) > 0,
		     "the server's SYN-ACK is acknowledged by a number "
		     "that is not its own");
		/* Of an attempt that it has forgotten: that ends in a RST. */
		off = server.isn != seg.ack - 1;
		return settled = true;
	}

	void check_ack(Said *me, const Said &peer, const sl_seg &seg)
	{
		const uint32_t at = seg.ack - me->isn;
		const unsigned shift = seg.flags & SL_SYN ? 0 : me->heard_shift();
		const uint32_t edge = at + (uint32_t(seg.wnd) << shift);

		if (static_cast<int32_t>(at) < 0)
			return; // of less than all: an old one
		must(at >= 1 && at <= std::max(1u, peer.acked),
		     "acknowledged to an end what the other has not: " + text_of(seg));
		/* The window of our SYN-ACK is what may be held. */
		must(edge <= std::max(peer.edge, 0x10000u) + (1u << shift),
		     "an end is told of a window that the other has not opened: " + text_of(seg));
		if (seg.flags & SL_SYN || edge >= me->last_heard_edge)
			me->last_heard_edge = edge;
	}

	void check_payload(Said *me, const Said &peer, const Bytes &packet, const sl_seg &seg)
	{
		const uint32_t at = seg.seq - me->irs;

		must(at + sl_seg_len(&seg) <= peer.sent,
		     "what the other end has not sent: " + text_of(seg));
		for (uint32_t i = 0; i < seg.payload_len && at > 0; i++)
			must(packet[seg.payload_off + i] == byte_of(me->in_stream, at - 1 + i),
			     "other bytes than the other end sent: " + text_of(seg));
		me->arrived = std::max(me->arrived, at + sl_seg_len(&seg));
	}

	void check_timestamps(const Said &me, bool is_client, const sl_seg &seg, uint64_t now) const
	{
		const auto ahead = static_cast<int32_t>(seg.tsval - me.heard_ts_first);
		const auto past_ms = static_cast<int32_t>((now - begun_us) / SL_US_PER_MS);

		// RFC 7323 section 3.2: not agreed on, they are ignored.
		if (as_it_is && is_client && !me.heard_ts)
			return;
		must(me.has_ts && me.heard_ts, "timestamps that were not agreed on");
		must(sl_seq_between(seg.tsecr, me.ts_first, me.ts_last),
		     "an echo of a timestamp that never was: " + std::to_string(seg.tsecr));
		must(ahead <= past_ms + 100 && ahead >= (is_client ? 0 : -past_ms - 120000),
		     "timestamps that are no clock: " + std::to_string(ahead) + " ms after " +
			     std::to_string(past_ms));
	}

	static void check_sack(const Said &me, const Said &peer, const Bytes &packet,
			       const sl_seg &seg)
	{
		must(seg.n_sack == 0 || (me.sack && me.heard_sack), "SACK was not agreed on");
		for (unsigned i = 0; i < seg.n_sack; i++) {
			const uint8_t *edges = packet.data() + seg.sack_off + 2 + 8 * i;
			const uint32_t left = sl_load_be32(edges) - me.isn;
			const uint32_t right = sl_load_be32(edges + 4) - me.isn;

			must(left >= 1 && left < right && right <= peer.arrived,
			     "SACK of what did not arrive: " + std::to_string(left) + " to " +
				     std::to_string(right));
		}
	}

      public:
	int too_long = 0;      ///< bytes that the server, taken as it is, sends too many
	bool as_it_is = false; ///< the server was taken as it is, with what its client was not told

      private:
	Said client, server;
	std::set<uint32_t> isns; // of the server's SYN-ACKs
	uint64_t begun_us = 0;   // the client's SYN
	bool settled = false, off = false;
};

} // namespace sl_test

#endif
