// Every trap and interrupt of this kernel: recorded, and, unless it is one to return from, the end of the running
// probe. A trap outside a probe ends the kernel.
#include "dispatch.h"
#include "../lib/cpu.h"
#include "../lib/debug_exit.h"
#include "../lib/pic.h"
#include "../lib/print.h"
#include "check.h"
#include "selectors_quirks.h"

struct trap_record last_trap;
volatile uint32_t interrupt_count;
trap_hook *resume_hook;

extern uint32_t guarded_esp; // guarded.S
void guarded_leave(void) __attribute__((noreturn));

static uint32_t current_flags(void)
{
    uint32_t flags;
    asm volatile("pushfl; popl %0" : "=r"(flags));
    return flags;
}

static void record(const struct trap_frame *frame)
{
    bool outer = (frame->cs & 3) == 3;
    last_trap = (struct trap_record){
        .count = last_trap.count + 1,
        .vector = frame->vector,
        .error = frame->error,
        .eip = frame->eip,
        .cs = frame->cs & 0xFFFF,
        .eflags = frame->eflags,
        .eax = frame->eax,
        .esp = outer ? frame->esp : 0,
        .ss = outer ? frame->ss & 0xFFFF : 0,
        .frame_end = (uint32_t)(outer ? (const void *)(frame + 1) : &frame->esp),
    };
    if (frame->vector == TRAP_PAGE_FAULT)
        last_trap.fault_address = read_cr2();
    if (frame->vector >= VECTOR_INTERRUPT_GATE)
        last_trap.flags_inside = current_flags();
}

void trap_dispatch(struct trap_frame *frame)
{
    if (frame->vector >= PIC_VECTOR_BASE && frame->vector < PIC_VECTOR_BASE + 16) {
        interrupt_count++;
        pic_end_of_interrupt(frame->vector - PIC_VECTOR_BASE);
        return;
    }
    record(frame);
    if (resume_hook && resume_hook(frame))
        return;
    if (frame->vector >= VECTOR_INTERRUPT_GATE && (frame->cs & 3) == 0)
        return; // a software interrupt in ring 0
    if (guarded_esp)
        guarded_leave();
    print("quirks: trap %u error %x eip %x outside a check\n", frame->vector, frame->error, frame->eip);
    debug_exit(DEBUG_EXIT_FAILURE);
}
