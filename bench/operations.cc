#include "bench/operations.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include "base/hash.h"
#include "wire/kv_codec.h"
#include "wire/lease_codec.h"

namespace detcd::bench {
namespace {

constexpr const char* kPutPath = "/etcdserverpb.KV/Put";
constexpr const char* kRangePath = "/etcdserverpb.KV/Range";

template <class Response>
const Response* response_of(const Result<wire::ParsedResponse>& parsed) {
  // What has written is at revision 2 at least; what only read is at 1 or later.
  if (!parsed || parsed->header.revision < 1) return nullptr;
  return std::get_if<Response>(&parsed->response);
}

bool right_put(std::string_view answer) {
  const Result<wire::ParsedResponse> put = wire::parse_put_response(answer);
  return response_of<apply::PutResponse>(put) != nullptr && put->header.revision >= 2;
}

class Puts final : public Operation {
 public:
  enum class Keys : std::uint8_t { kOwn, kAgain, kLeased };
  Puts(OperationOptions options, Keys keys) : options_(std::move(options)), keys_(keys) {}

  [[nodiscard]] Asked ask(std::uint64_t number) const override {
    const std::uint64_t key = keys_ == Keys::kAgain ? number % options_.keys : number;
    apply::PutRequest put;
    put.key = key_name(options_.prefix, key);
    put.value = value_of(key, options_.value_bytes);
    if (keys_ == Keys::kLeased) put.lease = lease_id(key);
    return {kPutPath, wire::serialize(put), key, true};
  }
  [[nodiscard]] bool right(const Asked& /*asked*/, std::string_view answer) const override {
    return right_put(answer);
  }

 private:
  OperationOptions options_;
  Keys keys_;
};

class Ranges final : public Operation {
 public:
  explicit Ranges(OperationOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Asked ask(std::uint64_t number) const override {
    const std::uint64_t key = mix64(number) % options_.keys;
    apply::RangeRequest range;
    range.key = key_name(options_.prefix, key);
    return {kRangePath, wire::serialize(range), key, false};
  }
  [[nodiscard]] bool right(const Asked& asked, std::string_view answer) const override {
    const Result<wire::ParsedResponse> parsed = wire::parse_range_response(answer);
    const auto* range = response_of<apply::RangeResponse>(parsed);
    return range != nullptr && range->kvs.size() == 1 &&
           range->kvs[0].value.view() == value_of(asked.key, options_.value_bytes);
  }

 private:
  OperationOptions options_;
};

class RangesOfAll final : public Operation {
 public:
  explicit RangesOfAll(OperationOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Asked ask(std::uint64_t /*number*/) const override {
    apply::RangeRequest range;
    range.key = options_.prefix;
    range.range_end = options_.prefix + "~";
    return {kRangePath, wire::serialize(range), 0, false};
  }
  // To look at each byte of some megabytes would measure the client: all keys, and some values.
  [[nodiscard]] bool right(const Asked& /*asked*/, std::string_view answer) const override {
    const Result<wire::ParsedResponse> parsed = wire::parse_range_response(answer);
    const auto* range = response_of<apply::RangeResponse>(parsed);
    if (range == nullptr || range->kvs.size() != options_.keys || range->more) return false;
    for (std::uint64_t i = 0; i < options_.keys; ++i) {
      const apply::KeyValue& kv = range->kvs[i];
      if (kv.key.view() != key_name(options_.prefix, i)) return false;
      if (kv.value.size() != options_.value_bytes) return false;
      if (i % 64 == 0 && kv.value.view() != value_of(i, options_.value_bytes)) return false;
    }
    return true;
  }

 private:
  OperationOptions options_;
};

class Mixed final : public Operation {
 public:
  explicit Mixed(const OperationOptions& options)
      : ranges_(options), puts_(options, Puts::Keys::kOwn) {}

  [[nodiscard]] Asked ask(std::uint64_t number) const override {
    return number % 4 == 3 ? puts_.ask(number) : ranges_.ask(number);
  }
  [[nodiscard]] bool right(const Asked& asked, std::string_view answer) const override {
    return asked.writes ? puts_.right(asked, answer) : ranges_.right(asked, answer);
  }

