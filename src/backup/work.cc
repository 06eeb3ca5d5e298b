#include "backup/work.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"

namespace detcd::backup {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  check(
      state_->context != nullptr && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1,
      "OpenSSL has SHA-256");
}
Sha256::~Sha256() {
  EVP_MD_CTX_free(state_->context);
}
void Sha256::add(std::string_view bytes) {
  const int added = EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
  check(added == 1, "bytes can be added to a digest");
}
std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  const int finished = EVP_DigestFinal_ex(state_->context, digest.data(), &length);
  check(finished == 1 && length == 32, "a digest is finished once");
  return {digest.begin(), digest.begin() + length};
}

// What a compaction up to here would hide is read: the pin keeps it from being freed.
FileWork::FileWork(const mvcc::Store& store, Contents contents)
    : store_(&store),
      contents_(std::move(contents)),
      pin_(store.pins(), contents_.compact_revision),
      pass_(contents_),
      builder_(std::make_unique<bbolt::FileBuilder>()) {}

mvcc::Advance FileWork::go(mvcc::Budget budget, std::size_t enough) {
  mvcc::Meter meter(budget);
  while (!finished_ && builder_->ready() < enough) {
    switch (pass_.next(*store_, meter)) {
      case Pass::Step::kBucket:
        builder_->begin_bucket(pass_.bucket());
        break;
      case Pass::Step::kItem:
        if (writing_) {
          builder_->add(pass_.key(), pass_.value());
        } else {
          builder_->measure(pass_.key(), pass_.value_bytes());
        }
        break;
      case Pass::Step::kBucketEnd:
        builder_->end_bucket();
        break;
      case Pass::Step::kEnd:
        layout_ = builder_->finish();
        finished_ = true;
        break;
      case Pass::Step::kMore:
        return mvcc::More{};
      case Pass::Step::kCold:
        return pass_.need();
    }
  }
  return mvcc::Done{};
}

mvcc::Advance FileWork::measure(mvcc::Budget budget) {
  mvcc::Advance step = go(budget, 1);
  if (!std::holds_alternative<mvcc::Done>(step)) return step;
  writing_ = true;
  finished_ = false;
  pass_ = Pass(contents_);
  builder_ = std::make_unique<bbolt::FileBuilder>(layout_);
  return step;
}

mvcc::Advance FileWork::write(mvcc::Budget budget, std::size_t wanted) {
  check(writing_, "a file is measured before it is written");
  const std::size_t ready = ready_.size() - taken_;
  mvcc::Advance step = mvcc::Done{};
  if (ready < wanted) step = go(budget, wanted - ready);
  if (builder_->ready() > 0) {
    ready_.erase(0, std::exchange(taken_, 0));
    ready_ += builder_->take();
  }
  return step;
}

std::string FileWork::take(std::size_t bytes_max) {
  std::string piece = ready_.substr(taken_, bytes_max);
  taken_ += piece.size();
  return piece;
}

HashWork::HashWork(const mvcc::Store& store, Contents contents)
    : store_(&store),
      contents_(std::move(contents)),
      pin_(store.pins(), contents_.compact_revision),
      pass_(contents_) {
  contents_.time_ms.reset();  // etcd keeps no remaining times, and they pass.
}

mvcc::Advance HashWork::advance(mvcc::Budget budget) {
  constexpr std::array<std::string_view, 3> kLeftOut = {"consistent_index", "storageVersion",
                                                        "term"};
  mvcc::Meter meter(budget);
  for (;;) {
    switch (pass_.next(*store_, meter)) {
      case Pass::Step::kBucket:
        hash_ = crc32c(pass_.bucket(), hash_);
        break;
      case Pass::Step::kItem: {
        const std::string key = pass_.key();
        if (pass_.bucket() == "meta" && std::ranges::find(kLeftOut, key) != kLeftOut.end()) break;
        hash_ = crc32c(pass_.value(), crc32c(key, hash_));
        break;
      }
      case Pass::Step::kBucketEnd:
        break;
      case Pass::Step::kEnd:
        return mvcc::Done{};
      case Pass::Step::kMore:
        return mvcc::More{};
      case Pass::Step::kCold:
        return pass_.need();
    }
  }
}

}  // namespace detcd::backup
