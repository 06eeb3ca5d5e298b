# cmake -DROOT=<tree> -P layers.cmake: the #includes of src and sim against the detcd_module lines.
# Rejects the include of a module not listed in USES, the use of a module declared below (hence any
# cycle), and a third-party or system header outside the modules that own it.
cmake_minimum_required(VERSION 3.25)
set(violations "")

# Header pattern, then the modules that own it: library names stand for "declares it in LIBS".
set(owners
  "^boost/asio" "runtime_asio"
  "^boost/beast" "http1"
  "^boost/" "LIBS boost_headers"
  "^nghttp2/" "LIBS nghttp2"
  "^openssl/" "membership backup credentials tls"
  "^crypt\\.h$" "LIBS crypt"
  "\\.pb\\.h$" "wire api client"
  "^google/protobuf" "wire api client"
  "^spdlog/" "app"
  "^nlohmann/" "LIBS json"
  "^absl/" "LIBS absl"
  "^zlib\\.h$" "LIBS zlib"
  "^(isa-l|xxhash)" "base"
  "^(sys|netinet|arpa|net|linux)/" "runtime_asio app sim_campaign"
  "^(unistd|fcntl|signal|poll|netdb|pthread|dirent|ifaddrs)\\.h$" "runtime_asio app sim_campaign"
  "^(thread|mutex|condition_variable|future|shared_mutex|stop_token)$" "runtime_asio app"
  "^(fstream|filesystem|iostream|csignal)$" "runtime_asio app sim_campaign"
  "^(random)$" "none")
# Deterministic values: no coroutine, no formatting of log lines.
set(pure raft mvcc watch membership auth apply)
set(shell_only "^(coroutine|fmt/.*|atomic)$")

function(read_modules FILE FUNCTION PREFIX)
  if(NOT EXISTS ${FILE})
    return()
  endif()
  file(STRINGS ${FILE} lines)
  list(FILTER lines EXCLUDE REGEX "^ *#")
  string(JOIN " " text ${lines})
  string(REGEX MATCHALL "${FUNCTION}\\([^)]*\\)" calls "${text}")
  foreach(call IN LISTS calls)
    string(REGEX REPLACE "^[a-z_]+\\(|\\)$" "" words "${call}")
    string(REGEX REPLACE "[ \t]+" ";" words "${words}")
    list(POP_FRONT words name)
    cmake_parse_arguments(M "" "" "USES;LIBS;PROTOS" ${words})
    set(module ${PREFIX}${name})
    foreach(used IN LISTS M_USES)
      if(NOT used IN_LIST modules)
        list(APPEND violations "${FILE}: ${module} uses ${used}, which is not declared above it")
      endif()
    endforeach()
    list(APPEND modules ${module})
    set(uses_${module} "${M_USES}" PARENT_SCOPE)
    set(libs_${module} "${M_LIBS}" PARENT_SCOPE)
  endforeach()
  set(modules ${modules} PARENT_SCOPE)
  set(violations ${violations} PARENT_SCOPE)
endfunction()

function(check_owner WHERE MODULE HEADER)
  set(rest ${owners})
  while(rest)
    list(POP_FRONT rest pattern who)
    if(NOT HEADER MATCHES "${pattern}")
      continue()
    endif()
    if(who MATCHES "^LIBS (.*)$")
      if(NOT CMAKE_MATCH_1 IN_LIST libs_${MODULE})
        list(APPEND violations "${WHERE}: <${HEADER}> needs ${CMAKE_MATCH_1} in the LIBS of ${MODULE}")
      endif()
    else()
      string(REPLACE " " ";" allowed "${who}")
      if(NOT MODULE IN_LIST allowed)
        list(APPEND violations "${WHERE}: <${HEADER}> belongs to ${who}, not to ${MODULE}")
      endif()
    endif()
    break()
  endwhile()
  if(MODULE IN_LIST pure AND HEADER MATCHES "${shell_only}")
    list(APPEND violations "${WHERE}: <${HEADER}> in the pure module ${MODULE}")
  endif()
  set(violations ${violations} PARENT_SCOPE)
endfunction()

function(check_module MODULE FOLDER)
  file(GLOB_RECURSE files ${FOLDER}/*.h ${FOLDER}/*.cc)
  foreach(file IN LISTS files)
    file(RELATIVE_PATH where ${ROOT} ${file})
    file(STRINGS ${file} includes REGEX "^[ \t]*#[ \t]*include")
    foreach(line IN LISTS includes)
      if(NOT line MATCHES "include[ \t]*[<\"]([^>\"]+)[>\"]")
        continue()
      endif()
      set(header ${CMAKE_MATCH_1})
      set(used "")
      if(header MATCHES "^sim/([a-z0-9_]+)/")
        set(used sim_${CMAKE_MATCH_1})
      elseif(header MATCHES "^([a-z0-9_]+)/" AND CMAKE_MATCH_1 IN_LIST modules)
        set(used ${CMAKE_MATCH_1})
      endif()
      if(used AND NOT header MATCHES "\\.pb\\.h$")
        if(NOT used STREQUAL MODULE AND NOT used IN_LIST uses_${MODULE})
          list(APPEND violations "${where}: includes ${header}, but ${MODULE} does not list ${used} in USES")
        endif()
      else()
        check_owner(${where} ${MODULE} ${header})
      endif()
    endforeach()
  endforeach()
  set(violations ${violations} PARENT_SCOPE)
endfunction()

set(modules "")
read_modules(${ROOT}/src/CMakeLists.txt detcd_module "")
read_modules(${ROOT}/sim/CMakeLists.txt detcd_sim_module sim_)
list(LENGTH modules count)
if(count EQUAL 0)
  message(FATAL_ERROR "no modules declared under ${ROOT}")
endif()
foreach(module IN LISTS modules)
  if(module MATCHES "^sim_(.*)$")
    check_module(${module} ${ROOT}/sim/${CMAKE_MATCH_1})
  else()
    check_module(${module} ${ROOT}/src/${module})
  endif()
endforeach()

# A folder that no line declares would escape every rule above.
foreach(tree IN ITEMS src sim)
  file(GLOB folders LIST_DIRECTORIES true ${ROOT}/${tree}/*)
  foreach(folder IN LISTS folders)
    get_filename_component(name ${folder} NAME)
    if(tree STREQUAL "sim")
      set(name sim_${name})
    endif()
    file(GLOB_RECURSE sources ${folder}/*.cc ${folder}/*.h)
    if(IS_DIRECTORY ${folder} AND sources AND NOT name IN_LIST modules)
      list(APPEND violations "${tree}: the folder of ${name} is no declared module")
    endif()
  endforeach()
endforeach()

if(violations)
  string(JOIN "\n  " text ${violations})
  message(FATAL_ERROR "layers:\n  ${text}")
endif()
message(STATUS "${count} modules keep their layers")
