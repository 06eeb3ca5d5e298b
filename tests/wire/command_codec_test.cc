#include "wire/command_codec.h"

#include <string>

#include <gtest/gtest.h>

#include "generate.h"

namespace detcd::wire {
namespace {

using namespace std::string_literals;  // NOLINT: literals with zero bytes

// The format of the log: these bytes never change within version 1.
TEST(CommandCodec, PutHasTheseBytes) {
  apply::Command command;
  command.id = {.member = 1, .ordinal = 300};
  command.request = apply::PutRequest{.key = "k", .value = "vw", .lease = -1, .prev_kv = true};
  EXPECT_EQ(encode_command(command).view(), "\x01\x01\x01\xac\x02\x01k\x02vw\x01\x01"s);
}

TEST(CommandCodec, TxnHasTheseBytes) {
  apply::TxnRequest txn;
  txn.compare.push_back(
      {.result = 3, .target = 1, .key = "c", .range_end = "", .number = 5, .value = ""});
  txn.success.push_back({apply::DeleteRangeRequest{.key = "d", .range_end = "e"}});
  txn.failure.push_back({});
  apply::Command command;
  command.id = {.member = 1, .ordinal = 2};
  command.request = txn;
  EXPECT_EQ(encode_command(command).view(),
            "\x01\x03\x01\x02\x01\x06\x02\x01"
            "c\x00\x0a\x00\x01\x02\x01"
            "d\x01"
            "e\x00\x01\x00"s);
}

TEST(CommandCodec, AlarmHasTheseBytes) {
  apply::Command command;
  command.id = {.member = 1, .ordinal = 2};
  command.request =
      apply::AlarmRequest{.action = 1, .member_id = 300, .alarm = 2, .quota_bytes = 5};
  EXPECT_EQ(encode_command(command).view(), "\x01\x20\x01\x02\x02\xac\x02\x04\x05"s);
}

TEST(CommandCodec, MemberChangeHasTheseBytes) {
  apply::Command command;
  command.id = {.member = 1, .ordinal = 2};
  command.request = apply::MemberChange{
      {membership::Change::Kind::kRemove, {.id = 3, .peer_urls = {"u"}, .is_learner = true}}, 7};
  EXPECT_EQ(encode_command(command).view(),
            "\x01\x28\x01\x02\x0f\x01\x03\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01u\x00\x01\x07"s);
}

TEST(CommandCodec, EveryMemberChangeReadsBack) {
  for_each_seed(1000, [](Generator& g) {
    membership::Change change{static_cast<membership::Change::Kind>(g.below(4)),
                              {.id = g.draw(), .name = g.text()}};
    for (std::uint64_t i = g.below(3); i > 0; --i) change.member.peer_urls.push_back(g.text());
    change.member.is_learner = g.below(2) == 0;
    apply::Command command{.id = {g.draw(), g.draw()}};
    command.request = apply::MemberChange{change, static_cast<std::uint32_t>(g.draw())};
    const Result<apply::Command> decoded = decode_command(encode_command(command));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, command);
  });
}

TEST(CommandCodec, EveryCommandReadsBack) {
  for_each_seed(5000, [](Generator& g) {
    const apply::Command command = g.command();
    const Result<apply::Command> decoded = decode_command(encode_command(command));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, command);
  });
}

TEST(CommandCodec, AnUnknownFormatOrKindIsIncompatible) {
  for (const std::string& bytes :
       {"\x02\x01\x01\x01"s, "\x01\x00\x01\x01"s, "\x01\x07\x01\x01"s, "\x01\x63\x01\x01"s}) {
    const Result<apply::Command> decoded = decode_command(Bytes(bytes));
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, Errc::kIncompatible);
  }
}

TEST(CommandCodec, CutOrLengthenedCommandsAreDamaged) {
  for_each_seed(300, [](Generator& g) {
    const std::string bytes = encode_command(g.command()).str();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const Result<apply::Command> cut = decode_command(Bytes(bytes.substr(0, length)));
      ASSERT_FALSE(cut) << "of " << bytes.size() << " bytes " << length;
      EXPECT_EQ(cut.error().code, Errc::kDamaged);
    }
    EXPECT_FALSE(decode_command(Bytes(bytes + '\0')));
  });
}

TEST(CommandCodec, ChangedBytesNeverCrash) {
  int accepted = 0;
  for_each_seed(10000, [&accepted](Generator& g) {
    const std::string bytes = g.mutate(encode_command(g.command()).str());
    const Result<apply::Command> decoded = decode_command(Bytes(bytes));
    if (!decoded) return;
    ++accepted;
    const Result<apply::Command> again = decode_command(encode_command(*decoded));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *decoded);
  });
  if (std::getenv("DETCD_TEST_SEED") == nullptr) {
    EXPECT_GT(accepted, 500);
  }
}

TEST(CommandCodec, CountsBeyondTheInputAreRefusedBeforeMemoryIsTaken) {
  const std::string huge = "\x01\x03\x01\x01\xff\xff\xff\xff\xff\xff\xff\x7f"s;
  EXPECT_FALSE(decode_command(Bytes(huge)));
}

}  // namespace
}  // namespace detcd::wire
