#include "wire/admin_codec.h"

#include <string>

#include <gtest/gtest.h>

namespace detcd::wire {
namespace {

using namespace std::string_literals;  // NOLINT: literals with zero bytes

TEST(AdminCodec, StatusReadsBackAndAlwaysHasADowngradeInfo) {
  Status status;
  status.header = {.cluster_id = 1, .member_id = 2, .revision = 3, .raft_term = 4};
  status.version = "3.7.1";
  status.db_size = 10;
  status.leader = 2;
  status.raft_index = 11;
  status.raft_term = 4;
  status.raft_applied_index = 9;
  status.errors = {"etcdserver: no leader"};
  status.db_size_in_use = 5;
  status.is_learner = true;
  status.storage_version = "3.7.0";
  status.db_size_quota = 2147483648;
  const Bytes bytes = serialize(status);
  EXPECT_TRUE(bytes.view().ends_with("\x6a\x00"s));
  const Result<Status> parsed = parse_status_response(bytes.view());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, status);
}

TEST(AdminCodec, HashKvHasEtcdsBytes) {
  HashKv hash;
  hash.answer = {.hash = 5, .compact_revision = -1, .hash_revision = 3};
  EXPECT_EQ(serialize(hash).view(),
            "\x0a\x00\x10\x05\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20\x03"s);
  const Result<HashKv> parsed = parse_hash_kv_response(serialize(hash).view());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->answer.compact_revision, -1);
  const Result<std::int64_t> revision = parse_hash_kv_request(serialize_hash_kv_request(77));
  ASSERT_TRUE(revision);
  EXPECT_EQ(*revision, 77);
}

TEST(AdminCodec, AlarmsHaveEtcdsBytes) {
  const apply::AlarmResponse alarms{.header_revision = 2, .alarms = {{5, 1}, {6, 2}}};
  const Header header{.cluster_id = 1, .revision = 2};
  const Bytes bytes = serialize(header, apply::Response(alarms));
  EXPECT_EQ(bytes.view(),
            "\x0a\x04\x08\x01\x18\x02\x12\x04\x08\x05\x10\x01\x12\x04\x08\x06\x10\x02"s);
  const Result<ParsedResponse> parsed = parse_alarm_response(bytes.view());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(std::get<apply::AlarmResponse>(parsed->response), alarms);
  // Of what this version doesn't know, the numbers stay.
  for (const std::int32_t number : {0, 1, 2, 7}) {
    const apply::AlarmRequest request{.action = number, .member_id = 9, .alarm = number};
    const Result<apply::AlarmRequest> read = parse_alarm_request(serialize_alarm_request(request));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, request);
  }
  EXPECT_EQ(parse_alarm_request("\x08").error().code, Errc::kInvalid);
}

TEST(AdminCodec, MaintenanceHasEtcdsBytes) {
  const Header header{.cluster_id = 1};
  EXPECT_EQ(serialize_hash_response(header, 300).view(), "\x0a\x02\x08\x01\x10\xac\x02"s);
  EXPECT_EQ(serialize(SnapshotPiece{.remaining_bytes = 5, .blob = "ab", .version = "3.7.0"}).view(),
            "\x10\x05\x1a\x02"
            "ab\x22\x05"
            "3.7.0"s);
  const Bytes downgrade =
      serialize(header, apply::Response(apply::DowngradeResponse{.version = "3.7"}));
  EXPECT_EQ(downgrade.view(),
            "\x0a\x02\x08\x01\x12\x03"
            "3.7"s);
  const apply::DowngradeRequest asked{.action = 1, .version = "3.6"};
  const Result<apply::DowngradeRequest> read =
      parse_downgrade_request(serialize_downgrade_request(asked));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, asked);
  const Result<std::uint64_t> target =
      parse_move_leader_request(serialize_move_leader_request(1ULL << 63));
  ASSERT_TRUE(target);
  EXPECT_EQ(*target, 1ULL << 63);
  EXPECT_TRUE(parse_empty_request(""));
  EXPECT_EQ(parse_empty_request("\x08").error().code, Errc::kInvalid);
}

TEST(AdminCodec, HealthMessagesHaveTheStandardBytes) {
  EXPECT_EQ(serialize_health_check_response(ServingStatus::kServing).view(), "\x08\x01"s);
  EXPECT_EQ(serialize_health_list_response(ServingStatus::kServing).view(),
            "\x0a\x06\x0a\x00\x12\x02\x08\x01"s);
  const Result<std::string> service = parse_health_check_request("\x0a\x01s");
  ASSERT_TRUE(service);
  EXPECT_EQ(*service, "s");
}

TEST(AdminCodec, MalformedBytesAreInvalid) {
  EXPECT_EQ(parse_status_request("\x0a\x05").error().code, Errc::kInvalid);
  EXPECT_EQ(parse_hash_kv_request("\xff").error().code, Errc::kInvalid);
  EXPECT_EQ(parse_health_check_request("\x0a\x02s").error().code, Errc::kInvalid);
}

}  // namespace
}  // namespace detcd::wire
