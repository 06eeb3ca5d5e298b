#include "wire/command_codec.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/codec.h"
#include "wire/auth_command.h"

namespace detcd::wire {
namespace {

using apply::AlarmRequest;
using apply::Command;
using apply::CompactionRequest;
using apply::Compare;
using apply::DeleteRangeRequest;
using apply::DowngradeRequest;
using apply::LeaseGrantRequest;
using apply::LeaseRenewRequest;
using apply::LeaseRevokeRequest;
using apply::LeaseTick;
using apply::MemberChange;
using apply::PublishAttributes;
using apply::PutRequest;
using apply::RangeRequest;
using apply::RequestOp;
using apply::SetClusterVersion;
using apply::TxnRequest;

constexpr std::uint8_t kFormat = 1;

// What follows the version byte. Numbers are never given twice. The members of a Txn's operations
// use the same kinds; kNothing is an operation without a request.
enum class Kind : std::uint8_t {
  kNothing = 0,
  kPut = 1,
  kDeleteRange = 2,
  kTxn = 3,
  kCompaction = 4,
  kPublishAttributes = 5,
  kSetClusterVersion = 6,
  kRange = 7,
  kAlarm = 32,
  kDowngrade = 33,
  kLeaseGrant = 8,
  kLeaseRevoke = 9,
  kLeaseRenew = 10,
  kLeaseTick = 11,
  kMemberChange = 40,
  // Not a request: who asks, and then the kind of what is asked.
  kCaller = 48,
  // The changes of users and roles, in the order of auth::Change.
  kAuth = 64,
  kAuthLast = kAuth + kAuthKinds - 1,
};

// As deep as requests are parsed (kv_codec.cc), with room: what was proposed can always be read.
constexpr int kNestingMax = 300;

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

class Encoder {
 public:
  explicit Encoder(std::size_t bytes_expected) { out_.reserve(bytes_expected); }
  void command(const Command& command) {
    out_.u8(kFormat);
    if (command.caller != auth::Caller{}) {
      kind(Kind::kCaller);
      encode_caller(out_, command.caller);
    }
    std::visit([this](const auto& request) { kind(request); }, command.request);
    out_.varint(command.id.member);
    out_.varint(command.id.ordinal);
    std::visit([this](const auto& request) { body(request); }, command.request);
  }
  [[nodiscard]] std::string take() { return out_.take(); }

 private:
  void kind(Kind kind) { out_.u8(static_cast<std::uint8_t>(kind)); }
  void kind(const std::monostate&) { kind(Kind::kNothing); }
  void kind(const PutRequest&) { kind(Kind::kPut); }
  void kind(const DeleteRangeRequest&) { kind(Kind::kDeleteRange); }
  void kind(const TxnRequest&) { kind(Kind::kTxn); }
  void kind(const CompactionRequest&) { kind(Kind::kCompaction); }
  void kind(const PublishAttributes&) { kind(Kind::kPublishAttributes); }
  void kind(const SetClusterVersion&) { kind(Kind::kSetClusterVersion); }
  void kind(const RangeRequest&) { kind(Kind::kRange); }
  void kind(const AlarmRequest&) { kind(Kind::kAlarm); }
  void kind(const DowngradeRequest&) { kind(Kind::kDowngrade); }
  void kind(const LeaseGrantRequest&) { kind(Kind::kLeaseGrant); }
  void kind(const LeaseRevokeRequest&) { kind(Kind::kLeaseRevoke); }
  void kind(const LeaseRenewRequest&) { kind(Kind::kLeaseRenew); }
  void kind(const LeaseTick&) { kind(Kind::kLeaseTick); }
  void kind(const MemberChange&) { kind(Kind::kMemberChange); }
  void kind(const auth::Change& change) {
    out_.u8(static_cast<std::uint8_t>(static_cast<std::size_t>(Kind::kAuth) + change.index()));
  }

  void number(std::int64_t value) { out_.varint(zigzag(value)); }

