#include "runtime_asio/io_threads.h"

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

#include "runtime/mailbox.h"
#include "runtime/wait.h"
#include "runtime_asio/asio_world.h"

namespace detcd::runtime_asio {

namespace {

using runtime::Mailbox;
using runtime::Task;

constexpr Duration kPauseWithoutDescriptors = 20ms;

// One thread's share of the connections.
class DealtListener final : public runtime::Listener {
 public:
  DealtListener(AsioScheduler& scheduler, std::string address)
      : scheduler_(scheduler), address_(std::move(address)), dealt_(scheduler) {}
  Task<Result<std::unique_ptr<runtime::Stream>>> accept() override {
    std::optional<AcceptedSocket> accepted = co_await dealt_.receive();
    if (!accepted) co_return Error{Errc::kClosed, "accept at " + address_ + ": closed"};
    co_return make_stream(scheduler_, std::move(*accepted));
  }
  void close() noexcept override { dealt_.close(); }
  [[nodiscard]] std::string address() const override { return address_; }
  [[nodiscard]] Mailbox<AcceptedSocket>::Sender sender() const { return dealt_.sender(); }

 private:
  AsioScheduler& scheduler_;
  const std::string address_;
  Mailbox<AcceptedSocket> dealt_;
};

using Senders = std::vector<Mailbox<AcceptedSocket>::Sender>;

// False when nobody takes connections any more. Those that are closed are passed over.
bool hand_out(const Senders& senders, std::size_t& turn, AcceptedSocket accepted) {
  for (std::size_t tried = 0; tried < senders.size(); ++tried) {
    const auto& sender = senders[turn++ % senders.size()];
    if (!sender.connected()) continue;
    sender.send(std::move(accepted));
    return true;
  }
  return false;
}

Task<void> deal(AsioScheduler& scheduler, std::unique_ptr<SocketListener> sockets,
                Senders senders) {
  std::size_t turn = 0;
  for (;;) {
    Result<AcceptedSocket> accepted = co_await sockets->accept();
    if (accepted) {
      if (!hand_out(senders, turn, std::move(*accepted))) co_return;
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
  Senders senders;
  for (const auto& thread : threads_) {
    auto dealt = std::make_unique<DealtListener>(thread->world.scheduler, (*sockets)->address());
    senders.push_back(dealt->sender());
    listeners.push_back(std::move(dealt));
  }
  tasks.spawn(deal(network.scheduler(), std::move(*sockets), std::move(senders)));
  co_return std::move(listeners);
}

}  // namespace detcd::runtime_asio
