// How a kernel ends: a byte written to port 0xF4, QEMU's isa-debug-exit (its exit status is value << 1 | 1).
#pragma once
#include "port.h"

enum { DEBUG_EXIT_PORT = 0xF4, DEBUG_EXIT_SUCCESS = 0x10, DEBUG_EXIT_FAILURE = 0x11 };

static inline __attribute__((noreturn)) void debug_exit(uint8_t value)
{
    port_write8(DEBUG_EXIT_PORT, value);
    for (;;) // no such device: stop for good
        asm volatile("cli; hlt");
}
