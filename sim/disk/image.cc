#include "sim/disk/image.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

constexpr std::uint64_t kRoot = 1;
constexpr std::uint64_t kJournalKey = 0x6a6f75726e616cULL;

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
  }
  return parts;
}

Error failure(Errc code, std::string_view path, std::string_view what) {
  return {code, std::string(path) + ": " + std::string(what)};
}

}  // namespace

DiskImage::DiskImage() {
  Node root;
  root.directory = true;
  nodes_.emplace(kRoot, std::move(root));
}

Result<DiskImage::Place> DiskImage::locate(std::string_view path) const {
  const std::vector<std::string> parts = parts_of(path);
  if (parts.empty()) return Place{kRoot, "", kRoot};
  std::uint64_t directory = kRoot;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const Entries& entries = nodes_.at(directory).entries;
    const auto found = entries.find(parts[i]);
    if (found == entries.end()) return failure(Errc::kNotFound, path, "no such directory");
    if (!nodes_.at(found->second).directory) {
      return failure(Errc::kNotFound, path, "a file stands where a directory is expected");
    }
    directory = found->second;
  }
  const Entries& entries = nodes_.at(directory).entries;
  const auto found = entries.find(parts.back());
  if (found == entries.end()) return Place{directory, parts.back(), std::nullopt};
  return Place{directory, parts.back(), found->second};
}

Result<FileNumber> DiskImage::find_file(std::string_view path) const {
  const Result<Place> place = locate(path);
  if (!place) return place.error();
  if (!place->node) return failure(Errc::kNotFound, path, "no such file");
  if (nodes_.at(*place->node).directory) return failure(Errc::kInvalid, path, "is a directory");
  return FileNumber(*place->node);
}

std::uint64_t DiskImage::add_node(bool directory, std::string_view path) {
  Node node;
  node.directory = directory;
  for (const std::string& part : parts_of(path)) node.key = mix64(node.key, hash64(part));
  nodes_.emplace(next_node_, std::move(node));
  return next_node_++;
}

Result<FileNumber> DiskImage::open(std::string_view path, runtime::OpenMode mode) {
  const bool may_create =
      mode == runtime::OpenMode::kCreate || mode == runtime::OpenMode::kCreateNew;
  const Result<Place> place = locate(path);
  if (!place) return place.error();
  if (!place->node && may_create) {
    const std::uint64_t made = add_node(false, path);
    change({{place->directory, place->name, made}});
    return FileNumber(made);
  }
  if (!place->node) return failure(Errc::kNotFound, path, "no such file");
  if (mode == runtime::OpenMode::kCreateNew)
    return failure(Errc::kExists, path, "is there already");
  if (nodes_.at(*place->node).directory) return failure(Errc::kInvalid, path, "is a directory");
  return FileNumber(*place->node);
}

Result<void> DiskImage::rename(std::string_view from, std::string_view to) {
  const Result<Place> source = locate(from);
  if (!source) return source.error();
  const Result<Place> target = locate(to);
  if (!target) return target.error();
  if (!source->node) return failure(Errc::kNotFound, from, "no such file");
  if (*source->node == kRoot) return failure(Errc::kInvalid, from, "the root keeps its name");
  if (source->node == target->node) return {};
  const Node& moved = nodes_.at(*source->node);
  if (target->node) {
    const Node& replaced = nodes_.at(*target->node);
    if (replaced.directory != moved.directory) {
      return failure(Errc::kInvalid, to, "a file and a directory don't replace each other");
    }
    if (!replaced.entries.empty()) return failure(Errc::kExists, to, "the directory isn't empty");
  }
  if (moved.directory) {
    std::set<std::uint64_t> inside;
    reach(*source->node, inside);
    if (inside.contains(target->directory)) {
      return failure(Errc::kInvalid, to, "a directory isn't moved into itself");
    }
  }
  change({{target->directory, target->name, *source->node},
          {source->directory, source->name, std::nullopt}});
  return {};
}

Result<void> DiskImage::remove(std::string_view path) {
  const Result<Place> place = locate(path);
  if (!place) return place.error();
  if (!place->node) return failure(Errc::kNotFound, path, "no such file");
  if (*place->node == kRoot) return failure(Errc::kInvalid, path, "the root stays");
  if (!nodes_.at(*place->node).entries.empty()) {
    return failure(Errc::kExists, path, "the directory isn't empty");
  }
  change({{place->directory, place->name, std::nullopt}});
  return {};
}

