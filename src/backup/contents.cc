#include "backup/contents.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/codec.h"
#include "mvcc/hash.h"

namespace detcd::backup {
namespace {

constexpr std::uint64_t kRecordUnits = 4;   // Encoding a small record.
constexpr std::uint64_t kLookupUnits = 15;  // Finding its key in the index.
constexpr std::size_t kBytesPerUnit = 1024;
constexpr std::string_view kKeys = "key";

std::string big_endian(std::uint64_t value) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

std::string hex(std::uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
    value >>= 4;
  } while (value != 0);
  return digits;
}

std::string json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20) {
      out += "\\u00";
      out += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + '"';
}

template <class List, class Print>
std::string json_list(const List& list, const Print& print) {
  std::string out;
  for (const auto& one : list) out += (out.empty() ? "" : ",") + print(one);
  return "[" + out + "]";
}

std::string json(const std::vector<std::string>& texts) {
  return json_list(texts, [](const std::string& text) { return json(text); });
}
std::string json(const std::vector<std::uint64_t>& numbers) {
  return json_list(numbers, [](std::uint64_t number) { return std::to_string(number); });
}

std::string json(const membership::Member& member) {
  std::string out =
      R"({"id":)" + std::to_string(member.id) + R"(,"peerURLs":)" + json(member.peer_urls);
  if (member.is_learner) out += R"(,"isLearner":true)";
  if (!member.name.empty()) out += R"(,"name":)" + json(member.name);
  if (!member.client_urls.empty()) out += R"(,"clientURLs":)" + json(member.client_urls);
  return out + "}";
}

// As etcd's backend names a revision that isn't a record's.
std::string revision_key(mvcc::Revision revision) {
  return big_endian(static_cast<std::uint64_t>(revision)) + "_" + big_endian(0);
}

std::string alarm_key(const apply::AlarmMember& alarm) {
  Writer out;
  if (alarm.member_id != 0) {
    out.u8(1 << 3);
    out.varint(alarm.member_id);
  }
  if (alarm.alarm != 0) {
    out.u8(2 << 3);
    out.varint(static_cast<std::uint64_t>(static_cast<std::int64_t>(alarm.alarm)));
  }
  return out.take();
}

std::vector<Item> alarms(const apply::Applier& applier) {
  std::vector<Item> items;
  for (const apply::AlarmMember& alarm : applier.alarms().list(apply::AlarmType::kNone)) {
    items.emplace_back(alarm_key(alarm), "");
  }
  return items;
}

std::vector<Item> members(const apply::Applier& applier) {
  std::vector<Item> items;
  for (const membership::Member& member : applier.members().list()) {
    items.emplace_back(hex(member.id), json(member));
  }
  return items;
}

std::vector<Item> removed_members(const apply::Applier& applier) {
  std::vector<Item> items;
  for (const std::uint64_t id : applier.members().removed()) items.emplace_back(hex(id), "removed");
  return items;
}

// "3.7.0", but never above what the schema's servers know.
std::string version_within(const std::string& version, Schema schema) {
  const std::optional<Schema> known = parse_schema(version);
  if (known && *known <= schema) return version;
  return std::string(name_of(schema));
}

std::vector<Item> cluster(const apply::Applier& applier, Schema schema) {
  if (schema < Schema::k35 || applier.cluster_version().empty()) return {};
  return {{"clusterVersion", version_within(applier.cluster_version(), schema)}};
}

std::vector<Item> meta(const apply::Applier& applier, const Origin& origin) {
  const apply::Position& applied = applier.applied();
  std::vector<Item> items = {{"consistent_index", big_endian(applied.index)}};
  if (applier.compact_revision() > 0) {
    const std::string compacted = revision_key(applier.compact_revision());
    items.emplace_back("finishedCompactRev", compacted);
    items.emplace_back("scheduledCompactRev", compacted);
  }
  if (origin.schema >= Schema::k35) {
    items.emplace_back("term", big_endian(applied.term));
    std::string conf_state = R"({"voters":)" + json(origin.voters);
    if (!origin.learners.empty()) conf_state += R"(,"learners":)" + json(origin.learners);
    items.emplace_back("confState", conf_state + R"(,"auto_leave":false})");
  }
  if (origin.schema >= Schema::k36) {
    items.emplace_back("storageVersion", std::string(name_of(origin.schema)));
  }
  return items;
}

}  // namespace

