#include "http1/parser.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/replay.h"

namespace detcd::http1 {
namespace {

std::vector<Request> parse_all(RequestParser& parser, std::string_view bytes) {
  std::vector<Request> out;
  parser.feed(bytes);
  while (auto request = parser.next()) out.push_back(std::move(*request));
  return out;
}

TEST(Http1Parser, GetWithoutBody) {
  RequestParser parser;
  const auto requests =
      parse_all(parser, "GET /health?serializable=true HTTP/1.1\r\nHost: a:1\r\nX-Y:  z \r\n\r\n");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, "GET");
  EXPECT_EQ(requests[0].target, "/health?serializable=true");
  EXPECT_EQ(requests[0].minor_version, 1u);
  EXPECT_EQ(requests[0].headers, (Headers{{"host", "a:1"}, {"x-y", "z"}}));
  EXPECT_TRUE(requests[0].keep_alive);
  EXPECT_EQ(requests[0].header("x-y"), "z");
  EXPECT_FALSE(requests[0].header("x-z"));
  EXPECT_TRUE(parser.idle());
}

TEST(Http1Parser, PipelinedRequestsComeOutInOrder) {
  RequestParser parser;
  const auto requests = parse_all(parser,
                                  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                                  "POST /b HTTP/1.1\r\nHost: h\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n"
                                  "2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
                                  "\r\nHEAD /c HTTP/1.0\r\n\r\n"
                                  "GET /d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET");
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[0].body, "abc");
  EXPECT_EQ(requests[1].body, "def");
  EXPECT_EQ(requests[2].method, "HEAD");
  EXPECT_FALSE(requests[2].keep_alive);
  EXPECT_EQ(requests[2].minor_version, 0u);
  EXPECT_FALSE(requests[3].keep_alive);
  EXPECT_FALSE(parser.idle());
  EXPECT_FALSE(parser.failure());
}

TEST(Http1Parser, AnyCutOfTheBytesGivesTheSameRequests) {
  const std::string input =
      "POST /v3/kv/put HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n{\"key\":\"a\"}"
      "POST /v3/kv/range HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_TRUE(rc::check("any cut gives the same requests", [&] {
    RequestParser parser;
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < input.size();) {
      const auto size = *rc::gen::inRange<std::size_t>(1, 40);
      for (const Request& request : parse_all(parser, std::string_view(input).substr(at, size))) {
        seen.push_back(request.method + ' ' + request.target + ' ' + request.body);
      }
      at += size;
    }
    RC_ASSERT(!parser.failure());
    RC_ASSERT(seen == (std::vector<std::string>{"POST /v3/kv/put {\"key\":\"a\"}",
                                                "POST /v3/kv/range hello", "GET / "}));
  }));
}

struct Refused {
  std::string input;
  std::uint32_t status;
};

TEST(Http1Parser, RefusesWhatIsNoRequestOrTooMuch) {
  const std::vector<Refused> cases = {
      {"\x16\x03\x01 not http\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
       "Transfer-Encoding: chunked\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n80\r\n" +
           std::string(128, 'x') + "\r\n0\r\n\r\n",
       413},
      {"GET /" + std::string(2000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'a'), 431},
      {std::string(5000, 'a'), 431},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 200-ok\r\n\r\n", 417},
  };
  for (const Refused& refused : cases) {
    RequestParser parser({.header_bytes_max = 1024, .body_bytes_max = 100});
    EXPECT_TRUE(parse_all(parser, refused.input).empty()) << refused.input;
    ASSERT_TRUE(parser.failure()) << refused.input;
    EXPECT_EQ(parser.failure()->status, refused.status) << refused.input;
    parser.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_FALSE(parser.next());
  }
}

TEST(Http1Parser, SaysContinueOnceAndOnlyForABodyThatFits) {
  RequestParser parser({.body_bytes_max = 10});
  parser.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_FALSE(parser.next());
  EXPECT_TRUE(parser.take_continue());
  EXPECT_FALSE(parser.take_continue());
  parser.feed("ab");
  EXPECT_EQ(parser.next()->body, "ab");
  parser.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_FALSE(parser.take_continue());
  EXPECT_EQ(parser.failure()->status, 413u);
}

TEST(Http1Parser, RandomBytesNeverCrash) {
  EXPECT_TRUE(rc::check("random bytes end in a request, a failure or a wait", [] {
    RequestParser parser({.header_bytes_max = 256, .body_bytes_max = 64});
    const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(
        rc::gen::element<std::string>("GET / HTTP/1.1\r\n", "Host: a\r\n", "\r\n", "HTTP/1.1",
                                      "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
                                      "3\r\nabc\r\n", "0\r\n\r\n", "PUT ", "\n", ": "),
        rc::gen::arbitrary<std::string>()));
    for (const std::string& piece : pieces) parse_all(parser, piece);
    if (parser.failure()) RC_ASSERT(parser.failure()->status >= 400u);
  }));
}

TEST(Http1Answer, HasLengthAndKeepsTheConnection) {
  const Response response{.status = 404,
                          .headers = {{"Content-Type", "text/plain"}, {"X", "a\r\nb"}},
                          .body = "404 page not found\n"};
  EXPECT_EQ(serialize(response, {}),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nX: a  b\r\n"
            "Content-Length: 19\r\n\r\n404 page not found\n");
  EXPECT_EQ(serialize(response, {.head_only = true, .keep_alive = false}),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nX: a  b\r\n"
            "Content-Length: 19\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(serialize({.status = 204}, {.minor_version = 0}),
            "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(serialize({.status = 421}, {}),
            "HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n");
}

TEST(Http1Answer, StreamsInChunksOrUntilClose) {
  const Response response{.body = "first"};
  EXPECT_EQ(serialize_stream_head(response, {}) + serialize_chunk("", {}) +
                serialize_chunk(std::string(17, 'x'), {}) + serialize_stream_end({}),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
            "11\r\nxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n");
  const AnswerForm old{.minor_version = 0};
  EXPECT_EQ(serialize_stream_head(response, old) + serialize_chunk("more", old) +
                serialize_stream_end(old),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfirstmore");
}

}  // namespace
}  // namespace detcd::http1
