#include "sim/check/told.h"

#include <string_view>
#include <utility>
#include <variant>

#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

using Difference = std::optional<std::string>;
using Kind = Told::Kind;

std::string show(const std::string& text) {
  return quote(text);
}
std::string show(std::int64_t number) {
  return std::to_string(number);
}
std::string show(bool value) {
  return value ? "true" : "false";
}

// Compares fields until the first that differs.
class Comparison {
 public:
  explicit Comparison(std::string where) : where_(std::move(where)) {}
  template <class Value>
  Comparison& field(std::string_view name, const std::optional<Value>& is, const Value& must_be) {
    if (!found_ && is && *is != must_be) {
      found_ = where_ + std::string(name) + " is " + show(*is) + ", must be " + show(must_be);
    }
    return *this;
  }
  template <class Compare>
  Comparison& part(const Compare& compare) {
    if (!found_) found_ = compare();
    return *this;
  }
  [[nodiscard]] Difference found() const { return found_; }

 private:
  std::string where_;
  Difference found_;
};

Difference compare(const ToldKeyValue& is, const apply::KeyValue& must_be, std::string where) {
  return Comparison(std::move(where))
      .field("key", is.key, must_be.key.str())
      .field("value", is.value, must_be.value.str())
      .field("create_revision", is.create_revision, must_be.create_revision)
      .field("mod_revision", is.mod_revision, must_be.mod_revision)
      .field("version", is.version, must_be.version)
      .field("lease", is.lease, must_be.lease)
      .found();
}

std::string keys_of(const std::vector<apply::KeyValue>& kvs) {
  std::string out;
  for (const apply::KeyValue& kv : kvs) out += (out.empty() ? "" : " ") + show(kv.key.str());
  return out.empty() ? "none" : out;
}

Difference compare(const std::optional<std::vector<ToldKeyValue>>& is,
                   const std::vector<apply::KeyValue>& must_be, const std::string& where) {
  if (!is) return std::nullopt;
  if (is->size() != must_be.size()) {
    return where + " has " + std::to_string(is->size()) + " keys, must have " +
           std::to_string(must_be.size()) + " (" + keys_of(must_be) + ")";
  }
  for (std::size_t i = 0; i < must_be.size(); ++i) {
    Difference found = compare((*is)[i], must_be[i], where + "[" + std::to_string(i) + "].");
    if (found) return found;
  }
  return std::nullopt;
}

Difference compare(const Told& is, const apply::RangeResponse& must_be, const std::string& where) {
  return Comparison(where)
      .field("revision", is.revision, must_be.header_revision)
      .part([&] { return compare(is.kvs, must_be.kvs, where + "kvs"); })
      .field("count", is.count, must_be.count)
      .field("more", is.more, must_be.more)
      .found();
}

Difference compare(const Told& is, const apply::PutResponse& must_be, const std::string& where) {
  const auto former = [&]() -> Difference {
    if (!is.prev_kv) return std::nullopt;
    if (is.prev_kv->has_value() != must_be.prev_kv.has_value()) {
      return where + "prev_kv " + (must_be.prev_kv ? "is missing" : "must not be there");
    }
    if (!must_be.prev_kv) return std::nullopt;
    return compare(**is.prev_kv, *must_be.prev_kv, where + "prev_kv.");
  };
  return Comparison(where)
      .field("revision", is.revision, must_be.header_revision)
      .part(former)
      .found();
}

Difference compare(const Told& is, const apply::DeleteRangeResponse& must_be,
                   const std::string& where) {
  return Comparison(where)
      .field("revision", is.revision, must_be.header_revision)
      .field("deleted", is.deleted, must_be.deleted)
      .part([&] { return compare(is.kvs, must_be.prev_kvs, where + "prev_kvs"); })
      .found();
}

Difference compare(const Told& is, const apply::CompactionResponse& must_be,
                   const std::string& where) {
  return Comparison(where).field("revision", is.revision, must_be.header_revision).found();
}

template <class Any>
Difference compare_any(const Told& is, const Any& must_be, const std::string& where);