 private:
  Ranges ranges_;
  Puts puts_;
};

class Txns final : public Operation {
 public:
  explicit Txns(OperationOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Asked ask(std::uint64_t number) const override {
    apply::Compare absent;
    absent.target = static_cast<std::int32_t>(apply::CompareTarget::kCreate);
    absent.key = key_name(options_.prefix, number);
    apply::PutRequest put;
    put.key = absent.key;
    put.value = value_of(number, options_.value_bytes);
    apply::RangeRequest range;
    range.key = absent.key;
    apply::TxnRequest txn;
    txn.compare.push_back(std::move(absent));
    txn.success.push_back({std::move(put)});
    txn.failure.push_back({std::move(range)});
    return {"/etcdserverpb.KV/Txn", wire::serialize(txn), number, true};
  }
  [[nodiscard]] bool right(const Asked& /*asked*/, std::string_view answer) const override {
    const Result<wire::ParsedResponse> parsed = wire::parse_txn_response(answer);
    const auto* txn = response_of<apply::TxnResponse>(parsed);
    return txn != nullptr && txn->succeeded && txn->responses.size() == 1 &&
           std::holds_alternative<apply::PutResponse>(txn->responses[0].response);
  }

 private:
  OperationOptions options_;
};

class Grants final : public Operation {
 public:
  explicit Grants(OperationOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Asked ask(std::uint64_t number) const override {
    const apply::LeaseGrantRequest grant{lease_id(number), options_.ttl_seconds};
    return {"/etcdserverpb.Lease/LeaseGrant", wire::serialize(grant), number, false};
  }
  [[nodiscard]] bool right(const Asked& asked, std::string_view answer) const override {
    const Result<wire::ParsedResponse> parsed = wire::parse_lease_grant_response(answer);
    const auto* grant = response_of<apply::LeaseGrantResponse>(parsed);
    return grant != nullptr && grant->id == lease_id(asked.key) &&
           grant->ttl == options_.ttl_seconds;
  }

 private:
  OperationOptions options_;
};

class LeaseKeepAlives final : public Operation {
 public:
  explicit LeaseKeepAlives(OperationOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Asked ask(std::uint64_t number) const override {
    const std::uint64_t lease = mix64(number) % options_.keys;
    return {"/etcdserverpb.Lease/LeaseKeepAlive",
            wire::serialize_lease_keep_alive_request(lease_id(lease)), lease, false};
  }
  [[nodiscard]] bool right(const Asked& asked, std::string_view answer) const override {
    const Result<wire::LeaseKeepAliveResponse> kept = wire::parse_lease_keep_alive_response(answer);
    return kept && kept->id == lease_id(asked.key) && kept->ttl == options_.ttl_seconds;
  }
  [[nodiscard]] bool streams() const override { return true; }

 private:
  OperationOptions options_;
};

}  // namespace

std::string key_name(const std::string& prefix, std::uint64_t number) {
  std::string digits = std::to_string(number);
  return prefix + std::string(12 - std::min<std::size_t>(12, digits.size()), '0') + digits;
}

// Every key has one right value.
std::string value_of(std::uint64_t number, std::size_t bytes) {
  // Sixteen letters, from a on: four bits of the word for each byte, all eight at once.
  constexpr std::uint64_t kEveryByte = 0x0101010101010101;
  std::string value((bytes + 7) / 8 * 8, '\0');
  for (std::size_t i = 0; i < value.size(); i += 8) {
    const std::uint64_t letters = (mix64(number, i) & (15 * kEveryByte)) + 'a' * kEveryByte;
    std::memcpy(value.data() + i, &letters, 8);
  }
  value.resize(bytes);
  return value;
}

// Spread as drawn ids are, and never 0: the multiplier is odd, so that no two numbers meet.
std::int64_t lease_id(std::uint64_t number) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  return static_cast<std::int64_t>(((number + 1) * kOdd) & INT64_MAX);
}

std::unique_ptr<const Operation> make_operation(Kind kind, OperationOptions options) {
  switch (kind) {
    case Kind::kPut:
      return std::make_unique<Puts>(std::move(options), Puts::Keys::kOwn);
    case Kind::kPutAgain:
      return std::make_unique<Puts>(std::move(options), Puts::Keys::kAgain);
    case Kind::kPutLeased:
      return std::make_unique<Puts>(std::move(options), Puts::Keys::kLeased);
    case Kind::kRange:
      return std::make_unique<Ranges>(std::move(options));
    case Kind::kRangeAll:
      return std::make_unique<RangesOfAll>(std::move(options));
    case Kind::kMixed:
      return std::make_unique<Mixed>(options);
    case Kind::kTxn:
      return std::make_unique<Txns>(std::move(options));
    case Kind::kGrant:
      return std::make_unique<Grants>(std::move(options));
    case Kind::kKeepAlive:
      return std::make_unique<LeaseKeepAlives>(std::move(options));
  }
  return nullptr;
}

}  // namespace detcd::bench
