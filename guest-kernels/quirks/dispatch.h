// What probes share with the trap handler.
#pragma once
#include "../lib/trap.h"
#include <stdbool.h>

extern volatile uint32_t interrupt_count; // hardware interrupts taken

// While set, sees every trap first; true: return to where it came from.
typedef bool trap_hook(struct trap_frame *frame);
extern trap_hook *resume_hook;
