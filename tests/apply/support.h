// Drives an Applier as a log would: every call is the next entry, or a read.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "apply/applier.h"

namespace detcd::apply {

class Driver {
 public:
  static constexpr std::uint64_t kCluster = 77;

  explicit Driver(std::uint32_t chunk_bytes = Applier::kChunkBytes)
      : applier_(std::make_unique<Applier>(kCluster, chunk_bytes)) {}
  explicit Driver(std::unique_ptr<Applier> applier) : applier_(std::move(applier)) {}

  Applier& applier() { return *applier_; }
  Position next_position() {
    const Position& last = applier_->applied();
    return {last.index + 1, term, last.time_ms + pause_ms};
  }

  Answer apply(Command command) {
    applier_->begin(next_position(), std::move(command));
    while (!std::holds_alternative<mvcc::Done>(applier_->advance({.units = budget}))) {
    }
    return applier_->take_answer();
  }
  Answer read(RangeRequest request) { return finish(*applier_->range(std::move(request))); }
  Answer read(TxnRequest request) { return finish(*applier_->read_txn(std::move(request))); }
  void sweep() {
    while (!std::holds_alternative<mvcc::Done>(applier_->sweep({.units = budget}))) {
    }
  }

  PutResponse put(std::string key, std::string value) {
    return expect<PutResponse>(
        apply({.request = PutRequest{.key = std::move(key), .value = std::move(value)}}));
  }
  DeleteRangeResponse erase(DeleteRangeRequest request) {
    return expect<DeleteRangeResponse>(apply({.request = std::move(request)}));
  }
  TxnResponse txn(TxnRequest request) {
    return expect<TxnResponse>(apply({.request = std::move(request)}));
  }
  CompactionResponse compact(Revision revision) {
    return expect<CompactionResponse>(apply({.request = CompactionRequest{.revision = revision}}));
  }
  RangeResponse range(RangeRequest request) {
    return expect<RangeResponse>(read(std::move(request)));
  }
  std::variant<HashKvAnswer, ApiError> hash(Revision revision) {
    const std::unique_ptr<HashWork> work = applier_->hash_kv(revision);
    while (!std::holds_alternative<mvcc::Done>(work->advance({.units = budget}))) {
    }
    return work->take();
  }

  template <class T>
  static T expect(const Answer& answer) {
    const auto* const response = std::get_if<Response>(&answer);
    if (response == nullptr) {
      ADD_FAILURE() << "refused: " << text(*std::get_if<ApiError>(&answer));
      return {};
    }
    const auto* const wanted = std::get_if<T>(response);
    if (wanted == nullptr) {
      ADD_FAILURE() << "an answer of another kind";
      return {};
    }
    return *wanted;
  }

  std::uint64_t budget = 10'000;
  // Of the next entry.
  std::uint64_t term = 1;
  std::uint64_t pause_ms = 1;

 private:
  static Answer finish(RangeWork& work) {
    while (!std::holds_alternative<mvcc::Done>(work.advance({.units = 10'000}))) {
    }
    return work.take();
  }

  std::unique_ptr<Applier> applier_;
};

}  // namespace detcd::apply
