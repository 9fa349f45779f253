/* Memory and string functions; gcc calls the first three by itself. */
#include "user.h"

void *memcpy(void *to, const void *from, size_t count)
{
    void *d = to;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(count) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t count)
{
    void *d = to;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(count) : "a"(byte) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *x = a, *y = b;
    for (; count; count--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t length = 0;
    while (s[length])
        length++;
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

char *strcpy(char *to, const char *from)
{
    memcpy(to, from, strlen(from) + 1);
    return to;
}

int atoi(const char *s)
{
    int value = 0, sign = *s == '-' ? -1 : 1;
    for (s += *s == '-'; *s >= '0' && *s <= '9'; s++)
        value = value * 10 + *s - '0';
    return sign * value;
}
