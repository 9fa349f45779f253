// How a check is made: a probe runs guarded, so that any exception, also an unwanted one, comes back here with all
// registers sane, and one line says what was seen.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef uint32_t probe(void);

// A probe may define labels in its assembly, so there must be one copy of it.
#define PROBE static __attribute__((noinline, noclone)) uint32_t

// The last trap, as dispatch.c saw it.
struct trap_record {
    uint32_t count; // since the probe began
    uint32_t vector, error, eip, cs, eflags, eax;
    uint32_t esp, ss; // of ring 3; 0 if the trap came from ring 0
    uint32_t frame_end; // first address above the frame
    uint32_t fault_address; // CR2, of a page fault
    uint32_t flags_inside; // EFLAGS in the handler, of a software interrupt
};
extern struct trap_record last_trap;

// Runs the probe; false if an exception, or a system call from ring 3, ended it.
bool run_guarded(probe *body, uint32_t *result);

void check_equal(const char *name, uint32_t saw, uint32_t expected);
void check_value(const char *name, probe *body, uint32_t expected);
void check_trap(const char *name, probe *body, uint32_t vector, uint32_t error, const char *eip);
// A name of two parts, for checks made from a table; good until the next call.
const char *name_of(const char *first, const char *second);

uint32_t checks_made(void);
uint32_t checks_wrong(void);