Difference compare(const Told& is, const apply::TxnResponse& must_be, const std::string& where) {
  const auto inner = [&]() -> Difference {
    if (!is.responses) return std::nullopt;
    if (is.responses->size() != must_be.responses.size()) {
      return where + "responses has " + std::to_string(is.responses->size()) +
             " entries, must have " + std::to_string(must_be.responses.size());
    }
    for (std::size_t i = 0; i < must_be.responses.size(); ++i) {
      const std::string here = where + "responses[" + std::to_string(i) + "].";
      Difference found = compare_any((*is.responses)[i], must_be.responses[i].response, here);
      if (found) return found;
    }
    return std::nullopt;
  };
  return Comparison(where)
      .field("succeeded", is.succeeded, must_be.succeeded)
      .field("revision", is.revision, must_be.header_revision)
      .part(inner)
      .found();
}

// What recorded histories don't tell.
template <class Other>
Difference compare(const Told&, const Other&, const std::string&) {
  return std::nullopt;
}
Difference compare(const Told&, const apply::AuthResponse&, const std::string&) {
  return std::nullopt;
}

Kind kind_of(const apply::RangeResponse&) {
  return Kind::kRange;
}
Kind kind_of(const apply::PutResponse&) {
  return Kind::kPut;
}
Kind kind_of(const apply::DeleteRangeResponse&) {
  return Kind::kDeleteRange;
}
Kind kind_of(const apply::TxnResponse&) {
  return Kind::kTxn;
}
Kind kind_of(const apply::CompactionResponse&) {
  return Kind::kCompact;
}

template <class Any>
Difference compare_any(const Told& is, const Any& must_be, const std::string& where) {
  return std::visit(
      [&](const auto& known) -> Difference {
        if constexpr (requires { kind_of(known); }) {
          if (is.kind != kind_of(known)) return where + " is the answer to another request";
        }
        return compare(is, known, where);
      },
      must_be);
}

template <class Other>
std::optional<Told> tell(const Other&) {
  return std::nullopt;
}
std::optional<Told> tell(const apply::AuthResponse&) {
  return std::nullopt;
}
ToldKeyValue tell(const apply::KeyValue& kv) {
  return {kv.key.str(), kv.value.str(), kv.create_revision, kv.mod_revision, kv.version, kv.lease};
}
std::vector<ToldKeyValue> tell(const std::vector<apply::KeyValue>& kvs) {
  std::vector<ToldKeyValue> out;
  out.reserve(kvs.size());
  for (const apply::KeyValue& kv : kvs) out.push_back(tell(kv));
  return out;
}
std::optional<Told> tell(const apply::RangeResponse& range) {
  Told out;
  out.kind = Kind::kRange;
  out.revision = range.header_revision;
  out.count = range.count;
  out.more = range.more;
  out.kvs = tell(range.kvs);
  return out;
}
std::optional<Told> tell(const apply::PutResponse& put) {
  Told out;
  out.kind = Kind::kPut;
  out.revision = put.header_revision;
  std::optional<ToldKeyValue> former;
  if (put.prev_kv) former = tell(*put.prev_kv);
  out.prev_kv = std::move(former);
  return out;
}
std::optional<Told> tell(const apply::DeleteRangeResponse& erase) {
  Told out;
  out.kind = Kind::kDeleteRange;
  out.revision = erase.header_revision;
  out.deleted = erase.deleted;
  out.kvs = tell(erase.prev_kvs);
  return out;
}
std::optional<Told> tell(const apply::CompactionResponse& compact) {
  Told out;
  out.kind = Kind::kCompact;
  out.revision = compact.header_revision;
  return out;
}
std::optional<Told> tell(const apply::TxnResponse& txn) {
  Told out;
  out.kind = Kind::kTxn;
  out.revision = txn.header_revision;
  out.succeeded = txn.succeeded;
  std::vector<Told> responses;
  for (const apply::ResponseOp& operation : txn.responses) {
    std::optional<Told> inner =
        std::visit([](const auto& known) { return tell(known); }, operation.response);
    responses.push_back(std::move(*inner));
  }
  out.responses = std::move(responses);
  return out;
}

}  // namespace

std::optional<Told> told(const apply::Response& response) {
  return std::visit([](const auto& known) { return tell(known); }, response);
}

std::optional<std::string> difference(const Told& told, const apply::Response& expected) {
  return compare_any(told, expected, "");
}

}  // namespace detcd::sim
