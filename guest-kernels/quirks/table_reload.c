// lgdt, lidt, lldt and ltr: the new table counts from the next use on, and a used task state is busy.
#include "../lib/cpu.h"
#include "../lib/trap.h"
#include "check.h"
#include "groups.h"
#include "tables.h"

static struct descriptor other_gdt[GDT_ENTRIES];
static struct descriptor other_idt[IDT_ENTRIES];
static struct descriptor other_ldt[LDT_ENTRIES];

static inline void load_gdt(const struct table_register *value)
{
    asm volatile("lgdt %0" : : "m"(*value) : "memory");
}

static inline void load_idt(const struct table_register *value)
{
    asm volatile("lidt %0" : : "m"(*value) : "memory");
}

static inline void load_ldt(uint16_t selector)
{
    asm volatile("lldt %0" : : "r"(selector) : "memory");
}

static void copy_table(struct descriptor *to, const struct descriptor *from, uint32_t entries)
{
    for (uint32_t i = 0; i < entries; i++)
        to[i] = from[i];
}

static inline uint32_t read_fs_word(uint32_t selector)
{
    uint32_t saw;
    asm volatile("movl %1, %%fs; movl %%fs:0, %0" : "=r"(saw) : "r"(selector) : "memory");
    return saw;
}

PROBE new_gdt_base(void)
{
    copy_table(other_gdt, gdt, GDT_ENTRIES);
    other_gdt[SELECTOR_BASED / 8] = gdt[SELECTOR_BASED_SECOND / 8];
    load_gdt(&(struct table_register){ sizeof other_gdt - 1, (uint32_t)other_gdt });
    uint32_t saw = read_fs_word(SELECTOR_BASED);
    load_gdt(&gdt_register);
    return saw;
}

PROBE old_gdt_base(void)
{
    return read_fs_word(SELECTOR_BASED);
}

PROBE new_gdt_stored(void)
{
    struct table_register stored = { 0 };
    load_gdt(&(struct table_register){ sizeof gdt + 7, (uint32_t)gdt });
    asm volatile("sgdt %0" : "=m"(stored));
    load_gdt(&gdt_register);
    return stored.limit;
}

extern const char bad_short_gdt[];
PROBE short_gdt(void)
{
    load_gdt(&(struct table_register){ SELECTOR_DATA_ALIAS - 1, (uint32_t)gdt });
    asm volatile("bad_short_gdt: movl %0, %%fs" : : "r"(SELECTOR_DATA_ALIAS) : "memory");
    return 0;
}

PROBE new_idt_entry(void)
{
    copy_table(other_idt, idt, IDT_ENTRIES);
    other_idt[VECTOR_INTERRUPT_GATE] = idt[VECTOR_TRAP_GATE];
    load_idt(&(struct table_register){ sizeof other_idt - 1, (uint32_t)other_idt });
    asm volatile("int %0" : : "i"(VECTOR_INTERRUPT_GATE) : "memory");
    load_idt(&idt_register);
    return last_trap.vector;
}

PROBE old_idt_entry(void)
{
    asm volatile("int %0" : : "i"(VECTOR_INTERRUPT_GATE) : "memory");
    return last_trap.vector;
}

PROBE changed_gate(void)
{
    struct descriptor before = idt[VECTOR_INTERRUPT_GATE];
    idt[VECTOR_INTERRUPT_GATE] = idt[VECTOR_TRAP_GATE];
    asm volatile("int %0" : : "i"(VECTOR_INTERRUPT_GATE) : "memory");
    idt[VECTOR_INTERRUPT_GATE] = before;
    return last_trap.vector;
}

PROBE changed_descriptor(void)
{
    struct descriptor before = gdt[SELECTOR_BASED / 8];
    gdt[SELECTOR_BASED / 8] = gdt[SELECTOR_BASED_SECOND / 8];
    uint32_t saw = read_fs_word(SELECTOR_BASED); // loaded anew: a table in memory needs no lgdt
    gdt[SELECTOR_BASED / 8] = before;
    return saw;
}

