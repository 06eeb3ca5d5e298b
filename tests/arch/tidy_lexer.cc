#include <cctype>
#include <regex>

#include "tests/arch/tidy.h"

namespace detcd::arch {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Copies a literal that begins at `at` as its quotes and blanks; returns the offset after it.
std::size_t skip_quoted(std::string_view source, std::size_t at, std::string& out) {
  const char quote = source[at];
  out.push_back(quote);
  for (++at; at < source.size() && source[at] != quote && source[at] != '\n'; ++at) {
    out.push_back(' ');
    if (source[at] == '\\' && at + 1 < source.size()) {
      ++at;
      out.push_back(' ');
    }
  }
  if (at < source.size()) out.push_back(source[at]);
  return at + 1;
}

std::size_t skip_raw_string(std::string_view source, std::size_t at, std::string& out) {
  const std::size_t open = source.find('(', at);
  if (open == std::string_view::npos) return skip_quoted(source, at, out);
  const std::string close = ")" + std::string(source.substr(at + 1, open - at - 1)) + "\"";
  std::size_t end = source.find(close, open);
  end = end == std::string_view::npos ? source.size() : end + close.size();
  out.push_back('"');
  for (std::size_t i = at + 1; i + 1 < end; ++i) out.push_back(source[i] == '\n' ? '\n' : ' ');
  out.push_back('"');
  return end;
}

std::size_t skip_comment(std::string_view source, std::size_t at, std::string& out) {
  const bool line = source[at + 1] == '/';
  std::size_t end = line ? source.find('\n', at) : source.find("*/", at + 2);
  if (end == std::string_view::npos)
    end = source.size();
  else if (!line)
    end += 2;
  for (; at < end; ++at) out.push_back(source[at] == '\n' ? '\n' : ' ');
  return end;
}

// A body belongs to a function when its declaration has a parameter list and is no class or
// namespace.
bool opens_function(std::string_view declaration) {
  static const std::regex scope(R"(^\s*(inline\s+)?(namespace|extern)\b|\b(enum|union)\s)");
  static const std::regex type(R"(\b(class|struct)\s+[\w:<>\s]*(final)?\s*(:[^:][\s\S]*)?$)");
  static const std::regex control(R"(^\s*(if|for|while|switch|do|else|return)\b)");
  const std::string text(declaration);
  if (text.find('(') == std::string::npos) return false;
  return !std::regex_search(text, scope) && !std::regex_search(text, control) &&
         !(std::regex_search(text, type) && text.find(") ") == std::string::npos);
}

}  // namespace

std::string strip(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  std::size_t at = 0;
  while (at < source.size()) {
    const char c = source[at];
    const char next = at + 1 < source.size() ? source[at + 1] : '\0';
    const char before = at > 0 ? source[at - 1] : '\n';
    if (c == '/' && (next == '/' || next == '*')) {
      at = skip_comment(source, at, out);
    } else if (c == '"' && before == 'R') {
      at = skip_raw_string(source, at, out);
    } else if (c == '"' || (c == '\'' && !is_word(before))) {
      at = skip_quoted(source, at, out);
    } else {
      out.push_back(c);
      ++at;
    }
  }
  return out;
}

namespace detail {

std::size_t line_of(std::string_view text, std::size_t offset) {
  std::size_t line = 1;
  for (std::size_t i = 0; i < offset && i < text.size(); ++i) line += text[i] == '\n' ? 1 : 0;
  return line;
}

std::vector<Function> functions(std::string_view stripped) {
  std::vector<Function> found;
  std::size_t declaration = 0;   // Where the declaration now being read begins.
  std::size_t depth_inside = 0;  // Braces open within a function, or within an initialiser.
  bool in_function = false;
  std::size_t parentheses = 0;
  for (std::size_t at = 0; at < stripped.size(); ++at) {
    const char c = stripped[at];
    if (c == '#' && (at == 0 || stripped[at - 1] == '\n')) {
      while (at < stripped.size() && stripped[at] != '\n') ++at;
      if (depth_inside == 0) declaration = at;
    } else if (depth_inside > 0) {
      depth_inside += c == '{' ? 1 : 0;
      depth_inside -= c == '}' ? 1 : 0;
      if (depth_inside == 0) {
        if (in_function) found.back().end = at;
        declaration = in_function ? at + 1 : declaration;
        in_function = false;
      }
    } else if (c == '(' || c == ')') {
      parentheses += c == '(' ? 1 : 0;
      parentheses -= c == ')' && parentheses > 0 ? 1 : 0;
    } else if (c == '{') {
      const std::string_view text = stripped.substr(declaration, at - declaration);
      const std::size_t last = text.find_last_not_of(" \n");
      const bool in_initialiser =
          parentheses > 0 || (last != std::string_view::npos && is_word(text[last]) &&
                              text.find(") :") != std::string_view::npos);
      if (in_initialiser) {
        depth_inside = 1;
      } else if (opens_function(text)) {
        found.push_back({text.find_first_not_of(" \n") + declaration, at, at});
        depth_inside = 1;
        in_function = true;
      } else {
        declaration = at + 1;
      }
    } else if (c == ';' || c == '}') {
      if (parentheses == 0) declaration = at + 1;
    }
  }
  return found;
}

}  // namespace detail
}  // namespace detcd::arch
