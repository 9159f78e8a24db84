// SPDX-License-Identifier: BSD-3-Clause
#include "support.h"

#include <sys/stat.h>

using namespace config_test;

namespace
{

// The example of the design, section 12, letter by letter.
const char example[] = R"(eal = [ "--no-pci", "--no-huge", "--no-shconf", "-m", "256",
        "--vdev=net_af_packet0,iface=out0", "--vdev=net_af_packet1,iface=in0" ];
workers = { cores = [ 1 ]; connections = 100000; };          // connections: per worker
links = ( { name = "edge"; type = "wire"; outside = "net_af_packet0"; inside = "net_af_packet1"; default = "pass"; link_follow = false; } );
services = ( { name = "web"; address = "192.0.2.2"; port = 80; mode = "splice"; cookies = "always"; } );
limits = { half_open = 10; silent = 60; idle = 7200; probes = 9; probe_interval = 75; fin_wait_2 = 60; close_wait = 3600; last_ack = 30; time_wait = 60; };   // seconds; time_wait = 2MSL
control = { socket = "/run/sluice/control.sock"; http = "127.0.0.1:9464"; };
)";

std::string text_of(const sl_addr &addr)
{
	char text[SL_ADDR_TEXT];
	return sl_addr_format(&addr, text);
}

// The one service of a configuration with these settings in place of address and port.
std::unique_ptr<Loaded> load_service(const std::string &settings)
{
	return load_string(
		with_link("services = ( { name = \"s\"; mode = \"splice\"; " + settings + " } );"));
}

void expect_default_limits(const sl_limits &l)
{
	EXPECT_EQ(l.half_open_ms, 10000u);
	EXPECT_EQ(l.silent_ms, 60000u);
	EXPECT_EQ(l.idle_ms, 7200000u);
	EXPECT_EQ(l.probes, 9u);
	EXPECT_EQ(l.probe_interval_ms, 75000u);
	EXPECT_EQ(l.fin_wait_2_ms, 60000u);
	EXPECT_EQ(l.close_wait_ms, 3600000u);
	EXPECT_EQ(l.last_ack_ms, 30000u);
	EXPECT_EQ(l.time_wait_ms, 60000u);
}

TEST(ConfigLoad, TheExampleOfTheDesignHasItsValues)
{
	const auto c = load_string(example);
	ASSERT_EQ(c->message(), "");
	const sl_config &config = *c->config;

	ASSERT_EQ(config.n_eal, 7u);
	EXPECT_STREQ(config.eal[0], "--no-pci");
	EXPECT_STREQ(config.eal[6], "--vdev=net_af_packet1,iface=in0");
	ASSERT_EQ(config.workers.n_cores, 1u);
	EXPECT_EQ(config.workers.cores[0], 1u);
	EXPECT_EQ(config.workers.connections, 100000u);
	ASSERT_EQ(config.n_links, 1u);
	EXPECT_STREQ(config.links[0].name, "edge");
	EXPECT_EQ(config.links[0].type, SL_CONFIG_LINK_WIRE);
	EXPECT_STREQ(config.links[0].outside, "net_af_packet0");
	EXPECT_STREQ(config.links[0].inside, "net_af_packet1");
	EXPECT_EQ(config.links[0].default_action, SL_CONFIG_DEFAULT_PASS);
	EXPECT_FALSE(config.links[0].link_follow);
	EXPECT_STREQ(config.links[0].where.file, "t.cfg");
	EXPECT_EQ(config.links[0].where.line, 4u);
	ASSERT_EQ(config.n_services, 1u);
	EXPECT_STREQ(config.services[0].name, "web");
	EXPECT_EQ(text_of(config.services[0].address.addr), "192.0.2.2");
	EXPECT_EQ(config.services[0].address.len, 128u);
	EXPECT_EQ(config.services[0].port.first, 80);
	EXPECT_EQ(config.services[0].port.last, 80);
	EXPECT_EQ(config.services[0].mode, SL_MODE_SPLICE);
	EXPECT_EQ(config.services[0].cookies, SL_COOKIES_ALWAYS);
	expect_default_limits(config.limits);
	expect_default_limits(config.services[0].limits);
	EXPECT_STREQ(config.control.socket, "/run/sluice/control.sock");
	EXPECT_EQ(text_of(config.control.http.addr), "127.0.0.1");
	EXPECT_EQ(config.control.http.port, 9464);
}

