// SPDX-License-Identifier: BSD-3-Clause
// What runs must not be killed by switching the box on, restarting it, or changing a mode.
#include <functional>

#include "road.h"

using namespace sl_test;

namespace
{

std::vector<sl_service> with(const std::vector<sl_service> &services,
			     const std::function<void(sl_service &)> &change)
{
	std::vector<sl_service> v = services;
	for (sl_service &s : v)
		change(s);
	return v;
}

RoadOptions adopting()
{
	RoadOptions o;
	o.services = with(usual_services(), [](sl_service &s) {
		s.strays = SL_STRAYS_ADOPT;
		s.adopt_for_ms = 60000;
	});
	return o;
}

std::vector<sl_service> in_mode(const Road &road, sl_service_mode mode)
{
	return with(road.options.services, [=](sl_service &s) { s.mode = mode; });
}

} // namespace

/// A box that has just come up; client and server have been talking for long.
class Adoption : public OnRoad
{
      protected:
	explicit Adoption(const RoadOptions &o = adopting()) : OnRoad(o)
	{
		talk.cookie = talk.iss; // nothing is translated
		talk.timestamps = true;
	}

	/// The client's numbering is that of a delta which nobody knows any more.
	void translated_before()
	{
		talk.cookie = talk.iss + 0x33333333;
	}
};

TEST_P(Adoption, TakesInWhatTheInsideSends)
{
	cite("design 4: a non-RST segment from the inside opens an entry, passed untranslated");
	const Sent out = only(road.inside(talk.s(SL_ACK, 5000, 300, "data")));
	EXPECT_EQ(out.port, 0u);
	EXPECT_EQ(out.fate, SL_FATE_RELAYED);
	EXPECT_EQ(out.bytes, talk.s(SL_ACK, 5000, 300, "data").bytes());
	EXPECT_EQ(road.count(), 1u);
	EXPECT_EQ(road.events(SL_EVENT_connections_adopted), 1u);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 300, 5004))).port, 1u);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	EXPECT_EQ(road.events(SL_EVENT_adoptions_refused), 0u);
}

TEST_P(Adoption, OutlivesTheWindow)
{
	road.inside(talk.s(SL_ACK, 5000, 300, "data"));
	road.outside(talk.c(SL_ACK, 300, 5004));
	road.advance(120000, 500);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK | SL_PSH, 300, 5004, "more"))).port, 1u);
	EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 5004, 304))).port, 0u);
}

// Whether the client has what the server sent before, nobody knows: a question must not say so.
TEST_P(Adoption, AQuestionAcknowledgesNothingThatNobodyHasSeenAcknowledged)
{
	cite("RFC 9293 section 3.10.7.4, fifth");
	std::vector<sl_seg> asked;
	road.inside(talk.s(SL_ACK, 6000, 300, "data")); // 5000 to 6000 went before
	for (const Sent &s : road.advance(7300000, 1000))
		if (s.port == 1)
			asked.push_back(s.seg);
	ASSERT_FALSE(asked.empty());
	EXPECT_EQ(asked[0].seq, talk.isn + 299);
	EXPECT_TRUE(sl_seq_lt(asked[0].ack, talk.iss + 5000)) << asked[0].ack - talk.iss;
}

TEST_P(Adoption, ClosesInOrder)
{
	road.inside(talk.s(SL_ACK, 5000, 300));
	road.outside(talk.c(SL_ACK | SL_FIN, 300, 5000));
	EXPECT_EQ(road.states(), "CLOSE-WAIT FIN-WAIT-1");
	road.inside(talk.s(SL_ACK | SL_FIN, 5000, 301));
	road.outside(talk.c(SL_ACK, 301, 5001));
	EXPECT_EQ(road.states(), "CLOSED TIME-WAIT");
}

TEST_P(Adoption, ShowsTheServerWhatComesFromOutsideFirst)
{
	cite("design 4: switching the box on must not kill what is running");
	const Road::Out out = road.outside(talk.c(SL_ACK | SL_PSH, 300, 5000, "typed"));
	ASSERT_EQ(out.size(), 2u);
	for (const Sent &s : out)
		EXPECT_EQ(s.port, 1u);
	// The stray first: it may complete a handshake by SYN cookie. Before it, such a server
	// would answer the question by RST.
	EXPECT_EQ(out[0].fate, SL_FATE_PASSED);
	EXPECT_EQ(out[0].bytes, talk.c(SL_ACK | SL_PSH, 300, 5000, "typed").bytes());
	EXPECT_EQ(out[1].fate, SL_FATE_MADE);
	EXPECT_EQ(out[1].seg.seq, talk.isn + 299) << "below what the server expects";
	EXPECT_EQ(out[1].seg.payload_len, 0u);
	EXPECT_EQ(road.count(), 0u) << "a stranger's word opens nothing";
}

