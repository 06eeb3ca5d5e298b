// The words of a fault, field by field: a fault describes them once, and is so printed, read back
// and looked at. The first word names what happens; a member is "n3", or "leader" for whoever leads
// when it happens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "sim/plan/text.h"

namespace detcd::sim {

// Members are 1..nodes; a link is directed. Without a leader a fault of the leader hits nobody.
inline constexpr std::uint32_t kLeader = 0;

class Fields {
 public:
  virtual ~Fields() = default;
  virtual void word(std::string_view word) = 0;
  // One of two words.
  virtual void choice(std::string_view no, std::string_view yes, bool& value) = 0;
  virtual void member(std::uint32_t& node) = 0;
  virtual void members(std::vector<std::uint32_t>& nodes) = 0;
  // The other end of connections: a member, or 0 for "clients".
  virtual void peer(std::uint32_t& node) = 0;
  virtual void duration(std::string_view name, Duration& value) = 0;
  // As duration; it is how long the fault lasts.
  virtual void length(std::string_view name, Duration& value) = 0;
  virtual void number(std::string_view name, std::uint64_t& value) = 0;
  virtual void integer(std::string_view name, std::int64_t& value) = 0;
  // "x20".
  virtual void factor(std::uint64_t& value) = 0;
  // Left out when it is 0.
  virtual void maybe(std::string_view name, std::uint64_t& value) = 0;
};

class FieldsWriter final : public Fields {
 public:
  void word(std::string_view word) override;
  void choice(std::string_view no, std::string_view yes, bool& value) override;
  void member(std::uint32_t& node) override;
  void members(std::vector<std::uint32_t>& nodes) override;
  void peer(std::uint32_t& node) override;
  void duration(std::string_view name, Duration& value) override;
  void length(std::string_view name, Duration& value) override { duration(name, value); }
  void number(std::string_view name, std::uint64_t& value) override;
  void integer(std::string_view name, std::int64_t& value) override;
  void factor(std::uint64_t& value) override;
  void maybe(std::string_view name, std::uint64_t& value) override;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class FieldsReader final : public Fields {
 public:
  explicit FieldsReader(Words& words) : words_(words) {}
  void word(std::string_view word) override { words_.expect(word); }
  void choice(std::string_view no, std::string_view yes, bool& value) override;
  void member(std::uint32_t& node) override;
  void members(std::vector<std::uint32_t>& nodes) override;
  void peer(std::uint32_t& node) override;
  void duration(std::string_view name, Duration& value) override;
  void length(std::string_view name, Duration& value) override { duration(name, value); }
  void number(std::string_view name, std::uint64_t& value) override;
  void integer(std::string_view name, std::int64_t& value) override;
  void factor(std::uint64_t& value) override;
  void maybe(std::string_view name, std::uint64_t& value) override;

 private:
  Words& words_;
};

// Whom a fault hits, and for how long.
class FieldsLook : public Fields {
 public:
  void word(std::string_view) override {}
  void choice(std::string_view, std::string_view, bool&) override {}
  void member(std::uint32_t& node) override { nodes.push_back(node); }
  void members(std::vector<std::uint32_t>& more) override;
  void peer(std::uint32_t& node) override;
  void duration(std::string_view, Duration&) override {}
  void length(std::string_view, Duration& value) override { lasts = value; }
  void number(std::string_view, std::uint64_t&) override {}
  void integer(std::string_view, std::int64_t&) override {}
  void factor(std::uint64_t&) override {}
  void maybe(std::string_view, std::uint64_t&) override {}

  std::vector<std::uint32_t> nodes;
  Duration lasts{};
};

}  // namespace detcd::sim
