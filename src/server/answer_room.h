// How much of large answers exists at once: those made for a client and not yet taken by it are
// counted, for its connection and for all. A read that may have a large answer begins only while
// there is room, in the order in which its connection asked; small answers never wait, and a
// connection that has nothing untaken always has room for one, so that no client keeps another
// from being served.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "apply/command.h"
#include "server/forgotten.h"
#include "server/reads.h"
#include "server/service.h"

namespace detcd::server {

// What an answer takes in memory, beside what it shares with the store, until it has been written.
// Of long lists an estimate, so that it costs little.
[[nodiscard]] std::size_t bytes_of(const apply::Answer& answer);

class AnswerRoom {
 public:
  using Connection = runtime::Mailbox<Reply>::Sender;

  AnswerRoom(AnswerRoomLimits limits, runtime::Mailbox<ToNode>::Sender node);

  [[nodiscard]] const AnswerRoomLimits& limits() const { return limits_; }
  // A read of this connection may begin, whatever its answer will be.
  [[nodiscard]] bool has_room(const Connection& connection) const;
  // Counts bytes until what is returned is destroyed, anywhere. Nothing for small answers.
  [[nodiscard]] std::unique_ptr<Held> hold(const Connection& connection, std::size_t bytes);
  // Its turn comes when there is room: next() gives it out.
  void park(WaitingRead read);
  [[nodiscard]] std::optional<WaitingRead> next();
  void taken(const Taken& taken);
  void forget(const Forgotten& calls);
  [[nodiscard]] std::vector<WaitingRead> take_all();

  [[nodiscard]] std::size_t held_bytes() const { return bytes_; }
  [[nodiscard]] std::size_t parked() const { return parked_; }

 private:
  // Of a connection with large answers; its Connection keeps the address it is found by in use.
  struct Account {
    Connection connection;
    std::size_t bytes = 0;
    std::deque<WaitingRead> parked;
  };
  using Accounts = std::map<std::uint64_t, Account>;

  [[nodiscard]] bool fits(const Account& account) const;
  [[nodiscard]] Accounts::iterator find(const Connection& connection);
  [[nodiscard]] Account& account(const Connection& connection);
  [[nodiscard]] WaitingRead take(Accounts::iterator account);
  void drop_if_idle(Accounts::iterator account);

  AnswerRoomLimits limits_;
  runtime::Mailbox<ToNode>::Sender node_;
  Accounts accounts_;  // In the order in which they came to be.
  std::unordered_map<const void*, std::uint64_t> numbers_;  // Looked up only.
  std::deque<std::uint64_t> freed_;                         // Accounts that may go on.
  std::uint64_t last_number_ = 0;
  std::uint64_t last_served_ = 0;
  std::size_t bytes_ = 0;
  std::size_t parked_ = 0;
};

}  // namespace detcd::server