std::optional<Schema> parse_schema(std::string_view text) {
  constexpr std::array<std::string_view, 4> kNames = {"3.4", "3.5", "3.6", "3.7"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (text == kNames[i]) return static_cast<Schema>(i);
    if (!text.starts_with(kNames[i]) || text.size() < 5 || text[3] != '.') continue;
    const bool number =
        std::ranges::all_of(text.substr(4), [](char c) { return c >= '0' && c <= '9'; });
    if (number) return static_cast<Schema>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Schema schema) {
  switch (schema) {
    case Schema::k34:
      return "3.4.0";
    case Schema::k35:
      return "3.5.0";
    case Schema::k36:
      return "3.6.0";
    case Schema::k37:
      return "3.7.0";
  }
  return "";
}

// etcd makes all buckets when it starts, so that tools and servers expect them, empty or not.
Contents contents_of(const apply::Applier& applier, const Origin& origin) {
  Contents contents;
  contents.revision = applier.revision();
  contents.compact_revision = applier.compact_revision();
  contents.buckets = {{"alarm", alarms(applier)},
                      {"auth", {}},
                      {"authRoles", {}},
                      {"authUsers", {}},
                      {"cluster", cluster(applier, origin.schema)},
                      {std::string(kKeys), {}},
                      {"lease", {}},
                      {"members", members(applier)},
                      {"members_removed", removed_members(applier)},
                      {"meta", meta(applier, origin)}};
  for (Bucket& bucket : contents.buckets) std::ranges::sort(bucket.items);
  return contents;
}

std::string Pass::key() const {
  return record_ ? mvcc::backend_key(*record_) : at_bucket().items[item_ - 1].first;
}
std::string Pass::value() const {
  return record_ ? mvcc::backend_value(*record_) : at_bucket().items[item_ - 1].second;
}
std::size_t Pass::value_bytes() const {
  return record_ ? mvcc::backend_value_bytes(*record_) : at_bucket().items[item_ - 1].second.size();
}

// What a compaction has left in etcd's file, too.
bool Pass::included(const mvcc::Store& store, const mvcc::Record& record) const {
  if (record.place.main > contents_->compact_revision) return true;
  if (record.tombstone) return false;
  const mvcc::Version* const kept = store.live(record.key, contents_->compact_revision);
  return kept != nullptr && kept->place() == record.place;
}

// None at the end of the chunk.
std::optional<Pass::Step> Pass::scan_chunk(const mvcc::Store& store, const mvcc::Chunk& chunk,
                                           mvcc::Meter& meter) {
  // Only id and hash together say that the bytes are still the same.
  if (chunk_ != chunk.id || chunk_hash_ != chunk.hash) {
    chunk_ = chunk.id;
    chunk_hash_ = chunk.hash;
    offset_ = mvcc::kChunkHeaderBytes;
  }
  const std::string_view bytes = chunk.text();
  while (offset_ < bytes.size()) {
    if (!meter.spend()) return Step::kMore;
    const mvcc::Record record = mvcc::read_frame(bytes.substr(offset_));
    if (record.place.main > contents_->revision) return Step::kBucketEnd;
    const std::size_t length = mvcc::frame_size(record);
    offset_ += length;
    if (record.place < next_) continue;
    next_ = {record.place.main, record.place.sub + 1};
    if (record.place.main <= contents_->compact_revision) meter.charge(kLookupUnits);
    if (!included(store, record)) continue;
    meter.charge(kRecordUnits + length / kBytesPerUnit);
    record_ = record;
    return Step::kItem;
  }
  next_ = std::max(next_, mvcc::Place{chunk.span.last.main, chunk.span.last.sub + 1});
  return std::nullopt;
}

Pass::Step Pass::next_record(const mvcc::Store& store, mvcc::Meter& meter) {
  for (;;) {
    const std::size_t position = store.chunks().position(next_);
    if (position == store.chunks().order().size()) return Step::kBucketEnd;
    const mvcc::Chunk& chunk = store.chunks().at(store.chunks().order()[position]);
    if (chunk.span.first.main > contents_->revision) return Step::kBucketEnd;
    if (chunk.cold) {
      chunk_ = chunk.id;
      chunk_hash_ = 0;
      return Step::kCold;
    }
    const std::optional<Step> step = scan_chunk(store, chunk, meter);
    if (step) return *step;
    if (!meter.spend()) return Step::kMore;
  }
}

Pass::Step Pass::next(const mvcc::Store& store, mvcc::Meter& meter) {
  record_.reset();
  if (bucket_ == contents_->buckets.size()) return Step::kEnd;
  if (!inside_) {
    inside_ = true;
    item_ = 0;
    return Step::kBucket;
  }
  if (bucket() == kKeys) {
    const Step step = next_record(store, meter);
    if (step != Step::kBucketEnd) return step;
  } else if (item_ < at_bucket().items.size()) {
    if (!meter.spend()) return Step::kMore;
    ++item_;
    return Step::kItem;
  }
  inside_ = false;
  ++bucket_;
  return Step::kBucketEnd;
}

}  // namespace detcd::backup
