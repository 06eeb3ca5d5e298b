#include "server/backups.h"

namespace detcd::server {

std::shared_ptr<Backups::Stream> Backups::open(const ReturnAddress& origin) {
  if (streams_.size() >= kStreamsMax) return nullptr;
  auto stream = std::make_shared<Stream>(scheduler_);
  streams_.emplace(++last_number_, Open{origin, stream});
  return stream;
}

void Backups::end(const ReturnAddress& origin) {
  std::erase_if(streams_, [&](const auto& open) {
    const ReturnAddress& address = open.second.address;
    return address.call == origin.call && address.reply.identity() == origin.reply.identity();
  });
}

Backups::Stream* Backups::find(const runtime::Mailbox<Reply>::Sender& reply, CallId call) {
  for (auto& [number, open] : streams_) {
    if (open.address.call == call && open.address.reply.identity() == reply.identity()) {
      return open.stream.get();
    }
  }
  return nullptr;
}

bool Backups::grant(const Credit& credit) {
  Stream* const stream = find(credit.reply, credit.call);
  if (stream == nullptr) return false;
  stream->credit += credit.bytes;
  stream->changed.wake_all();
  return true;
}

bool Backups::close(const Forget& forget) {
  Stream* const stream = find(forget.reply, forget.call);
  if (stream == nullptr) return false;
  stream->closed = true;
  stream->changed.wake_all();
  return true;
}

}  // namespace detcd::server
