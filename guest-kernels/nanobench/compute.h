// Work that no virtual machine monitor should slow down. cdecl, position-independent, no data but the buffer.
#pragma once
#include <stdint.h>

enum { COMPUTE_BUFFER_WORDS = 2 * 1024 * 1024 }; // 8 MiB

typedef uint32_t compute_function(uint32_t iterations, uint32_t *buffer);

compute_function compute_arith;    // dependent adds, multiplies, shifts; the buffer is not used
compute_function compute_sweep;    // an iteration reads and writes each 64-byte line of the buffer once
compute_function compute_callret;  // an iteration is one call and return
compute_function compute_indirect; // an iteration is one call through a pointer, among four targets
