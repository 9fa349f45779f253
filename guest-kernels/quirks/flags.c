// pushf and popf, which fail silently outside ring 0, with cli and sti, which do not. Whether an interrupt really
// comes or stays away is checked in hardware_interrupts.c.
#include "../lib/cpu.h"
#include "check.h"
#include "groups.h"

enum { SYSTEM_FLAGS = EFLAGS_INTERRUPT | EFLAGS_IOPL };

static inline uint32_t push_flags(void)
{
    uint32_t flags;
    asm volatile("pushfl; popl %0" : "=r"(flags));
    return flags;
}

static inline void pop_flags(uint32_t flags)
{
    asm volatile("pushl %0; popfl" : : "r"(flags) : "cc", "memory");
}

static inline uint32_t push_flags16(void)
{
    uint32_t flags = 0;
    asm volatile("pushfw; popw %w0" : "+r"(flags));
    return flags;
}

static inline void pop_flags16(uint32_t flags)
{
    asm volatile("pushw %w0; popfw" : : "r"(flags) : "cc", "memory");
}

// Sets flags with popf, reads them with pushf, and leaves them at rest.
static uint32_t through_flags(uint32_t flags)
{
    pop_flags(flags);
    uint32_t saw = push_flags();
    pop_flags(EFLAGS_FIXED);
    interrupts_off();
    return saw;
}

PROBE pushf_after_cli(void)
{
    interrupts_off();
    return push_flags() & SYSTEM_FLAGS;
}

PROBE pushf_after_sti(void)
{
    interrupts_on();
    uint32_t saw = push_flags() & SYSTEM_FLAGS;
    interrupts_off();
    return saw;
}

PROBE pushfw_after_cli(void)
{
    interrupts_off();
    return push_flags16() & SYSTEM_FLAGS;
}

PROBE pushfw_after_sti(void)
{
    interrupts_on();
    uint32_t saw = push_flags16() & SYSTEM_FLAGS;
    interrupts_off();
    return saw;
}

PROBE pushf_fixed_bits(void)
{
    return push_flags() & 0xFFC3802A; // reserved bits and VM, RF: only bit 1 is set (SDM vol. 1, 3.4.3)
}

PROBE popf_sets_if(void)
{
    return through_flags(EFLAGS_FIXED | EFLAGS_INTERRUPT) & SYSTEM_FLAGS;
}

PROBE popf_clears_if(void)
{
    interrupts_on();
    return through_flags(EFLAGS_FIXED) & SYSTEM_FLAGS;
}

PROBE popf_sets_iopl(void)
{
    return through_flags(EFLAGS_FIXED | EFLAGS_IOPL) & SYSTEM_FLAGS;
}

PROBE popf_sets_iopl_1(void)
{
    return through_flags(EFLAGS_FIXED | 0x1000 | EFLAGS_INTERRUPT) & SYSTEM_FLAGS;
}

PROBE popf_clears_iopl(void)
{
    pop_flags(EFLAGS_FIXED | EFLAGS_IOPL);
    return through_flags(EFLAGS_FIXED) & SYSTEM_FLAGS;
}

PROBE popf_arithmetic(void)
{
    return through_flags(EFLAGS_FIXED | 0xCD5) & 0xCD5; // CF PF AF ZF SF DF OF
}

PROBE popf_clears_arithmetic(void)
{
    pop_flags(EFLAGS_FIXED | 0xCD5);
    return through_flags(EFLAGS_FIXED) & 0xCD5;
}

PROBE popf_id(void)
{
    return through_flags(EFLAGS_FIXED | EFLAGS_ID) & EFLAGS_ID;
}

PROBE popfw_sets_if_and_iopl(void)
{
    pop_flags16(EFLAGS_FIXED | EFLAGS_IOPL | EFLAGS_INTERRUPT);
    uint32_t saw = push_flags16() & SYSTEM_FLAGS;
    pop_flags16(EFLAGS_FIXED);
    interrupts_off();
    return saw;
}

PROBE popfw_keeps_upper_half(void)
{
    pop_flags(EFLAGS_FIXED | EFLAGS_ID);
    pop_flags16(EFLAGS_FIXED);
    uint32_t saw = push_flags() & EFLAGS_ID;
    pop_flags(EFLAGS_FIXED);
    return saw;
}

PROBE cli_keeps_arithmetic(void)
{
    uint32_t saw;
    asm volatile("stc; std; sti; cli; pushfl; popl %0; cld" : "=r"(saw) : : "cc");
    return saw & (EFLAGS_CARRY | EFLAGS_DIRECTION | EFLAGS_INTERRUPT);
}

void check_flags(void)
{
    check_value("pushf-after-cli", pushf_after_cli, 0);
    check_value("pushf-after-sti", pushf_after_sti, EFLAGS_INTERRUPT);
    check_value("pushfw-after-cli", pushfw_after_cli, 0);
    check_value("pushfw-after-sti", pushfw_after_sti, EFLAGS_INTERRUPT);
    check_value("pushf-fixed-bits", pushf_fixed_bits, EFLAGS_FIXED);
    check_value("popf-sets-if", popf_sets_if, EFLAGS_INTERRUPT);
    check_value("popf-clears-if", popf_clears_if, 0);
    check_value("popf-sets-iopl-3", popf_sets_iopl, EFLAGS_IOPL);
    check_value("popf-sets-iopl-1-and-if", popf_sets_iopl_1, 0x1000 | EFLAGS_INTERRUPT);
    check_value("popf-clears-iopl", popf_clears_iopl, 0);
    check_value("popf-sets-arithmetic-flags", popf_arithmetic, 0xCD5);
    check_value("popf-clears-arithmetic-flags", popf_clears_arithmetic, 0);
    check_value("popf-toggles-id", popf_id, EFLAGS_ID);
    check_value("popfw-sets-if-and-iopl", popfw_sets_if_and_iopl, SYSTEM_FLAGS);
    check_value("popfw-keeps-upper-half", popfw_keeps_upper_half, EFLAGS_ID);
    check_value("cli-keeps-arithmetic-flags", cli_keeps_arithmetic, EFLAGS_CARRY | EFLAGS_DIRECTION);
}
