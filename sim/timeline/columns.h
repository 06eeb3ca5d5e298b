// The parts of the page's data: what is drawn, in columns and by time, within bounds.
#pragma once

#include <string>
#include <vector>

#include "sim/timeline/json.h"
#include "sim/timeline/page.h"

namespace detcd::sim {

// The part of the run that the page shows.
struct Window {
  VirtualTime from;
  VirtualTime to;
  [[nodiscard]] bool touches(VirtualTime begin, VirtualTime end) const {
    return begin <= to && end >= from;
  }
};

// Member ids, as logs print them, become the names of nodes.
[[nodiscard]] std::string with_names(std::string text, const Timeline& timeline);
[[nodiscard]] std::string shortened(std::string text, std::size_t bytes_max);

// Each writes one value; what it leaves out goes to `left_out`, in words.
class Columns {
 public:
  Columns(const Timeline& timeline, const PageLimits& limits, Window window)
      : timeline_(timeline), limits_(limits), window_(window) {}
  void roles(Json& json);
  void commits(Json& json);
  void messages(Json& json);
  void events(Json& json);
  void faults(Json& json) const;
  void calls(Json& json, const Involved& involved);
  // After calls(): takes what these leave over, too.
  void watches(Json& json, const Involved& involved);
  [[nodiscard]] const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  [[nodiscard]] std::vector<MessageRecord> chosen_messages();
  [[nodiscard]] std::string call(const Call& call) const;
  [[nodiscard]] std::vector<const WatchMark*> chosen_marks();
  [[nodiscard]] std::string mark(const WatchMark& mark) const;

  const Timeline& timeline_;
  const PageLimits& limits_;
  Window window_;
  std::size_t calls_room_ = 0;  // Bytes that calls have left over.
  std::vector<std::string> left_out_;
};

}  // namespace detcd::sim