TEST_P(Adoption, ResetsBothEndsOfWhatWasTranslated)
{
	cite("design 4: if they disagree both sides get a RST at once");
	translated_before();
	road.inside(talk.s(SL_ACK, 5000, 300, "data"));
	const Road::Out out = road.outside(talk.c(SL_ACK, 300, 5000));
	ASSERT_EQ(out.size(), 2u);
	const Sent client = only(by_port(out, 0)), server = only(by_port(out, 1));
	EXPECT_EQ(client.seg.flags, SL_RST);
	EXPECT_EQ(client.seg.seq, talk.cookie + 5000) << "exactly what the client expects";
	EXPECT_EQ(server.seg.flags, SL_RST);
	EXPECT_EQ(server.seg.seq, talk.isn + 300) << "exactly what the server expects";
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	EXPECT_EQ(road.events(SL_EVENT_adoptions_refused), 1u);
}

TEST_P(Adoption, AskedServerLeadsToTheVerdict)
{
	translated_before();
	// The client retransmits; the server answers our question with its own numbers.
	ASSERT_EQ(road.outside(talk.c(SL_ACK, 300, 5000, "again")).size(), 2u);
	road.inside(talk.s(SL_ACK, 5000, 300));
	// Where the client stands is not where the server says: it is told.
	const Sent told = only(road.outside(talk.c(SL_ACK, 305, 5000)));
	EXPECT_EQ(told.fate, SL_FATE_ANSWERED);
	EXPECT_EQ(told.seg.flags, SL_ACK);
	EXPECT_EQ(told.seg.seq, talk.cookie + 5000);
	EXPECT_EQ(told.seg.ack, talk.isn + 300);
	EXPECT_EQ(told.seg.tsval, talk.ctsecr);
	EXPECT_EQ(told.seg.tsecr, talk.ctsval);
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 305, 5000)).empty()) << "once a second";
	EXPECT_EQ(road.outside(talk.c(SL_ACK, 300, 5000, "again")).size(), 2u);
	EXPECT_EQ(road.events(SL_EVENT_adoptions_refused), 1u);
}

TEST_P(Adoption, GuessedNumbersMoveNothing)
{
	cite("design 4: if the numbers disagree; RFC 5961 section 1: an attacker off the path");
	// A guess makes the server say its numbers, which opens the entry.
	road.outside(talk.c(SL_ACK, 0x40000000, 0x40000000));
	road.inside(talk.s(SL_ACK, 5000, 300));
	const sl_conn before = *road.conn();
	for (uint32_t seq = 0x1000000; seq < 0xff000000; seq += 0x1234567)
		for (const unsigned flags :
		     {SL_ACK | 0u, SL_ACK | SL_PSH | 0u, SL_PSH | SL_ACK | SL_FIN | 0u})
			for (const char *payload : {"", "guess"})
				EXPECT_TRUE(
					road.outside(talk.c(flags, seq, seq * 7, payload)).empty())
					<< seq;
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u);
	EXPECT_EQ(std::memcmp(&before.end, &road.conn()->end, sizeof(before.end)), 0);
	// The client goes on.
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 300, 5000, "more"))).port, 1u);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Adoption, ServersLaterAckIsWhereItStands)
{
	translated_before();
	road.outside(talk.c(SL_ACK, 300, 5000, "shown"));
	road.inside(talk.s(SL_ACK, 5000, 300));
	road.inside(talk.s(SL_ACK, 5000, 305));
	const Road::Out out = road.outside(talk.c(SL_ACK, 305, 5000));
	ASSERT_EQ(out.size(), 2u);
	EXPECT_EQ(only(by_port(out, 1)).seg.seq, talk.isn + 305);
}

