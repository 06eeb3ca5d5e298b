# Compiler flags that hold for every target. Assertions are never off: `check` doesn't know NDEBUG.
find_program(DETCD_CCACHE ccache)
if(DETCD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DETCD_CCACHE})
endif()

find_program(DETCD_LLD NAMES ld.lld-19 ld.lld)
if(DETCD_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=${DETCD_LLD})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror=return-type
                    -Wno-missing-field-initializers -fno-omit-frame-pointer
                    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Werror=thread-safety -Wno-missing-designated-field-initializers)
endif()

if(DETCD_SANITIZE)
  add_compile_options(-fsanitize=${DETCD_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DETCD_SANITIZE})
  # Debian's abseil is built without sanitizers, and its hash tables have another layout with them
  # unless this is defined (from Debian 13 on).
  add_compile_definitions(NDEBUG_SANITIZER)
endif()
