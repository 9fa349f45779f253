// The few functions of a C library that programs here need; the compiler calls the first three by itself.
#include <stdarg.h>
#include "system.h"

void *memcpy(void *to, const void *from, size_t bytes)
{
    void *end = to;
    asm volatile("rep movsb" : "+D"(end), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    void *end = to;
    asm volatile("rep stosb" : "+D"(end), "+c"(bytes) : "a"(value) : "memory");
    return to;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
    const unsigned char *a = left, *b = right;
    for (; bytes; a++, b++, bytes--)
        if (*a != *b)
            return *a - *b;
    return 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

int strcmp(const char *left, const char *right)
{
    while (*left && *left == *right)
        left++, right++;
    return (unsigned char)*left - (unsigned char)*right;
}

static char *put_number(char *to, uint32_t value, unsigned base, unsigned width)
{
    char digits[10];
    unsigned count = 0;
    do
        digits[count++] = "0123456789abcdef"[value % base];
    while (value /= base);
    for (; width > count; width--)
        *to++ = '0';
    while (count)
        *to++ = digits[--count];
    return to;
}

void print(const char *format, ...)
{
    char line[512], *to = line, *end = line + sizeof line - 16;
    va_list arguments;
    va_start(arguments, format);
    for (; *format && to < end; format++) {
        if (*format != '%') {
            *to++ = *format;
            continue;
        }
        unsigned width = 0;
        while (*++format >= '0' && *format <= '9')
            width = width * 10 + (unsigned)(*format - '0');
        if (*format == 's') {
            for (const char *text = va_arg(arguments, const char *); *text && to < end; text++)
                *to++ = *text;
            continue;
        }
        uint32_t value = va_arg(arguments, uint32_t);
        if (*format == 'd' && (int32_t)value < 0) {
            *to++ = '-';
            value = -value;
        }
        to = put_number(to, value, *format == 'x' ? 16 : 10, width);
    }
    va_end(arguments);
    system_call(SYS_WRITE, 1, (intptr_t)line, to - line);
}