TEST_P(Adoption, PassesTheServersRst)
{
	const Sent out = only(road.inside(talk.s(SL_RST, 5000, 0)));
	EXPECT_EQ(out.fate, SL_FATE_PASSED);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Adoption, TakesInAHandshakeThatPassed)
{
	EXPECT_EQ(only(road.inside(talk.synack())).port, 0u);
	EXPECT_EQ(road.states(), "SYN-RECEIVED ESTABLISHED");
	road.outside(talk.c(SL_ACK, 1, 1));
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Adoption, EndsWithItsWindow)
{
	cite("design 4: later strays are reset at a limited rate");
	road.advance(60001, 500);
	const Sent out = only(road.inside(talk.s(SL_ACK, 5000, 300, "data")));
	EXPECT_EQ(out.port, 1u);
	EXPECT_EQ(out.seg.flags, SL_RST);
	EXPECT_EQ(out.seg.seq, talk.isn + 300);
	EXPECT_EQ(road.count(), 0u);
	const Sent back = only(road.outside(talk.c(SL_ACK, 300, 5000, "data")));
	EXPECT_EQ(back.port, 0u);
	EXPECT_EQ(back.seg.seq, talk.cookie + 5000);
}

TEST_P(Adoption, NeverAnswersByRstWhileCookiesLive)
{
	cite("design 5: failure is a counted drop, never a RST");
	road.advance(60001, 500);
	Talk other(road);
	if (GetParam().v6)
		other.ipv6();
	other.cport = 41000;
	other.ask();
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 300, 5000)).empty());
	EXPECT_EQ(road.drops(SL_DROP_cookie_invalid), 1u);
}

TEST_P(Adoption, LimitsItsRsts)
{
	road.advance(60001, 500);
	unsigned answered = 0;
	for (unsigned i = 0; i < 2000; i++)
		answered += road.inside(talk.s(SL_ACK, 5000, 300)).size();
	EXPECT_EQ(answered, 1000u);
	EXPECT_EQ(road.drops(SL_DROP_limited), 1000u);
	road.advance(100);
	EXPECT_EQ(road.inside(talk.s(SL_ACK, 5000, 300)).size(), 1u);
}

namespace
{

/// What reached the servers of a list.
uint64_t shown(const Road::Out &out)
{
	return by_port(out, 1).size();
}

/// A segment of a forged client, each of another address and port.
Frame forged(const Talk &talk, unsigned i, unsigned flags, const std::string &payload = "")
{
	Talk t = talk;
	t.client =
		t.server.find(':') == std::string::npos
			? "198.18." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255)
			: "2001:db8:5::" + std::to_string(i % 9999);
	t.cport = static_cast<uint16_t>(1024 + i * 31 % 64000);
	return t.c(flags, i * 7919, i * 104729, payload);
}

/// `n` of these at once; returns what reached the servers.
uint64_t forge(Road &road, const Talk &talk, unsigned n, unsigned flags,
	       const std::string &payload = "")
{
	static unsigned next;
	Road::In burst;
	for (unsigned i = 0; i < n; i++)
		burst.emplace_back(SL_OUTSIDE, forged(talk, next++, flags, payload).bytes());
	return shown(road.run(burst));
}

/// A flood of `per_ms` of them for `ms`.
uint64_t flood(Road &road, const Talk &talk, unsigned flags, unsigned per_ms, unsigned ms,
	       const std::string &payload = "")
{
	uint64_t n = 0;
	for (unsigned i = 0; i < ms; i++)
		n += forge(road, talk, per_ms, flags, payload) + shown(road.advance(1, 1));
	return n;
}

} // namespace

TEST_P(Adoption, RationsWhatAFloodShowsTheServer)
{
	for (const unsigned flags : {SL_ACK | 0u, SL_ACK | SL_PSH | 0u, SL_ACK | SL_FIN | 0u,
				     SL_ACK | SL_URG | 0u, SL_ACK | SL_FIN | SL_PSH | SL_URG | 0u})
		for (const char *payload : {"", "data"}) {
			Road fresh(adopting());
			Talk t(fresh);
			if (GetParam().v6)
				t.ipv6();
			// The server's segment that is asked for is counted, too.
			const uint64_t n = flood(fresh, t, flags, 4, 1000, payload);
			EXPECT_LE(n, 1000u) << flags << " " << payload;
			EXPECT_GE(n, 500u) << flags << " " << payload;
			EXPECT_EQ(fresh.count(), 0u) << "a stranger's word opens nothing";
			EXPECT_EQ(fresh.events(SL_EVENT_rst_sent), 0u);
		}
}

TEST_P(Adoption, WorkersShareTheRation)
{
	for (const unsigned n_workers : {3u, 16u}) {
		RoadOptions o = adopting();
		o.n_workers = n_workers;
		Road one(o);
		Talk t(one);
		if (GetParam().v6)
			t.ipv6();
		EXPECT_LE(flood(one, t, SL_ACK, 4, 1000), 1000 / n_workers + 1);
	}
}

