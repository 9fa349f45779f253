// What an exception or interrupt finds on the stack: one entry stub per vector, one frame for all of them.
#pragma once
#include <stdint.h>

enum {
    TRAP_DIVIDE = 0,
    TRAP_DEBUG = 1,
    TRAP_BREAKPOINT = 3,
    TRAP_OVERFLOW = 4,
    TRAP_BOUND = 5,
    TRAP_INVALID_OPCODE = 6,
    TRAP_NO_COPROCESSOR = 7,
    TRAP_NOT_PRESENT = 11,
    TRAP_STACK = 12,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_EXCEPTIONS = 32, // vectors below are exceptions
};

// In the order in which trap_entry.S pushes, last first.
struct trap_frame {
    uint32_t gs, fs, es, ds;
    uint32_t edi, esi, ebp, esp_before, ebx, edx, ecx, eax; // pushal
    uint32_t vector, error;                                 // error is 0 where the processor pushes none
    uint32_t eip, cs, eflags;                               // pushed by the processor
    uint32_t esp, ss;                                       // by the processor too, from an outer ring only
};

enum { TRAP_VECTORS = 256, TRAP_STUB_SIZE = 16 };
extern const char trap_stubs[]; // TRAP_VECTORS stubs of TRAP_STUB_SIZE bytes

void trap_dispatch(struct trap_frame *frame); // the kernel's own
