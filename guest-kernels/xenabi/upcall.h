// Upcalls: the vector that the hypervisor injects when an event is pending.
#pragma once
#include <stdint.h>

enum { UPCALL_VECTOR = 0xF3 };

void upcalls_init(void); // tables, so that the vector leads somewhere
uint32_t upcalls(void); // so many so far
// Takes a pending port, its bits cleared; 0 when there is none.
uint32_t take_event(void);
