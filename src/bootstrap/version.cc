#include "bootstrap/version.h"

#include <fmt/core.h>

namespace detcd::bootstrap {
namespace {

constexpr std::string_view platform() {
#if defined(__x86_64__)
  return "linux/amd64";
#elif defined(__aarch64__)
  return "linux/arm64";
#else
  return "linux/other";
#endif
}

}  // namespace

// Both come from the build (src/CMakeLists.txt).
std::string_view detcd_version() {
  return DETCD_VERSION;
}
std::string_view git_commit() {
  return DETCD_GIT_COMMIT;
}

std::string version_text() {
  return fmt::format("etcd Version: {}\nGit SHA: {}\ndetcd Version: {}\ndetcd OS/Arch: {}\n",
                     kEtcdVersion, git_commit(), detcd_version(), platform());
}

}  // namespace detcd::bootstrap
