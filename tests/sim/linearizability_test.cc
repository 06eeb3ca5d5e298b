// The judge is judged: small histories whose verdict a person can see, legal ones beside near
// misses that differ in one field, one index or one instant.
#include "sim/oracles/linearizability.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "apply/api_error.h"

namespace detcd::sim {
namespace {

using apply::ApiError;
using apply::KeyValue;
using Outcome = CallRecord::Outcome;

struct Span {  // Milliseconds; `to` before `from`: the call never ended.
  int from = 0;
  int to = -1;
};

KeyValue row(std::string_view key, std::string_view value, int create, int mod, int version) {
  return {Bytes(key), Bytes(value), create, mod, version, 0};
}

apply::RangeRequest get(std::string key) {
  apply::RangeRequest range;
  range.key = std::move(key);
  return range;
}
apply::RangeRequest get_all() {
  apply::RangeRequest range = get("a");
  range.range_end = "z";
  return range;
}
apply::RangeRequest get_at(std::string key, int revision) {
  apply::RangeRequest range = get(std::move(key));
  range.revision = revision;
  return range;
}
apply::RangeRequest serializable(std::string key) {
  apply::RangeRequest range = get(std::move(key));
  range.serializable = true;
  return range;
}
apply::PutRequest put(std::string key, std::string value) {
  apply::PutRequest request;
  request.key = std::move(key);
  request.value = std::move(value);
  return request;
}
apply::DeleteRangeRequest erase(std::string key) {
  apply::DeleteRangeRequest request;
  request.key = std::move(key);
  return request;
}
// If `key` has version 0 (isn't there): put it, else get it.
apply::TxnRequest create_or_get(const std::string& key, const std::string& value) {
  apply::TxnRequest txn;
  apply::Compare absent;
  absent.key = key;
  txn.compare.push_back(absent);
  txn.success.push_back({put(key, value)});
  txn.failure.push_back({get(key)});
  return txn;
}

apply::RangeResponse rows(int revision, std::vector<KeyValue> kvs) {
  apply::RangeResponse response;
  response.header_revision = revision;
  response.count = static_cast<std::int64_t>(kvs.size());
  response.kvs = std::move(kvs);
  return response;
}
apply::PutResponse done(int revision) {
  return {revision, std::nullopt};
}
apply::DeleteRangeResponse deleted(int revision, int count) {
  return {revision, count, {}};
}
apply::TxnResponse txn_put(int revision) {
  apply::TxnResponse response{revision, true, {}};
  response.responses.push_back({done(revision)});
  return response;
}
apply::TxnResponse txn_got(int revision, std::vector<KeyValue> kvs) {
  apply::TxnResponse response{revision, false, {}};
  response.responses.push_back({rows(revision, std::move(kvs))});
  return response;
}

// A history written down call by call.
class Story {
 public:
  Story& call(Span span, Operation operation) {
    CallRecord call;
    call.id = ++last_;
    call.client = static_cast<std::uint32_t>(last_);
    call.operation = std::move(operation);
    call.called = VirtualTime(span.from * 1ms);
    if (span.to >= span.from) {
      call.ended = VirtualTime(span.to * 1ms);
      call.outcome = Outcome::kUnknown;
    }
    history_.calls.emplace(last_, std::move(call));
    return *this;
  }
  // The latest call's command stands at this index of the log.
  Story& applied(std::uint64_t index) {
    const apply::RequestId request{1, ++requests_};
    history_.proposed[request] = last_;
    history_.log[index] = {1, request, 0, 1};
    return *this;
  }
  Story& served(std::uint64_t index) {
    history_.read_at[last_].push_back({1, index});
    return *this;
  }
  Story& answered(apply::Response response, int revision) {
    CallRecord& call = history_.calls.at(last_);
    call.outcome = Outcome::kAnswered;
    call.response = std::move(response);
    call.header.revision = revision;
    call.header.raft_term = 2;
    return *this;
  }
  // So much was committed when the latest call began, as some member knew.
  Story& committed(std::uint64_t index) {
    history_.calls.at(last_).committed = index;
    return *this;
  }
  Story& in_term(std::uint64_t term) {
    history_.calls.at(last_).header.raft_term = term;
    return *this;
  }
  Story& refused(ApiError error) {
    CallRecord& call = history_.calls.at(last_);
    call.outcome = Outcome::kRefused;
    call.code = static_cast<std::uint32_t>(apply::grpc_code(error));
    call.message = apply::text(error);
    return *this;
  }
  Story& flips(std::uint64_t count) {
    history_.flips = count;
    return *this;
  }
  Story& alarmed(std::uint64_t index, apply::AlarmType type) {
    history_.alarms[index] = {{1, static_cast<std::int32_t>(type)}};
    return *this;
  }
  // The same command was appended once more.
  Story& applied_again(std::uint64_t index) {
    history_.log[index] = {2, apply::RequestId{1, requests_}, 0, 1};
    return *this;
  }
  // Puts and gets of the key "a" with what the model should say.
  Story& put_a(Span span, std::uint64_t index, std::string value, int revision) {
    return call(span, put("a", std::move(value))).applied(index).answered(done(revision), revision);
  }
  Story& get_a(Span span, std::uint64_t index, int revision, std::vector<KeyValue> kvs) {
    return call(span, get("a")).served(index).answered(rows(revision, std::move(kvs)), revision);
  }

