/* Formatted kernel messages (%s %c %d %u %x) and the end of the world. */
#include "console.h"
#include "cpu/instructions.h"
#include "drivers/debug_exit.h"
#include <stdarg.h>

static void print_number(uint32_t value, uint32_t base)
{
    char digits[12];
    int i = sizeof digits;
    do
        digits[--i] = "0123456789abcdef"[value % base];
    while (value /= base);
    console_write(digits + i, sizeof digits - i);
}

static void print_list(const char *format, va_list list)
{
    for (; *format; format++) {
        if (*format != '%') {
            console_write(format, 1);
            continue;
        }
        switch (*++format) {
        case 's': {
            const char *s = va_arg(list, const char *);
            uint32_t length = 0;
            while (s[length])
                length++;
            console_write(s, length);
            break;
        }
        case 'c': {
            char c = va_arg(list, int);
            console_write(&c, 1);
            break;
        }
        case 'd': {
            int v = va_arg(list, int);
            if (v < 0)
                console_write("-", 1);
            print_number(v < 0 ? -(uint32_t)v : (uint32_t)v, 10);
            break;
        }
        case 'u': print_number(va_arg(list, uint32_t), 10); break;
        case 'x': print_number(va_arg(list, uint32_t), 16); break;
        }
    }
}

void print(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    print_list(format, list);
    va_end(list);
}

void panic(const char *format, ...)
{
    va_list list;
    cli();
    print("\nPANIC: ");
    va_start(list, format);
    print_list(format, list);
    va_end(list);
    print("\n");
    debug_exit(DEBUG_EXIT_FAILURE);
}
