#include "sim/plan/watches.h"

#include <algorithm>
#include <string>

#include "sim/plan/draw.h"

namespace detcd::sim {
namespace {

using runtime::Site;

constexpr Site kWatch{"plan: watch"};
constexpr std::uint64_t kDrawsPerWatch = 64;

// One watch: each of its draws has the next ordinal.
class OneWatch {
 public:
  OneWatch(const Draw& draw, std::uint64_t ordinal, const Settings& settings)
      : draw_(draw), next_((ordinal + 1) * kDrawsPerWatch), settings_(settings) {}

  WatchEntry one() {
    WatchEntry entry;
    // Some are there before anything is written.
    const Duration last = settings_.length * 3 / 4;
    if (!one_in(4)) entry.at = uniform(word(), Duration{}, last);
    entry.request = request();
    if (one_in(3)) entry.length = uniform(word(), settings_.election, last);
    if (one_in(2)) entry.ask_every = settings_.election / (1 + number(20));
    if (one_in(4)) entry.slow = Duration(1ms) * (1 + number(40));
    return entry;
  }

 private:
  std::uint64_t word() { return draw_.word(kWatch, next_++); }
  std::uint64_t pick(std::uint64_t bound) { return draw_.pick(kWatch, next_++, bound); }
  bool one_in(std::uint64_t bound) { return pick(bound) == 0; }
  std::int64_t number(std::uint64_t bound) { return static_cast<std::int64_t>(pick(bound)); }

  std::string key() {
    const std::uint64_t keys = std::min<std::uint64_t>(settings_.keys, one_in(4) ? 150 : 4);
    return "k" + std::to_string(pick(keys));
  }
  watch::Create request() {
    watch::Create request;
    request.key = key();
    switch (pick(4)) {
      case 0:
        break;
      case 1:
        request.range_end = one_in(8) ? key() : "l";
        break;
      default:
        request.key = one_in(2) ? std::string() : request.key;
        request.range_end = std::string(1, '\0');
        break;
    }
    request.start_revision = start();
    request.prev_kv = one_in(2);
    request.no_put = one_in(8);
    request.no_delete = one_in(8);
    request.progress_notify = one_in(2);
    request.fragment = one_in(2);
    return request;
  }
  // Now, near the newest, at the beginning, or in the future.
  std::int64_t start() {
    switch (pick(6)) {
      case 0:
        return -1 - number(8);
      case 1:
        return -1 - number(100);
      case 2:
        return 1 + number(30);
      case 3:
        return 1 + number(2000);
      default:
        return 0;
    }
  }

  const Draw& draw_;
  std::uint64_t next_;
  const Settings& settings_;
};

}  // namespace

std::vector<WatchEntry> draw_watches(std::uint64_t seed, const Settings& settings) {
  std::vector<WatchEntry> watches;
  for (std::uint32_t client = 1; client <= settings.clients; ++client) {
    constexpr std::uint64_t kWatchers = 5000;
    const Draw draw(seed, kWatchers + client);
    const std::uint64_t count = draw.pick(kWatch, 0, settings.watches + 1);
    for (std::uint64_t n = 0; n < count; ++n) {
      WatchEntry entry = OneWatch(draw, n, settings).one();
      entry.client = client;
      entry.id = client * 1'000ULL + n;
      watches.push_back(std::move(entry));
    }
  }
  std::ranges::stable_sort(watches, {}, &WatchEntry::at);
  return watches;
}

}  // namespace detcd::sim
