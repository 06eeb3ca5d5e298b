#include "sim/check/revisions.h"

#include <map>
#include <utility>

namespace detcd::sim {
namespace {

using Outcome = EtcdCall::Outcome;
using apply::Revision;

// What stands at one revision: the write that made it, then what was told it.
struct Place {
  std::optional<std::size_t> write;
  std::vector<std::size_t> others;
};

class Judge {
 public:
  Judge(const std::vector<EtcdCall>& calls, const std::vector<Interval>& intervals)
      : calls_(calls), intervals_(intervals) {}

  RevisionOrder run() {
    for (std::size_t call = 0; call < calls_.size() && !decided(); ++call) place(call);
    if (!decided()) look_for_gaps();
    for (const auto& [revision, place] : places_) {
      if (decided()) break;
      replay(place);
    }
    if (!decided()) result_.finding = Finding::kLegal;
    return std::move(result_);
  }

 private:
  [[nodiscard]] bool decided() const { return result_.finding || !result_.why_not.empty(); }
  void place(std::size_t call);
  void look_for_gaps();
  void replay(const Place& place);
  void compare(std::size_t call);
  void compare_times(std::size_t call, const std::optional<std::size_t>& latest);
  void remember(std::size_t call, std::optional<std::size_t>& latest) const {
    if (!latest || intervals_[call].began > intervals_[*latest].began) latest = call;
  }
  void fail(std::string message, std::vector<std::size_t> involved) {
    result_.finding = Finding::kIllegal;
    result_.message = std::move(message);
    result_.involved = std::move(involved);
  }

  const std::vector<EtcdCall>& calls_;
  const std::vector<Interval>& intervals_;
  std::map<Revision, Place> places_;
  std::uint64_t open_writes_ = 0;
  Model model_;
  // Among all calls at strictly earlier places, the one that began last; and among the writes.
  std::optional<std::size_t> latest_;
  std::optional<std::size_t> latest_write_;
  RevisionOrder result_;
};

void Judge::place(std::size_t at) {
  const EtcdCall& call = calls_[at];
  if (call.outcome == Outcome::kUnknown) {
    if (!is_read(call.operation)) ++open_writes_;
    return;
  }
  if (call.outcome == Outcome::kRefused) {
    result_.why_not = "a refusal tells no revision";
    return;
  }
  if (std::holds_alternative<apply::CompactionRequest>(call.operation)) {
    result_.why_not = "a compaction has no revision of its own";
    return;
  }
  const std::optional<bool> wrote = made_revision(call);
  if (!call.told.revision || !wrote) {
    result_.why_not = "an answer was written down without its revision or what it did";
    return;
  }
  ++result_.ordered;
  Place& place = places_[*call.told.revision];
  if (!*wrote) {
    place.others.push_back(at);
  } else if (place.write) {
    fail("two writes were given revision " + std::to_string(*call.told.revision),
         {*place.write, at});
  } else {
    place.write = at;
  }
}

void Judge::look_for_gaps() {
  Revision last = 1;
  for (const auto& [revision, place] : places_) {
    const bool fits = place.write ? revision == last + 1 : revision <= last;
    if (!fits) {
      const std::string missing = std::to_string(last + 1);
      const std::size_t told = place.write ? *place.write : place.others.front();
      if (open_writes_ > 0) {
        result_.why_not = "revision " + missing + " was given to a write that got no answer";
      } else if (revision <= last) {
        fail("a write was given revision " + std::to_string(revision) + ", which is no write's",
             {told});
      } else {
        fail("revision " + missing + " was given to no write, but a later one was told", {told});
      }
      return;
    }
    if (place.write) last = revision;
  }
}

void Judge::compare_times(std::size_t call, const std::optional<std::size_t>& latest) {
  if (decided() || !latest) return;
  const std::optional<std::uint64_t> ended = intervals_[call].ended;
  if (!ended || *ended >= intervals_[*latest].began) return;
  fail(
      "the order of revisions contradicts real time: the first call ended before the second began, "
      "which stands earlier in the order",
      {call, *latest});
}

void Judge::compare(std::size_t at) {
  const Revision before = model_.revision();
  const apply::Answer expected = answer_of(calls_[at], model_);
  const bool wrote = model_.revision() != before;
  std::optional<std::string> wrong = contradiction(calls_[at], expected);
  if (!wrong && wrote != made_revision(calls_[at]).value_or(wrote)) {
    wrong = wrote ? "it must have made a revision" : "it can't have made a revision";
  }
  if (wrong) fail("an answer can't be: " + *wrong, {at});
}

void Judge::replay(const Place& place) {
  if (place.write) {
    compare(*place.write);
    compare_times(*place.write, latest_);
    // The write stands before what else was told its revision.
    remember(*place.write, latest_);
    remember(*place.write, latest_write_);
  }
  std::optional<std::size_t> latest_here = latest_;
  for (const std::size_t call : place.others) {
    if (decided()) return;
    compare(call);
    // A serializable read may be old, but not of what is yet to be written.
    const bool may_be_old = is_serializable(calls_[call].operation);
    compare_times(call, may_be_old ? latest_write_ : latest_);
    if (!may_be_old) remember(call, latest_here);
  }
  latest_ = latest_here;
}

}  // namespace

RevisionOrder judge_by_revision(const std::vector<EtcdCall>& calls,
                                const std::vector<Interval>& intervals) {
  return Judge(calls, intervals).run();
}

}  // namespace detcd::sim
