#include "wire/watch_codec.h"

#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "wire/field.h"
#include "wire/header_codec.h"
#include "wire/kv_fields.h"

namespace detcd::wire {
namespace {

constexpr std::uint64_t kNoPut = 0;
constexpr std::uint64_t kNoDelete = 1;

Error malformed() {
  return Error{Errc::kInvalid, "proto: cannot parse invalid wire-format data"};
}

void add_filter(watch::Create& request, std::uint64_t filter) {
  if (filter == kNoPut) request.no_put = true;
  if (filter == kNoDelete) request.no_delete = true;
}

// A repeated enum comes one by one or packed: as a sequence of varints, each of which reads as a
// field whose tag is missing.
bool add_filters(watch::Create& request, std::string_view packed) {
  while (!packed.empty()) {
    std::uint64_t value = 0;
    std::size_t size = 0;
    for (;;) {
      if (size == packed.size() || size == 10) return false;
      const auto byte = static_cast<unsigned char>(packed[size]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * size);
      ++size;
      if (byte < 0x80) break;
    }
    add_filter(request, value);
    packed.remove_prefix(size);
  }
  return true;
}

// Merges into what an earlier occurrence of the message said, as protobuf does.
bool parse_create(watch::Create& request, std::string_view bytes) {
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1)) request.key = field.bytes;
    if (field.is_bytes(2)) request.range_end = field.bytes;
    if (field.is_varint(3)) request.start_revision = signed_of(field);
    if (field.is_varint(4)) request.progress_notify = field.varint != 0;
    if (field.is_varint(5)) add_filter(request, field.varint);
    if (field.is_bytes(5) && !add_filters(request, field.bytes)) return false;
    if (field.is_varint(6)) request.prev_kv = field.varint != 0;
    if (field.is_varint(7)) request.id = signed_of(field);
    if (field.is_varint(8)) request.fragment = field.varint != 0;
  }
  return reader.ok();
}

bool parse_cancel(watch::Cancel& request, std::string_view bytes) {
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_varint(1)) request.id = signed_of(field);
  }
  return reader.ok();
}

bool parse_empty(std::string_view bytes) {
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
  }
  return reader.ok();
}

// The member of the union that comes last counts; one that comes again is merged.
template <class Member>
Member& member(watch::Request& request) {
  if (!std::holds_alternative<Member>(request)) request = Member{};
  return std::get<Member>(request);
}

struct CreateFields {
  const watch::Create& request;
};
struct CancelFields {
  const watch::Cancel& request;
};
struct NoFields {};
struct EventFields {
  const watch::Event& event;
};
// Some of a response's events.
struct Part {
  const Header& header;
  const watch::Response& response;
  std::span<const watch::Event> events;
  bool fragment = false;
};

template <class Sink>
void fields(Sink& sink, const CreateFields& message) {
  const watch::Create& request = message.request;
  sink.bytes(1, request.key);
  sink.bytes(2, request.range_end);
  sink.number(3, unsigned_of(request.start_revision));
  sink.number(4, request.progress_notify ? 1 : 0);
  std::string filters;
  if (request.no_put) filters.push_back(static_cast<char>(kNoPut));
  if (request.no_delete) filters.push_back(static_cast<char>(kNoDelete));
  sink.bytes(5, filters);
  sink.number(6, request.prev_kv ? 1 : 0);
  sink.number(7, unsigned_of(request.id));
  sink.number(8, request.fragment ? 1 : 0);
}
template <class Sink>
void fields(Sink& sink, const CancelFields& message) {
  sink.number(1, unsigned_of(message.request.id));
}
template <class Sink>
void fields(Sink&, const NoFields&) {}
template <class Sink>
void fields(Sink& sink, const EventFields& message) {
  sink.number(1, message.event.erased ? 1 : 0);
  nested(sink, 2, message.event.kv);
  if (message.event.prev_kv) nested(sink, 3, *message.event.prev_kv);
}
template <class Sink>
void fields(Sink& sink, const Part& message) {
  const watch::Response& response = message.response;
  nested(sink, 1, message.header);
  sink.number(2, unsigned_of(response.id));
  sink.number(3, response.created ? 1 : 0);
  sink.number(4, response.canceled ? 1 : 0);
  sink.number(5, unsigned_of(response.compact_revision));
  sink.bytes(6, response.cancel_reason);
  sink.number(7, message.fragment ? 1 : 0);
  for (const watch::Event& event : message.events) nested(sink, 11, EventFields{event});
}

// A message as a field of another one.
template <class Message>
struct Nested {
  std::uint32_t field;
  const Message& message;
};
template <class Sink, class Message>
void fields(Sink& sink, const Nested<Message>& message) {
  nested(sink, message.field, message.message);
}

bool is_one_event(const watch::Response& response) {
  return response.events.size() == 1 && !response.created && !response.canceled &&
         response.compact_revision == 0 && std::string_view(response.cancel_reason).empty();
}

// The same bytes in the same place: others may be equal, and are written anew.
bool is_same(const Bytes& a, const Bytes& b) {
  return a.view().data() == b.view().data() && a.size() == b.size();
}
bool is_same(const watch::Event& a, const watch::Event& b) {
  return a.erased == b.erased && !a.prev_kv && !b.prev_kv && is_same(a.kv.key, b.kv.key) &&
         is_same(a.kv.value, b.kv.value) && a.kv.create_revision == b.kv.create_revision &&
         a.kv.mod_revision == b.kv.mod_revision && a.kv.version == b.kv.version &&
         a.kv.lease == b.kv.lease;
}

