// The few conversions that the reports of these kernels need.
#include "print.h"
#include "uart.h"
#include <stdarg.h>

static void print_text(const char *text)
{
    while (*text)
        uart_write(*text++);
}

static void print_number(uint32_t value, uint32_t base)
{
    char digits[11];
    char *at = digits + sizeof digits;
    *--at = '\0';
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    print_text(at);
}

void print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%') {
            uart_write(*format);
            continue;
        }
        switch (*++format) {
        case 's':
            print_text(va_arg(arguments, const char *));
            break;
        case 'u':
            print_number(va_arg(arguments, uint32_t), 10);
            break;
        case 'x':
            print_text("0x");
            print_number(va_arg(arguments, uint32_t), 16);
            break;
        case '%':
            uart_write('%');
            break;
        default:
            uart_write('?');
            va_end(arguments);
            return;
        }
    }
    va_end(arguments);
}
