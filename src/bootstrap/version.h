// Which version this is, and which version of etcd it answers as.
#pragma once

#include <string>
#include <string_view>

namespace detcd::bootstrap {

// The API level that clients are told, in --version, /version and Status.
inline constexpr std::string_view kEtcdVersion = "3.7.1";
inline constexpr std::string_view kEtcdClusterVersion = "3.7.0";

// detcd's own version, and the commit it was built from.
[[nodiscard]] std::string_view detcd_version();
[[nodiscard]] std::string_view git_commit();

// Four lines, as `etcd --version` prints them.
[[nodiscard]] std::string version_text();

}  // namespace detcd::bootstrap
