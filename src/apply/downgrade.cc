#include "apply/downgrade.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace detcd::apply {
namespace {

struct Minor {
  std::int64_t major = 0;
  std::int64_t minor = 0;
  friend bool operator==(const Minor&, const Minor&) = default;
};

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value >= 0 ? std::optional(value) : std::nullopt;
}

// As go-semver reads it: three numbers, then what doesn't matter here.
std::optional<Minor> parse_semver(std::string_view text) {
  text = text.substr(0, text.find('+'));
  text = text.substr(0, text.find('-'));
  std::array<std::int64_t, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t dot = i + 1 < parts.size() ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const std::optional<std::int64_t> part = number(text.substr(0, dot));
    if (!part) return std::nullopt;
    parts[i] = *part;
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return Minor{parts[0], parts[1]};
}

// "3.6" is taken as well.
std::optional<Minor> parse_target(const std::string& text) {
  const std::optional<Minor> full = parse_semver(text);
  return full ? full : parse_semver(text + ".0");
}

std::string name_of(const Minor& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

}  // namespace

Answer Downgrade::validate(const DowngradeRequest& request,
                           const std::string& cluster_version) const {
  const bool cancels = request.action == static_cast<std::int32_t>(DowngradeAction::kCancel);
  const std::optional<Minor> target = parse_target(request.version);
  if (!cancels && !target) return ApiError::kWrongDowngradeVersionFormat;
  const std::optional<Minor> current = parse_semver(cluster_version);
  if (!current) return ApiError::kClusterVersionUnavailable;
  if (!cancels) {
    if (*target != Minor{current->major, current->minor - 1}) {
      return ApiError::kInvalidDowngradeTargetVersion;
    }
    if (!target_.empty()) return ApiError::kDowngradeInProcess;
  }
  return Response{DowngradeResponse{.version = name_of(*current)}};
}

Answer Downgrade::apply(const DowngradeRequest& request, const std::string& cluster_version) {
  Answer answer = validate(request, cluster_version);
  if (std::holds_alternative<ApiError>(answer)) return answer;
  switch (static_cast<DowngradeAction>(request.action)) {
    case DowngradeAction::kValidate:
      break;
    case DowngradeAction::kEnable:
      target_ = name_of(*parse_target(request.version)) + ".0";
      break;
    case DowngradeAction::kCancel:
      // Without a job it succeeds as well, as in etcd 3.7.
      target_.clear();
      break;
  }
  return answer;
}

Result<Downgrade> Downgrade::decode(Reader& in) {
  Downgrade downgrade;
  downgrade.target_ = in.bytes();
  if (!in.ok() || downgrade.target_.empty() || !parse_semver(downgrade.target_)) {
    return Error{Errc::kDamaged, "the downgrade under way doesn't decode"};
  }
  return downgrade;
}

}  // namespace detcd::apply
