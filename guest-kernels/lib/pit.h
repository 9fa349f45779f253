// The 8254 interval timer, 1,193,182 ticks a second.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { PIT_HZ = 1193182, PIT_LINE = 0 };

// Channel 0 requests interrupt line 0 once, after so many ticks (mode 0).
void pit_start_once(uint16_t ticks);
// Channel 0 counts down from 65536 again and again (mode 2); pit_count reads it.
void pit_start_counting(void);
uint16_t pit_count(void);
// Channel 2, started through its gate in port 0x61; has it counted the given ticks down?
void pit_gate_start(uint16_t ticks);
bool pit_gate_is_done(void);
