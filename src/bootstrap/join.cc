#include "bootstrap/join.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/quote.h"
#include "bootstrap/version.h"
#include "runtime/timeout.h"

namespace detcd::bootstrap {
namespace {

constexpr std::size_t kAnswerBytesMax = 4 << 20;
constexpr Duration kPatience = 5s;  // With one member.

using nlohmann::json;

Error bad(std::string what) {
  return Error{Errc::kInvalid, std::move(what)};
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// False when it is there and isn't a list of texts.
bool read_texts(const json& from, const char* name, std::vector<std::string>& to) {
  const auto found = from.find(name);
  if (found == from.end() || found->is_null()) return true;
  if (!found->is_array()) return false;
  for (const json& text : *found) {
    if (!text.is_string()) return false;
    to.push_back(text.get<std::string>());
  }
  return true;
}

std::optional<membership::Member> member_of(const json& from) {
  if (!from.is_object()) return std::nullopt;
  membership::Member member;
  const auto id = from.find("id");
  if (id == from.end() || !id->is_number_unsigned()) return std::nullopt;
  member.id = id->get<std::uint64_t>();
  if (!read_texts(from, "peerURLs", member.peer_urls)) return std::nullopt;
  if (!read_texts(from, "clientURLs", member.client_urls)) return std::nullopt;
  const auto name = from.find("name");
  if (name != from.end() && name->is_string()) member.name = name->get<std::string>();
  const auto learner = from.find("isLearner");
  member.is_learner = learner != from.end() && learner->is_boolean() && learner->get<bool>();
  std::ranges::sort(member.peer_urls);
  return member;
}

// As Go prints etcd's cluster with %s.
std::string describe(const RunningCluster& cluster) {
  std::vector<std::string> members;
  for (const membership::Member& member : cluster.members) {
    members.push_back(
        fmt::format("&{{ID:{:x} RaftAttributes:{{PeerURLs:[{}] IsLearner:{}}} Attributes:{{Name:{} "
                    "ClientURLs:[{}]}}}}",
                    member.id, join(member.peer_urls, " "), member.is_learner, member.name,
                    join(member.client_urls, " ")));
  }
  return fmt::format("{{ClusterID:{:x} Members:[{}] RemovedMemberIDs:[]}}", cluster.cluster_id,
                     join(members, " "));
}

Result<void> assign_ids(const RunningCluster& running, PeerMap& left, std::uint64_t& own_id,
                        const std::string& own_name) {
  if (running.members.size() != left.size()) return bad("member count is unequal");
  for (const membership::Member& member : running.members) {
    std::string last;
    const auto match = std::ranges::find_if(left, [&](const auto& local) {
      if (strings(local.second) == member.peer_urls) return true;
      last = url_difference(member.peer_urls, strings(local.second));
      return false;
    });
    if (match == left.end()) {
      return bad(fmt::format(
          "PeerURLs: no match found for existing member ({:x}, [{}]), last resolver error ({})",
          member.id, join(member.peer_urls, " "), last));
    }
    if (match->first == own_name) own_id = member.id;
    left.erase(match);
  }
  return {};
}

Result<PeerMap> local_cluster(const Config& config) {
  Result<PeerMap> peers = parse_initial_cluster(config.initial_cluster);
  if (!peers) return peers;
  if (!peers->contains(config.name)) {
    return bad(fmt::format("couldn't find local name {} in the initial cluster configuration",
                           go_quoted(config.name)));
  }
  if (has_duplicate_url(*peers)) {
    return bad(fmt::format("initial cluster {} has duplicate url", to_string(*peers)));
  }
  return peers;
}

std::string address_of(const Url& url) {
  return url.is_unix() ? "unix:" + url.host + url.path : url.host;
}

runtime::Task<Result<HttpAnswer>> exchange(runtime::World world, Url url, std::string path) {
  const std::string address = address_of(url);
  Result<std::unique_ptr<runtime::Stream>> stream = co_await world.network.connect(address);
  if (!stream) co_return stream.error();
  std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + url.host +
                        "\r\nUser-Agent: detcd\r\nConnection: close\r\n\r\n";
  const Result<void> asked = co_await (*stream)->write(std::move(request));
  if (!asked) co_return asked.error();
  std::string received;
  for (;;) {
    const Result<std::string_view> bytes = co_await (*stream)->read();
    if (!bytes) co_return bytes.error();
    if (bytes->empty()) break;
    received += *bytes;
    if (received.size() > kAnswerBytesMax) co_return bad("the answer is too long");
    // Whole by its own word: not everybody closes when asked to.
    Result<HttpAnswer> answer = parse_answer(received);
    if (answer && answer->header("content-length")) co_return answer;
  }
  co_return parse_answer(received);
}

runtime::Task<Result<HttpAnswer>> get(runtime::World world, Url url, std::string path) {
  const TimePoint deadline = world.clock.boot() + kPatience;
  std::optional<Result<HttpAnswer>> answer =
      co_await runtime::with_timeout(world.scheduler, deadline, exchange(world, url, path));
  if (!answer) co_return Error{Errc::kTimedOut, url.str() + " doesn't answer"};
  if (*answer && (*answer)->status != 200) {
    co_return bad(fmt::format("{}{}: status {}", url.str(), path, (*answer)->status));
  }
  co_return std::move(*answer);
}

runtime::Task<Result<RunningCluster>> ask_members(runtime::World world, telemetry::Log log,
                                                  Urls urls) {
  Error incompatible{Errc::kNotFound, ""};
  for (const Url& url : urls) {
    const Result<HttpAnswer> answer = co_await get(world, url, "/members");
    Error why;
    if (answer) {
      Result<RunningCluster> running = parse_members(*answer);
      if (running) co_return running;
      why = running.error();
    } else {
      why = answer.error();
    }
    log.warn("failed to get cluster response",
             {{"address", url.str() + "/members"}, {"error", why.message}});
    if (why.code == Errc::kIncompatible) incompatible = why;
  }
  if (incompatible.code == Errc::kIncompatible) co_return incompatible;
  co_return Error{Errc::kNotFound,
                  "cannot fetch cluster info from peer urls: could not retrieve cluster "
                  "information from the given URLs"};
}

// Every member that answers is heard, and at least one has to.
runtime::Task<Result<void>> check_versions(runtime::World world, telemetry::Log log,
                                           InitialCluster cluster) {
  bool heard = false;
  for (const membership::Member& member : cluster.members) {
    if (member.id == cluster.own_id) continue;
    const Result<Urls> urls = parse_urls(member.peer_urls);
    if (!urls) continue;
    for (const Url& url : *urls) {
      const Result<HttpAnswer> answer = co_await get(world, url, "/version");
      if (!answer) continue;
      const Result<std::string> version = parse_cluster_version(*answer);
      if (!version) continue;
      heard = true;
      if (may_join_version(*version)) break;
      log.warn("cluster version of remote member is not compatible; out of range",
               {{"remote-member-id", telemetry::hex(member.id)},
                {"remote-member-cluster-version", *version}});
      co_return bad("incompatible with current running cluster");
    }
  }
  if (!heard) co_return bad("incompatible with current running cluster");
  co_return Result<void>();
}

}  // namespace

std::optional<std::string_view> HttpAnswer::header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) return value;
  }
  return std::nullopt;
}