TEST_P(Adoption, KeepsASmallRationToo)
{
	for (uint32_t rate = 1; rate <= 16; rate++) {
		RoadOptions o = adopting();
		for (sl_service &s : o.services)
			s.adopt_rate = rate;
		Road one(o);
		Talk t(one);
		if (GetParam().v6)
			t.ipv6();
		EXPECT_GE(forge(one, t, 1, SL_ACK), 1u) << "whoever comes first may be honest";
		one.advance(10000, 1000);
		// Of few connections, which send their data again and again.
		for (unsigned second = 0; second < 5; second++) {
			uint64_t n = 0;
			for (unsigned ms = 0; ms < 1000; ms++) {
				const Frame f = forged(t, ms % 7, SL_ACK | SL_PSH, "data");
				n += shown(one.outside(f)) + shown(one.advance(1, 1));
			}
			EXPECT_LE(n, rate) << rate << " in second " << second;
			EXPECT_GE(n, (rate + 3) / 4) << rate << " in second " << second;
		}
	}
}

TEST_P(Adoption, NothingFromOutsideIsShownWithoutARation)
{
	road.apply(with(road.options.services, [](sl_service &s) { s.adopt_rate = 0; }));
	EXPECT_EQ(flood(road, talk, SL_ACK | SL_PSH, 4, 100, "data"), 0u);
	EXPECT_EQ(road.drops(SL_DROP_adopt_rationed), 400u);
	road.inside(talk.s(SL_ACK, 5000, 300, "data"));
	EXPECT_EQ(road.count(), 1u) << "the inside is always adopted";
}

TEST_P(Adoption, PassesNothingFromOutsideThatNobodyAskedFor)
{
	for (const unsigned flags :
	     {SL_RST | 0u, SL_RST | SL_ACK | 0u, SL_RST | SL_ACK | SL_PSH | 0u,
	      SL_SYN | SL_ACK | 0u, SL_SYN | SL_ACK | SL_PSH | 0u, SL_PSH | 0u, SL_URG | 0u,
	      SL_PSH | SL_URG | 0u})
		for (const char *payload : {"", "data"})
			EXPECT_EQ(shown(road.outside(talk.c(flags, 300, 5000, payload))), 0u)
				<< flags << " " << payload;
}

TEST_P(Adoption, FloodLeavesOtherServicesTheirRation)
{
	Talk other = talk;
	other.sport = kNever;
	flood(road, other, SL_ACK, 20, 1500);
	forge(road, other, 20, SL_ACK);
	EXPECT_EQ(shown(road.outside(talk.c(SL_ACK, 300, 5000))), 2u);
}

namespace
{

/// A transfer that runs when the box is switched on; the client speaks next, or the server does.
struct Transfer {
	Transfer(const Talk &t, unsigned i, bool up) : talk(t), upload(up)
	{
		talk.cport = static_cast<uint16_t>(62000 + i);
		due_ms = 7 * i % 1600;
		rto_ms = 200 + 13 * i % 1400;
	}

	/// Sends again what was lost, as often as RFC 6298 lets it.
	void send(Road &road)
	{
		due_ms += rto_ms;
		rto_ms *= 2;
		sent++;
		if (!upload) {
			road.inside(talk.s(SL_ACK | SL_PSH, 5000, 300, "down"));
			done = !road.outside(talk.c(SL_ACK, 300, 5004)).empty();
			return;
		}
		const Road::Out out = road.outside(talk.c(SL_ACK | SL_PSH, 300, 5000, "up"));
		if (out.empty())
			return;
		road.inside(talk.s(SL_ACK, 5000, 302));
		done = by_port(road.outside(talk.c(SL_ACK | SL_PSH, 302, 5000, "on")), 1).size() ==
		       1;
	}

	Talk talk;
	bool upload, done = false;
	unsigned due_ms, rto_ms, sent = 0;
};

/// How many of 500 transfers, half of them in each direction, are adopted in 8 s of a flood.
unsigned adopted_under(Road &road, const Talk &talk, unsigned flags, const std::string &payload)
{
	std::vector<Transfer> all;
	for (unsigned i = 0; i < 500; i++)
		all.emplace_back(talk, i, i % 2 == 0);
	unsigned done = 0;
	for (unsigned ms = 0; ms < 8000 && done < all.size(); ms += 2) {
		flood(road, talk, flags, 20, 2, payload);
		done = 0;
		for (Transfer &t : all) {
			if (!t.done && t.due_ms <= ms) {
				// What was gained in the last millisecond goes first.
				forge(road, talk, 2, flags, payload);
				t.send(road);
			}
			done += t.done;
		}
	}
	return done;
}

} // namespace

