// SPDX-License-Identifier: BSD-3-Clause
// The HTTP server of mode = "respond": what a request's head says (RFC 9110, 9112), and whole
// conversations.
#include <ctime>

#include "caller.h"

extern "C" {
#include "text.h"
}

using namespace sl_test;

namespace
{

// The head, in memory of its own length, so that a sanitizer sees a byte too far.
sl_http_request parse(const std::string &head)
{
	const std::unique_ptr<char[]> copy(new char[head.size()]);
	std::memcpy(copy.get(), head.data(), head.size());
	return sl_http_request_parse(copy.get(), static_cast<uint32_t>(head.size()));
}

// A request with those fields beside Host.
std::string with(const std::string &fields, const std::string &line = "GET / HTTP/1.1")
{
	return line + "\r\nHost: x\r\n" + fields + "\r\n";
}

unsigned status_of(const std::string &head)
{
	return parse(head).status;
}

// Of a request with this line, and with Host.
unsigned status_of_line(const std::string &line)
{
	return status_of(with("", line));
}

const std::string kGet = with("");

TEST(HttpHead, AnyTokenIsAMethod)
{
	RecordProperty("source", "RFC 9110 9.1, 5.6.2");
	EXPECT_EQ(status_of_line("GET / HTTP/1.1"), 200u);
	EXPECT_EQ(status_of_line("HEAD / HTTP/1.1"), 200u);
	for (const char *known : {"POST", "PUT", "DELETE", "CONNECT", "TRACE", "PATCH", "OPTIONS"})
		EXPECT_EQ(status_of_line(std::string(known) + " / HTTP/1.1"), 405u) << known;
	for (const char *unknown :
	     {"get", "Get", "GETT", "GE", "BREW", "M-SEARCH", "!#$%&'*+-.^_`|~9"})
		EXPECT_EQ(status_of_line(std::string(unknown) + " / HTTP/1.1"), 501u) << unknown;
	for (const char *none :
	     {"", "G(T", "G/T", "G\tT", "G:T", "G\"T", "G\x7fT", "G\x80T", "{GET}"})
		EXPECT_EQ(status_of_line(std::string(none) + " / HTTP/1.1"), 400u) << none;
	EXPECT_EQ(status_of(std::string("G\0T / HTTP/1.1\r\nHost: x\r\n\r\n", 28)), 400u);
}

TEST(HttpHead, APageIsAtTheRootAndNowhereElse)
{
	RecordProperty("source", "RFC 9112 3.2");
	for (const char *root :
	     {"/", "/?", "/?a=b&c", "/??", "/?a/b", "http://x/", "http://x", "http://x:80/?q",
	      "http://x?q", "http://x?q/r", "HTTP://x/", "hTTp://[2001:db8::2]:80/"})
		EXPECT_EQ(status_of_line("GET " + std::string(root) + " HTTP/1.1"), 200u) << root;
	for (const char *other : {"/x", "//", "/%2f", "*", "x", "x:80", "http:/x/", "http://x/y",
				  "https://x/", "/#", "?", "/\x80"})
		EXPECT_EQ(status_of_line("GET " + std::string(other) + " HTTP/1.1"), 404u) << other;
}

TEST(HttpHead, AbsoluteFormWithoutAHostIsInvalid)
{
	RecordProperty("source", "RFC 9110 4.2.1");
	for (const char *none : {"http://", "http:///", "http://?q", "http:///y"})
		EXPECT_EQ(status_of_line("GET " + std::string(none) + " HTTP/1.1"), 400u) << none;
}

TEST(HttpHead, ARequestLineHasThreePartsAndASpaceBetween)
{
	RecordProperty("source", "RFC 9112 3");
	for (const char *line :
	     {"GET", "GET ", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET /  HTTP/1.1",
	      "GET\t/ HTTP/1.1", " GET / HTTP/1.1", "GET /a b HTTP/1.1", "GET  HTTP/1.1",
	      "GET /\x01 HTTP/1.1", "GET /\x7f HTTP/1.1", "GET /\r HTTP/1.1", "GET /\t HTTP/1.1",
	      "/ GET HTTP/1.1", "HTTP/1.1 200 OK"})
		EXPECT_EQ(status_of_line(line), 400u) << line;
	EXPECT_EQ(status_of(std::string("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 29)), 400u);
}

TEST(HttpHead, OneDotAnythingIsSpoken)
{
	RecordProperty("source", "RFC 9112 2.3, RFC 9110 2.5");
	for (const char *spoken : {"HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/1.9"})
		EXPECT_EQ(status_of_line("GET / " + std::string(spoken)), 200u) << spoken;
	for (const char *other : {"HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/2.1", "HTTP/9.9"})
		EXPECT_EQ(status_of_line("GET / " + std::string(other)), 505u) << other;
	for (const char *none :
	     {"http/1.1", "HTTP/1", "HTTP/1.", "HTTP/1.10", "HTTP/11.1", "HTTP/1,1", "HTTP/x.1",
	      "HTTP/1.x", "HTTP 1.1", "HTTPS/1.1", "1.1", "HTTP/ 1.1", "HTTP/-1.1"})
		EXPECT_EQ(status_of_line("GET / " + std::string(none)), 400u) << none;
}

TEST(HttpHead, FieldsOfAnotherVersionAreNotJudged)
{
	EXPECT_EQ(status_of("PRI * HTTP/2.0\r\n\r\n"), 505u) << "RFC 9113 3.4";
	for (const char *version : {"0.9", "2.0", "2.1"}) {
		const std::string line = "GET / HTTP/" + std::string(version) + "\r\n";
		EXPECT_EQ(status_of(line + "\r\n"), 505u) << version;
		EXPECT_EQ(status_of(line + "what is this\r\n\r\n"), 505u) << version;
		EXPECT_FALSE(parse(line + "Connection: keep-alive\r\n\r\n").keep) << version;
	}
}

TEST(HttpHead, HostIsThereOnce)
{
	RecordProperty("source", "RFC 9112 3.2");
	EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400u);
	EXPECT_EQ(status_of("GET / HTTP/1.2\r\n\r\n"), 400u);
	EXPECT_EQ(status_of("GET http://x/ HTTP/1.1\r\n\r\n"), 400u);
	EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 200u);
	EXPECT_EQ(status_of(with("Host: x\r\n")), 400u);
	EXPECT_EQ(status_of(with("hOST: y\r\n")), 400u);
	EXPECT_EQ(status_of(with("Host: y\r\n", "GET / HTTP/1.0")), 400u);
	EXPECT_EQ(status_of("GET / HTTP/1.1\r\nhOsT:x\r\n\r\n"), 200u);
	EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHosts: x\r\n\r\n"), 400u);
}

TEST(HttpHead, HostHasTheCharactersOfOne)
{
	RecordProperty("source", "RFC 9112 3.2, RFC 3986 3.2.2");
	for (const char *host : {"", "x", "x:", "x:80", "192.0.2.1:8080", "[2001:db8::2]:80",
				 "a-b.example", "%41", "a_b!$&'()*+,;=~"})
		EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"),
			  200u)
			<< host;
	for (const char *none : {"a b", "x/", "http://x", "a@b", "x?", "x#", "<x>", "x\\", "\"x\"",
				 "x\x80", "x\x01", "x|y", "{x}", "x^", "x`"})
		EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: " + std::string(none) + "\r\n\r\n"),
			  400u)
			<< none;
}