// How many of the events go into the next part.
std::size_t part_length(const Part& rest, std::size_t part_bytes_max) {
  Part part{rest.header, rest.response, {}, true};
  std::size_t bytes = size_of(part);
  std::size_t count = 0;
  for (const watch::Event& event : rest.events) {
    FieldSizer sizer;
    nested(sizer, 11, EventFields{event});
    bytes += sizer.size();
    if (count > 0 && bytes >= part_bytes_max) break;
    ++count;
  }
  return count;
}

bool parse_key_value(mvcc::KeyValue& kv, std::string_view bytes) {
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1)) kv.key = Bytes(field.bytes);
    if (field.is_varint(2)) kv.create_revision = signed_of(field);
    if (field.is_varint(3)) kv.mod_revision = signed_of(field);
    if (field.is_varint(4)) kv.version = signed_of(field);
    if (field.is_bytes(5)) kv.value = Bytes(field.bytes);
    if (field.is_varint(6)) kv.lease = signed_of(field);
  }
  return reader.ok();
}

bool parse_event(watch::Event& event, std::string_view bytes) {
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_varint(1)) event.erased = field.varint != 0;
    if (field.is_bytes(2) && !parse_key_value(event.kv, field.bytes)) return false;
    if (!field.is_bytes(3)) continue;
    event.prev_kv.emplace();
    if (!parse_key_value(*event.prev_kv, field.bytes)) return false;
  }
  return reader.ok();
}

}  // namespace

Result<watch::Request> parse_watch_request(std::string_view bytes) {
  watch::Request request = watch::Nothing{};
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1) && !parse_create(member<watch::Create>(request), field.bytes)) {
      return malformed();
    }
    if (field.is_bytes(2) && !parse_cancel(member<watch::Cancel>(request), field.bytes)) {
      return malformed();
    }
    if (!field.is_bytes(3)) continue;
    request = watch::AskProgress{};
    if (!parse_empty(field.bytes)) return malformed();
  }
  if (!reader.ok()) return malformed();
  return request;
}

std::string serialize(const watch::Request& request) {
  const auto wrapped = [](std::uint32_t number, const auto& message) {
    FieldSizer sizer;
    nested(sizer, number, message);
    FieldWriter writer(sizer.size());
    nested(writer, number, message);
    return writer.take();
  };
  if (const auto* create = std::get_if<watch::Create>(&request)) {
    return wrapped(1, CreateFields{*create});
  }
  if (const auto* cancel = std::get_if<watch::Cancel>(&request)) {
    return wrapped(2, CancelFields{*cancel});
  }
  if (std::holds_alternative<watch::AskProgress>(request)) return wrapped(3, NoFields{});
  return {};
}

void WatchWriter::write(const watch::Response& response) {
  if (is_one_event(response)) return write_one_event(response);
  cut();
  event_ = nullptr;
  header_.revision = response.revision;
  Part rest{header_, response, response.events};
  const bool split =
      response.may_fragment && response.events.size() >= 2 && size_of(rest) >= part_bytes_max_;
  while (split) {
    const std::size_t count = part_length(rest, part_bytes_max_);
    if (count == rest.events.size()) break;
    const Part part{header_, response, rest.events.first(count), true};
    messages_.push_back(Bytes::adopt(to_bytes(part)));
    rest.events = rest.events.subspan(count);
  }
  messages_.push_back(Bytes::adopt(to_bytes(rest)));
}

void WatchWriter::write_one_event(const watch::Response& response) {
  const watch::Event& event = response.events.front();
  if (event_ == nullptr || header_.revision != response.revision) {
    header_.revision = response.revision;
    head_ = to_bytes(Nested<Header>{1, header_});
  }
  if (event_ == nullptr || !is_same(*event_, event)) {
    tail_ = to_bytes(Nested<EventFields>{11, EventFields{event}});
  }
  event_ = &event;
  FieldWriter id(0);
  id.number(2, unsigned_of(response.id));
  text_.append(head_).append(id.take()).append(tail_);
  ends_.push_back(text_.size());
}

void WatchWriter::cut() {
  if (ends_.empty()) return;
  const Bytes whole = Bytes::adopt(std::exchange(text_, {}));
  std::size_t begin = 0;
  for (const std::size_t end : std::exchange(ends_, {})) {
    messages_.push_back(whole.slice(begin, end - begin));
    begin = end;
  }
}

std::vector<Bytes> WatchWriter::take() {
  cut();
  return std::exchange(messages_, {});
}

std::vector<Bytes> serialize(const Header& header, const watch::Response& response,
                             std::size_t part_bytes_max) {
  WatchWriter writer(header, part_bytes_max);
  writer.write(response);
  return writer.take();
}

Result<WatchAnswer> parse_watch_response(std::string_view bytes) {
  WatchAnswer answer;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1) && !parse_header(answer.header, field.bytes)) return malformed();
    if (field.is_varint(2)) answer.id = signed_of(field);
    if (field.is_varint(3)) answer.created = field.varint != 0;
    if (field.is_varint(4)) answer.canceled = field.varint != 0;
    if (field.is_varint(5)) answer.compact_revision = signed_of(field);
    if (field.is_bytes(6)) answer.cancel_reason = field.bytes;
    if (field.is_varint(7)) answer.fragment = field.varint != 0;
    if (field.is_bytes(11) && !parse_event(answer.events.emplace_back(), field.bytes)) {
      return malformed();
    }
  }
  if (!reader.ok()) return malformed();
  return answer;
}

}  // namespace detcd::wire
