#include "server/pieces.h"

namespace detcd::server {

std::shared_ptr<PieceStreams::Stream> PieceStreams::open(const ReturnAddress& origin) {
  auto stream = std::make_shared<Stream>(scheduler_, credit_bytes_);
  streams_.insert_or_assign(Name{origin.reply.identity(), origin.call.value()},
                            Open{origin, stream});
  return stream;
}

void PieceStreams::end(const ReturnAddress& origin) {
  streams_.erase({origin.reply.identity(), origin.call.value()});
}

PieceStreams::Stream* PieceStreams::find(const runtime::Mailbox<Reply>::Sender& reply,
                                         CallId call) {
  const auto found = streams_.find({reply.identity(), call.value()});
  return found == streams_.end() ? nullptr : found->second.stream.get();
}

bool PieceStreams::grant(const Credit& credit) {
  Stream* const stream = find(credit.reply, credit.call);
  if (stream == nullptr) return false;
  stream->credit += credit.bytes;
  stream->changed.wake_all();
  return true;
}

bool PieceStreams::close(const Forget& forget) {
  Stream* const stream = find(forget.reply, forget.call);
  if (stream == nullptr) return false;
  stream->closed = true;
  stream->changed.wake_all();
  return true;
}

runtime::Task<void> PieceStreams::await_credit(std::shared_ptr<Stream> stream) {
  while (stream->credit <= 0 && !stream->closed) {
    const bool woken = co_await stream->changed.wait();
    static_cast<void>(woken);
  }
}

}  // namespace detcd::server
