#include "raft/codec.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace detcd::raft {
namespace {

Error damaged(std::string_view what) {
  return {Errc::kDamaged, std::string(what) + " can't be decoded"};
}

template <class T>
void put(Writer& out, T place) {
  out.varint(place.value());
}
template <class T>
void put_optional(Writer& out, const std::optional<T>& place) {
  out.boolean(place.has_value());
  if (place) put(out, *place);
}
void put(Writer& out, const NodeSet& nodes) {
  out.varint(nodes.size());
  for (const NodeId node : nodes) out.u64(node.value());
}

template <class T>
T get(Reader& in) {
  return T(in.varint());
}
template <class T>
std::optional<T> get_optional(Reader& in) {
  if (!in.boolean()) return std::nullopt;
  return get<T>(in);
}
// One value has one encoding: members ascend strictly.
bool get(Reader& in, NodeSet& nodes) {
  const std::uint64_t count = in.varint();
  if (count > in.remaining() / 8) return false;
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t node = in.u64();
    if (i > 0 && node <= last) return false;
    last = node;
    nodes.insert(nodes.end(), NodeId(node));
  }
  return in.ok();
}
// A view into the reader's input as a part of the buffer that holds it, or a copy.
Bytes share(const Bytes& owner, std::string_view part) {
  const char* begin = owner.view().data();
  if (part.empty() || owner.empty() || part.data() < begin ||
      part.data() + part.size() > begin + owner.size()) {
    return Bytes(part);
  }
  return owner.slice(static_cast<std::size_t>(part.data() - begin), part.size());
}

struct EncodeBody {
  Writer& out;
  void operator()(const VoteRequest& b) const {
    out.boolean(b.pre);
    out.boolean(b.transfer);
    put(out, b.last_index);
    put(out, b.last_term);
  }
  void operator()(const VoteResponse& b) const {
    out.boolean(b.pre);
    out.boolean(b.granted);
  }
  void operator()(const AppendRequest& b) const {
    put(out, b.previous_index);
    put(out, b.previous_term);
    put(out, b.commit);
    out.varint(b.entries.size());
    for (const Entry& entry : b.entries) encode(out, entry);
  }
  void operator()(const AppendResponse& b) const {
    out.boolean(b.accepted);
    put(out, b.match);
    put(out, b.rejected);
    put(out, b.hint_index);
    put(out, b.hint_term);
    out.boolean(b.counts);
  }
  void operator()(const Heartbeat& b) const {
    put(out, b.commit);
    out.varint(b.round);
  }
  void operator()(const HeartbeatResponse& b) const { out.varint(b.round); }
  void operator()(const InstallSnapshot& b) const { encode(out, b.meta); }
  void operator()(const TimeoutNow&) const {}
  void operator()(const ForwardProposal& b) const {
    out.varint(b.commands.size());
    for (const Bytes& command : b.commands) out.bytes(command.view());
  }
  void operator()(const ForwardRead& b) const { out.varint(b.read_id); }
  void operator()(const ReadAnswer& b) const {
    out.varint(b.read_id);
    put(out, b.index);
    out.varint(b.time_ms);
  }
  void operator()(const RecoveryQuery& b) const { out.u64(b.nonce); }
  void operator()(const RecoveryAnswer& b) const {
    out.u64(b.nonce);
    put(out, b.last_index);
    put(out, b.acknowledged);
    put_optional(out, b.fence);
  }
};

Result<Body> decode_append(Reader& in, const Bytes& frame) {
  AppendRequest b;
  b.previous_index = get<Index>(in);
  b.previous_term = get<Term>(in);
  b.commit = get<Index>(in);
  const std::uint64_t count = in.varint();
  // An entry takes at least five bytes: a count that lies allocates nothing.
  if (count > in.remaining() / 5) return damaged("an append");
  b.entries.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    Result<Entry> entry = decode_entry(in, frame);
    if (!entry) return entry.error();
    b.entries.push_back(std::move(*entry));
  }
  return Body(std::move(b));
}

Result<Body> decode_forward(Reader& in, const Bytes& frame) {
  ForwardProposal b;
  const std::uint64_t count = in.varint();
  if (count > in.remaining()) return damaged("a forwarded proposal");
  b.commands.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) b.commands.push_back(share(frame, in.bytes()));
  return Body(std::move(b));
}

Result<Body> decode_install(Reader& in) {
  Result<SnapshotMeta> meta = decode_snapshot_meta(in);
  if (!meta) return meta.error();
  return Body(InstallSnapshot{std::move(*meta)});
}