  void expect_legal(std::string_view name) const {
    const Judgement judgement = judge_linearizability(history_);
    EXPECT_FALSE(judgement.violation) << name << ": " << judgement.violation->message;
  }
  void expect(std::string_view name, std::string_view oracle, std::string_view words) const {
    const Judgement judgement = judge_linearizability(history_);
    ASSERT_TRUE(judgement.violation) << name << ": nothing was found";
    EXPECT_EQ(judgement.violation->oracle, oracle) << name;
    EXPECT_NE(judgement.violation->message.find(words), std::string::npos)
        << name << ": " << judgement.violation->message;
  }
  void expect_illegal(std::string_view name, std::string_view words) const {
    expect(name, "linearizability", words);
  }
  [[nodiscard]] Judgement judge() const { return judge_linearizability(history_); }

 private:
  History history_;
  std::uint64_t last_ = 0;
  std::uint64_t requests_ = 0;
};

const std::vector<KeyValue> kOne{row("a", "1", 2, 2, 1)};
const std::vector<KeyValue> kTwo{row("a", "2", 2, 3, 2)};

TEST(Linearizability, AnswersFollowTheOrderOfTheLog) {
  Story().expect_legal("nothing happened");
  Story().get_a({0, 1}, 1, 1, {}).expect_legal("an empty store is at revision 1");
  Story().put_a({0, 5}, 2, "1", 2).get_a({6, 9}, 2, 2, kOne).expect_legal("write, then read");
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .put_a({6, 9}, 3, "2", 3)
      .get_a({10, 12}, 3, 3, kTwo)
      .expect_legal("the latest write counts");
  Story()
      .put_a({0, 9}, 2, "1", 2)
      .get_a({1, 2}, 1, 1, {})
      .expect_legal("during a write the old state may be read");
  Story()
      .put_a({0, 9}, 2, "1", 2)
      .get_a({1, 2}, 2, 2, kOne)
      .expect_legal("during a write the new state may be read");
  Story()
      .put_a({0, 9}, 3, "2", 3)
      .put_a({0, 9}, 2, "1", 2)
      .expect_legal("concurrent writes may stand in either order");
  Story()
      .call({0, 5}, erase("a"))
      .applied(2)
      .answered(deleted(1, 0), 1)
      .expect_legal("deleting nothing makes no revision");
}

TEST(Linearizability, AStaleReadIsSeen) {
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .get_a({6, 9}, 1, 1, {})
      .expect_illegal("a read served from before a finished write", "contradicts real time");
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .get_a({5, 9}, 1, 1, {})
      .expect_legal("at the same instant they still overlap");
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .put_a({6, 9}, 3, "2", 3)
      .get_a({10, 12}, 2, 2, kOne)
      .expect_illegal("a read one write behind", "contradicts real time");
  Story()
      .put_a({6, 9}, 2, "1", 2)
      .get_a({0, 5}, 2, 2, kOne)
      .expect_illegal("a read of what is written later", "contradicts real time");
  Story()
      .put_a({5, 9}, 2, "1", 2)
      .get_a({0, 5}, 2, 2, kOne)
      .expect_legal("a read that ends as the write begins");
  Story()
      .put_a({0, 5}, 3, "1", 3)
      .put_a({6, 9}, 2, "2", 2)
      .expect_illegal("writes against real time", "");
  Story()
      .put_a({0, 20}, 2, "1", 2)
      .get_a({1, 2}, 2, 2, kOne)
      .get_a({3, 4}, 1, 1, {})
      .expect_illegal("the new state, then the old one", "contradicts real time");
  Story()
      .put_a({0, 20}, 2, "1", 2)
      .get_a({1, 2}, 1, 1, {})
      .get_a({3, 4}, 2, 2, kOne)
      .expect_legal("the old state, then the new one");
}

TEST(Linearizability, AReadHasAllThatWasCommittedWhenItWasCalled) {
  const auto story = [](std::uint64_t committed) {
    return Story().put_a({0, 20}, 2, "1", 2).get_a({6, 9}, 1, 1, {}).committed(committed);
  };
  story(1).expect_legal("the write isn't committed yet");
  story(2).expect_illegal("the write is committed and not answered", "committed was 2");
  Story()
      .put_a({0, 20}, 2, "1", 2)
      .call({6, 9}, serializable("a"))
      .served(1)
      .answered(rows(1, {}), 1)
      .committed(2)
      .expect_legal("a serializable read may be behind");
}

TEST(Linearizability, AHeaderIsNotOfAnOlderTermThanTheEntry) {
  Story().put_a({0, 5}, 2, "1", 2).in_term(1).expect_legal("the entry's term");
  Story().put_a({0, 5}, 2, "1", 2).in_term(2).expect_legal("a later one");
  Story().put_a({0, 5}, 2, "1", 2).in_term(0).expect_illegal("an older one", "older term");
}

TEST(Linearizability, SerializableReadsMayBeOldButNotWrong) {
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .call({6, 9}, serializable("a"))
      .served(1)
      .answered(rows(1, {}), 1)
      .expect_legal("an old state");
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .call({6, 9}, serializable("a"))
      .served(1)
      .answered(rows(1, kOne), 1)
      .expect_illegal("a state that never was", "differs from the model's");
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .call({6, 9}, serializable("a"))
      .served(2)
      .answered(rows(2, kOne), 2)
      .put_a({1, 4}, 3, "2", 3)
      .expect_legal("it binds nobody else");
}

TEST(Linearizability, EveryFieldOfAnAnswerCounts) {
  const auto story = [](std::vector<KeyValue> kvs, int revision) {
    return Story().put_a({0, 5}, 2, "1", 2).get_a({6, 9}, 2, revision, std::move(kvs));
  };
  const std::string_view differs = "differs from the model's";
  story(kOne, 2).expect_legal("as it is");
  for (const int header : {1, 3}) {
    Story()
        .put_a({0, 5}, 2, "1", 2)
        .call({6, 9}, get("a"))
        .served(2)
        .answered(rows(2, kOne), header)
        .expect_illegal("another revision in the header", "a header's revision differs");
  }
  story({row("a", "2", 2, 2, 1)}, 2).expect_illegal("another value", differs);
  story({row("b", "1", 2, 2, 1)}, 2).expect_illegal("another key", differs);
  story({row("a", "1", 1, 2, 1)}, 2).expect_illegal("another create revision", differs);
  story({row("a", "1", 2, 3, 1)}, 2).expect_illegal("another mod revision", differs);
  story({row("a", "1", 2, 2, 2)}, 2).expect_illegal("another version", differs);
  story({}, 2).expect_illegal("a row is missing", differs);
  story(kOne, 3).expect_illegal("another header revision", differs);
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .call({6, 9}, get("a"))
      .served(2)
      .answered(rows(2, kOne), 3)
      .expect_illegal("the header of the call differs", "header's revision");
  apply::RangeResponse more = rows(2, kOne);
  more.more = true;
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .call({6, 9}, get("a"))
      .served(2)
      .answered(more, 2)
      .expect_illegal("more, though there is no more", differs);
}

TEST(Linearizability, WhoIsToldOfCorruptionKnowsThatNothingWasDone) {
  const auto story = [] {
    return Story().put_a({0, 5}, 2, "1", 2).call({6, 9}, put("a", "2")).refused(ApiError::kCorrupt);
  };
  story().flips(1).expect_legal("by a member that doubts its state");
  story().expect_illegal("nobody has a reason to doubt", "nothing had harmed it");
  story().applied(3).flips(1).expect_illegal("it was done all the same", "must succeed");
  story().applied(3).alarmed(2, apply::AlarmType::kCorrupt).expect_legal("by the alarm");
  story()
      .applied(3)
      .alarmed(2, apply::AlarmType::kNoSpace)
      .expect_illegal("by another alarm", "for another reason");
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .call({6, 9}, get("a"))
      .served(2)
      .refused(ApiError::kCorrupt)
      .flips(1)
      .expect_legal("a read that another member had served in vain before");
  Story()
      .call({6, 9}, get("a"))
      .refused(ApiError::kCorrupt)
      .expect_illegal("a read that nobody has a reason to refuse", "nothing had harmed it");
}

TEST(Linearizability, AWriteWithoutAnAnswerMayHaveHappened) {
  Story().call({0, 5}, put("a", "1")).expect_legal("unknown and not in the log");
  Story()
      .call({0, 5}, put("a", "1"))
      .applied(2)
      .get_a({6, 9}, 2, 2, kOne)
      .expect_legal("unknown and in the log");
  Story()
      .call({0}, put("a", "1"))
      .applied(2)
      .get_a({6, 9}, 2, 2, kOne)
      .expect_legal("it never ended and took effect");
  Story()
      .call({0, 5}, put("a", "1"))
      .applied(3)
      .get_a({6, 9}, 2, 1, {})
      .expect_legal("it took effect long after the client gave up");
  Story()
      .call({10, 15}, put("a", "1"))
      .applied(2)
      .get_a({6, 9}, 2, 2, kOne)
      .expect_illegal("it can't have had an effect before it was called", "contradicts real time");
}

TEST(Linearizability, AnAcknowledgedWriteIsInTheLogOnce) {
  Story()
      .call({0, 5}, put("a", "1"))
      .answered(done(2), 2)
      .expect("an acknowledged write is nowhere", "durability", "in no member's log");
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .applied_again(3)
      .get_a({6, 9}, 3, 2, kOne)
      .expect_legal("appended twice, it counts once");
  Story()
      .put_a({0, 5}, 2, "1", 2)
      .applied(3)
      .expect("two commands of one call", "at most once", "applied twice");
  Story()
      .call({0, 5}, get("a"))
      .answered(rows(1, {}), 1)
      .expect_illegal("a read that nobody served", "no member served");
}

TEST(Linearizability, DeletesAndTransactionsFollowTheModel) {
  const auto after_delete = [](int revision, std::vector<KeyValue> kvs) {
    return Story()
        .put_a({0, 1}, 2, "1", 2)
        .call({2, 3}, erase("a"))
        .applied(3)
        .answered(deleted(3, 1), 3)
        .get_a({4, 5}, 3, revision, std::move(kvs));
  };
  after_delete(3, {}).expect_legal("deleted");
  after_delete(3, kOne).expect_illegal("still there", "differs");
  after_delete(3, {row("a", "", 0, 3, 0)}).expect_illegal("a tombstone is shown", "differs");
  const auto race = [](apply::TxnResponse second, int revision) {
    return Story()
        .call({0, 9}, create_or_get("a", "1"))
        .applied(2)
        .answered(txn_put(2), 2)
        .call({0, 9}, create_or_get("a", "2"))
        .applied(3)
        .answered(std::move(second), revision);
  };
  race(txn_got(2, kOne), 2).expect_legal("the second finds the first");
  race(txn_put(3), 3).expect_illegal("both created the key", "differs");
  race(txn_got(2, {}), 2).expect_illegal("the second finds nothing", "differs");
}

TEST(Linearizability, RefusalsFollowTheModel) {
  const auto read_at = [](int revision) {
    return Story()
        .put_a({0, 1}, 2, "1", 2)
        .put_a({2, 3}, 3, "2", 3)
        .call({4, 5}, apply::CompactionRequest{3, false})
        .applied(4)
        .answered(apply::CompactionResponse{3}, 3)
        .call({6, 7}, get_at("a", revision))
        .served(4);
  };
  read_at(2).refused(ApiError::kCompacted).expect_legal("compacted");
  read_at(4).refused(ApiError::kFutureRev).expect_legal("not yet there");
  read_at(3).refused(ApiError::kCompacted).expect_illegal("it is readable", "must succeed");
  read_at(2).refused(ApiError::kFutureRev).expect_illegal("another reason", "another reason");
  read_at(2)
      .answered(rows(3, kOne), 3)
      .expect_illegal("answered what is compacted", "must be refused");
  read_at(3).answered(rows(3, kTwo), 3).expect_legal("the compacted revision itself is readable");
}

TEST(Linearizability, RangesOverSeveralKeysAreOneInstant) {
  const auto story = [](std::vector<KeyValue> kvs) {
    return Story()
        .put_a({0, 9}, 2, "1", 2)
        .call({0, 9}, put("b", "2"))
        .applied(3)
        .answered(done(3), 3)
        .call({0, 9}, get_all())
        .served(3)
        .answered(rows(3, std::move(kvs)), 3);
  };
  const KeyValue b = row("b", "2", 3, 3, 1);
  story({kOne[0], b}).expect_legal("both");
  story({b}).expect_illegal("the later without the earlier", "differs");
  story({b, kOne[0]}).expect_illegal("in another order", "differs");
}

TEST(Linearizability, CountsWhatItCompared) {
  const Judgement judgement = Story()
                                  .put_a({0, 5}, 2, "1", 2)
                                  .get_a({6, 9}, 2, 2, kOne)
                                  .call({7, 8}, put("b", "1"))
                                  .judge();
  EXPECT_EQ(judgement.acknowledged, 2U);
  EXPECT_EQ(judgement.unordered, 1U);
}

}  // namespace
}  // namespace detcd::sim
