/* Formatted output, gathered so that one print is one write. */
#include "user.h"
#include <stdarg.h>

struct line { char bytes[512]; unsigned length; };

static void add(struct line *line, char c)
{
    if (line->length < sizeof line->bytes)
        line->bytes[line->length++] = c;
}

static void add_number(struct line *line, uint32_t value, uint32_t base)
{
    char digits[12];
    int i = 0;
    do
        digits[i++] = "0123456789abcdef"[value % base];
    while (value /= base);
    while (i)
        add(line, digits[--i]);
}

static void print_list(int descriptor, const char *format, va_list list)
{
    struct line line;
    line.length = 0;
    for (; *format; format++) {
        if (*format != '%') {
            add(&line, *format);
            continue;
        }
        switch (*++format) {
        case 's':
            for (const char *s = va_arg(list, const char *); *s; s++)
                add(&line, *s);
            break;
        case 'c': add(&line, va_arg(list, int)); break;
        case 'd': {
            int v = va_arg(list, int);
            if (v < 0)
                add(&line, '-');
            add_number(&line, v < 0 ? -(uint32_t)v : (uint32_t)v, 10);
            break;
        }
        case 'u': add_number(&line, va_arg(list, uint32_t), 10); break;
        case 'x': add_number(&line, va_arg(list, uint32_t), 16); break;
        }
    }
    write(descriptor, line.bytes, line.length);
}

void print(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    print_list(1, format, list);
    va_end(list);
}

void print_to(int descriptor, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    print_list(descriptor, format, list);
    va_end(list);
}
