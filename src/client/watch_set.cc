#include "client/watch_set.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace detcd::client {

void WatchSet::add(WatchName name, watch::Create request) {
  request.id = 0;
  const bool added = watches_.emplace(name, Watch{.request = std::move(request)}).second;
  check(added, "a watch's name is used once");
  to_create_.push_back(name);
}

// One that is being created has no id to be canceled by until it is.
void WatchSet::cancel(WatchName name) {
  const auto found = watches_.find(name);
  if (found == watches_.end()) return;
  if (found->second.id) requests_.emplace_back(watch::Cancel{*found->second.id});
  end(name);
}

void WatchSet::end(WatchName name) {
  const auto found = watches_.find(name);
  if (found->second.id) ids_.erase(*found->second.id);
  std::erase(to_create_, name);
  watches_.erase(found);
}

void WatchSet::ask_progress() {
  requests_.emplace_back(watch::AskProgress{});
}

// The answers to creations carry no word of whom they are for: so one is asked for at a time.
std::optional<WatchSet::Asked> WatchSet::take_request() {
  if (!requests_.empty()) {
    Asked asked{std::move(requests_.front()), std::nullopt};
    requests_.pop_front();
    return asked;
  }
  if (creating_ || to_create_.empty()) return std::nullopt;
  creating_ = to_create_.front();
  to_create_.pop_front();
  return Asked{watches_.at(*creating_).request, creating_};
}

std::optional<WatchName> WatchSet::name_of(const wire::WatchAnswer& answer) const {
  if (answer.created) return creating_;
  const auto found = ids_.find(answer.id);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::vector<WatchNews> WatchSet::take(wire::WatchAnswer answer) {
  if (answer.created) return take_created(std::move(answer));
  const bool is_progress =
      answer.events.empty() && !answer.canceled && answer.compact_revision == 0;
  if (is_progress && answer.id == watch::kNoWatch) return take_progress_of_all(answer);
  if (parts_ && parts_->id == answer.id && !answer.canceled) {
    std::ranges::move(answer.events, std::back_inserter(parts_->events));
    parts_->fragment = answer.fragment;
    answer = *std::exchange(parts_, std::nullopt);
  }
  if (answer.fragment) {
    parts_ = std::move(answer);
    return {};
  }
  const std::optional<WatchName> name = name_of(answer);
  if (!name) return {};
  if (answer.canceled) {
    end(*name);
    return {{*name, std::move(answer)}};
  }
  watch::Revision& next = watches_.at(*name).request.start_revision;
  // A response with events may say a later revision than it has told everything of.
  const watch::Revision told =
      answer.events.empty() ? answer.header.revision : answer.events.back().kv.mod_revision;
  next = std::max(next, told + 1);
  return {{*name, std::move(answer)}};
}

// Where a watch that began "now" began isn't in its request: it is said here, so that a stream
// which is lost before the first event resumes from this revision, and not from a later "now".
std::vector<WatchNews> WatchSet::take_created(wire::WatchAnswer answer) {
  parts_.reset();
  if (!creating_) return {};
  const WatchName name = *std::exchange(creating_, std::nullopt);
  const auto found = watches_.find(name);
  if (found == watches_.end()) {
    // Its client wants it no more.
    if (!answer.canceled) requests_.emplace_back(watch::Cancel{answer.id});
    return {};
  }
  if (answer.canceled) {
    end(name);
    return {{name, std::move(answer)}};
  }
  Watch& created = found->second;
  created.id = answer.id;
  ids_[answer.id] = name;
  if (std::exchange(created.told, true)) return {};
  if (created.request.start_revision == 0) {
    created.request.start_revision = answer.header.revision;
  }
  return {{name, std::move(answer)}};
}

std::vector<WatchNews> WatchSet::take_progress_of_all(const wire::WatchAnswer& answer) {
  std::vector<WatchNews> news;
  for (const auto& [id, name] : ids_) {
    watch::Revision& next = watches_.at(name).request.start_revision;
    next = std::max(next, answer.header.revision + 1);
    news.push_back({name, answer});
  }
  return news;
}

void WatchSet::stream_lost() {
  parts_.reset();
  requests_.clear();
  ids_.clear();
  creating_.reset();
  to_create_.clear();
  for (auto& [name, watch] : watches_) {
    watch.id.reset();
    to_create_.push_back(name);
  }
}

watch::Revision WatchSet::next_revision(WatchName name) const {
  return watches_.at(name).request.start_revision;
}

}  // namespace detcd::client
