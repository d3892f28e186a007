// string.h - the two calls of the C library that effects make, for targets that have none. Found by
// the WebAssembly build alone; fx_wasm.c has the bodies.

#ifndef NH_LAMP_FX_WASM_STRING_H
#define NH_LAMP_FX_WASM_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memset(void *to, int byte, size_t len);

#endif
