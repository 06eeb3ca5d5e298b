#include "wire/auth_codec.h"

#include <gtest/gtest.h>

#include "wire/command_codec.h"

namespace detcd::wire {
namespace {

using namespace std::string_literals;  // NOLINT: literals with zero bytes

std::vector<auth::Change> one_of_each() {
  return {auth::Enable{},
          auth::Disable{},
          auth::Authenticate{"u", "abc", 300},
          auth::UserAdd{"u", "hash", true},
          auth::UserDelete{"u"},
          auth::UserChangePassword{"u", "hash"},
          auth::UserGrantRole{"u", "r"},
          auth::UserRevokeRole{"u", "r"},
          auth::RoleAdd{"r"},
          auth::RoleDelete{"r"},
          auth::RoleGrantPermission{"r", true, {2, "k\0"s, "\0"s}},
          auth::RoleRevokePermission{"r", "k", "l"}};
}

TEST(AuthCommand, EveryChangeReadsBackWithItsCaller) {
  const std::vector<auth::Change> changes = one_of_each();
  ASSERT_EQ(changes.size(), std::variant_size_v<auth::Change>);
  for (const auth::Caller& caller :
       {auth::Caller{}, auth::Caller{"root", 7}, auth::Caller{.own = true}}) {
    for (const auth::Change& change : changes) {
      const apply::Command command{.id = {1, 2}, .request = change, .caller = caller};
      const Bytes bytes = encode_command(command);
      const Result<apply::Command> read = decode_command(bytes);
      ASSERT_TRUE(read) << change.index();
      EXPECT_EQ(*read, command);
      for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        EXPECT_FALSE(decode_command(Bytes(bytes.str().substr(0, cut))));
      }
    }
  }
}

// The format of the log: these bytes never change within version 1.
TEST(AuthCommand, HasTheseBytes) {
  const apply::Command command{
      .id = {1, 2}, .request = auth::Change(auth::RoleAdd{"r"}), .caller = {"u", 5}};
  EXPECT_EQ(encode_command(command).view(), "\x01\x30\x01u\x05\x00\x48\x01\x02\x01r"s);
}

TEST(AuthCommand, ACallerIsNamedOnce) {
  const Result<apply::Command> twice =
      decode_command(Bytes("\x01\x30\x00\x05\x00\x30\x00\x05\x00"s));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Errc::kIncompatible);
}

// As etcd's own messages have them: the field numbers of ETCD.md §1.2.
TEST(AuthCodec, ReadsWhatClientsSend) {
  EXPECT_EQ(*parse_authenticate_request("\x0a\x01u\x12\x02pw"), (Credentials{"u", "pw"}));
  EXPECT_EQ(*parse_user_add_request("\x0a\x01u\x12\x02pw\x1a\x02\x08\x01\x22\x01h"),
            (Credentials{"u", "pw", true, "h"}));
  EXPECT_EQ(*parse_change_password_request("\x0a\x01u\x12\x02pw\x1a\x01h"),
            (Credentials{"u", "pw", false, "h"}));
  EXPECT_EQ(*parse_auth_name("\x0a\x01u"), "u");
  EXPECT_EQ(*parse_auth_name(""), "");
  EXPECT_EQ(parse_user_role_request("\x0a\x01u\x12\x01r")->role, "r");
  const auto grant =
      parse_grant_permission_request("\x0a\x01r\x12\x08\x08\x02\x12\x01k\x1a\x01\0"s);
  ASSERT_TRUE(grant);
  EXPECT_EQ(*grant, (auth::RoleGrantPermission{"r", true, {2, "k", "\0"s}}));
  EXPECT_FALSE(parse_grant_permission_request("\x0a\x01r")->given);
  const auto revoke = parse_revoke_permission_request("\x0a\x01r\x12\x01k\x1a\x01l");
  ASSERT_TRUE(revoke);
  EXPECT_EQ(*revoke, (auth::RoleRevokePermission{"r", "k", "l"}));
}

TEST(AuthCodec, WritesWhatClientsRead) {
  const Header header{.cluster_id = 1};
  EXPECT_EQ(serialize(header, AuthAnswer::kNames, {.names = {"a", "b"}}).view(),
            "\x0a\x02\x08\x01\x12\x01"
            "a\x12\x01"
            "b");
  EXPECT_EQ(serialize(header, AuthAnswer::kToken, {.token = "t"}).view(),
            "\x0a\x02\x08\x01\x12\x01t");
  EXPECT_EQ(serialize(header, AuthAnswer::kStatus, {.enabled = true, .revision = 5}).view(),
            "\x0a\x02\x08\x01\x10\x01\x18\x05");
  EXPECT_EQ(serialize(header, AuthAnswer::kPermissions, {.permissions = {{1, "k", ""}}}).view(),
            "\x0a\x02\x08\x01\x12\x05\x08\x01\x12\x01k");
}

TEST(AuthCodec, RequestsAndAnswersReadBack) {
  const Credentials sent{"u", "pw", true, "h"};
  EXPECT_EQ(*parse_user_add_request(serialize_user_add_request(sent)), sent);
  const auth::RoleGrantPermission grant{"r", true, {1, "k", "l"}};
  EXPECT_EQ(*parse_grant_permission_request(serialize_auth_request(auth::Change(grant))), grant);
  EXPECT_EQ(*parse_auth_name(serialize_auth_request(auth::Query(auth::RoleGet{"r"}))), "r");
  const auth::Answer answer{.permissions = {{2, "k", "l"}}};
  const Bytes bytes = serialize(Header{1, 2, 3, 4}, AuthAnswer::kPermissions, answer);
  const Result<ParsedAuthAnswer> read = parse_auth_answer(AuthAnswer::kPermissions, bytes.view());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->answer, answer);
  EXPECT_EQ(read->header, (Header{1, 2, 3, 4}));
}

TEST(AuthCodec, WhatIsNoMessageIsRefused) {
  for (const std::string& bytes : {"\x0a\x05u"s, "\xff"s, "\x0a\x01\xff"s}) {
    EXPECT_FALSE(parse_user_add_request(bytes));
    EXPECT_FALSE(parse_auth_name(bytes));
  }
}

}  // namespace
}  // namespace detcd::wire
