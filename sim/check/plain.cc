#include "sim/check/plain.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace detcd::sim {
namespace {

using Step = Specification::Step;
using Function = PlainFunction;

constexpr std::size_t kShownMax = 16;

std::string join(const std::vector<std::string>& values) {
  std::string out;
  for (std::size_t i = 0; i < values.size() && i < kShownMax; ++i) {
    out += (i == 0 ? "" : ", ") + values[i];
  }
  return values.size() > kShownMax ? out + ", … (" + std::to_string(values.size()) + ")" : out;
}

// Numbers for values, so that states are short and compare fast.
class Values {
 public:
  std::uint32_t number(const std::string& value) {
    const auto [known, fresh] = numbers_.emplace(value, names_.size());
    if (fresh) names_.push_back(value);
    return static_cast<std::uint32_t>(known->second);
  }
  [[nodiscard]] const std::string& name(std::uint32_t number) const { return names_[number]; }

 private:
  std::map<std::string, std::size_t> numbers_;
  std::vector<std::string> names_;
};

// Numbers for states that are too long to be one.
template <class State>
class States {
 public:
  std::uint64_t number(const State& state) {
    const auto [known, fresh] = numbers_.emplace(state, numbers_.size());
    if (fresh) bytes_ += state.size() * sizeof(typename State::value_type) + kNodeBytes;
    return known->second;
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  static constexpr std::uint64_t kNodeBytes = 96;
  std::map<State, std::uint64_t> numbers_;
  std::uint64_t bytes_ = 0;
};

class Plain : public Specification {
 public:
  explicit Plain(const std::vector<PlainCall>& calls) : calls_(calls) {
    for (const PlainCall& call : calls) {
      value_.push_back(values_.number(call.value));
      expected_.push_back(values_.number(call.expected));
    }
  }
  [[nodiscard]] std::string reason() const override { return reason_; }
  [[nodiscard]] std::string describe_call(std::size_t call) const override {
    return describe(calls_[call]);
  }

 protected:
  Step refuse(std::string reason) {
    reason_ = std::move(reason);
    return Step::kRefused;
  }
  [[nodiscard]] const PlainCall& call(std::size_t at) const { return calls_[at]; }
  [[nodiscard]] std::uint32_t value(std::size_t at) const { return value_[at]; }
  [[nodiscard]] std::uint32_t expected(std::size_t at) const { return expected_[at]; }
  [[nodiscard]] Values& values() { return values_; }
  [[nodiscard]] const Values& values() const { return values_; }

 private:
  const std::vector<PlainCall>& calls_;
  Values values_;
  std::vector<std::uint32_t> value_;
  std::vector<std::uint32_t> expected_;
  std::string reason_;
};

class Register final : public Plain {
 public:
  Register(const std::vector<PlainCall>& calls, std::string_view initial) : Plain(calls) {
    nothing_ = values().number(std::string(kNothing));
    held_ = values().number(std::string(initial));
  }
  Step apply(std::size_t at) override {
    const Function function = call(at).function;
    if (function == Function::kWrite) return become(value(at));
    if (function == Function::kDelete) return become(nothing_);
    if (function == Function::kRead) {
      return held_ == value(at) ? Step::kUnchanged : refuse("it " + describe_state());
    }
    check(function == Function::kCompareAndSet, "a register is read, written, deleted or swapped");
    const bool swapped = call(at).swapped || !call(at).answered;
    if ((held_ == expected(at)) != swapped) return refuse("it " + describe_state());
    return swapped ? become(value(at)) : Step::kUnchanged;
  }
  void undo() override {
    held_ = former_.back();
    former_.pop_back();
  }
  [[nodiscard]] std::uint64_t state() override { return held_; }
  [[nodiscard]] std::uint64_t memory_bytes() const override { return 0; }
  [[nodiscard]] std::string describe_state() const override {
    return "holds " + values().name(held_);
  }

 private:
  Step become(std::uint32_t next) {
    former_.push_back(std::exchange(held_, next));
    return Step::kChanged;
  }
  std::uint32_t nothing_ = 0;
  std::uint32_t held_ = 0;
  std::vector<std::uint32_t> former_;
};

class Set final : public Plain {
 public:
  explicit Set(const std::vector<PlainCall>& calls) : Plain(calls) {
    for (const PlainCall& call : calls) {
      Bits read;
      bool twice = false;
      for (const std::string& element : call.elements) {
        const std::uint32_t number = values().number(element);
        twice = twice || has(read, number);
        put(read, number, true);
      }
      twice_.push_back(twice);
      reads_.push_back(std::move(read));
    }
  }
  Step apply(std::size_t at) override {
    const Function function = call(at).function;
    if (function == Function::kAdd || function == Function::kRemove) {
      return become(value(at), function == Function::kAdd);
    }
    check(function == Function::kReadAll, "a set is added to, removed from or read");
    explained_ = at;
    return held_ == reads_[at] && !twice_[at] ? Step::kUnchanged : Step::kRefused;
  }
  void undo() override {
    const auto [element, held] = former_.back();
    former_.pop_back();
    put(held_, element, held);
  }
  [[nodiscard]] std::uint64_t state() override { return states_.number(held_); }
  [[nodiscard]] std::uint64_t memory_bytes() const override { return states_.bytes(); }
  [[nodiscard]] std::string describe_state() const override {
    return "holds {" + join(names(held_, {})) + "}";
  }
  [[nodiscard]] std::string reason() const override {
    const std::vector<std::string> missing = names(held_, reads_[explained_]);
    const std::vector<std::string> strange = names(reads_[explained_], held_);
    std::string out = "it " + describe_state();
    if (twice_[explained_]) out += "; the answer has an element twice";
    if (!missing.empty()) out += "; missing in the answer: " + join(missing);
    if (!strange.empty()) out += "; in the answer, but not in the set: " + join(strange);
    return out;
  }

