#include "tests/apply/dice.h"

#include "apply/validate.h"

namespace detcd::apply {
namespace {

Revision draw_revision(Dice& dice, const Around& around) {
  const Revision low = std::max<Revision>(1, around.compacted) - 2;
  return low +
         static_cast<Revision>(dice.below(static_cast<std::uint64_t>(around.revision - low) + 3));
}

// Few, so that most of them exist.
std::int64_t draw_lease(Dice& dice) {
  return static_cast<std::int64_t>(dice.below(7)) - 2;
}

PutRequest draw_put(Dice& dice) {
  PutRequest put{.key = draw_key(dice), .value = std::string(dice.below(40), 'v')};
  put.value += std::to_string(dice.below(10));
  put.prev_kv = dice.chance(3);
  put.ignore_lease = dice.chance(8);
  put.lease = !put.ignore_lease && dice.chance(3) ? draw_lease(dice) : 0;
  if (dice.chance(6)) {
    put.ignore_value = true;
    put.value.clear();
  }
  return put;
}

DeleteRangeRequest draw_erase(Dice& dice) {
  DeleteRangeRequest erase{.key = draw_key(dice)};
  if (!dice.chance(3)) erase.range_end = draw_end(dice, erase.key);
  erase.prev_kv = dice.chance(2);
  return erase;
}

}  // namespace

std::string draw_key(Dice& dice) {
  std::string key(1, static_cast<char>('a' + dice.below(4)));
  if (dice.chance(2)) key.push_back(static_cast<char>('a' + dice.below(3)));
  return key;
}

std::string draw_end(Dice& dice, const std::string& key) {
  switch (dice.below(5)) {
    case 0:
      return std::string(1, '\0');
    case 1:
      return "";
    case 2:
      return draw_key(dice);
    default: {
      std::string end = key;
      end.back() = static_cast<char>(end.back() + 1);
      return end;
    }
  }
}

RangeRequest draw_range(Dice& dice, const Around& around) {
  RangeRequest range{.key = dice.chance(4) ? std::string(1, '\0') : draw_key(dice)};
  range.range_end = dice.chance(3) ? std::string(1, '\0') : draw_end(dice, range.key);
  if (dice.chance(2)) range.limit = static_cast<std::int64_t>(dice.below(6)) - 1;
  if (dice.chance(2)) range.revision = draw_revision(dice, around);
  if (dice.chance(2)) range.sort_order = static_cast<std::int32_t>(dice.below(3));
  if (dice.chance(2)) range.sort_target = static_cast<std::int32_t>(dice.below(5));
  range.keys_only = dice.chance(4);
  range.count_only = dice.chance(6);
  if (dice.chance(6)) range.min_mod_revision = draw_revision(dice, around);
  if (dice.chance(6)) range.max_mod_revision = draw_revision(dice, around);
  if (dice.chance(6)) range.min_create_revision = draw_revision(dice, around);
  if (dice.chance(6)) range.max_create_revision = draw_revision(dice, around);
  return range;
}

Compare draw_compare(Dice& dice, const Around& around) {
  Compare compare{.result = static_cast<std::int32_t>(dice.below(5)),
                  .target = static_cast<std::int32_t>(dice.below(6)),
                  .key = draw_key(dice)};
  if (dice.chance(3)) compare.range_end = draw_end(dice, compare.key);
  compare.number =
      dice.chance(2) ? static_cast<std::int64_t>(dice.below(4)) : draw_revision(dice, around);
  compare.value = std::string(dice.below(20), 'v');
  return compare;
}

TxnRequest draw_txn(Dice& dice, const Around& around, int depth) {
  TxnRequest txn;
  for (std::uint64_t i = dice.below(3); i > 0; --i)
    txn.compare.push_back(draw_compare(dice, around));
  for (std::vector<RequestOp>* branch : {&txn.success, &txn.failure}) {
    for (std::uint64_t i = dice.below(4); i > 0; --i) {
      switch (dice.below(depth < 2 ? 5 : 4)) {
        case 0: {
          RangeRequest range = draw_range(dice, around);
          if (!dice.chance(4)) range.revision = 0;
          branch->push_back({std::move(range)});
          break;
        }
        case 1:
          branch->push_back({draw_erase(dice)});
          break;
        case 4:
          branch->push_back({draw_txn(dice, around, depth + 1)});
          break;
        default:
          branch->push_back({draw_put(dice)});
          break;
      }
    }
  }
  return txn;
}

Command draw_lease_command(Dice& dice, std::uint64_t term) {
  switch (dice.below(8)) {
    case 0:
      return {.request = LeaseRevokeRequest{draw_lease(dice)}};
    case 1:
    case 2: {
      LeaseRenewRequest renew;
      for (std::uint64_t i = dice.below(4); i > 0; --i) renew.ids.push_back(draw_lease(dice));
      return {.request = std::move(renew)};
    }
    case 3:
    case 4:
      return {.request = LeaseTick{.term = dice.chance(5) ? term - 1 : term,
                                   .election_timeout_ms = dice.below(2'000),
                                   .minimum_ms = dice.below(3'000)}};
    default: {
      const std::int64_t ttl =
          dice.chance(20) ? 9'000'000'001 : 1 + static_cast<std::int64_t>(dice.below(9));
      return {.request = LeaseGrantRequest{.id = draw_lease(dice), .ttl = ttl}};
    }
  }
}

Command draw_command(Dice& dice, const Around& around) {
  if (dice.chance(4)) return draw_lease_command(dice, around.term);
  switch (dice.below(12)) {
    case 0:
      return {.request = CompactionRequest{.revision = draw_revision(dice, around)}};
    case 1:
    case 2:
      return {.request = draw_erase(dice)};
    case 3:
    case 4:
    case 5:
      while (true) {
        TxnRequest txn = draw_txn(dice, around);
        if (!validate(txn, Limits{})) return {.request = std::move(txn)};
      }
    default:
      return {.request = draw_put(dice)};
  }
}

}  // namespace detcd::apply