class AdoptionUnderFlood : public Adoption
{
      protected:
	AdoptionUnderFlood() : Adoption(of_a_thousand())
	{
	}

	static RoadOptions of_a_thousand()
	{
		RoadOptions o = adopting();
		o.n_connections = 1024;
		return o;
	}
};

TEST_P(AdoptionUnderFlood, TransfersOutliveEmptyAcks)
{
	EXPECT_EQ(adopted_under(road, talk, SL_ACK, ""), 500u);
}

TEST_P(AdoptionUnderFlood, TransfersOutliveData)
{
	EXPECT_GE(adopted_under(road, talk, SL_ACK | SL_PSH, "data"), 450u);
}

INSTANTIATE_TEST_SUITE_P(, AdoptionUnderFlood, ::testing::Values(kNumbers[0], kNumbers[3]));

TEST_P(Adoption, FindsTheTableFullAndPasses)
{
	RoadOptions o = adopting();
	o.n_connections = 8;
	Road small(o);
	Talk t(small);
	unsigned there = 0;
	for (uint16_t port = 1; port < 200; port++) {
		t.cport = port;
		there += only(small.inside(t.s(SL_ACK, 1, 1))).port == 0;
	}
	EXPECT_EQ(there, 199u);
	EXPECT_EQ(small.all_drops(), 0u);
}

TEST_P(Adoption, DropAndResetSayWhatTheyDo)
{
	road.apply(with(road.options.services, [](sl_service &s) { s.strays = SL_STRAYS_DROP; }));
	EXPECT_TRUE(road.inside(talk.s(SL_ACK, 5000, 300)).empty());
	EXPECT_EQ(road.drops(SL_DROP_stray), 1u);
	road.apply(with(road.options.services, [](sl_service &s) { s.strays = SL_STRAYS_RESET; }));
	EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 5000, 300))).seg.flags, SL_RST);
}

INSTANTIATE_TEST_SUITE_P(, Adoption, ::testing::ValuesIn(kNumbers));

class Change : public OnRoad
{
      protected:
	Change() : OnRoad(adopting())
	{
	}
};

TEST_P(Change, OfModeLeavesATranslatedConnectionTranslated)
{
	cite("design 4: changing a mode must not kill what is running");
	talk.open();
	for (sl_service_mode mode : {SL_MODE_PASS, SL_MODE_MONITOR, SL_MODE_SPLICE, SL_MODE_PASS}) {
		road.apply(in_mode(road, mode));
		const Sent out = only(road.inside(talk.s(SL_ACK, 1, 1, "hi")));
		EXPECT_EQ(out.fate, SL_FATE_RELAYED);
		EXPECT_EQ(out.seg.seq, talk.cookie + 1);
		EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 3))).seg.ack, talk.iss + 3);
	}
}

TEST_P(Change, OfModeLetsWhatPassedLiveOn)
{
	road.apply(in_mode(road, SL_MODE_PASS));
	talk.cookie = talk.iss;
	EXPECT_EQ(only(road.outside(talk.syn())).fate, SL_FATE_PASSED);
	EXPECT_EQ(only(road.inside(talk.synack())).fate, SL_FATE_PASSED);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1))).fate, SL_FATE_PASSED);
	road.advance(100000, 1000);
	road.apply(in_mode(road, SL_MODE_MONITOR));
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1, "one"))).fate, SL_FATE_PASSED);
	road.apply(in_mode(road, SL_MODE_SPLICE));
	// The server acknowledges what it got before the change.
	EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 1, 4))).port, 0u);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 4, 1, "two"))).port, 1u);
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
	road.apply(in_mode(road, SL_MODE_PASS));
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 7, 1, "three"))).port, 1u);
}

TEST_P(Change, KeepsWhatACookieHasPromised)
{
	talk.ask();
	road.apply(in_mode(road, SL_MODE_PASS));
	const Sent syn = only(road.outside(talk.c(SL_ACK, 1, 1)));
	EXPECT_EQ(syn.seg.flags, SL_SYN);
	EXPECT_EQ(syn.port, 1u);
	road.inside(talk.synack());
	EXPECT_EQ(road.states(), "ESTABLISHED ESTABLISHED");
}

