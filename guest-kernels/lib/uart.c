// Polled output on COM1 (16550 data sheet; register numbers are offsets from the base port).
#include "uart.h"
#include "port.h"

enum {
    DATA = UART_COM1 + 0,             // with DLAB: divisor latch, low byte
    INTERRUPT_ENABLE = UART_COM1 + 1, // with DLAB: divisor latch, high byte
    FIFO_CONTROL = UART_COM1 + 2,
    LINE_CONTROL = UART_COM1 + 3,
    MODEM_CONTROL = UART_COM1 + 4,
    LINE_STATUS = UART_COM1 + 5,
};

enum { LINE_DLAB = 0x80, LINE_8N1 = 0x03, STATUS_TRANSMIT_EMPTY = 0x20 };

void uart_init(void)
{
    port_write8(INTERRUPT_ENABLE, 0);
    port_write8(LINE_CONTROL, LINE_DLAB);
    port_write8(DATA, 1); // 115200 baud
    port_write8(INTERRUPT_ENABLE, 0);
    port_write8(LINE_CONTROL, LINE_8N1);
    port_write8(FIFO_CONTROL, 0x07); // on, both FIFOs cleared
    port_write8(MODEM_CONTROL, 0x03); // DTR, RTS
}

void uart_write(char c)
{
    // Bounded: a UART that never gets ready must not stop a kernel whose purpose is to report faults.
    for (uint32_t tries = 0; tries < 100000; tries++)
        if (port_read8(LINE_STATUS) & STATUS_TRANSMIT_EMPTY)
            break;
    port_write8(DATA, (uint8_t)c);
}
