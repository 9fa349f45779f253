// What main.c shares with the measurements.
#pragma once
#include <stdint.h>

uint32_t number_of(const char *text);
int32_t must(int32_t result, const char *what); // ends the program when it is an error
uint32_t divide(uint64_t dividend, uint32_t divisor);
void report(const char *name, uint32_t bytes, uint32_t operations, uint64_t nanoseconds);

int read_random(const char *path, uint32_t depth, uint32_t operations);
int write_log(const char *path, uint32_t records);
