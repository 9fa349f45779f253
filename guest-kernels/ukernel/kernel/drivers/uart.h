/* The 16550A at COM1. */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

void uart_initialize(void);
void uart_enable_receive(void); /* needs the PIC */
void uart_transmit(char c);

#endif