TEST(HttpHead, ContentLengthIsANumber)
{
	RecordProperty("source", "RFC 9112 6.3, RFC 9110 8.6");
	const auto length = [](const std::string &value) {
		return parse(with("Content-Length: " + value + "\r\n"));
	};
	EXPECT_EQ(length("0").body, 0u);
	EXPECT_EQ(length("17").body, 17u);
	EXPECT_EQ(length(" \t17 \t").body, 17u);
	EXPECT_EQ(length("0000000000000000000000000017").body, 17u);
	EXPECT_EQ(length("17\r\ncontent-length: 17").body, 17u) << "twice the same";
	EXPECT_EQ(length("17\r\ncontent-length: 017").body, 17u);
	for (const char *wrong :
	     {"", "-1", "+1", "1.0", "0x10", "1 2", "17, 17", "17,", "x", "1e3",
	      "17\r\nContent-Length: 18", "0\r\nContent-Length: 1", "17\r\nContent-Length: x",
	      "x\r\nContent-Length: 17", "17\r\nContent-Length:"}) {
		EXPECT_EQ(length(wrong).status, 400u) << wrong;
		EXPECT_FALSE(length(wrong).keep) << wrong;
		EXPECT_EQ(length(wrong).body, 0u) << wrong;
	}
}

// What is too long to be passed over is answered, and the connection closed.
TEST(HttpHead, ContentThatIsTooLongEndsTheConnection)
{
	RecordProperty("source", "RFC 9110 8.6");
	const auto length = [](const std::string &value) {
		return parse(with("Content-Length: " + value + "\r\n"));
	};
	static_assert(SL_RESPOND_BODY_MAX == 1048576, "as below");
	EXPECT_TRUE(length("1048576").keep);
	EXPECT_EQ(length("1048576").body, 1048576u);
	for (const char *large :
	     {"1048577", "4294967295", "4294967296", "4294967297", "42949672960", "42949672970",
	      "18446744073709551615", "18446744073709551616", "18446744073709551633",
	      "184467440737095516160", "99999999999999999999999999999999999999"}) {
		EXPECT_EQ(length(large).status, 200u) << large;
		EXPECT_FALSE(length(large).keep) << large;
		EXPECT_EQ(length(large).body, 0u) << large;
	}
	EXPECT_EQ(length("42949672960\r\nContent-Length: 0").status, 400u);
	EXPECT_EQ(length("99999999999999999999999999x").status, 400u);
}

