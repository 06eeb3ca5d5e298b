// The judge of watches: what each is told over all its streams, compared as it comes with all
// changes in the order of the log (ETCD.md §2.7, DESIGN §5). Ordered, unique, a revision never
// split, without gaps, complete up to what a bookmark says; values, versions and filters right; a
// compaction ends only who is behind it; and in the end everybody was told everything.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/history/history.h"
#include "sim/history/watched.h"
#include "sim/oracles/model.h"
#include "sim/oracles/oracle.h"

namespace detcd::sim {

// What watches may go through.
[[nodiscard]] std::span<const std::string_view> watch_probes();

class WatchOracle final : public Oracle {
 public:
  explicit WatchOracle(const OracleWorld& world) : world_(world) { model_.tell_changes(&changes_); }
  WatchOracle(const WatchOracle&) = delete;
  WatchOracle& operator=(const WatchOracle&) = delete;

  void on_applied(std::uint32_t node, const apply::Position& position) override;
  void on_watch(const WatchNote& note) override;
  [[nodiscard]] std::string awaited() override;

 private:
  using Change = Model::Change;
  struct Watch {
    std::uint32_t client = 0;
    watch::Create wanted;
    bool over = false;         // Canceled by either side, or refused.
    bool made_once = false;    // On some stream.
    apply::Revision next = 0;  // Everything before was told, over all streams; 0: not known yet.
    // Of the stream at hand.
    bool asked = false;
    bool made = false;
    apply::Revision start = 0;  // As it was asked for.
    apply::Revision from = 0;   // The first revision that it is about.
    std::size_t cursor = 0;     // Changes before this one were told, or are none of its.
    bool in_parts = false;      // Of a response some parts have come.
  };

  void learn();
  void learn_leases(const LeaseRecord& said);
  void asked(const WatchNote& note, Watch& watch);
  void answered(const WatchNote& note, Watch& watch);
  void made(const WatchNote& note, Watch& watch);
  void canceled(const WatchNote& note, Watch& watch);
  void told(const WatchNote& note, Watch& watch);
  // False: it contradicts what happened.
  bool judge_event(const WatchNote& note, Watch& watch, const watch::Event& event);
  void promised(const WatchNote& note, Watch& watch);
  void promised_all(const WatchNote& note);
  void lost(std::uint32_t client);
  // The next change that the watch is to be told of on its stream; null: none so far.
  [[nodiscard]] const Change* next_change(Watch& watch) const;
  // A change that it wants in [from, to); null: none.
  [[nodiscard]] const Change* change_between(const Watch& watch, apply::Revision from,
                                             apply::Revision to) const;
  [[nodiscard]] static bool wants(const watch::Create& create, const Change& change);
  void fail(const WatchNote& note, const std::string& what) const;

  OracleWorld world_;
  Model model_;
  std::vector<Change> changes_;
  std::uint64_t known_ = 0;              // Of the log, up to this index.
  std::set<apply::RequestId> requests_;  // That took effect.
  std::map<std::uint64_t, Watch> watches_;
};

}  // namespace detcd::sim
