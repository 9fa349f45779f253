// The little that there is to do with strings.
#pragma once
#include <stdbool.h>
#include <stdint.h>

static inline uint32_t length_of(const char *text)
{
    uint32_t length = 0;
    while (text[length])
        length++;
    return length;
}

static inline bool is_same(const char *left, const char *right)
{
    for (; *left && *left == *right; left++, right++)
        ;
    return *left == *right;
}
