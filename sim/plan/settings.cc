#include "sim/plan/settings.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

constexpr std::array kFields{
    SettingField{"profile", &Settings::profile},
    SettingField{"families", &Settings::families},
    SettingField{"nodes", &Settings::nodes, 0},
    SettingField{"clients", &Settings::clients, 1},
    SettingField{"length", &Settings::length, 4},
    SettingField{"heartbeat", &Settings::heartbeat, 2},
    SettingField{"election", &Settings::election, 3},
    SettingField{"snapshot-count", &Settings::snapshot_count, 5},
    SettingField{"catch-up-entries", &Settings::catch_up_entries, 6},
    SettingField{"wal-segment-bytes", &Settings::wal_segment_bytes, 7},
    SettingField{"append-bytes-max", &Settings::append_bytes_max, 11},
    SettingField{"inflight-messages-max", &Settings::inflight_messages_max, 12},
    SettingField{"chunk-bytes", &Settings::chunk_bytes, 13},
    SettingField{"step-units", &Settings::step_units, 14},
    SettingField{"keys", &Settings::keys, 15},
    SettingField{"leases", &Settings::leases},
    SettingField{"users", &Settings::users},
    SettingField{"clients-enter", &Settings::clients_enter, 16},
    SettingField{"pre-vote", &Settings::pre_vote, 8},
    SettingField{"link-latency", &Settings::link_latency, 9},
    SettingField{"link-spread", &Settings::link_spread},
    SettingField{"link-sigma", &Settings::link_sigma},
    SettingField{"link-tail-ppm", &Settings::link_tail_ppm},
    SettingField{"window-bytes", &Settings::window_bytes},
    SettingField{"wall-offset", &Settings::wall_offset},
    SettingField{"sync-latency", &Settings::sync_latency, 10},
    SettingField{"torn-ppm", &Settings::torn_ppm},
    SettingField{"garbage-ppm", &Settings::garbage_ppm},
    SettingField{"read-retry", &Settings::read_retry},
    SettingField{"unapplied-max", &Settings::unapplied_max},
    SettingField{"pending-bytes-max", &Settings::pending_bytes_max},
    SettingField{"quota-bytes", &Settings::quota_bytes},
    SettingField{"watches", &Settings::watches},
    SettingField{"watch-notify", &Settings::watch_notify},
    SettingField{"watch-credit-bytes", &Settings::watch_credit_bytes},
    SettingField{"watch-batch-revisions", &Settings::watch_batch_revisions},
    SettingField{"watch-part-bytes", &Settings::watch_part_bytes},
    SettingField{"watch-window-bytes", &Settings::watch_window_bytes},
    SettingField{"members-vary", &Settings::members_vary},
    SettingField{"fault-gap", &Settings::fault_gap},
    SettingField{"paces", &Settings::paces},
    SettingField{"bias", &Settings::bias},
    SettingField{"core", &Settings::core},
    SettingField{"beyond-budget", &Settings::beyond_budget},
    SettingField{"minimum-acked", &Settings::minimum_acked},
    SettingField{"minimum-acked-per-minute", &Settings::minimum_acked_per_minute},
    SettingField{"minimum-faults", &Settings::minimum_faults},
    SettingField{"minimum-leaders", &Settings::minimum_leaders},
};

std::string words(const std::string& value) {
  return value;
}
std::string words(std::uint32_t value) {
  return std::to_string(value);
}
std::string words(std::uint64_t value) {
  return std::to_string(value);
}
std::string words(Duration value) {
  return print_duration(value);
}
std::string words(bool value) {
  return value ? "1" : "0";
}

std::string words(Entrance value) {
  return value == Entrance::kApi ? "api" : "wire";
}

void read(Words& words, std::string& value) {
  value = words.rest();
  while (!words.finished() && words.ok()) words.word();
}
void read(Words& words, std::uint32_t& value) {
  const std::uint64_t number = words.number();
  if (number > std::numeric_limits<std::uint32_t>::max()) words.fail();
  value = static_cast<std::uint32_t>(number);
}
void read(Words& words, std::uint64_t& value) {
  value = words.number();
}
void read(Words& words, Duration& value) {
  value = words.duration();
}
void read(Words& words, bool& value) {
  value = words.number() != 0;
}
void read(Words& words, Entrance& value) {
  const std::string_view name = words.word();
  if (name != "wire" && name != "api") words.fail();
  value = name == "api" ? Entrance::kApi : Entrance::kWire;
}

}  // namespace

std::span<const SettingField> setting_fields() {
  return kFields;
}

std::string print(const Settings& settings) {
  std::string out;
  for (const SettingField& field : kFields) {
    const std::string value =
        std::visit([&](const auto where) { return words(settings.*where); }, field.where);
    out += std::string(field.name) + " " + value + "\n";
  }
  return out;
}

Result<void> parse_setting(std::string_view line, Settings& settings) {
  Words words(line);
  const std::string_view key = words.word();
  const auto field = std::ranges::find(kFields, key, &SettingField::name);
  if (field == kFields.end()) {
    words.fail();
  } else {
    std::visit([&](const auto where) { read(words, settings.*where); }, field->where);
  }
  if (!words.finished()) {
    return Error{Errc::kInvalid, "can't read the setting: " + std::string(line)};
  }
  return {};
}

}  // namespace detcd::sim