TEST_P(Change, PassesANewConnectionOverATombstone)
{
	talk.open();
	road.outside(talk.c(SL_RST, 1, 0));
	EXPECT_EQ(road.states(), "CLOSED CLOSED");
	road.apply(in_mode(road, SL_MODE_PASS));
	EXPECT_EQ(only(road.outside(talk.syn())).fate, SL_FATE_PASSED);
	EXPECT_EQ(only(road.inside(talk.synack())).fate, SL_FATE_PASSED);
	EXPECT_EQ(road.count(), 0u);
}

TEST_P(Change, DrainingPassesTheNewAndServesTheOld)
{
	talk.open();
	road.apply(road.options.services, true);
	EXPECT_EQ(only(road.inside(talk.s(SL_ACK, 1, 1, "hi"))).seg.seq, talk.cookie + 1);
	Talk next(road);
	if (GetParam().v6)
		next.ipv6();
	next.cport = 41000;
	EXPECT_EQ(only(road.outside(next.syn())).fate, SL_FATE_PASSED);
	next.cookie = next.iss;
	EXPECT_EQ(only(road.inside(next.synack())).fate, SL_FATE_PASSED);
	EXPECT_EQ(only(road.outside(next.c(SL_ACK, 1, 1))).fate, SL_FATE_PASSED);
	EXPECT_EQ(road.count(), 1u);
	// Proxied again: what passed meanwhile is taken in.
	road.apply(road.options.services, false);
	EXPECT_EQ(only(road.inside(next.s(SL_ACK, 1, 1, "x"))).port, 0u);
	EXPECT_EQ(road.count(), 2u);
}

/// Whether strays of the service at `port` are adopted now.
bool adopts(const Change &, Road &road, Talk t, uint16_t port)
{
	t.sport = port;
	t.cport++;
	return only(road.inside(t.s(SL_ACK, 5000, 300, "data"))).port == 0;
}

TEST_P(Change, OfAnotherServiceOpensNoWindow)
{
	road.advance(61000, 1000);
	EXPECT_TRUE(adopts(*this, road, talk, kPass)) << "it passes";
	road.apply(with(road.options.services, [](sl_service &s) {
		if (s.port_lo == kPass)
			s.mode = SL_MODE_SPLICE;
		s.limits.idle_ms = 1000;
	}));
	EXPECT_FALSE(adopts(*this, road, talk, kAlways));
	EXPECT_FALSE(adopts(*this, road, talk, kNever));
	EXPECT_TRUE(adopts(*this, road, talk, kPass));
}

TEST_P(Change, OfNameOpensNoWindow)
{
	road.advance(61000, 1000);
	std::vector<sl_service> next = with(
		road.options.services, [](sl_service &s) { s.retired = s.port_lo == kAlways; });
	for (sl_service s : road.options.services)
		if (s.port_lo == kAlways) {
			std::snprintf(s.name, sizeof(s.name), "renamed");
			next.push_back(s);
		}
	road.apply(next);
	EXPECT_FALSE(adopts(*this, road, talk, kAlways));
}

TEST_P(Change, OfPortsOpensTheWindow)
{
	road.advance(61000, 1000);
	Talk before = talk;
	before.sport = 8080;
	EXPECT_EQ(only(road.inside(before.s(SL_ACK, 4000, 300, "data"))).fate, SL_FATE_PASSED);
	road.apply(with(road.options.services, [](sl_service &s) {
		if (s.port_lo == kAlways)
			s.port_lo = s.port_hi = 8080;
	}));
	EXPECT_TRUE(adopts(*this, road, talk, 8080));
}

TEST_P(Change, OfAServiceThatStoodInAnothersPlaceOpensTheWindow)
{
	std::vector<sl_service> all = road.options.services;
	for (const sl_service &s : road.options.services)
		if (s.port_lo == kAlways) {
			sl_service wide = s;
			wide.prefix_len -= 8;
			wide.port_lo = wide.port_hi = kPass;
			all.push_back(wide);
		}
	road.apply(all);
	road.advance(61000, 1000);
	EXPECT_TRUE(adopts(*this, road, talk, kPass)) << "it passes";
	// The one that passed goes; its traffic is the wider one's now.
	road.apply(with(all, [](sl_service &s) {
		s.retired = s.port_lo == kPass && s.mode == SL_MODE_PASS;
	}));
	talk.cport++;
	EXPECT_TRUE(adopts(*this, road, talk, kPass));
	EXPECT_EQ(road.count(), 1u);
	EXPECT_FALSE(adopts(*this, road, talk, kAlways));
}

