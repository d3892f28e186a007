# The house in CMake words: one nh_component() line a folder names its sources and what it stands
# on; nh_unit_test(), nh_fuzz_target() and nh_bench() name the programs beside it.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # the gnu dialect of C11 for the attributes that base.h wraps
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(NH_TARGET "linux" CACHE STRING "linux, or bare: the core alone on a 32-bit chip")
set(NH_SANITIZE "" CACHE STRING "sanitizers: address,undefined or thread")
option(NH_FUZZ "build the fuzz targets (clang)" OFF)
option(NH_HELGRIND "tell Helgrind what atomics order" OFF)
set(NH_PYTHON /usr/bin/python3) # the distribution's: it has the MQTT client module

add_library(nh_options INTERFACE)
target_include_directories(nh_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(nh_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes
  -Wwrite-strings -Wvla -Wformat=2 -Wno-format-nonliteral
  -Wno-missing-field-initializers # a field left out is zero: the written default
  -fno-common -ffunction-sections -fdata-sections)
target_link_options(nh_options INTERFACE -Wl,--gc-sections)
target_compile_definitions(nh_options INTERFACE NH_VERSION="${PROJECT_VERSION}")
if(NH_TARGET STREQUAL "linux")
  target_compile_definitions(nh_options INTERFACE _GNU_SOURCE)
  target_compile_options(nh_options INTERFACE -fstack-protector-strong)
else()
  target_compile_options(nh_options INTERFACE -fstack-usage)
endif()
if(NH_SANITIZE)
  target_compile_options(nh_options INTERFACE -fsanitize=${NH_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(nh_options INTERFACE -fsanitize=${NH_SANITIZE})
endif()
if(NH_HELGRIND)
  target_compile_options(nh_options INTERFACE -include ${CMAKE_SOURCE_DIR}/tests/support/helgrind_atomics.h)
endif()
if(NH_FUZZ)
  target_compile_options(nh_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# nh_component(name SOURCES a.c b.c [USES other ...] [LIBS pkg ...])
function(nh_component name)
  cmake_parse_arguments(A "" "" "SOURCES;USES;LIBS" ${ARGN})
  add_library(nh_${name} STATIC ${A_SOURCES})
  list(TRANSFORM A_USES PREPEND nh_)
  target_link_libraries(nh_${name} PUBLIC nh_options ${A_USES} ${A_LIBS})
  set_property(GLOBAL APPEND PROPERTY NH_COMPONENTS nh_${name})
endfunction()

# nh_seldom(name ... [FAST a.c ...]): code that runs seldom, or waits for people and devices, is built
# small in the release: the whole command has 3 MiB. The sources of FAST, of the calling folder, stay fast.
function(nh_seldom)
  cmake_parse_arguments(A "" "" "FAST" ${ARGN})
  foreach(name ${A_UNPARSED_ARGUMENTS})
    target_compile_options(nh_${name} PRIVATE $<$<CONFIG:Release>:-Os>)
  endforeach()
  set_source_files_properties(${A_FAST} PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-O3>)
endfunction()

# nh_unit_test(test_x USES json mem [SOURCES more.c] [PORTABLE] [LIBS ...] [LABELS ...])
# Source: tests/unit/test_x.c. PORTABLE: one task and C11 alone; also built for the 32-bit chip and
# run in the emulator. The others run under the thread sanitizer too.
function(nh_unit_test name)
  cmake_parse_arguments(A "PORTABLE" "" "SOURCES;USES;LIBS;LABELS" ${ARGN})
  if(NOT BUILD_TESTING OR NH_FUZZ OR (NOT NH_TARGET STREQUAL "linux" AND NOT A_PORTABLE))
    return()
  endif()
  add_executable(${name} ${CMAKE_SOURCE_DIR}/tests/unit/${name}.c ${A_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  list(TRANSFORM A_USES PREPEND nh_)
  if(NH_TARGET STREQUAL "linux")
    target_link_libraries(${name} PRIVATE ${A_USES} nh_test_support ${A_LIBS} cmocka)
  else()
    target_link_libraries(${name} PRIVATE ${A_USES} nh_bare_test)
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set(labels unit ${A_LABELS})
  if(A_PORTABLE)
    list(APPEND labels portable)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "${labels}")
endfunction()

# nh_helgrind_test(test_x USES ... [SOURCES ...]): the unit test once more under valgrind's helgrind, in the
# release build, which has no sanitizer. It is built when it is run: who only builds the hub needs neither.
find_program(NH_VALGRIND valgrind)
find_library(NH_CMOCKA cmocka)
function(nh_helgrind_test name)
  cmake_parse_arguments(A "" "" "SOURCES;USES" ${ARGN})
  if(NOT NH_TARGET STREQUAL "linux" OR NOT CMAKE_BUILD_TYPE STREQUAL "Release" OR NOT NH_VALGRIND OR NOT NH_CMOCKA)
    return()
  endif()
  set(program ${name}_helgrind)
  add_executable(${program} EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/unit/${name}.c
    ${CMAKE_SOURCE_DIR}/tests/support/test_memory_host.c ${A_SOURCES})
  target_include_directories(${program} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_options(${program} PRIVATE -g)
  list(TRANSFORM A_USES PREPEND nh_)
  target_link_libraries(${program} PRIVATE ${A_USES} cmocka)
  add_test(NAME ${program} COMMAND sh -c "'${CMAKE_COMMAND}' --build '${CMAKE_BINARY_DIR}' --target ${program} -- --quiet \
    && '${NH_VALGRIND}' --tool=helgrind -q --error-exitcode=99 --suppressions=tests/support/helgrind.supp '$<TARGET_FILE:${program}>'"
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${program} PROPERTIES TIMEOUT 300 LABELS "helgrind" RUN_SERIAL ON)
endfunction()

# nh_fuzz_blind(a.c ...): what these compare is nothing that an input chooses. The fuzzer does not watch
# it: where they are busiest, that took half of a run.
function(nh_fuzz_blind)
  if(NH_FUZZ)
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS -fno-sanitize-coverage=trace-cmp)
  endif()
endfunction()

# nh_fuzz_target(fuzz_x USES json [SOURCES more.c] [LIBS ...]): tests/fuzz/fuzz_x.c, corpus
# tests/fuzz/corpus/fuzz_x, dictionary tests/fuzz/fuzz_x.dict if there. Without NH_FUZZ a small main replays the corpus, so
# every build runs every find.
function(nh_fuzz_target name)
  cmake_parse_arguments(A "" "" "SOURCES;USES;LIBS" ${ARGN})
  if(NOT BUILD_TESTING OR NOT NH_TARGET STREQUAL "linux")
    return()
  endif()
  list(TRANSFORM A_USES PREPEND nh_)
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(NH_FUZZ)
    add_executable(${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.c ${A_SOURCES})
    target_link_libraries(${name} PRIVATE ${A_USES} ${A_LIBS} -fsanitize=fuzzer)
  else()
    add_executable(${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.c
      ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.c ${A_SOURCES})
    target_link_libraries(${name} PRIVATE ${A_USES} ${A_LIBS})
    add_test(NAME ${name}_corpus COMMAND ${name} ${corpus})
    set_tests_properties(${name}_corpus PROPERTIES TIMEOUT 120 LABELS "fuzz;portable")
  endif()
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
endfunction()