Result<void> DiskImage::make_directory(std::string_view path) {
  std::string so_far;
  for (const std::string& part : parts_of(path)) {
    so_far += "/" + part;
    const Result<Place> place = locate(so_far);
    if (!place) return place.error();
    if (!place->node) {
      const std::uint64_t made = add_node(true, so_far);
      change({{place->directory, place->name, made}});
    } else if (!nodes_.at(*place->node).directory) {
      return failure(Errc::kExists, so_far, "a file has this name");
    }
  }
  return {};
}

Result<std::vector<runtime::DirectoryEntry>> DiskImage::list(std::string_view path) const {
  if (!is_directory(path)) return failure(Errc::kNotFound, path, "no such directory");
  const Result<Place> place = locate(path);
  std::vector<runtime::DirectoryEntry> listed;
  for (const auto& [name, number] : nodes_.at(*place->node).entries) {
    const Node& node = nodes_.at(number);
    listed.push_back({name, node.directory, node.content.size()});
  }
  return listed;
}

bool DiskImage::is_directory(std::string_view path) const {
  const Result<Place> place = locate(path);
  return place.ok() && place->node && nodes_.at(*place->node).directory;
}

// Shows the changes at once and remembers that they aren't durable.
void DiskImage::change(std::vector<EntryChange> changes) {
  NameOperation operation{next_sequence_++, std::move(changes), {}};
  for (const EntryChange& entry : operation.changes) {
    Entries& entries = nodes_.at(entry.directory).entries;
    if (entry.node) {
      entries.insert_or_assign(entry.name, *entry.node);
    } else {
      entries.erase(entry.name);
    }
    operation.unsynced.insert(entry.directory);
  }
  pending_.push_back(std::move(operation));
}

void DiskImage::make_durable(const NameOperation& operation) {
  for (const EntryChange& entry : operation.changes) {
    std::uint64_t& since = durable_since_[{entry.directory, entry.name}];
    const auto directory = nodes_.find(entry.directory);
    if (since > operation.sequence || directory == nodes_.end()) continue;
    since = operation.sequence;
    Entries& entries = directory->second.durable_entries;
    if (entry.node) {
      entries.insert_or_assign(entry.name, *entry.node);
    } else {
      entries.erase(entry.name);
    }
  }
}

Result<void> DiskImage::sync_directory(std::string_view path, bool ordered_journal) {
  if (!is_directory(path)) return failure(Errc::kNotFound, path, "no such directory");
  const std::uint64_t directory = *locate(path)->node;
  std::size_t committed = 0;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (pending_[i].unsynced.erase(directory) != 0) committed = i + 1;
  }
  // An ordered journal can't commit an operation before those that came first.
  for (std::size_t i = 0; ordered_journal && i < committed; ++i) pending_[i].unsynced.clear();
  for (const NameOperation& operation : pending_) {
    if (operation.unsynced.empty()) make_durable(operation);
  }
  std::erase_if(pending_, [](const NameOperation& done) { return done.unsynced.empty(); });
  if (pending_.empty()) durable_since_.clear();
  collect_now_and_then();
  return {};
}

FileContent& DiskImage::content(FileNumber file) {
  check(exists(file), "only files that exist have content");
  return nodes_.at(file.value()).content;
}

const FileContent& DiskImage::content(FileNumber file) const {
  check(exists(file), "only files that exist have content");
  return nodes_.at(file.value()).content;
}

std::uint64_t DiskImage::key_of(FileNumber file) const {
  return nodes_.at(file.value()).key;
}

void DiskImage::hold(FileNumber file) {
  ++nodes_.at(file.value()).holders;
}

void DiskImage::let_go(FileNumber file) {
  const auto node = nodes_.find(file.value());
  if (node == nodes_.end() || node->second.holders == 0) return;  // The machine crashed meanwhile.
  if (--node->second.holders == 0) collect_now_and_then();
}

void DiskImage::let_all_go() {
  for (auto& [number, node] : nodes_) node.holders = 0;
  collect();
}

void DiskImage::reach(std::uint64_t number, std::set<std::uint64_t>& reached) const {
  if (!reached.insert(number).second) return;
  const Node& node = nodes_.at(number);
  for (const auto& [name, child] : node.entries) reach(child, reached);
  for (const auto& [name, child] : node.durable_entries) reach(child, reached);
}