TEST_P(Change, RetiredServiceServesItsConnections)
{
	talk.open();
	road.apply(with(road.options.services, [](sl_service &s) { s.retired = true; }));
	const Sent out = only(road.inside(talk.s(SL_ACK, 1, 1, "hi")));
	EXPECT_EQ(out.seg.seq, talk.cookie + 1);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 3))).seg.ack, talk.iss + 3);
	Talk next(road);
	next.cport = 41000;
	EXPECT_EQ(only(road.outside(next.syn())).fate, SL_FATE_PASSED);
}

TEST_P(Change, NumberThatChangesHandsLosesNoPacket)
{
	talk.open();
	road.outside(talk.c(SL_RST, 1, 0));
	std::vector<sl_service> next = road.options.services;
	road.advance(200000, 1000);
	ASSERT_EQ(road.count(), 0u);
	const uint64_t rx = road.term(SL_TERM_rx), made = road.events(SL_EVENT_made);
	for (sl_service &s : next)
		s.reused = true;
	road.apply(next);
	EXPECT_EQ(road.term(SL_TERM_rx), rx);
	EXPECT_EQ(road.events(SL_EVENT_made), made);
	EXPECT_EQ(road.accounts[0].term[SL_TERM_rx], rx);
	EXPECT_EQ(road.accounts[1].term[SL_TERM_rx], 0u);
}

// Neither that SYNs went through without an entry, nor that strays are adopted, is said of the next
// service under that number.
TEST_P(Change, NumberThatChangesHandsKeepsNothingOfTheFormerService)
{
	std::vector<sl_service> next = with(road.options.services, [](sl_service &s) {
		s.backlog = 1;
		s.strays = SL_STRAYS_ADOPT;
		s.adopt_for_ms = 60000;
	});
	const unsigned shown = static_cast<unsigned>(road.events(SL_EVENT_strays_shown));
	road.apply(next);
	for (uint16_t port = 42000; port < 42003; port++) {
		Talk t(road);
		t.sport = kNever;
		t.cport = port;
		if (GetParam().v6)
			t.ipv6();
		road.outside(t.syn());
	}
	ASSERT_GT(road.events(SL_EVENT_syn_untracked), 0u);
	road.advance(31000, 1000); // the half-open ones are gone
	ASSERT_EQ(road.count(), 0u);
	for (sl_service &s : next) {
		s.reused = true;
		s.strays = SL_STRAYS_DROP;
	}
	road.apply(next);
	talk.sport = kNever;
	EXPECT_TRUE(road.outside(talk.c(SL_ACK, 1, 1, "x")).empty());
	EXPECT_EQ(road.events(SL_EVENT_strays_shown), shown);
}

TEST_P(Change, ShorterLimitsCountAtOnce)
{
	talk.open();
	road.outside(talk.c(SL_ACK, 1, 1, "x"));
	road.apply(with(road.options.services, [](sl_service &s) { s.limits.idle_ms = 5000; }));
	uint32_t cursor = 0;
	while (!sl_relay_rearm(&road.p->relay, &cursor, 7))
		;
	road.advance(4000);
	EXPECT_EQ(road.events(SL_EVENT_probes_sent), 0u);
	road.advance(1100);
	EXPECT_EQ(road.events(SL_EVENT_probes_sent), 2u);
}

TEST_P(Change, UnproxiedGarbagePassesAsItIs)
{
	talk.open();
	road.apply(in_mode(road, SL_MODE_PASS));
	Frame f = talk.c(SL_ACK, 1, 1, "hi");
	Bytes bad = f.bytes();
	bad.back() ^= 1;
	const Sent out = only(road.run({{SL_OUTSIDE, bad}}));
	EXPECT_EQ(out.fate, SL_FATE_PASSED);
	EXPECT_EQ(out.bytes, bad);
}

INSTANTIATE_TEST_SUITE_P(, Change, ::testing::ValuesIn(kNumbers));

namespace
{

RoadOptions one_way(sl_one_way_policy policy)
{
	RoadOptions o = adopting();
	for (sl_service &s : o.services)
		s.one_way = policy;
	return o;
}

/// Three clients whose server is not heard.
void deaf(Road &road, bool v6)
{
	for (uint16_t port = 42000; port < 42003; port++) {
		Talk t(road);
		if (v6)
			t.ipv6();
		t.cport = port;
		t.prove();
	}
}

} // namespace

