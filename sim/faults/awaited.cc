// Families that are declared and wait for what they would harm: they have names, so that profiles
// and masks can speak of them and say why nothing of them happens yet.
#include "base/check.h"
#include "sim/faults/families.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kMembership = "changes of the members of a running cluster";
constexpr std::string_view kVersions = "a second version of the server";

class Awaited final : public Family {
 public:
  Awaited(std::string_view name, std::string_view what) : Family({.name = name, .awaits = what}) {}
  [[nodiscard]] std::unique_ptr<Fault> blank() const override { return nothing(); }
  [[nodiscard]] std::unique_ptr<Fault> draw(const FaultDraw&) const override { return nothing(); }

 private:
  static std::unique_ptr<Fault> nothing() {
    check(false, "a family that isn't available has no faults");
    return nullptr;
  }
};

}  // namespace

const Family& add_learner_family() {
  static const Awaited family("add-learner", kMembership);
  return family;
}
const Family& promote_family() {
  static const Awaited family("promote", kMembership);
  return family;
}
const Family& remove_member_family() {
  static const Awaited family("remove-member", kMembership);
  return family;
}
const Family& replace_member_family() {
  static const Awaited family("replace-member", kMembership);
  return family;
}
const Family& update_peer_url_family() {
  static const Awaited family("update-peer-url", kMembership);
  return family;
}
const Family& move_leader_family() {
  static const Awaited family("move-leader", "MoveLeader");
  return family;
}
const Family& mixed_versions_family() {
  static const Awaited family("mixed-versions", kVersions);
  return family;
}
const Family& rolling_upgrade_family() {
  static const Awaited family("rolling-upgrade", kVersions);
  return family;
}

}  // namespace detcd::sim