Result<HttpAnswer> parse_answer(std::string_view bytes) {
  const Error malformed = bad("the answer isn't HTTP/1.1");
  const std::size_t end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.") || end == std::string_view::npos) return malformed;
  std::string_view head = bytes.substr(0, end);
  HttpAnswer answer;
  const std::size_t space = head.find(' ');
  if (space == std::string_view::npos || head.size() < space + 4) return malformed;
  const char* const digits = head.data() + space + 1;
  const auto [last, error] = std::from_chars(digits, digits + 3, answer.status);
  if (error != std::errc() || last != digits + 3) return malformed;
  for (std::size_t line = head.find("\r\n"); line != std::string_view::npos;) {
    head.remove_prefix(line + 2);
    line = head.find("\r\n");
    const std::string_view field = head.substr(0, line);
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) return malformed;
    answer.headers.emplace_back(lower(field.substr(0, colon)), trimmed(field.substr(colon + 1)));
  }
  if (answer.header("transfer-encoding")) return bad("the answer comes in pieces");
  answer.body = bytes.substr(end + 4);
  const std::optional<std::string_view> length = answer.header("content-length");
  if (length && std::to_string(answer.body.size()) != *length)
    return bad("the answer is cut short");
  return answer;
}

Result<RunningCluster> parse_members(const HttpAnswer& answer) {
  if (!answer.header("x-detcd-peer-protocol")) {
    return Error{Errc::kIncompatible,
                 "the members of the running cluster speak etcd's own peer protocol, which detcd "
                 "doesn't: restore a snapshot of it into a new cluster instead"};
  }
  RunningCluster cluster;
  const std::string_view id = answer.header("x-etcd-cluster-id").value_or("");
  const auto [end, error] =
      std::from_chars(id.data(), id.data() + id.size(), cluster.cluster_id, 16);
  if (id.empty() || error != std::errc() || end != id.data() + id.size()) {
    return bad("the answer doesn't name the cluster");
  }
  const json members = json::parse(answer.body, nullptr, false);
  if (!members.is_array()) return bad("the answer isn't a list of members");
  for (const json& from : members) {
    std::optional<membership::Member> member = member_of(from);
    if (!member) return bad("the answer names a member that can't be read");
    cluster.members.push_back(*std::move(member));
  }
  // One that has joined and not yet heard from the others.
  if (cluster.members.empty()) return bad("the answer names no member");
  std::ranges::sort(cluster.members, {}, &membership::Member::id);
  return cluster;
}

