// Changes of users and roles as bytes of a replicated command (wire/command_codec.h): their kinds
// follow each other there, in the order of auth::Change.
#pragma once

#include <cstdint>
#include <variant>

#include "auth/types.h"
#include "base/codec.h"

namespace detcd::wire {

inline constexpr std::uint8_t kAuthKinds = std::variant_size_v<auth::Change>;

void encode_change(Writer& out, const auth::Change& change);
// `kind` counts from the first of them. What doesn't decode shows in `in`.
[[nodiscard]] auth::Change decode_auth_change(Reader& in, std::uint8_t kind);

void encode_caller(Writer& out, const auth::Caller& caller);
[[nodiscard]] auth::Caller decode_caller(Reader& in);

}  // namespace detcd::wire
