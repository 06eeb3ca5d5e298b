# cmake -DROOT=<tree> -DOUT=<file.cc> -P site_names.cmake: the names of all places that draw, which a
# draw itself knows only by a hash of.
cmake_minimum_required(VERSION 3.25)
file(GLOB_RECURSE sources ${ROOT}/src/*.cc ${ROOT}/src/*.h ${ROOT}/sim/*.cc ${ROOT}/sim/*.h)
set(names "")
foreach(source IN LISTS sources)
  file(READ ${source} text)
  string(REGEX MATCHALL "Site[ \n]+k[A-Za-z0-9]+{[ \n]*\"[^\"]+\"" found "${text}")
  foreach(site IN LISTS found)
    string(REGEX MATCH "\"[^\"]+\"" name "${site}")
    if(name)
      list(APPEND names "${name}")
    endif()
  endforeach()
endforeach()
list(SORT names)
list(REMOVE_DUPLICATES names)
list(JOIN names ",\n    " joined)
file(WRITE ${OUT} "#include \"sim/campaign/site_names.h\"

#include <array>

namespace detcd::sim {

std::span<const std::string_view> site_names() {
  static constexpr auto kNames = std::to_array<std::string_view>({
    ${joined},
  });
  return kNames;
}

}  // namespace detcd::sim
")
