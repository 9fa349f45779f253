/* The interrupt flag, the interrupt controller's mask and the timer's counter. */
#include "cpu/instructions.h"
#include "drivers/pit.h"
#include "selftest/selftest.h"
#include <stdbool.h>

#define PIC_MASK 0x21

/* Spins for about `periods` timer periods, told by wraps of the counter: needs no interrupt. */
static void spin_periods(uint32_t periods)
{
    uint16_t last = pit_read_counter();
    while (periods) {
        uint16_t now = pit_read_counter();
        if (now > last) /* it counts down */
            periods--;
        last = now;
    }
}

const char *selftest_interrupt_flag(void)
{
    if (!(read_eflags() & EFLAGS_IF))
        return "system calls should run with interrupts on";
    uint32_t outer = interrupts_save(), inner = interrupts_save();
    const char *why = 0;
    if (read_eflags() & EFLAGS_IF)
        why = "PUSHF shows IF after CLI";
    if (!(outer & EFLAGS_IF) || inner & EFLAGS_IF)
        why = "saved flags are wrong";
    uint32_t before = ticks;
    spin_periods(3);
    if (ticks != before)
        why = "a tick arrived with interrupts off";
    interrupts_restore(inner);
    if (read_eflags() & EFLAGS_IF)
        why = "POPF of cleared IF turned interrupts on";
    interrupts_restore(outer);
    if (!(read_eflags() & EFLAGS_IF))
        why = "POPF did not turn interrupts on";
    spin_periods(2);
    if (!why && ticks == before)
        why = "the pending tick was lost";
    return why;
}

const char *selftest_timer_counter(void)
{
    uint32_t different = 0;
    uint16_t last = pit_read_counter();
    for (int i = 0; i < 1000; i++) {
        uint16_t now = pit_read_counter();
        if (now > PIT_DIVISOR)
            return "the counter is above its reload value";
        different += now != last;
        last = now;
    }
    if (!different)
        return "the counter stands still";
    uint32_t before = ticks;
    while (ticks - before < 2)
        hlt();
    return 0;
}

const char *selftest_pic_mask(void)
{
    uint8_t mask = inb(PIC_MASK);
    outb(PIC_MASK, mask | 1); /* 8259A OCW1 */
    uint32_t before = ticks; /* a tick already on its way may still come */
    spin_periods(1);
    before = ticks;
    spin_periods(3);
    bool quiet = ticks == before;
    bool reads_back = inb(PIC_MASK) == (mask | 1);
    outb(PIC_MASK, mask);
    spin_periods(2);
    if (!quiet)
        return "a masked line interrupted";
    if (!reads_back)
        return "the mask does not read back";
    return ticks == before ? "the unmasked line stays silent" : 0;
}
