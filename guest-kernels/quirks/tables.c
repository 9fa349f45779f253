// Builds and loads GDT, LDT, IDT and TSS; what they hold is listed in selectors_quirks.h.
#include "tables.h"
#include "../lib/cpu.h"
#include "../lib/trap.h"
#include "far_transfers.h"

struct descriptor gdt[GDT_ENTRIES];
struct descriptor ldt[LDT_ENTRIES];
struct descriptor idt[TRAP_VECTORS];
struct task_state tss;
struct table_register gdt_register, idt_register;
_Alignas(16) char trap_stack[TRAP_STACK_SIZE];
uint32_t based_area[AREA_WORDS], second_area[AREA_WORDS];
uint32_t local_area[AREA_WORDS] __attribute__((section(".bss.user"))); // ring 3 reads it

void areas_reset(void)
{
    for (uint32_t i = 0; i < AREA_WORDS; i++) {
        based_area[i] = BASED_MARK + i;
        second_area[i] = SECOND_MARK + i;
        local_area[i] = LOCAL_MARK + i;
    }
}

enum {
    FLAT_LIMIT = 0xFFFFF,
    DATA = ACCESS_PRESENT | ACCESS_DATA | ACCESS_WRITABLE,
    READ_ONLY = ACCESS_PRESENT | ACCESS_DATA,
    CODE = ACCESS_PRESENT | ACCESS_CODE | ACCESS_READABLE,
    EXECUTE_ONLY = ACCESS_PRESENT | ACCESS_CODE,
};

static void set(struct descriptor *table, uint16_t selector, uint32_t base, uint32_t limit, uint32_t access,
                uint32_t flags)
{
    table[selector / 8] = segment_descriptor(base, limit, access, flags);
}

static void fill_gdt(void)
{
    const uint32_t area_limit = sizeof based_area - 1;
    set(gdt, SELECTOR_BASED, (uint32_t)based_area, area_limit, DATA, SEGMENT_32BIT);
    set(gdt, SELECTOR_EXPAND_DOWN, 0, 0xFFF, DATA | ACCESS_EXPAND_DOWN, SEGMENT_32BIT);
    set(gdt, SELECTOR_CONFORMING, 0, FLAT_LIMIT, CODE | ACCESS_CONFORMING, SEGMENT_FLAT);
    set(gdt, SELECTOR_USER_READ_ONLY, (uint32_t)second_area, area_limit, READ_ONLY | ACCESS_RING3, SEGMENT_32BIT);
    set(gdt, SELECTOR_BASED_SECOND, (uint32_t)second_area, area_limit, DATA, SEGMENT_32BIT);
    set(gdt, SELECTOR_LDT, (uint32_t)ldt, sizeof ldt - 1, ACCESS_PRESENT | SYSTEM_LDT, 0);
    set(gdt, SELECTOR_TSS, (uint32_t)&tss, sizeof tss - 1, ACCESS_PRESENT | SYSTEM_TSS, 0);
    set(gdt, SELECTOR_NOT_PRESENT_DATA, 0, FLAT_LIMIT, DATA & ~ACCESS_PRESENT, SEGMENT_FLAT);
    set(gdt, SELECTOR_NOT_PRESENT_CODE, 0, FLAT_LIMIT, CODE & ~ACCESS_PRESENT, SEGMENT_FLAT);
    set(gdt, SELECTOR_USER_CODE, 0, FLAT_LIMIT, CODE | ACCESS_RING3, SEGMENT_FLAT);
    set(gdt, SELECTOR_USER_DATA, 0, FLAT_LIMIT, DATA | ACCESS_RING3, SEGMENT_FLAT);
    set(gdt, SELECTOR_EXECUTE_ONLY, 0, FLAT_LIMIT, EXECUTE_ONLY, SEGMENT_FLAT);
    set(gdt, SELECTOR_SMALL_CODE, 0, 0xFFF, CODE, SEGMENT_32BIT);
    set(gdt, SELECTOR_BASED_CODE, BASED_CODE_BASE, FLAT_LIMIT, CODE, SEGMENT_FLAT);
    set(gdt, SELECTOR_KERNEL_CODE, 0, FLAT_LIMIT, CODE, SEGMENT_FLAT);
    set(gdt, SELECTOR_KERNEL_DATA, 0, FLAT_LIMIT, DATA, SEGMENT_FLAT);
    set(gdt, SELECTOR_CODE_ALIAS, 0, FLAT_LIMIT, CODE, SEGMENT_FLAT);
    set(gdt, SELECTOR_DATA_ALIAS, 0, FLAT_LIMIT, DATA, SEGMENT_FLAT);
    set(gdt, SELECTOR_RESERVED, 0, 0xFFF, ACCESS_PRESENT | SYSTEM_RESERVED, 0);
    set(gdt, SELECTOR_TSS16, (uint32_t)&tss, 0x2B, ACCESS_PRESENT | SYSTEM_TSS16, 0);
    set(gdt, SELECTOR_FRESH, 0, FLAT_LIMIT, DATA & ~1, SEGMENT_FLAT);

    gdt[SELECTOR_GATE / 8] =
        gate_descriptor(SELECTOR_KERNEL_CODE, gate_target, ACCESS_PRESENT | SYSTEM_CALL_GATE, 0);
    gdt[SELECTOR_USER_GATE / 8] = gate_descriptor(SELECTOR_KERNEL_CODE, gate_target_two_parameters,
                                                  ACCESS_PRESENT | ACCESS_RING3 | SYSTEM_CALL_GATE, 2);
    gdt[SELECTOR_TASK_GATE / 8] = gate_descriptor(SELECTOR_TSS, 0, ACCESS_PRESENT | SYSTEM_TASK_GATE, 0);
    gdt[SELECTOR_INTERRUPT_GATE / 8] =
        gate_descriptor(SELECTOR_KERNEL_CODE, gate_target, ACCESS_PRESENT | SYSTEM_INTERRUPT_GATE, 0);
}

