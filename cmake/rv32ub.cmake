# Toolchain: as rv32.cmake, where undefined behaviour is a fault. It finds what only 32 bits show: a
# shift by the width of size_t, a product that overflows there.

set(NH_RV32_FLAGS "-fsanitize=undefined -fsanitize-undefined-trap-on-error")
include(${CMAKE_CURRENT_LIST_DIR}/rv32.cmake)
