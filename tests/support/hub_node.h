// A node that serves watches on a store of its own: what connections see of the real one, without a
// log. Tests write to the store; streams are served by the real hub, at once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "mvcc/store.h"
#include "mvcc/sweep.h"
#include "runtime/task_group.h"
#include "server/service.h"
#include "server/watches.h"

namespace detcd::testing_support {

class HubNode {
 public:
  HubNode(runtime::Scheduler& scheduler, watch::Limits limits)
      : scheduler_(scheduler),
        store_(512),
        watches_(limits, 1s),
        inbox_(scheduler),
        tasks_(scheduler) {
    tasks_.spawn(run());
  }
  [[nodiscard]] server::Service service() const { return {inbox_.sender()}; }
  [[nodiscard]] const mvcc::Store& store() const { return store_; }

  void put(const std::string& key, const std::string& value) {
    store_.put({.key = key, .value = value});
  }
  bool erase(const std::string& key) {
    mvcc::KeyEntry* const entry = store_.index().find(key);
    if (entry == nullptr || entry->versions.newest().tombstone()) return false;
    store_.erase(*entry);
    return true;
  }
  void commit() {
    store_.commit();
    serve();
  }
  void compact(mvcc::Revision revision) {
    store_.compact(revision);
    watches_.compacted(store_);
    mvcc::Meter meter({100'000});
    const mvcc::Advance swept = sweeper_.advance(store_, meter);
    static_cast<void>(swept);
    serve();
  }
  // Time for notifications of progress, and for what they bring.
  void tick() {
    const std::vector<server::ReturnAddress> ended = watches_.expire(scheduler_.clock().boot());
    check(ended.empty(), "nobody waits for a leader here");
    serve();
  }

 private:
  runtime::Task<void> run() {
    for (;;) {
      std::optional<server::ToNode> message = co_await inbox_.receive();
      if (!message) co_return;
      take(*message);
      serve();
    }
  }
  void take(server::ToNode& message) {
    if (const auto* forget = std::get_if<server::Forget>(&message)) {
      const bool known = watches_.close(*forget);
      static_cast<void>(known);
    } else if (const auto* credit = std::get_if<server::Credit>(&message)) {
      watches_.grant(*credit);
    } else if (auto* call = std::get_if<server::Call>(&message)) {
      const server::ReturnAddress origin{call->call, call->trace, call->reply};
      if (auto* asked = std::get_if<watch::Request>(&call->request)) {
        watches_.ask(origin, std::move(*asked), store_, scheduler_.clock().boot());
      } else {
        watches_.open(origin, false);
      }
    }
  }
  void serve() {
    for (bool more = true; more;) {
      std::vector<server::Watches::Sent> sent;
      more = std::holds_alternative<mvcc::More>(watches_.advance(store_, {1000}, sent));
      for (server::Watches::Sent& answer : sent) {
        const server::ResponseHeader header{11, 12, 0, 2};
        const bool delivered = answer.to.reply.send(
            server::Reply{answer.to.call, header, std::move(answer.answer), nullptr});
        static_cast<void>(delivered);
      }
    }
  }

  runtime::Scheduler& scheduler_;
  mvcc::Store store_;
  mvcc::Sweeper sweeper_;
  server::Watches watches_;
  runtime::Mailbox<server::ToNode> inbox_;
  runtime::TaskGroup tasks_;
};

}  // namespace detcd::testing_support
