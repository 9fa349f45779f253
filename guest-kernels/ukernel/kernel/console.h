/* Kernel messages, and the console as processes read and write it. */
#ifndef CONSOLE_H
#define CONSOLE_H
#include <stdint.h>

void print(const char *format, ...);
void panic(const char *format, ...) __attribute__((noreturn));

void console_write(const char *text, uint32_t length);
int console_read(char *buffer, uint32_t length);   /* sleeps for one line; -EINTR on a signal */
void console_receive(char c);                      /* from the UART's interrupt */

#endif
