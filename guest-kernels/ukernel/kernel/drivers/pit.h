/* The 8254 timer: counts ticks, which are the only clock of this kernel. */
#ifndef DRIVERS_PIT_H
#define DRIVERS_PIT_H
#include <stdint.h>

#define TICKS_PER_SECOND 100
#define MILLISECONDS_PER_TICK (1000 / TICKS_PER_SECOND)
#define PIT_DIVISOR 11932 /* 1193182 Hz / 100 */

extern volatile uint32_t ticks;

void pit_initialize(void);
uint16_t pit_read_counter(void);

#endif