  void body(const std::monostate&) {}
  void body(const PutRequest& put) {
    out_.bytes(put.key);
    out_.bytes(put.value);
    number(put.lease);
    out_.u8(static_cast<std::uint8_t>((put.prev_kv ? 1 : 0) | (put.ignore_value ? 2 : 0) |
                                      (put.ignore_lease ? 4 : 0)));
  }
  void body(const DeleteRangeRequest& del) {
    out_.bytes(del.key);
    out_.bytes(del.range_end);
    out_.boolean(del.prev_kv);
  }
  void body(const RangeRequest& range) {
    out_.bytes(range.key);
    out_.bytes(range.range_end);
    number(range.limit);
    number(range.revision);
    number(range.sort_order);
    number(range.sort_target);
    out_.u8(static_cast<std::uint8_t>((range.serializable ? 1 : 0) | (range.keys_only ? 2 : 0) |
                                      (range.count_only ? 4 : 0)));
    number(range.min_mod_revision);
    number(range.max_mod_revision);
    number(range.min_create_revision);
    number(range.max_create_revision);
  }
  void body(const CompactionRequest& compaction) {
    number(compaction.revision);
    out_.boolean(compaction.physical);
  }
  void body(const PublishAttributes& publish) {
    out_.varint(publish.member_id);
    out_.bytes(publish.name);
    out_.varint(publish.client_urls.size());
    for (const std::string& url : publish.client_urls) out_.bytes(url);
  }
  void body(const SetClusterVersion& version) { out_.bytes(version.version); }
  void body(const AlarmRequest& alarm) {
    number(alarm.action);
    out_.varint(alarm.member_id);
    number(alarm.alarm);
    out_.varint(alarm.quota_bytes);
  }
  void body(const DowngradeRequest& downgrade) {
    number(downgrade.action);
    out_.bytes(downgrade.version);
  }
  void body(const LeaseGrantRequest& grant) {
    number(grant.id);
    number(grant.ttl);
  }
  void body(const LeaseRevokeRequest& revoke) { number(revoke.id); }
  void body(const LeaseRenewRequest& renew) {
    out_.varint(renew.ids.size());
    for (const std::int64_t id : renew.ids) number(id);
  }
  void body(const LeaseTick& tick) {
    out_.varint(tick.term);
    out_.varint(tick.election_timeout_ms);
    out_.varint(tick.minimum_ms);
  }
  void body(const MemberChange& change) {
    out_.bytes(membership::encode(change.change));
    out_.varint(change.learners_max);
  }
  void body(const auth::Change& change) { encode_change(out_, change); }
  void body(const Compare& compare) {
    number(compare.result);
    number(compare.target);
    out_.bytes(compare.key);
    out_.bytes(compare.range_end);
    number(compare.number);
    out_.bytes(compare.value);
  }
  void operations(const std::vector<RequestOp>& ops) {
    out_.varint(ops.size());
    for (const RequestOp& op : ops) {
      std::visit([this](const auto& request) { kind(request); }, op.request);
      std::visit([this](const auto& request) { body(request); }, op.request);
    }
  }
  void body(const TxnRequest& txn) {
    out_.varint(txn.compare.size());
    for (const Compare& compare : txn.compare) body(compare);
    operations(txn.success);
    operations(txn.failure);
  }

  Writer out_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : in_(bytes) {}

  Result<Command> command() {
    const std::uint8_t format = in_.u8();
    if (in_.ok() && format != kFormat) {
      return Error{Errc::kIncompatible, "a command of format " + std::to_string(format) +
                                            " isn't known to this version"};
    }
    std::uint8_t kind = in_.u8();
    Command command;
    if (in_.ok() && static_cast<Kind>(kind) == Kind::kCaller) {
      command.caller = decode_caller(in_);
      kind = in_.u8();
    }
    command.id.member = in_.varint();
    command.id.ordinal = in_.varint();
    if (in_.ok() && !request(static_cast<Kind>(kind), command)) {
      return Error{Errc::kIncompatible,
                   "a command of kind " + std::to_string(kind) + " isn't known to this version"};
    }
    if (!valid_ || !in_.finished()) {
      return Error{Errc::kDamaged, "a command of kind " + std::to_string(kind) + " is malformed"};
    }
    return command;
  }

