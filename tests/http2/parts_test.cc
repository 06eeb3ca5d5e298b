// The parts that know no connection: percent-encoding, timeouts, gzip, framing, policies, sniffing.
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "http2/answer_head.h"
#include "http2/framing.h"
#include "http2/gzip.h"
#include "http2/message.h"
#include "http2/policy.h"
#include "http2/request_head.h"
#include "http2/sniff.h"
#include "tests/support/replay.h"

namespace detcd::http2 {
namespace {

TEST(PercentEncoding, EscapesAllButPrintableAsciiAndPercent) {
  EXPECT_EQ(percent_encode("etcdserver: no leader ~"), "etcdserver: no leader ~");
  EXPECT_EQ(percent_encode("100%\n\x7f\xc3\xa4"), "100%25%0A%7F%C3%A4");
}

TEST(PercentEncoding, DecodingKeepsWhatIsNotValid) {
  EXPECT_EQ(percent_decode("a%zzb%4"), "a%zzb%4");
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("%c3%A4%25"), "\xc3\xa4%");
}

TEST(PercentEncoding, RoundTripsAnyBytes) {
  EXPECT_TRUE(rc::check("decode(encode(x)) = x", [](const std::string& text) {
    RC_ASSERT(percent_decode(percent_encode(text)) == text);
  }));
}

TEST(GrpcTimeout, ParsesEveryUnit) {
  EXPECT_EQ(parse_grpc_timeout_ns("1H"), 3'600'000'000'000);
  EXPECT_EQ(parse_grpc_timeout_ns("2M"), 120'000'000'000);
  EXPECT_EQ(parse_grpc_timeout_ns("30S"), 30'000'000'000);
  EXPECT_EQ(parse_grpc_timeout_ns("250m"), 250'000'000);
  EXPECT_EQ(parse_grpc_timeout_ns("7u"), 7'000);
  EXPECT_EQ(parse_grpc_timeout_ns("0n"), 0);
  EXPECT_EQ(parse_grpc_timeout_ns("99999999H"), std::numeric_limits<std::int64_t>::max());
}

TEST(GrpcTimeout, RefusesWhatIsMalformed) {
  for (const char* text : {"", "S", "1", "1s", "-1S", "123456789n", "1.5S", " 1S", "1SS"}) {
    EXPECT_FALSE(parse_grpc_timeout_ns(text)) << text;
  }
}

TEST(GrpcTimeout, FormatIsNeverShorterThanAskedAndAlwaysParses) {
  EXPECT_EQ(format_grpc_timeout(-5), "0n");
  EXPECT_EQ(format_grpc_timeout(99'999'999), "99999999n");
  EXPECT_EQ(format_grpc_timeout(100'000'001), "100001u");
  EXPECT_TRUE(rc::check("rounds up by less than one part in 1000", [] {
    const auto ns = *rc::gen::inRange<std::int64_t>(1, std::numeric_limits<std::int64_t>::max());
    const auto parsed = parse_grpc_timeout_ns(format_grpc_timeout(ns));
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(*parsed >= ns);
    RC_ASSERT(*parsed - ns <= ns / 1000 + 1);
  }));
}

TEST(Gzip, RoundTripsAnyBytes) {
  EXPECT_TRUE(rc::check("gunzip(gzip(x)) = x", [](const std::string& text) {
    const std::string big = text + std::string(*rc::gen::inRange<std::size_t>(0, 100'000), 'x');
    const auto back = gunzip(gzip(big), big.size());
    RC_ASSERT(back.ok());
    RC_ASSERT(*back == big);
  }));
}

TEST(Gzip, BombStopsAtTheLimit) {
  const std::string bomb = gzip(std::string(50 << 20, '\0'));
  ASSERT_LT(bomb.size(), 1u << 20);
  EXPECT_EQ(gunzip(bomb, 2 << 20).error().code, Errc::kTooLarge);
  EXPECT_TRUE(gunzip(gzip(std::string(1000, 'a')), 1000).ok());
  EXPECT_EQ(gunzip(gzip(std::string(1000, 'a')), 999).error().code, Errc::kTooLarge);
}

TEST(Gzip, DamageIsSeen) {
  const std::string good = gzip("some text that is long enough to have a body");
  EXPECT_EQ(gunzip("", 100).error().code, Errc::kDamaged);
  EXPECT_EQ(gunzip("not gzip at all", 100).error().code, Errc::kDamaged);
  for (std::size_t size = 1; size < good.size(); ++size) {
    EXPECT_FALSE(gunzip(good.substr(0, size), 100).ok()) << size;
  }
  std::string flipped = good;
  flipped[good.size() - 6] ^= 1;  // Inside the checksum.
  EXPECT_EQ(gunzip(flipped, 100).error().code, Errc::kDamaged);
  EXPECT_EQ(*gunzip(gzip("ab") + gzip("cd"), 100), "abcd");
}

std::string frame(std::string_view message, char flag = '\0') {
  std::string out(1, flag);
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(message.size() >> shift));
  }
  return out.append(message);
}

GrpcStatus failure_of(std::string_view input, Encoding encoding) {
  Deframer deframer;
  deframer.begin(encoding, 10);
  return deframer.step(input) == Deframer::Step::kFailed ? deframer.failure() : GrpcStatus{};
}

TEST(Deframer, FailsWithGrpcGosTexts) {
  EXPECT_EQ(failure_of(frame("12345678901"), Encoding::kIdentity),
            (GrpcStatus{8, "grpc: received message larger than max (11 vs. 10)"}));
  EXPECT_EQ(failure_of(frame("1", '\1'), Encoding::kIdentity),
            (GrpcStatus{13, "grpc: compressed flag set with identity or empty encoding"}));
  EXPECT_EQ(failure_of(frame("1", '\7'), Encoding::kGzip),
            (GrpcStatus{13, "grpc: received unexpected payload format 7"}));
  EXPECT_EQ(failure_of(frame("1", '\1'), Encoding::kGzip).code, 13u);
  const std::string zeros = gzip(std::string(8, '\0'));
  ASSERT_GT(zeros.size(), 10u);
  EXPECT_EQ(failure_of(frame("123456789", '\0'), Encoding::kGzip).code, 0u);
}

TEST(Deframer, AnyCutGivesTheSameMessages) {
  EXPECT_TRUE(rc::check("any cut gives the same messages", [] {
    const auto messages =
        *rc::gen::container<std::vector<std::string>>(rc::gen::arbitrary<std::string>());
    OutputQueue queue;
    for (const std::string& message : messages) {
      queue.push(Bytes(message), *rc::gen::element(Encoding::kIdentity, Encoding::kGzip));
    }
    Deframer deframer;
    deframer.begin(Encoding::kGzip, 1 << 20);
    std::vector<std::string> seen;
    while (!queue.empty()) {
      std::string bytes;
      queue.move_to(bytes, std::min(queue.bytes(), *rc::gen::inRange<std::size_t>(1, 9)));
      std::string_view input = bytes;
      while (!input.empty()) {
        const Deframer::Step step = deframer.step(input);
        RC_ASSERT(step != Deframer::Step::kFailed);
        if (step == Deframer::Step::kMessage) seen.push_back(deframer.take_message().str());
      }
    }
    RC_ASSERT(deframer.between_messages());
    RC_ASSERT(seen == messages);
  }));
}

TEST(PingPolicy, ThirdStrikeEnds) {
  PingPolicy policy(5s);
  TimePoint now{};
  EXPECT_TRUE(policy.accept(now, true));
  EXPECT_TRUE(policy.accept(now += 5s, true));
  EXPECT_TRUE(policy.accept(now += 4s, true));
  EXPECT_TRUE(policy.accept(now += 4s, true));
  EXPECT_FALSE(policy.accept(now += 4s, true));
}

TEST(PingPolicy, WithoutStreamsTwoHoursApart) {
  PingPolicy policy(5s);
  TimePoint now{};
  EXPECT_TRUE(policy.accept(now, false));
  EXPECT_TRUE(policy.accept(now += 7200s, false));
  EXPECT_TRUE(policy.accept(now += 60s, false));
  EXPECT_TRUE(policy.accept(now += 60s, false));
  EXPECT_FALSE(policy.accept(now += 60s, false));
}

TEST(PingPolicy, AnswersForgive) {
  PingPolicy policy(5s);
  TimePoint now{};
  for (int round = 0; round < 20; ++round) {
    EXPECT_TRUE(policy.accept(now, true));
    EXPECT_TRUE(policy.accept(now, true));
    policy.answer_sent();
    EXPECT_TRUE(policy.accept(now, true));
  }
}

TEST(RateLimit, CountsPerSecond) {
  RateLimit limit(3);
  TimePoint now{};
  for (int second = 0; second < 5; ++second) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.accept(now));
    EXPECT_FALSE(limit.accept(now + 999ms));
    now += 1s;
  }
}

TEST(Sniff, TellsPrefaceFromRest) {
  EXPECT_EQ(sniff(""), Protocol::kNeedsMore);
  for (std::size_t size = 0; size < kPreface.size(); ++size) {
    EXPECT_EQ(sniff(kPreface.substr(0, size)), Protocol::kNeedsMore);
  }
  EXPECT_EQ(sniff(kPreface), Protocol::kHttp2);
  EXPECT_EQ(sniff(std::string(kPreface) + "xyz"), Protocol::kHttp2);
  EXPECT_EQ(sniff("G"), Protocol::kHttp1);
  EXPECT_EQ(sniff("PRI * HTTP/1.1\r\n"), Protocol::kHttp1);
  EXPECT_EQ(sniff("PUT /v2/keys HTTP/1.1\r\n"), Protocol::kHttp1);
}

TEST(ContentType, IsGrpcsOrNot) {
  for (const char* good : {"application/grpc", "application/grpc+proto", "application/grpc;x"}) {
    EXPECT_TRUE(is_grpc_content_type(good)) << good;
  }
  for (const char* bad : {"", "application/json", "application/grpc-web", "application/grp"}) {
    EXPECT_FALSE(is_grpc_content_type(bad)) << bad;
  }
  EXPECT_EQ(answer_content_type("application/grpc+proto"), "application/grpc+proto");
  EXPECT_EQ(answer_content_type("application/grpc+"), "application/grpc");
  EXPECT_EQ(answer_content_type("text/html"), "application/grpc");
}

TEST(StatusMapping, IsGrpcs) {
  EXPECT_EQ(grpc_code_of_http_status(400), 13u);
  EXPECT_EQ(grpc_code_of_http_status(401), 16u);
  EXPECT_EQ(grpc_code_of_http_status(403), 7u);
  EXPECT_EQ(grpc_code_of_http_status(404), 12u);
  EXPECT_EQ(grpc_code_of_http_status(429), 14u);
  EXPECT_EQ(grpc_code_of_http_status(503), 14u);
  EXPECT_EQ(grpc_code_of_http_status(415), 2u);
  EXPECT_EQ(grpc_code_of_reset(0x7), 14u);  // REFUSED_STREAM
  EXPECT_EQ(grpc_code_of_reset(0x8), 1u);   // CANCEL
  EXPECT_EQ(grpc_code_of_reset(0xb), 8u);   // ENHANCE_YOUR_CALM
  EXPECT_EQ(grpc_code_of_reset(0xc), 7u);   // INADEQUATE_SECURITY
  EXPECT_EQ(grpc_code_of_reset(0x2), 13u);  // INTERNAL_ERROR
}

}  // namespace
}  // namespace detcd::http2
