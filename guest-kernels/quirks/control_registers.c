// lmsw, clts, and moves to and from control and debug registers: what was written is read back, and has its effect.
#include "../lib/cpu.h"
#include "../lib/paging.h"
#include "../lib/trap.h"
#include "check.h"
#include "groups.h"

enum { LOW_BITS = 0xE }; // MP, EM, TS: what lmsw can change both ways

static uint32_t with_cr0(uint32_t set)
{
    uint32_t before = read_cr0();
    write_cr0(before | set);
    uint32_t saw = read_cr0();
    write_cr0(before);
    return saw & set;
}

PROBE cr0_low_bits(void)
{
    return with_cr0(LOW_BITS);
}

PROBE cr0_numeric_error(void)
{
    return with_cr0(0x20);
}

PROBE cr0_alignment_mask(void)
{
    return with_cr0(CR0_ALIGNMENT_MASK);
}

PROBE cr0_fixed(void)
{
    return read_cr0() & 0x80010011; // PG, WP, ET, PE
}

PROBE cr0_restored(void)
{
    with_cr0(LOW_BITS);
    return read_cr0() & LOW_BITS;
}

PROBE lmsw_sets(void)
{
    uint32_t before = read_cr0();
    asm volatile("lmsw %w0" : : "r"(before | CR0_TASK_SWITCHED | CR0_MONITOR_COPROCESSOR) : "memory");
    uint32_t saw = read_cr0();
    write_cr0(before);
    return saw & LOW_BITS;
}

PROBE lmsw_memory(void)
{
    uint32_t before = read_cr0();
    uint16_t operand = (uint16_t)(before | CR0_TASK_SWITCHED);
    asm volatile("lmsw %0" : : "m"(operand) : "memory");
    uint32_t saw = read_cr0();
    write_cr0(before);
    return saw & LOW_BITS;
}

PROBE lmsw_keeps_protection(void)
{
    uint32_t before = read_cr0();
    asm volatile("lmsw %w0" : : "r"(0) : "memory"); // cannot clear PE (SDM vol. 2, LMSW)
    uint32_t saw = read_cr0();
    write_cr0(before);
    return saw & 0x80010001;
}

PROBE clts_clears(void)
{
    write_cr0(read_cr0() | CR0_TASK_SWITCHED);
    asm volatile("clts");
    return read_cr0() & CR0_TASK_SWITCHED;
}

PROBE clts_lets_coprocessor_run(void)
{
    uint16_t control = 0;
    write_cr0(read_cr0() | CR0_TASK_SWITCHED);
    asm volatile("clts; fninit; fnstcw %0" : "=m"(control));
    return control;
}

PROBE cr2_reads_back(void)
{
    write_cr2(0xCAFE1234);
    return read_cr2();
}

PROBE cr3_reads_back(void)
{
    return read_cr3();
}

PROBE cr3_cache_bits(void)
{
    uint32_t before = read_cr3();
    write_cr3(before | 0x18); // PCD, PWT
    uint32_t saw = read_cr3();
    write_cr3(before);
    return saw & 0xFFFFF018;
}

PROBE cr4_reads_back(void)
{
    uint32_t before = read_cr4();
    write_cr4(before | CR4_TIME_STAMP_DISABLE | CR4_PAGE_SIZE_EXTENSIONS);
    uint32_t with = read_cr4();
    write_cr4(before & ~(CR4_TIME_STAMP_DISABLE | CR4_PAGE_SIZE_EXTENSIONS));
    uint32_t without = read_cr4();
    write_cr4(before);
    return (with & 0x14) << 8 | (without & 0x14);
}

PROBE mov_cr_any_register(void)
{
    uint32_t before = read_cr0(), saw;
    asm volatile("movl %1, %%edi; orl $8, %%edi; movl %%edi, %%cr0; movl %%cr0, %%esi; movl %1, %%cr0; movl %%esi, %0"
                 : "=a"(saw)
                 : "d"(before)
                 : "esi", "edi", "cc", "memory");
    return saw & LOW_BITS;
}

#define DEFINE_DEBUG_REGISTER(number, value)                                                                 \
    PROBE debug_register_##number(void)                                                                      \
    {                                                                                                        \
        uint32_t saw;                                                                                        \
        asm volatile("movl %1, %%db" #number "; movl %%db" #number ", %0" : "=&r"(saw) : "r"(value));        \
        asm volatile("movl %0, %%db" #number : : "r"(0));                                                    \
        return saw;                                                                                          \
    }
DEFINE_DEBUG_REGISTER(0, 0x11111110)
DEFINE_DEBUG_REGISTER(1, 0x22222220)
DEFINE_DEBUG_REGISTER(2, 0x33333330)
DEFINE_DEBUG_REGISTER(3, 0x44444440)
DEFINE_DEBUG_REGISTER(6, 0)
DEFINE_DEBUG_REGISTER(7, 0x400)

void check_control_registers(void)
{
    check_value("mov-cr0-low-bits", cr0_low_bits, LOW_BITS);
    check_value("mov-cr0-ne", cr0_numeric_error, 0x20);
    check_value("mov-cr0-am", cr0_alignment_mask, CR0_ALIGNMENT_MASK);
    check_value("mov-cr0-mode-bits", cr0_fixed, 0x80010011);
    check_value("mov-cr0-restored", cr0_restored, 0);
    check_value("mov-cr0-any-register", mov_cr_any_register, CR0_TASK_SWITCHED);
    check_value("lmsw-reg", lmsw_sets, CR0_TASK_SWITCHED | CR0_MONITOR_COPROCESSOR);
    check_value("lmsw-mem", lmsw_memory, CR0_TASK_SWITCHED);
    check_value("lmsw-keeps-pe", lmsw_keeps_protection, 0x80010001);
    check_value("clts", clts_clears, 0);
    check_value("clts-fpu", clts_lets_coprocessor_run, 0x37F);
    check_value("mov-cr2", cr2_reads_back, 0xCAFE1234);
    check_value("mov-cr3", cr3_reads_back, (uint32_t)page_directory);
    check_value("mov-cr3-cache-bits", cr3_cache_bits, (uint32_t)page_directory | 0x18);
    check_value("mov-cr4", cr4_reads_back, 0x1400);
    check_value("mov-dr0", debug_register_0, 0x11111110);
    check_value("mov-dr1", debug_register_1, 0x22222220);
    check_value("mov-dr2", debug_register_2, 0x33333330);
    check_value("mov-dr3", debug_register_3, 0x44444440);
    check_value("mov-dr6-fixed-bits", debug_register_6, 0xFFFF0FF0);
    check_value("mov-dr7-fixed-bits", debug_register_7, 0x400);
}