 private:
  // False for a kind that doesn't exist.
  bool request(Kind kind, Command& command) {
    if (kind >= Kind::kAuth && kind <= Kind::kAuthLast) {
      const int change = static_cast<int>(kind) - static_cast<int>(Kind::kAuth);
      command.request.emplace<auth::Change>(
          decode_auth_change(in_, static_cast<std::uint8_t>(change)));
      return true;
    }
    switch (kind) {
      case Kind::kPut:
        body(command.request.emplace<PutRequest>());
        return true;
      case Kind::kDeleteRange:
        body(command.request.emplace<DeleteRangeRequest>());
        return true;
      case Kind::kTxn:
        body(command.request.emplace<TxnRequest>(), 1);
        return true;
      case Kind::kCompaction:
        body(command.request.emplace<CompactionRequest>());
        return true;
      case Kind::kPublishAttributes:
        body(command.request.emplace<PublishAttributes>());
        return true;
      case Kind::kSetClusterVersion:
        body(command.request.emplace<SetClusterVersion>());
        return true;
      case Kind::kAlarm:
        body(command.request.emplace<AlarmRequest>());
        return true;
      case Kind::kDowngrade:
        body(command.request.emplace<DowngradeRequest>());
        return true;
      case Kind::kLeaseGrant:
        body(command.request.emplace<LeaseGrantRequest>());
        return true;
      case Kind::kLeaseRevoke:
        command.request.emplace<LeaseRevokeRequest>().id = number();
        return true;
      case Kind::kLeaseRenew:
        body(command.request.emplace<LeaseRenewRequest>());
        return true;
      case Kind::kLeaseTick:
        body(command.request.emplace<LeaseTick>());
        return true;
      case Kind::kMemberChange:
        body(command.request.emplace<MemberChange>());
        return true;
      case Kind::kNothing:
      case Kind::kRange:
      case Kind::kCaller:
      case Kind::kAuth:
      case Kind::kAuthLast:
        return false;
    }
    return false;
  }

  std::int64_t number() { return unzigzag(in_.varint()); }
  std::int32_t small() {
    const std::int64_t value = number();
    if (value < INT32_MIN || value > INT32_MAX) valid_ = false;
    return static_cast<std::int32_t>(value);
  }
  // Bits beyond the known ones are damage: a new flag comes with a new format.
  std::uint8_t flags() {
    const std::uint8_t value = in_.u8();
    if (value > 7) valid_ = false;
    return value;
  }
  // A count that the rest of the input can't hold is refused before anything is made for it.
  std::uint64_t count() {
    const std::uint64_t value = in_.varint();
    if (value <= in_.remaining()) return value;
    valid_ = false;
    return 0;
  }