TEST(ConfigLoad, WhatIsLeftOutHasItsDefault)
{
	const auto c = load_string("links = ( { outside = \"a\"; inside = \"b\"; },"
				   "{ outside = \"c\"; inside = \"d\"; } );");
	ASSERT_EQ(c->message(), "");
	const sl_config &config = *c->config;

	EXPECT_EQ(config.n_eal, 0u);
	ASSERT_EQ(config.workers.n_cores, 1u);
	EXPECT_EQ(config.workers.connections, 100000u);
	EXPECT_EQ(config.workers.idle_sleep_us, 100u);
	EXPECT_EQ(config.workers.buffers, 16384u);
	ASSERT_EQ(config.n_links, 2u);
	EXPECT_STREQ(config.links[0].name, "link0");
	EXPECT_STREQ(config.links[1].name, "link1");
	EXPECT_EQ(config.links[1].mtu, 1500u);
	EXPECT_FALSE(config.links[1].link_follow);
	EXPECT_FALSE(config.links[1].take_default_route);
	EXPECT_EQ(config.links[1].default_action, SL_CONFIG_DEFAULT_PASS);
	EXPECT_EQ(config.n_services, 0u);
	expect_default_limits(config.limits);
	EXPECT_STREQ(config.cookies.secret_file, "");
	EXPECT_STREQ(config.control.socket, "/run/sluice/control.sock");
	EXPECT_EQ(config.control.http.port, 0);
	EXPECT_NE(std::string(config.drivers).find("drivers-config"), std::string::npos);
}

TEST(ConfigLoad, EverySettingThatIsNotTheDefaultArrives)
{
	const auto c = load_string(R"(
		eal = ( "-m", "64" );
		workers = { cores = [ 3, 0, 5 ]; connections = 67108864; idle_sleep_us = 0;
			    buffers = 2048L; };
		links = ( { name = "core-1"; outside = "03:00.0"; inside = "0000:03:00.1";
			    default = "drop";
			    link_follow = TRUE; mtu = 9000; take_default_route = true; } );
		services = ( { name = "Web_1"; address = "2001:db8::/64"; port = "8000-8010";
			       mode = "monitor";
			       cookies = "never"; wscale = 14; } );
		control = { socket = "x.sock"; http = "[::1]:80"; };
		drivers = "/d";)");
	ASSERT_EQ(c->message(), "");
	const sl_config &config = *c->config;

	EXPECT_EQ(config.n_eal, 2u);
	ASSERT_EQ(config.workers.n_cores, 3u);
	EXPECT_EQ(config.workers.cores[2], 5u);
	EXPECT_EQ(config.workers.connections, 64u << 20);
	EXPECT_EQ(config.workers.idle_sleep_us, 0u);
	EXPECT_EQ(config.workers.buffers, 2048u);
	EXPECT_EQ(config.links[0].default_action, SL_CONFIG_DEFAULT_DROP);
	EXPECT_TRUE(config.links[0].link_follow);
	EXPECT_TRUE(config.links[0].take_default_route);
	EXPECT_EQ(config.links[0].mtu, 9000u);
	EXPECT_EQ(config.services[0].mode, SL_MODE_MONITOR);
	EXPECT_EQ(config.services[0].cookies, SL_COOKIES_NEVER);
	EXPECT_EQ(config.services[0].wscale, 14u);
	EXPECT_EQ(config.services[0].port.first, 8000);
	EXPECT_EQ(config.services[0].port.last, 8010);
	EXPECT_EQ(text_of(config.control.http.addr), "::1");
	EXPECT_EQ(config.control.http.port, 80);
	EXPECT_STREQ(config.drivers, "/d");
}

TEST(ConfigLoad, AServiceOverridesOnlyTheLimitsItNamesWhereverLimitsStands)
{
	const auto c = load_string(with_link(
		"services = ( { name = \"a\"; address = \"192.0.2.2\"; port = 1; mode = \"pass\";"
		" limits = { idle = 300; time_wait = 0.5; probes = 0; }; },"
		" { name = \"b\"; address = \"192.0.2.2\"; port = 2; mode = \"pass\"; } );\n"
		"limits = { idle = 900; silent = 5; };"));
	ASSERT_EQ(c->message(), "");
	const sl_limits &a = c->config->services[0].limits;
	const sl_limits &b = c->config->services[1].limits;

	EXPECT_EQ(a.idle_ms, 300000u);
	EXPECT_EQ(a.time_wait_ms, 500u);
	EXPECT_EQ(a.probes, 0u);
	EXPECT_EQ(a.silent_ms, 5000u);
	EXPECT_EQ(a.half_open_ms, 10000u);
	EXPECT_EQ(b.idle_ms, 900000u);
	EXPECT_EQ(b.silent_ms, 5000u);
	EXPECT_EQ(b.probes, 9u);
}

TEST(ConfigLoad, PrefixesOfBothFamiliesCountTheirBitsInTheMappedForm)
{
	const struct {
		const char *text, *addr;
		unsigned len;
	} cases[] = {{"192.0.2.2", "192.0.2.2", 128},     {"192.0.2.0/24", "192.0.2.0", 120},
		     {"192.0.2.2/32", "192.0.2.2", 128},  {"0.0.0.0/0", "0.0.0.0", 96},
		     {"10.128.0.0/9", "10.128.0.0", 105}, {"2001:db8::2", "2001:db8::2", 128},
		     {"2001:db8::/64", "2001:db8::", 64}, {"2000::/3", "2000::", 3}};

	for (const auto &x : cases) {
		const auto c = load_service(std::string("port = 1; address = \"") + x.text + "\";");
		ASSERT_EQ(c->message(), "") << x.text;
		EXPECT_EQ(text_of(c->config->services[0].address.addr), x.addr) << x.text;
		EXPECT_EQ(c->config->services[0].address.len, x.len) << x.text;
	}
}

