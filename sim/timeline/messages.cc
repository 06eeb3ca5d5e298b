#include "sim/timeline/messages.h"

#include <algorithm>
#include <tuple>
#include <variant>

#include "base/codec.h"
#include "raft/codec.h"

namespace detcd::sim {
namespace {

using transport::Frame;
using transport::Kind;

constexpr std::uint64_t kFrameHeadBytes = 9;  // Length, checksum, kind.

// The bits above name the asker's life; a page's numbers are exact up to 53 bits only.
constexpr std::uint64_t kReadOfItsLife = (1ULL << 40) - 1;

using Fields = std::array<std::uint64_t, 4>;

// What a handshake remembers of the other end's lives, the most of it.
transport::Promise newest_of(const transport::Introduction& introduction) {
  transport::Promise newest = introduction.remembered_before;
  for (const transport::Remembered& remembered : introduction.remembered) {
    const transport::Promise& one = remembered.promise;
    if (std::tie(one.term, one.index) > std::tie(newest.term, newest.index)) newest = one;
  }
  return newest;
}

// In the order of kinds_of_messages().
struct FieldsOf {
  Fields operator()(const raft::VoteRequest& b) const {
    return {b.pre, b.transfer, b.last_index.value(), b.last_term.value()};
  }
  Fields operator()(const raft::VoteResponse& b) const { return {b.pre, b.granted}; }
  Fields operator()(const raft::AppendRequest& b) const {
    return {b.previous_index.value(), b.previous_term.value(), b.entries.size(), b.commit.value()};
  }
  Fields operator()(const raft::AppendResponse& b) const {
    const raft::Index about = b.accepted ? b.match : b.rejected;
    return {b.accepted, about.value(), b.hint_index.value(), b.counts};
  }
  Fields operator()(const raft::Heartbeat& b) const { return {b.commit.value(), b.round}; }
  Fields operator()(const raft::HeartbeatResponse& b) const { return {b.round}; }
  Fields operator()(const raft::InstallSnapshot& b) const {
    return {b.meta.index.value(), b.meta.term.value()};
  }
  Fields operator()(const raft::TimeoutNow&) const { return {}; }
  Fields operator()(const raft::ForwardProposal& b) const { return {b.commands.size()}; }
  Fields operator()(const raft::ForwardRead& b) const { return {b.read_id & kReadOfItsLife}; }
  Fields operator()(const raft::ReadAnswer& b) const {
    return {b.read_id & kReadOfItsLife, b.index.value()};
  }
  Fields operator()(const raft::RecoveryQuery&) const { return {}; }
  Fields operator()(const raft::RecoveryAnswer& b) const {
    return {b.last_index.value(), b.acknowledged.value(), b.fence ? b.fence->value() : 0};
  }
};

bool describe_frame(const Frame& frame, MessageRecord& record) {
  switch (frame.kind) {
    case Kind::kMessage:
    case Kind::kSnapshotBegin: {
      const std::size_t skipped = frame.kind == Kind::kSnapshotBegin ? sizeof(std::uint64_t) : 0;
      const Result<raft::Message> message = raft::decode_message(frame.payload.slice(skipped));
      if (!message) return false;
      describe_body(*message, record);
      if (skipped > 0) record.fields[2] = Reader(frame.payload.view()).u64();
      return true;
    }
    case Kind::kHello: {
      const Result<transport::Hello> hello = transport::decode_hello(frame.payload.view());
      if (!hello) return false;
      record.kind = MessageKind::kHello;
      const transport::Promise remembered = newest_of(hello->introduction);
      record.fields = {hello->purpose == transport::Purpose::kSnapshot, remembered.term,
                       remembered.index};
      return true;
    }
    case Kind::kWelcome: {
      const Result<transport::Welcome> welcome = transport::decode_welcome(frame.payload.view());
      if (!welcome) return false;
      record.kind = MessageKind::kWelcome;
      const transport::Promise remembered = newest_of(welcome->introduction);
      record.fields = {welcome->verdict == transport::Welcome::Verdict::kAccepted, remembered.term,
                       remembered.index};
      return true;
    }
    case Kind::kSnapshotPiece:
      record.kind = MessageKind::kSnapshotPiece;
      record.fields = {frame.payload.size()};
      return true;
    case Kind::kSnapshotTaken:
      record.kind = MessageKind::kSnapshotTaken;
      return true;
    case Kind::kNote:
      return false;  // Beside Raft's, and as rare as promotions.
  }
  return false;
}

}  // namespace

const std::vector<MessageKindWords>& kinds_of_messages() {
  static const std::vector<MessageKindWords> kinds = {
      {"vote request", "vote", {"pre-vote", "asked by leader", "last index", "last term"}},
      {"vote response", "vote", {"pre-vote", "granted"}},
      {"append", "append", {"previous index", "previous term", "entries", "commit"}},
      {"append response", "append", {"accepted", "index", "hint index", "counts"}},
      {"heartbeat", "heartbeat", {"commit", "round"}},
      {"heartbeat response", "heartbeat", {"round"}},
      {"install snapshot", "snapshot", {"index", "term of index", "bytes"}},
      {"timeout now", "vote", {}},
      {"forward proposal", "forward", {"commands"}},
      {"forward read", "forward", {"read"}},
      {"read answer", "forward", {"read", "index"}},
      {"recovery query", "recovery", {}},
      {"recovery answer", "recovery", {"last index", "acknowledged", "fence"}},
      {"hello", "connection", {"for a snapshot", "remembers term", "and index"}},
      {"welcome", "connection", {"accepted", "remembers term", "and index"}},
      {"snapshot piece", "snapshot", {"bytes"}},
      {"snapshot taken", "snapshot", {}},
  };
  return kinds;
}

void describe_body(const raft::Message& message, MessageRecord& record) {
  record.kind = static_cast<MessageKind>(message.body.index());
  record.term = message.term.value();
  record.fields = std::visit(FieldsOf{}, message.body);
}

void MessageLog::take(Stream& stream, const Frame& frame, MessageRecord record) {
  const std::uint64_t length = kFrameHeadBytes + frame.payload.size();
  if (stream.parsed >= stream.sent) stream.begun = record.ended;
  record.sent = stream.begun;
  stream.parsed += length;
  if (!describe_frame(frame, record)) return;
  stream.waiting.push_back({messages_.size(), stream.parsed});
  messages_.push_back(record);
}

void MessageLog::sent(const Connection& connection, Side from, std::string_view bytes,
                      VirtualTime now) {
  Stream& stream = streams_.try_emplace(Key{connection.id.value(), from}, from).first->second;
  if (stream.foreign || bytes.empty()) return;
  const Pipe& pipe = connection.pipes[static_cast<std::size_t>(from)];
  MessageRecord record;
  record.ended = now;
  record.from = static_cast<std::uint32_t>(pipe.from.value());
  record.to = static_cast<std::uint32_t>(pipe.to.value());
  stream.reader.feed(bytes);
  for (;;) {
    const Result<std::optional<Frame>> next = stream.reader.next();
    if (!next) stream.foreign = true;
    if (!next || !next->has_value()) break;
    take(stream, **next, record);
  }
  // The beginning of a frame whose rest comes later.
  const std::uint64_t end = stream.sent + bytes.size();
  if (stream.parsed >= stream.sent && stream.parsed < end) stream.begun = now;
  stream.sent = end;
}

void MessageLog::arrived(const Connection& connection, Side from, std::uint64_t bytes, Fate fate,
                         VirtualTime now) {
  const auto found = streams_.find(Key{connection.id.value(), from});
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  stream.arrived += bytes;
  stream.any_lost = stream.any_lost || fate == Fate::kLost;
  while (!stream.waiting.empty() && stream.waiting.front().end <= stream.arrived) {
    MessageRecord& record = messages_[stream.waiting.front().message];
    record.ended = now;
    record.fate = stream.any_lost ? Fate::kLost : Fate::kArrived;
    stream.waiting.pop_front();
  }
}

void MessageLog::given_up(const Connection& connection, Side from, VirtualTime now) {
  const auto found = streams_.find(Key{connection.id.value(), from});
  if (found == streams_.end()) return;
  for (const Waiting& waiting : found->second.waiting) {
    messages_[waiting.message].ended = now;
    messages_[waiting.message].fate = Fate::kLost;
  }
  found->second.waiting.clear();
}

std::vector<MessageRecord> MessageLog::messages() const {
  std::vector<MessageRecord> sorted = messages_;
  std::ranges::stable_sort(sorted, {}, &MessageRecord::sent);
  return sorted;
}

}  // namespace detcd::sim