TEST(HttpHead, TransferCodingsAreNotRead)
{
	RecordProperty("source", "RFC 9112 6.1, 6.3");
	for (const char *coding : {"chunked", "gzip, chunked", "identity", ""}) {
		const std::string field = "Transfer-Encoding: " + std::string(coding) + "\r\n";
		EXPECT_EQ(status_of(with(field)), 501u) << coding;
		EXPECT_FALSE(parse(with(field)).keep) << coding;
		EXPECT_EQ(status_of(with(field, "POST / HTTP/1.1")), 501u) << coding;
		EXPECT_EQ(status_of(with(field, "GET / HTTP/1.0")), 501u) << coding;
		EXPECT_FALSE(
			parse(with(field + "Connection: keep-alive\r\n", "GET / HTTP/1.0")).keep)
			<< coding;
		EXPECT_EQ(status_of(with(field + "Content-Length: 5\r\n")), 400u) << coding;
		EXPECT_EQ(status_of(with("content-length: 5\r\n" + field)), 400u) << coding;
	}
}

TEST(HttpHead, ConnectionIsAListOfAnyCase)
{
	RecordProperty("source", "RFC 9112 9.3, RFC 9110 7.6.1");
	const auto keeps = [](const std::string &fields, const char *version = "1.1") {
		return parse(with(fields, std::string("GET / HTTP/") + version)).keep;
	};
	EXPECT_TRUE(keeps(""));
	EXPECT_TRUE(keeps("Connection: keep-alive\r\n"));
	EXPECT_TRUE(keeps("Connection: upgrade\r\n"));
	EXPECT_TRUE(keeps("Connection: closed, xclose, clos, \"close\"\r\n"));
	EXPECT_TRUE(keeps("Connection:\r\n"));
	EXPECT_TRUE(keeps("Connection: ,, ,\r\n"));
	EXPECT_TRUE(keeps("Xonnection: close\r\n"));
	for (const char *close :
	     {"close", "CLOSE", "Close", "keep-alive, close", "close, keep-alive",
	      "a,b ,\tcLoSe\t, c", ",close", "close,", "te,close"})
		EXPECT_FALSE(keeps("cONNECTION: " + std::string(close) + "\r\n")) << close;
	EXPECT_FALSE(keeps("Connection: a\r\nConnection: close\r\nConnection: b\r\n"));
	EXPECT_FALSE(keeps("", "1.0"));
	EXPECT_TRUE(keeps("Connection: Keep-Alive\r\n", "1.0"));
	EXPECT_TRUE(keeps("Connection: x, keep-alive\r\n", "1.0"));
	EXPECT_FALSE(keeps("Connection: keep-alive, close\r\n", "1.0"));
	EXPECT_FALSE(keeps("Keep-Alive: timeout=5\r\n", "1.0"));
	EXPECT_TRUE(keeps("", "1.2"));
}

TEST(HttpHead, ErrorsKeepTheConnectionWhenItsNextRequestCanBeFound)
{
	EXPECT_TRUE(parse(with("", "GET /x HTTP/1.1")).keep);
	EXPECT_TRUE(parse(with("", "POST / HTTP/1.1")).keep);
	EXPECT_EQ(parse(with("Content-Length: 9\r\n", "POST / HTTP/1.1")).body, 9u);
	EXPECT_TRUE(parse(with("", "BREW / HTTP/1.1")).keep);
	EXPECT_FALSE(parse(with("", "GET / HTTP/x")).keep);
	EXPECT_FALSE(parse(with("bad\r\n")).keep);
}

