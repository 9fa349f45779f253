// sgdt, sidt, sldt, str and smsw: they read registers of the system, are not privileged, and so tell a deprivileged
// kernel about its host instead of itself.
#include "../lib/cpu.h"
#include "check.h"
#include "groups.h"
#include "tables.h"

#define UNTOUCHED 0xEEEEEEEE

// Six bytes are stored, the two behind them are left alone.
#define DEFINE_TABLE_STORE(instruction)                                                                \
    static union {                                                                                     \
        struct table_register value;                                                                   \
        uint32_t words[2];                                                                             \
    } instruction##_stored;                                                                            \
    static void instruction##_run(void)                                                                \
    {                                                                                                  \
        instruction##_stored.words[0] = instruction##_stored.words[1] = UNTOUCHED;                     \
        asm volatile(#instruction " %0" : "+m"(instruction##_stored));                                 \
    }                                                                                                  \
    PROBE instruction##_limit(void)                                                                    \
    {                                                                                                  \
        instruction##_run();                                                                           \
        return instruction##_stored.value.limit;                                                       \
    }                                                                                                  \
    PROBE instruction##_base(void)                                                                     \
    {                                                                                                  \
        instruction##_run();                                                                           \
        return instruction##_stored.value.base;                                                        \
    }                                                                                                  \
    PROBE instruction##_size(void)                                                                     \
    {                                                                                                  \
        instruction##_run();                                                                           \
        return instruction##_stored.words[1] >> 16;                                                    \
    }
DEFINE_TABLE_STORE(sgdt)
DEFINE_TABLE_STORE(sidt)

// A 32-bit register is cleared above bit 15, a 16-bit one leaves the upper half alone, memory always gets 16 bits
// (SDM vol. 2, SLDT and STR).
#define DEFINE_SELECTOR_STORE(instruction)                                           \
    PROBE instruction##_register32(void)                                             \
    {                                                                                \
        uint32_t saw = UNTOUCHED;                                                    \
        asm volatile(#instruction " %0" : "+r"(saw));                                \
        return saw;                                                                  \
    }                                                                                \
    PROBE instruction##_register16(void)                                             \
    {                                                                                \
        uint32_t saw = UNTOUCHED;                                                    \
        asm volatile(#instruction " %w0" : "+r"(saw));                               \
        return saw;                                                                  \
    }                                                                                \
    PROBE instruction##_memory(void)                                                 \
    {                                                                                \
        uint32_t saw = UNTOUCHED;                                                    \
        asm volatile(#instruction " %0" : "+m"(saw));                                \
        return saw;                                                                  \
    }
DEFINE_SELECTOR_STORE(sldt)
DEFINE_SELECTOR_STORE(str)
DEFINE_SELECTOR_STORE(smsw)

PROBE smsw_low_half(void)
{
    return smsw_register32() & 0xFFFF; // above bit 15 undefined (SDM vol. 2, SMSW)
}

// Two settings of CR0, so that no constant can pass for its lower half.
static uint32_t with_task_switched(probe *body)
{
    uint32_t before = read_cr0();
    write_cr0(before | CR0_TASK_SWITCHED | CR0_MONITOR_COPROCESSOR);
    uint32_t saw = body();
    write_cr0(before);
    return saw;
}

PROBE smsw_register32_changed(void)
{
    return with_task_switched(smsw_low_half);
}

PROBE smsw_register16_changed(void)
{
    return with_task_switched(smsw_register16);
}

PROBE smsw_memory_changed(void)
{
    return with_task_switched(smsw_memory);
}

void check_table_registers(void)
{
    check_value("sgdt-limit", sgdt_limit, gdt_register.limit);
    check_value("sgdt-base", sgdt_base, gdt_register.base);
    check_value("sgdt-stores-six-bytes", sgdt_size, UNTOUCHED >> 16);
    check_value("sidt-limit", sidt_limit, idt_register.limit);
    check_value("sidt-base", sidt_base, idt_register.base);
    check_value("sidt-stores-six-bytes", sidt_size, UNTOUCHED >> 16);

    const uint32_t upper = UNTOUCHED & 0xFFFF0000;
    check_value("sldt-reg32", sldt_register32, SELECTOR_LDT);
    check_value("sldt-reg16", sldt_register16, upper | SELECTOR_LDT);
    check_value("sldt-mem", sldt_memory, upper | SELECTOR_LDT);
    check_value("str-reg32", str_register32, SELECTOR_TSS);
    check_value("str-reg16", str_register16, upper | SELECTOR_TSS);
    check_value("str-mem", str_memory, upper | SELECTOR_TSS);

    uint32_t plain = read_cr0() & 0xFFFF, changed = plain | CR0_TASK_SWITCHED | CR0_MONITOR_COPROCESSOR;
    check_value("smsw-reg32", smsw_low_half, plain);
    check_value("smsw-reg16", smsw_register16, upper | plain);
    check_value("smsw-mem", smsw_memory, upper | plain);
    check_value("smsw-reg32-ts", smsw_register32_changed, changed);
    check_value("smsw-reg16-ts", smsw_register16_changed, upper | changed);
    check_value("smsw-mem-ts", smsw_memory_changed, upper | changed);
}