  void body(PutRequest& put) {
    put.key = in_.bytes();
    put.value = in_.bytes();
    put.lease = number();
    const std::uint8_t bits = flags();
    put.prev_kv = (bits & 1) != 0;
    put.ignore_value = (bits & 2) != 0;
    put.ignore_lease = (bits & 4) != 0;
  }
  void body(DeleteRangeRequest& del) {
    del.key = in_.bytes();
    del.range_end = in_.bytes();
    del.prev_kv = in_.boolean();
  }
  void body(RangeRequest& range) {
    range.key = in_.bytes();
    range.range_end = in_.bytes();
    range.limit = number();
    range.revision = number();
    range.sort_order = small();
    range.sort_target = small();
    const std::uint8_t bits = flags();
    range.serializable = (bits & 1) != 0;
    range.keys_only = (bits & 2) != 0;
    range.count_only = (bits & 4) != 0;
    range.min_mod_revision = number();
    range.max_mod_revision = number();
    range.min_create_revision = number();
    range.max_create_revision = number();
  }
  void body(CompactionRequest& compaction) {
    compaction.revision = number();
    compaction.physical = in_.boolean();
  }
  void body(PublishAttributes& publish) {
    publish.member_id = in_.varint();
    publish.name = in_.bytes();
    const std::uint64_t urls = count();
    for (std::uint64_t i = 0; i < urls && in_.ok(); ++i) {
      publish.client_urls.emplace_back(in_.bytes());
    }
  }
  void body(SetClusterVersion& version) { version.version = in_.bytes(); }
  void body(AlarmRequest& alarm) {
    alarm.action = small();
    alarm.member_id = in_.varint();
    alarm.alarm = small();
    alarm.quota_bytes = in_.varint();
  }
  void body(DowngradeRequest& downgrade) {
    downgrade.action = small();
    downgrade.version = in_.bytes();
  }
  void body(LeaseGrantRequest& grant) {
    grant.id = number();
    grant.ttl = number();
  }
  void body(LeaseRenewRequest& renew) {
    const std::uint64_t ids = count();
    for (std::uint64_t i = 0; i < ids && in_.ok(); ++i) renew.ids.push_back(number());
  }
  void body(MemberChange& change) {
    Result<membership::Change> decoded = membership::decode_change(in_.bytes());
    const std::uint64_t learners_max = in_.varint();
    valid_ = valid_ && decoded && learners_max <= UINT32_MAX;
    if (decoded) change.change = *std::move(decoded);
    change.learners_max = static_cast<std::uint32_t>(learners_max);
  }
  void body(LeaseTick& tick) {
    tick.term = in_.varint();
    tick.election_timeout_ms = in_.varint();
    tick.minimum_ms = in_.varint();
  }
  void body(Compare& compare) {
    compare.result = small();
    compare.target = small();
    compare.key = in_.bytes();
    compare.range_end = in_.bytes();
    compare.number = number();
    compare.value = in_.bytes();
  }
  void operation(RequestOp& op, int depth) {
    switch (static_cast<Kind>(in_.u8())) {
      case Kind::kNothing:
        return;
      case Kind::kPut:
        body(op.request.emplace<PutRequest>());
        return;
      case Kind::kDeleteRange:
        body(op.request.emplace<DeleteRangeRequest>());
        return;
      case Kind::kTxn:
        body(op.request.emplace<TxnRequest>(), depth + 1);
        return;
      case Kind::kRange:
        body(op.request.emplace<RangeRequest>());
        return;
      case Kind::kCompaction:
      case Kind::kPublishAttributes:
      case Kind::kSetClusterVersion:
      case Kind::kAlarm:
      case Kind::kDowngrade:
      case Kind::kLeaseGrant:
      case Kind::kLeaseRevoke:
      case Kind::kLeaseRenew:
      case Kind::kLeaseTick:
      case Kind::kMemberChange:
      case Kind::kCaller:
      case Kind::kAuth:
      case Kind::kAuthLast:
        break;
    }
    valid_ = false;
  }
  void operations(std::vector<RequestOp>& ops, int depth) {
    const std::uint64_t size = count();
    for (std::uint64_t i = 0; i < size && sound(); ++i) operation(ops.emplace_back(), depth);
  }
  void body(TxnRequest& txn, int depth) {
    if (depth > kNestingMax) {
      valid_ = false;
      return;
    }
    const std::uint64_t compares = count();
    for (std::uint64_t i = 0; i < compares && sound(); ++i) body(txn.compare.emplace_back());
    operations(txn.success, depth);
    operations(txn.failure, depth);
  }
  [[nodiscard]] bool sound() const { return valid_ && in_.ok(); }

  Reader in_;
  bool valid_ = true;
};

}  // namespace

Bytes encode_command(const apply::Command& command) {
  // Most commands are puts: one allocation for all of it.
  constexpr std::size_t kFieldsBytes = 48;
  const auto* put = std::get_if<PutRequest>(&command.request);
  Encoder encoder(put == nullptr ? 0 : put->key.size() + put->value.size() + kFieldsBytes);
  encoder.command(command);
  return Bytes::adopt(encoder.take());
}

Result<apply::Command> decode_command(const Bytes& data) {
  return Decoder(data.view()).command();
}

}  // namespace detcd::wire
