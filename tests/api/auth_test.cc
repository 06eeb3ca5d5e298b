#include <string>

#include <gtest/gtest.h>

#include "api/auth_service.h"
#include "tests/api/world.h"
#include "wire/auth_codec.h"
#include "wire/kv_codec.h"

namespace detcd::api {
namespace {

const std::string kAuth = "/etcdserverpb.Auth/";

template <class One>
const One& change_in(const server::Request& request) {
  return std::get<One>(std::get<auth::Change>(request));
}
template <class One>
const One& query_in(const server::Request& request) {
  return std::get<One>(std::get<auth::Query>(request));
}

TEST(Auth, EveryMethodAsksTheNodeItsQuestion) {
  World world;
  GrpcClient client(world);
  const auto ask = [&](const std::string& method, const std::string& message) {
    client.call(kAuth + method, message);
    return world.node.calls.back().request;
  };
  EXPECT_EQ(auth_methods().size(), 17U);
  const auto change = [](const auth::Change& one) { return wire::serialize_auth_request(one); };
  EXPECT_EQ(change_in<auth::Enable>(ask("AuthEnable", "")), auth::Enable{});
  EXPECT_EQ(change_in<auth::Disable>(ask("AuthDisable", "")), auth::Disable{});
  query_in<auth::Status>(ask("AuthStatus", ""));
  query_in<auth::UserList>(ask("UserList", ""));
  query_in<auth::RoleList>(ask("RoleList", ""));
  EXPECT_EQ(query_in<auth::UserGet>(ask("UserGet", "\x0a\x01u")).name, "u");
  EXPECT_EQ(query_in<auth::RoleGet>(ask("RoleGet", "\x0a\x01r")).role, "r");
  EXPECT_EQ(change_in<auth::UserDelete>(ask("UserDelete", "\x0a\x01u")).name, "u");
  EXPECT_EQ(change_in<auth::RoleAdd>(ask("RoleAdd", "\x0a\x01r")).name, "r");
  EXPECT_EQ(change_in<auth::RoleDelete>(ask("RoleDelete", "\x0a\x01r")).role, "r");
  const auth::UserGrantRole grant{"u", "r"};
  EXPECT_EQ(change_in<auth::UserGrantRole>(ask("UserGrantRole", change(grant))), grant);
  const auth::UserRevokeRole revoke{"u", "r"};
  EXPECT_EQ(change_in<auth::UserRevokeRole>(ask("UserRevokeRole", change(revoke))), revoke);
  const auth::RoleGrantPermission give{"r", true, {2, "k", "l"}};
  EXPECT_EQ(change_in<auth::RoleGrantPermission>(ask("RoleGrantPermission", change(give))), give);
  const auth::RoleRevokePermission take{"r", "k", "l"};
  EXPECT_EQ(change_in<auth::RoleRevokePermission>(ask("RoleRevokePermission", change(take))), take);
  const auto login = std::get<server::AuthenticateRequest>(
      ask("Authenticate", wire::serialize_authenticate_request({"u", "pw"})));
  EXPECT_EQ(login.name + "/" + login.password, "u/pw");
  const auto add = std::get<server::UserAddRequest>(
      ask("UserAdd", wire::serialize_user_add_request({"u", "pw", true})));
  EXPECT_TRUE(add.no_password);
  const auto set = std::get<server::ChangePasswordRequest>(
      ask("UserChangePassword", wire::serialize_change_password_request({"u", "", false, "h"})));
  EXPECT_EQ(set.hashed_password, "h");
  EXPECT_EQ(world.node.calls.size(), 17U);
}

TEST(Auth, AnswersAreTheMessagesOfTheirMethods) {
  World world;
  GrpcClient client(world);
  auth::Answer said{.names = {"a", "b"}, .token = "t", .enabled = true, .revision = 5};
  said.permissions = {{1, "k", ""}};
  world.node.set_script([&](const server::Request&) -> std::optional<server::Outcome> {
    return apply::Response(apply::AuthResponse{13, said});
  });
  const auto answer = [&](const std::string& method, wire::AuthAnswer as) {
    const http2::StreamId stream = client.call(kAuth + method, "");
    EXPECT_EQ(client.answer(stream).messages.size(), 1U);
    return *wire::parse_auth_answer(as, client.answer(stream).messages.at(0));
  };
  EXPECT_EQ(answer("UserGet", wire::AuthAnswer::kNames).answer.names, said.names);
  EXPECT_EQ(answer("RoleGet", wire::AuthAnswer::kPermissions).answer.permissions, said.permissions);
  EXPECT_EQ(answer("Authenticate", wire::AuthAnswer::kToken).answer.token, "t");
  EXPECT_EQ(answer("AuthStatus", wire::AuthAnswer::kStatus).answer.revision, 5U);
  EXPECT_EQ(answer("UserList", wire::AuthAnswer::kNames).header, (wire::Header{11, 12, 13, 2}));
}

TEST(Auth, TheTokenIsFoundWhereEtcdFindsIt) {
  struct Case {
    http2::Headers sent;
    std::optional<std::string> found;
  };
  const std::vector<Case> cases = {
      {{}, std::nullopt},
      {{{"token", "t"}}, "t"},
      {{{"authorization", "t"}}, "t"},
      {{{"authorization", "Bearer t"}}, "t"},
      {{{"authorization", "a"}, {"token", "t"}}, "t"},
      {{{"token", "t1"}, {"token", "t2"}}, "t1"},
      {{{"token", ""}}, ""},
      {{{"other", "t"}}, std::nullopt},
  };
  for (const Case& one : cases) {
    World world;
    GrpcClient client(world);
    client.metadata = one.sent;
    client.call("/etcdserverpb.KV/Range", wire::serialize(apply::RangeRequest{.key = "k"}));
    client.open("/etcdserverpb.Watch/Watch");
    client.flush();
    ASSERT_EQ(world.node.calls.size(), 2U);
    EXPECT_EQ(world.node.calls[0].token, one.found);
    EXPECT_EQ(world.node.calls[1].token, one.found);
  }
}

}  // namespace
}  // namespace detcd::api
