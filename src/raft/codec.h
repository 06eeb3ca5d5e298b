// Canonical bytes of Raft's values, shared by WAL records and the peer wire: equal values, equal
// bytes. Decoding checks everything and allocates nothing beyond its input's size.
#pragma once

#include <string_view>

#include "base/codec.h"
#include "base/result.h"
#include "raft/message.h"
#include "raft/types.h"

namespace detcd::raft {

void encode(Writer& out, const Entry& entry);
void encode(Writer& out, const HardState& state);
void encode(Writer& out, const Configuration& configuration);
void encode(Writer& out, const ConfigurationEntry& entry);
void encode(Writer& out, const SnapshotMeta& meta);
void encode(Writer& out, const Message& message);

// Each leaves the reader after the value; a malformed one gives kDamaged. `owner`, when not empty,
// is the buffer the reader reads from: entries' data then share it instead of being copied.
[[nodiscard]] Result<Entry> decode_entry(Reader& in, const Bytes& owner = {});
[[nodiscard]] Result<HardState> decode_hard_state(Reader& in);
[[nodiscard]] Result<Configuration> decode_configuration(Reader& in);
[[nodiscard]] Result<ConfigurationEntry> decode_configuration_entry(Reader& in);
[[nodiscard]] Result<SnapshotMeta> decode_snapshot_meta(Reader& in);
[[nodiscard]] Result<Message> decode_message(const Bytes& frame);

}  // namespace detcd::raft
