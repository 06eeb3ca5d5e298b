// All that one disk holds, as a copyable value: directories and files, each with what is shown and
// what is durable. A name is durable only after a sync of its directory; a power loss keeps or
// loses each unsynced operation on names (any subset, or a prefix with an ordered journal).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "runtime/disk.h"
#include "sim/disk/file_content.h"

namespace detcd::sim {

// Names a file or directory of one image, whatever its path is at the time.
using FileNumber = Id<struct FileNumberTag>;

class DiskImage {
 public:
  DiskImage();

  // Paths are split at "/"; "." and empty parts are passed over, ".." goes up.
  [[nodiscard]] Result<FileNumber> find_file(std::string_view path) const;
  Result<FileNumber> open(std::string_view path, runtime::OpenMode mode);
  Result<void> rename(std::string_view from, std::string_view to);
  Result<void> remove(std::string_view path);
  Result<void> make_directory(std::string_view path);
  [[nodiscard]] Result<std::vector<runtime::DirectoryEntry>> list(std::string_view path) const;
  [[nodiscard]] bool is_directory(std::string_view path) const;
  Result<void> sync_directory(std::string_view path, bool ordered_journal);

  // The file must exist in this image.
  [[nodiscard]] FileContent& content(FileNumber file);
  [[nodiscard]] const FileContent& content(FileNumber file) const;
  // A key for draws that doesn't depend on what else happened: the path it was made under.
  [[nodiscard]] std::uint64_t key_of(FileNumber file) const;
  [[nodiscard]] bool exists(FileNumber file) const { return nodes_.contains(file.value()); }
  // An open file lives on without a name until the next power loss or the last close.
  void hold(FileNumber file);
  void let_go(FileNumber file);
  void let_all_go();
  // Bytes that the files take which have a name or are open.
  [[nodiscard]] std::uint64_t used_bytes() const;

  void lose_power(const PowerLossModel& model, const Draws& draws);
  // What a power loss surely leaves: nothing unsynced.
  [[nodiscard]] DiskImage durable_only() const;

  // For tests and plans. Full paths of all files, sorted.
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] std::optional<std::string> read_file(std::string_view path) const;
  // False when there is no such byte.
  bool flip(std::string_view path, std::uint64_t offset, unsigned char mask);
  [[nodiscard]] std::size_t unsynced_names() const { return pending_.size(); }
  // What the medium holds instead of what was acknowledged, in the files that have a name.
  struct HarmedPlace {
    std::string path;
    HarmedSector what;
  };
  [[nodiscard]] std::vector<HarmedPlace> harmed() const;
  // Harm that nobody has seen yet is undone; false when there was none.
  bool heal_latent();
  // What the latest power loss took of what nobody had synced, in the files that have a name.
  struct LostPlace {
    std::string path;
    LostSector what;
  };
  [[nodiscard]] std::vector<LostPlace> lost() const;

 private:
  using Entries = std::map<std::string, std::uint64_t, std::less<>>;
  struct Node {
    bool directory = false;
    std::uint64_t key = 0;
    std::uint64_t holders = 0;
    FileContent content;
    Entries entries;  // As shown.
    Entries durable_entries;
  };
  struct EntryChange {
    std::uint64_t directory = 0;
    std::string name;
    std::optional<std::uint64_t> node;  // Nothing: the name goes away.
  };
  struct NameOperation {
    std::uint64_t sequence = 0;
    std::vector<EntryChange> changes;  // Kept or lost together.
    std::set<std::uint64_t> unsynced;  // Directories that must still be synced.
  };
  struct Place {
    std::uint64_t directory = 0;
    std::string name;  // Empty: the root itself.
    std::optional<std::uint64_t> node;
  };
  [[nodiscard]] Result<Place> locate(std::string_view path) const;
  std::uint64_t add_node(bool directory, std::string_view path);
  void change(std::vector<EntryChange> changes);
  void make_durable(const NameOperation& operation);
  void collect();
  void collect_now_and_then();
  void reach(std::uint64_t node, std::set<std::uint64_t>& reached) const;
  void collect_files(std::uint64_t node, const std::string& prefix,
                     std::vector<std::string>& paths) const;

  std::map<std::uint64_t, Node> nodes_;
  std::size_t collect_at_ = 0;  // As many nodes.
  std::uint64_t next_node_ = 2;
  std::uint64_t next_sequence_ = 1;
  std::vector<NameOperation> pending_;  // Oldest first.
  // The newest operation that made each durable name what it is: an older one comes too late.
  std::map<std::pair<std::uint64_t, std::string>, std::uint64_t> durable_since_;
};

}  // namespace detcd::sim
