// Puts the peers' frames together again from the bytes that the network carries: what was said,
// when it left, when it arrived or was lost. Streams that aren't the peer protocol's are passed
// over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "raft/message.h"
#include "sim/net/connection.h"
#include "sim/timeline/timeline.h"
#include "transport/frame.h"

namespace detcd::sim {

class MessageLog {
 public:
  void sent(const Connection& connection, Side from, std::string_view bytes, VirtualTime now);
  void arrived(const Connection& connection, Side from, std::uint64_t bytes, Fate fate,
               VirtualTime now);
  void given_up(const Connection& connection, Side from, VirtualTime now);
  // Everything so far, by the time of leaving.
  [[nodiscard]] std::vector<MessageRecord> messages() const;

 private:
  using Key = std::pair<std::uint64_t, Side>;
  struct Waiting {
    std::size_t message = 0;  // In messages_.
    std::uint64_t end = 0;    // Offset behind its last byte.
  };
  struct Stream {
    explicit Stream(Side from) : reader(from == Side::kClient) {
      if (from == Side::kClient) parsed = 8;  // The magic.
    }
    transport::FrameReader reader;
    bool foreign = false;
    std::uint64_t sent = 0;
    std::uint64_t arrived = 0;
    std::uint64_t parsed = 0;  // Where the next frame begins,
    VirtualTime begun;         // and when its first byte left, once it has.
    bool any_lost = false;     // A part of the oldest frame under way.
    std::deque<Waiting> waiting;
  };
  void take(Stream& stream, const transport::Frame& frame, MessageRecord record);

  std::map<Key, Stream> streams_;
  std::vector<MessageRecord> messages_;
};

// The kind, the term and the fields of the record.
void describe_body(const raft::Message& message, MessageRecord& record);

}  // namespace detcd::sim
