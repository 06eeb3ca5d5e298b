#include "server/ranges.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"

namespace detcd::server {
namespace {

// What an answer that isn't large takes at most.
constexpr std::uint64_t kSmallUnits = 1'000;
// What the client of a stream is sent before it has taken anything: a piece more than this.
constexpr std::int64_t kStreamCredit = 256 << 10;

}  // namespace

Ranges::Ranges(runtime::Scheduler& scheduler, const NodeOptions& options, Gatekeeper& gate,
               Doors doors, runtime::Mailbox<ToNode>::Sender node)
    : scheduler_(scheduler),
      options_(options),
      gate_(gate),
      doors_(std::move(doors)),
      room_(options.answers, std::move(node)),
      room_given_back_(scheduler),
      streams_(scheduler, kStreamCredit),
      tasks_(scheduler) {}

// A connection that has enough untaken answers, or whose reads wait for that already, still gets
// small ones at once: whether this is one shows in trying.
void Ranges::start(WaitingRead read) {
  const ReturnAddress& origin = read.origin;
  if (room_.has_room(origin.reply)) {
    run(std::move(read));
    return;
  }
  const std::unique_ptr<apply::RangeWork> work = gate_.begin_range(read.request, read.token);
  if (std::holds_alternative<mvcc::Done>(
          work->advance({std::min(kSmallUnits, options_.step_units)}))) {
    apply::Answer result = work->take();
    if (bytes_of(result) <= options_.answers.small_bytes) {
      answer(origin, std::move(result));
      return;
    }
  }
  room_.park(std::move(read));
}

// Most reads are done at the first advance, in the step that asked; only long ones become tasks.
void Ranges::run(WaitingRead read) {
  std::unique_ptr<apply::RangeWork> work = gate_.begin_range(std::move(read.request), read.token);
  if (std::holds_alternative<mvcc::Done>(work->advance({options_.step_units}))) {
    answer(read.origin, work->take());
  } else {
    tasks_.spawn(finish(read.origin, std::move(work), doors_.applier()));
  }
}

void Ranges::answer(const ReturnAddress& origin, apply::Answer result) {
  if (const auto* error = std::get_if<apply::ApiError>(&result)) {
    doors_.answer(origin, *error, nullptr);
  } else {
    std::unique_ptr<Held> held = room_.hold(origin.reply, bytes_of(result));
    doors_.answer(origin, std::get<apply::Response>(std::move(result)), std::move(held));
  }
}

runtime::Task<void> Ranges::finish(ReturnAddress origin, std::unique_ptr<apply::RangeWork> work,
                                   [[maybe_unused]] std::shared_ptr<apply::Applier> pinned) {
  const std::unique_ptr<Held> until_known =
      room_.hold(origin.reply, options_.answers.unknown_bytes);
  for (;;) {
    co_await runtime::yield(scheduler_);
    const mvcc::Advance progress = work->advance({options_.step_units});
    if (std::holds_alternative<mvcc::Done>(progress)) break;
    check(!std::holds_alternative<mvcc::Need>(progress), "every chunk is kept in memory");
  }
  answer(origin, work->take());
  // The work pins the applier it reads from: it goes first.
  work.reset();
}

void Ranges::start_hash(const ReturnAddress& origin, apply::Revision revision) {
  std::shared_ptr<apply::Applier> applier = doors_.applier();
  std::unique_ptr<apply::HashWork> work = applier->hash_kv(revision);
  tasks_.spawn(finish_hash(origin, std::move(work), std::move(applier)));
}

runtime::Task<void> Ranges::finish_hash(ReturnAddress origin, std::unique_ptr<apply::HashWork> work,
                                        [[maybe_unused]] std::shared_ptr<apply::Applier> pinned) {
  for (;;) {
    const mvcc::Advance progress = work->advance({options_.step_units});
    if (std::holds_alternative<mvcc::Done>(progress)) break;
    check(!std::holds_alternative<mvcc::Need>(progress), "every chunk is kept in memory");
    co_await runtime::yield(scheduler_);
  }
  const std::variant<apply::HashKvAnswer, apply::ApiError> result = work->take();
  if (const auto* error = std::get_if<apply::ApiError>(&result)) {
    doors_.answer(origin, *error, nullptr);
  } else {
    doors_.answer(origin, std::get<apply::HashKvAnswer>(result), nullptr);
  }
  work.reset();
}

void Ranges::taken(const Taken& taken) {
  room_.taken(taken);
  room_given_back_.wake_all();
  if (room_.parked() > 0 && !serving_parked_) tasks_.spawn(serve_parked());
}

// One read a step: room for many may come at once.
runtime::Task<void> Ranges::serve_parked() {
  serving_parked_ = true;
  for (;;) {
    std::optional<WaitingRead> read = room_.next();
    if (!read) break;
    run(*std::move(read));
    co_await runtime::yield(scheduler_);
  }
  serving_parked_ = false;
}

void Ranges::open_stream(WaitingRead read) {
  std::variant<std::unique_ptr<apply::RangeStream>, apply::ApiError> begun = gate_.begin_stream(
      std::get<RangeStreamRequest>(read.request), read.token, options_.limits.request_bytes_max);
  if (const auto* refused = std::get_if<apply::ApiError>(&begun)) {
    doors_.answer(read.origin, *refused, nullptr);
    return;
  }
  tasks_.spawn(send_stream(read.origin,
                           std::get<std::unique_ptr<apply::RangeStream>>(std::move(begun)),
                           streams_.open(read.origin)));
}

runtime::Task<void> Ranges::send_stream(ReturnAddress origin,
                                        std::unique_ptr<apply::RangeStream> read,
                                        std::shared_ptr<PieceStreams::Stream> stream) {
  for (bool last = false; !last && !stream->closed;) {
    co_await PieceStreams::await_credit(stream);
    while (!stream->closed && !room_.has_room(origin.reply)) {
      const bool woken = co_await room_given_back_.wait();
      static_cast<void>(woken);
    }
    if (stream->closed) break;
    co_await make_piece(*read);
    if (stream->closed) break;
    std::variant<apply::RangePiece, apply::ApiError> made = read->take();
    if (const auto* error = std::get_if<apply::ApiError>(&made)) {
      doors_.answer(origin, *error, nullptr);
      break;
    }
    apply::RangePiece& piece = std::get<apply::RangePiece>(made);
    last = piece.last;
    stream->credit -= static_cast<std::int64_t>(piece.bytes);
    std::unique_ptr<Held> held = room_.hold(origin.reply, piece.bytes);
    doors_.answer(origin, std::move(piece), std::move(held));
    co_await runtime::yield(scheduler_);
  }
  streams_.end(origin);
}

// The state may be replaced meanwhile, by a later one.
runtime::Task<void> Ranges::make_piece(apply::RangeStream& read) {
  for (;;) {
    const mvcc::Advance progress = read.advance(doors_.applier()->store(), {options_.step_units});
    if (std::holds_alternative<mvcc::Done>(progress)) co_return;
    check(!std::holds_alternative<mvcc::Need>(progress), "every chunk is kept in memory");
    co_await runtime::yield(scheduler_);
  }
}

void Ranges::stop() {
  for (WaitingRead& waiting : room_.take_all()) {
    doors_.answer(waiting.origin, apply::ApiError::kStopped, nullptr);
  }
  tasks_.cancel();
}

}  // namespace detcd::server
