# Toolchain: as rv32.cmake without atomic instructions, as the ESP32-C3 is. An atomic in the core
# becomes a call that no library has, and the check of the archives' symbols finds it.

set(NH_RV32_ARCH rv32imc)
include(${CMAKE_CURRENT_LIST_DIR}/rv32.cmake)
