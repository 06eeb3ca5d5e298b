#include "wire/range_stream_codec.h"

#include "wire/field.h"
#include "wire/kv_fields.h"

namespace detcd::wire {
namespace {

struct Rows {
  const Header* header;
  const apply::RangeResponse& rows;
};
template <class Sink>
void fields(Sink& sink, const Rows& message) {
  if (message.header != nullptr) nested(sink, 1, *message.header);
  body(sink, message.rows);
}
struct Piece {
  Rows rows;
};
template <class Sink>
void fields(Sink& sink, const Piece& message) {
  nested(sink, 1, message.rows);
}

}  // namespace

Bytes serialize_range_piece(const Header* header, const apply::RangeResponse& rows) {
  return Bytes::adopt(to_bytes(Piece{{header, rows}}));
}

Result<ParsedResponse> parse_range_piece(std::string_view bytes) {
  std::string_view inside;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1)) inside = field.bytes;
  }
  if (!reader.ok()) return Error{Errc::kInvalid, "proto: cannot parse invalid wire-format data"};
  return parse_range_response(inside);
}

}  // namespace detcd::wire