Result<std::string> parse_cluster_version(const HttpAnswer& answer) {
  const json said = json::parse(answer.body, nullptr, false);
  if (!said.is_object()) return bad("the answer names no version");
  const auto version = said.find("etcdcluster");
  if (version == said.end() || !version->is_string()) return bad("the answer names no version");
  return version->get<std::string>();
}

// Of the same major version, and not ahead of this one.
bool may_join_version(std::string_view cluster_version) {
  if (cluster_version == "not_decided") return true;
  const std::vector<std::string> theirs = split(cluster_version, '.');
  const std::vector<std::string> ours = split(kEtcdVersion, '.');
  if (theirs.size() < 2 || theirs[0] != ours[0]) return false;
  unsigned minor = 0;
  unsigned own = 0;
  const std::string& text = theirs[1];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), minor);
  std::from_chars(ours[1].data(), ours[1].data() + ours[1].size(), own);
  return error == std::errc() && end == text.data() + text.size() && minor <= own;
}

Result<InitialCluster> match_running(const Config& config, const RunningCluster& running) {
  Result<PeerMap> local = local_cluster(config);
  if (!local) return local.error();
  InitialCluster cluster;
  const Result<void> matched = assign_ids(running, *local, cluster.own_id, config.name);
  if (!matched) {
    return bad(fmt::format("error validating peerURLs {}: {}", describe(running),
                           matched.error().message));
  }
  cluster.cluster_id = running.cluster_id;
  cluster.members = running.members;
  return cluster;
}

runtime::Task<Result<InitialCluster>> join(runtime::World world, telemetry::Log log,
                                           Config config) {
  const Result<PeerMap> local = local_cluster(config);
  if (!local) co_return local.error();
  Urls others;
  for (const auto& [name, urls] : *local) {
    if (name != config.name) others.insert(others.end(), urls.begin(), urls.end());
  }
  std::ranges::sort(others, {}, &Url::str);
  const Result<RunningCluster> running = co_await ask_members(world, log, others);
  if (!running) co_return running.error();
  Result<InitialCluster> cluster = match_running(config, *running);
  if (!cluster) co_return cluster.error();
  const Result<void> versions = co_await check_versions(world, log, *cluster);
  if (!versions) co_return versions.error();
  co_return cluster;
}

}  // namespace detcd::bootstrap
