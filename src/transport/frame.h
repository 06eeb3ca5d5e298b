// Frames between members: u32 length of what follows, u32 CRC-32C of it, u8 kind, payload; little
// endian. A connection begins with a Hello of the one who dials and a Welcome of the one who
// accepts; then it carries frames one way, from the dialer. Everything is versioned from the first
// byte: the magic says it is detcd's peer protocol, the hello says which versions the dialer
// speaks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace detcd::transport {

inline constexpr std::uint16_t kVersionLeast = 1;
inline constexpr std::uint16_t kVersionNewest = 1;
inline constexpr std::size_t kFrameBytesMax = 80 << 20;

enum class Kind : std::uint8_t {
  kHello = 1,
  kWelcome = 2,
  kMessage = 3,        // A raft::Message.
  kSnapshotBegin = 4,  // The raft::Message of an InstallSnapshot; u64 size of the packed state.
  kSnapshotPiece = 5,  // The next bytes of it.
  kSnapshotTaken = 6,  // From the acceptor: complete and handed over.
  kNote = 7,           // What members tell each other beside Raft: bytes of the server's.
};

enum class Purpose : std::uint8_t { kMessages = 1, kSnapshot = 2 };

// What a member's disk must hold, as others heard it from the member itself: of its newest term,
// whether it voted in it, and the highest index that it acknowledged.
struct Promise {
  std::uint64_t term = 0;
  bool voted = false;
  std::uint64_t index = 0;
  friend bool operator==(const Promise&, const Promise&) = default;
};

// What one life of a member's process promised. Life 0 is any of them: by publishing itself, which
// is in the log for good, a member promised that it had synced the term of a leader.
struct Remembered {
  std::uint64_t life = 0;
  Promise promise;
  friend bool operator==(const Remembered&, const Remembered&) = default;
};

// Each end says which life of its process it is, and what it remembers of the other's lives: each
// by itself, as it can't know for certain which of them it is talking to, nor which came last.
struct Introduction {
  std::uint64_t life = 0;
  std::vector<Remembered> remembered;  // In the order in which they were first heard of.
  Promise remembered_before;           // Of all earlier ones together.
  // Where it is dialed, host:port each: whoever it talks to may know older members only.
  std::vector<std::string> addresses;
  friend bool operator==(const Introduction&, const Introduction&) = default;
};

struct Hello {
  std::uint16_t version_least = kVersionLeast;
  std::uint16_t version_newest = kVersionNewest;
  std::uint64_t cluster_id = 0;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  Purpose purpose = Purpose::kMessages;
  Introduction introduction;
  friend bool operator==(const Hello&, const Hello&) = default;
};

struct Welcome {
  enum class Verdict : std::uint8_t {
    kAccepted,
    kVersion,
    kCluster,
    kMember,
    kRemoved
  } verdict = Verdict::kAccepted;
  std::uint16_t version = kVersionNewest;
  std::uint64_t cluster_id = 0;  // The acceptor's own, whatever the verdict.
  std::uint64_t member = 0;
  Introduction introduction;
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
[[nodiscard]] std::string_view name_of(Welcome::Verdict verdict);

// Whether a stream that begins so may be of this protocol.
[[nodiscard]] bool begins_hello(std::string_view bytes);
[[nodiscard]] std::string frame(Kind kind, std::string_view payload);
[[nodiscard]] std::string encode(const Hello& hello);  // With its frame and the magic before it.
[[nodiscard]] std::string encode(const Welcome& welcome);  // With its frame.
[[nodiscard]] Result<Hello> decode_hello(std::string_view payload);
[[nodiscard]] Result<Welcome> decode_welcome(std::string_view payload);

struct Frame {
  Kind kind = Kind::kMessage;
  Bytes payload;
};

// Cuts a byte stream into frames. Bounded: a length above kFrameBytesMax is kDamaged at once.
class FrameReader {
 public:
  // With `expect_magic` the stream begins with the dialer's magic.
  explicit FrameReader(bool expect_magic) : magic_left_(expect_magic) {}
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole frame, nothing yet, or why the stream can't go on.
  Result<std::optional<Frame>> next();

 private:
  std::string buffer_;
  std::size_t read_ = 0;
  bool magic_left_;
};

}  // namespace detcd::transport
