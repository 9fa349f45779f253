/* Port 0xF4: QEMU's isa-debug-exit ends the machine with (value << 1) | 1. */
#ifndef DRIVERS_DEBUG_EXIT_H
#define DRIVERS_DEBUG_EXIT_H
#include <stdint.h>

#define DEBUG_EXIT_SUCCESS 0x10
#define DEBUG_EXIT_FAILURE 0x11

void debug_exit(uint8_t value) __attribute__((noreturn));

#endif
