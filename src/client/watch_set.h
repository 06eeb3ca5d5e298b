// The watches of a client on one stream, as clientv3 keeps them over the loss of streams: what is
// to be asked next, and what a response means for whom (ETCD.md §3.4). On a new stream each is
// created again, one after the other, from where its client was told everything: a value without
// I/O.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "watch/types.h"
#include "wire/watch_codec.h"

namespace detcd::client {

// How a client calls one of its watches; the same over all streams.
using WatchName = Ordinal<struct WatchNameTag>;

// What a client is told of a watch.
struct WatchNews {
  WatchName watch;
  // Of events: a whole response, put together from its parts. `created` comes once, however often
  // the watch was created. After `canceled` the watch is no more.
  wire::WatchAnswer answer;
};

class WatchSet {
 public:
  // A name is used once. Asked for when its turn comes; the id is the server's to choose.
  void add(WatchName name, watch::Create request);
  // Nothing more is told of it.
  void cancel(WatchName name);
  // Of all watches of the stream.
  void ask_progress();

  struct Asked {
    watch::Request request;
    std::optional<WatchName> created;  // Whom it creates.
  };
  // What is to be sent now, in order.
  [[nodiscard]] std::optional<Asked> take_request();
  // A response of the stream. Progress of all is told to each of them.
  [[nodiscard]] std::vector<WatchNews> take(wire::WatchAnswer answer);
  // The stream is gone, and with it what was said in parts: all is asked for again.
  void stream_lost();

  [[nodiscard]] bool empty() const { return watches_.empty(); }
  // Where the watch would begin on a new stream; 0: where that one is then.
  [[nodiscard]] watch::Revision next_revision(WatchName name) const;
  // Whom an answer with this id is for: now, on this stream.
  [[nodiscard]] std::optional<WatchName> name_of(const wire::WatchAnswer& answer) const;

 private:
  struct Watch {
    watch::Create request;  // start_revision: where it would begin on a new stream.
    bool told = false;      // That it was created.
    std::optional<watch::WatchId> id;
  };
  std::vector<WatchNews> take_created(wire::WatchAnswer answer);
  std::vector<WatchNews> take_progress_of_all(const wire::WatchAnswer& answer);
  void end(WatchName name);

  std::map<WatchName, Watch> watches_;
  std::map<watch::WatchId, WatchName> ids_;  // Of this stream.
  std::deque<WatchName> to_create_;
  std::optional<WatchName> creating_;  // Asked for, and not yet answered.
  std::deque<watch::Request> requests_;
  std::optional<wire::WatchAnswer> parts_;  // Of a response, as far as they came.
};

}  // namespace detcd::client
