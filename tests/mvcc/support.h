// Runs a store's resumable work to its end, with budgets as small as a test likes.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "mvcc/hash.h"
#include "mvcc/range.h"
#include "mvcc/scan.h"
#include "mvcc/store.h"
#include "mvcc/sweep.h"

namespace detcd::mvcc {

template <class Step>
void finish(Step step, std::uint64_t units = 10'000) {
  for (int i = 0; i < 10'000'000; ++i) {
    Meter meter({.units = units});
    if (std::holds_alternative<Done>(step(meter))) return;
  }
  FAIL() << "the work never ends";
}

inline void put(Store& store, std::string_view key, std::string_view value) {
  store.put({.key = key, .value = value});
  store.commit();
}

// Deletes the live keys of the range, without committing.
inline void erase_range(Store& store, const KeyRange& range) {
  KeyScan scan(range, store.write_revision());
  Meter meter({.units = 1'000'000});
  while (const std::optional<KeyScan::Row> row = scan.peek(store.index(), meter)) {
    store.erase(*row->entry);
    scan.pop();
  }
}

inline RangeResult read(const Store& store, RangeQuery query, std::uint64_t units = 10'000) {
  RangeRead work(std::move(query));
  finish([&](Meter& meter) { return work.advance(store, meter); }, units);
  return work.take();
}

inline void sweep(Sweeper& sweeper, Store& store, std::uint64_t units = 10'000) {
  finish([&](Meter& meter) { return sweeper.advance(store, meter); }, units);
}

}  // namespace detcd::mvcc
