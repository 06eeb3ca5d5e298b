// Text in double quotes as Go's %q prints it, which etcd's messages have.
#pragma once

#include <string>
#include <string_view>

namespace detcd {

// Bytes that are no UTF-8 become \x escapes; what is stays as it is.
[[nodiscard]] std::string go_quoted(std::string_view text);

}  // namespace detcd