TEST(HttpHead, FieldLinesThatAreNoneAreRefused)
{
	RecordProperty("source", "RFC 9112 5, 5.1, 5.2; RFC 9110 5.5");
	for (const char *line :
	     {"X : y", "X\t: y", " X: y", "\tfolded", " folded", ": y", "X", "X y", "X\x01: y",
	      "X(: y", "X: a\rb", "X: \r", "X: a\r ", "\r", "X\r: y", "X\x80: y"})
		EXPECT_EQ(status_of(with(std::string(line) + "\r\n")), 400u) << line;
	EXPECT_EQ(status_of(with(std::string("X: a\0b\r\n", 8))), 400u);
	EXPECT_EQ(status_of(with(std::string("X: \0\r\n", 6))), 400u);
	EXPECT_EQ(status_of(with("A: b\r\n folded\r\n")), 400u);
	EXPECT_EQ(status_of("GET / HTTP/1.1\r\n Host: x\r\n\r\n"), 400u) << "RFC 9112 2.2";
	for (const char *line : {"X:", "X:y", "X: \t y \t", "X: y: z", "!#$%&'*+-.^_`|~9aZ: y",
				 "X: \x80\xff", "X: a\tb", "X: \x01"})
		EXPECT_EQ(status_of(with(std::string(line) + "\r\n")), 200u) << line;
}

TEST(HttpHead, LinesMayEndInLfAlone)
{
	RecordProperty("source", "RFC 9112 2.2");
	EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: x\n\n"), 200u);
	EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: x\r\n\n"), 200u);
	EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: x\n\r\n"), 200u);
	EXPECT_EQ(parse("GET / HTTP/1.1\nHost: x\nContent-Length: 7\n\n").body, 7u);
	EXPECT_EQ(status_of("GET / HTTP/1.1\r\r\nHost: x\r\n\r\n"), 400u);
}

TEST(HttpHead, HeadIsKnownWhateverIsWrongElsewhere)
{
	RecordProperty("source", "RFC 9110 9.3.2");
	for (const char *line : {"HEAD / HTTP/1.1", "HEAD /x HTTP/1.1", "HEAD / HTTP/1.0",
				 "HEAD / HTTP/2.0", "HEAD / HTTP/x", "HEAD http:// HTTP/1.1"})
		EXPECT_TRUE(parse(with("", line)).head) << line;
	EXPECT_TRUE(parse("HEAD / HTTP/1.1\r\n\r\n").head);
	EXPECT_TRUE(parse(with("Transfer-Encoding: chunked\r\n", "HEAD / HTTP/1.1")).head);
	for (const char *line : {"GET / HTTP/1.1", "head / HTTP/1.1", "HEADS / HTTP/1.1"})
		EXPECT_FALSE(parse(with("", line)).head) << line;
}

// Cut short anywhere, which the server does not do, it is still read within its bounds.
TEST(HttpHead, AnyBeginningOfOneIsReadWithinItsBounds)
{
	const std::string head =
		with("Content-Length: 12\r\nConnection: a, close\r\n", "HEAD http://x/?q HTTP/1.1");
	for (size_t n = 0; n <= head.size(); n++) {
		const sl_http_request r = parse(head.substr(0, n));
		EXPECT_TRUE(r.status == 400 || r.status == 200) << n;
	}
}

std::string http_date(uint64_t unix_s)
{
	char bytes[64];
	struct text t = {bytes, 0, sizeof(bytes)};
	text_http_date(&t, unix_s);
	return std::string(bytes, t.n);
}

std::string daytime(uint64_t unix_s)
{
	char bytes[64];
	struct text t = {bytes, 0, sizeof(bytes)};
	text_daytime(&t, unix_s);
	return std::string(bytes, t.n);
}

