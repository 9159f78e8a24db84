// SPDX-License-Identifier: BSD-3-Clause
// Which packets the road looks at, which pass untouched, and which are dropped at its gate.
#include "road.h"

using namespace sl_test;

namespace
{

void cite(const std::string &source)
{
	::testing::Test::RecordProperty("source", source);
}

RoadOptions dropping()
{
	RoadOptions o;
	o.pass_default = false;
	return o;
}

/// Goes through by the other port as it came.
void expect_untouched(Road &road, sl_side from, const Bytes &frame)
{
	const Sent s = only(road.run({{from, frame}}));
	EXPECT_EQ(s.fate, SL_FATE_PASSED);
	EXPECT_EQ(s.port, from == SL_OUTSIDE ? 1u : 0u);
	EXPECT_EQ(s.bytes, frame);
}

void expect_dropped(Road &road, const Frame &f, sl_drop reason, sl_side from = SL_OUTSIDE)
{
	const uint64_t before = road.drops(reason);
	EXPECT_TRUE(road.run({{from, f.bytes()}}).empty());
	EXPECT_EQ(road.drops(reason), before + 1) << sl_drop_info[reason].name;
}

Frame to_service(unsigned flags = SL_SYN)
{
	Frame f;
	f.flags = flags;
	f.options = mss(1460);
	return f;
}

/// The same packet behind a length, LLC and SNAP: RFC 1042.
Bytes in_snap(const Bytes &frame)
{
	Bytes b(frame.begin(), frame.begin() + 12);
	put16(b, static_cast<uint16_t>(frame.size() - 14 + 8));
	return b + hex("aaaa03 000000") + Bytes(frame.begin() + 12, frame.end());
}

TEST(Classify, WhatIsNotTcpPassesUntouched)
{
	cite("design section 4: TCP is this box's business");
	Road road;
	Bytes arp(42, 7);
	arp[12] = 8;
	arp[13] = 6;
	expect_untouched(road, SL_OUTSIDE, arp);
	expect_untouched(road, SL_INSIDE, arp);
	for (uint8_t proto : {1, 17, 47, 132}) {
		Frame f = to_service();
		f.proto = proto;
		expect_untouched(road, SL_OUTSIDE, f.bytes());
		f.src = "2001:db8::1";
		f.dst = "2001:db8::2";
		expect_untouched(road, SL_OUTSIDE, f.bytes());
	}
}

TEST(Classify, TrafficOfNoServiceFollowsTheDefault)
{
	cite("design section 4: default = pass | drop");
	Road open, closed(dropping());
	Frame f = to_service();
	f.dport = 8080;
	expect_untouched(open, SL_OUTSIDE, f.bytes());
	expect_dropped(closed, f, SL_DROP_default_drop);
	f.proto = 17;
	expect_dropped(closed, f, SL_DROP_default_drop);
	EXPECT_EQ(only(closed.outside(to_service())).fate, SL_FATE_ANSWERED);
}

TEST(Classify, PassedServicePassesWhateverItIs)
{
	cite("design section 4: mode pass");
	Road road(dropping());
	Frame f = to_service();
	f.dport = kPass;
	expect_untouched(road, SL_OUTSIDE, f.bytes());
	f.bad_tcp_checksum = true;
	f.flags = 0;
	expect_untouched(road, SL_OUTSIDE, f.bytes());
}

TEST(Classify, MonitoredServicePassesAndIsCounted)
{
	cite("design section 4: mode monitor");
	Road road(dropping());
	Frame f = to_service();
	f.dport = kMonitor;
	expect_untouched(road, SL_OUTSIDE, f.bytes());
	EXPECT_EQ(road.events(SL_EVENT_would_answer), 1u);
	f.bad_tcp_checksum = true;
	expect_untouched(road, SL_OUTSIDE, f.bytes());
	f = to_service(SL_SYN | SL_FIN);
	f.dport = kMonitor;
	expect_untouched(road, SL_OUTSIDE, f.bytes());
	EXPECT_EQ(road.events(SL_EVENT_would_answer), 1u);
	EXPECT_EQ(road.events(SL_EVENT_would_drop), 2u);
	f = to_service(SL_SYN | SL_ACK);
	std::swap(f.src, f.dst);
	f.sport = kMonitor;
	expect_untouched(road, SL_INSIDE, f.bytes());
	EXPECT_EQ(road.events(SL_EVENT_would_answer), 1u);
}

TEST(Classify, MalformedTcpOfAServiceIsDroppedWithItsReason)
{
	cite("RFC 9293 section 3.1; RFC 791; design section 2");
	Road road;
	Frame f = to_service();
	f.bad_tcp_checksum = true;
	expect_dropped(road, f, SL_DROP_bad_checksum);
	f = to_service();
	f.bad_ip_checksum = true;
	expect_dropped(road, f, SL_DROP_ip_bad_checksum);
	f = to_service(0);
	expect_dropped(road, f, SL_DROP_tcp_bad_flags);
	f = to_service(SL_SYN | SL_RST);
	expect_dropped(road, f, SL_DROP_tcp_bad_flags);
	f = to_service();
	f.data_offset = 4;
	expect_dropped(road, f, SL_DROP_tcp_bad_offset);
	f = to_service();
	f.options = {2, 1, 0, 0};
	expect_dropped(road, f, SL_DROP_tcp_bad_option);
	f = to_service();
	f.sport = 0;
	expect_dropped(road, f, SL_DROP_port_zero);
	EXPECT_EQ(road.count(), 0u);
}

TEST(Classify, FragmentsAreJudgedByTheStrictestServiceOfTheirAddress)
{
	cite("RFC 791 section 3.2; RFC 1858: a fragment hides its ports");
	Road road;
	Frame f = to_service();
	f.ip_fragment = 0x2000;
	expect_dropped(road, f, SL_DROP_fragment);
	f.ip_fragment = 0x0010;
	expect_dropped(road, f, SL_DROP_fragment);
	f = to_service();
	f.src = "2001:db8:1::7";
	f.dst = "2001:db8::2";
	f.extensions = {fragment(0, true)};
	expect_dropped(road, f, SL_DROP_fragment);
	std::swap(f.src, f.dst);
	expect_dropped(road, f, SL_DROP_fragment, SL_INSIDE);
}

TEST(Classify, MalformedTcpOfNoServicePasses)
{
	cite("design section 3: leaves by the other port untouched");
	Road road;
	Frame f = to_service(0);
	f.dst = "192.0.2.99";
	f.bad_tcp_checksum = true;
	expect_untouched(road, SL_OUTSIDE, f.bytes());
	f.ip_fragment = 0x2000;
	expect_untouched(road, SL_OUTSIDE, f.bytes());
}

TEST(Classify, SourcesThatNoHostMayHaveAreDropped)
{
	cite("RFC 1122 section 3.2.1.3; RFC 9293 MUST-57 and MUST-63");
	Road road;
	for (const char *src : {"127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0"}) {
		Frame f = to_service();
		f.src = src;
		expect_dropped(road, f, SL_DROP_martian);
	}
	for (const char *src : {"::1", "::", "ff02::1"}) {
		Frame f = to_service();
		f.src = src;
		f.dst = "2001:db8::2";
		expect_dropped(road, f, SL_DROP_martian);
	}
}

TEST(Classify, LandIsDropped)
{
	cite("RFC 9293 section 3.10.7.2; the LAND attack");
	Road road;
	Frame f = to_service();
	f.src = f.dst;
	f.sport = f.dport;
	expect_dropped(road, f, SL_DROP_land);
	f.sport = 999;
	expect_dropped(road, f, SL_DROP_spoofed_service);
}

TEST(Classify, TenantsMayOverlap)
{
	cite("design section 3: the key has a domain (link, VLAN)");
	Road road;
	std::vector<Talk> talks(4, Talk(road));
	const std::vector<std::vector<uint16_t>> tags = {{}, {5}, {6}, {5, 6}};
	for (size_t i = 0; i < talks.size(); i++) {
		talks[i].vlan = tags[i];
		talks[i].iss += static_cast<uint32_t>(i) * 1000000;
		talks[i].open();
		EXPECT_EQ(road.count(), i + 1);
	}
	for (const Talk &t : talks) {
		const Sent s = only(road.outside(t.c(SL_ACK, 1, 1, "x")));
		EXPECT_EQ(s.seg.ack, t.iss + 1);
		EXPECT_EQ(s.seg.l3_off, 14 + 4 * t.vlan.size());
	}
}

TEST(Classify, WhatIsBehindAHeaderThatIsNotReadDoesNotReachAService)
{
	cite("IEEE 802.1Q: a VID of 0 is a priority, and hosts strip the tag; RFC 1042");
	for (const char *src : {"198.51.100.7", "2001:db8:1::7"}) {
		Road road;
		Frame f = to_service();
		f.src = src;
		f.dst = f.v6() ? "2001:db8::2" : "192.0.2.2";
		f.vlan = {0, 0, 0};
		expect_dropped(road, f, SL_DROP_too_many_tags);
		f.vlan = {};
		const Bytes snap = in_snap(f.bytes());
		EXPECT_TRUE(road.run({{SL_OUTSIDE, snap}}).empty());
		EXPECT_EQ(road.drops(SL_DROP_ip_in_snap), 1u);
		f.vlan = {0, 0, 0};
		std::swap(f.src, f.dst);
		std::swap(f.sport, f.dport);
		expect_dropped(road, f, SL_DROP_too_many_tags, SL_INSIDE);
	}
}

TEST(Classify, AHeaderThatIsNotReadPassesWhereNothingIsProxied)
{
	cite("design section 3: leaves by the other port untouched");
	std::vector<sl_service> none = usual_services();
	for (sl_service &s : none)
		s.mode = SL_MODE_MONITOR;
	Frame f = to_service();
	f.vlan = {0, 0, 0};
	Road road;
	road.apply(none);
	expect_untouched(road, SL_OUTSIDE, f.bytes());
	road.apply(usual_services());
	expect_dropped(road, f, SL_DROP_too_many_tags);
	road.apply(usual_services(), true);
	expect_untouched(road, SL_OUTSIDE, f.bytes());
}

} // namespace
