#include "runtime_asio/io_threads.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/mailbox.h"
#include "runtime/wait.h"
#include "runtime_asio/asio_world.h"

namespace detcd::runtime_asio {

namespace {

using runtime::Mailbox;
using runtime::Task;

constexpr Duration kPauseWithoutDescriptors = 20ms;
constexpr Duration kPauseWithoutTakers = 5ms;
// Connections that one thread hasn't taken yet; the others wait in the system's backlog. A listener
// with as many connections as it may have takes none.
constexpr std::size_t kUntakenMax = 8;

using Count = std::atomic<std::size_t>;

// Who gets connections, and how many it hasn't taken yet.
struct Taker {
  Mailbox<AcceptedSocket>::Sender sender;
  std::shared_ptr<Count> untaken;
};

// One thread's share of the connections.
class DealtListener final : public runtime::Listener {
 public:
  DealtListener(AsioScheduler& scheduler, std::string address)
      : scheduler_(scheduler), address_(std::move(address)), dealt_(scheduler) {}
  Task<Result<std::unique_ptr<runtime::Stream>>> accept() override {
    std::optional<AcceptedSocket> accepted = co_await dealt_.receive();
    if (!accepted) co_return Error{Errc::kClosed, "accept at " + address_ + ": closed"};
    untaken_->fetch_sub(1, std::memory_order_relaxed);
    co_return make_stream(scheduler_, std::move(*accepted));
  }
  void close() noexcept override { dealt_.close(); }
  [[nodiscard]] std::string address() const override { return address_; }
  [[nodiscard]] Taker taker() const { return {dealt_.sender(), untaken_}; }

 private:
  AsioScheduler& scheduler_;
  const std::string address_;
  Mailbox<AcceptedSocket> dealt_;
  std::shared_ptr<Count> untaken_ = std::make_shared<Count>(0);
};

using Takers = std::vector<Taker>;

bool anybody_listens(const Takers& takers) {
  return std::ranges::any_of(takers, [](const Taker& taker) { return taker.sender.connected(); });
}

// Whose turn it is. Those that are closed or have enough are passed over.
const Taker* next_taker(const Takers& takers, std::size_t& turn) {
  for (std::size_t tried = 0; tried < takers.size(); ++tried) {
    const Taker& taker = takers[turn++ % takers.size()];
    const bool full = taker.untaken->load(std::memory_order_relaxed) >= kUntakenMax;
    if (taker.sender.connected() && !full) return &taker;
  }
  return nullptr;
}

Task<void> deal(AsioScheduler& scheduler, std::unique_ptr<SocketListener> sockets, Takers takers) {
  std::size_t turn = 0;
  for (;;) {
    Result<AcceptedSocket> accepted = co_await sockets->accept();
    if (accepted) {
      const Taker* taker = next_taker(takers, turn);
      while (taker == nullptr) {
        if (!anybody_listens(takers)) co_return;
        co_await runtime::sleep_for(scheduler, kPauseWithoutTakers);
        taker = next_taker(takers, turn);
      }
      taker->untaken->fetch_add(1, std::memory_order_relaxed);
      taker->sender.send(std::move(*accepted));
    } else if (accepted.error().code == Errc::kClosed) {
      co_return;
    } else {
      // Descriptors are exhausted. The connection waits in the backlog until some are given back.
      co_await runtime::sleep_for(scheduler, kPauseWithoutDescriptors);
    }
  }
}

}  // namespace

struct IoThreads::Thread {
  explicit Thread(std::string directory) : world(std::move(directory)), tasks(world.scheduler) {
    // Signals are for the main thread.
    sigset_t all;
    sigset_t former;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &former);
    thread = std::thread([this] {
      world.scheduler.run();
      tasks.cancel();
    });
    ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
  }
  ~Thread() {
    world.scheduler.stop();
    thread.join();
  }
  AsioWorld world;
  runtime::TaskGroup tasks;
  std::thread thread;
};

IoThreads::IoThreads(std::size_t count, const std::string& directory) {
  for (std::size_t i = 0; i < count; ++i) threads_.push_back(std::make_unique<Thread>(directory));
}

IoThreads::~IoThreads() = default;

runtime::World IoThreads::world(std::size_t thread) {
  return threads_[thread]->world.world();
}

void IoThreads::spawn(std::size_t thread, TaskMaker make) {
  Thread& on = *threads_[thread];
  on.world.scheduler.post_from_anywhere(
      [&on, make = std::move(make)]() mutable { on.tasks.spawn(make(on.world.world())); });
}

Task<Result<std::vector<std::unique_ptr<runtime::Listener>>>> IoThreads::listen(
    AsioNetwork& network, runtime::TaskGroup& tasks, std::string address) {
  Result<std::unique_ptr<SocketListener>> sockets =
      co_await network.listen_for_sockets(std::move(address));
  if (!sockets) co_return sockets.error();
  std::vector<std::unique_ptr<runtime::Listener>> listeners;
  Takers takers;
  for (const auto& thread : threads_) {
    auto dealt = std::make_unique<DealtListener>(thread->world.scheduler, (*sockets)->address());
    takers.push_back(dealt->taker());
    listeners.push_back(std::move(dealt));
  }
  tasks.spawn(deal(network.scheduler(), std::move(*sockets), std::move(takers)));
  co_return std::move(listeners);
}

}  // namespace detcd::runtime_asio
