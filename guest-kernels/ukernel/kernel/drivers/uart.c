/* COM1, 115200 8N1: transmits by polling, receives by interrupt. */
#include "drivers/uart.h"
#include "console.h"
#include "cpu/instructions.h"
#include "drivers/pic.h"

#define COM1 0x3F8
#define DATA (COM1 + 0)
#define INTERRUPT_ENABLE (COM1 + 1)
#define FIFO_CONTROL (COM1 + 2)
#define INTERRUPT_IDENTIFICATION (COM1 + 2)
#define LINE_CONTROL (COM1 + 3)
#define MODEM_CONTROL (COM1 + 4)
#define LINE_STATUS (COM1 + 5)
#define DATA_READY 0x01
#define TRANSMITTER_EMPTY 0x20

void uart_initialize(void)
{
    outb(INTERRUPT_ENABLE, 0);
    outb(LINE_CONTROL, 0x80); /* DLAB */
    outb(DATA, 1);            /* divisor 1: 115200 baud */
    outb(INTERRUPT_ENABLE, 0);
    outb(LINE_CONTROL, 0x03); /* 8N1 */
    outb(FIFO_CONTROL, 0x07); /* enable and clear both FIFOs, trigger at one byte */
    outb(MODEM_CONTROL, 0x0B); /* DTR, RTS, OUT2: OUT2 gates the interrupt line on a PC */
}

void uart_transmit(char c)
{
    while (!(inb(LINE_STATUS) & TRANSMITTER_EMPTY))
        ;
    outb(DATA, c);
}

static void receive(void)
{
    while (!(inb(INTERRUPT_IDENTIFICATION) & 1)) { /* bit 0 clear: an interrupt is pending */
        if (!(inb(LINE_STATUS) & DATA_READY))
            break;
        console_receive(inb(DATA));
    }
}

void uart_enable_receive(void)
{
    pic_connect(IRQ_UART, receive);
    outb(INTERRUPT_ENABLE, 0x01);
}
