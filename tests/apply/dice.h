// Random commands and reads drawn from one number each, so that a history is a list of numbers,
// which RapidCheck makes and shrinks. Keys are few and short, so that everything overlaps.
#pragma once

#include <cstdint>
#include <string>

#include "apply/command.h"
#include "base/hash.h"

namespace detcd::apply {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return mix64(seed_, ++draws_) % bound; }
  bool chance(std::uint64_t one_in) { return below(one_in) == 0; }

 private:
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
};

// Where a store stands, so that revisions are drawn around what exists.
struct Around {
  Revision revision = 1;
  Revision compacted = -1;
  std::uint64_t term = 1;
};

std::string draw_key(Dice& dice);
std::string draw_end(Dice& dice, const std::string& key);
RangeRequest draw_range(Dice& dice, const Around& around);
Compare draw_compare(Dice& dice, const Around& around);
TxnRequest draw_txn(Dice& dice, const Around& around, int depth = 0);
Command draw_lease_command(Dice& dice, std::uint64_t term);
// A command that passes validation.
Command draw_command(Dice& dice, const Around& around);

}  // namespace detcd::apply
