// The house style, as far as a program can see it: limits, banned words with what to use instead,
// the forms in which a coroutine may wait. Works on text alone, so that each rule is tested on a
// few planted lines. It relies on the sources being formatted as .clang-format says.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace detcd::arch {

// A source without comments, and with literals emptied: offsets and line breaks stay as they were.
std::string strip(std::string_view source);

struct Violation {
  std::string path;
  std::size_t line = 0;
  std::string what;
  friend bool operator==(const Violation&, const Violation&) = default;
};

// `path` is relative to the root of the tree ("src/raft/log.cc"): it decides which rules hold.
std::vector<Violation> tidy(const std::string& path, std::string_view source);

// The rule of one definition, which no linker checks for classes: a name that two files of src and
// sim define in the same namespace (the unnamed one apart). Takes all sources by their paths.
std::vector<Violation> defined_twice(const std::map<std::string, std::string>& sources);

// One row of the README's put-path table: the mark `put-path NUMBER/8` stands once in src/FILE.
struct Hop {
  int number = 0;
  std::string file;
  std::string function;
  friend bool operator==(const Hop&, const Hop&) = default;
};
std::vector<Hop> put_path_table(std::string_view readme);

namespace detail {
std::size_t line_of(std::string_view text, std::size_t offset);
// Bodies of functions in stripped text: where the declaration and the body begin, and the last
// brace.
struct Function {
  std::size_t begin = 0;
  std::size_t body = 0;
  std::size_t end = 0;
};
std::vector<Function> functions(std::string_view stripped);
}  // namespace detail

}  // namespace detcd::arch