 private:
  using Bits = std::vector<std::uint64_t>;  // By number of the value; no zero words at the end.

  static bool has(const Bits& bits, std::uint32_t element) {
    return element / 64 < bits.size() && (bits[element / 64] >> (element % 64) & 1) != 0;
  }
  static void put(Bits& bits, std::uint32_t element, bool held) {
    if (element / 64 >= bits.size()) bits.resize(element / 64 + 1);
    const std::uint64_t bit = std::uint64_t{1} << (element % 64);
    bits[element / 64] = held ? bits[element / 64] | bit : bits[element / 64] & ~bit;
    while (!bits.empty() && bits.back() == 0) bits.pop_back();
  }
  Step become(std::uint32_t element, bool held) {
    former_.emplace_back(element, has(held_, element));
    put(held_, element, held);
    return Step::kChanged;
  }
  [[nodiscard]] std::vector<std::string> names(const Bits& in, const Bits& not_in) const {
    std::vector<std::string> out;
    for (std::uint32_t element = 0; element < in.size() * 64; ++element) {
      if (has(in, element) && !has(not_in, element)) out.push_back(values().name(element));
    }
    return out;
  }

  Bits held_;
  std::vector<Bits> reads_;
  std::vector<bool> twice_;  // An element stands twice in the answer.
  std::vector<std::pair<std::uint32_t, bool>> former_;
  States<Bits> states_;
  std::size_t explained_ = 0;
};

class Queue final : public Plain {
 public:
  explicit Queue(const std::vector<PlainCall>& calls) : Plain(calls) {
    nothing_ = values().number(std::string(kNothing));
  }
  Step apply(std::size_t at) override {
    const PlainCall& asked = call(at);
    if (asked.function == Function::kEnqueue) {
      former_.emplace_back(true, 0);
      held_.push_back(value(at));
      return Step::kChanged;
    }
    check(asked.function == Function::kDequeue, "a queue takes in and gives out");
    if (held_.empty()) {
      return asked.answered && value(at) == nothing_ ? Step::kUnchanged : refuse("it is empty");
    }
    if (asked.answered && held_.front() != value(at)) return refuse("it " + describe_state());
    former_.emplace_back(false, held_.front());
    held_.erase(held_.begin());
    return Step::kChanged;
  }
  void undo() override {
    const auto [was_added, element] = former_.back();
    former_.pop_back();
    if (was_added) {
      held_.pop_back();
    } else {
      held_.insert(held_.begin(), element);
    }
  }
  [[nodiscard]] std::uint64_t state() override { return states_.number(held_); }
  [[nodiscard]] std::uint64_t memory_bytes() const override { return states_.bytes(); }
  [[nodiscard]] std::string describe_state() const override {
    std::vector<std::string> names;
    for (const std::uint32_t element : held_) names.push_back(values().name(element));
    return "holds, first to last, [" + join(names) + "]";
  }

 private:
  std::uint32_t nothing_ = 0;
  std::vector<std::uint32_t> held_;
  std::vector<std::pair<bool, std::uint32_t>> former_;
  States<std::vector<std::uint32_t>> states_;
};

}  // namespace

std::string_view name_of(PlainFunction function) {
  switch (function) {
    case Function::kRead:
    case Function::kReadAll:
      return "read";
    case Function::kWrite:
      return "write";
    case Function::kCompareAndSet:
      return "cas";
    case Function::kDelete:
      return "delete";
    case Function::kAdd:
      return "add";
    case Function::kRemove:
      return "remove";
    case Function::kEnqueue:
      return "enqueue";
    case Function::kDequeue:
      return "dequeue";
  }
  return "";
}

std::string describe(const PlainCall& call) {
  std::string out(name_of(call.function));
  if (!call.key.empty()) out += " " + call.key;
  switch (call.function) {
    case Function::kReadAll:
      return out + " → {" + join(call.elements) + "}";
    case Function::kRead:
    case Function::kDequeue:
      return out + (call.answered ? " → " + call.value : "");
    case Function::kCompareAndSet:
      return out + " " + call.expected + " to " + call.value +
             (call.swapped ? "" : " → not what it expected");
    case Function::kDelete:
      return out;
    case Function::kWrite:
    case Function::kAdd:
    case Function::kRemove:
    case Function::kEnqueue:
      return out + " " + call.value;
  }
  return out;
}

std::unique_ptr<Specification> register_specification(const std::vector<PlainCall>& calls,
                                                      std::string_view initial) {
  return std::make_unique<Register>(calls, initial);
}
std::unique_ptr<Specification> set_specification(const std::vector<PlainCall>& calls) {
  return std::make_unique<Set>(calls);
}
std::unique_ptr<Specification> queue_specification(const std::vector<PlainCall>& calls) {
  return std::make_unique<Queue>(calls);
}

}  // namespace detcd::sim
