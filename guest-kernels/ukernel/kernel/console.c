/* The console's line discipline: receive interrupts fill and echo a line, readers sleep until it is complete. */
#include "console.h"
#include "abi/errors.h"
#include "cpu/instructions.h"
#include "drivers/uart.h"
#include "process/process.h"
#include "process/signal.h"

#define RING 1024
#define CONTROL_D 4

static char ring[RING];
static uint32_t read_at, line_end, write_at; /* free running; the reader sees only up to line_end */

void console_write(const char *text, uint32_t length)
{
    while (length--)
        uart_transmit(*text++);
}

void console_receive(char c)
{
    if (c == '\r')
        c = '\n';
    if (c == '\b' || c == 0x7F) {
        if (write_at != line_end) {
            write_at--;
            console_write("\b \b", 3);
        }
        return;
    }
    if (write_at - read_at == RING)
        return;
    ring[write_at++ % RING] = c;
    if (c != CONTROL_D)
        uart_transmit(c);
    if (c == '\n' || c == CONTROL_D || write_at - read_at == RING) {
        line_end = write_at;
        wakeup(&line_end);
    }
}

int console_read(char *buffer, uint32_t length)
{
    uint32_t flags = interrupts_save(), count = 0;
    while (read_at == line_end) {
        if (signal_pending(current)) {
            interrupts_restore(flags);
            return -EINTR;
        }
        sleep_on(&line_end);
    }
    while (count < length && read_at != line_end) {
        char c = ring[read_at++ % RING];
        if (c == CONTROL_D)
            break;
        buffer[count++] = c;
        if (c == '\n')
            break;
    }
    interrupts_restore(flags);
    return count;
}
