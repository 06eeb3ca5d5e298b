#include "bootstrap/url.h"

#include <gtest/gtest.h>

#include <utility>

namespace detcd::bootstrap {
namespace {

TEST(Url, SplitsHostAndPort) {
  const Result<Url> name = parse_url("http://localhost:2380");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->hostname(), "localhost");
  EXPECT_EQ(name->port(), "2380");
  const Result<Url> six = parse_url("https://[::1]:2379");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->hostname(), "::1");
  EXPECT_EQ(six->port(), "2379");
  EXPECT_TRUE(six->is_secure());
  EXPECT_EQ(six->str(), "https://[::1]:2379");
}

TEST(Url, TakesSocketsOfUnix) {
  const Result<Url> path = parse_url("unix:///run/detcd.sock");
  ASSERT_TRUE(path);
  EXPECT_TRUE(path->is_unix());
  EXPECT_EQ(path->path, "/run/detcd.sock");
  EXPECT_EQ(parse_url("unixs://localhost:1")->host, "localhost:1");
}

// Recorded from etcd 3.5.16: `etcd --listen-peer-urls TEXT`.
TEST(Url, ErrorsAreThoseOfEtcd) {
  const std::pair<const char*, const char*> cases[] = {
      {"abc", "URL scheme must be http, https, unix, or unixs: abc"},
      {"", "URL scheme must be http, https, unix, or unixs: "},
      {"ftp://a:1", "URL scheme must be http, https, unix, or unixs: ftp://a:1"},
      {"localhost:2380", "URL scheme must be http, https, unix, or unixs: localhost:2380"},
      {"127.0.0.1:2380",
       "parse \"127.0.0.1:2380\": first path segment in URL cannot contain colon"},
      {"http://a", "URL address does not have the form \"host:port\": http://a"},
      {"http://::1:2380", "URL address does not have the form \"host:port\": http://::1:2380"},
      {"http://a:1/x", "URL must not contain a path: http://a:1/x"},
      {"http://a b:1", "parse \"http://a b:1\": invalid character \" \" in host name"},
      {"http://[::1:1", "parse \"http://[::1:1\": missing ']' in host"},
      {"http://127.0.0.1:abc", "parse \"http://127.0.0.1:abc\": invalid port \":abc\" after host"},
      {"unix://localhost:m1", "parse \"unix://localhost:m1\": invalid port \":m1\" after host"},
  };
  for (const auto& [text, message] : cases) {
    const Result<Url> url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().message, message);
  }
}

TEST(Urls, AreSortedAndNotRepeated) {
  const Result<Urls> urls = parse_urls("http://b:1, http://a:1,http://b:1");
  ASSERT_TRUE(urls);
  EXPECT_EQ(strings(*urls), (std::vector<std::string>{"http://a:1", "http://b:1"}));
  EXPECT_FALSE(parse_urls("http://a:1,,http://b:1"));
}

TEST(Ip, IsToldFromNames) {
  for (const char* ip : {"127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1", "fe80::1",
                         "1::", "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1"}) {
    EXPECT_TRUE(is_ip(ip)) << ip;
  }
  for (const char* name :
       {"", "localhost", "1.2.3", "256.1.1.1", "01.2.3.4", "1.2.3.4.5", ":::", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1::2::3", "g::1", ":1", "12345::"}) {
    EXPECT_FALSE(is_ip(name)) << name;
  }
}

TEST(Binding, NeedsAnAddress) {
  EXPECT_TRUE(check_bind_urls(*parse_urls("http://0.0.0.0:1,http://localhost:1,unix://x:1")));
  EXPECT_EQ(check_bind_urls(*parse_urls("http://foo:2380")).error().message,
            "expected IP in URL for binding (http://foo:2380)");
  EXPECT_EQ(check_host_urls(*parse_urls("http://:4444")).error().message,
            "unexpected empty host (http://:4444)");
}

}  // namespace
}  // namespace detcd::bootstrap
