#include "wire/auth_command.h"

#include <array>
#include <utility>

namespace detcd::wire {
namespace {

// Each one's fields, in the order in which they are written and read.
template <class Fields>
void fields(auth::Enable&, Fields&&) {}
template <class Fields>
void fields(auth::Disable&, Fields&&) {}
template <class Fields>
void fields(auth::Authenticate& change, Fields&& each) {
  each(change.user);
  each(change.token_prefix);
  each(change.checked_revision);
}
template <class Fields>
void fields(auth::UserAdd& change, Fields&& each) {
  each(change.name);
  each(change.password_hash);
  each(change.no_password);
}
template <class Fields>
void fields(auth::UserDelete& change, Fields&& each) {
  each(change.name);
}
template <class Fields>
void fields(auth::UserChangePassword& change, Fields&& each) {
  each(change.name);
  each(change.password_hash);
}
template <class Fields>
void fields(auth::UserGrantRole& change, Fields&& each) {
  each(change.user);
  each(change.role);
}
template <class Fields>
void fields(auth::UserRevokeRole& change, Fields&& each) {
  each(change.user);
  each(change.role);
}
template <class Fields>
void fields(auth::RoleAdd& change, Fields&& each) {
  each(change.name);
}
template <class Fields>
void fields(auth::RoleDelete& change, Fields&& each) {
  each(change.role);
}
template <class Fields>
void fields(auth::RoleGrantPermission& change, Fields&& each) {
  each(change.role);
  each(change.given);
  each(change.permission.type);
  each(change.permission.key);
  each(change.permission.range_end);
}
template <class Fields>
void fields(auth::RoleRevokePermission& change, Fields&& each) {
  each(change.role);
  each(change.key);
  each(change.range_end);
}

struct Put {
  Writer& out;
  void operator()(const std::string& value) const { out.bytes(value); }
  void operator()(const bool& value) const { out.boolean(value); }
  void operator()(const std::uint64_t& value) const { out.varint(value); }
  void operator()(const std::int32_t& value) const { out.u32(static_cast<std::uint32_t>(value)); }
};

struct Take {
  Reader& in;
  void operator()(std::string& value) const { value = in.bytes(); }
  void operator()(bool& value) const { value = in.boolean(); }
  void operator()(std::uint64_t& value) const { value = in.varint(); }
  void operator()(std::int32_t& value) const { value = static_cast<std::int32_t>(in.u32()); }
};

template <class One>
auth::Change take(Reader& in) {
  One change;
  fields(change, Take{in});
  return change;
}

template <std::size_t... kIndex>
auth::Change take_any(Reader& in, std::uint8_t kind, std::index_sequence<kIndex...>) {
  constexpr std::array takers{&take<std::variant_alternative_t<kIndex, auth::Change>>...};
  return takers.at(kind)(in);
}

}  // namespace

void encode_change(Writer& out, const auth::Change& change) {
  // The fields are the same for both ways; this one only reads them.
  auth::Change copy = change;
  std::visit([&](auto& one) { fields(one, Put{out}); }, copy);
}

auth::Change decode_auth_change(Reader& in, std::uint8_t kind) {
  return take_any(in, kind, std::make_index_sequence<kAuthKinds>{});
}

void encode_caller(Writer& out, const auth::Caller& caller) {
  out.bytes(caller.user);
  out.varint(caller.revision);
  out.boolean(caller.own);
}

auth::Caller decode_caller(Reader& in) {
  auth::Caller caller;
  caller.user = in.bytes();
  caller.revision = in.varint();
  caller.own = in.boolean();
  return caller;
}

}  // namespace detcd::wire
