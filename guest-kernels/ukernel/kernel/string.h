/* The few memory and string functions the kernel needs; gcc calls the first two by itself. */
#ifndef STRING_H
#define STRING_H
#include <stdbool.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, uint32_t count);
void *memset(void *to, int byte, uint32_t count);
bool strings_equal(const char *a, const char *b);
uint32_t string_length(const char *s);

#endif
