// Reads of ranges at a node, from the state that is applied: most are answered in the step that
// asks, long ones become tasks, those that may have large answers wait for room, and streams are
// read piece by piece as their clients take them, so that no more than a piece of each exists.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "apply/applier.h"
#include "apply/range_stream.h"
#include "runtime/task_group.h"
#include "runtime/wait.h"
#include "server/answer_room.h"
#include "server/gatekeeper.h"
#include "server/options.h"
#include "server/pieces.h"

namespace detcd::server {

class Ranges {
 public:
  struct Doors {
    std::function<std::shared_ptr<apply::Applier>()> applier;
    std::function<void(const ReturnAddress&, Outcome, std::unique_ptr<Held>)> answer;
  };
  // `node` is told when room is given back.
  Ranges(runtime::Scheduler& scheduler, const NodeOptions& options, Gatekeeper& gate, Doors doors,
         runtime::Mailbox<ToNode>::Sender node);

  // A Range or a read-only Txn; a RangeStream. Both were confirmed.
  void start(WaitingRead read);
  void open_stream(WaitingRead read);
  void start_hash(const ReturnAddress& origin, apply::Revision revision);
  // Answers of writes have room, however much it is; what is read next waits for it.
  void answer(const ReturnAddress& origin, apply::Answer result);

  void taken(const Taken& taken);
  // False when the call is no stream of a range.
  bool grant(const Credit& credit) { return streams_.grant(credit); }
  bool close(const Forget& forget) { return streams_.close(forget); }
  void forget(const Forgotten& calls) { room_.forget(calls); }
  // Answers what waits that the server has stopped, and ends what is under way.
  void stop();

 private:
  void run(WaitingRead read);
  runtime::Task<void> finish(ReturnAddress origin, std::unique_ptr<apply::RangeWork> work,
                             std::shared_ptr<apply::Applier> pinned);
  runtime::Task<void> finish_hash(ReturnAddress origin, std::unique_ptr<apply::HashWork> work,
                                  std::shared_ptr<apply::Applier> pinned);
  runtime::Task<void> serve_parked();
  runtime::Task<void> send_stream(ReturnAddress origin, std::unique_ptr<apply::RangeStream> read,
                                  std::shared_ptr<PieceStreams::Stream> stream);
  // Of the next piece, in bounded steps; nothing when it is there.
  runtime::Task<void> make_piece(apply::RangeStream& read);

  runtime::Scheduler& scheduler_;
  const NodeOptions& options_;
  Gatekeeper& gate_;
  Doors doors_;
  AnswerRoom room_;
  runtime::Signal room_given_back_;
  PieceStreams streams_;
  bool serving_parked_ = false;
  runtime::TaskGroup tasks_;
};

}  // namespace detcd::server
