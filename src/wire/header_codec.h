// What the readers of several services share: the header of an answer, and signed numbers.
#pragma once

#include <cstdint>
#include <string_view>

#include "wire/field.h"
#include "wire/kv_codec.h"

namespace detcd::wire {

[[nodiscard]] inline std::int64_t signed_of(const Field& field) {
  return static_cast<std::int64_t>(field.varint);
}

// False when the bytes are no ResponseHeader.
[[nodiscard]] inline bool parse_header(Header& header, std::string_view bytes) {
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_varint(1)) header.cluster_id = field.varint;
    if (field.is_varint(2)) header.member_id = field.varint;
    if (field.is_varint(3)) header.revision = signed_of(field);
    if (field.is_varint(4)) header.raft_term = field.varint;
  }
  return reader.ok();
}

}  // namespace detcd::wire
