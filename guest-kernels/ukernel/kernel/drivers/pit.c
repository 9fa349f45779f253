/* Channel 0 of the 8254 as a rate generator on IRQ 0; each tick drives the scheduler. */
#include "drivers/pit.h"
#include "cpu/instructions.h"
#include "drivers/pic.h"
#include "process/process.h"

#define COUNTER0 0x40
#define CONTROL  0x43

volatile uint32_t ticks;

static void tick(void)
{
    ticks++;
    scheduler_tick();
}

void pit_initialize(void)
{
    outb(CONTROL, 0x34); /* 8254 control word: counter 0, low then high byte, mode 2 */
    outb(COUNTER0, PIT_DIVISOR & 0xFF);
    outb(COUNTER0, PIT_DIVISOR >> 8);
    pic_connect(IRQ_TIMER, tick);
}

uint16_t pit_read_counter(void)
{
    uint32_t flags = interrupts_save();
    outb(CONTROL, 0x00); /* 8254 counter latch command */
    uint16_t value = inb(COUNTER0);
    value |= inb(COUNTER0) << 8;
    interrupts_restore(flags);
    return value;
}
