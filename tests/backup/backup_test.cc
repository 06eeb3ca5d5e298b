// The file of a snapshot: what etcd's buckets hold of an applied state, that the size is known
// before the first byte, and that neither writes, compactions nor sweeps meanwhile change it.
#include "backup/work.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "auth/types.h"
#include "backup/buckets.h"
#include "base/crc32c.h"
#include "tests/apply/support.h"
#include "tests/support/bbolt_reader.h"

namespace detcd::backup {
namespace {

using apply::Driver;
using Items = test::BboltReader::Items;

Contents contents(const apply::Applier& applier, Schema schema = Schema::k37) {
  return contents_of(applier, {.schema = schema, .voters = {7, 300}, .learners = {}});
}

// `between` is called between steps.
template <class Between>
std::string write(FileWork& work, std::uint64_t units, const Between& between) {
  while (!std::holds_alternative<mvcc::Done>(work.measure({units}))) between();
  std::string file;
  for (;;) {
    while (!std::holds_alternative<mvcc::Done>(work.write({units}, 32'768))) between();
    const std::string piece = work.take(32'768);
    if (piece.empty()) break;
    file += piece;
    between();
  }
  EXPECT_EQ(file.size(), work.file_bytes());
  return file;
}

std::string file_of(const apply::Applier& applier, Schema schema = Schema::k37) {
  FileWork work(applier.store(), contents(applier, schema));
  return write(work, 10'000, [] {});
}

// HashKV as etcd computes it from the file: CRC-32C over "key" and all records, where no
// compaction has been.
std::uint32_t hash_kv(const test::BboltReader& reader) {
  std::uint32_t hash = crc32c("key");
  for (const auto& [key, value] : reader.bucket("key")) hash = crc32c(value, crc32c(key, hash));
  return hash;
}

TEST(Backup, HasEtcdsBucketsInOrder) {
  Driver driver;
  const std::string file = file_of(driver.applier());
  const test::BboltReader reader(file);
  EXPECT_EQ(reader.names(),
            (std::vector<std::string>{"alarm", "auth", "authRoles", "authUsers", "cluster", "key",
                                      "lease", "members", "members_removed", "meta"}));
}

TEST(Backup, RecordsHashAsHashKvSays) {
  Driver driver(700);
  for (int i = 0; i < 200; ++i) driver.put("k" + std::to_string(i % 17), std::to_string(i));
  driver.erase({.key = "k3"});
  const std::string file = file_of(driver.applier());
  const test::BboltReader reader(file);
  EXPECT_EQ(hash_kv(reader), std::get<apply::HashKvAnswer>(driver.hash(0)).hash);
  EXPECT_EQ(reader.bucket("key").size(), 201U);
}

TEST(Backup, AfterACompactionOnlyWhatItKeptIsThere) {
  Driver driver(700);
  for (int i = 0; i < 20; ++i) driver.put("k", std::to_string(i));
  driver.put("gone", "1");
  driver.erase({.key = "gone"});
  driver.compact(driver.applier().revision());
  const std::string before = file_of(driver.applier());
  driver.sweep();
  const std::string after = file_of(driver.applier());
  EXPECT_EQ(before, after) << "what is swept makes no difference";
  const test::BboltReader reader(after);
  ASSERT_EQ(reader.bucket("key").size(), 1U);
  EXPECT_EQ(reader.bucket("key")[0].first, std::string("\0\0\0\0\0\0\0\x15_\0\0\0\0\0\0\0\0", 17));
  EXPECT_EQ(reader.bucket("meta")[0].first, "confState");
  EXPECT_EQ(reader.bucket("meta")[2],
            (std::pair<std::string, std::string>(
                "finishedCompactRev", std::string("\0\0\0\0\0\0\0\x17_\0\0\0\0\0\0\0\0", 17))));
}

TEST(Backup, MembersAlarmsAndVersionsAreWrittenAsEtcdDoes) {
  Driver driver;
  membership::Change add;
  add.member = {.id = 300, .name = "", .peer_urls = {"http://a:1"}, .client_urls = {}};
  driver.applier().configure(driver.next_position(), Bytes(membership::encode(add)));
  add.member = {.id = 7, .peer_urls = {"http://b:1"}, .is_learner = true};
  driver.applier().configure(driver.next_position(), Bytes(membership::encode(add)));
  add.member = {.id = 9, .name = "", .peer_urls = {"http://c:1"}, .client_urls = {}};
  driver.applier().configure(driver.next_position(), Bytes(membership::encode(add)));
  add.kind = membership::Change::Kind::kRemove;
  driver.applier().configure(driver.next_position(), Bytes(membership::encode(add)));
  driver.apply({.request = apply::PublishAttributes{300, "n\"1", {"http://a:2"}}});
  driver.apply({.request = apply::SetClusterVersion{"3.7.0"}});
  driver.apply({.request = apply::AlarmRequest{.action = 1, .member_id = 300, .alarm = 1}});
  const std::string file = file_of(driver.applier());
  const test::BboltReader reader(file);
  EXPECT_EQ(
      reader.bucket("members"),
      (Items{{"12c",
              R"({"id":300,"peerURLs":["http://a:1"],"name":"n\"1","clientURLs":["http://a:2"]})"},
             {"7", R"({"id":7,"peerURLs":["http://b:1"],"isLearner":true})"}}));
  EXPECT_EQ(reader.bucket("members_removed"), (Items{{"9", "removed"}}));
  EXPECT_EQ(reader.bucket("alarm"), (Items{{"\x08\xac\x02\x10\x01", ""}}));
  EXPECT_EQ(reader.bucket("cluster"), (Items{{"clusterVersion", "3.7.0"}}));
  EXPECT_EQ(reader.bucket("meta"),
            (Items{{"confState", R"({"voters":[7,300],"auto_leave":false})"},
                   {"consistent_index", std::string("\0\0\0\0\0\0\0\x07", 8)},
                   {"storageVersion", "3.7.0"},
                   {"term", std::string("\0\0\0\0\0\0\0\x01", 8)}}));
}

TEST(Backup, AnOlderSchemaHasNothingNewer) {
  Driver driver;
  driver.apply({.request = apply::SetClusterVersion{"3.7.0"}});
  const std::string older = file_of(driver.applier(), Schema::k35);
  EXPECT_EQ(test::BboltReader(older).bucket("cluster"), (Items{{"clusterVersion", "3.5.0"}}));
  EXPECT_EQ(test::BboltReader(older).bucket("meta").size(), 3U) << "no storageVersion";
  const std::string oldest = file_of(driver.applier(), Schema::k34);
  EXPECT_TRUE(test::BboltReader(oldest).bucket("cluster").empty());
  EXPECT_EQ(test::BboltReader(oldest).bucket("meta").size(), 1U) << "consistent_index only";
}

std::string eight(std::uint64_t number) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
  return out;
}

TEST(Backup, LeasesHaveWhatTheyWereGrantedAndWhatIsLeft) {
  Driver driver;
  for (const std::int64_t id : {5, 300, -1}) {
    driver.apply({.request = apply::LeaseGrantRequest{.id = id, .ttl = 100}});
  }
  driver.pause_ms = 39'500;
  driver.put("k", "v");
  const std::string file = file_of(driver.applier());
  const std::string left = std::string("\x10\x64\x18") + '\x3d';  // 60.5 s are 61.
  EXPECT_EQ(test::BboltReader(file).bucket("lease"),
            (Items{{eight(5), "\x08\x05" + left},
                   {eight(300), "\x08\xac\x02" + left},
                   {eight(~0ULL), "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + left}}));
}

TEST(Backup, ALeaseThatHasEndedHasASecondLeft) {
  const lease::Lease ended{.id = 1, .ttl_seconds = 9, .end_ms = 1000};
  EXPECT_EQ(lease_item(ended, 5000).second, "\x08\x01\x10\x09\x18\x01");
  EXPECT_EQ(lease_item(ended, std::nullopt).second, "\x08\x01\x10\x09");
}

TEST(Backup, UsersRolesAndTheirRevisionAreWrittenAsEtcdDoes) {
  Driver driver;
  const auto change = [&](auth::Change made) { driver.apply({.request = std::move(made)}); };
  change(auth::UserAdd{.name = "root", .password_hash = "h", .no_password = false});
  change(auth::UserAdd{.name = "n", .password_hash = "", .no_password = true});
  change(auth::RoleAdd{.name = "r"});
  change(auth::RoleGrantPermission{
      .role = "r", .given = true, .permission = {.type = 2, .key = "k", .range_end = "l"}});
  change(auth::RoleGrantPermission{
      .role = "r",
      .given = true,
      .permission = {.type = 0, .key = "q", .range_end = std::string(1, '\0')}});
  change(auth::UserGrantRole{.user = "root", .role = "root"});
  change(auth::UserGrantRole{.user = "root", .role = "r"});
  const Items revision = {{"authRevision", eight(driver.applier().auth().revision())}};
  EXPECT_EQ(test::BboltReader(file_of(driver.applier())).bucket("auth"), revision) << "no flag yet";
  change(auth::Enable{});
  const std::string file = file_of(driver.applier());
  const test::BboltReader reader(file);
  EXPECT_EQ(reader.bucket("auth"), (Items{{"authEnabled", "\x01"}, revision[0]}));
  EXPECT_EQ(reader.bucket("authUsers"),
            (Items{{"n", std::string("\x0a\x01n\x22\x02\x08\x01")},
                   {"root", std::string("\x0a\x04root\x12\x01h\x1a\x01r\x1a\x04root\x22\0", 20)}}));
  EXPECT_EQ(reader.bucket("authRoles"),
            (Items{{"r", std::string("\x0a\x01r\x12\x08\x08\x02\x12\x01k\x1a\x01l"
                                     "\x12\x06\x12\x01q\x1a\x01\0",
                                     21)}}));
}

TEST(Backup, IsOfTheMomentItBeganAt) {
  Driver driver(700);
  for (int i = 0; i < 300; ++i) driver.put("k" + std::to_string(i % 40), std::string(50, 'v'));
  driver.compact(150);
  const std::string wanted = file_of(driver.applier());
  FileWork work(driver.applier().store(), contents(driver.applier()));
  int number = 0;
  const std::string file = write(work, 50, [&] {
    driver.put("k" + std::to_string(++number % 40), "later");
    if (number % 7 == 0) driver.erase({.key = "k" + std::to_string(number % 11)});
    if (number % 5 == 0) {
      driver.compact(driver.applier().revision());
      driver.sweep();
    }
  });
  EXPECT_GT(number, 50);
  EXPECT_EQ(file, wanted);
}

TEST(Backup, HashIsTheSameOnMembersThatDifferInTermOrIndexOnly) {
  const auto hash_of = [](Driver& driver, std::uint64_t units) {
    HashWork work(driver.applier().store(), contents(driver.applier()));
    while (!std::holds_alternative<mvcc::Done>(work.advance({units}))) {
    }
    return work.hash();
  };
  Driver one;
  Driver two;
  two.applier().skip({.index = 1, .term = 5, .time_ms = 1});
  for (int i = 0; i < 20; ++i) {
    one.put("k", std::to_string(i));
    two.put("k", std::to_string(i));
  }
  EXPECT_EQ(hash_of(one, 1), hash_of(two, 10'000));
  one.put("k", "other");
  EXPECT_NE(hash_of(one, 100), hash_of(two, 100));
}

TEST(Backup, SchemasAreReadAsVersions) {
  EXPECT_EQ(parse_schema("3.4"), Schema::k34);
  EXPECT_EQ(parse_schema("3.5.0"), Schema::k35);
  EXPECT_EQ(parse_schema("3.7.1"), Schema::k37);
  for (const char* none : {"", "3", "3.3", "3.8", "3.5.", "3.5x", "3.5.a", "3.50"}) {
    EXPECT_EQ(parse_schema(none), std::nullopt) << none;
  }
}

TEST(Backup, Sha256IsTheUsualOne) {
  Sha256 hash;
  hash.add("a");
  hash.add("bc");
  EXPECT_EQ(hash.finish().substr(0, 4), "\xba\x78\x16\xbf");
}

}  // namespace
}  // namespace detcd::backup