static void fill_ldt(void)
{
    const uint32_t area_limit = sizeof local_area - 1;
    set(ldt, SELECTOR_LOCAL_DATA, (uint32_t)local_area, area_limit, DATA, SEGMENT_32BIT);
    set(ldt, SELECTOR_LOCAL_CODE, 0, FLAT_LIMIT, CODE, SEGMENT_FLAT);
    set(ldt, SELECTOR_LOCAL_READ_ONLY, (uint32_t)local_area, area_limit, READ_ONLY, SEGMENT_32BIT);
    set(ldt, SELECTOR_LOCAL_USER, (uint32_t)local_area, area_limit, DATA | ACCESS_RING3, SEGMENT_32BIT);
    set(ldt, SELECTOR_LOCAL_NOT_PRESENT, 0, FLAT_LIMIT, DATA & ~ACCESS_PRESENT, SEGMENT_FLAT);
}

static void set_gate(uint32_t vector, uint16_t selector, uint32_t access)
{
    idt[vector] = gate_descriptor(selector, trap_stubs + vector * TRAP_STUB_SIZE, access, 0);
}

static void fill_idt(void)
{
    const uint32_t interrupt = ACCESS_PRESENT | SYSTEM_INTERRUPT_GATE, trap = ACCESS_PRESENT | SYSTEM_TRAP_GATE;
    for (uint32_t vector = 0; vector < TRAP_VECTORS; vector++)
        set_gate(vector, SELECTOR_KERNEL_CODE, interrupt);
    set_gate(TRAP_BREAKPOINT, SELECTOR_KERNEL_CODE, interrupt | ACCESS_RING3);
    set_gate(TRAP_OVERFLOW, SELECTOR_KERNEL_CODE, interrupt | ACCESS_RING3);
    set_gate(VECTOR_INTERRUPT_GATE, SELECTOR_KERNEL_CODE, interrupt | ACCESS_RING3);
    set_gate(VECTOR_TRAP_GATE, SELECTOR_KERNEL_CODE, trap | ACCESS_RING3);
    set_gate(VECTOR_ALIAS_GATE, SELECTOR_CODE_ALIAS, interrupt);
    set_gate(VECTOR_NOT_PRESENT, SELECTOR_KERNEL_CODE, interrupt & ~ACCESS_PRESENT);
    set_gate(VECTOR_SYSTEM_CALL, SELECTOR_KERNEL_CODE, trap | ACCESS_RING3);
}

static void fill_tss(void)
{
    tss.ss0 = SELECTOR_KERNEL_DATA;
    tss.esp0 = (uint32_t)(trap_stack + TRAP_STACK_SIZE);
    tss.io_map_base = __builtin_offsetof(struct task_state, io_map);
    for (uint32_t i = 0; i < sizeof tss.io_map; i++)
        tss.io_map[i] = 0xFF;
}

void tables_init(void)
{
    areas_reset();
    fill_gdt();
    fill_ldt();
    fill_idt();
    fill_tss();
    gdt_register = (struct table_register){ sizeof gdt - 1, (uint32_t)gdt };
    idt_register = (struct table_register){ IDT_ENTRIES * sizeof *idt - 1, (uint32_t)idt };
    asm volatile("lgdt %0\n\t"
                 "ljmp %1, $1f\n"
                 "1: movl %2, %%ds\n\t"
                 "movl %2, %%es\n\t"
                 "movl %2, %%fs\n\t"
                 "movl %2, %%gs\n\t"
                 "movl %2, %%ss\n\t"
                 "lidt %3\n\t"
                 "lldt %w4"
                 :
                 : "m"(gdt_register), "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_KERNEL_DATA), "m"(idt_register),
                   "r"(SELECTOR_LDT)
                 : "memory");
    load_task_register(SELECTOR_TSS);
}
