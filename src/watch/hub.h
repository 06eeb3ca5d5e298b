// All watches of a server, on one shared log: the store's records in revision order. New records
// are looked at once, and found to be for whom they are; a watcher is then read to from its place
// in the log, by the same steps whether it is one revision behind or a million. What a client
// doesn't take stays in the log, so that it costs nothing and keeps nobody waiting; streams take
// turns, and so do the watchers of a stream.
//
// Promised to each watch: its events once each, in the order of revisions, a revision whole; after
// a response without events, everything up to its revision has been sent. A compaction ends only
// watches that had not kept up (DESIGN §5, Watch).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "mvcc/log_cursor.h"
#include "mvcc/pin.h"
#include "mvcc/store.h"
#include "watch/range_index.h"
#include "watch/stream.h"
#include "watch/types.h"

namespace detcd::watch {

struct Limits {
  // What a stream may have under way to its client.
  std::int64_t credit_bytes = 32 << 10;
  std::int64_t credit_responses = 128;
  // A response takes no further revision when it is as large, or has as many.
  std::size_t batch_bytes = 64 << 10;
  std::uint32_t batch_revisions = 1000;
  // What compactions leave to watchers that have not been told yet: so many responses to a stream
  // (or one to each of its watchers), and so many bytes of the log.
  std::uint32_t owed_responses_max = 128;
  std::uint64_t owed_log_bytes_max = 64 << 20;
  // Answers to requests that wait for the client; further requests are not taken.
  std::size_t control_max = 128;
};

// In order, for the stream's client.
struct Output {
  StreamId stream;
  std::uint32_t accepted = 0;  // So many more of the client's requests were taken.
  std::vector<Response> responses;
};

class Hub {
 public:
  explicit Hub(Limits limits = {}) : limits_(limits) {}
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;
  ~Hub();

  void open(StreamId id);
  void close(StreamId id);
  // Streams that aren't open are passed over by all of these.
  void ask(StreamId id, Request request, const mvcc::Store& store);
  // Ends the watches of ranges that aren't permitted (any more), with this reason, and refuses them
  // where they wait to be created. Nothing more of such a range is sent.
  using Permitted = std::function<bool(std::string_view key, std::string_view range_end)>;
  void revoke(StreamId id, const Permitted& permitted, const char* reason,
              const mvcc::Store& store);
  // The client took so much.
  void grant(StreamId id, std::int64_t responses, std::int64_t bytes);
  // The interval of progress notifications has passed for this stream.
  void tick(StreamId id);

  // After each compaction, before anything of it is swept.
  void compacted(const mvcc::Store& store) { keep(store); }
  // The store is another one, further than the last.
  void replaced(const mvcc::Store& store);

  // Works off what there is to do. Done: nothing, until something changes.
  mvcc::Advance advance(const mvcc::Store& store, mvcc::Meter& meter, std::vector<Output>& out);

  [[nodiscard]] std::size_t streams() const { return streams_.size(); }
  [[nodiscard]] std::size_t watchers() const { return watchers_; }
  [[nodiscard]] bool idle() const { return streams_.empty() && closed_.empty(); }
  // Everything up to here was looked at.
  [[nodiscard]] Revision scanned() const { return head_; }
  // The oldest revision kept for watchers; none when no compaction has to be held back.
  [[nodiscard]] std::optional<Revision> kept() const;

 private:
  enum class Turn : std::uint8_t { kGoOn, kPaused, kCold };

  // hub_requests.cc: what clients ask.
  void handle(Stream& stream, const Request& request, const mvcc::Store& store);
  void create(Stream& stream, const Create& request, const mvcc::Store& store);
  void add(Stream& stream, WatchId id, const Create& request, const mvcc::Store& store);
  void cancel(Stream& stream, WatchId id, const mvcc::Store& store);
  void end_forbidden(Stream& stream, WatchId id, const char* reason, const mvcc::Store& store);
  void ask_progress(Stream& stream, const mvcc::Store& store);
  void count_awaited(Stream& stream);
  void answer_progress(Stream& stream);
  // Takes it off all lists; its id stays.
  void detach(Watcher& watcher);
  void no_longer_awaited(Watcher& watcher);

  // hub_scan.cc: new records, and whom they are for.
  [[nodiscard]] Turn scan(const mvcc::Store& store, mvcc::Meter& meter);
  void skip_to_present(const mvcc::Store& store);
  void complete(Revision revision);
  void find_watchers(mvcc::Meter& meter);
  void found(Watcher& watcher);
  void leave_behind(Watcher& watcher);
  void link(Watcher& watcher);
  void unlink(Watcher& watcher);
  void hand_out(mvcc::Meter& meter);
  void keep(const mvcc::Store& store);

  // hub.cc: serving streams.
  [[nodiscard]] Turn serve(Stream& stream, const mvcc::Store& store, mvcc::Meter& meter,
                           std::vector<Output>& out);
  [[nodiscard]] Turn serve_watcher(Stream& stream, const mvcc::Store& store, mvcc::Meter& meter,
                                   std::vector<Response>& responses);
  [[nodiscard]] bool is_full(const Draft& draft) const;
  [[nodiscard]] bool take_record(Stream& stream, const mvcc::Store& store,
                                 const mvcc::LogCursor& cursor);
  void end_compacted(Watcher& watcher, const mvcc::Store& store, std::vector<Response>& responses);
  void send_draft(Stream& stream, const mvcc::Store& store, std::vector<Response>& responses);
  // It was read to all that was scanned.
  void settle(Watcher& watcher);
  void send(Stream& stream, Response response, std::vector<Response>& responses);
  void enqueue(Stream& stream);
  void queue(Watcher& watcher);
  void take_off_queue(Watcher& watcher);
  void bury(mvcc::Meter& meter);
  [[nodiscard]] Stream* find(StreamId id);

  Limits limits_;
  std::map<StreamId, std::unique_ptr<Stream>, IdOrder> streams_;
  std::deque<std::unique_ptr<Stream>> closed_;  // Their watchers are taken apart bit by bit.
  std::deque<StreamId> ready_;
  bool serving_ = false;  // Rather than scanning: the last turn.
  std::vector<StreamId> await_progress_;
  std::size_t watchers_ = 0;

  RangeIndex index_;
  std::size_t linked_ = 0;  // Watchers that the scan finds.
  Revision head_ = 0;
  Revision scanning_ = 0;  // Looked at in part; 0: none.
  mvcc::LogCursor scan_;
  std::uint64_t scanned_bytes_ = 0;
  Queue found_;  // In scanning_, or to be handed out to their streams.
  std::vector<Range*> ranges_;
  OwedList owed_;

  std::unique_ptr<mvcc::Pin> pin_;
  Revision pin_floor_ = 0;
  mvcc::Need need_;
};

}  // namespace detcd::watch
