#include "sim/faults/fields.h"

#include <algorithm>
#include <charconv>

namespace detcd::sim {
namespace {

constexpr std::uint32_t kMembersMost = 64;

std::string name_of(std::uint32_t node) {
  return node == kLeader ? "leader" : "n" + std::to_string(node);
}

// "n3" → 3, 1..64; "leader".
std::uint32_t node_of(Words& words, std::string_view text) {
  if (text == "leader") return kLeader;
  std::uint32_t number = 0;
  if (text.size() > 1 && text.front() == 'n') {
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (whole && number >= 1 && number <= kMembersMost) return number;
  }
  words.fail();
  return 1;
}

}  // namespace

void FieldsWriter::word(std::string_view word) {
  if (!text_.empty()) text_ += " ";
  text_ += word;
}
void FieldsWriter::choice(std::string_view no, std::string_view yes, bool& value) {
  word(value ? yes : no);
}
void FieldsWriter::member(std::uint32_t& node) {
  word(name_of(node));
}
void FieldsWriter::members(std::vector<std::uint32_t>& nodes) {
  std::string list;
  for (const std::uint32_t node : nodes) list += (list.empty() ? "" : ",") + name_of(node);
  word(list);
}
void FieldsWriter::peer(std::uint32_t& node) {
  word(node == 0 ? "clients" : name_of(node));
}
void FieldsWriter::duration(std::string_view name, Duration& value) {
  word(name);
  word(print_duration(value));
}
void FieldsWriter::number(std::string_view name, std::uint64_t& value) {
  word(name);
  word(std::to_string(value));
}
void FieldsWriter::integer(std::string_view name, std::int64_t& value) {
  word(name);
  word(std::to_string(value));
}
void FieldsWriter::factor(std::uint64_t& value) {
  word("x" + std::to_string(value));
}
void FieldsWriter::maybe(std::string_view name, std::uint64_t& value) {
  if (value != 0) number(name, value);
}

void FieldsReader::choice(std::string_view no, std::string_view yes, bool& value) {
  const std::string_view word = words_.word();
  value = word == yes;
  if (!value && word != no) words_.fail();
}
void FieldsReader::member(std::uint32_t& node) {
  node = node_of(words_, words_.word());
}
void FieldsReader::members(std::vector<std::uint32_t>& nodes) {
  std::string_view text = words_.word();
  if (text.ends_with(',')) words_.fail();
  nodes.clear();
  while (!text.empty()) {
    const std::string_view name = text.substr(0, text.find(','));
    nodes.push_back(node_of(words_, name));
    text.remove_prefix(std::min(name.size() + 1, text.size()));
  }
}
void FieldsReader::peer(std::uint32_t& node) {
  const std::string_view word = words_.word();
  node = word == "clients" ? 0 : node_of(words_, word);
  if (word == "leader") words_.fail();
}
void FieldsReader::duration(std::string_view name, Duration& value) {
  words_.expect(name);
  value = words_.duration();
}
void FieldsReader::number(std::string_view name, std::uint64_t& value) {
  words_.expect(name);
  value = words_.number();
}
void FieldsReader::integer(std::string_view name, std::int64_t& value) {
  words_.expect(name);
  value = words_.integer();
}
void FieldsReader::factor(std::uint64_t& value) {
  const std::string_view text = words_.word();
  if (text.empty() || text.front() != 'x') {
    words_.fail();
    return;
  }
  Words digits(text.substr(1));
  value = digits.number();
  if (!digits.finished()) words_.fail();
}
void FieldsReader::maybe(std::string_view name, std::uint64_t& value) {
  value = 0;
  if (words_.finished() || words_.peek() != name) return;
  number(name, value);
}

void FieldsLook::members(std::vector<std::uint32_t>& more) {
  nodes.insert(nodes.end(), more.begin(), more.end());
}
void FieldsLook::peer(std::uint32_t& node) {
  if (node != 0) nodes.push_back(node);
}

}  // namespace detcd::sim
