#include "tests/watch/world.h"

#include <string>
#include <utility>
#include <vector>

namespace detcd::watch {

void World::take(std::uint64_t id, const Response& response) {
  const auto found = streams.find(id);
  ASSERT_NE(found, streams.end()) << "a closed stream is told nothing";
  Client& client = found->second;
  ++client.untaken;
  if (!client.slow) {
    std::int64_t bytes = kResponseBytes;
    for (const Event& event : response.events) bytes += static_cast<std::int64_t>(bytes_of(event));
    hub.grant(StreamId(id), std::exchange(client.untaken, 0), bytes);
  }
  Response kept = response;
  kept.events.clear();
  client.all.push_back(kept);
  if (response.created) return take_created(client, response);
  if (response.id == kNoWatch) {
    ++client.progress_answers;
    ASSERT_GE(response.revision, client.last_progress);
    client.last_progress = response.revision;
    for (const auto& [watch, told] : client.watches) expect_all_told(told, response.revision);
    return;
  }
  ASSERT_TRUE(client.watches.contains(response.id)) << "told of an unknown watch";
  Told& told = client.watches.at(response.id);
  if (response.canceled) return take_canceled(client, response);
  ASSERT_FALSE(told.canceled) << "told after the end";
  if (response.events.empty()) return expect_all_told(told, response.revision);
  take_events(told, response);
}

void World::take_created(Client& client, const Response& response) const {
  const Create* asked = nullptr;
  for (; asked == nullptr; ++client.answered) {
    ASSERT_LT(client.answered, client.requests.size());
    asked = std::get_if<Create>(&client.requests[client.answered]);
  }
  ASSERT_LE(response.revision, store.revision());
  if (response.canceled) {
    ASSERT_EQ(response.id, kNoWatch);
    return;
  }
  if (asked->id != 0) ASSERT_EQ(response.id, asked->id);
  Told told{.asked = *asked, .created = true};
  told.from = asked->start_revision > 0 ? asked->start_revision : response.revision + 1;
  client.watches.insert_or_assign(response.id, told);
}

void World::take_canceled(Client& client, const Response& response) const {
  Told& told = client.watches.at(response.id);
  ASSERT_TRUE(response.events.empty());
  if (response.compact_revision == 0) {
    client.watches.erase(response.id);
    return;
  }
  ASSERT_EQ(response.revision, 0);
  ASSERT_LE(response.compact_revision, store.compact_revision());
  ASSERT_TRUE(told.from < response.compact_revision) << "nothing it wants was compacted";
  told.canceled = true;
  told.compacted = response.compact_revision;
}

void World::take_events(Told& told, const Response& response) const {
  const std::vector<const Change*> all = expected(told);
  for (const Event& event : response.events) {
    ASSERT_LT(told.events, all.size()) << "more than there is";
    const Change& change = *all[told.events++];
    ASSERT_EQ(event.kv.mod_revision, change.revision);
    ASSERT_EQ(event.kv.key.view(), change.key);
    ASSERT_EQ(event.erased, change.erased);
    ASSERT_EQ(event.kv.value.view(), change.value);
    ASSERT_EQ(event.kv.create_revision, change.create_revision);
    ASSERT_EQ(event.kv.version, change.version);
    ASSERT_EQ(event.kv.lease, change.erased ? 0 : 7);
    told.last = change.revision;
    const Change* const before = state_at(change.key, change.revision - 1);
    if (!told.asked.prev_kv || before == nullptr) {
      ASSERT_FALSE(event.prev_kv);
    } else if (event.prev_kv) {
      ASSERT_EQ(event.prev_kv->value.view(), before->value);
      ASSERT_EQ(event.prev_kv->mod_revision, before->revision);
    } else {
      ASSERT_LT(change.revision - 1, store.compact_revision()) << "prev_kv is still there";
    }
  }
  const bool split = told.events < all.size() && all[told.events]->revision == told.last;
  ASSERT_FALSE(split) << "a revision is split";
  ASSERT_GE(response.revision, told.last);
}

void World::expect_all_told(const Told& told, Revision revision) const {
  if (told.canceled) return;
  const std::vector<const Change*> all = expected(told);
  const bool missing = told.events < all.size() && all[told.events]->revision <= revision;
  ASSERT_FALSE(missing) << "progress to " << revision << " without event at "
                        << all[told.events]->revision;
  ASSERT_LE(revision, store.revision());
}

void World::expect_complete() {
  for (auto& [id, client] : streams) set_slow(id, false);
  settle();
  for (const auto& [id, client] : streams) {
    for (const auto& [watch, told] : client.watches) {
      if (told.canceled) continue;
      EXPECT_EQ(told.events, expected(told).size())
          << "stream " << id << " watch " << watch << " of '" << told.asked.key << "' to '"
          << told.asked.range_end << "' from " << told.from << ", last told " << told.last
          << ", now " << store.revision() << ", scanned " << hub.scanned();
    }
  }
}

}  // namespace detcd::watch
