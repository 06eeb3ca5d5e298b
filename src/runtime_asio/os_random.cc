#include "runtime_asio/os_random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::runtime_asio {

namespace {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace

std::uint64_t siphash(SipKey key, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  SipState state{key.low ^ 0x736f6d6570736575ULL, key.high ^ 0x646f72616e646f6dULL,
                 key.low ^ 0x6c7967656e657261ULL, key.high ^ 0x7465646279746573ULL};
  state.absorb(a);
  state.absorb(b);
  state.absorb(c);
  state.absorb(24ULL << 56);  // The last block carries the length and no bytes.
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

OsRandom::OsRandom() {
  for (std::uint64_t* word : {&key_.low, &key_.high}) {
    ssize_t got = -1;
    do {
      got = ::getrandom(word, sizeof *word, 0);
    } while (got < 0 && errno == EINTR);
    check(got == sizeof *word, "the kernel gives eight random bytes at once");
  }
}

std::uint64_t OsRandom::draw(runtime::Site site, std::uint64_t entity,
                             std::uint64_t ordinal) const {
  return siphash(key_, site.key, entity, ordinal);
}

bool OsRandom::rarely(runtime::Site site, std::uint64_t entity, std::uint64_t ordinal) const {
  constexpr int kBits = 32;
  return mix64(mix64(key_.low ^ site.key, entity), ordinal) >> kBits == 0;
}

}  // namespace detcd::runtime_asio