TEST(RespondText, DatesAreThoseOfTheCalendar)
{
	RecordProperty("source", "RFC 9110 5.6.7, RFC 867");
	EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
	EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT") << "the RFC's own";
	EXPECT_EQ(http_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
	EXPECT_EQ(http_date(1709164800), "Thu, 29 Feb 2024 00:00:00 GMT");
	EXPECT_EQ(http_date(1709251199), "Thu, 29 Feb 2024 23:59:59 GMT");
	EXPECT_EQ(http_date(1709251200), "Fri, 01 Mar 2024 00:00:00 GMT");
	EXPECT_EQ(http_date(4107542399), "Sun, 28 Feb 2100 23:59:59 GMT");
	EXPECT_EQ(http_date(4107542400), "Mon, 01 Mar 2100 00:00:00 GMT");
	EXPECT_EQ(http_date(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
	EXPECT_EQ(daytime(0), "Thursday, January 1, 1970 00:00:00-UTC");
	EXPECT_EQ(daytime(1709251199), "Thursday, February 29, 2024 23:59:59-UTC");
	EXPECT_EQ(daytime(4107542400), "Monday, March 1, 2100 00:00:00-UTC");
}

// Four centuries, and the one before them again, against the C library.
TEST(RespondText, EveryDayIsTheCLibrarys)
{
	for (time_t day = 0; day < 200000; day++)
		for (const time_t t : {day * 86400, day * 86400 + 86399}) {
			char expected[64];
			tm parts;
			ASSERT_NE(gmtime_r(&t, &parts), nullptr);
			std::strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT",
				      &parts);
			ASSERT_EQ(http_date(static_cast<uint64_t>(t)), expected);
			std::strftime(expected, sizeof(expected), "%A, %B %-d, %Y %H:%M:%S-UTC",
				      &parts);
			ASSERT_EQ(daytime(static_cast<uint64_t>(t)), expected);
		}
}

TEST(RespondText, WhatDoesNotFitIsCutOff)
{
	for (uint32_t room = 0; room < 40; room++) {
		const std::unique_ptr<char[]> bytes(new char[room]);
		struct text t = {bytes.get(), 0, room};
		text_http_date(&t, 0);
		text_number(&t, UINT64_MAX);
		EXPECT_EQ(t.n, room);
	}
}

/// An answer, as a client reads it.
struct Answer {
	unsigned status = 0;
	std::string reason, body;
	std::map<std::string, std::string> fields;
};

// The answers in a stream; `heads`: they have no bodies. All of it must be answers.
std::vector<Answer> answers_in(const std::string &stream, bool heads = false)
{
	std::vector<Answer> all;
	size_t at = 0;

	while (at < stream.size()) {
		const size_t end = stream.find("\r\n\r\n", at);
		if (end == std::string::npos || stream.compare(at, 9, "HTTP/1.1 ") != 0) {
			ADD_FAILURE() << "no answer: " << stream.substr(at);
			return all;
		}
		Answer a;
		a.status = static_cast<unsigned>(std::stoul(stream.substr(at + 9, 3)));
		size_t line = stream.find("\r\n", at);
		a.reason = stream.substr(at + 13, line - at - 13);
		while (line < end) {
			const size_t from = line + 2, colon = stream.find(": ", from);
			line = stream.find("\r\n", from);
			EXPECT_LT(colon, line);
			EXPECT_TRUE(a.fields.emplace(stream.substr(from, colon - from),
						     stream.substr(colon + 2, line - colon - 2))
					    .second)
				<< "twice";
		}
		at = end + 4;
		if (!heads) {
			const size_t n = std::stoul(a.fields.at("Content-Length"));
			EXPECT_LE(n, stream.size() - at) << "cut short";
			a.body = stream.substr(at, n);
			at += a.body.size();
		}
		all.push_back(a);
	}
	return all;
}

RoadOptions http_options(uint32_t receive_buffer = 262144, uint32_t send_buffer = 262144)
{
	RoadOptions o;
	o.services = {responder("192.0.2.2", 80, SL_SERVER_HTTP)};
	o.services[0].receive_buffer = receive_buffer;
	o.services[0].send_buffer = send_buffer;
	return o;
}

class Http : public ::testing::Test
{
      protected:
	explicit Http(const RoadOptions &o = http_options())
	    : road(o), caller(road, "198.51.100.7", 1, [](sl_tcp_stack_config *c) {
		      c->options.no_delay = true; // what a test cuts stays cut
	      })
	{
		caller.watch = [this](const Sent &s) { resets += (s.seg.flags & SL_RST) != 0; };
	}
	int open()
	{
		return caller.open("192.0.2.2", 80);
	}
	/// All that is said to `text`, behind which the client closes.
	std::vector<Answer> ask(const std::string &text, bool heads = false)
	{
		return answers_in(caller.exchange(open(), text), heads);
	}
	/// All that comes until the box closes.
	std::string until_closed(int s)
	{
		std::string got;
		EXPECT_TRUE(caller.run_until([&] {
			got += caller.receive(s);
			return caller.state(s) == SL_TCP_CLOSE_WAIT;
		}));
		return got + caller.receive(s);
	}
	std::vector<unsigned> statuses(const std::string &text)
	{
		std::vector<unsigned> v;
		for (const Answer &a : ask(text))
			v.push_back(a.status);
		return v;
	}
	bool none_open() const
	{
		return road.p->relay.endpoints.n_free == road.p->relay.endpoints.n;
	}
	Road road;
	Caller caller;
	unsigned resets = 0; ///< RSTs that the box has sent
};

using Statuses = std::vector<unsigned>;

TEST_F(Http, AnAnswerSaysWhatItIs)
{
	const std::vector<Answer> all = ask(kGet);
	ASSERT_EQ(all.size(), 1u);
	const Answer &a = all[0];
	EXPECT_EQ(a.status, 200u);
	EXPECT_EQ(a.reason, "OK");
	EXPECT_EQ(a.fields.at("Date"), "Tue, 14 Nov 2023 22:13:20 GMT");
	EXPECT_EQ(a.fields.at("Server"), "sluice");
	EXPECT_EQ(a.fields.at("Content-Type"), "text/plain; charset=utf-8");
	EXPECT_EQ(a.fields.at("Connection"), "keep-alive");
	EXPECT_EQ(a.fields.count("Allow"), 0u);
	EXPECT_NE(a.body.find("requests         1\n"), std::string::npos);
	caller.settle();
	EXPECT_TRUE(none_open()) << "the client has closed first, and so has the box";
}

TEST_F(Http, ErrorsHaveTheirReasons)
{
	const std::vector<std::pair<std::string, std::string>> errors = {
		{with("", "GET /x HTTP/1.1"), "404 Not Found"},
		{with("", "POST / HTTP/1.1"), "405 Method Not Allowed"},
		{"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
		{with("", "BREW / HTTP/1.1"), "501 Not Implemented"},
		{with("", "GET / HTTP/2.0"), "505 HTTP Version Not Supported"},
		{with("X: " + std::string(4096, 'x') + "\r\n"),
		 "431 Request Header Fields Too Large"},
	};
	for (const auto &[request, reason] : errors) {
		const std::vector<Answer> all = ask(request);
		ASSERT_EQ(all.size(), 1u) << reason;
		EXPECT_EQ(std::to_string(all[0].status) + " " + all[0].reason, reason);
		EXPECT_EQ(all[0].body, reason + "\n");
		EXPECT_EQ(all[0].fields.count("Allow"), all[0].status == 405 ? 1u : 0u);
		if (all[0].status == 405) {
			EXPECT_EQ(all[0].fields.at("Allow"), "GET, HEAD") << "RFC 9110 15.5.6";
		}
	}
	EXPECT_EQ(resets, 0u);
}

TEST_F(Http, HeadIsAnsweredWithoutABody)
{
	RecordProperty("source", "RFC 9110 9.3.2");
	const std::string head = with("", "HEAD / HTTP/1.1");
	const std::vector<Answer> all =
		ask(head + with("", "HEAD /x HTTP/1.1") + head + with("", "HEAD / HTTP/2.0"), true);
	ASSERT_EQ(all.size(), 4u);
	EXPECT_EQ(all[0].status, 200u);
	EXPECT_EQ(all[1].status, 404u);
	EXPECT_EQ(all[1].fields.at("Content-Length"), "14");
	EXPECT_EQ(all[3].status, 505u);
	EXPECT_GT(std::stoul(all[0].fields.at("Content-Length")), 300u) << "what GET would bring";
}

TEST_F(Http, PipelinedRequestsAreAnsweredInTheirOrder)
{
	RecordProperty("source", "RFC 9112 9.3.2");
	EXPECT_EQ(statuses(kGet + with("", "GET /x HTTP/1.1") + with("", "PUT / HTTP/1.1") + kGet),
		  (Statuses{200, 404, 405, 200}));
	// More than one call answers.
	const unsigned n = 5 * SL_RESPOND_REQUESTS + 3;
	std::string many;
	for (unsigned i = 0; i < n; i++)
		many += kGet;
	const std::vector<Answer> all = ask(many);
	ASSERT_EQ(all.size(), n);
	for (unsigned i = 0; i < n; i++)
		EXPECT_NE(all[i].body.find("requests         " + std::to_string(i + 1) + "\n"),
			  std::string::npos);
}

TEST_F(Http, NothingIsAnsweredBehindTheLast)
{
	EXPECT_EQ(statuses(kGet + with("Connection: close\r\n") + kGet + kGet),
		  (Statuses{200, 200}));
	EXPECT_EQ(statuses("GET / HTTP/1.0\r\n\r\n" + kGet), (Statuses{200}));
	EXPECT_EQ(statuses("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + kGet),
		  (Statuses{200, 200}));
	EXPECT_EQ(statuses("nonsense\r\n\r\n" + kGet), (Statuses{400}));
	EXPECT_EQ(statuses(with("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.1") + "0\r\n\r\n" +
			   kGet),
		  (Statuses{501}));
	EXPECT_EQ(statuses(with("Content-Length: 1048577\r\n") + kGet), (Statuses{200}));
	EXPECT_EQ(statuses("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), (Statuses{505}));
	EXPECT_EQ(resets, 0u);
}

TEST_F(Http, TheAnswerSaysWhetherTheConnectionStays)
{
	for (const auto &[request, says] : std::vector<std::pair<std::string, std::string>>{
		     {kGet, "keep-alive"},
		     {with("Connection: close\r\n"), "close"},
		     {"GET / HTTP/1.0\r\n\r\n", "close"},
		     {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive"}}) {
		const std::vector<Answer> all = ask(request);
		ASSERT_EQ(all.size(), 1u);
		EXPECT_EQ(all[0].fields.at("Connection"), says) << request;
	}
}

TEST_F(Http, EmptyLinesBeforeARequestAreNone)
{
	RecordProperty("source", "RFC 9112 2.2");
	EXPECT_EQ(statuses("\r\n" + kGet), (Statuses{200}));
	EXPECT_EQ(statuses("\n\n\r\n" + kGet + "\r\n\r\n" + kGet), (Statuses{200, 200}));
	EXPECT_EQ(statuses(std::string(20000, '\n') + kGet), (Statuses{200}));
	EXPECT_EQ(statuses("\r\n"), Statuses());
	EXPECT_EQ(statuses(kGet + "\r\n"), (Statuses{200})) << "the FIN behind them is seen";
	EXPECT_EQ(statuses(with("Content-Length: 3\r\n", "POST / HTTP/1.1") + "abc\r\n"),
		  (Statuses{405}));
	caller.settle();
	EXPECT_TRUE(none_open());
	// They are no sign of life.
	const int s = open();
	for (int i = 0; i < 8; i++) {
		caller.send(s, "\r\n");
		caller.run(10000000);
	}
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent), 1u);
}

TEST_F(Http, ARequestMayBeCutAnywhere)
{
	const std::string request =
		"\r\n" + with("Content-Length: 5\r\nX: y\r\n", "POST / HTTP/1.1") + "body\n";
	const int s = open();

	for (size_t cut = 1; cut < request.size(); cut++) {
		std::string got;
		caller.send(s, request.substr(0, cut));
		caller.run(10000);
		caller.send(s, request.substr(cut));
		ASSERT_TRUE(caller.run_until([&] {
			got += caller.receive(s);
			return got.find("405 Method Not Allowed\n") != std::string::npos;
		})) << cut;
		ASSERT_EQ(answers_in(got).size(), 1u) << cut;
	}
	EXPECT_EQ(answers_in(caller.exchange(s, with("Content-Length: 0\r\n"))).size(), 1u);
}

TEST_F(Http, ARequestMayComeByteByByte)
{
	const std::string request = kGet + "GET / HTTP/1.1\nHost: x\n\n";
	const int s = open();
	std::string got;

	for (const char c : request) {
		caller.send(s, std::string(1, c));
		caller.run(3000);
		got += caller.receive(s);
	}
	caller.settle();
	EXPECT_EQ(answers_in(got + caller.receive(s)).size(), 2u);
}

std::string head_of(size_t bytes)
{
	const std::string bare = with("X: \r\n");
	return with("X: " + std::string(bytes - bare.size(), 'x') + "\r\n");
}

TEST_F(Http, AHeadHasFourKilobytesAtMost)
{
	static_assert(SL_RESPOND_HEAD_MAX == 4096, "as below");
	ASSERT_EQ(head_of(4096).size(), 4096u);
	EXPECT_EQ(statuses(head_of(4096) + kGet), (Statuses{200, 200}));
	EXPECT_EQ(statuses(head_of(4097) + kGet), (Statuses{431}));
	EXPECT_EQ(statuses(std::string(100000, 'x')), (Statuses{431}));
	EXPECT_EQ(statuses("\r\n" + head_of(4096)), (Statuses{200})) << "empty lines do not count";
	EXPECT_EQ(resets, 0u);
	// It is refused when the byte too many comes, and not before.
	const int s = open();
	caller.send(s, head_of(4097).substr(0, 4095));
	caller.settle();
	EXPECT_EQ(caller.receive(s), "");
	caller.send(s, "x");
	EXPECT_EQ(answers_in(until_closed(s)).at(0).status, 431u);
}

TEST_F(Http, ABodyIsPassedOver)
{
	const auto post = [](size_t n) {
		return with("Content-Length: " + std::to_string(n) + "\r\n", "POST / HTTP/1.1") +
		       std::string(n, '\n');
	};
	EXPECT_EQ(statuses(post(0) + kGet), (Statuses{405, 200}));
	EXPECT_EQ(statuses(post(1) + kGet), (Statuses{405, 200}));
	EXPECT_EQ(statuses(post(SL_RESPOND_BODY_MAX) + post(70000) + kGet),
		  (Statuses{405, 405, 200}));
	EXPECT_EQ(statuses(with("Content-Length: " + std::to_string(kGet.size()) + "\r\n") + kGet +
			   kGet),
		  (Statuses{200, 200}))
		<< "a request in a body is none";
	// One that the client cuts short.
	EXPECT_EQ(statuses(with("Content-Length: 9\r\n") + "x"), (Statuses{200}));
	caller.settle();
	EXPECT_TRUE(none_open());
}

TEST_F(Http, AFinInTheMiddleOfAHeadIsABadRequest)
{
	RecordProperty("source", "RFC 9112 8");
	for (size_t n = 1; n < kGet.size(); n++)
		ASSERT_EQ(statuses(kGet.substr(0, n)), (Statuses{400})) << n;
	EXPECT_EQ(statuses(""), Statuses());
	caller.settle();
	EXPECT_TRUE(none_open());
	EXPECT_EQ(resets, 0u);
}

TEST_F(Http, WhatComesBehindTheLastAnswerIsNoReasonForAReset)
{
	RecordProperty("source", "RFC 9112 9.6");
	const int s = open();
	caller.send(s, with("Connection: close\r\n") + std::string(50000, 'x'));
	const std::string got = until_closed(s);
	EXPECT_EQ(answers_in(got).size(), 1u);
	for (int i = 0; i < 20; i++) {
		caller.send(s, std::string(20000, 'y'));
		caller.run(100000);
	}
	EXPECT_EQ(caller.state(s), SL_TCP_CLOSE_WAIT);
	sl_socket_close(caller.stack, s);
	caller.settle();
	EXPECT_EQ(road.states(), "TIME-WAIT CLOSED");
	EXPECT_EQ(resets, 0u);
	EXPECT_EQ(road.events(SL_EVENT_rst_sent), 0u);
}

// The window of a client that reads late is full of answers; its other requests wait.
TEST_F(Http, AnswersWaitForRoom)
{
	const unsigned n = 1500;
	std::string many, got;
	for (unsigned i = 0; i < n; i++)
		many += kGet;
	const int s = open();
	ASSERT_EQ(caller.send(s, many), static_cast<int64_t>(many.size()));
	caller.run(5000000);
	EXPECT_EQ(road.states(), "ESTABLISHED CLOSED");
	EXPECT_GT(road.info().tcp.send_queue, 262144u - 2048);
	EXPECT_FALSE(sl_pipeline_has_work(road.p.get())) << "nothing is done meanwhile";
	caller.run_until([&] {
		got += caller.receive(s);
		return got.find("requests         1500\n") != std::string::npos;
	});
	caller.settle();
	EXPECT_EQ(answers_in(got + caller.receive(s)).size(), n);
}

class HttpSmall : public Http
{
      protected:
	HttpSmall() : Http(http_options(2048, 2048))
	{
	}
};

// The smallest buffers that can be configured: what does not fit can't ever come whole.
TEST_F(HttpSmall, AHeadThatTheBufferDoesNotHoldIsRefused)
{
	EXPECT_EQ(statuses(head_of(2048) + kGet), (Statuses{200, 200}));
	EXPECT_EQ(statuses(head_of(3000) + kGet), (Statuses{431}));
	EXPECT_EQ(statuses(kGet + kGet + kGet), (Statuses{200, 200, 200}));
	EXPECT_EQ(road.events(SL_EVENT_reclaimed_silent), 0u);
	EXPECT_EQ(resets, 0u);
}

} // namespace
