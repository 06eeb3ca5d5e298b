#include "server/answer_room.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "base/check.h"

namespace detcd::server {
namespace {

constexpr std::size_t kSampledRows = 1024;
// Tags, lengths and numbers of a row on the wire.
constexpr std::size_t kRowOverheadBytes = 32 + sizeof(apply::KeyValue);

std::size_t bytes_of_rows(const std::vector<apply::KeyValue>& rows) {
  const std::size_t stride = rows.size() / kSampledRows + 1;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < rows.size(); i += stride) {
    bytes += rows[i].key.size() + rows[i].value.size();
  }
  return bytes * stride + rows.size() * kRowOverheadBytes;
}

std::size_t bytes_of(const apply::RangeResponse& response) {
  return bytes_of_rows(response.kvs);
}
std::size_t bytes_of(const apply::DeleteRangeResponse& response) {
  return bytes_of_rows(response.prev_kvs);
}
std::size_t bytes_of(const apply::PutResponse& response) {
  return response.prev_kv ? response.prev_kv->key.size() + response.prev_kv->value.size() : 0;
}
std::size_t bytes_of(const apply::TxnResponse& response) {
  std::size_t bytes = 0;
  for (const apply::ResponseOp& op : response.responses) {
    bytes += std::visit([](const auto& inner) { return bytes_of(inner); }, op.response);
  }
  return bytes;
}
std::size_t bytes_of(const apply::CompactionResponse&) {
  return 0;
}
std::size_t bytes_of(const apply::PublishResponse&) {
  return 0;
}
// Their number is bounded (apply/alarms.h).
std::size_t bytes_of(const apply::AlarmResponse&) {
  return 0;
}
std::size_t bytes_of(const apply::DowngradeResponse&) {
  return 0;
}
std::size_t bytes_of(const apply::LeaseGrantResponse&) {
  return 0;
}
std::size_t bytes_of(const apply::LeaseRevokeResponse&) {
  return 0;
}
std::size_t bytes_of(const apply::LeaseRenewResponse&) {
  return 0;
}
std::size_t bytes_of(const apply::LeaseTickResponse&) {
  return 0;
}
// A cluster has few members.
std::size_t bytes_of(const apply::MemberResponse&) {
  return 0;
}
std::size_t bytes_of(const apply::AuthResponse& response) {
  std::size_t bytes = 0;
  for (const std::string& name : response.answer.names) bytes += name.size();
  for (const auth::Permission& permission : response.answer.permissions) {
    bytes += permission.key.size() + permission.range_end.size();
  }
  return bytes;
}

class HeldBytes final : public Held {
 public:
  HeldBytes(runtime::Mailbox<ToNode>::Sender node, Taken taken)
      : node_(std::move(node)), taken_(std::move(taken)) {}
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;
  ~HeldBytes() override {
    // A node that is gone counts no more.
    const bool sent = node_.send(std::move(taken_));
    static_cast<void>(sent);
  }

 private:
  runtime::Mailbox<ToNode>::Sender node_;
  Taken taken_;
};

}  // namespace

std::size_t bytes_of(const apply::Answer& answer) {
  const auto* const response = std::get_if<apply::Response>(&answer);
  if (response == nullptr) return 0;
  return std::visit([](const auto& known) { return bytes_of(known); }, *response);
}

AnswerRoom::AnswerRoom(AnswerRoomLimits limits, runtime::Mailbox<ToNode>::Sender node)
    : limits_(limits), node_(std::move(node)) {}

bool AnswerRoom::fits(const Account& account) const {
  if (account.bytes == 0) return true;
  return account.bytes < limits_.connection_bytes && bytes_ < limits_.server_bytes;
}

AnswerRoom::Accounts::iterator AnswerRoom::find(const Connection& connection) {
  const auto number = numbers_.find(connection.identity());
  return number == numbers_.end() ? accounts_.end() : accounts_.find(number->second);
}

AnswerRoom::Account& AnswerRoom::account(const Connection& connection) {
  const auto [number, made] = numbers_.try_emplace(connection.identity(), last_number_ + 1);
  if (made) accounts_.emplace(++last_number_, Account{connection, 0, {}});
  return accounts_.at(number->second);
}

void AnswerRoom::drop_if_idle(Accounts::iterator account) {
  if (account->second.bytes != 0 || !account->second.parked.empty()) return;
  numbers_.erase(account->second.connection.identity());
  accounts_.erase(account);
}

bool AnswerRoom::has_room(const Connection& connection) const {
  const auto number = numbers_.find(connection.identity());
  if (number == numbers_.end()) return true;
  const Account& account = accounts_.at(number->second);
  return account.parked.empty() && fits(account);
}

std::unique_ptr<Held> AnswerRoom::hold(const Connection& connection, std::size_t bytes) {
  if (bytes <= limits_.small_bytes) return nullptr;
  account(connection).bytes += bytes;
  bytes_ += bytes;
  return std::make_unique<HeldBytes>(node_, Taken{connection, bytes});
}

void AnswerRoom::park(WaitingRead read) {
  const Connection connection = read.origin.reply;
  account(connection).parked.push_back(std::move(read));
  ++parked_;
}

WaitingRead AnswerRoom::take(Accounts::iterator account) {
  WaitingRead read = std::move(account->second.parked.front());
  account->second.parked.pop_front();
  --parked_;
  drop_if_idle(account);
  return read;
}

std::optional<WaitingRead> AnswerRoom::next() {
  while (!freed_.empty()) {
    const auto account = accounts_.find(freed_.front());
    if (account != accounts_.end() && !account->second.parked.empty() && fits(account->second)) {
      return take(account);
    }
    freed_.pop_front();
  }
  if (parked_ == 0 || bytes_ >= limits_.server_bytes) return std::nullopt;
  // The others had waited for room among all: each in its turn.
  auto account = accounts_.upper_bound(last_served_);
  for (std::size_t i = 0; i < accounts_.size(); ++i, ++account) {
    if (account == accounts_.end()) account = accounts_.begin();
    if (account->second.parked.empty() || !fits(account->second)) continue;
    last_served_ = account->first;
    return take(account);
  }
  return std::nullopt;
}

void AnswerRoom::taken(const Taken& taken) {
  const auto account = find(taken.connection);
  check(account != accounts_.end() && account->second.bytes >= taken.bytes,
        "what is given back was held");
  account->second.bytes -= taken.bytes;
  bytes_ -= taken.bytes;
  if (!account->second.parked.empty()) freed_.push_back(account->first);
  drop_if_idle(account);
}

void AnswerRoom::forget(const Forgotten& calls) {
  if (parked_ == 0) return;
  for (auto account = accounts_.begin(); account != accounts_.end();) {
    const auto looked_at = account++;
    parked_ -= std::erase_if(looked_at->second.parked, [&calls](const WaitingRead& read) {
      return calls.contains(read.origin.call, read.origin.reply);
    });
    drop_if_idle(looked_at);
  }
}

std::vector<WaitingRead> AnswerRoom::take_all() {
  std::vector<WaitingRead> all;
  for (auto& [number, account] : accounts_) {
    std::ranges::move(account.parked, std::back_inserter(all));
    account.parked.clear();
  }
  parked_ = 0;
  return all;
}

}  // namespace detcd::server
