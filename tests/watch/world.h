// A store with a hub on it, and a client for each stream that checks what it is told against the
// history of the store: the naive model of watching.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "mvcc/scan.h"
#include "mvcc/sweep.h"
#include "watch/hub.h"

namespace detcd::watch {

struct Dice {
  std::uint64_t seed = 0;
  std::uint64_t drawn = 0;
  std::uint64_t below(std::uint64_t bound) { return mix64(seed, ++drawn) % bound; }
};

// What a watch has been told, and was promised.
struct Told {
  Create asked;
  Revision from = 0;  // The first revision it wants; known when it is created.
  bool created = false;
  bool canceled = false;
  Revision compacted = 0;
  std::size_t events = 0;  // Of the expected ones.
  Revision last = 0;       // Of the last event.
};

struct World {
  explicit World(Limits limits = {}, std::uint32_t chunk_bytes = 512)
      : store(chunk_bytes), hub(limits) {}

  // ---- The store ----
  void put(const std::string& key, const std::string& value) {
    store.put({.key = key, .value = value, .lease = 7});
    note(key, false, value);
  }
  void erase(const std::string& key) {
    mvcc::KeyEntry* const entry = store.index().find(key);
    if (entry == nullptr || entry->versions.newest().tombstone()) return;
    store.erase(*entry);
    note(key, true, "");
  }
  void commit() { store.commit(); }
  void put_one(const std::string& key, const std::string& value) {
    put(key, value);
    commit();
  }
  void compact(Revision revision) {
    if (revision <= store.compact_revision() || revision > store.revision()) return;
    store.compact(revision);
    hub.compacted(store);
  }
  void sweep(std::uint64_t units) {
    mvcc::Meter meter({units});
    const mvcc::Advance swept = sweeper.advance(store, meter);
    static_cast<void>(swept);
  }
  void sweep_all() {
    for (int i = 0; i < 1000; ++i) sweep(1000);
  }

  // ---- The clients ----
  void open(std::uint64_t id) {
    hub.open(StreamId(id));
    streams[id];
  }
  void close(std::uint64_t id) {
    hub.close(StreamId(id));
    streams.erase(id);
  }
  void ask(std::uint64_t id, Request request) {
    streams.at(id).requests.push_back(request);
    hub.ask(StreamId(id), std::move(request), store);
  }
  // One advance; what comes is taken by clients that take, at once.
  bool advance(std::uint64_t units) {
    std::vector<Output> out;
    mvcc::Meter meter({units});
    const mvcc::Advance progress = hub.advance(store, meter, out);
    for (Output& output : out) {
      for (Response& response : output.responses) take(output.stream.value(), response);
    }
    // What clients take at once may let more come.
    return std::holds_alternative<mvcc::Done>(progress) && out.empty();
  }
  void settle(std::uint64_t units = 10'000) {
    for (int i = 0; !advance(units); ++i) ASSERT_LT(i, 1'000'000) << "the hub never ends";
  }
  void set_slow(std::uint64_t id, bool slow) {
    Client& client = streams.at(id);
    client.slow = slow;
    if (!slow) hub.grant(StreamId(id), std::exchange(client.untaken, 0), 1 << 30);
  }

  struct Client {
    bool slow = false;
    std::int64_t untaken = 0;
    std::vector<Request> requests;
    std::size_t answered = 0;  // Creates among them that were answered.
    std::map<WatchId, Told> watches;
    std::size_t progress_answers = 0;
    Revision last_progress = 0;
    std::vector<Response> all;  // Without what they share with the store.
  };

  struct Change {
    Revision revision = 0;
    std::string key;
    bool erased = false;
    std::string value;
    Revision create_revision = 0;
    std::int64_t version = 0;
  };

  [[nodiscard]] static bool in_range(const Create& watch, const std::string& key) {
    const std::string begin = watch.key.empty() ? std::string(1, '\0') : watch.key;
    if (watch.range_end.empty()) return key == begin;
    if (watch.range_end == std::string(1, '\0')) return key >= begin;
    return key >= begin && key < watch.range_end;
  }
  [[nodiscard]] std::vector<const Change*> expected(const Told& told) const {
    std::vector<const Change*> list;
    for (const Change& change : history) {
      const bool wanted = change.erased ? !told.asked.no_delete : !told.asked.no_put;
      if (change.revision >= told.from && change.revision <= store.revision() && wanted &&
          in_range(told.asked, change.key)) {
        list.push_back(&change);
      }
    }
    return list;
  }
  [[nodiscard]] const Change* state_at(const std::string& key, Revision revision) const {
    const Change* found = nullptr;
    for (const Change& change : history) {
      if (change.key == key && change.revision <= revision) found = &change;
    }
    return found == nullptr || found->erased ? nullptr : found;
  }

  // ---- What is checked of each response (world.cc) ----
  void take(std::uint64_t id, const Response& response);
  void take_created(Client& client, const Response& response) const;
  void take_canceled(Client& client, const Response& response) const;
  void take_events(Told& told, const Response& response) const;
  void expect_all_told(const Told& told, Revision revision) const;
  // Everybody takes what there is, and then has everything.
  void expect_complete();

  mvcc::Store store;
  mvcc::Sweeper sweeper;
  Hub hub;
  std::map<std::uint64_t, Client> streams;
  std::vector<Change> history;

 private:
  void note(const std::string& key, bool erased, const std::string& value) {
    const Change* const before = state_at(key, store.write_revision());
    Change change{store.write_revision(), key, erased, value, 0, 0};
    if (!erased) {
      change.create_revision = before == nullptr ? change.revision : before->create_revision;
      change.version = before == nullptr ? 1 : before->version + 1;
    }
    history.push_back(std::move(change));
  }
};

}  // namespace detcd::watch
