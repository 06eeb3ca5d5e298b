#include "watch/range_index.h"

#include <algorithm>
#include <compare>
#include <utility>

#include "base/check.h"
#include "watch/watcher.h"

namespace detcd::watch {
namespace {

using Link = std::unique_ptr<Range>;

// Where the range ends against a key: that key is outside when the end isn't after it. A single key
// ends directly behind itself, before every other key that is greater.
bool ends_by(const Range& range, std::string_view key) {
  switch (range.kind) {
    case Range::Kind::kKey:
      return range.begin < key;
    case Range::Kind::kUntil:
      return range.end <= key;
    case Range::Kind::kOpen:
      return false;
  }
  return false;
}

// An open range ends after every other; no kUntil range ends directly behind a key that begins it,
// because that is a kKey range, but one of another key may.
std::strong_ordering compare_ends(const Range& a, const Range& b) {
  using Kind = Range::Kind;
  if (a.kind == Kind::kOpen || b.kind == Kind::kOpen) {
    return (a.kind == Kind::kOpen) <=> (b.kind == Kind::kOpen);
  }
  if (a.kind == b.kind) return a.kind == Kind::kKey ? a.begin <=> b.begin : a.end <=> b.end;
  if (a.kind == Kind::kUntil) return 0 <=> compare_ends(b, a);
  if (a.begin >= b.end) return std::strong_ordering::greater;
  const bool same =
      b.end.size() == a.begin.size() + 1 && b.end.back() == '\0' && b.end.starts_with(a.begin);
  return same ? std::strong_ordering::equal : std::strong_ordering::less;
}

std::strong_ordering compare(const Range& a, const Range& b) {
  const std::strong_ordering order = a.begin <=> b.begin;
  return order != std::strong_ordering::equal ? order : compare_ends(a, b);
}

std::int8_t height(const Link& link) {
  return link ? link->height : std::int8_t{0};
}

const Range* farther(const Range* a, const Link& b) {
  if (!b) return a;
  return compare_ends(*a, *b->farthest) == std::strong_ordering::less ? b->farthest : a;
}

void refresh(Range& range) {
  range.height = static_cast<std::int8_t>(1 + std::max(height(range.left), height(range.right)));
  range.farthest = farther(farther(&range, range.left), range.right);
}

void rotate_right(Link& link) {
  Link left = std::move(link->left);
  link->left = std::move(left->right);
  refresh(*link);
  left->right = std::move(link);
  link = std::move(left);
  refresh(*link);
}

void rotate_left(Link& link) {
  Link right = std::move(link->right);
  link->right = std::move(right->left);
  refresh(*link);
  right->left = std::move(link);
  link = std::move(right);
  refresh(*link);
}

// An AVL tree's step: the subtrees are balanced, and differ by at most two levels.
void balance(Link& link) {
  const int lean = height(link->left) - height(link->right);
  if (lean > 1) {
    if (height(link->left->left) < height(link->left->right)) rotate_left(link->left);
    rotate_right(link);
  } else if (lean < -1) {
    if (height(link->right->right) < height(link->right->left)) rotate_right(link->right);
    rotate_left(link);
  } else {
    refresh(*link);
  }
}

// The depth is logarithmic, and so is the recursion.
Range& insert(Link& link, Link range, bool& inserted) {
  if (!link) {
    link = std::move(range);
    refresh(*link);
    inserted = true;
    return *link;
  }
  const std::strong_ordering order = compare(*range, *link);
  if (order == std::strong_ordering::equal) return *link;
  Range& found = insert(order == std::strong_ordering::less ? link->left : link->right,
                        std::move(range), inserted);
  if (inserted) balance(link);
  return found;
}

Link take_first(Link& link) {
  if (link->left) {
    Link first = take_first(link->left);
    balance(link);
    return first;
  }
  Link first = std::move(link);
  link = std::move(first->right);
  return first;
}

void erase(Link& link, const Range& range) {
  const std::strong_ordering order = compare(range, *link);
  if (order == std::strong_ordering::less) {
    erase(link->left, range);
  } else if (order == std::strong_ordering::greater) {
    erase(link->right, range);
  } else if (!link->right) {
    // `range` is destroyed only here, when nothing looks at it any more.
    Link left = std::move(link->left);
    link = std::move(left);
    return;
  } else {
    Link next = take_first(link->right);
    next->left = std::move(link->left);
    next->right = std::move(link->right);
    link = std::move(next);
  }
  balance(link);
}

void collect(const Link& link, std::string_view key, std::vector<Range*>& found) {
  // All of the subtree ends at or before the key.
  if (!link || ends_by(*link->farthest, key)) return;
  collect(link->left, key, found);
  if (key < link->begin) return;
  if (link->first != nullptr && link->holds(key)) found.push_back(link.get());
  collect(link->right, key, found);
}

void verify_subtree(const Link& link) {
  if (!link) return;
  verify_subtree(link->left);
  verify_subtree(link->right);
  check(!link->left || compare(*link->left, *link) == std::strong_ordering::less,
        "ranges are in order");
  check(!link->right || compare(*link, *link->right) == std::strong_ordering::less,
        "ranges are in order");
  const int lean = height(link->left) - height(link->right);
  check(lean >= -1 && lean <= 1, "the tree is balanced");
  check(link->height == 1 + std::max(height(link->left), height(link->right)),
        "heights are counted");
  const Range* const farthest = farther(farther(link.get(), link->left), link->right);
  check(compare_ends(*farthest, *link->farthest) == std::strong_ordering::equal,
        "the farthest end of a subtree is known");
  check(link->users > 0, "a range has a user");
}

}  // namespace

Range& RangeIndex::acquire(std::string_view key, std::string_view range_end) {
  auto range = std::make_unique<Range>();
  range->begin = key;
  if (range_end == std::string_view("\0", 1)) {
    range->kind = Range::Kind::kOpen;
  } else if (!range_end.empty()) {
    range->end = range_end;
    range->kind = Range::Kind::kUntil;
    Range one;
    one.begin = key;
    if (compare_ends(one, *range) == std::strong_ordering::equal) {
      range->kind = Range::Kind::kKey;
      range->end = std::string();
    }
  }
  bool inserted = false;
  Range& found = insert(root_, std::move(range), inserted);
  if (inserted) ++ranges_;
  ++found.users;
  return found;
}

void RangeIndex::release(Range& range) {
  check(range.users > 0, "a range is given back by who has it");
  if (--range.users > 0) return;
  check(range.first == nullptr, "a watcher is unlinked before it goes");
  erase(root_, range);
  --ranges_;
}

void RangeIndex::link(Watcher& watcher) {
  Range& range = *watcher.range;
  watcher.range_previous = range.last;
  watcher.range_next = nullptr;
  (range.last != nullptr ? range.last->range_next : range.first) = &watcher;
  range.last = &watcher;
}

void RangeIndex::unlink(Watcher& watcher) {
  Range& range = *watcher.range;
  (watcher.range_previous != nullptr ? watcher.range_previous->range_next : range.first) =
      watcher.range_next;
  (watcher.range_next != nullptr ? watcher.range_next->range_previous : range.last) =
      watcher.range_previous;
  watcher.range_previous = watcher.range_next = nullptr;
}

void RangeIndex::find(std::string_view key, std::vector<Range*>& found) const {
  collect(root_, key, found);
}

void RangeIndex::verify() const {
  verify_subtree(root_);
}

}  // namespace detcd::watch
