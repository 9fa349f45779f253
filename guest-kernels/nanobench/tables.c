// Gates lead straight to the short handlers of handlers.S; every other vector is unexpected and ends the kernel.
#include "tables.h"
#include "../lib/cpu.h"
#include "../lib/debug_exit.h"
#include "../lib/descriptor.h"
#include "../lib/print.h"
#include "../lib/selectors.h"
#include "../lib/trap.h"
#include "handlers.h"

enum { GDT_ENTRIES = SELECTOR_KERNEL_DATA / 8 + 1, FLAT_LIMIT = 0xFFFFF, TRAP_STACK_SIZE = 4096 };

static struct descriptor gdt[GDT_ENTRIES];
static struct descriptor idt[TRAP_VECTORS];
static struct task_state tss;
_Alignas(16) static char trap_stack[TRAP_STACK_SIZE];

static void fill_gdt(void)
{
    const uint32_t code = ACCESS_PRESENT | ACCESS_CODE | ACCESS_READABLE;
    const uint32_t data = ACCESS_PRESENT | ACCESS_DATA | ACCESS_WRITABLE;
    gdt[SELECTOR_KERNEL_CODE / 8] = segment_descriptor(0, FLAT_LIMIT, code, SEGMENT_FLAT);
    gdt[SELECTOR_KERNEL_DATA / 8] = segment_descriptor(0, FLAT_LIMIT, data, SEGMENT_FLAT);
    gdt[SELECTOR_USER_CODE / 8] = segment_descriptor(0, FLAT_LIMIT, code | ACCESS_RING3, SEGMENT_FLAT);
    gdt[SELECTOR_USER_DATA / 8] = segment_descriptor(0, FLAT_LIMIT, data | ACCESS_RING3, SEGMENT_FLAT);
    gdt[SELECTOR_TSS / 8] = segment_descriptor((uint32_t)&tss, sizeof tss - 1, ACCESS_PRESENT | SYSTEM_TSS, 0);
}

static void set_gate(uint32_t vector, const void *entry, uint32_t ring)
{
    idt[vector] = gate_descriptor(SELECTOR_KERNEL_CODE, entry, ACCESS_PRESENT | SYSTEM_INTERRUPT_GATE | ring, 0);
}

static void fill_idt(void)
{
    for (uint32_t vector = 0; vector < TRAP_VECTORS; vector++)
        set_gate(vector, trap_stubs + vector * TRAP_STUB_SIZE, 0);
    set_gate(TRAP_DIVIDE, handle_divide, 0);
    set_gate(TRAP_PAGE_FAULT, handle_page_fault, 0);
    set_gate(VECTOR_SYSTEM_CALL, handle_nothing, ACCESS_RING3);
    set_gate(VECTOR_LEAVE_USER, handle_leave_user, ACCESS_RING3);
    set_gate(VECTOR_NOTHING, handle_nothing, 0);
}

void tables_init(void)
{
    fill_gdt();
    fill_idt();
    tss.ss0 = SELECTOR_KERNEL_DATA;
    tss.esp0 = (uint32_t)(trap_stack + TRAP_STACK_SIZE);
    tss.io_map_base = sizeof tss; // beyond the limit: no ports for ring 3
    const struct table_register gdt_register = { sizeof gdt - 1, (uint32_t)gdt };
    const struct table_register idt_register = { sizeof idt - 1, (uint32_t)idt };
    asm volatile("lgdt %0\n\t"
                 "ljmp %1, $1f\n"
                 "1: movl %2, %%ds\n\t"
                 "movl %2, %%es\n\t"
                 "movl %2, %%fs\n\t"
                 "movl %2, %%gs\n\t"
                 "movl %2, %%ss\n\t"
                 "lidt %3"
                 :
                 : "m"(gdt_register), "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_KERNEL_DATA), "m"(idt_register)
                 : "memory");
    load_task_register(SELECTOR_TSS);
}

void trap_dispatch(struct trap_frame *frame)
{
    print("nanobench: unexpected trap %u error %x eip %x\n", frame->vector, frame->error, frame->eip);
    debug_exit(DEBUG_EXIT_FAILURE);
}