class OneWay : public OnRoad
{
      protected:
	OneWay() : OnRoad(one_way(SL_ONE_WAY_PASS))
	{
	}
};

TEST_P(OneWay, IsSeenWithinTenSeconds)
{
	cite("design 6: a service whose admitted connections get nothing back is an event");
	deaf(road, GetParam().v6);
	road.advance(4000);
	EXPECT_EQ(road.events(SL_EVENT_one_way), 0u);
	road.advance(3000);
	EXPECT_EQ(road.events(SL_EVENT_one_way), 1u);
	road.advance(20000);
	EXPECT_EQ(road.events(SL_EVENT_one_way), 1u) << "once";
}

TEST_P(OneWay, OneClientWhoseSynsAreSentAgainIsEnough)
{
	talk.prove();
	road.advance(8000);
	EXPECT_EQ(road.events(SL_EVENT_one_way), 1u);
}

TEST_P(OneWay, WayOutIsToPass)
{
	deaf(road, GetParam().v6);
	road.advance(7000);
	EXPECT_EQ(only(road.outside(talk.syn())).fate, SL_FATE_PASSED);
	talk.cookie = talk.iss;
	// The SYN-ACK went round the box.
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1))).fate, SL_FATE_PASSED);
	EXPECT_EQ(only(road.outside(talk.c(SL_ACK, 1, 1, "GET"))).fate, SL_FATE_PASSED);
}

TEST_P(OneWay, EndsWhenTheServerIsHeard)
{
	deaf(road, GetParam().v6);
	road.advance(70000, 1000); // beyond the start's own window
	ASSERT_EQ(only(road.outside(talk.syn())).fate, SL_FATE_PASSED);
	talk.cookie = talk.iss;
	road.inside(talk.synack());
	EXPECT_EQ(by_port(road.outside(talk.c(SL_ACK, 1, 1)), 1).size(), 2u)
		<< "it passed, and goes on; the server is asked what it knows";
	Talk next(road);
	if (GetParam().v6)
		next.ipv6();
	next.cport = 41000;
	EXPECT_EQ(only(road.outside(next.syn())).fate, SL_FATE_ANSWERED);
}

TEST_P(OneWay, AdoptsNothingWhereNothingHasPassed)
{
	for (const sl_one_way_policy policy : {SL_ONE_WAY_REPORT, SL_ONE_WAY_PASS}) {
		Road fresh(one_way(policy));
		Talk t(fresh);
		if (GetParam().v6)
			t.ipv6();
		t.prove();
		deaf(fresh, GetParam().v6);
		fresh.advance(70000, 500); // beyond the start's own window
		EXPECT_GE(fresh.events(SL_EVENT_one_way), 1u);
		fresh.inside(t.s(SL_RST | SL_ACK, 0, 1)); // the server is heard
		uint64_t n = 0;
		for (unsigned i = 0; i < 1000; i++)
			n += shown(fresh.outside(forged(t, i, SL_ACK)));
		EXPECT_EQ(n, 0u) << policy;
	}
}

TEST_P(OneWay, PolicyThatChangesAdoptsWhatHasPassed)
{
	deaf(road, GetParam().v6);
	road.advance(70000, 500);
	ASSERT_EQ(only(road.outside(talk.syn())).fate, SL_FATE_PASSED);
	road.apply(one_way(SL_ONE_WAY_REPORT).services);
	EXPECT_EQ(by_port(road.outside(talk.c(SL_ACK, 1, 1)), 1).size(), 2u);
}

TEST_P(OneWay, OneAnswerIsEnough)
{
	deaf(road, GetParam().v6);
	talk.open();
	for (int i = 0; i < 3; i++) {
		road.advance(3000);
		road.inside(talk.s(SL_ACK, 1, 1));
	}
	EXPECT_EQ(road.events(SL_EVENT_one_way), 0u);
}

TEST_P(OneWay, ReportOnlyReports)
{
	road.apply(one_way(SL_ONE_WAY_REPORT).services);
	deaf(road, GetParam().v6);
	road.advance(7000);
	EXPECT_EQ(road.events(SL_EVENT_one_way), 1u);
	EXPECT_EQ(only(road.outside(talk.syn())).fate, SL_FATE_ANSWERED);
}

INSTANTIATE_TEST_SUITE_P(, OneWay, ::testing::ValuesIn(kNumbers));
