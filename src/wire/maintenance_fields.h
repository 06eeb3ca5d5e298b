// The answers of Maintenance that apply makes, as sequences of protobuf fields; see kv_fields.h.
#pragma once

#include "apply/command.h"
#include "wire/kv_fields.h"

namespace detcd::wire {

template <class Sink>
void fields(Sink& sink, const apply::AlarmMember& message) {
  sink.number(1, message.member_id);
  sink.number(2, unsigned_of(message.alarm));
}
template <class Sink>
void body(Sink& sink, const apply::AlarmResponse& message) {
  for (const apply::AlarmMember& alarm : message.alarms) nested(sink, 2, alarm);
}
template <class Sink>
void body(Sink& sink, const apply::DowngradeResponse& message) {
  sink.bytes(2, message.version);
}

}  // namespace detcd::wire
