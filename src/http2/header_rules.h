// What RFC 9113 §8.2 and §8.3 ask of the headers of a request, as Go's server holds to it.
// nghttp2's own rules also look into :authority, in which etcd's clients of 3.4 write the whole URL
// of an endpoint, and which nobody here reads; so its rules are off, and these are instead of them.
#pragma once

#include <array>
#include <string_view>

namespace detcd::http2 {

class HeaderRules {
 public:
  void see(std::string_view name, std::string_view value);
  // Of the whole request: none was broken, and what each request has is there.
  [[nodiscard]] bool hold() const;

 private:
  void see_pseudo(std::string_view name, std::string_view value);

  std::array<bool, 4> seen_{};  // :method, :scheme, :path, :authority.
  bool regular_ = false;        // After the first of these no other may begin with a colon.
  bool broken_ = false;
};

}  // namespace detcd::http2
