#pragma once

// Finds and judges the table that tells of the APICs (Intel MultiProcessor Specification 1.4, chapter 4).
void check_table(void (*check)(const char *name, bool right));
