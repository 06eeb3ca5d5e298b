# cmake -DFOLDER=<profiles> -DOUT=<file.cc> -P embed.cmake: the profiles of a folder as one C++ source.
cmake_minimum_required(VERSION 3.25)
file(GLOB files ${FOLDER}/*.txt)
list(SORT files)
set(sources "")
set(names "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND sources "  if (name == \"${name}\") {\n    return R\"~profile~(${text})~profile~\";\n  }\n")
  string(APPEND names "\"${name}\", ")
endforeach()
file(WRITE ${OUT} "#include \"sim/profile/profile.h\"

namespace detcd::sim {

std::vector<std::string_view> builtin_profiles() {
  return {${names}};
}

std::string_view profile_source(std::string_view name) {
${sources}  return {};
}

}  // namespace detcd::sim
")
