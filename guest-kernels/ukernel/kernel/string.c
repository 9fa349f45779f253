/* Memory and string functions, on the string instructions of the CPU. */
#include "string.h"

void *memcpy(void *to, const void *from, uint32_t count)
{
    void *d = to;
    uint32_t words = count / 4, rest = count % 4;
    __asm__ volatile("rep movsl" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(rest) : : "memory");
    return to;
}

void *memset(void *to, int byte, uint32_t count)
{
    void *d = to;
    uint32_t words = count / 4, rest = count % 4, pattern = (uint8_t)byte * 0x01010101u;
    __asm__ volatile("rep stosl" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(pattern) : "memory");
    return to;
}

bool strings_equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

uint32_t string_length(const char *s)
{
    uint32_t length = 0;
    while (s[length])
        length++;
    return length;
}
