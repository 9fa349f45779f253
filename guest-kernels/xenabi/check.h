// One line for each check: what was seen, and what should have been.
#pragma once
#include <stdbool.h>
#include <stdint.h>

void check(const char *name, uint32_t saw, uint32_t expected);
void check_true(const char *name, bool is_true);
uint32_t checks_made(void), checks_wrong(void);