// Fields are read in the order in which braces evaluate them: left to right.
Result<Body> decode_body(std::uint8_t kind, Reader& in, const Bytes& frame) {
  switch (kind) {
    case 0:
      return Body(VoteRequest{in.boolean(), in.boolean(), get<Index>(in), get<Term>(in)});
    case 1:
      return Body(VoteResponse{in.boolean(), in.boolean()});
    case 2:
      return decode_append(in, frame);
    case 3:
      return Body(AppendResponse{in.boolean(), get<Index>(in), get<Index>(in), get<Index>(in),
                                 get<Term>(in), in.boolean()});
    case 4:
      return Body(Heartbeat{get<Index>(in), in.varint()});
    case 5:
      return Body(HeartbeatResponse{in.varint()});
    case 6:
      return decode_install(in);
    case 7:
      return Body(TimeoutNow{});
    case 8:
      return decode_forward(in, frame);
    case 9:
      return Body(ForwardRead{in.varint()});
    case 10:
      return Body(ReadAnswer{in.varint(), get<Index>(in), in.varint()});
    case 11:
      return Body(RecoveryQuery{in.u64()});
    case 12:
      return Body(
          RecoveryAnswer{in.u64(), get<Index>(in), get<Index>(in), get_optional<Index>(in)});
    default:
      return damaged("a message of an unknown kind");
  }
}

}  // namespace

void encode(Writer& out, const Entry& entry) {
  put(out, entry.term);
  put(out, entry.index);
  out.u8(static_cast<std::uint8_t>(entry.kind));
  out.varint(entry.time_ms);
  out.bytes(entry.data.view());
}

void encode(Writer& out, const HardState& state) {
  put(out, state.term);
  put_optional(out, state.vote);
  put(out, state.commit);
}

void encode(Writer& out, const Configuration& configuration) {
  put(out, configuration.voters);
  put(out, configuration.voters_outgoing);
  put(out, configuration.learners);
  put(out, configuration.learners_next);
  out.boolean(configuration.auto_leave);
}

void encode(Writer& out, const ConfigurationEntry& entry) {
  encode(out, entry.configuration);
  out.bytes(entry.context.view());
}

void encode(Writer& out, const SnapshotMeta& meta) {
  put(out, meta.index);
  put(out, meta.term);
  out.varint(meta.time_ms);
  encode(out, meta.configuration);
}

void encode(Writer& out, const Message& message) {
  out.u8(static_cast<std::uint8_t>(message.body.index()));
  out.u64(message.from.value());
  out.u64(message.to.value());
  put(out, message.term);
  std::visit(EncodeBody{out}, message.body);
}

Result<Entry> decode_entry(Reader& in, const Bytes& owner) {
  Entry entry;
  entry.term = get<Term>(in);
  entry.index = get<Index>(in);
  const std::uint8_t kind = in.u8();
  entry.kind = static_cast<EntryKind>(kind);
  entry.time_ms = in.varint();
  entry.data = share(owner, in.bytes());
  if (!in.ok() || kind > static_cast<std::uint8_t>(EntryKind::kConfiguration)) {
    return damaged("an entry");
  }
  return entry;
}

Result<HardState> decode_hard_state(Reader& in) {
  HardState state;
  state.term = get<Term>(in);
  state.vote = get_optional<NodeId>(in);
  state.commit = get<Index>(in);
  if (!in.ok()) return damaged("a hard state");
  return state;
}

Result<Configuration> decode_configuration(Reader& in) {
  Configuration c;
  const bool sets = get(in, c.voters) && get(in, c.voters_outgoing) && get(in, c.learners) &&
                    get(in, c.learners_next);
  if (sets) c.auto_leave = in.boolean();
  if (!sets || !in.ok()) return damaged("a configuration");
  return c;
}

Result<ConfigurationEntry> decode_configuration_entry(Reader& in) {
  Result<Configuration> configuration = decode_configuration(in);
  if (!configuration) return configuration.error();
  ConfigurationEntry entry;
  entry.configuration = std::move(*configuration);
  entry.context = Bytes(in.bytes());
  if (!in.ok()) return damaged("a configuration entry");
  return entry;
}

Result<SnapshotMeta> decode_snapshot_meta(Reader& in) {
  SnapshotMeta meta;
  meta.index = get<Index>(in);
  meta.term = get<Term>(in);
  meta.time_ms = in.varint();
  Result<Configuration> configuration = decode_configuration(in);
  if (!configuration) return configuration.error();
  meta.configuration = std::move(*configuration);
  return meta;
}

Result<Message> decode_message(const Bytes& frame) {
  Reader in(frame.view());
  const std::uint8_t kind = in.u8();
  Message message;
  message.from = NodeId(in.u64());
  message.to = NodeId(in.u64());
  message.term = get<Term>(in);
  Result<Body> body = decode_body(kind, in, frame);
  if (!body) return body.error();
  if (!in.finished()) return damaged("a message");
  message.body = std::move(*body);
  return message;
}

}  // namespace detcd::raft
