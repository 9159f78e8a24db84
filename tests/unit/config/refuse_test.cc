// SPDX-License-Identifier: BSD-3-Clause
#include "support.h"

#include <algorithm>
#include <cerrno>
#include <random>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace config_test;

// libconfig 1.5 forgets the string that it has just read when the grammar breaks at it. Ours are
// still seen: a tree that is not destroyed has more than strings.
extern "C" const char *__lsan_default_suppressions();
extern "C" const char *__lsan_default_suppressions()
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

namespace
{

// A service in line 2 with these settings, and the message about it.
std::string service(const std::string &settings)
{
	return refusal(with_link("services = ( { name = \"web\"; " + settings + " } );"));
}

const char rest[] = "address = \"192.0.2.2\"; port = 80; mode = \"splice\"; ";

TEST(ConfigRefuses, AMisspeltMode)
{
	EXPECT_EQ(service("address = \"192.0.2.2\"; port = 80; mode = \"spilce\";"),
		  "t.cfg:2: service \"web\": mode is \"spilce\"; expected \"pass\", \"monitor\", "
		  "\"splice\" or \"respond\" (did you mean \"splice\"?)");
	EXPECT_EQ(
		service("address = \"192.0.2.2\"; port = 80; mode = \"terminate\";"),
		"t.cfg:2: service \"web\": mode is \"terminate\"; expected \"pass\", \"monitor\", "
		"\"splice\" or \"respond\"");
	EXPECT_EQ(
		service(std::string(rest) + "cookies = \"auto\";"),
		"t.cfg:2: service \"web\": cookies is \"auto\"; expected \"always\" or \"never\"");
	EXPECT_EQ(refusal("links = ( {\n type = \"hots\"; outside = \"a\"; inside = \"b\"; } );"),
		  "t.cfg:2: link 1: type is \"hots\"; expected \"wire\" or \"host\" (did you mean "
		  "\"host\"?)");
}

TEST(ConfigRefuses, AnUnknownKeyWithTheNearestKnownOne)
{
	EXPECT_EQ(refusal(with_link("\nworkers = {\n  conections = 5; };")),
		  "t.cfg:4: workers: unknown key \"conections\"; expected one of cores, "
		  "connections, high_water, "
		  "idle_sleep_us, buffers, endpoints, stream_buffers (did you mean "
		  "\"connections\"?)");
	EXPECT_EQ(refusal(with_link("servcies = ( );")),
		  "t.cfg:2: unknown key \"servcies\"; expected one of eal, workers, links, limits, "
		  "services, cookies, control, drivers (did you mean \"services\"?)");
	EXPECT_EQ(refusal(with_link("zzz = 1;")),
		  "t.cfg:2: unknown key \"zzz\"; expected one of eal, workers, links, limits, "
		  "services, cookies, control, drivers");
	EXPECT_EQ(service(std::string(rest) + "limits = { time_wiat = 5; };"),
		  "t.cfg:2: service \"web\", limits: unknown key \"time_wiat\"; expected one of "
		  "half_open, silent, idle, probes, probe_interval, fin_wait_2, close_wait, "
		  "last_ack, "
		  "time_wait (did you mean \"time_wait\"?)");
}

TEST(ConfigRefuses, AWrongType)
{
	const struct {
		const char *text, *message;
	} cases[] = {
		{"workers = 5;", "workers is 5; expected a group { ... }"},
		{"workers = { cores = 1; };", "workers: cores is 1; expected an array [ ... ] of 1 "
					      "to 64 integers from 0 to 1023 "
					      "(CPU numbers)"},
		{"workers = { cores = [ \"1\" ]; };", "workers: cores is \"1\"; expected an array "
						      "[ ... ] of 1 to 64 integers from 0 to 1023 "
						      "(CPU numbers)"},
		{"workers = { buffers = 4096.0; };",
		 "workers: buffers is 4096; expected an integer from 2048 to 4194304 (packet "
		 "buffers)"},
		{"workers = { buffers = true; };", "workers: buffers is true; expected an integer "
						   "from 2048 to 4194304 (packet buffers)"},
		{"eal = \"-m 64\";",
		 "eal is \"-m 64\"; expected an array [ ... ] of at most 64 strings "
		 "of at most 255 characters"},
		{"eal = [ 1 ];",
		 "eal is 1; expected an array [ ... ] of at most 64 strings of at most "
		 "255 characters"},
		{"services = { };", "services is a group { ... }; expected a list of at most 255 "
				    "groups ( { ... }, { ... } )"},
		{"services = ( 7 );",
		 "services is 7; expected a list of at most 255 groups ( { ... }, { ... } )"},
		{"drivers = 1;", "drivers is 1; expected a string of at most 255 characters"},
		{"limits = { idle = \"5\"; };",
		 "limits: idle is \"5\"; expected a number from 0.01 to 604800 (seconds)"},
		{"control = { http = 80; };", "control: http is 80; expected \"ADDRESS:PORT\", "
					      "\"[IPV6-ADDRESS]:PORT\", or \"\" for none"},
	};
	for (const auto &x : cases)
		EXPECT_EQ(refusal(with_link(x.text)), std::string("t.cfg:2: ") + x.message)
			<< x.text;
	EXPECT_EQ(service(std::string(rest) + "limits = ( );"),
		  "t.cfg:2: service \"web\": limits is a list ( ... ); expected a group { ... }");
	EXPECT_EQ(
		refusal("links = ( { outside = \"a\"; inside = \"b\"; link_follow = \"no\"; } );"),
		"t.cfg:1: link 1: link_follow is \"no\"; expected true or false");
}

TEST(ConfigRefuses, ANumberOutOfItsRange)
{
	const struct {
		const char *text, *message;
	} cases[] = {
		{"workers = { connections = 1023; };",
		 "workers: connections is 1023; expected an integer from 1024 to 67108864 "
		 "(connections)"},
		{"workers = { connections = 67108865; };",
		 "workers: connections is 67108865; expected "
		 "an integer from 1024 to 67108864 "
		 "(connections)"},
		{"workers = { idle_sleep_us = -1; };", "workers: idle_sleep_us is -1; expected an "
						       "integer from 0 to 10000 (microseconds)"},
		{"workers = { buffers = 4294969344; };",
		 "the number 4294969344 is too large; no setting takes more than 2147483647"},
		{"workers = { buffers = 0x100000800; };",
		 "the number 0x100000800 is too large; no setting takes more than 2147483647"},
		{"workers = { buffers = 99999999999999999999L; };",
		 "the number 99999999999999999999 is too large; no setting takes more than "
		 "2147483647"},
		{"workers = { cores = [ ]; };",
		 "workers: cores is an array [ ... ] (empty); expected "
		 "an array [ ... ] of 1 to 64 integers from 0 to 1023 "
		 "(CPU numbers)"},
		{"workers = { cores = [ 1, 1024 ]; };",
		 "workers: cores is 1024; expected an array [ ... ] of 1 to 64 integers from 0 to "
		 "1023 "
		 "(CPU numbers)"},
		{"limits = { probes = 16; };",
		 "limits: probes is 16; expected an integer from 0 to 15 (probes)"},
		{"limits = { idle = 604801; };",
		 "limits: idle is 604801; expected a number from 0.01 to 604800 (seconds)"},
		{"limits = { idle = 0; };",
		 "limits: idle is 0; expected a number from 0.01 to 604800 (seconds)"},
		{"limits = { idle = 1e999; };",
		 "limits: idle is inf; expected a number from 0.01 to 604800 (seconds)"},
	};
	for (const auto &x : cases)
		EXPECT_EQ(refusal(with_link(x.text)), std::string("t.cfg:2: ") + x.message)
			<< x.text;
	EXPECT_EQ(
		service(std::string(rest) + "wscale = 15;"),
		"t.cfg:2: service \"web\": wscale is 15; expected an integer from 0 to 14 (bits)");
}

TEST(ConfigRefuses, AHostLinkThatIsNone)
{
	EXPECT_EQ(
		refusal("links = ( { type = \"host\";\n port = \"a\"; } );"),
		"t.cfg:1: link \"link0\": addresses is missing; expected the addresses that a host "
		"link answers for, such as [ \"192.0.2.1\", \"2001:db8::1\" ]");
	EXPECT_EQ(refusal("links = ( { type = \"host\";\n addresses = [ \"192.0.2.1\" ]; } );"),
		  "t.cfg:1: link \"link0\": port is missing; expected a string of at most 63 "
		  "characters");
	EXPECT_EQ(
		refusal("links = ( { type = \"host\"; addresses = [ \"192.0.2.1\" ];\n"
			"\n inside = \"b\"; outside = \"a\"; } );"),
		"t.cfg:3: link \"link0\": inside is for a wire; expected port and addresses, as it "
		"has type = \"host\"");
	EXPECT_EQ(refusal("links = ( { addresses = [ \"192.0.2.1\" ];\n port = \"c\"; } );"),
		  "t.cfg:2: link \"link0\": port is for a host link; expected type = \"host\" with "
		  "it, or outside and inside instead");
	EXPECT_EQ(refusal("links = ( { type = \"host\"; port = \"a\";\n addresses = [ "
			  "\"2001:db8::1\", \"192.0.2.1\", \"2001:db8:0::1\" ]; } );"),
		  "t.cfg:2: link \"link0\": addresses has 2001:db8:0::1 twice; expected each once");
	const std::string small =
		"links = ( { type = \"host\"; port = \"a\";\n mtu = 1279; addresses = [ ";
	EXPECT_EQ(refusal(small + "\"192.0.2.1\" ]; } );"), "");
	EXPECT_EQ(refusal(small + "\"192.0.2.1\", \"2001:db8::1\" ]; } );"),
		  "t.cfg:2: link \"link0\": mtu is 1279, and it has the address 2001:db8::1; "
		  "expected "
		  "at least 1280, which IPv6 needs");
	for (const char *bad : {"192.0.2.0/24", "224.0.0.1", "nonsense", "127.0.0.1", "::"})
		EXPECT_EQ(refusal("links = ( { type = \"host\"; port = \"a\";\n addresses = [ \"" +
				  std::string(bad) + "\" ]; } );")
				  .rfind("t.cfg:2: link \"link0\": addresses has \"", 0),
			  0u)
			<< bad;
	EXPECT_EQ(refusal("links = ( { outside = \"a\"; inside = \"b\"; },\n"
			  "{ type = \"host\"; port = \"b\"; addresses = [ \"192.0.2.1\" ]; } );")
			  .rfind("t.cfg:2: link \"link1\": port is \"b\", which link \"link0\"", 0),
		  0u);
}

TEST(ConfigRefuses, AServiceOfIpv6OnAWireThatIsTooSmallForIt)
{
	const std::string wire =
		"links = ( { name = \"w\"; outside = \"a\"; inside = \"b\"; "
		"mtu = 1279; } );\nservices = ( { name = \"web\"; mode = \"pass\"; port = 80; "
		"\n address = \"";
	EXPECT_EQ(refusal(wire + "192.0.2.2\"; } );"), "");
	EXPECT_EQ(refusal(wire + "2001:db8::2\"; } );"),
		  "t.cfg:3: service \"web\": it has an IPv6 address, and the mtu of the link \"w\" "
		  "(t.cfg:1) is 1279; expected no IPv6 services, or an mtu of at least 1280, which "
		  "IPv6 needs");
}

TEST(ConfigRefuses, AServiceOfAHostLinkThatNobodyStandsBehind)
{
	const std::string host = "links = ( { name = \"h\"; type = \"host\"; port = \"a\";"
				 " addresses = [ \"192.0.2.1\", \"2001:db8::1\" ]; } );\n services "
				 "= ( { name = \"s\";"
				 " port = 80; address = \"";
	const std::string wire = std::string(host).replace(
		host.find("( {"), 1, "( { outside = \"b\"; inside = \"c\"; }, ");
	const std::string none = "expected mode = \"respond\"";
	EXPECT_EQ(refusal(host + "192.0.2.0/24\";\n mode = \"splice\"; } );"),
		  "t.cfg:3: service \"s\": mode is \"splice\", and 192.0.2.1 is an address of the "
		  "host link \"h\", behind which there is no server; " +
			  none);
	EXPECT_NE(refusal(host + "2001:db8::1\";\n mode = \"pass\"; } );").find(none),
		  std::string::npos);
	EXPECT_EQ(refusal(host + "192.0.2.1\";\n mode = \"respond\"; } );"), "");
	EXPECT_EQ(refusal(host + "0.0.0.0/0\";\n mode = \"respond\"; } );"), "");
	// A prefix may be meant for the wire, an address of the link can't be.
	EXPECT_EQ(refusal(wire + "192.0.2.0/24\";\n mode = \"splice\"; } );"), "");
	EXPECT_NE(refusal(wire + "192.0.2.1\";\n mode = \"splice\"; } );").find(none),
		  std::string::npos);
	EXPECT_NE(refusal(wire + "2001:db8::1\";\n mode = \"pass\"; } );").find(none),
		  std::string::npos);
	EXPECT_EQ(refusal(wire + "2001:db8::2\";\n mode = \"pass\"; } );"), "");
}

namespace
{

// A key that only services of some modes may have.
void only_of(const std::string &key, const std::vector<std::string> &modes, const std::string &kind,
	     const std::string &expected)
{
	const std::string name = key.substr(0, key.find(' '));

	for (const std::string mode : {"pass", "monitor", "splice", "respond"}) {
		const bool may = std::find(modes.begin(), modes.end(), mode) != modes.end();
		EXPECT_EQ(service("address = \"192.0.2.2\"; port = 80;\n" + key + ";\n mode = \"" +
				  mode + "\";"),
			  may ? ""
			      : "t.cfg:3: service \"web\": " + name + " is for a service that " +
					  kind + "; expected mode = " + expected +
					  " with it, not \"" + mode + "\"");
	}
}

} // namespace

TEST(ConfigRefuses, WhatOnlyAServiceOfAnotherModeCanDo)
{
	for (const std::string key :
	     {"server = \"echo\"", "receive_buffer = 4096", "send_buffer = 4096"})
		only_of(key, {"respond"}, "responds", "\"respond\"");
	only_of("backlog = 64", {"splice", "respond"}, "is proxied", "\"splice\" or \"respond\"");
	only_of("track = false", {"pass", "monitor"}, "is left to its ends",
		"\"pass\" or \"monitor\"");
}

TEST(ConfigRefuses, WhatOnlyAWireCanDo)
{
	for (const std::string key : {"default = \"drop\"", "link_follow = true"})
		EXPECT_EQ(refusal("links = ( { type = \"host\"; port = \"a\"; addresses = [ "
				  "\"192.0.2.1\" ];\n" +
				  key + "; } );"),
			  "t.cfg:2: link \"link0\": " + key.substr(0, key.find(' ')) +
				  " is for a wire; expected it in none of type = \"host\"");
}

TEST(ConfigRefuses, AServiceThatNobodyComesTo)
{
	const std::string service = " services = ( { name = \"s\"; port = 80; mode = \"respond\";\n"
				    " address = \"192.0.2.9\"; } );";
	const std::string host =
		"{ type = \"host\"; port = \"a\"; addresses = [ \"192.0.2.1\" ]; }";
	EXPECT_EQ(refusal("links = ( " + host + " );" + service),
		  "t.cfg:2: service \"s\": none of the addresses of the links is in its own, and "
		  "there is no wire; expected one of a host link's addresses, such as 192.0.2.1");
	EXPECT_EQ(refusal("links = ( " + host + ", { outside = \"b\"; inside = \"c\"; } );" +
			  service),
		  "");
}

TEST(ConfigRefuses, MoreEndpointsThanConnections)
{
	EXPECT_EQ(refusal(with_link("workers = { connections = 2000; endpoints = 2000; };")), "");
	EXPECT_EQ(refusal(with_link("workers = { connections = 2000; endpoints = 2001; };")),
		  "t.cfg:2: workers: endpoints is 2001, and connections is 2000; expected no more "
		  "endpoints: each belongs to a connection");
}

TEST(ConfigRefuses, WhatIsMissing)
{
	EXPECT_EQ(refusal(""),
		  "t.cfg: links is missing; expected a list of at most 16 groups ( { ... }, "
		  "{ ... } )");
	EXPECT_EQ(refusal("links = ( );"), "t.cfg:1: links is empty; expected at least one link");
	EXPECT_EQ(refusal("links = (\n { name = \"edge\"; outside = \"a\"; } );"),
		  "t.cfg:2: link \"edge\": inside is missing; expected a string of at most 63 "
		  "characters");
	EXPECT_EQ(service("port = 80; mode = \"pass\";"),
		  "t.cfg:2: service \"web\": address is missing; expected an address or a prefix: "
		  "\"192.0.2.2\", \"192.0.2.0/24\", \"2001:db8::2\" or \"2001:db8::/64\"");
	EXPECT_EQ(
		refusal(with_link("services = ( { mode = \"pass\"; } );")),
		"t.cfg:2: service 1: name is missing; expected a string of at most 31 characters");
}

TEST(ConfigRefuses, AddressesThatAreNone)
{
	const std::string want =
		"; expected an address or a prefix: \"192.0.2.2\", \"192.0.2.0/24\", "
		"\"2001:db8::2\" or \"2001:db8::/64\"";
	const struct {
		const char *text, *why;
	} cases[] = {
		{"192.0.2", ""},
		{"web.example", ""},
		{"", ""},
		{"192.0.2.1/24", " (its host bits are not zero; for the whole prefix write "
				 "\"192.0.2.0/24\")"},
		{"2001:db8::1/64", " (its host bits are not zero; for the whole prefix write "
				   "\"2001:db8::/64\")"},
		{"192.0.2.0/33", " (a prefix length is a number from 0 to 32)"},
		{"2001:db8::/129", " (a prefix length is a number from 0 to 128)"},
		{"192.0.2.0/", " (a prefix length is a number from 0 to 32)"},
		{"192.0.2.0/-1", " (a prefix length is a number from 0 to 32)"},
		{"224.0.0.1", " (no host can have that address)"},
		{"ff02::1", " (no host can have that address)"},
		{"0.0.0.0", " (no host can have that address)"},
	};
	for (const auto &x : cases)
		EXPECT_EQ(service(std::string("port = 80; mode = \"pass\"; address = \"") + x.text +
				  "\";"),
			  std::string("t.cfg:2: service \"web\": address is \"") + x.text + "\"" +
				  x.why + want);
	// An IPv6 prefix over the mapped addresses would catch all of IPv4 on the side.
	for (const char *mapped : {"::/0", "::ffff:192.0.2.1", "::ffff:0:0/96", "::/80"})
		EXPECT_NE(service(std::string("port = 80; mode = \"pass\"; address = \"") + mapped +
				  "\";")
				  .find("it covers IPv4"),
			  std::string::npos)
			<< mapped;
}

TEST(ConfigRefuses, PortsThatAreNone)
{
	const std::string want = "; expected a port from 1 to 65535, or a range like \"8000-8010\"";

	for (const char *port : {"0", "65536", "-1", "\"0\"", "\"0-5\"", "\"5-\"", "\"-5\"",
				 "\"1-65536\"", "\"80,81\"", "\"http\"", "\"\"", "\"000080\""})
		EXPECT_EQ(service(std::string("address = \"192.0.2.2\"; mode = \"pass\"; port = ") +
				  port + ";"),
			  std::string("t.cfg:2: service \"web\": port is ") + port + want);
	EXPECT_EQ(
		service("address = \"192.0.2.2\"; mode = \"pass\"; port = \"9-8\";"),
		"t.cfg:2: service \"web\": port is \"9-8\" (the range ends before it begins; write "
		"\"8-9\")" +
			want);
}

TEST(ConfigRefuses, ServicesThatNobodyCouldTellApart)
{
	const std::string first =
		"services = (\n"
		"{ name = \"a\"; address = \"192.0.2.2\"; port = \"80-90\"; mode = "
		"\"pass\"; },\n";

	EXPECT_EQ(
		refusal(with_link(first +
				  "{ name = \"b\";\n address = \"192.0.2.2/32\"; port = 90; "
				  "mode = \"pass\"; } );")),
		"t.cfg:5: service \"b\": it has the address 192.0.2.2 and port 90 in common with "
		"service "
		"\"a\" (t.cfg:3); expected one service for each: change or remove one of the two");
	EXPECT_EQ(refusal(with_link(first +
				    "{ name = \"A\"; address = \"192.0.2.3\"; port = 90; mode = "
				    "\"pass\"; } );")),
		  "t.cfg:4: service \"A\": the service in line 3 of t.cfg has this name too; "
		  "expected a "
		  "name of its own");
	EXPECT_EQ(refusal(with_link(first +
				    "{ name = \"b c\"; address = \"192.0.2.3\"; port = 90; mode "
				    "= \"pass\"; } );")),
		  "t.cfg:4: service \"b c\": name has a character that is not allowed; expected "
		  "letters, "
		  "digits, _ and -");
}

TEST(ConfigRefuses, PortsOfLinksThatAreUsedTwice)
{
	EXPECT_EQ(refusal("links = ( { name = \"x\"; outside = \"a\";\n inside = \"a\"; } );"),
		  "t.cfg:2: link \"x\": inside is \"a\", which link \"x\" (t.cfg:1) names too; "
		  "expected "
		  "each port in one place");
	EXPECT_EQ(refusal("links = ( { outside = \"03:00.0\"; inside = \"b\"; },\n"
			  "{ name = \"y\"; outside = \"0000:03:00.0\"; inside = \"c\"; } );"),
		  "t.cfg:2: link \"y\": outside is \"0000:03:00.0\", which link \"link0\" "
		  "(t.cfg:1) names "
		  "too; expected each port in one place");
	EXPECT_EQ(refusal("links = ( { outside = \"a\"; inside = \"b\"; name = \"x\"; },\n"
			  "{ name = \"X\"; outside = \"c\"; inside = \"d\"; } );"),
		  "t.cfg:2: link \"X\": the link in line 1 of t.cfg has this name too; expected a "
		  "name of "
		  "its own");
	EXPECT_EQ(refusal("links = ( { outside = \"0000:03:00\"; inside = \"b\"; } );"),
		  "t.cfg:1: link \"link0\": outside is \"0000:03:00\"; expected a PCI address like "
		  "\"0000:03:00.0\" (see dpdk-devbind.py --status) or the name of a vdev in eal");
	EXPECT_EQ(refusal(with_link("workers = { cores = [ 1, 2, 1 ]; };")),
		  "t.cfg:2: workers: cores has 1 twice; expected each core once: a worker is alone "
		  "on its "
		  "core");
}

TEST(ConfigRefuses, ListsThatAreTooLong)
{
	std::string links = "links = (", cores = "workers = { cores = [ 0";
	for (unsigned i = 0; i < 17; i++)
		links += std::string(i ? "," : "") + "{ outside = \"a" + std::to_string(i) +
			 "\"; inside = \"b" + std::to_string(i) + "\"; }";
	for (unsigned i = 1; i < 65; i++)
		cores += ", " + std::to_string(i);
	EXPECT_EQ(refusal(links + ");"),
		  "t.cfg:1: links is a list ( ... ) (too many); expected a list of at "
		  "most 16 groups ( { ... }, { ... } )");
	EXPECT_EQ(refusal(with_link(cores + " ]; };")),
		  "t.cfg:2: workers: cores is an array [ ... ] (too many); expected an array [ ... "
		  "] of 1 to "
		  "64 integers from 0 to 1023 (CPU numbers)");
}

TEST(ConfigRefuses, ControlsThatCannotBeOpened)
{
	const std::string want =
		"; expected \"ADDRESS:PORT\", \"[IPV6-ADDRESS]:PORT\", or \"\" for none";
	const struct {
		const char *text, *why;
	} cases[] = {{"127.0.0.1", ""},
		     {"localhost:80", " (the address is written in numbers, not as a name)"},
		     {"127.0.0.1:0", " (a port is a number from 1 to 65535)"},
		     {"127.0.0.1:", " (a port is a number from 1 to 65535)"},
		     {"::1:80", " (an IPv6 address stands in brackets here)"},
		     {"[]:80", " (the address is written in numbers, not as a name)"}};

	for (const auto &x : cases)
		EXPECT_EQ(refusal(with_link(std::string("control = { http = \"") + x.text +
					    "\"; };")),
			  std::string("t.cfg:2: control: http is \"") + x.text + "\"" + x.why +
				  want);
	EXPECT_EQ(refusal(with_link("control = { socket = \"" + std::string(107, 's') + "\"; };")),
		  "");
	EXPECT_EQ(refusal(with_link("control = { socket = \"" + std::string(108, 's') + "\"; };")),
		  "t.cfg:2: control: socket is \"" + std::string(80, 's') +
			  "...\"; expected a string of at most 107 characters");
	EXPECT_EQ(refusal(with_link("control = { socket = \"\"; };")),
		  "t.cfg:2: control: socket is empty; expected the path of a Unix socket");
}

TEST(ConfigRefuses, AnIdleLimitWithItsProbesThatIsTooLong)
{
	const std::string week =
		"limits = { idle = 604800; probes = 3; probe_interval = 604800; };";

	EXPECT_EQ(refusal(with_link(week)), "");
	EXPECT_EQ(refusal(with_link("limits = { idle = 604800; probes = 15; "
				    "probe_interval = 604800; };")),
		  "t.cfg:2: limits: idle + probes x probe_interval is 9676800 s; expected at most "
		  "2419200, four weeks");
	// What a service does not set comes from all services' limits.
	EXPECT_EQ(refusal(with_link(week + "\nservices = ( {\n name = \"web\"; " + rest +
				    "\nlimits = { probes = 4; }; } );")),
		  "t.cfg:5: service \"web\", limits: idle + probes x probe_interval is 3024000 s; "
		  "expected at most 2419200, four weeks");
}

TEST(ConfigRefuses, AGroupThatThereIsNot)
{
	EXPECT_EQ(refusal(with_link("control = { group = \"root\"; };")), "");
	EXPECT_EQ(refusal(with_link("\ncontrol = {\n group = \"no-such-group\"; };")),
		  "t.cfg:4: control: group is \"no-such-group\", and there is no such group here; "
		  "expected a group of this machine: `getent group` lists them");
}

TEST(ConfigRefuses, ASecretThatIsNone)
{
	Folder folder;
	const std::string path = folder.path("secret"), digits(32, 'a');
	const std::string hint =
		"; expected a regular file of mode 0600 with 32 hexadecimal digits, made by: "
		"(umask 077; openssl rand -hex 16 > FILE)";
	const auto message = [&] {
		return refusal(with_link("cookies = { secret_file = \"" + path + "\"; };"));
	};
	const std::string begin = "t.cfg:2: cookies: secret_file is \"" + path + "\": ";

	EXPECT_EQ(message(), begin + "No such file or directory" + hint);
	folder.write("secret", digits);
	chmod(path.c_str(), 0640);
	EXPECT_EQ(
		message(),
		begin +
			"others than its owner may read or write it; chmod 600 it, and make a new "
			"secret if it was ever read" +
			hint);
	chmod(path.c_str(), 0400);
	EXPECT_EQ(message(), "");
	if (geteuid() == 0) {
		ASSERT_EQ(chown(path.c_str(), 65534, -1), 0);
		EXPECT_EQ(message(),
			  begin +
				  "it belongs to uid 65534, who may read and replace it; "
				  "chown it to root or to the user of sluiced, and make "
				  "a new secret" +
				  hint);
		ASSERT_EQ(chown(path.c_str(), 0, -1), 0);
	}
	for (const auto &wrong : {std::string(), digits.substr(1), digits + "a",
				  digits.substr(1) + "g", digits + "\n\n", digits + " "}) {
		chmod(path.c_str(), 0600);
		folder.write("secret", wrong);
		EXPECT_EQ(message(),
			  begin + "it does not hold 32 hexadecimal digits and nothing else" + hint);
	}
	std::filesystem::remove(path);
	mkfifo(path.c_str(), 0600);
	EXPECT_EQ(message(), begin + "it is not a regular file" + hint);
}

TEST(ConfigRefuses, TextThatIsNotLibconfig)
{
	const std::string syntax =
		"syntax error; expected `key = value;`: look here and at the end of the line "
		"before for a missing ; or quote or bracket";

	EXPECT_EQ(refusal("links = ( {\n outside = ;\n} );"), "t.cfg:2: " + syntax);
	EXPECT_EQ(refusal("links = ( {"), "t.cfg:1: " + syntax);
	EXPECT_EQ(refusal("a = 1;\na = 2;"),
		  "t.cfg:2: this key stands in its group already; keep one of the two");
	EXPECT_EQ(refusal("eal = [ \"a\",\n 1 ];"),
		  "t.cfg:2: an array [ ... ] has values of different types; "
		  "expected all alike");
	EXPECT_EQ(refusal("\ndrivers = \"abc;\nlinks = ( );\n\""),
		  "t.cfg:2: a string is not closed on its line; put a \" behind its last letter");
	EXPECT_EQ(refusal(with_link("/* to be\ncontinued")),
		  "t.cfg:2: a comment begins here and never ends; close it with */");
	EXPECT_EQ(refusal(with_link("@include \"x.cfg\"")),
		  "t.cfg:2: @include works in files only; put the settings here");
	EXPECT_EQ(refusal("x = " + std::string(17, '(')),
		  "t.cfg:1: more than 16 brackets stand inside each other; no setting needs so "
		  "many: close "
		  "some before");
}

TEST(ConfigRefuses, WordsThatOnlyLookWrongAreLeftAlone)
{
	EXPECT_EQ(refusal(with_link("/* 99999999999 \" ((((((((((((((((( */ # 99999999999 \" /*\n"
				    "// \" @include \"x\"\n"
				    "drivers = \"99999999999 /* \\\" # //\"; limits = { idle = "
				    "99999.5e-1; };")),
		  "");
}

TEST(ConfigRefuses, FilesThatCannotBeRead)
{
	Folder folder;
	EXPECT_EQ(load_file(folder.path("none"))->message(),
		  folder.path("none") + ": there is no such file; check the path");
	EXPECT_EQ(load_file(folder.path("none"))->rc, -ENOENT);
	EXPECT_EQ(load_file(folder.path("."))->message(),
		  folder.path(".") + ": it is not a regular file; expected a text file");
	const auto zero = folder.write("zero.cfg", std::string("a = 1;\n\0", 8));
	EXPECT_EQ(load_file(zero)->message(),
		  zero + ":2: a zero byte; expected text: is this really a configuration?");
	const auto large = folder.write("large.cfg", std::string((1 << 20) + 1, ' '));
	EXPECT_EQ(load_file(large)->message(),
		  large + ": it is longer than 1 MiB; expected a configuration, is this one?");
	EXPECT_EQ(load_file("/" + std::string(300, 'x'))->rc, -ENAMETOOLONG);
}

TEST(ConfigRefuses, IncludesThatLeadNowhere)
{
	Folder folder;
	const auto top = folder.write("top.cfg", "\n@include \"none.cfg\"\n");
	const std::string begin =
		top + ":2: cannot include \"none.cfg\": " + folder.path("none.cfg") + ": ";
	const std::string end = ". Paths of @include count from the folder of the first file";

	EXPECT_EQ(load_file(top)->message(), begin + "there is no such file; check the path" + end);
	std::filesystem::create_directory(folder.path("none.cfg"));
	EXPECT_EQ(load_file(top)->message(),
		  begin + "it is not a regular file; expected a text file" + end);

	folder.write("top.cfg", "@include \"top.cfg\"\n");
	EXPECT_EQ(load_file(top)->message(),
		  top + ":1: \"top.cfg\" is included 10 files deep; does it include itself?");

	folder.write("part.cfg", "\nx = 99999999999;\n");
	folder.write("top.cfg", "@include \"part.cfg\"\n");
	EXPECT_EQ(load_file(top)->message(),
		  folder.path("part.cfg") + ":2: the number 99999999999 is too large; no setting "
					    "takes more than 2147483647");
}

TEST(ConfigRefuses, AllOfItWhenAPartIsWrong)
{
	const auto c = load_string(with_link("services = ( { name = \"web\"; } );"));
	EXPECT_EQ(c->rc, -EINVAL);
	EXPECT_EQ(c->config->n_links, 0u);
	EXPECT_EQ(c->config->n_files, 0u);
	EXPECT_STREQ(c->config->links[0].name, "");
}

TEST(ConfigRefuses, GarbageWithoutComingToHarm)
{
	const std::string good =
		with_link("eal = [ \"a\" ]; limits = { idle = 1.5; };\n"
			  "services = ( { name = \"web\"; address = \"192.0.2.2\"; "
			  "port = \"80-81\"; mode = \"splice\"; } ); /* x */\n");
	const std::string letters = "(){}[]=;:,\"\\/*#@-+.0123456789eExXLinks \n\t\xff\x01";
	std::mt19937 random(9293);
	unsigned refused = 0;

	ASSERT_EQ(refusal(good), "");
	for (size_t n = 0; n < good.size(); n++)
		refused += !refusal(good.substr(0, n)).empty();
	EXPECT_GT(refused, good.size() / 2);
	for (unsigned i = 0; i < 3000; i++) {
		std::string text = good;
		for (unsigned edits = 1 + random() % 4; edits > 0; edits--)
			text[random() % text.size()] = letters[random() % letters.size()];
		refusal(text);
	}
	for (unsigned i = 0; i < 2000; i++) {
		std::string text(random() % 200, ' ');
		for (char &c : text)
			c = i % 2 ? letters[random() % letters.size()]
				  : static_cast<char>(random());
		refusal(text);
	}
}

} // namespace
