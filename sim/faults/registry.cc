#include "sim/faults/registry.h"

#include <algorithm>
#include <array>
#include <string>

#include "runtime/random.h"
#include "sim/faults/families.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

using runtime::Site;

constexpr Site kGap{"plan: time between faults of a family"};
constexpr std::uint64_t kFamilyEntities = 100;

// A new family is one more line here and in families.h.
const std::array kFamilies{
    &crash_family(),
    &power_loss_family(),
    &rot_family(),
    &pause_family(),
    &partition_family(),
    &delay_family(),
    &reset_family(),
    &clock_family(),
    &rot_snapshot_family(),
    &put_back_family(),
    &echo_family(),
    &loss_family(),
    &reorder_family(),
    &hold_family(),
    &bandwidth_family(),
    &window_family(),
    &isolate_family(),
    &ring_family(),
    &bridge_family(),
    &swizzle_family(),
    &half_open_family(),
    &black_hole_family(),
    &refuse_family(),
    &no_answer_family(),
    &slow_names_family(),
    &no_names_family(),
    &stale_names_family(),
    &freeze_family(),
    &clock_jump_family(),
    &wall_drift_family(),
    &suspend_family(),
    &slow_cpu_family(),
    &slow_disk_family(),
    &add_learner_family(),
    &promote_family(),
    &remove_member_family(),
    &replace_member_family(),
    &update_peer_url_family(),
    &move_leader_family(),
    &mixed_versions_family(),
    &rolling_upgrade_family(),
    &write_error_family(),
    &sync_error_family(),
    &no_space_family(),
    &stall_family(),
    &bad_sector_family(),
    &lost_write_family(),
    &misdirected_write_family(),
    &wipe_family(),
    &swap_family(),
    &out_of_memory_family(),
    &lying_sync_family(),
    &rare_family(),
    &flip_family(),
};

Error invalid(std::string_view line) {
  return {Errc::kInvalid, "can't read the plan's line: " + std::string(line)};
}

Error awaited(const Family& family) {
  return {Errc::kInvalid, "the faults \"" + std::string(family.name()) +
                              "\" aren't available yet: they await " +
                              std::string(family.info().awaits)};
}

// The names of a mask, after "all" or "none".
template <class Each>
void each_name(std::string_view mask, const Each& each) {
  for (std::string_view rest = mask; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    if (!word.empty() && word.data() != mask.data()) each(word);
  }
}

}  // namespace

std::span<const Family* const> families() {
  return kFamilies;
}

const Family* family_named(std::string_view name) {
  for (const Family* family : families()) {
    if (family->name() == name) return family;
  }
  return nullptr;
}

const Family* family_of(std::string_view fault) {
  const std::string_view word = fault.substr(0, fault.find(' '));
  for (const Family* family : families()) {
    const FamilyInfo& info = family->info();
    const bool owns = word == info.name || (word == info.other_word && !word.empty());
    if (owns) return family;
  }
  return nullptr;
}

std::unique_ptr<Fault> read_fault(std::string_view text) {
  const Family* family = family_of(text);
  if (family == nullptr || !family->available()) return nullptr;
  std::unique_ptr<Fault> fault = family->blank();
  Words words(text);
  FieldsReader reader(words);
  fault->fields(reader);
  if (!words.finished()) return nullptr;
  return fault;
}

std::string print(Fault& fault) {
  FieldsWriter writer;
  fault.fields(writer);
  return writer.text();
}

Result<FaultEntry> parse_fault(std::string_view line) {
  Words words(line);
  FaultEntry entry;
  words.expect("at");
  entry.at = words.duration();
  if (!words.ok()) return invalid(line);
  const std::string_view text = words.rest();
  const Family* family = family_of(text);
  if (family != nullptr && !family->available()) return awaited(*family);
  const std::unique_ptr<Fault> fault = read_fault(text);
  if (fault == nullptr) return invalid(line);
  entry.fault = print(*fault);
  return entry;
}

bool is_on(const Family& family, const Settings& settings) {
  const std::string_view mask = settings.families;
  const bool all = mask.starts_with("all");
  bool named = false;
  each_name(mask, [&](std::string_view word) {
    if (all && word.starts_with('-')) word.remove_prefix(1);
    named = named || word == family.name();
  });
  return family.available() && named != all;
}

Result<void> check_mask(std::string_view mask) {
  const std::string_view first = mask.substr(0, mask.find(' '));
  const Error form{Errc::kInvalid,
                   "families are \"all\", \"all -rot -echo\" or \"none crash pause\", not \"" +
                       std::string(mask) + "\""};
  if (first != "all" && first != "none") return form;
  std::string wrong;
  each_name(mask, [&](std::string_view word) {
    if (word.starts_with('-') != (first == "all")) wrong = form.message;
    if (word.starts_with('-')) word.remove_prefix(1);
    const Family* family = family_named(word);
    if (family == nullptr) {
      wrong = "there is no family of faults \"" + std::string(word) + "\"; there are";
      for (const Family* known : families()) wrong += " " + std::string(known->name());
    } else if (!family->available()) {
      wrong = awaited(*family).message;
    }
  });
  if (!wrong.empty()) return Error{Errc::kInvalid, wrong};
  return {};
}

Result<void> mask_families(std::string_view mask, Settings& settings) {
  const Result<void> known = check_mask(mask);
  if (!known) return known;
  if (mask == "all") return {};
  Settings asked = settings;
  asked.families = mask;
  const bool exactly = mask.starts_with("none");
  std::string on = "none";
  for (const Family* family : families()) {
    const bool before = exactly || is_on(*family, settings);
    if (before && is_on(*family, asked)) on += " " + std::string(family->name());
  }
  settings.families = on;
  return {};
}

std::vector<FaultEntry> draw_faults(std::uint64_t seed, const Settings& settings) {
  std::vector<FaultEntry> faults;
  for (const Family* family : families()) {
    if (!is_on(*family, settings) || !family->possible(settings)) continue;
    const Draw draw(seed, kFamilyEntities + family->key());
    Duration at = settings.election;
    for (std::uint64_t n = 0;; ++n) {
      at += exponential(draw.word(kGap, n), family->gap(settings));
      if (at >= settings.length) break;
      faults.push_back({at, print(*family->draw(FaultDraw(draw, n, settings)))});
    }
  }
  std::ranges::stable_sort(faults, {}, &FaultEntry::at);
  return faults;
}

}  // namespace detcd::sim
