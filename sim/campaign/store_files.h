// A campaign's directory: `campaign` says what it is, `results` has a line per run and only grows,
// `failures/` the best trace of every way to fail. One process at a time writes there. It may be
// killed at any moment, and the disk may fill up: what was written before stays readable, and the
// next one carries on.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sim/store/record.h"
#include "sim/store/totals.h"

namespace detcd::sim {

struct StoredCampaign {
  CampaignPlan plan;
  Totals totals;
};
// kNotFound, kDamaged, kIncompatible, with the file's name.
[[nodiscard]] Result<StoredCampaign> read_store(const std::string& directory);

// Temporary file, sync, rename: the old content or the new, never something between.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view content);

class CampaignStore {
 public:
  // Begins a campaign, or carries on with the one that is there, which must be the same.
  // kExists: it is another one; kBusy: somebody else writes there.
  [[nodiscard]] static Result<std::unique_ptr<CampaignStore>> open(const std::string& directory,
                                                                   const CampaignPlan& plan);
  ~CampaignStore();
  CampaignStore(const CampaignStore&) = delete;
  CampaignStore& operator=(const CampaignStore&) = delete;

  [[nodiscard]] const CampaignPlan& plan() const { return plan_; }
  [[nodiscard]] const Totals& totals() const { return totals_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  // A last line that was cut short was found, and taken away.
  [[nodiscard]] bool was_torn() const { return torn_; }

  // Into the file and the totals. After an error nothing of the record is left.
  [[nodiscard]] Result<void> append(const RunRecord& record);
  [[nodiscard]] Result<void> sync();
  [[nodiscard]] std::string failure_path(const std::string& fingerprint) const;
  // `name` in the directory.
  [[nodiscard]] Result<void> replace(const std::string& name, std::string_view content) const;

 private:
  CampaignStore(std::string directory, const CampaignPlan& plan)
      : directory_(std::move(directory)), plan_(plan) {}
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<void> carry_on();

  std::string directory_;
  CampaignPlan plan_;
  Totals totals_;
  int lock_ = -1;
  int results_ = -1;
  std::uint64_t size_ = 0;  // Of the results' whole lines.
  bool torn_ = false;
};

}  // namespace detcd::sim