// Drops what no name, no possible name after a power loss, and no open file leads to.
void DiskImage::collect() {
  std::set<std::uint64_t> reached;
  reach(kRoot, reached);
  for (const NameOperation& operation : pending_) {
    for (const EntryChange& entry : operation.changes) {
      reach(entry.directory, reached);
      if (entry.node) reach(*entry.node, reached);
    }
  }
  for (const auto& [number, node] : nodes_) {
    if (node.holders != 0) reach(number, reached);
  }
  std::erase_if(nodes_, [&](const auto& entry) { return !reached.contains(entry.first); });
}

// What nothing leads to is never seen again, so that it may stay until there is as much of it as of
// the rest.
void DiskImage::collect_now_and_then() {
  constexpr std::size_t kNodesLeast = 64;
  if (nodes_.size() < collect_at_) return;
  collect();
  collect_at_ = std::max(2 * nodes_.size(), kNodesLeast);
}

std::uint64_t DiskImage::used_bytes() const {
  std::set<std::uint64_t> named;
  for (const auto& [number, node] : nodes_) {
    for (const auto& [name, child] : node.entries) named.insert(child);
  }
  std::uint64_t total = 0;
  for (const auto& [number, node] : nodes_) {
    if (node.holders != 0 || named.contains(number)) total += node.content.size();
  }
  return total;
}

void DiskImage::lose_power(const PowerLossModel& model, const Draws& draws) {
  const std::uint64_t prefix = below(draws(kJournalKey), pending_.size() + 1);
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const bool kept =
        model.ordered_journal
            ? i < prefix
            : chance(draws(mix64(kJournalKey, pending_[i].sequence)), model.name_kept_ppm);
    if (kept) make_durable(pending_[i]);
  }
  pending_.clear();
  durable_since_.clear();
  for (auto& [number, node] : nodes_) {
    node.entries = node.durable_entries;
    node.holders = 0;
    const std::uint64_t key = mix64(node.key, number);
    node.content.lose_power(model, [&](std::uint64_t part) { return draws(mix64(key, part)); });
  }
  collect();
}

DiskImage DiskImage::durable_only() const {
  DiskImage after = *this;
  after.heal_latent();
  PowerLossModel model;
  model.file_new = model.file_mixed = 0;
  model.name_kept_ppm = 0;
  after.lose_power(model, [](std::uint64_t) { return std::uint64_t{0}; });
  return after;
}

void DiskImage::collect_files(std::uint64_t number, const std::string& prefix,
                              std::vector<std::string>& paths) const {
  for (const auto& [name, child] : nodes_.at(number).entries) {
    const std::string path = prefix + "/" + name;
    if (nodes_.at(child).directory) {
      collect_files(child, path, paths);
    } else {
      paths.push_back(path);
    }
  }
}

std::vector<std::string> DiskImage::files() const {
  std::vector<std::string> paths;
  collect_files(kRoot, "", paths);
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::optional<std::string> DiskImage::read_file(std::string_view path) const {
  const Result<FileNumber> file = find_file(path);
  if (!file) return std::nullopt;
  const FileContent& found = content(*file);
  return found.read(0, found.size());
}

std::vector<DiskImage::HarmedPlace> DiskImage::harmed() const {
  std::vector<HarmedPlace> places;
  for (const std::string& path : files()) {
    for (const HarmedSector& sector : content(*find_file(path)).harmed()) {
      places.push_back({path, sector});
    }
  }
  return places;
}

bool DiskImage::heal_latent() {
  bool healed = false;
  for (auto& [number, node] : nodes_) healed = node.content.heal_latent() || healed;
  return healed;
}

std::vector<DiskImage::LostPlace> DiskImage::lost() const {
  std::vector<LostPlace> places;
  for (const std::string& path : files()) {
    for (const LostSector& sector : content(*find_file(path)).lost()) {
      places.push_back({path, sector});
    }
  }
  return places;
}

bool DiskImage::flip(std::string_view path, std::uint64_t offset, unsigned char mask) {
  const Result<FileNumber> file = find_file(path);
  if (!file || offset >= content(*file).size()) return false;
  content(*file).flip(offset, mask);
  return true;
}

}  // namespace detcd::sim
