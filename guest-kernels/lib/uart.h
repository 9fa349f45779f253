// COM1, a 16550 UART driven by polling: the console of every guest kernel here.
#pragma once
#include <stdint.h>

enum { UART_COM1 = 0x3F8, UART_SCRATCH = UART_COM1 + 7 };

void uart_init(void);
void uart_write(char c);
