// Segment limits and types on each access, run with `limits` on the command line: hardware enforces them (SDM vol. 3,
// 5.3 and 5.5), QEMU's TCG does not.
#include "../lib/trap.h"
#include "check.h"
#include "groups.h"
#include "tables.h"

#define DEFINE_LIMIT(name, setup, access)                                                    \
    extern const char at_##name[];                                                           \
    PROBE name(void)                                                                         \
    {                                                                                        \
        asm volatile(setup "at_" #name ": " access                                           \
                     :                                                                       \
                     : [based] "r"(SELECTOR_BASED), [down] "r"(SELECTOR_EXPAND_DOWN),        \
                       [constant] "r"(SELECTOR_LOCAL_READ_ONLY), [null] "r"(0)               \
                     : "eax", "edi", "cc", "memory");                                        \
        return 0;                                                                            \
    }
DEFINE_LIMIT(read_past, "movl %[based], %%fs;", "movl %%fs:64, %%eax")
DEFINE_LIMIT(read_across, "movl %[based], %%fs;", "movl %%fs:61, %%eax")
DEFINE_LIMIT(write_past, "movl %[based], %%gs;", "movl %%eax, %%gs:64")
DEFINE_LIMIT(string_past, "movl %[based], %%es; movl $64, %%edi;", "stosb")
DEFINE_LIMIT(down_inside, "movl %[down], %%fs;", "movl %%fs:0xFFC, %%eax")
DEFINE_LIMIT(write_constant, "movl %[constant], %%fs;", "movl %%eax, %%fs:0")
DEFINE_LIMIT(write_code, "", "movl %%eax, %%cs:based_area")
DEFINE_LIMIT(read_null, "movl %[null], %%fs;", "movl %%fs:based_area, %%eax")
DEFINE_LIMIT(write_null, "movl %[null], %%gs;", "movl %%eax, %%gs:based_area")

PROBE last_word(void)
{
    uint32_t saw;
    asm volatile("movl %1, %%fs; movl %%fs:60, %0" : "=r"(saw) : "r"(SELECTOR_BASED) : "memory");
    return saw;
}

PROBE down_outside(void)
{
    uint32_t saw;
    asm volatile("movl %1, %%fs; movl %%fs:based_area, %0" : "=r"(saw) : "r"(SELECTOR_EXPAND_DOWN) : "memory");
    return saw;
}

void check_limits(void)
{
    check_value("limit-last-word", last_word, BASED_MARK + 15);
    check_value("limit-expand-down-above", down_outside, BASED_MARK);
    check_trap("limit-read-past", read_past, TRAP_PROTECTION, 0, at_read_past);
    check_trap("limit-read-across", read_across, TRAP_PROTECTION, 0, at_read_across);
    check_trap("limit-write-past", write_past, TRAP_PROTECTION, 0, at_write_past);
    check_trap("limit-stos-past", string_past, TRAP_PROTECTION, 0, at_string_past);
    check_trap("limit-expand-down-below", down_inside, TRAP_PROTECTION, 0, at_down_inside);
    check_trap("limit-write-read-only", write_constant, TRAP_PROTECTION, 0, at_write_constant);
    check_trap("limit-write-code", write_code, TRAP_PROTECTION, 0, at_write_code);
    check_trap("limit-read-null", read_null, TRAP_PROTECTION, 0, at_read_null);
    check_trap("limit-write-null", write_null, TRAP_PROTECTION, 0, at_write_null);
}
