// Formatted output on the UART: %s string, %u decimal, %x hexadecimal with 0x, %% per cent.
#pragma once

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
