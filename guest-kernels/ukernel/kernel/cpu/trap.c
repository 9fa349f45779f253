/* Fills the IDT and sorts each trap to its owner: interrupt, system call or exception.
   On the way back to ring 3 the process may lose the CPU or get a signal. */
#include "cpu/trap.h"
#include "cpu/instructions.h"
#include "cpu/segments.h"
#include "drivers/pic.h"
#include "process/process.h"
#include "process/signal.h"

#define GATE_INTERRUPT 0x8E /* clears IF */
#define GATE_TRAP      0x8F
#define GATE_USER      0x60 /* DPL 3: INT n may name it from ring 3 */

extern const uint32_t trap_stubs[49];

static uint64_t idt[256];

/* SDM vol. 3 figure 6-2. */
static uint64_t gate(uint32_t handler, uint8_t type)
{
    return (handler & 0xFFFF) | (uint64_t)KERNEL_CODE << 16 | (uint64_t)type << 40 | (uint64_t)(handler >> 16) << 48;
}

void trap_initialize(void)
{
    for (int vector = 0; vector < 48; vector++)
        idt[vector] = gate(trap_stubs[vector], GATE_INTERRUPT);
    idt[3] = gate(trap_stubs[3], GATE_INTERRUPT | GATE_USER); /* INT3 */
    idt[4] = gate(trap_stubs[4], GATE_INTERRUPT | GATE_USER); /* INTO */
    idt[VECTOR_SYSCALL] = gate(trap_stubs[48], GATE_TRAP | GATE_USER);

    struct { uint16_t limit; uint32_t base; } __attribute__((packed)) pointer = { sizeof idt - 1, (uint32_t)idt };
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void trap_dispatch(struct trap_frame *frame)
{
    if (frame->vector == VECTOR_SYSCALL)
        syscall_handle(frame);
    else if (frame->vector >= VECTOR_IRQ)
        pic_dispatch(frame->vector - VECTOR_IRQ);
    else
        exception_handle(frame);

    if (!trap_from_user(frame))
        return;
    cli();
    while (need_reschedule)
        schedule();
    signal_deliver(frame);
}