TEST(ConfigLoad, PortsAreANumberOrARange)
{
	const struct {
		const char *text;
		unsigned first, last;
	} cases[] = {{"1", 1, 1},        {"65535", 65535, 65535},       {"0x50", 80, 80},
		     {"\"80\"", 80, 80}, {"\"8000-8010\"", 8000, 8010}, {"\"1-65535\"", 1, 65535},
		     {"\"7-7\"", 7, 7}};

	for (const auto &x : cases) {
		const auto c = load_service(std::string("address = \"192.0.2.2\"; port = ") +
					    x.text + ";");
		ASSERT_EQ(c->message(), "") << x.text;
		EXPECT_EQ(c->config->services[0].port.first, x.first) << x.text;
		EXPECT_EQ(c->config->services[0].port.last, x.last) << x.text;
	}
}

TEST(ConfigLoad, AMoreSpecificPrefixAndAnotherPortAreNoOverlap)
{
	EXPECT_EQ(
		refusal(with_link(
			"services = ("
			"{ name = \"a\"; address = \"192.0.2.0/24\"; port = 80; mode = \"pass\"; },"
			"{ name = \"b\"; address = \"192.0.2.0/25\"; port = 80; mode = \"pass\"; },"
			"{ name = \"c\"; address = \"192.0.2.0\"; port = 80; mode = \"pass\"; },"
			"{ name = \"d\"; address = \"192.0.2.0/24\"; port = \"81-90\"; mode = "
			"\"pass\"; } );")),
		"");
}

TEST(ConfigLoad, IncludedFilesCountFromTheFirstFilesFolderAndAreNamedInMessages)
{
	Folder folder;
	const auto top = folder.write("top.cfg", "@include \"parts/links.cfg\"\n"
						 "  @include \"parts/more.cfg\" // of services\n");
	folder.write("parts/links.cfg", "\nlinks = ( { outside = \"a\"; inside = \"b\"; } );\n");
	folder.write("parts/more.cfg", "@include \"parts/services.cfg\"\n");
	folder.write("parts/services.cfg", "services = (\n"
					   "{ name = \"web\"; address = \"192.0.2.2\";\n"
					   "  port = 80; mode = \"splice\"; } );\n");
	const auto c = load_file(top);
	ASSERT_EQ(c->message(), "");
	EXPECT_EQ(c->config->links[0].where.file, folder.path("parts/links.cfg"));
	EXPECT_EQ(c->config->links[0].where.line, 2u);
	EXPECT_EQ(c->config->services[0].where.file, folder.path("parts/services.cfg"));
	EXPECT_EQ(c->config->services[0].where.line, 2u);

	folder.write("parts/services.cfg", "\nservices = 1;\n");
	EXPECT_EQ(load_file(top)->message(), folder.path("parts/services.cfg") +
						     ":2: services is 1; expected a list of at "
						     "most 255 groups ( { ... }, { ... } )");
	folder.write("parts/services.cfg", "\n\nservices = ( ;\n");
	EXPECT_EQ(load_file(top)->message().rfind(
			  folder.path("parts/services.cfg") + ":3: syntax error", 0),
		  0u);
}

TEST(ConfigSecret, ThirtyTwoDigitsAndANewlineOrNone)
{
	Folder folder;
	const std::string digits = "000102030405060708090a0B0c0D0e0f";
	for (const char *end : {"", "\n"}) {
		const auto path = folder.write("secret", digits + end);
		chmod(path.c_str(), 0600);
		uint8_t secret[SL_CONFIG_SECRET] = {};
		sl_config_error error;
		ASSERT_EQ(sl_config_read_secret(path.c_str(), secret, &error), 0);
		for (unsigned i = 0; i < sizeof(secret); i++)
			EXPECT_EQ(secret[i], i);
		EXPECT_EQ(refusal(with_link("cookies = { secret_file = \"" + path + "\"; };")), "");
	}
}

TEST(ConfigDescribe, PrintsEachSettingWithItsRangeAndDefault)
{
	char *text = nullptr;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	sl_config_describe(out);
	fclose(out);
	const std::string s = text;
	free(text);

	for (const char *want :
	     {"workers.connections\n    size of one worker's connection table\n"
	      "    an integer from 1024 to 67108864 (connections); default: 100000\n",
	      "\nservices.mode\n", "\"pass\", \"monitor\", \"splice\" or \"respond\"; required\n",
	      "\nlimits.half_open\n", "(seconds); default: 7200\n", "\ncontrol.http\n",
	      "\nrss.mode\n", "\nlinks.take_default_route\n"})
		EXPECT_NE(s.find(want), std::string::npos) << want;
	EXPECT_EQ(s.find("services.limits."), std::string::npos);
}

} // namespace
