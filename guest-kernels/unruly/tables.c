#include "tables.h"
#include "../lib/cpu.h"
#include "../lib/descriptor.h"
#include "../lib/selectors.h"
#include "../lib/trap.h"

enum { GDT_ENTRIES = SELECTOR_KERNEL_DATA / 8 + 1, FLAT_LIMIT = 0xFFFFF };

static struct descriptor gdt[GDT_ENTRIES];
static struct descriptor idt[TRAP_VECTORS];

void tables_init(void)
{
    const uint32_t code = ACCESS_PRESENT | ACCESS_CODE | ACCESS_READABLE;
    const uint32_t data = ACCESS_PRESENT | ACCESS_DATA | ACCESS_WRITABLE;
    gdt[SELECTOR_KERNEL_CODE / 8] = segment_descriptor(0, FLAT_LIMIT, code, SEGMENT_FLAT);
    gdt[SELECTOR_KERNEL_DATA / 8] = segment_descriptor(0, FLAT_LIMIT, data, SEGMENT_FLAT);
    for (uint32_t vector = 0; vector < TRAP_VECTORS; vector++)
        idt[vector] = gate_descriptor(SELECTOR_KERNEL_CODE, trap_stubs + vector * TRAP_STUB_SIZE,
                                      ACCESS_PRESENT | SYSTEM_INTERRUPT_GATE, 0);
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
}
