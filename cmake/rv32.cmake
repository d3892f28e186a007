# Toolchain: a 32-bit RISC-V chip, run in the emulator. rv32imac as the ESP32-C6 and -P4 have it.
# The name of the instruction set stays exactly this: with an extension more, gcc 12 finds no
# matching C library and silently takes the 64-bit one.

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
if(NOT NH_RV32_ARCH)
  set(NH_RV32_ARCH rv32imac)
endif()

set(NH_BARE_DIR ${CMAKE_CURRENT_LIST_DIR}/../src/platform/bare)
set(CMAKE_C_FLAGS_INIT "-g -march=${NH_RV32_ARCH} -mabi=ilp32 --specs=picolibc.specs -fno-delete-null-pointer-checks ${NH_RV32_FLAGS}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "--oslib=semihost --crt0=semihost -T ${NH_BARE_DIR}/rv32.ld")
set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/../scripts/run-mcu)
