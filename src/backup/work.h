// A snapshot as etcd's tools and servers know it: a bbolt file and the SHA-256 of it, as resumable
// work on a pinned state. First it is measured, so that its size is known before the first byte;
// then it comes out piece by piece.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "backup/contents.h"
#include "bbolt/file_builder.h"
#include "mvcc/pin.h"
#include "mvcc/store.h"
#include "mvcc/types.h"

namespace detcd::backup {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void add(std::string_view bytes);
  // Once: 32 bytes.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class FileWork {
 public:
  // Of the state at this moment; the store outlives it.
  FileWork(const mvcc::Store& store, Contents contents);
  FileWork(const FileWork&) = delete;
  FileWork& operator=(const FileWork&) = delete;

  // Until Done: file_bytes() is known then.
  mvcc::Advance measure(mvcc::Budget budget);
  [[nodiscard]] std::uint64_t file_bytes() const { return layout_.bytes(); }
  // After that, until Done: `wanted` bytes are ready, or all that is left.
  mvcc::Advance write(mvcc::Budget budget, std::size_t wanted);
  // At most so much of what is ready; empty at the end of the file.
  [[nodiscard]] std::string take(std::size_t bytes_max);

 private:
  // Hands items to the builder until the pass ends or `enough` bytes are ready.
  mvcc::Advance go(mvcc::Budget budget, std::size_t enough);

  const mvcc::Store* store_;
  Contents contents_;
  mvcc::Pin pin_;
  Pass pass_;
  bbolt::Layout layout_;
  std::unique_ptr<bbolt::FileBuilder> builder_;
  bool writing_ = false;
  bool finished_ = false;  // The pass under way.
  std::string ready_;
  std::size_t taken_ = 0;  // Of `ready_`.
};

// What the Hash call answers: CRC-32C over all buckets, but for what differs between members and
// versions (ETCD.md §2.14).
class HashWork {
 public:
  HashWork(const mvcc::Store& store, Contents contents);
  HashWork(const HashWork&) = delete;
  HashWork& operator=(const HashWork&) = delete;
  mvcc::Advance advance(mvcc::Budget budget);
  [[nodiscard]] std::uint32_t hash() const { return hash_; }

 private:
  const mvcc::Store* store_;
  Contents contents_;
  mvcc::Pin pin_;
  Pass pass_;
  std::uint32_t hash_ = 0;
};

}  // namespace detcd::backup
