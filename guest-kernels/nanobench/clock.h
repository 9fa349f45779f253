// Time: the time-stamp counter, its frequency measured against the 8254.
#pragma once
#include <stdint.h>

// Returns the counter's frequency in kHz and where it was found; 0 if no timer answered.
uint32_t clock_calibrate(const char **source);

// 64 by 32 bits; there is no libgcc to do it.
uint64_t divide64(uint64_t dividend, uint32_t divisor);