PROBE changed_local_descriptor(void)
{
    struct descriptor before = ldt[SELECTOR_LOCAL_DATA / 8];
    ldt[SELECTOR_LOCAL_DATA / 8] = gdt[SELECTOR_BASED_SECOND / 8];
    uint32_t saw = read_fs_word(SELECTOR_LOCAL_DATA);
    ldt[SELECTOR_LOCAL_DATA / 8] = before;
    return saw;
}

PROBE new_ldt(void)
{
    struct descriptor before = gdt[SELECTOR_LDT / 8];
    copy_table(other_ldt, ldt, LDT_ENTRIES);
    other_ldt[SELECTOR_LOCAL_DATA / 8] = gdt[SELECTOR_BASED / 8];
    gdt[SELECTOR_LDT / 8] =
        segment_descriptor((uint32_t)other_ldt, sizeof other_ldt - 1, ACCESS_PRESENT | SYSTEM_LDT, 0);
    load_ldt(SELECTOR_LDT);
    uint32_t saw = read_fs_word(SELECTOR_LOCAL_DATA);
    gdt[SELECTOR_LDT / 8] = before;
    load_ldt(SELECTOR_LDT);
    return saw;
}

PROBE null_ldt_stored(void)
{
    uint32_t saw = 0xFFFFFFFF;
    load_ldt(0);
    asm volatile("sldt %0" : "+r"(saw));
    load_ldt(SELECTOR_LDT);
    return saw;
}

extern const char bad_null_ldt[], bad_ltr_busy[], bad_lldt[];
PROBE null_ldt_used(void)
{
    load_ldt(0);
    asm volatile("bad_null_ldt: movl %0, %%fs" : : "r"(SELECTOR_LOCAL_DATA) : "memory");
    return 0;
}

PROBE load_busy_task(void)
{
    asm volatile("bad_ltr_busy: ltr %w0" : : "r"(SELECTOR_TSS) : "memory");
    return 0;
}

PROBE load_ldt_of_data(void)
{
    asm volatile("bad_lldt: lldt %w0" : : "r"(SELECTOR_KERNEL_DATA) : "memory");
    return 0;
}

PROBE task_reloaded(void)
{
    uint32_t saw;
    gdt[SELECTOR_TSS / 8].high &= ~0x200u; // SDM vol. 3, 8.2.2: the busy bit
    load_task_register(SELECTOR_TSS);
    asm volatile("str %0" : "=r"(saw));
    return (gdt[SELECTOR_TSS / 8].high >> 8 & 0xF) << 16 | saw;
}

void check_table_reload(void)
{
    check_value("lgdt-new-base", new_gdt_base, SECOND_MARK);
    check_value("lgdt-back", old_gdt_base, BASED_MARK);
    check_value("lgdt-sgdt", new_gdt_stored, sizeof gdt + 7);
    check_trap("lgdt-limit", short_gdt, 13, SELECTOR_DATA_ALIAS, bad_short_gdt);
    load_gdt(&gdt_register);
    check_value("lidt-new-gate", new_idt_entry, VECTOR_TRAP_GATE);
    check_value("lidt-back", old_idt_entry, VECTOR_INTERRUPT_GATE);
    check_value("gate-changed-in-place", changed_gate, VECTOR_TRAP_GATE);
    check_value("descriptor-changed-in-place", changed_descriptor, SECOND_MARK);
    check_value("local-descriptor-changed-in-place", changed_local_descriptor, SECOND_MARK);
    check_value("lldt-new-table", new_ldt, BASED_MARK);
    check_value("lldt-null-sldt", null_ldt_stored, 0);
    check_trap("lldt-null-used", null_ldt_used, 13, SELECTOR_LOCAL_DATA, bad_null_ldt);
    load_ldt(SELECTOR_LDT);
    check_trap("lldt-data", load_ldt_of_data, 13, SELECTOR_KERNEL_DATA, bad_lldt);
    check_trap("ltr-busy", load_busy_task, 13, SELECTOR_TSS, bad_ltr_busy);
    check_value("ltr-sets-busy", task_reloaded, SYSTEM_TSS_BUSY << 16 | SELECTOR_TSS);
}
