// lar, lsl, verr and verw on a descriptor of each kind, at CPL 0 (SDM vol. 2, the tables under LAR and LSL). In a
// deprivileged kernel they ask about the host's tables, silently.
#include "check.h"
#include "groups.h"
#include "tables.h"

#define REFUSED 0xDEADBEEF // ZF clear: the destination keeps this

static uint32_t asked; // the selector under test

PROBE lar32(void)
{
    uint32_t saw = REFUSED;
    asm volatile("larl %1, %0" : "+r"(saw) : "r"(asked) : "cc");
    return saw == REFUSED ? saw : saw & 0x00F0FF00; // bits 19 to 16 are undefined
}

PROBE lar16(void)
{
    uint32_t saw = REFUSED;
    asm volatile("larw %w1, %w0" : "+r"(saw) : "r"(asked) : "cc");
    return saw;
}

PROBE lar_memory(void)
{
    uint32_t saw = REFUSED;
    asm volatile("larl %1, %0" : "+r"(saw) : "m"(asked) : "cc");
    return saw == REFUSED ? saw : saw & 0x00F0FF00;
}

PROBE lsl32(void)
{
    uint32_t saw = REFUSED;
    asm volatile("lsll %1, %0" : "+r"(saw) : "r"(asked) : "cc");
    return saw;
}

PROBE lsl16(void)
{
    uint32_t saw = REFUSED;
    asm volatile("lslw %w1, %w0" : "+r"(saw) : "r"(asked) : "cc");
    return saw;
}

// Asked once with ZF set and once with ZF clear before, so that an instruction that does nothing is seen.
#define DEFINE_VERIFY(instruction)                                                                            \
    PROBE instruction(void)                                                                                   \
    {                                                                                                         \
        uint8_t from_set, from_clear;                                                                         \
        asm volatile("cmpl %%esp, %%esp; " #instruction " %w1; setz %0" : "=q"(from_set) : "r"(asked) : "cc"); \
        asm volatile("testl %%esp, %%esp; " #instruction " %w1; setz %0" : "=q"(from_clear) : "r"(asked) : "cc"); \
        return from_set << 1 | from_clear;                                                                    \
    }
DEFINE_VERIFY(verr)
DEFINE_VERIFY(verw)

enum { NO = 0, YES = 3 };

static const struct {
    const char *name;
    uint32_t selector, access_rights, limit, readable, writable;
} kinds[] = {
    { "-kernel-code", SELECTOR_KERNEL_CODE, 0x00C09B00, 0xFFFFFFFF, YES, NO },
    { "-kernel-data", SELECTOR_KERNEL_DATA, 0x00C09300, 0xFFFFFFFF, YES, YES },
    { "-user-code", SELECTOR_USER_CODE, 0x00C0FB00, 0xFFFFFFFF, YES, NO },
    { "-user-data", SELECTOR_USER_DATA, 0x00C0F300, 0xFFFFFFFF, YES, YES },
    { "-user-data-rpl-0", SELECTOR_USER_DATA & ~3, 0x00C0F300, 0xFFFFFFFF, YES, YES },
    { "-kernel-data-rpl-3", SELECTOR_KERNEL_DATA | 3, REFUSED, REFUSED, NO, NO },
    { "-kernel-code-rpl-3", SELECTOR_KERNEL_CODE | 3, REFUSED, REFUSED, NO, NO },
    { "-conforming-rpl-3", SELECTOR_CONFORMING | 3, 0x00C09F00, 0xFFFFFFFF, YES, NO },
    { "-user-read-only", SELECTOR_USER_READ_ONLY, 0x0040F100, sizeof second_area - 1, YES, NO },
    { "-based", SELECTOR_BASED, 0x00409300, sizeof based_area - 1, YES, YES },
    { "-expand-down", SELECTOR_EXPAND_DOWN, 0x00409700, 0xFFF, YES, YES },
    { "-execute-only", SELECTOR_EXECUTE_ONLY, 0x00C09900, 0xFFFFFFFF, NO, NO },
    { "-small-code", SELECTOR_SMALL_CODE, 0x00409B00, 0xFFF, YES, NO },
    { "-not-present-data", SELECTOR_NOT_PRESENT_DATA, 0x00C01300, 0xFFFFFFFF, YES, YES },
    { "-null", 0, REFUSED, REFUSED, NO, NO },
    { "-null-rpl-3", 3, REFUSED, REFUSED, NO, NO },
    { "-ldt", SELECTOR_LDT, 0x00008200, sizeof ldt - 1, NO, NO },
    { "-tss-busy", SELECTOR_TSS, 0x00008B00, sizeof tss - 1, NO, NO },
    { "-tss16", SELECTOR_TSS16, 0x00008100, 0x2B, NO, NO },
    { "-call-gate", SELECTOR_GATE, 0, REFUSED, NO, NO },
    { "-task-gate", SELECTOR_TASK_GATE, 0x00008500, REFUSED, NO, NO },
    { "-interrupt-gate", SELECTOR_INTERRUPT_GATE, REFUSED, REFUSED, NO, NO },
    { "-reserved-type", SELECTOR_RESERVED, REFUSED, REFUSED, NO, NO },
    { "-beyond-gdt", SELECTOR_BEYOND, REFUSED, REFUSED, NO, NO },
    { "-local-data", SELECTOR_LOCAL_DATA, 0x00409300, sizeof local_area - 1, YES, YES },
    { "-local-code", SELECTOR_LOCAL_CODE, 0x00C09B00, 0xFFFFFFFF, YES, NO },
    { "-local-read-only", SELECTOR_LOCAL_READ_ONLY, 0x00409100, sizeof local_area - 1, YES, NO },
    { "-local-user", SELECTOR_LOCAL_USER, 0x0040F300, sizeof local_area - 1, YES, YES },
    { "-local-unused", 4, REFUSED, REFUSED, NO, NO },
    { "-local-beyond", SELECTOR_LOCAL_BEYOND, REFUSED, REFUSED, NO, NO },
};

void check_descriptor_queries(void)
{
    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        asked = kinds[i].selector;
        uint32_t rights = kinds[i].access_rights;
        if (asked == SELECTOR_GATE) // a gate's upper word also holds part of its offset
            rights = gdt[SELECTOR_GATE / 8].high & 0x00F0FF00;
        check_value(name_of("lar", kinds[i].name), lar32, rights);
        check_value(name_of("lsl", kinds[i].name), lsl32, kinds[i].limit);
        check_value(name_of("verr", kinds[i].name), verr, kinds[i].readable);
        check_value(name_of("verw", kinds[i].name), verw, kinds[i].writable);
    }
    asked = SELECTOR_BASED;
    check_value("lar-reg16", lar16, (REFUSED & 0xFFFF0000) | 0x9300);
    check_value("lar-mem", lar_memory, 0x00409300);
    check_value("lsl-reg16", lsl16, (REFUSED & 0xFFFF0000) | (sizeof based_area - 1));
}
