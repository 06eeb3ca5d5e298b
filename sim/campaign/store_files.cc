#include "sim/campaign/store_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "sim/campaign/command_line.h"

namespace detcd::sim {
namespace {

Error failed(const std::string& what, const std::string& path) {
  const int number = errno;
  const Errc code = number == ENOSPC || number == EFBIG || number == EDQUOT ? Errc::kNoSpace
                    : number == ENOENT                                      ? Errc::kNotFound
                                                                            : Errc::kIo;
  return {code, what + " " + path + ": " + std::strerror(number)};
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string head_of(const std::string& directory) {
  return directory + "/campaign";
}
std::string results_of(const std::string& directory) {
  return directory + "/results";
}

Result<CampaignPlan> read_head(const std::string& directory) {
  const Result<std::string> text = read_file(head_of(directory));
  if (!text) return Error{Errc::kNotFound, directory + " holds no campaign"};
  Result<CampaignPlan> plan = parse_campaign(*text);
  if (!plan) return Error{plan.error().code, head_of(directory) + ": " + plan.error().message};
  return plan;
}

Result<Records> read_records(const std::string& directory) {
  std::error_code none;
  if (!std::filesystem::exists(results_of(directory), none)) return Records{};
  const Result<std::string> text = read_file(results_of(directory));
  if (!text) return text.error();
  Result<Records> records = parse_records(*text);
  if (!records) {
    return Error{records.error().code, results_of(directory) + ": " + records.error().message};
  }
  return records;
}

Result<void> add_all(const std::vector<RunRecord>& records, const std::string& directory,
                     Totals& totals) {
  for (const RunRecord& record : records) {
    const Result<void> added = totals.add(record);
    if (!added) return Error{added.error().code, directory + ": " + added.error().message};
  }
  return {};
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".new";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return failed("can't write", path);
  const bool written = write_all(file, content) && ::fsync(file) == 0;
  const Error error = failed("can't write", path);
  ::close(file);
  if (!written) {
    ::unlink(temporary.c_str());
    return error;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("can't write", path);
  return {};
}

Result<StoredCampaign> read_store(const std::string& directory) {
  StoredCampaign stored;
  const Result<CampaignPlan> plan = read_head(directory);
  if (!plan) return plan.error();
  stored.plan = *plan;
  const Result<Records> records = read_records(directory);
  if (!records) return records.error();
  const Result<void> added = add_all(records->records, directory, stored.totals);
  if (!added) return added.error();
  return stored;
}

Result<std::unique_ptr<CampaignStore>> CampaignStore::open(const std::string& directory,
                                                           const CampaignPlan& plan) {
  std::error_code error;
  std::filesystem::create_directories(directory + "/failures", error);
  if (error) {
    return Error{Errc::kIo, "can't make the directory " + directory + ": " + error.message()};
  }
  std::unique_ptr<CampaignStore> store(new CampaignStore(directory, plan));
  store->lock_ = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (store->lock_ < 0) return failed("can't open", directory);
  if (::flock(store->lock_, LOCK_EX | LOCK_NB) != 0) {
    return Error{Errc::kBusy, directory + ": another campaign is writing there"};
  }
  const bool is_there = std::filesystem::exists(head_of(directory), error);
  const Result<void> ready = is_there ? store->carry_on() : store->begin();
  if (!ready) return ready.error();
  return store;
}

CampaignStore::~CampaignStore() {
  if (results_ >= 0) ::close(results_);
  if (lock_ >= 0) ::close(lock_);
}

// The results' file before the head: a directory with a head is one to carry on with.
Result<void> CampaignStore::begin() {
  if (std::filesystem::exists(results_of(directory_))) {
    return Error{Errc::kDamaged, directory_ + " has results but no head: " + head_of(directory_)};
  }
  const Result<void> head = replace_file(head_of(directory_), print(plan_));
  if (!head) return head;
  return carry_on();
}

Result<void> CampaignStore::carry_on() {
  const Result<CampaignPlan> there = read_head(directory_);
  if (!there) return there.error();
  std::string differs = difference(*there, plan_);
  if (differs.empty() && there->shard != plan_.shard) differs = "it is another shard";
  if (!differs.empty()) {
    return Error{Errc::kExists, directory_ + " holds another campaign: " + differs};
  }
  const Result<Records> records = read_records(directory_);
  if (!records) return records.error();
  const Result<void> added = add_all(records->records, directory_, totals_);
  if (!added) return added;
  torn_ = records->torn;
  size_ = records->whole_bytes;
  const std::string path = results_of(directory_);
  results_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (results_ < 0) return failed("can't open", path);
  if (::ftruncate(results_, static_cast<off_t>(size_)) != 0 || ::lseek(results_, 0, SEEK_END) < 0) {
    return failed("can't write", path);
  }
  return {};
}

Result<void> CampaignStore::append(const RunRecord& record) {
  const std::string line = print(record);
  if (!write_all(results_, line)) {
    const Error error = failed("can't write", results_of(directory_));
    // A part of the line may be there: it goes, and would be recognised if it couldn't.
    if (::ftruncate(results_, static_cast<off_t>(size_)) != 0 ||
        ::lseek(results_, 0, SEEK_END) < 0) {
      return failed("can't write", results_of(directory_));
    }
    return error;
  }
  size_ += line.size();
  return totals_.add(record);
}

Result<void> CampaignStore::sync() {
  if (::fdatasync(results_) != 0) return failed("can't write", results_of(directory_));
  return {};
}

std::string CampaignStore::failure_path(const std::string& fingerprint) const {
  return directory_ + "/failures/" + failure_name(fingerprint) + ".trace";
}

Result<void> CampaignStore::replace(const std::string& name, std::string_view content) const {
  return replace_file(directory_ + "/" + name, content);
}

}  // namespace detcd::sim
